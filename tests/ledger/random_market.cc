#include "tests/ledger/random_market.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

using Event = ReservationEvent;

Instant MinuteOf(Instant at) { return WindowStart(at, Minutes(1)); }

void Sort(std::vector<RateStep>* steps) {
  std::sort(steps->begin(), steps->end(),
            [](const RateStep& a, const RateStep& b) { return std::tie(a.from, a.to) < std::tie(b.from, b.to); });
}

class Drawer {
 public:
  Drawer(const Books& books, Instant now, Random* random)
      : books_(books), market_(books.market()), now_(now), random_(*random) {}

  std::optional<Entry> Draw() {
    switch (random_.Index(20)) {
      case 0:
        return Capacity();
      case 1:
        return Demand();
      case 2:
        return Posted();
      case 3:
        return Pin();
      case 4:
      case 5:
        return Quote();
      case 6:
        return EndQuote();
      case 7:
        return Bid();
      case 8:
        return EndBid();
      case 9:
      case 10:
        return Buy();
      case 11:
        return Fill();
      case 12:
      case 13:
      case 14:
      case 15:
        return Deliver();
      default:
        return Change();
    }
  }

 private:
  TenantId SomeTenant() { return random_.OneIn(2) ? kAcme : kBolt; }
  uint32_t SomeTariff() {
    return static_cast<uint32_t>(random_.Between(1, static_cast<int64_t>(books_.tariffs().size())));
  }
  std::string SomeRequest() { return random_.OneIn(4) ? "" : "market-" + random_.Bytes(12); }
  ProjectId SomeProject(TenantId tenant) {
    const uint32_t count = books_.CountOf(NameKind::kProject);
    if (count == 0) return {};
    const auto id = static_cast<uint32_t>(random_.Between(1, count));
    return books_.NameOf(NameKind::kProject, id).owner == tenant.value ? ProjectId{id} : ProjectId();
  }

