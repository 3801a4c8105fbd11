// One list of fields per type serves both directions: `code` is a Writer (fields const) or a Reader.

#include "ledger/entry.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <map>
#include <type_traits>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"
#include "admission/vocabulary/checked.h"

namespace penstock::ledger {
namespace {

__extension__ typedef unsigned __int128 UnsignedInt128;

constexpr size_t kMaxCurrencyBytes = 3;

template <class T, class Named>
concept Is = std::same_as<std::remove_const_t<T>, Named>;

constexpr auto kByPlace = [](auto& table, size_t i) -> auto& { return table[i]; };

template <class Tag>
void Fields(Id<Tag>& id, auto& code) {
  code(id.value);
}
template <class Tag>
void Fields(const Id<Tag>& id, auto& code) {
  code(id.value);
}

void Fields(Is<GrantId> auto& id, auto& code) { code(id.epoch, id.sequence); }

void Fields(Is<GrantTerms> auto& t, auto& code) { code(t.tenant, t.key, t.pool, t.served, t.tariff, t.posted); }

void Fields(Is<Label> auto& label, auto& code) {
  code.Text(label.first, kMaxLabelBytes);
  code.Text(label.second, kMaxLabelBytes);
}

void Fields(Is<Ratio> auto& r, auto& code) { code(r.numerator, r.denominator); }

void Fields(Is<PriceStep> auto& s, auto& code) { code(s.up_to, s.factor); }

void Fields(Is<TokenRule> auto& r, auto& code) {
  code(r.classes, r.kinds, r.volume);
  code.List(r.steps, kMaxTariffItems);
  code.List(r.by_band, kMaxTariffItems);
}

void Fields(Is<Coupling> auto& c, auto& code) { code(c.classes, c.factor, c.step); }

void Fields(Is<DemandStep> auto& s, auto& code) { code(s.up_to, s.price); }

void Fields(Is<Ratchet> auto& r, auto& code) {
  code(r.look_back);
  code.Table(r.percent, kMonths, kByPlace);
  code.Table(r.own_percent, kMonths, kByPlace);
  code(r.minimum);
}

void Fields(Is<Contracted> auto& c, auto& code) { code(c.low_percent, c.high_percent, c.excess); }

void Fields(Is<DemandCharge> auto& d, auto& code) {
  code.Text(d.name, kMaxNameBytes);
  code(d.rule, d.windows, d.percentile, d.n, d.apart, d.season, d.band);
  code.List(d.steps, kMaxTariffItems);
  code(d.ratchet, d.contracted);
}

void Fields(Is<ProvisionedUnit> auto& u, auto& code) {
  code(u.price, u.span_hours, u.input_per_minute, u.output_per_minute);
}

void Fields(Is<WindowCommitment> auto& c, auto& code) { code(c.price, c.overage, c.tiers); }

void Fields(Is<ServiceCreditStep> auto& s, auto& code) { code(s.below, s.percent); }

void Fields(Is<ServiceLevel> auto& l, auto& code) {
  code(l.queue_delay, l.time_to_first_token, l.output_per_second);
  code.List(l.credits, kMaxTariffItems);
}

void Fields(Is<PoolPrices> auto& p, auto& code) {
  code.Text(p.pool, kMaxNameBytes);
  code.Table(p.by_class, kServiceClassCount, kByPlace);
  code.List(p.token_rules, kMaxTariffItems);
  code(p.coupling);
  code.List(p.demand, kMaxTariffItems);
  code(p.capacity_price, p.unit, p.commitment, p.service_level);
}

void Fields(Is<ZoneShift> auto& s, auto& code) { code(s.from, s.offset_seconds); }

void Fields(Is<Calendar> auto& c, auto& code) {
  code.Text(c.zone, kMaxNameBytes);
  code.List(c.shifts, kMaxZoneShifts);
  code.Names(c.bands, kMaxTariffItems);
  code.Table(c.band_of_hour, kHoursOfWeek, kByPlace);
  code.Names(c.seasons, kMaxTariffItems);
  code.Table(c.season_of_month, kMonths, kByPlace);
}

void Fields(Is<Seat> auto& s, auto& code) {
  code.Text(s.name, kMaxNameBytes);
  code(s.price, s.included);
}

void Fields(Is<OutcomePrice> auto& o, auto& code) {
  code.Text(o.name, kMaxNameBytes);
  code(o.price);
}

void Fields(Is<Tariff> auto& t, auto& code) {
  code.Text(t.version, kMaxNameBytes);
  code.Text(t.currency, kMaxCurrencyBytes);
  code(t.effective, t.rounding, t.rounding_unit);
  code.List(t.pools, kMaxPricedPools);
  code(t.calendar);
  code.List(t.seats, kMaxTariffItems);
  code.List(t.outcomes, kMaxTariffItems);
}

void Fields(Is<BootEntry> auto& e, auto& code) { code(e.epoch, e.at); }

void Fields(Is<StopEntry> auto& e, auto& code) { code(e.epoch, e.at); }

void Fields(Is<NameEntry> auto& e, auto& code) {
  code(e.kind, e.id, e.owner);
  code.Text(e.name, kMaxNameBytes);
}

void Fields(Is<TariffEntry> auto& e, auto& code) { code(e.id, e.tariff); }

void Fields(Is<GrantEntry> auto& e, auto& code) {
  code(e.id, e.terms, e.at);
  code.Since(e.at, e.lease_deadline, e.settle_deadline);
  code(e.estimate, e.work, e.output_cap, e.hold);
  code.Text(e.request_id, kMaxRequestIdBytes);
  code(e.body);
  code.Text(e.run, kMaxRunBytes);
  code.List(e.labels, kMaxLabels);
  code(e.reservation, e.queued);
}

void Fields(Is<ProgressEntry> auto& e, auto& code) {
  code(e.id, e.at, e.so_far);
  code.Since(e.at, e.lease_deadline, e.settle_deadline);
  code(e.output_cap, e.hold);
  code.WorkDone(e.at, e.attributions, kMaxAttributions);
}

void Fields(Is<SettleEntry> auto& e, auto& code) {
  code(e.id, e.terms, e.at, e.outcome, e.billed, e.tokens, e.unbilled, e.work, e.charge, e.body);
  code.WorkDone(e.at, e.attributions, kMaxAttributions);
  code(e.first_token, e.generating);
}

void Fields(Is<VoidEntry> auto& e, auto& code) { code(e.id, e.at, e.reason); }

void Fields(Is<ExpireEntry> auto& e, auto& code) { code(e.id, e.at); }

void Fields(Is<rating::Reservation> auto& r, auto& code) {
  code.Text(r.pool, kMaxNameBytes);
  code(r.rate, r.from, r.to);
}

void Fields(Is<rating::Provision> auto& p, auto& code) { code(p.units, p.input_per_minute, p.output_per_minute); }

void Fields(Is<rating::Credit> auto& c, auto& code) {
  code.Text(c.name, kMaxNameBytes);
  code(c.kind, c.amount, c.priority, c.granted, c.expires);
}

void Fields(Is<SubscriptionEntry> auto& e, auto& code) {
  auto& terms = e.terms;
  code(e.tenant, e.at, terms.from, terms.until);
  code.Map(terms.seats, kMaxSubscribed);
  code.List(terms.reservations, kMaxSubscribed);
  code.Map(terms.provisions, kMaxSubscribed);
  code.Map(terms.contracted, kMaxSubscribed);
  code.Map(terms.committed_per_window, kMaxSubscribed);
  code(terms.minimum);
}

void Fields(Is<CreditEntry> auto& e, auto& code) {
  code(e.id, e.tenant, e.at);
  code.Text(e.currency, kMaxCurrencyBytes);
  code(e.credit);
}

void Fields(Is<CreditUse> auto& u, auto& code) { code(u.credit, u.amount); }

void Fields(Is<rating::Line> auto& l, auto& code) {
  code(l.kind);
  code.Text(l.description, kMaxDescriptionBytes);
  code.Text(l.pool, kMaxNameBytes);
  code.Text(l.tariff, kMaxNameBytes);
  code(l.served, l.token_kind, l.quantity, l.parts, l.unit_price, l.exact, l.amount);
  code.List(l.windows, kMaxLineWindows);
  code(l.window_count, l.highest_second, l.reservation, l.effective);
}

void Fields(Is<StatementEntry> auto& e, auto& code) {
  code(e.id, e.tenant, e.tariff, e.replaces, e.at, e.from, e.to, e.posted);
  code.List(e.credits, kMaxCredits);
  code.List(e.lines, kMaxStatementLines);
}

void Fields(Is<RollUpEntry> auto& e, auto& code) { code(e.tenant, e.at, e.before); }

void Fields(Is<KeyProjectEntry> auto& e, auto& code) { code(e.key, e.project); }

void Fields(Is<OutcomeEntry> auto& e, auto& code) {
  code(e.id, e.tenant, e.at);
  code.Since(e.at, e.happened);
  code.Text(e.name, kMaxNameBytes);
  code(e.accepted, e.rejected);
  code.Text(e.run, kMaxRunBytes);
  code.List(e.labels, kMaxLabels);
  code(e.reverses);
  code.Text(e.request_id, kMaxRequestIdBytes);
  code(e.body);
}

void Fields(Is<BudgetOf> auto& b, auto& code) {
  code(b.tenant, b.scope, b.subject);
  code.Text(b.run, kMaxRunBytes);
  code(b.period, b.number);
}

void Fields(Is<AlertEntry> auto& e, auto& code) { code(e.at, e.budget, e.threshold, e.spent, e.amount); }

void Fields(Is<BudgetRaiseEntry> auto& e, auto& code) {
  code(e.id, e.at);
  code.Text(e.by, kMaxNameBytes);
  code(e.budget, e.from, e.more, e.for_good);
  code.Text(e.reason, kMaxReasonBytes);
}

void Fields(Is<BudgetChangeEntry> auto& e, auto& code) {
  code(e.id, e.at);
  code.Text(e.by, kMaxNameBytes);
  code(e.approved, e.from, e.to);
}

void Fields(Is<RunApprovalEntry> auto& e, auto& code) {
  code(e.at, e.tenant);
  code.Text(e.run, kMaxRunBytes);
  code.Text(e.by, kMaxNameBytes);
}

void Fields(Is<RateStep> auto& s, auto& code) { code(s.from, s.to, s.rate, s.unit_price); }

void Fields(Is<Envelope> auto& e, auto& code) { code(e.mean_work, e.mean_residence, e.largest_context); }

void Fields(Is<ReservationTerms> auto& t, auto& code) {
  code(t.pool, t.project, t.overrun, t.envelope);
  code.List(t.steps, kMaxSteps);
  code.Text(t.shape, kMaxShapeBytes);
}

void Fields(Is<CapacityStep> auto& s, auto& code) { code(s.from, s.capacity, s.slots, s.kv_tokens); }

void Fields(Is<PriceBasis> auto& b, auto& code) {
  code(b.floor, b.displacement, b.scarcity, b.utilisation, b.tightest, b.lead_time, b.term, b.elastic_price, b.plan);
}

void Fields(Is<Alternative> auto& a, auto& code) { code(a.kind, a.shift, a.rate, a.unit_price, a.price); }

void Fields(Is<ReservationCharge> auto& c, auto& code) { code(c.kind, c.quantity, c.unit_price, c.paid_price); }

void Fields(Is<HourDemand> auto& h, auto& code) { code(h.mean, h.deviation); }

void Fields(Is<CapacityPlanEntry> auto& e, auto& code) {
  code(e.pool, e.at, e.margin, e.standing, e.standing_slots, e.standing_kv);
  code.List(e.steps, kMaxCapacitySteps);
}

void Fields(Is<DemandPlanEntry> auto& e, auto& code) {
  code(e.id, e.pool, e.at, e.from, e.holdback_slots);
  code.List(e.hours, kMaxDemandHours);
}

void Fields(Is<PriceEntry> auto& e, auto& code) {
  code(e.id, e.pool, e.tariff, e.kind, e.tenant, e.at);
  code.Since(e.at, e.from, e.until);
  code(e.multiplier, e.utilisation, e.forecast, e.previous, e.prices);
  code.Text(e.by, kMaxNameBytes);
  code.Text(e.request_id, kMaxRequestIdBytes);
  code(e.body);
}

void Fields(Is<QuoteEntry> auto& e, auto& code) {
  code(e.id, e.tenant, e.at);
  code.Since(e.at, e.expires);
  code(e.tariff, e.terms, e.basis);
  code.List(e.alternatives, kMaxAlternatives);
  code.Text(e.by, kMaxNameBytes);
  code.Text(e.request_id, kMaxRequestIdBytes);
  code(e.body);
}

void Fields(Is<QuoteEndEntry> auto& e, auto& code) { code(e.id, e.at, e.state); }

void Fields(Is<ReservationEntry> auto& e, auto& code) {
  code(e.id, e.event, e.state, e.at, e.tenant, e.quote, e.bid, e.tariff);
  code.List(e.terms, 1);
  code.List(e.charges, kMaxReservationCharges);
  code(e.guaranteed);
  code.Text(e.by, kMaxNameBytes);
  code.Text(e.reason, kMaxReasonBytes);
  code.Text(e.request_id, kMaxRequestIdBytes);
  code(e.body);
}

void Fields(Is<DeliveryEntry> auto& e, auto& code) {
  code(e.reservation, e.at);
  code.Since(e.at, e.from, e.to);
  code(e.promised, e.guaranteed, e.delivered, e.earned, e.requests, e.late, e.slow_first, e.slow_output, e.missed,
       e.unserved, e.queued, e.longest_queued);
}

void Fields(Is<BidEntry> auto& e, auto& code) {
  code(e.id, e.tenant, e.at);
  code.Since(e.at, e.expires);
  code(e.tariff, e.terms, e.limit_price);
  code.Text(e.by, kMaxNameBytes);
  code.Text(e.request_id, kMaxRequestIdBytes);
  code(e.body);
}

void Fields(Is<BidEndEntry> auto& e, auto& code) { code(e.id, e.at, e.state); }

template <class E>
constexpr uint8_t kLast = 0;  // the highest valid value of an enum
template <>
constexpr uint8_t kLast<NameKind> = static_cast<uint8_t>(NameKind::kProject);
template <>
constexpr uint8_t kLast<ServiceClass> = static_cast<uint8_t>(ServiceClass::kReserved);
template <>
constexpr uint8_t kLast<RoundingMode> = static_cast<uint8_t>(RoundingMode::kDown);
template <>
constexpr uint8_t kLast<DemandRule> = static_cast<uint8_t>(DemandRule::kCoincident);
template <>
constexpr uint8_t kLast<Apart> = static_cast<uint8_t>(Apart::kMonth);
template <>
constexpr uint8_t kLast<Outcome> = static_cast<uint8_t>(Outcome::kCancelled);
template <>
constexpr uint8_t kLast<VoidReason> = static_cast<uint8_t>(VoidReason::kCancelled);
template <>
constexpr uint8_t kLast<rating::Credit::Kind> = static_cast<uint8_t>(rating::Credit::Kind::kPrepaid);
template <>
constexpr uint8_t kLast<rating::LineKind> = static_cast<uint8_t>(rating::kLineKindCount - 1);
template <>
constexpr uint8_t kLast<TokenKind> = static_cast<uint8_t>(kTokenKindCount - 1);

template <>
constexpr uint8_t kLast<BudgetScope> = static_cast<uint8_t>(BudgetScope::kRun);
template <>
constexpr uint8_t kLast<BudgetPeriod> = static_cast<uint8_t>(BudgetPeriod::kTotal);

template <>
constexpr uint8_t kLast<Overrun> = static_cast<uint8_t>(Overrun::kRefuse);
template <>
constexpr uint8_t kLast<QuoteState> = static_cast<uint8_t>(kQuoteStates - 1);
template <>
constexpr uint8_t kLast<ReservationState> = static_cast<uint8_t>(kReservationStates - 1);
template <>
constexpr uint8_t kLast<ReservationEvent> = static_cast<uint8_t>(kReservationEvents - 1);
template <>
constexpr uint8_t kLast<BidState> = static_cast<uint8_t>(kBidStates - 1);
template <>
constexpr uint8_t kLast<PriceKind> = static_cast<uint8_t>(PriceKind::kCap);
template <>
constexpr uint8_t kLast<Alternative::Kind> = static_cast<uint8_t>(Alternative::Kind::kLowerRate);
template <>
constexpr uint8_t kLast<ReservationCharge::Kind> = static_cast<uint8_t>(ReservationCharge::Kind::kSellBack);

constexpr auto kByKind = [](auto& table, size_t kind) -> auto& { return table[static_cast<TokenKind>(kind)]; };

/// b - a and a + b modulo 2^64: every pair of times has a distance, and gives the second one back.
int64_t Distance(Instant a, Instant b) {
  return static_cast<int64_t>(static_cast<uint64_t>(b.nanoseconds_since_epoch()) -
                              static_cast<uint64_t>(a.nanoseconds_since_epoch()));
}
Instant At(Instant a, int64_t distance) {
  return Instant(
      static_cast<int64_t>(static_cast<uint64_t>(a.nanoseconds_since_epoch()) + static_cast<uint64_t>(distance)));
}

/// Collects bytes in a small chunk, so that the string grows a few times per entry instead of at every byte.
class Writer {
 public:
  explicit Writer(std::string* out) : out_(*out) {}
  ~Writer() { Flush(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  template <class... T>
  void operator()(const T&... values) {
    (One(values), ...);
  }

  void Text(const std::string& text, size_t bound) {
    PENSTOCK_CHECK(text.size() <= bound);
    One(uint64_t{text.size()});
    Bytes(text.data(), text.size());
  }

  template <class... Instants>
  void Since(Instant base, const Instants&... times) {
    (One(Distance(base, times)), ...);
  }

  void WorkDone(Instant at, const Attributions& list, size_t bound) {
    PENSTOCK_CHECK(list.size() <= bound);
    One(uint64_t{list.size()});
    for (const Attribution& a : list) {
      Since(at, a.from, a.to);
      One(a.work);
    }
  }

  void Byte(uint8_t byte) {
    Room(1);
    chunk_[used_++] = static_cast<char>(byte);
  }

  template <class T>
  void List(const std::vector<T>& list, size_t bound) {
    PENSTOCK_CHECK(list.size() <= bound);
    One(uint64_t{list.size()});
    for (const T& item : list) One(item);
  }

  template <class T>
  void Map(const std::map<std::string, T>& map, size_t bound) {
    PENSTOCK_CHECK(map.size() <= bound);
    One(uint64_t{map.size()});
    for (const auto& [name, value] : map) {
      Text(name, kMaxNameBytes);
      One(value);
    }
  }

  void Names(const std::vector<std::string>& names, size_t bound) {
    PENSTOCK_CHECK(names.size() <= bound);
    One(uint64_t{names.size()});
    for (const std::string& name : names) Text(name, kMaxNameBytes);
  }

  template <class T, class At>
  void Table(const T& table, size_t size, At at) {
    const std::remove_cvref_t<decltype(at(table, 0))> zero{};
    while (size > 0 && at(table, size - 1) == zero) --size;
    One(uint64_t{size});
    for (size_t i = 0; i < size; ++i) One(at(table, i));
  }

 private:
  static constexpr size_t kLongestVarint = 19;  // 128 bits

  void Flush() {
    out_.append(chunk_.data(), used_);
    used_ = 0;
  }

  void Room(size_t bytes) {
    if (used_ + bytes > chunk_.size()) Flush();
  }

  void Bytes(const char* bytes, size_t size) {
    if (used_ + size > chunk_.size()) {
      Flush();
      out_.append(bytes, size);
    } else {
      std::copy_n(bytes, size, chunk_.data() + used_);
      used_ += size;
    }
  }

  template <class Unsigned>
  void Varint(Unsigned value) {
    Room(kLongestVarint);
    for (; value >= 0x80; value >>= 7) chunk_[used_++] = static_cast<char>(static_cast<uint8_t>(value & 0x7f) | 0x80);
    chunk_[used_++] = static_cast<char>(value);
  }

  void One(const uint32_t& value) { Varint<uint64_t>(value); }
  void One(const uint64_t& value) { Varint<uint64_t>(value); }
  void One(const bool& value) { Byte(value ? 1 : 0); }
  void One(const uint8_t& value) { Byte(value); }
  void One(const int64_t& value) {
    Varint((static_cast<uint64_t>(value) << 1) ^ (value < 0 ? ~uint64_t{0} : uint64_t{0}));
  }
  void One(const Int128& value) {
    Varint((static_cast<UnsignedInt128>(value) << 1) ^ (value < 0 ? ~UnsignedInt128{0} : UnsignedInt128{0}));
  }
  void One(const Money& value) { One(static_cast<Int128>(value.pico())); }
  void One(const Instant& value) { One(value.nanoseconds_since_epoch()); }
  template <class Unit>
  void One(const Quantity<Unit>& value) {
    One(value.count());
  }
  template <class T>
  void One(const ByTokenKind<T>& table) {
    Table(table, kTokenKindCount, kByKind);
  }
  void One(const BodyDigest& digest) {
    Room(digest.size());
    std::copy(digest.begin(), digest.end(), chunk_.begin() + static_cast<ptrdiff_t>(used_));
    used_ += digest.size();
  }
  template <class E>
  requires std::is_enum_v<E>
  void One(const E& value) {
    PENSTOCK_CHECK(static_cast<uint8_t>(value) <= kLast<E>);
    Byte(static_cast<uint8_t>(value));
  }
  template <class T>
  requires requires(const T& t, Writer& w) { Fields(t, w); }
  void One(const T& record) { Fields(record, *this); }

  std::string& out_;
  std::array<char, 256> chunk_;  // the first used_ bytes are not in out_ yet
  size_t used_ = 0;
};

/// Reads until the first mistake; after it every value is zero and the mistake is kept.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class... T>
  void operator()(T&... values) {
    (One(values), ...);
  }

  void Text(std::string& text, size_t bound) { text = Take(Length(bound)); }

  template <class... Instants>
  void Since(Instant base, Instants&... times) {
    (OneSince(base, times), ...);
  }

  void WorkDone(Instant at, Attributions& list, size_t bound) {
    const size_t length = Length(bound);
    list.reserve(length);
    for (size_t i = 0; i < length && !wrong_; ++i) {
      Attribution& a = list.emplace_back();
      Since(at, a.from, a.to);
      One(a.work);
    }
  }

  template <class T>
  void List(std::vector<T>& list, size_t bound) {
    const size_t length = Length(bound);
    for (size_t i = 0; i < length && !wrong_; ++i) One(list.emplace_back());
  }

  template <class T>
  void Map(std::map<std::string, T>& map, size_t bound) {
    const size_t length = Length(bound);
    for (size_t i = 0; i < length && !wrong_; ++i) {
      std::string name;
      Text(name, kMaxNameBytes);
      if (!map.empty() && name <= map.rbegin()->first) Fail("names are out of order");
      One(map[std::move(name)]);
    }
  }

  void Names(std::vector<std::string>& names, size_t bound) {
    const size_t length = Length(bound);
    for (size_t i = 0; i < length && !wrong_; ++i) Text(names.emplace_back(), kMaxNameBytes);
  }

  template <class T, class At>
  void Table(T& table, size_t size, At at) {
    const size_t length = Length(size);
    for (size_t i = 0; i < length; ++i) One(at(table, i));
    const std::remove_cvref_t<decltype(at(table, 0))> zero{};
    if (length > 0 && at(table, length - 1) == zero) Fail("a table ends in zero");
  }

  uint8_t Byte() {
    if (at_ >= bytes_.size()) Fail("the entry is cut short");
    return wrong_ ? uint8_t{0} : static_cast<uint8_t>(bytes_[at_++]);
  }

  void Fail(const char* what) {
    if (!wrong_) wrong_ = what;
  }

  /// What was wrong, or that bytes are left over.
  absl::Status End() {
    if (at_ < bytes_.size()) Fail("bytes follow the end of the entry");
    if (!wrong_) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("journal entry is corrupt at byte ", at_, ": ", wrong_));
  }

