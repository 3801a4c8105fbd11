#include "broker/arrivals/record.h"

#include <absl/strings/str_cat.h>

#include <array>
#include <memory>
#include <utility>

#include "broker/arrivals/settings_codec.h"

namespace penstock::core {

using arrivals::Is;

void Fields(Is<Admit> auto& admit, auto& code) {
  auto& [ticket, tenant, key, request_id, body, pools, input, estimated, max_output, max_wait, wanted, run, depth,
         content, labels, validate_only, name] = admit;  // the name follows from tenant and request id
  code.Ticket(ticket);
  code(tenant, key, request_id, body, pools, input);
  code.Mask(estimated);
  code(max_output, max_wait, wanted, run, depth, content, labels, validate_only);
}

void Fields(Is<Abandon> auto& abandon, auto& code) {
  auto& [ticket] = abandon;
  code.Ticket(ticket);
}

void Fields(Is<Undeliverable> auto& undeliverable, auto& code) {
  auto& [ticket, grant] = undeliverable;
  code.Ticket(ticket);
  code(grant);
}

void Fields(Is<Progress> auto& progress, auto& code) {
  auto& [ticket, grant, on_behalf_of, so_far] = progress;
  code.Ticket(ticket);
  code(grant, on_behalf_of, so_far);
}

void Fields(Is<Complete> auto& complete, auto& code) {
  auto& [ticket, grant, terms, issued, on_behalf_of, outcome, tokens, body, first_token_at, ended_at] = complete;
  auto& [tenant, key, pool, served, tariff, posted] = terms;
  code.Ticket(ticket);
  code(grant, tenant, key, pool, served, tariff, posted, issued, on_behalf_of, outcome, tokens, body, first_token_at, ended_at);
}

void Fields(Is<SetCapacity> auto& set, auto& code) {
  auto& [ticket, pool, capacity, max_in_flight, kv_tokens] = set;
  code.Ticket(ticket);
  code(pool, capacity, max_in_flight, kv_tokens);
}

void Fields(Is<SetPlan::PredictedOutput> auto& predicted, auto& code) {
  auto& [tenant, pool, tokens] = predicted;
  code(tenant, pool, tokens);
}

void Fields(Is<WaitRange> auto& range, auto& code) {
  auto& [low, expected, high] = range;
  code(low, expected, high);
}

void Fields(Is<SetPlan::WaitTable> auto& table, auto& code) {
  auto& [pool, stood_as, buckets] = table;
  code(pool, stood_as, buckets);
}

void Fields(Is<SetPlan::Demand> auto& demand, auto& code) {
  auto& [pool, from, hours, holdback_slots] = demand;
  code(pool, from, hours, holdback_slots);
}

void Fields(Is<SetPlan> auto& plan, auto& code) {
  auto& [predicted_outputs, wait_tables, demands] = plan;
  code(predicted_outputs, wait_tables, demands);
}

void Fields(Is<ApproveRun> auto& approve, auto& code) {
  auto& [ticket, tenant, run, by] = approve;
  code.Ticket(ticket);
  code(tenant, run, by);
}

void Fields(Is<AskRaise> auto& ask, auto& code) {
  auto& [ticket, budget, amount, is_total, for_good, by, reason] = ask;
  auto& [tenant, scope, subject, run, period, number] = budget;
  code.Ticket(ticket);
  code(tenant, scope, subject, run, period, number, amount, is_total, for_good, by, reason);
}

void Fields(Is<DecideRaise> auto& decide, auto& code) {
  auto& [ticket, id, approve, by] = decide;
  code.Ticket(ticket);
  code(id, approve, by);
}

void Fields(const CloseStatement& close, arrivals::Writer& code) {
  const auto& [ticket, fingerprint, rated] = close;
  code.Ticket(ticket);
  std::string bytes;
  ledger::Encode(*rated, &bytes);
  code(fingerprint, bytes);
}

void Fields(CloseStatement& close, arrivals::Reader& code) {
  auto& [ticket, fingerprint, rated] = close;
  code.Ticket(ticket);
  std::string bytes;
  code(fingerprint, bytes);
  absl::StatusOr<ledger::Entry> entry = ledger::Decode(bytes);
  if (!entry.ok() || !std::holds_alternative<ledger::StatementEntry>(*entry)) return code.Refuse();
  rated = std::make_shared<const ledger::StatementEntry>(std::get<ledger::StatementEntry>(*std::move(entry)));
}

void Fields(Is<ReportOutcome> auto& report, auto& code) {
  auto& [ticket, tenant, request_id, body, name, accepted, rejected, run, labels, happened, reverses] = report;
  code.Ticket(ticket);
  code(tenant, request_id, body, name, accepted, rejected, run, labels, happened, reverses);
}

void Fields(Is<MarketCaller> auto& caller, auto& code) {
  auto& [tenant, by, request_id, body, validate_only] = caller;
  code(tenant, by, request_id, body, validate_only);
}

void Fields(Is<Wish> auto& wish, auto& code) {
  auto& [pool, project, steps, overrun, envelope, shape] = wish;
  code(pool, project, steps, overrun, envelope, shape);
}

void Fields(Is<AskQuote> auto& ask, auto& code) {
  auto& [ticket, caller, wish] = ask;
  code.Ticket(ticket);
  code(caller, wish);
}

void Fields(Is<WithdrawQuote> auto& withdraw, auto& code) {
  auto& [ticket, caller, quote] = withdraw;
  code.Ticket(ticket);
  code(caller, quote);
}

void Fields(Is<AcceptQuote> auto& accept, auto& code) {
  auto& [ticket, caller, quote] = accept;
  code.Ticket(ticket);
  code(caller, quote);
}

void Fields(Is<ChangeReservation> auto& change, auto& code) {
  auto& [ticket, caller, reservation, etag, what, steps, shape, overrun, project, reason] = change;
  code.Ticket(ticket);
  code(caller, reservation, etag, what, steps, shape, overrun, project, reason);
}

void Fields(Is<DecideReservation> auto& decide, auto& code) {
  auto& [ticket, caller, reservation, etag, approve, reason] = decide;
  code.Ticket(ticket);
  code(caller, reservation, etag, approve, reason);
}

void Fields(Is<PlaceBid> auto& place, auto& code) {
  auto& [ticket, caller, wish, limit_price, expires] = place;
  code.Ticket(ticket);
  code(caller, wish, limit_price, expires);
}

void Fields(Is<WithdrawBid> auto& withdraw, auto& code) {
  auto& [ticket, caller, bid] = withdraw;
  code.Ticket(ticket);
  code(caller, bid);
}

void Fields(Is<PinPrice> auto& pin, auto& code) {
  auto& [ticket, caller, pool, cap, for_time] = pin;
  code.Ticket(ticket);
  code(caller, pool, cap, for_time);
}

void Fields(const Reconfigure& reconfigure, arrivals::Writer& code) {
  const auto& [ticket, settings] = reconfigure;
  code.Ticket(ticket);
  std::string bytes;
  arrivals::EncodeSettings(*settings, &bytes);
  code(bytes);
}

void Fields(Reconfigure& reconfigure, arrivals::Reader& code) {
  auto& [ticket, settings] = reconfigure;
  code.Ticket(ticket);
  std::string bytes;
  code(bytes);
  absl::StatusOr<EngineSettings> decoded = arrivals::DecodeSettings(bytes);
  if (!decoded.ok()) return code.Refuse();
  settings = std::make_shared<const EngineSettings>(*std::move(decoded));
}

void Fields(Is<Drain> auto&, auto&) {}
void Fields(Is<Tick> auto&, auto&) {}

}  // namespace penstock::core

