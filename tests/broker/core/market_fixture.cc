#include "tests/broker/core/market_fixture.h"

namespace penstock::core {

EngineSettings MarketWorld() {
  EngineSettings settings = SmallWorld();
  PoolSettings& pool = settings.pools.front();
  pool.terms.max_in_flight = 100;
  pool.market.open = true;
  pool.market.margin = 100;
  // Half a second of slot for every 5 nt: 0.1 slots for 1 nt/s.
  pool.market.envelope = {.mean_work = NormalizedTokens(5), .mean_residence = Milliseconds(500), .largest_context = {}};
  pool.market.scarcity = {{0, 0}, {500, 0}, {1'000, 2'000}};
  pool.market.posted.curve = {{0, 800}, {500, 1'000}, {1'000, 3'000}};
  ledger::PoolPrices& prices = settings.tariff.pools.front();
  prices.capacity_price = 600;  // pico for a milli-nt/s and hour: 10 a minute
  prices.coupling.classes = 1u << static_cast<unsigned>(ServiceClass::kDefault);
  prices.service_level.queue_delay = Seconds(1);
  prices.service_level.time_to_first_token = Seconds(10);
  prices.service_level.credits = {{990, 10}, {900, 50}};
  return settings;
}

Instant MarketTest::Hour(int64_t n) { return WindowStart(kStart, Hours(1)) + Hours(n + 1); }

ledger::RateStep MarketTest::Step(int64_t from_hour, int64_t to_hour, int64_t nt_per_s) {
  return {Hour(from_hour), Hour(to_hour), NormalizedTokensPerSecond(nt_per_s), 0};
}

MarketCaller MarketTest::Caller(const std::string& tenant, const std::string& request_id,
                                const std::string& body) const {
  MarketCaller caller;
  caller.tenant = world_.TenantNamed(tenant);
  caller.by = "0badcafe";
  caller.request_id = request_id;
  caller.body = ledger::DigestOf(body);
  return caller;
}

AskQuote MarketTest::Wanted(const std::string& tenant, std::vector<ledger::RateStep> steps) const {
  AskQuote ask;
  ask.caller = Caller(tenant);
  ask.wish.pool = world_.PoolNamed("chat");
  ask.wish.steps = std::move(steps);
  return ask;
}

ChangeReservation MarketTest::ChangeOf(const std::string& tenant, uint32_t id, ChangeReservation::What what,
                                       std::vector<ledger::RateStep> steps) const {
  ChangeReservation change;
  change.caller = Caller(tenant);
  change.reservation = id;
  change.what = what;
  change.steps = std::move(steps);
  return change;
}

ledger::QuoteEntry MarketTest::QuoteFor(const std::string& tenant, std::vector<ledger::RateStep> steps) {
  return Expect<Quoted>(Wanted(tenant, std::move(steps))).quote;
}

uint32_t MarketTest::Buy(const std::string& tenant, std::vector<ledger::RateStep> steps) {
  AcceptQuote accept;
  accept.quote = QuoteFor(tenant, std::move(steps)).id;
  accept.caller = Caller(tenant);
  return Expect<ReservationChanged>(accept).id;
}

ReservationChanged MarketTest::Changed(ChangeReservation change) {
  return Expect<ReservationChanged>(std::move(change));
}

}  // namespace penstock::core
