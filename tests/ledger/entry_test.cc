#include "ledger/entry.h"

#include <absl/strings/escaping.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "admission/vocabulary/bounds.h"
#include "tests/ledger/random.h"

// GCC 12 sees through the inlined vector of attributions and takes its unused places for values.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace penstock::ledger {
namespace {

std::string Encoded(const Entry& entry) {
  std::string bytes;
  Encode(entry, &bytes);
  return bytes;
}

std::string Hex(const std::string& bytes) { return absl::BytesToHexString(bytes); }

// Fills entries with anything that their types can hold, absurd or not.
class AnyEntry {
 public:
  explicit AnyEntry(uint64_t seed) : random_(seed) {}

  Entry Next() {
    switch (random_.Index(std::variant_size_v<Entry>)) {
      case 0:
        return BootEntry{Number32(), Time()};
      case 1:
        return StopEntry{Number32(), Time()};
      case 2:
        return NameEntry{NameKind(random_.Index(kNameKinds)), Number32(), Number32(), Text(kMaxNameBytes)};
      case 3:
        return TariffEntry{Number32(), SomeTariff()};
      case 4:
        return SomeGrant();
      case 5:
        return ProgressEntry{Grant(), Time(), Counts(), Time(), Time(), Tokens(Number()), Cash(), SomeWork()};
      case 6:
        return SettleEntry{Grant(),          Terms(),  Time(),        Outcome(random_.Index(3)),
                           random_.OneIn(2), Counts(), Counts(),      Work(Number()),
                           Cash(),           Body(),   Attributions(), Duration(Number()),
                           Duration(Number())};
      case 7:
        return VoidEntry{Grant(), Time(), VoidReason(random_.Index(2))};
      case 8:
        return ExpireEntry{Grant(), Time()};
      case 9:
        return SomeSubscription();
      case 10:
        return CreditEntry{
            Number32(),
            TenantId{Number32()},
            Time(),
            Text(3),
            {Text(kMaxNameBytes), rating::Credit::Kind(random_.Index(2)), Cash(), Number(), Time(), Time()}};
      case 11:
        return SomeStatement();
      case 12:
        return RollUpEntry{TenantId{Number32()}, Time(), Time()};
      case 13:
        return KeyProjectEntry{KeyId{Number32()}, ProjectId{Number32()}};
      case 14:
        return SomeOutcome();
      case 15:
        return AlertEntry{Time(), SomeBudget(), Number32(), Cash(), Cash()};
      case 16:
        return BudgetRaiseEntry{Number32(), Time(), Text(kMaxNameBytes), SomeBudget(),
                                Cash(),     Cash(), random_.OneIn(2),    Text(kMaxReasonBytes)};
      case 17:
        return BudgetChangeEntry{Number32(), Time(), Text(kMaxNameBytes), random_.OneIn(2), Cash(), Cash()};
      case 18:
        return RunApprovalEntry{Time(), TenantId{Number32()}, Text(kMaxRunBytes), Text(kMaxNameBytes)};
      default:
        return SomethingOfTheMarket();
    }
  }