namespace penstock::arrivals {
namespace {

// The kinds of records; a smaller number is the place of a command in its variant.
constexpr uint8_t kBirth = 0x40;
constexpr uint8_t kNow = 0x41;
constexpr uint8_t kAnswers = 0x42;
constexpr uint8_t kHead = 0x43;
constexpr uint8_t kStopped = 0x44;
static_assert(std::variant_size_v<core::Command> < kBirth);

constexpr std::array<std::string_view, std::variant_size_v<core::Command>> kCommandNames = {
    "Admit",      "Abandon",        "Undeliverable", "Progress", "Complete",    "SetCapacity", "SetPlan",
    "ApproveRun", "CloseStatement", "ReportOutcome", "AskRaise", "DecideRaise", "AskQuote", "WithdrawQuote",
    "AcceptQuote", "ChangeReservation", "DecideReservation", "PlaceBid", "WithdrawBid", "PinPrice", "Reconfigure",
    "Drain", "Tick"};

constexpr std::array<std::string_view, 13> kRefusalNames = {
    "rate limit",    "parallel limit", "reservation used", "not allowed",  "input too large",
    "budget used",   "run bound",      "duplicate",        "wait expired", "queue full",
    "wait too long", "shed",           "too large"};

constexpr std::array<std::string_view, std::variant_size_v<core::Outcome>> kOutcomeNames = {
    "error",     "granted",      "refused",      "forecasted",  "progressed",
    "completed", "capacity set", "run approved", "reconfigured", "statement closed",
    "statement stale", "outcome reported", "raise asked", "raise decided", "quoted", "not sellable", "quote withdrawn",
    "reservation changed", "bid placed", "bid withdrawn", "price pinned"};

/// Mixes what an answer says into 64 bits: quick, and any difference shows.
class Mix {
 public:
  template <class... T>
  void operator()(const T&... values) {
    (Add(values), ...);
  }
  uint32_t digest() const { return static_cast<uint32_t>(state_ >> 32); }