 private:
  template <class Unsigned, int kBits>
  Unsigned Varint() {
    Unsigned value = 0;
    for (int shift = 0; shift < kBits; shift += 7) {
      const uint8_t byte = Byte();
      const Unsigned low = byte & 0x7f;
      if (((low << shift) >> shift) != low) break;
      value |= low << shift;
      if (byte < 0x80) {
        if (byte == 0 && shift > 0) Fail("a number is longer than it need be");
        return wrong_ ? Unsigned{0} : value;
      }
    }
    Fail("a number is too large");
    return 0;
  }

  size_t Length(size_t bound) {
    const uint64_t length = Varint<uint64_t, 64>();
    if (length > bound) Fail("a string or list is longer than allowed");
    return wrong_ ? 0 : static_cast<size_t>(length);
  }

  std::string_view Take(size_t length) {
    if (length > bytes_.size() - at_) Fail("the entry is cut short");
    if (wrong_) return {};
    at_ += length;
    return bytes_.substr(at_ - length, length);
  }

  void One(uint64_t& value) { value = Varint<uint64_t, 64>(); }
  void One(uint32_t& value) {
    const uint64_t wide = Varint<uint64_t, 64>();
    if (wide > UINT32_MAX) Fail("a number is too large");
    value = wrong_ ? 0 : static_cast<uint32_t>(wide);
  }
  void One(uint8_t& value) { value = Byte(); }
  void One(bool& value) {
    const uint8_t byte = Byte();
    if (byte > 1) Fail("a truth value is neither 0 nor 1");
    value = byte == 1;
  }
  void One(int64_t& value) {
    const uint64_t zigzag = Varint<uint64_t, 64>();
    value = static_cast<int64_t>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
  }
  void One(Int128& value) {
    const UnsignedInt128 zigzag = Varint<UnsignedInt128, 128>();
    if (zigzag == ~UnsignedInt128{0}) Fail("an amount is too large");  // -2^127: Money is symmetric
    value = wrong_ ? Int128{0} : static_cast<Int128>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
  }
  void One(Money& value) {
    Int128 pico = 0;
    One(pico);
    value = Money::FromPico(PicoCount(pico));
  }
  void OneSince(Instant base, Instant& value) {
    int64_t distance = 0;
    One(distance);
    value = At(base, distance);
  }
  void One(Instant& value) {
    int64_t ns = 0;
    One(ns);
    value = Instant(ns);
  }
  template <class Unit>
  void One(Quantity<Unit>& value) {
    int64_t count = 0;
    One(count);
    value = Quantity<Unit>(count);
  }
  template <class T>
  void One(ByTokenKind<T>& table) {
    Table(table, kTokenKindCount, kByKind);
  }
  void One(BodyDigest& digest) {
    const std::string_view bytes = Take(digest.size());
    std::transform(bytes.begin(), bytes.end(), digest.begin(), [](char c) { return static_cast<uint8_t>(c); });
  }
  template <class E>
  requires std::is_enum_v<E>
  void One(E& value) {
    const uint8_t byte = Byte();
    if (byte > kLast<E>) Fail("an enumeration has no such value");
    value = wrong_ ? E{} : static_cast<E>(byte);
  }
  template <class T>
  requires requires(T& t, Reader& r) { Fields(t, r); }
  void One(T& record) { Fields(record, *this); }