 private:
  int64_t Number() {
    if (random_.OneIn(16)) return random_.OneIn(2) ? INT64_MAX : INT64_MIN;
    return static_cast<int64_t>(random_.Bits()) >> random_.Between(0, 63);
  }
  uint32_t Number32() { return static_cast<uint32_t>(random_.Bits() >> random_.Between(32, 63)); }
  Instant Time() { return Instant(Number()); }
  std::string Text(size_t bound) { return random_.Bytes(random_.Index(bound + 1)); }
  GrantId Grant() { return {Number32(), random_.Bits() >> random_.Between(0, 63)}; }
  Money Cash() {
    if (random_.OneIn(16)) return Money::FromPico(std::numeric_limits<PicoCount>::max()) * random_.Between(-1, 1);
    return Money::FromPico(Number()) * random_.Between(-99'999'999, 99'999'999);
  }
  BodyDigest Body() {
    BodyDigest body;
    for (uint8_t& byte : body) byte = static_cast<uint8_t>(random_.Bits() & 0xff);
    return body;
  }
  TokenCounts Counts() {
    TokenCounts counts;
    const size_t kinds = random_.Index(kTokenKindCount + 1);
    for (size_t i = 0; i < kinds; ++i) counts[kAllTokenKinds[i]] = Tokens(Number());
    return counts;
  }
  GrantTerms Terms() {
    return {TenantId{Number32()}, KeyId{Number32()},
            PoolId{Number32()},   ServiceClass(random_.Index(kServiceClassCount)),
            Number32(),           Number32()};
  }
  uint64_t Number64() { return random_.Bits() >> random_.Between(0, 63); }
  TokenPrices Prices() {
    TokenPrices prices;
    for (const TokenKind kind : kAllTokenKinds) prices[kind] = Number();
    return prices;
  }
  ReservationTerms SomeReservation() {
    ReservationTerms terms;
    terms.pool = PoolId{Number32()};
    terms.project = ProjectId{Number32()};
    terms.overrun = Overrun(random_.Index(3));
    terms.envelope = {Work(Number()), Duration(Number()), Tokens(Number())};
    terms.steps.resize(random_.Index(5));
    for (RateStep& step : terms.steps) step = {Time(), Time(), WorkPerSecond(Number()), Number()};
    terms.shape = Text(kMaxShapeBytes);
    return terms;
  }
  Entry SomethingOfTheMarket() {
    switch (random_.Index(9)) {
      case 0: {
        CapacityPlanEntry plan{PoolId{Number32()}, Time(), Number(), WorkPerSecond(Number()), Number(), Number(), {}};
        plan.steps.resize(random_.Index(4));
        for (CapacityStep& step : plan.steps) step = {Time(), WorkPerSecond(Number()), Number(), Number()};
        return plan;
      }
      case 1: {
        DemandPlanEntry plan{Number64(), PoolId{Number32()}, Time(), Time(), Number(), {}};
        plan.hours.resize(random_.Index(kMaxDemandHours + 1));
        for (HourDemand& hour : plan.hours) hour = {WorkPerSecond(Number()), WorkPerSecond(Number())};
        return plan;
      }
      case 2:
        return PriceEntry{Number32(),
                          PoolId{Number32()},
                          Number32(),
                          PriceKind(random_.Index(3)),
                          TenantId{Number32()},
                          Time(),
                          Time(),
                          Time(),
                          Number(),
                          Number(),
                          Number(),
                          Number(),
                          Prices(),
                          Text(kMaxNameBytes),
                          Text(kMaxRequestIdBytes),
                          Body()};
      case 3: {
        QuoteEntry quote{Number64(),          TenantId{Number32()},     Time(), Time(),
                         Number32(),          SomeReservation(),        {},     {},
                         Text(kMaxNameBytes), Text(kMaxRequestIdBytes), Body()};
        quote.basis = {Number(), Number(), Number(), Number(), Time(), Number(), Number(), Number(), Number64()};
        quote.alternatives.resize(random_.Index(kMaxAlternatives + 1));
        for (Alternative& other : quote.alternatives) {
          other = {Alternative::Kind(random_.Index(3)), Duration(Number()), WorkPerSecond(Number()), Number(), Cash()};
        }
        return quote;
      }
      case 4:
        return QuoteEndEntry{Number64(), Time(), QuoteState(random_.Index(kQuoteStates))};
      case 5: {
        ReservationEntry e;
        e.id = Number32();
        e.event = ReservationEvent(random_.Index(kReservationEvents));
        e.state = ReservationState(random_.Index(kReservationStates));
        e.at = Time();
        e.tenant = TenantId{Number32()};
        e.quote = Number64();
        e.bid = Number64();
        e.tariff = Number32();
        if (random_.OneIn(2)) e.terms = {SomeReservation()};
        e.charges.resize(random_.Index(4));
        for (ReservationCharge& charge : e.charges) {
          charge = {ReservationCharge::Kind(random_.Index(3)), Int128{Number()} * Number32(), Number(), Number()};
        }
        e.guaranteed = WorkPerSecond(Number());
        e.by = Text(kMaxNameBytes);
        e.reason = Text(kMaxReasonBytes);
        e.request_id = Text(kMaxRequestIdBytes);
        e.body = Body();
        return e;
      }
      case 6:
        return DeliveryEntry{
            Number32(), Time(),   Time(),   Time(),   Work(Number()), Work(Number()),     Work(Number()),    Cash(),
            Number(),   Number(), Number(), Number(), Number(),       Number(), Duration(Number()), Duration(Number())};
      case 7:
        return BidEntry{
            Number64(),          TenantId{Number32()},     Time(), Time(), Number32(), SomeReservation(), Number(),
            Text(kMaxNameBytes), Text(kMaxRequestIdBytes), Body()};
      default:
        return BidEndEntry{Number64(), Time(), BidState(random_.Index(kBidStates))};
    }
  }
  BudgetOf SomeBudget() {
    return {TenantId{Number32()}, BudgetScope(random_.Index(4)),  Number32(),
            Text(kMaxRunBytes),   BudgetPeriod(random_.Index(3)), Number()};
  }
  Attributions SomeWork() {
    Attributions list(random_.Index(kMaxAttributions + 1));
    for (Attribution& a : list) a = {Time(), Time(), Work(Number())};
    return list;
  }
  Entry SomeGrant() {
    GrantEntry g{Grant(),
                 Terms(),
                 Time(),
                 Time(),
                 Time(),
                 Counts(),
                 Work(Number()),
                 Tokens(Number()),
                 Cash(),
                 Text(kMaxRequestIdBytes),
                 Body(),
                 Text(kMaxRunBytes),
                 {},
                 Number32(),
                 Duration(Number())};
    g.labels.resize(random_.Index(kMaxLabels + 1));
    for (Label& label : g.labels) label = {Text(kMaxLabelBytes), Text(kMaxLabelBytes)};
    return g;
  }
  Entry SomeOutcome() {
    OutcomeEntry o;
    o.id = random_.Bits() >> random_.Between(0, 63);
    o.tenant = TenantId{Number32()};
    o.at = Time();
    o.happened = Time();
    o.name = Text(kMaxNameBytes);
    o.accepted = Number();
    o.rejected = Number();
    o.run = Text(kMaxRunBytes);
    o.labels.resize(random_.Index(kMaxLabels + 1));
    for (Label& label : o.labels) label = {Text(kMaxLabelBytes), Text(kMaxLabelBytes)};
    o.reverses = random_.Bits() >> random_.Between(0, 63);
    o.request_id = Text(kMaxRequestIdBytes);
    o.body = Body();
    return o;
  }
  Tariff SomeTariff() {
    Tariff t{Text(kMaxNameBytes), Text(3), Time(), RoundingMode(random_.Index(4)), Cash(), {}, {}, {}, {}};
    t.pools.resize(random_.Index(5));
    for (PoolPrices& pool : t.pools) {
      pool.pool = Text(kMaxNameBytes);
      SomeCharges(&pool);
      for (TokenPrices& prices : pool.by_class) {
        if (random_.OneIn(2)) prices[kAllTokenKinds[random_.Index(kTokenKindCount)]] = Number();
      }
    }
    t.calendar = SomeCalendar();
    if (random_.OneIn(2)) t.seats = {{Text(kMaxNameBytes), Cash(), Cash()}};
    if (random_.OneIn(2)) t.outcomes = {{Text(kMaxNameBytes), Cash()}};
    return t;
  }
  Entry SomeSubscription() {
    rating::Subscription terms;
    terms.from = Time();
    terms.until = Time();
    for (size_t i = random_.Index(4); i > 0; --i) {
      terms.seats[Text(kMaxNameBytes)] = Number();
      terms.reservations.push_back({Text(kMaxNameBytes), WorkPerSecond(Number()), Time(), Time()});
      terms.provisions[Text(kMaxNameBytes)] = {Number(), Number(), Number()};
      terms.contracted[Text(kMaxNameBytes)] = WorkPerSecond(Number());
      terms.committed_per_window[Text(kMaxNameBytes)] = Work(Number());
    }
    terms.minimum = Cash();
    return SubscriptionEntry{TenantId{Number32()}, Time(), terms};
  }
  Entry SomeStatement() {
    StatementEntry statement{
        Number32(), TenantId{Number32()}, Number32(), Number32(), Time(), Time(), Time(), Cash(), {}, {}};
    for (size_t i = random_.Index(4); i > 0; --i) statement.credits.push_back({Number32(), Cash()});
    for (size_t i = random_.Index(4); i > 0; --i) {
      rating::Line line;
      line.kind = rating::LineKind(random_.Index(rating::kLineKindCount));
      line.description = Text(kMaxDescriptionBytes);
      line.pool = Text(kMaxNameBytes);
      line.tariff = Text(kMaxNameBytes);
      line.served = ServiceClass(random_.Index(kServiceClassCount));
      line.token_kind = TokenKind(random_.Index(kTokenKindCount));
      line.quantity = Int128{Number()} * Number32();
      line.parts = Number();
      line.unit_price = Cash();
      line.exact = Cash();
      line.amount = Cash();
      line.windows.assign(random_.Index(4), Time());
      line.window_count = Number();
      line.highest_second = Work(Number());
      line.reservation = Number32();
      line.effective = Cash();
      statement.lines.push_back(line);
    }
    return statement;
  }
  Ratio SomeRatio() { return {Number(), Number()}; }
  void SomeCharges(PoolPrices* pool) {
    pool->coupling = {Number32(), SomeRatio(), Number()};
    pool->capacity_price = Number();
    pool->unit = {Number(), Number(), Number(), Number()};
    pool->commitment = {Number(), SomeRatio(), Number32()};
    if (random_.OneIn(2))
      pool->token_rules = {{Number32(), Number32(), true, {{Number(), SomeRatio()}}, {SomeRatio()}}};
    if (random_.OneIn(2)) return;
    DemandCharge charge = BusiestMinute(Number());
    charge.name = Text(kMaxNameBytes);
    charge.rule = DemandRule(random_.Index(5));
    charge.apart = Apart(random_.Index(3));
    charge.season = Number();
    charge.ratchet.look_back = Number();
    charge.ratchet.percent[random_.Index(kMonths)] = Number();
    charge.ratchet.own_percent[random_.Index(kMonths)] = Number();
    charge.contracted = {Number(), Number(), SomeRatio()};
    pool->demand = {charge, BusiestMinute(Number())};
  }
  Calendar SomeCalendar() {
    Calendar calendar;
    calendar.zone = Text(kMaxNameBytes);
    if (random_.OneIn(2)) calendar.shifts = {{Time(), Number()}, {Time(), Number()}};
    if (random_.OneIn(2)) calendar.bands = {Text(kMaxNameBytes), Text(kMaxNameBytes)};
    calendar.band_of_hour[random_.Index(kHoursOfWeek)] = static_cast<uint8_t>(random_.Index(256));
    calendar.seasons = calendar.bands;
    calendar.season_of_month[random_.Index(kMonths)] = static_cast<uint8_t>(random_.Index(256));
    return calendar;
  }