 private:
  void Word(uint64_t word) {
    state_ = (state_ ^ word) * 0x9e3779b97f4a7c15;
    state_ ^= state_ >> 29;
  }
  void Add(std::integral auto n) { Word(static_cast<uint64_t>(n)); }
  template <class E>
  requires std::is_enum_v<E>
  void Add(E e) { Word(static_cast<uint64_t>(e)); }
  template <class Unit>
  void Add(Quantity<Unit> quantity) {
    Word(Bits(quantity.count()));
  }
  void Add(Instant at) { Word(Bits(at.nanoseconds_since_epoch())); }
  void Add(GrantId id) { (*this)(id.epoch, id.sequence); }
  void Add(const ledger::GrantTerms& t) { (*this)(t.tenant.value, t.key.value, t.pool.value, t.served, t.tariff, t.posted); }
  void Add(const ledger::Money& money) {
    const auto pico = static_cast<Int128>(money.pico());
    (*this)(static_cast<uint64_t>(pico), static_cast<uint64_t>(pico >> 64));
  }
  void Add(std::string_view text) {
    Word(text.size());
    for (const char c : text) Word(static_cast<uint8_t>(c));
  }

  uint64_t state_ = 0x243f6a8885a308d3;
};

uint8_t ReasonOf(const core::Error& error) { return static_cast<uint8_t>(error.reason); }
uint8_t ReasonOf(const core::Refused& refused) { return static_cast<uint8_t>(refused.reason); }
uint8_t ReasonOf(const auto&) { return 0; }

void MixIn(const core::Error& e, Mix& mix) { mix(std::string_view(e.field)); }
void MixIn(const core::Granted& g, Mix& mix) {
  mix(g.id, g.terms, g.output_cap, g.issued, g.lease_deadline, g.settle_deadline, g.waited, g.hold);
}
void MixIn(const core::Refused& r, Mix& mix) { mix(r.retry_after, r.limit.view(), r.asked, r.remaining, r.promised); }
void MixIn(const core::Forecasted& f, Mix& mix) {
  mix(f.pool.value, f.share_class, f.tariff, f.expected_cost, f.max_cost);
}
void MixIn(const core::Progressed& p, Mix& mix) {
  mix(p.lease_deadline, p.settle_deadline, p.output_cap, p.stop, p.wait_for_approval, p.bound.view());
}
void MixIn(const core::Completed& c, Mix& mix) { mix(c.terms, c.charge, c.billed, c.work, c.sequence, c.repeated); }
void MixIn(const core::CapacitySet&, Mix&) {}
void MixIn(const core::RunApproved&, Mix&) {}
void MixIn(const core::Reconfigured&, Mix&) {}
void MixIn(const core::StatementClosed& closed, Mix& mix) { mix(closed.id); }
void MixIn(const core::StatementStale&, Mix&) {}
void MixIn(const core::RaiseAsked& raise, Mix& mix) { mix(raise.id); }
void MixIn(const core::RaiseDecided& raise, Mix& mix) { mix(raise.id); }
void MixIn(const core::OutcomeReported& o, Mix& mix) {
  mix(o.report.id, std::string_view(o.name), o.repeated, o.sequence);
}
void MixIn(const core::Quoted& q, Mix& mix) { mix(q.quote.id, q.price, q.quote.expires, q.repeated); }
void MixIn(const core::NotSellable& n, Mix& mix) { mix(n.scarce, n.tightest, n.asked, n.room, n.alternatives.size()); }
void MixIn(const core::QuoteWithdrawn& q, Mix& mix) { mix(q.id, q.repeated); }
void MixIn(const core::ReservationChanged& r, Mix& mix) { mix(r.id, r.version, r.state, r.charge, r.repeated); }
void MixIn(const core::BidPlaced& b, Mix& mix) { mix(b.id, b.reservation, b.ask, b.repeated); }
void MixIn(const core::BidWithdrawn& b, Mix& mix) { mix(b.id); }
void MixIn(const core::PricePinned& p, Mix& mix) { mix(p.price.id, p.price.multiplier, p.price.until, p.repeated); }

template <size_t I = 0>
bool ReadCommand(size_t place, Reader& read, core::Command* command) {
  if constexpr (I < std::variant_size_v<core::Command>) {
    if (place != I) return ReadCommand<I + 1>(place, read, command);
    Fields(command->emplace<I>(), read);
    return read.ok();
  }
  return false;
}

}  // namespace

Print PrintOf(const core::Answer& answer) {
  Mix mix;
  mix(answer.ticket, answer.release, answer.sequence);
  const uint8_t reason = std::visit(
      [&mix](const auto& outcome) {
        MixIn(outcome, mix);
        return ReasonOf(outcome);
      },
      answer.outcome);
  return {static_cast<uint8_t>(answer.outcome.index()), reason, mix.digest()};
}

void BlockWriter::Add(const Birth& birth) {
  std::string settings;
  EncodeSettings(birth.settings, &settings);
  ledger::RowWriter out(&bytes_);
  out.Byte(kBirth).Unsigned(birth.epoch).At(birth.opened).Unsigned(birth.before.sequence).Fixed(birth.before.hash);
  out.Unsigned(birth.follower.sequence).Unsigned(birth.follower.rows.size());
  for (const ledger::Follower::Row& row : birth.follower.rows) out.Text(row.key).Text(row.value);
  out.Text(settings);
}

void BlockWriter::Add(const core::Command& command, Instant now) {
  ledger::RowWriter out(&bytes_);
  if (now != origin_.instant) {
    out.Byte(kNow);
    Writer(&bytes_, &origin_)(now);
    origin_.instant = now;
  }
  out.Byte(static_cast<uint8_t>(command.index()));
  Writer code(&bytes_, &origin_);
  std::visit([&code](const auto& what) { Fields(what, code); }, command);
}

void BlockWriter::Add(std::span<const core::Answer> answers) {
  if (answers.empty()) return;
  ledger::RowWriter out(&bytes_);
  out.Byte(kAnswers).Unsigned(answers.size());
  for (const core::Answer& answer : answers) {
    const Print print = PrintOf(answer);
    out.Byte(print.outcome).Byte(print.reason).Big32(print.digest);
  }
}

void BlockWriter::Add(const ledger::Head& head) {
  ledger::RowWriter(&bytes_).Byte(kHead).Unsigned(head.sequence).Fixed(head.hash);
}

void BlockWriter::Add(const Stopped& stopped) { ledger::RowWriter(&bytes_).Byte(kStopped).At(stopped.now); }

void BlockWriter::TakeInto(std::string* other) {
  other->clear();
  other->swap(bytes_);
  origin_ = {};
}

absl::StatusOr<bool> BlockReader::Next(Record* record) {
  uint8_t kind = kNow;
  while (kind == kNow) {
    if (in_.done()) return false;
    kind = in_.Byte();
    if (kind != kNow) break;
    Instant now;
    Reader(&in_, &origin_)(now);
    origin_.instant = now;
  }
  if (kind == kBirth) {
    if (absl::Status read = Read(record->emplace<Birth>()); !read.ok()) return read;
  } else if (kind == kAnswers) {
    Read(record->emplace<Answered>());
  } else if (kind == kHead) {
    auto& head = record->emplace<ledger::Head>();
    head.sequence = in_.Unsigned();
    head.hash = in_.Fixed<ledger::Hash>();
  } else if (kind == kStopped) {
    record->emplace<Stopped>().now = in_.At();
  } else {
    auto& arrival = record->emplace<Arrival>();
    arrival.now = origin_.instant;
    Reader read(&in_, &origin_);
    if (!ReadCommand(kind, read, &arrival.command)) {
      return absl::DataLossError(absl::StrCat("a record of kind ", kind, " makes no sense"));
    }
  }
  if (!in_.ok()) return absl::DataLossError(absl::StrCat("a record of kind ", kind, " is cut off"));
  return true;
}

absl::Status BlockReader::Read(Birth& birth) {
  birth.epoch = in_.Unsigned32();
  birth.opened = in_.At();
  birth.before.sequence = in_.Unsigned();
  birth.before.hash = in_.Fixed<ledger::Hash>();
  birth.follower.sequence = in_.Unsigned();
  for (uint64_t left = in_.Unsigned(); left > 0 && in_.ok(); --left) {
    std::string key(in_.Text());
    birth.follower.rows.push_back({std::move(key), std::string(in_.Text())});
  }
  absl::StatusOr<core::EngineSettings> settings = DecodeSettings(in_.Text());
  if (settings.ok()) birth.settings = *std::move(settings);
  return settings.status();
}

void BlockReader::Read(Answered& answered) {
  for (uint64_t left = in_.Unsigned(); left > 0 && in_.ok(); --left) {
    const uint8_t outcome = in_.Byte();
    const uint8_t reason = in_.Byte();
    answered.prints.push_back({outcome, reason, in_.Big32()});
  }
}

std::string_view NameOf(const core::Command& command) { return kCommandNames[command.index()]; }

std::string Describe(const Print& print) {
  if (print.outcome >= kOutcomeNames.size()) return "nothing known";
  const absl::string_view outcome(kOutcomeNames[print.outcome].data(), kOutcomeNames[print.outcome].size());
  if (print.outcome == 0) return absl::StrCat(outcome, " ", print.reason);
  if (outcome != "refused" || print.reason >= kRefusalNames.size()) return std::string(outcome);
  return absl::StrCat(outcome, ": ",
                      absl::string_view(kRefusalNames[print.reason].data(), kRefusalNames[print.reason].size()));
}

}  // namespace penstock::arrivals
