// Random tariffs x random usage: what must hold whatever the tariff charges for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "ledger/rating/rate.h"
#include "tests/ledger/random.h"

namespace penstock::ledger::rating {
namespace {

constexpr int kWorlds = 60;
const Instant kStart = Calendar().MonthStart(2026 * 12 + 9);  // 2026-10-01
const Instant kEnd = Calendar().MonthStart(2026 * 12 + 11);   // two months later
constexpr uint32_t kAllClasses = (1u << kServiceClassCount) - 1;

class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {}

  /// Whole whatever factors and rules do to it.
  int64_t Price() { return 3'600 * random_.Between(0, 1'000'000); }
  Ratio Factor() {
    constexpr Ratio kFactors[] = {{0, 1}, {1, 2}, {3, 4}, {1, 1}, {3, 2}, {5, 3}, {2, 1}};
    return kFactors[random_.Index(7)];
  }

  /// Of a linear tariff the bill of two periods is the sum of both.
  Tariff SomeTariff(bool linear) {
    Tariff tariff;
    tariff.version = "v";
    tariff.currency = "EUR";
    tariff.rounding = static_cast<RoundingMode>(random_.Index(4));
    tariff.rounding_unit = Money::FromPico(linear ? 1 : random_.Between(1, 10'000'000'000));
    SomeCalendar(&tariff.calendar);
    for (const char* pool : {"chat", "code"}) tariff.pools.push_back(SomePool(pool, linear));
    tariff.seats = {{"pro", Money::FromPico(Price()), Money::FromPico(linear ? 0 : Price())}};
    tariff.outcomes = {{"done", Money::FromPico(Price())}};
    const absl::Status sound = CheckTariff(tariff);
    EXPECT_TRUE(sound.ok()) << sound;
    return tariff;
  }

  Usage SomeUsage() {
    Usage usage;
    for (const char* pool : {"chat", "code", "unpriced"}) {
      PoolUse use;
      use.pool = pool;
      for (int64_t i = random_.Between(0, 200); i > 0; --i) {
        use.tokens.push_back({SomeWindow(), static_cast<ServiceClass>(random_.Index(kServiceClassCount)), 0,
                              static_cast<uint32_t>(random_.Index(3)), SomeTokens()});
        const Sample sample{SomeWindow(), Work(random_.Between(0, 1'000'000'000)), Work(random_.Between(0, 1'000'000))};
        use.work.push_back({static_cast<Tier>(random_.Index(kTierCount)), sample});
        use.everyone.push_back(sample);
        use.everyone.push_back({SomeWindow(), Work(random_.Between(0, 2'000'000'000)), Work()});
      }
      for (int64_t i = random_.Between(0, 20); i > 0; --i) SomeReservation(&use);
      usage.pools.push_back(std::move(use));
    }
    for (const uint32_t id : {1u, 2u}) {
      for (const TokenKind kind : kAllTokenKinds) usage.posted[id][kind] = random_.Between(0, 30) * 1'000'000;
    }
    for (int64_t i = random_.Between(0, 9); i > 0; --i)
      usage.outcomes.push_back({"done", SomeWindow(), random_.Between(1, 9)});
    return usage;
  }

  Subscription SomeSubscription(bool linear) {
    Subscription s;
    s.from = kStart - Days(random_.Between(0, 40));
    s.seats["pro"] = random_.Between(0, 5);
    s.reservations = {{"chat", WorkPerSecond(random_.Between(1, 1'000'000)), SomeHour(), SomeHour()}};
    s.provisions["code"] = {random_.Between(1, 9), 0, 0};
    s.committed_per_window["chat"] = Work(random_.Between(1, 900'000'000));
    if (linear) return s;
    s.contracted["chat"] = WorkPerSecond(random_.Between(1, 10'000'000));
    s.minimum = Money::FromPico(random_.Between(0, 1'000'000'000'000'000));
    for (int64_t i = random_.Between(0, 4); i > 0; --i) {
      Credit credit;
      credit.name = std::to_string(i);
      credit.kind = random_.OneIn(3) ? Credit::Kind::kService : Credit::Kind::kPrepaid;
      credit.amount = Money::FromPico(random_.Between(0, 1'000'000'000'000'000));
      credit.priority = random_.Between(0, 2);
      s.credits.push_back(credit);
    }
    return s;
  }

  Instant SomeHour() { return WindowStart(SomeWindow(), Hours(1)); }
  Random& random() { return random_; }

 private:
  Instant SomeWindow() { return kStart - Days(40) + Minutes(random_.Between(0, 110 * 1'440)); }

  void SomeReservation(PoolUse* use) {
    const auto id = static_cast<uint32_t>(random_.Between(1, 5));
    const auto kind = static_cast<LineKind>(
        random_.Between(static_cast<int>(LineKind::kPurchase), static_cast<int>(LineKind::kSellBack)));
    const int64_t paid = random_.Between(0, 9'000);
    const bool bought = kind == LineKind::kPurchase;
    use->postings.push_back({id, SomeWindow(), kind, Int128{random_.Between(1, 90'000)} * (bought ? 1 : -1),
                             bought ? paid : random_.Between(0, 9'000), paid});
    use->reserved.push_back({id, SomeWindow(), Work(random_.Between(0, 1'000'000)), Work(random_.Between(0, 1'000'000)),
                             Money::FromPico(random_.Between(0, 1'000'000'000))});
    if (use->reserved.back().promised == Work()) use->reserved.pop_back();
  }

  TokenCounts SomeTokens() {
    TokenCounts counts;
    for (const TokenKind kind : kAllTokenKinds) {
      if (random_.OneIn(2)) counts[kind] = Tokens(random_.Between(0, 1'000'000));
    }
    return counts;
  }

  void SomeCalendar(Calendar* calendar) {
    calendar->zone = "Test/Zone";
    calendar->shifts = {{kStart - Days(100), random_.Between(-12, 12) * 3'600},
                        {kStart + Days(20), random_.Between(-24, 24) * 1'800}};
    calendar->bands = {"low", "high"};
    for (uint8_t& band : calendar->band_of_hour) band = random_.OneIn(2) ? 1 : 0;
    calendar->seasons = {"dry", "wet"};
    for (uint8_t& season : calendar->season_of_month) season = random_.OneIn(2) ? 1 : 0;
  }

  PoolPrices SomePool(const char* name, bool linear) {
    PoolPrices pool;
    pool.pool = name;
    for (TokenPrices& prices : pool.by_class) {
      for (const TokenKind kind : kAllTokenKinds) prices[kind] = Price();
    }
    const uint32_t kinds = static_cast<uint32_t>(random_.Between(1, 127));
    TokenRule rule{kAllClasses, kinds, random_.OneIn(2), {}, {Factor(), Factor()}};
    if (!linear) rule.steps = {{random_.Between(1, 10'000'000), Factor()}, {100'000'000, Factor()}, {0, Factor()}};
    pool.token_rules = {rule};
    pool.capacity_price = Price();
    pool.unit.price = Price();
    pool.commitment = {Price(), Factor(), 0b110};
    if (!linear) {
      for (int64_t i = 0; i < 5; ++i) pool.demand.push_back(SomeDemand(static_cast<DemandRule>(i)));
    }
    return pool;
  }

  DemandCharge SomeDemand(DemandRule rule) {
    DemandCharge charge;
    charge.name = "d" + std::to_string(static_cast<int>(rule));
    charge.rule = rule;
    const bool blocks = rule == DemandRule::kBlockMaximum || rule == DemandRule::kSlidingMaximum;
    if (blocks) charge.windows = random_.Between(1, 120);
    if (rule == DemandRule::kPercentile) charge.percentile = random_.Between(1, 99);
    if (rule == DemandRule::kTopMean || rule == DemandRule::kCoincident) charge.n = random_.Between(1, 9);
    charge.apart = rule == DemandRule::kCoincident ? static_cast<Apart>(random_.Index(3)) : Apart::kWindow;
    charge.season = random_.Between(-1, 1);
    charge.band = random_.Between(-1, 1);
    if (random_.OneIn(2)) {
      charge.ratchet.look_back = random_.Between(1, 11);
      for (size_t m = 0; m < kMonths; ++m) charge.ratchet.percent[m] = 5 * random_.Between(0, 20);
      charge.ratchet.own_percent.fill(100);
    }
    if (random_.OneIn(2)) charge.contracted = {85, 105, {2, 1}};
    const int64_t scale = DemandScale(charge);
    charge.steps = {{random_.Between(1, 1'000'000'000), scale * random_.Between(0, 99)},
                    {0, scale * random_.Between(0, 99)}};
    return charge;
  }

  Random random_;
};

std::string TextOf(const Bill& bill) {
  std::ostringstream text;
  for (const Line& line : bill.lines) {
    text << Name(line.kind) << '|' << line.pool << '|' << line.description << '|' << PicoCount(line.quantity).str()
         << '|' << line.effective.ToDecimal() << '|' << line.unit_price.ToDecimal() << '|' << line.exact.ToDecimal()
         << '|' << line.amount.ToDecimal();
    for (const Instant window : line.windows) text << '|' << window.nanoseconds_since_epoch();
    text << '|' << line.highest_second.count() << '\n';
  }
  text << bill.total.ToDecimal() << '|' << bill.rounding.ToDecimal() << '|' << bill.posted.ToDecimal() << '|'
       << bill.rerated.ToDecimal();
  return text.str();
}

Money ExactSum(const Bill& bill) {
  Money sum;
  for (const Line& line : bill.lines) sum += line.exact;
  return sum;
}

/// Runs `test` in many worlds, each with a seed that is printed when it fails.
void InManyWorlds(const std::function<void(World&)>& test) {
  const uint64_t seed = SeedOfThisRun();
  for (uint64_t i = 0; i < kWorlds && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(SeedText(seed) + ", world " + std::to_string(i));
    World world(seed + i);
    test(world);
  }
}

TEST(RatingProperty, LinesAndRoundingAddUpToTheLastPico) {
  InManyWorlds([](World& world) {
    const Tariff tariff = world.SomeTariff(false);
    const Usage usage = world.SomeUsage();
    const Bill bill = Rate(tariff, usage, world.SomeSubscription(false), {kStart, kEnd});
    Money exact, amounts, tokens, reservations, effective;
    for (const Line& line : bill.lines) {
      ASSERT_NE(line.quantity, 0);
      ASSERT_EQ(line.exact.pico(), PicoCount(line.unit_price.pico() * PicoCount(line.quantity)));
      ASSERT_EQ(line.amount, line.exact.RoundedTo(tariff.rounding_unit, tariff.rounding));
      exact += line.exact;
      amounts += line.amount;
      if (line.kind == LineKind::kTokens) tokens += line.exact;
      if (line.reservation != 0) reservations += line.exact;
      effective += line.effective;
    }
    EXPECT_EQ(bill.total, amounts);
    EXPECT_EQ(bill.total + bill.rounding, exact);
    EXPECT_TRUE(reservations.IsNegative() || !bill.total.IsNegative());
    // What settlements posted, from the rows; what closing posts makes it the token lines.
    Money posted, bought, earned;
    const auto is_in = [](Instant at) { return at >= kStart && at < kEnd; };
    for (const PoolUse& use : usage.pools) {
      const PoolPrices* pool = tariff.PricesOf(use.pool);
      for (const TokenRow& row : use.tokens) {
        if (!is_in(row.at) || pool == nullptr) continue;
        const TokenPrices& flat = pool->by_class[static_cast<size_t>(row.served)];
        posted += TokenCharge(row.tokens,
                              row.posted == 0 ? flat : CoupledPrices(*pool, row.served, usage.posted.at(row.posted)));
      }
      for (const ReservationPosting& row : use.postings) {
        if (!is_in(row.at)) continue;
        const auto quantity = static_cast<int64_t>(row.quantity);
        bought += Money::FromPico(row.unit_price) * quantity;
        earned += Money::FromPico(row.unit_price - row.paid_price) * quantity;
      }
      for (const ReservationUse& row : use.reserved) {
        if (is_in(row.from)) earned += row.earned;
      }
    }
    EXPECT_EQ(bill.posted, posted + bought);
    EXPECT_EQ(reservations, bought);
    EXPECT_EQ(effective, earned);
    EXPECT_EQ(bill.posted + bill.rerated, tokens + reservations);
  });
}

TEST(RatingProperty, OrderAndBatchingOfRowsNeverChangeABill) {
  InManyWorlds([](World& world) {
    const Tariff tariff = world.SomeTariff(false);
    const Subscription subscription = world.SomeSubscription(false);
    const Usage usage = world.SomeUsage();
    Usage shuffled;
    std::vector<PoolUse> parts(4);
    const auto swap_some = [&](auto& rows) {
      for (size_t i = 1; i < rows.size(); ++i) std::swap(rows[i], rows[world.random().Index(i + 1)]);
    };
    for (const PoolUse& use : usage.pools) {
      for (PoolUse& part : parts) part = {use.pool, {}, {}, {}, {}, {}, {}};
      const auto some = [&]() -> PoolUse& { return parts[world.random().Index(parts.size())]; };
      for (TokenRow row : use.tokens) {  // half of it here, the rest there
        TokenRow half = row;
        for (const TokenKind kind : kAllTokenKinds) half.tokens[kind] = Tokens(row.tokens[kind].count() / 2);
        row.tokens = row.tokens - half.tokens;
        some().tokens.push_back(row);
        some().tokens.push_back(half);
      }
      for (WorkRow row : use.work) {
        WorkRow half = row;
        half.sample.work = Work(row.sample.work.count() / 2);
        row.sample.work -= half.sample.work;
        some().work.push_back(row);
        some().work.push_back(half);
      }
      for (const Sample& sample : use.everyone) some().everyone.push_back(sample);
      for (const ReservationPosting& row : use.postings) some().postings.push_back(row);
      for (const ReservationUse& row : use.reserved) some().reserved.push_back(row);
      for (PoolUse& part : parts) {
        swap_some(part.tokens);
        swap_some(part.work);
        swap_some(part.everyone);
        swap_some(part.postings);
        swap_some(part.reserved);
        shuffled.pools.push_back(part);
      }
    }
    swap_some(shuffled.pools);
    shuffled.posted = usage.posted;
    shuffled.outcomes = usage.outcomes;
    swap_some(shuffled.outcomes);
    const Period period{kStart, kEnd};
    EXPECT_EQ(TextOf(Rate(tariff, usage, subscription, period)), TextOf(Rate(tariff, shuffled, subscription, period)));
  });
}

TEST(RatingProperty, TwoPartsOfAPeriodAddUpToTheWhole) {  // where no rule looks at the period as a whole
  InManyWorlds([](World& world) {
    const Tariff tariff = world.SomeTariff(true);
    const Subscription subscription = world.SomeSubscription(true);
    const Usage usage = world.SomeUsage();
    const Instant middle = std::clamp(world.SomeHour(), kStart, kEnd);
    const Bill whole = Rate(tariff, usage, subscription, {kStart, kEnd});
    const Bill first = Rate(tariff, usage, subscription, {kStart, middle});
    const Bill second = Rate(tariff, usage, subscription, {middle, kEnd});
    EXPECT_EQ(ExactSum(first) + ExactSum(second), ExactSum(whole)) << TextOf(first) << '\n'
                                                                   << TextOf(second) << '\n'
                                                                   << TextOf(whole);
    EXPECT_EQ(first.posted + second.posted, whole.posted);
  });
}

Usage Negated(Usage usage) {
  for (PoolUse& use : usage.pools) {
    for (TokenRow& row : use.tokens) row.tokens = TokenCounts() - row.tokens;
    for (WorkRow& row : use.work) row.sample.work = -row.sample.work;
    for (Sample& sample : use.everyone) sample.work = -sample.work;
    for (ReservationPosting& row : use.postings) row.quantity = -row.quantity;
    for (ReservationUse& row : use.reserved) {
      row.promised = -row.promised;
      row.delivered = -row.delivered;
      row.earned = -row.earned;
    }
  }
  for (OutcomeUse& use : usage.outcomes) use.accepted = -use.accepted;
  return usage;
}

TEST(RatingProperty, AReversalRatesToZero) {
  InManyWorlds([](World& world) {
    const Tariff tariff = world.SomeTariff(false);
    const Subscription subscription = world.SomeSubscription(false);
    Usage usage = world.SomeUsage();
    const Period period{kStart, kEnd};
    const Bill nothing = Rate(tariff, {}, subscription, period);
    const Usage reversal = Negated(usage);
    usage.pools.insert(usage.pools.end(), reversal.pools.begin(), reversal.pools.end());
    usage.outcomes.insert(usage.outcomes.end(), reversal.outcomes.begin(), reversal.outcomes.end());
    EXPECT_EQ(TextOf(Rate(tariff, usage, subscription, period)), TextOf(nothing)) << "as if it had never been";
  });
}

TEST(RatingProperty, AReversalAloneIsTheExactOpposite) {
  InManyWorlds([](World& world) {
    Tariff tariff = world.SomeTariff(false);
    for (PoolPrices& pool : tariff.pools) {
      pool.demand.clear();  // a negative peak is no peak
      pool.commitment = {};
      for (TokenRule& rule : pool.token_rules) rule.volume = false;
    }
    const Usage usage = world.SomeUsage();
    const Period period{kStart, kEnd};
    const Bill bill = Rate(tariff, usage, {}, period);
    const Bill reversed = Rate(tariff, Negated(usage), {}, period);
    EXPECT_EQ(reversed.total, -bill.total);
    EXPECT_EQ(reversed.rounding, -bill.rounding);
    EXPECT_EQ(reversed.rerated, -bill.rerated);
  });
}

// ---- Every rule against the plainest way to say it.

TEST(DemandProperty, EveryRuleIsWhatItsSentenceSays) {
  const uint64_t seed = SeedOfThisRun();
  for (uint64_t i = 0; i < 300 && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(SeedText(seed) + ", series " + std::to_string(i));
    Random random(seed + i);
    const int64_t count = random.Between(1, 120);
    const int64_t offset = random.Between(0, 1'000);
    std::vector<int64_t> dense(static_cast<size_t>(count));
    std::vector<Sample> samples;
    for (int64_t k = 0; k < count; ++k) {
      if (!random.OneIn(3)) continue;
      dense[static_cast<size_t>(k)] = random.Between(0, 9);
      samples.push_back({Instant() + kBaseWindow * (offset + k), Work(dense[static_cast<size_t>(k)]), Work()});
    }
    const Series series = SumByWindow(samples);
    const int64_t length = random.Between(1, 20);
    int64_t sliding = 0;
    std::map<int64_t, int64_t> blocks;
    for (int64_t k = 0; k < count; ++k) {
      int64_t sum = 0;
      for (int64_t w = k; w < std::min(count, k + length); ++w) sum += dense[static_cast<size_t>(w)];
      sliding = std::max(sliding, sum);
      blocks[(offset + k) / length] += dense[static_cast<size_t>(k)];
    }
    int64_t block = 0;
    for (const auto& [start, sum] : blocks) block = std::max(block, sum);
    EXPECT_EQ(BlockMaximum(series, length).sum, block);
    EXPECT_EQ(SlidingMaximum(series, length).sum, sliding);

    std::vector<int64_t> sorted = dense;
    std::sort(sorted.begin(), sorted.end());
    const int64_t percentile = random.Between(1, 99);
    const auto rank = static_cast<size_t>(count - count * (100 - percentile) / 100);
    EXPECT_EQ(Percentile(series, percentile, count).sum, sorted[rank - 1]);

    const auto n = static_cast<size_t>(random.Between(1, 20));
    int64_t top = 0;
    for (size_t k = 0; k < std::min(n, sorted.size()); ++k) top += sorted[sorted.size() - 1 - k];
    EXPECT_EQ(TopSum(series, static_cast<int64_t>(n)).sum, top);
  }
}

}  // namespace
}  // namespace penstock::ledger::rating