  RateStep SomeStep(Instant from, bool priced) {
    const Instant begin = from + Minutes(random_.Between(0, 90));
    return {begin, begin + Minutes(random_.Between(1, 200)), WorkPerSecond(random_.Between(1, 90'000)),
            priced ? random_.Between(0, 5'000) : 0};
  }

  ReservationTerms SomeTerms(TenantId tenant, bool priced) {
    ReservationTerms terms;
    terms.pool = kLlama;
    terms.project = SomeProject(tenant);
    terms.overrun = static_cast<Overrun>(random_.Index(3));
    terms.envelope = {Work(random_.Between(1, 90'000)), Seconds(random_.Between(1, 30)),
                      Tokens(random_.Between(0, 9'000))};
    for (int64_t n = random_.Between(1, 3); n > 0; --n) terms.steps.push_back(SomeStep(MinuteOf(now_), priced));
    Sort(&terms.steps);
    if (random_.OneIn(2)) terms.shape = "as it was asked for";
    return terms;
  }

  std::optional<Entry> Capacity() {
    CapacityPlanEntry plan{kLlama,
                           now_,
                           random_.Between(0, 100),
                           WorkPerSecond(random_.Between(0, 9'000)),
                           0,
                           0,
                           {{Instant(), WorkPerSecond(random_.Between(0, 90'000)), 8, 0}}};
    if (random_.OneIn(2)) plan.steps.push_back({now_ + Hours(1), WorkPerSecond(random_.Between(0, 90'000)), 16, 0});
    return plan;
  }

  std::optional<Entry> Demand() {
    return DemandPlanEntry{market_.last_plan() + 1,
                           kLlama,
                           now_,
                           WindowStart(now_, Hours(1)),
                           random_.Between(0, 9),
                           {{WorkPerSecond(random_.Between(0, 9'000)), WorkPerSecond(random_.Between(0, 900))}}};
  }

  PriceEntry SomePrice() {
    PriceEntry price;
    price.id = static_cast<uint32_t>(market_.prices().size() + 1);
    price.pool = kLlama;
    price.tariff = SomeTariff();
    price.at = now_;
    price.from = now_ + Minutes(random_.Between(0, 10));
    price.multiplier = random_.Between(500, 3'000);
    for (const TokenKind kind : kAllTokenKinds) price.prices[kind] = random_.Between(0, 1'000);
    return price;
  }

  std::optional<Entry> Posted() {
    PriceEntry price = SomePrice();
    const PriceEntry* next = market_.NextPosted(kLlama, now_);
    const PriceEntry* last = market_.PostedAt(kLlama, Instant::Max());
    if (next != nullptr || (last != nullptr && price.from <= last->from)) return std::nullopt;
    return price;
  }

  std::optional<Entry> Pin() {
    PriceEntry price = SomePrice();
    price.kind = random_.OneIn(2) ? PriceKind::kLock : PriceKind::kCap;
    price.tenant = SomeTenant();
    price.until = price.from + Minutes(random_.Between(1, 90));
    price.by = "44d0a9ee";
    price.request_id = SomeRequest();
    return price;
  }

  std::optional<Entry> Quote() {
    QuoteEntry quote;
    quote.id = market_.last_quote() + 1;
    quote.tenant = SomeTenant();
    quote.at = now_;
    quote.expires = now_ + Minutes(random_.Between(1, 60));
    quote.tariff = SomeTariff();
    quote.terms = SomeTerms(quote.tenant, /*priced=*/true);
    quote.basis.floor = random_.Between(0, 99);
    if (random_.OneIn(3))
      quote.alternatives = {{Alternative::Kind::kLater, Hours(1), WorkPerSecond(5), 3, Money::FromPico(9)}};
    quote.request_id = SomeRequest();
    return quote;
  }

  const QuoteRecord* SomeQuote() {
    const std::vector<uint64_t> ids = market_.QuotesOf(SomeTenant());
    if (ids.empty()) return nullptr;
    const size_t newest = std::min<size_t>(ids.size(), 6);
    const QuoteRecord* quote = market_.FindQuote(ids[ids.size() - 1 - random_.Index(newest)]);
    return quote->state == QuoteState::kActive ? quote : nullptr;
  }

  std::optional<Entry> EndQuote() {
    const QuoteRecord* quote = random_.OneIn(2) ? market_.FirstToExpire() : SomeQuote();
    if (quote == nullptr) return std::nullopt;
    const bool over = quote->given.expires <= now_;
    if (!over && random_.OneIn(2)) return std::nullopt;
    return QuoteEndEntry{quote->given.id, now_, over ? QuoteState::kExpired : QuoteState::kWithdrawn};
  }

  std::optional<Entry> Bid() {
    BidEntry bid;
    bid.id = market_.last_bid() + 1;
    bid.tenant = SomeTenant();
    bid.at = now_;
    bid.expires = now_ + Minutes(random_.Between(1, 90));
    bid.tariff = SomeTariff();
    bid.terms = SomeTerms(bid.tenant, /*priced=*/false);
    bid.limit_price = random_.Between(0, 2'000);
    bid.request_id = SomeRequest();
    return bid;
  }

  const BidRecord* SomeBid() {
    const std::set<uint64_t>& open = market_.OpenBids();
    if (open.empty()) return nullptr;
    return market_.FindBid(*std::next(open.begin(), static_cast<ptrdiff_t>(random_.Index(open.size()))));
  }

  std::optional<Entry> EndBid() {
    const BidRecord* bid = SomeBid();
    if (bid == nullptr) return std::nullopt;
    return BidEndEntry{bid->placed.id, now_, bid->placed.expires <= now_ ? BidState::kExpired : BidState::kWithdrawn};
  }

  std::optional<Entry> Bought(ReservationEntry entry, Instant expires) {
    entry.id = market_.last_reservation() + 1;
    entry.at = now_;
    entry.by = "44d0a9ee";
    entry.request_id = SomeRequest();
    const std::vector<RateStep>& steps = entry.terms.front().steps;
    if (now_ > expires || LastOf(steps) <= now_) return std::nullopt;
    entry.charges = ChargesFor({}, steps, Instant(), ReservationCharge::Kind::kRefund);
    entry.event = random_.OneIn(4) ? Event::kAskApproval : Event::kBought;
    entry.state = *After(std::nullopt, entry.event, FirstOf(steps) <= now_);
    return entry;
  }

  std::optional<Entry> Buy() {
    const QuoteRecord* quote = SomeQuote();
    if (quote == nullptr) return std::nullopt;
    ReservationEntry entry;
    entry.tenant = quote->given.tenant;
    entry.quote = quote->given.id;
    entry.tariff = quote->given.tariff;
    entry.terms = {quote->given.terms};
    return Bought(entry, quote->given.expires);
  }

  std::optional<Entry> Fill() {
    const BidRecord* bid = SomeBid();
    if (bid == nullptr) return std::nullopt;
    ReservationEntry entry;
    entry.tenant = bid->placed.tenant;
    entry.bid = bid->placed.id;
    entry.tariff = bid->placed.tariff;
    entry.terms = {bid->placed.terms};
    for (RateStep& step : entry.terms.front().steps) step.unit_price = random_.Between(0, bid->placed.limit_price);
    return Bought(entry, bid->placed.expires);
  }

  const ReservationRecord* SomeReservation() {
    const uint32_t count = market_.last_reservation();
    if (count == 0) return nullptr;
    const int64_t oldest = std::max<int64_t>(1, int64_t{count} - 12);
    const ReservationRecord* record = market_.FindReservation(static_cast<uint32_t>(random_.Between(oldest, count)));
    return IsOver(record->state) ? nullptr : record;
  }

  std::optional<Entry> Deliver() {
    const ReservationRecord* record = SomeReservation();
    if (record == nullptr || record->state == ReservationState::kPending) return std::nullopt;
    const std::vector<RateStep>& steps = record->terms.steps;
    if (record->state == ReservationState::kScheduled) return std::nullopt;
    DeliveryEntry delivery;
    delivery.reservation = record->id;
    delivery.at = now_;
    delivery.from = record->delivered_until;
    const std::vector<RateStep> ahead = PartsOf(steps, delivery.from, Instant::Max());
    if (!ahead.empty() && random_.OneIn(2)) delivery.from = FirstOf(ahead);
    delivery.to = std::min({MinuteOf(now_), LastOf(steps), WindowStart(delivery.from, Hours(1)) + Hours(1)});
    if (delivery.to <= delivery.from) return std::nullopt;
    if (random_.OneIn(4)) {
      delivery.to =
          delivery.from + Minutes(random_.Between(1, (delivery.to - delivery.from).count() / Minutes(1).count()));
    }
    delivery.promised = PromisedBy(steps, delivery.from, delivery.to);
    delivery.guaranteed = GuaranteedBy(*record, delivery.from, delivery.to);
    delivery.earned = PriceOf(steps, delivery.from, delivery.to);
    const DeliveryEntry& counted = record->in_hand;
    delivery.delivered = counted.delivered;
    delivery.requests = counted.requests;
    delivery.late = counted.late;
    delivery.slow_first = counted.slow_first;
    delivery.slow_output = counted.slow_output;
    delivery.missed = counted.missed;
    delivery.queued = counted.queued;
    delivery.longest_queued = counted.longest_queued;
    delivery.unserved = random_.Between(0, 3);
    return delivery;
  }

  /// What is to come in new proportions, nothing of it, or more beside it.
  std::vector<RateStep> Altered(const ReservationRecord& record, bool less) {
    const std::vector<RateStep>& steps = record.terms.steps;
    const bool some_delivered = record.delivered_until > FirstOf(steps);
    const Instant cut =
        std::max(some_delivered ? record.delivered_until : Instant(), MinuteOf(now_)) + Minutes(random_.Between(0, 20));
    std::vector<RateStep> altered = PartsOf(steps, Instant(), cut);
    for (RateStep part : PartsOf(steps, cut, Instant::Max())) {
      if (random_.OneIn(4)) continue;
      const int64_t rate = part.rate.count();
      part.rate = WorkPerSecond(random_.Between(1, less ? rate : 2 * rate));
      altered.push_back(part);
    }
    if (!less && random_.OneIn(2)) altered.push_back(SomeStep(cut, /*priced=*/true));
    Sort(&altered);
    return altered;
  }

  std::optional<Entry> Change() {
    const ReservationRecord* record = SomeReservation();
    if (record == nullptr) return std::nullopt;
    const auto event = static_cast<Event>(random_.Index(kReservationEvents));
    ReservationTerms terms = record->terms;
    std::vector<RateStep> left = terms.steps;
    switch (event) {
      case Event::kAskAmend:
      case Event::kAmend:
        terms.steps = Altered(*record, /*less=*/false);
        terms.overrun = static_cast<Overrun>(random_.Index(3));
        if (terms.steps.empty()) return std::nullopt;
        break;
      case Event::kSellBack:
        terms.steps = Altered(*record, /*less=*/true);
        break;
      case Event::kTransfer:
        if (terms.steps.empty()) return std::nullopt;  // all of it was sold back
        terms.project = SomeProject(record->tenant);
        break;
      case Event::kCancel:
      case Event::kReject:
        left = PartsOf(terms.steps, Instant(), record->delivered_until);
        break;
      case Event::kComplete:
        if (!PartsOf(terms.steps, record->delivered_until, Instant::Max()).empty()) return std::nullopt;
        break;
      default:
        break;
    }
    ReservationEntry entry;
    entry.id = record->id;
    entry.event = event;
    entry.at = now_;
    entry.tenant = record->tenant;
    entry.tariff = record->tariff;
    entry.by = "0badcafe";
    entry.reason = "why";
    entry.request_id = SomeRequest();
    if (event == Event::kDegrade) entry.guaranteed = WorkPerSecond(random_.Between(0, 90'000));
    const bool has_terms =
        event == Event::kAskAmend || event == Event::kAmend || event == Event::kSellBack || event == Event::kTransfer;
    if (has_terms) entry.terms = {terms};
    if (event == Event::kAmend || event == Event::kSellBack) left = terms.steps;
    const bool begun = FirstOf(left) <= now_;
    const std::optional<ReservationState> after = After(record->state, event, begun);
    if (!after || (event == Event::kActivate && !begun)) return std::nullopt;
    entry.state = *after;
    const auto kind = event == Event::kSellBack ? ReservationCharge::Kind::kSellBack : ReservationCharge::Kind::kRefund;
    const int64_t part = event == Event::kReject ? 1'000 : random_.Between(0, 1'200);
    const bool none = record->delivered_until <= FirstOf(record->terms.steps);
    entry.charges = ChargesFor(record->terms.steps, left, none ? Instant() : record->delivered_until, kind, part);
    return entry;
  }

  const Books& books_;
  const MarketRecords& market_;
  const Instant now_;
  Random& random_;
};

}  // namespace

std::vector<ReservationCharge> ChargesFor(const std::vector<RateStep>& before, const std::vector<RateStep>& after,
                                          Instant from, ReservationCharge::Kind given_back, int64_t part) {
  std::map<int64_t, Int128> due = QuantitiesOf(PartsOf(after, from, Instant::Max()));
  for (const auto& [price, quantity] : QuantitiesOf(PartsOf(before, from, Instant::Max()))) due[price] -= quantity;
  std::vector<ReservationCharge> charges;
  for (const auto& [price, quantity] : due) {
    if (quantity > 0) charges.push_back({ReservationCharge::Kind::kPurchase, quantity, price, price});
    if (quantity < 0) charges.push_back({given_back, quantity, price * part / 1'000, price});
  }
  return charges;
}

std::optional<Entry> SomeMarketEntry(const Books& books, Instant now, Random* random) {
  return Drawer(books, now, random).Draw();
}

}  // namespace penstock::ledger