  Random random_;
};

TEST(EntryTest, DecodesWhatItEncoded) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  AnyEntry any(seed);
  std::vector<int> seen(std::variant_size_v<Entry>);
  for (int i = 0; i < 5000; ++i) {
    const Entry entry = any.Next();
    ++seen[entry.index()];
    const std::string bytes = Encoded(entry);
    const absl::StatusOr<Entry> decoded = Decode(bytes);
    ASSERT_TRUE(decoded.ok()) << decoded.status() << " " << Hex(bytes);
    ASSERT_TRUE(*decoded == entry) << Hex(bytes);
  }
  EXPECT_THAT(seen, testing::Each(testing::Gt(0)));
}

TEST(EntryTest, EncodeAppends) {
  std::string bytes = "before";
  Encode(BootEntry{1, Instant(2)}, &bytes);
  EXPECT_EQ(bytes, "before" + Encoded(BootEntry{1, Instant(2)}));
}

// The bytes are hashed and kept for years. If one of these changes, old journals no longer read: do not update the
// golden bytes, add a new entry type instead.
TEST(EntryTest, TheBytesOfEachTypeAreFixedForEver) {
  const GrantTerms terms = {TenantId{1}, KeyId{2}, PoolId{3}, ServiceClass::kPriority, 4, 6};
  TokenCounts tokens;
  tokens[TokenKind::kInput] = Tokens(1000);
  tokens[TokenKind::kOutput] = Tokens(200);
  BodyDigest body;
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<uint8_t>(0xa0 + i);
  const Instant at = Instant(1'700'000'000'123'456'789);

  Tariff tariff{"v1", "USD", at, RoundingMode::kUp, Money::FromPico(10'000'000'000), {}, {}, {}, {}};
  tariff.pools.resize(1);
  tariff.pools[0].pool = "p";
  tariff.pools[0].by_class[1][TokenKind::kCachedInput] = 150'000;
  tariff.pools[0].demand = {BusiestMinute(7)};

  GrantEntry grant;
  grant.id = {5, 300};
  grant.terms = terms;
  grant.at = at;
  grant.lease_deadline = at + Seconds(60);
  grant.settle_deadline = at + Seconds(600);
  grant.estimate = tokens;
  grant.work = Work(1'800'000);
  grant.output_cap = Tokens(4096);
  grant.hold = *Money::FromDecimal("20000000000.5");  // more than 64 bits of pico-units
  grant.request_id = "req";
  grant.body = body;
  grant.run = "run";
  grant.labels = {{"k", "v"}};

  const ProgressEntry progress{
      {5, 300}, at, tokens, at, at, Tokens(4096), Money::FromPico(5), {{at - Seconds(1), at, Work(7)}}};
  TokenCounts unbilled;
  unbilled[TokenKind::kCachedInput] = Tokens(1);
  const SettleEntry settle{
      {5, 300},           terms, at, Outcome::kFailed, true, tokens, unbilled, Work(-1), Money::FromPico(-3), body,
      {{at, at, Work(9)}}};

  rating::Subscription bought;
  bought.from = Instant(1);
  bought.until = at;
  bought.seats["pro"] = 10;
  bought.reservations = {{"p", WorkPerSecond(5), Instant(1), at}};
  bought.provisions["p"] = {8, 0, 0};
  bought.contracted["p"] = WorkPerSecond(100);
  bought.committed_per_window["p"] = Work(60);
  bought.minimum = Money::FromPico(9);
  StatementEntry statement{
      3, TenantId{1}, 4, 2, at, at - Hours(2), at - Hours(1), Money::FromPico(7), {{2, Money::FromPico(5)}}, {{}}};
  rating::Line& line = statement.lines[0];
  line.kind = rating::LineKind::kDemand;
  line.description = "billing demand";
  line.pool = "p";
  line.tariff = "v1";
  line.quantity = 1'000;
  line.unit_price = Money::FromPico(7);
  line.exact = Money::FromPico(7'000);
  line.amount = Money::FromPico(10'000);
  line.windows = {at - Hours(2)};
  line.highest_second = Work(30);
  line.reservation = 5;
  line.effective = Money::FromPico(-3);

  ReservationTerms reserved;
  reserved.pool = PoolId{3};
  reserved.project = ProjectId{2};
  reserved.overrun = Overrun::kRefuse;
  reserved.envelope = {Work(1'000), Seconds(2), Tokens(4'096)};
  reserved.steps = {{at, at + Hours(1), WorkPerSecond(5'000), 7}};
  reserved.shape = "s";
  TokenPrices prices;
  prices[TokenKind::kOutput] = 400;
  QuoteEntry quote{2, TenantId{1}, at, at + Seconds(600), 4, reserved, {}, {}, "b", "req", body};
  quote.basis = {1, 2, 3, 4, at, 1'000, 900, 5, 6};
  quote.alternatives = {{Alternative::Kind::kLowerRate, Hours(1), WorkPerSecond(9), 8, Money::FromPico(7)}};
  ReservationEntry change;
  change.id = 300;
  change.event = ReservationEvent::kAmend;
  change.state = ReservationState::kScheduled;
  change.at = at;
  change.tenant = TenantId{1};
  change.quote = 2;
  change.bid = 3;
  change.tariff = 4;
  change.terms = {reserved};
  change.charges = {{ReservationCharge::Kind::kRefund, Int128{-300'000}, 6, 7}};
  change.guaranteed = WorkPerSecond(4'000);
  change.by = "b";
  change.reason = "w";
  change.request_id = "req";
  change.body = body;

  const std::vector<std::pair<Entry, std::string>> golden = {
      {BootEntry{7, at}, "0107aab4aed8c7bfce972f"},
      {StopEntry{7, at}, "0207aab4aed8c7bfce972f"},
      {NameEntry{NameKind::kKey, 2, 1, "alpha"}, "0301020105616c706861"},
      {TariffEntry{1, tariff},
       "040102763103555344aab4aed8c7bfce972f028090dfc04a01017002000200e0a7120000020202010664656d616e6400020002000101"
       "01000e0000000000000202000002000000020200000000000355544300000000000000"},
      {grant,
       "0505ac02010203030406aab4aed8c7bfce972f80e0ba84bf0380c0cbacf62204d00f0000900380dddb01804080a094edb9fac9c1e7f0"
       "2103726571a0a1a2a3a4a5a6a7a8a9aaabacadaeaf0372756e01016b01760000"},
      {progress, "0605ac02aab4aed8c7bfce972f04d00f00009003000080400a01ffa7d6b907000e"},
      {settle,
       "0705ac02010203030406aab4aed8c7bfce972f010104d00f000090030200020105a0a1a2a3a4a5a6a7a8a9aaabacadaeaf010000120000"},
      {VoidEntry{{5, 300}, at, VoidReason::kCancelled}, "0805ac02aab4aed8c7bfce972f01"},
      {ExpireEntry{{5, 300}, at}, "0905ac02aab4aed8c7bfce972f"},
      {SubscriptionEntry{TenantId{1}, at, bought},
       "0a01aab4aed8c7bfce972f02aab4aed8c7bfce972f010370726f140101700a02aab4aed8c7bfce972f010170100000010170"
       "c8010101707812"},
      {CreditEntry{2, TenantId{1}, at, "USD", {"gift", rating::Credit::Kind::kPrepaid, Money::FromPico(5), 1, at, at}},
       "0b0201aab4aed8c7bfce972f035553440467696674010a02aab4aed8c7bfce972faab4aed8c7bfce972f"},
      {statement,
       "0c03010402aab4aed8c7bfce972faab4a4c1bb9ccb972faab4e9cc81eecc972f0e01020a01050e62696c6c696e672064656d"
       "616e6401700276310200d00f020eb06da09c0101aab4a4c1bb9ccb972f023c0505"},
      {RollUpEntry{TenantId{1}, at, at}, "0d01aab4aed8c7bfce972faab4aed8c7bfce972f"},
      {KeyProjectEntry{KeyId{2}, ProjectId{300}}, "0e02ac02"},
      {OutcomeEntry{7, TenantId{1}, at, at - Seconds(1), "done", 2, -1, "run", {{"k", "v"}}, 3, "req", body},
       "0f0701aab4aed8c7bfce972fffa7d6b90704646f6e6504010372756e01016b01760303726571a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"},
      {AlertEntry{at,
                  {TenantId{1}, BudgetScope::kRun, 2, "r", BudgetPeriod::kMonth, 3},
                  80,
                  Money::FromPico(4),
                  Money::FromPico(5)},
       "10aab4aed8c7bfce972f0103020172010650080a"},
      {BudgetRaiseEntry{1, at, "b", {}, Money::FromPico(4), Money::FromPico(5), true, "w"},
       "1101aab4aed8c7bfce972f01620000000002000"
       "80a010177"},
      {BudgetChangeEntry{1, at, "b", true, Money::FromPico(4), Money::FromPico(5)}, "1201aab4aed8c7bfce972f016201080a"},
      {RunApprovalEntry{at, TenantId{1}, "r", "b"}, "13aab4aed8c7bfce972f0101720162"},
      {CapacityPlanEntry{PoolId{3}, at, 50, WorkPerSecond(1'000), 2, 3, {{at, WorkPerSecond(5'000), 8, 9}}},
       "1403aab4aed8c7bfce972f64d00f040601aab4aed8c7bfce972f904e1012"},
      {DemandPlanEntry{2, PoolId{3}, at, at, 4, {{WorkPerSecond(5), WorkPerSecond(6)}}},
       "150203aab4aed8c7bfce972faab4aed8c7bfce972f08010a0c"},
      {PriceEntry{5, PoolId{3}, 4, PriceKind::kLock, TenantId{1}, at, at + Seconds(1), at + Hours(1), 1'100, 800, 900,
                  1'050, prices, "b", "req", body},
       "160503040101aab4aed8c7bfce972f80a8d6b9078080c58bc6d1019811c00c880eb41004000000a006016203726571a0a1a2a3a4a5a6"
       "a7a8a9aaabacadaeaf"},
      {quote,
       "170201aab4aed8c7bfce972f80c0cbacf62204030202d00f80d0acf30e804001aab4aed8c7bfce972faab4f3e38d91d0972f904e0e01"
       "7302040608aab4aed8c7bfce972fd00f880e0a0601028080c58bc6d10112100e016203726571a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"},
      {QuoteEndEntry{2, at, QuoteState::kWithdrawn}, "1802aab4aed8c7bfce972f03"},
      {change,
       "19ac020701aab4aed8c7bfce972f0102030401030202d00f80d0acf30e804001aab4aed8c7bfce972faab4f3e38d91d0972f904e0e01"
       "730101bfcf240c0ec03e0162017703726571a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"},
      {DeliveryEntry{300, at, at - Hours(1), at, Work(6), Work(5), Work(4), Money::FromPico(7), 8, 1, 2, 3, 4, 5,
                     Seconds(2), Seconds(1)},
       "1aac02aab4aed8c7bfce972fffffc48bc6d101000c0a080e10020406080a80d0acf30e80a8d6b907"},
      {BidEntry{3, TenantId{1}, at, at + Hours(1), 4, reserved, 6, "b", "req", body},
       "1b0301aab4aed8c7bfce972f8080c58bc6d10104030202d00f80d0acf30e804001aab4aed8c7bfce972faab4f3e38d91d0972f904e0e"
       "01730c016203726571a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"},
      {BidEndEntry{3, at, BidState::kExpired}, "1c03aab4aed8c7bfce972f02"},
  };
  ASSERT_EQ(golden.size(), std::variant_size_v<Entry>);
  for (const auto& [entry, hex] : golden) {
    // The type byte of the latest types may still move until they are released.
    const size_t from = hex.starts_with("..") ? 2 : 0;
    EXPECT_EQ(Hex(Encoded(entry)).substr(from), hex.substr(from)) << "entry type " << entry.index() + 1;
  }
}

TEST(EntryTest, AnyBytesEitherDecodeToWhatEncodesToThemOrAreRefused) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  AnyEntry any(seed);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = random.OneIn(4) ? random.Bytes(random.Index(64)) : Encoded(any.Next());
    for (int64_t changes = random.Between(0, 3); changes > 0 && !bytes.empty(); --changes) {
      const size_t at = random.Index(bytes.size());
      if (random.OneIn(3))
        bytes.resize(at);
      else if (random.OneIn(2))
        bytes[at] = static_cast<char>(random.Between(-128, 127));
      else
        bytes.insert(at, random.Bytes(1));
    }
    const absl::StatusOr<Entry> decoded = Decode(bytes);
    if (decoded.ok()) {
      ++accepted;
      ASSERT_EQ(Hex(Encoded(*decoded)), Hex(bytes));
    } else {
      ASSERT_EQ(decoded.status().code(), absl::StatusCode::kDataLoss);
      ASSERT_THAT(std::string(decoded.status().message()), testing::HasSubstr("at byte "));
    }
  }
  EXPECT_GT(accepted, 100);
}

TEST(EntryTest, SaysAtWhichByteAndWhatIsWrong) {
  struct Case {
    const char* hex;
    const char* says;
  };
  for (const Case& c : {
           Case{"", "byte 0: the entry is cut short"},
           Case{"00", "byte 1: unknown entry type"},
           Case{"ff", "byte 1: unknown entry type"},
           Case{"01", "byte 1: the entry is cut short"},
           Case{"0107", "byte 2: the entry is cut short"},
           Case{"01070000", "byte 3: bytes follow the end of the entry"},
           Case{"01870000", "byte 3: a number is longer than it need be"},
           Case{"01808080801000", "byte 6: a number is too large"},             // epoch 2^32
           Case{"0107ffffffffffffffffff02", "byte 12: a number is too large"},  // 65 bits
           Case{"0304010000", "byte 2: an enumeration has no such value"},
           Case{"0300010041"
                "61",
                "byte 5: a string or list is longer than allowed"},  // 65 bytes of name
           Case{"030001000561", "byte 5: the entry is cut short"},
           Case{"0300010080808080808080808001"
                "61",
                "byte 14: a string or list is longer than allowed"},
           Case{"06010100"
                "0200"
                "0000"
                "00",
                "byte 7: a table ends in zero"},
           Case{"06010100"
                "08",
                "byte 5: a string or list is longer than allowed"},  // an eighth token kind
           Case{"06010100"
                "00"
                "0000"
                "0000"
                "11",
                "byte 10: a string or list is longer than allowed"},  // a 17th attribution
           Case{"070101010101020100"
                "0000"
                "02",
                "byte 12: a truth value is neither 0 nor 1"},
       }) {
    const absl::StatusOr<Entry> decoded = Decode(absl::HexStringToBytes(c.hex));
    ASSERT_FALSE(decoded.ok()) << c.hex;
    EXPECT_THAT(std::string(decoded.status().message()), testing::HasSubstr(c.says)) << c.hex;
  }
}

TEST(EntryDeathTest, WhatCouldNotBeReadBackIsNotWritten) {
  std::string out;
  EXPECT_DEATH(Encode(NameEntry{NameKind::kTenant, 1, 0, std::string(kMaxNameBytes + 1, 'x')}, &out), "bound");
  ProgressEntry progress;
  progress.attributions.resize(kMaxAttributions + 1);
  EXPECT_DEATH(Encode(progress, &out), "bound");
}

}  // namespace
}  // namespace penstock::ledger