  std::string_view bytes_;
  size_t at_ = 0;
  const char* wrong_ = nullptr;
};

/// The place of a type in the variant, from 1.
template <class E, class... Types>
constexpr uint8_t PlaceIn(const std::variant<Types...>* /*for its type*/) {
  size_t place = 1;
  bool found = false;
  ((found = found || std::is_same_v<E, Types>, place += found ? 0u : 1u), ...);
  return static_cast<uint8_t>(place);
}
template <class E>
constexpr uint8_t kTypeByte = PlaceIn<E>(static_cast<const Entry*>(nullptr));

template <size_t... kIndex>
Entry ReadType(size_t index, Reader& reader, std::index_sequence<kIndex...>) {
  Entry entry;
  ((index == kIndex ? Fields(entry.emplace<kIndex>(), reader) : void()), ...);
  return entry;
}

}  // namespace

template <EntryType E>
void Encode(const E& entry, std::string* out) {
  Writer writer(out);
  writer.Byte(kTypeByte<E>);
  Fields(entry, writer);
}

template void Encode(const BootEntry& entry, std::string* out);
template void Encode(const StopEntry& entry, std::string* out);
template void Encode(const NameEntry& entry, std::string* out);
template void Encode(const TariffEntry& entry, std::string* out);
template void Encode(const GrantEntry& entry, std::string* out);
template void Encode(const ProgressEntry& entry, std::string* out);
template void Encode(const SettleEntry& entry, std::string* out);
template void Encode(const VoidEntry& entry, std::string* out);
template void Encode(const ExpireEntry& entry, std::string* out);
template void Encode(const SubscriptionEntry& entry, std::string* out);
template void Encode(const CreditEntry& entry, std::string* out);
template void Encode(const StatementEntry& entry, std::string* out);
template void Encode(const RollUpEntry& entry, std::string* out);
template void Encode(const KeyProjectEntry& entry, std::string* out);
template void Encode(const OutcomeEntry& entry, std::string* out);
template void Encode(const AlertEntry& entry, std::string* out);
template void Encode(const BudgetRaiseEntry& entry, std::string* out);
template void Encode(const BudgetChangeEntry& entry, std::string* out);
template void Encode(const RunApprovalEntry& entry, std::string* out);
template void Encode(const CapacityPlanEntry& entry, std::string* out);
template void Encode(const DemandPlanEntry& entry, std::string* out);
template void Encode(const PriceEntry& entry, std::string* out);
template void Encode(const QuoteEntry& entry, std::string* out);
template void Encode(const QuoteEndEntry& entry, std::string* out);
template void Encode(const ReservationEntry& entry, std::string* out);
template void Encode(const DeliveryEntry& entry, std::string* out);
template void Encode(const BidEntry& entry, std::string* out);
template void Encode(const BidEndEntry& entry, std::string* out);

void Encode(const Entry& entry, std::string* out) {
  std::visit([out](const auto& e) { Encode(e, out); }, entry);
}

absl::StatusOr<Entry> Decode(std::string_view bytes) {
  Reader reader(bytes);
  const uint8_t type = reader.Byte();
  if (type == 0 || type > std::variant_size_v<Entry>) reader.Fail("unknown entry type");
  Entry entry = ReadType(static_cast<size_t>(type) - 1, reader, std::make_index_sequence<std::variant_size_v<Entry>>());
  if (absl::Status end = reader.End(); !end.ok()) return end;
  return entry;
}

}  // namespace penstock::ledger
