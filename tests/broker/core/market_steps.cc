#include "tests/broker/core/market_steps.h"

#include <algorithm>

#include "admission/vocabulary/check.h"
#include "broker/market/reshape.h"
#include "ledger/reservation_states.h"

namespace penstock::core {
namespace {

EngineSettings Scarce() {
  EngineSettings settings = MarketWorld();
  PoolSettings& pool = settings.pools.front();
  pool.terms.kv_tokens = 20'000;
  pool.market.envelope.largest_context = Tokens(100);
  pool.market.lock_time = Hours(3);
  pool.market.approval_above = ledger::Money::FromPico(400'000'000);
  return settings;
}

}  // namespace

MarketSteps::MarketSteps(uint64_t seed) : random_(seed), world_(Scarce()) { Check(); }

MarketCaller MarketSteps::Caller(const std::string& tenant) {
  MarketCaller caller;
  caller.tenant = world_.TenantNamed(tenant);
  caller.by = "0badcafe";
  // Sometimes an id that came before, so that some are repetitions and some are errors.
  if (OneIn(3)) caller.request_id = std::to_string(OneIn(4) ? Below(requests_ + 1) : ++requests_);
  caller.body = ledger::DigestOf(caller.request_id + (OneIn(50) ? "!" : ""));
  caller.validate_only = OneIn(12);
  return caller;
}

std::vector<ledger::RateStep> MarketSteps::Steps() {
  std::vector<ledger::RateStep> steps;
  Instant at = market::WholeMinute(world_.now()) + Minutes(10 * Below(12 * 6));
  for (int64_t n = 1 + Below(3); n > 0; --n) {
    const Instant to = at + Minutes(10 * (1 + Below(30)));
    steps.push_back({at, to, WorkPerSecond(1 + Below(OneIn(3) ? 600'000 : 150'000)), 0});
    at = to + Minutes(10 * Below(12));
  }
  if (OneIn(30)) steps.front().from = steps.front().from - Hours(20);  // past, or overlapping nothing
  if (OneIn(40)) steps.back().to = steps.back().from;
  return steps;
}

/// What it promises, or a part, or more of it, or at another time.
std::vector<ledger::RateStep> MarketSteps::StepsLike(const ledger::ReservationRecord& record) {
  if (OneIn(4)) return Steps();
  std::vector<ledger::RateStep> steps;
  for (ledger::RateStep step : record.terms.steps) {
    if (!steps.empty() && step.from < steps.back().to) continue;
    step.from = std::max(step.from, market::WholeMinute(world_.now()));
    if (step.from >= step.to) continue;
    step.unit_price = 0;
    switch (Below(5)) {
      case 0:
        step.rate = WorkPerSecond(1 + Below(step.rate.count() * 2));
        break;
      case 1:
        step.to = step.to + Minutes(10 * Below(20));
        break;
      case 2:
        step.rate = WorkPerSecond(1 + Below(step.rate.count()));
        break;
      case 3:
        step.from = step.from + Minutes(Below((step.to - step.from).count() / Minutes(1).count()));
        break;
      default:
        break;
    }
    if (steps.empty() || step.from >= steps.back().to) steps.push_back(step);
  }
  return steps.empty() ? Steps() : steps;
}

template <class Command>
void MarketSteps::Ask(const std::string& name, Command command) {
  const Outcome outcome = world_.Ask(std::move(command));
  if (const auto* error = std::get_if<Error>(&outcome)) {
    ++counts_[name + ": error " + std::to_string(static_cast<int>(error->reason))];
  } else if (std::holds_alternative<NotSellable>(outcome)) {
    ++counts_[name + ": not sellable"];
  } else {
    ++counts_[name];
  }
  if (const auto* quoted = std::get_if<Quoted>(&outcome); quoted != nullptr && quoted->quote.id != 0) {
    quotes_.emplace_back(world_.engine().books().NameOf(ledger::NameKind::kTenant, quoted->quote.tenant.value).name,
                         quoted->quote.id);
  }
}

void MarketSteps::Quote() {
  AskQuote ask;
  const std::string tenant = Tenant();
  ask.caller = Caller(tenant);
  ask.wish.pool = world_.PoolNamed("chat");
  ask.wish.steps = Steps();
  if (OneIn(4)) ask.wish.envelope.mean_residence = Milliseconds(100 + Below(2'000));
  Ask("quote", std::move(ask));
}

void MarketSteps::Accept() {
  if (quotes_.empty()) return Quote();
  const auto& [tenant, id] = quotes_[quotes_.size() - 1 - static_cast<size_t>(Below(std::min<int64_t>(4, static_cast<int64_t>(quotes_.size()))))];
  if (OneIn(15)) return Ask("withdraw quote", WithdrawQuote{.ticket = 0, .caller = Caller(tenant), .quote = id});
  Ask("accept", AcceptQuote{.ticket = 0, .caller = Caller(OneIn(30) ? Tenant() : tenant), .quote = id});
}

void MarketSteps::Change() {
  const ledger::MarketRecords& records = world_.engine().books().market();
  if (records.last_reservation() == 0) return Quote();
  // Mostly lately bought ones: others are over.
  const int64_t back = Below(std::min<int64_t>(records.last_reservation(), 30));
  const ledger::ReservationRecord& record =
      *records.FindReservation(records.last_reservation() - static_cast<uint32_t>(back));
  ChangeReservation change;
  change.caller = Caller(world_.engine().books().NameOf(ledger::NameKind::kTenant, record.tenant.value).name);
  change.reservation = record.id;
  if (OneIn(5)) change.etag = record.version() - (OneIn(3) ? 1 : 0);
  static constexpr ChangeReservation::What kWhats[] = {
      ChangeReservation::What::kAmend,   ChangeReservation::What::kAmend,    ChangeReservation::What::kAmend,
      ChangeReservation::What::kCancel,  ChangeReservation::What::kSellBack, ChangeReservation::What::kSellBack,
      ChangeReservation::What::kSuspend, ChangeReservation::What::kResume};
  change.what = kWhats[Below(std::size(kWhats))];
  if (change.what == ChangeReservation::What::kAmend || (change.what == ChangeReservation::What::kSellBack && OneIn(2))) {
    change.steps = StepsLike(record);
  }
  Ask("change " + std::to_string(static_cast<int>(change.what)), std::move(change));
}

void MarketSteps::Decide() {
  const ledger::MarketRecords& records = world_.engine().books().market();
  for (uint32_t id = records.last_reservation(); id >= 1 && id + 40 > records.last_reservation(); --id) {
    const ledger::ReservationRecord& record = *records.FindReservation(id);
    if (record.state != ledger::ReservationState::kPending && record.state != ledger::ReservationState::kAmending) continue;
    DecideReservation decide;
    decide.caller = Caller(world_.engine().books().NameOf(ledger::NameKind::kTenant, record.tenant.value).name);
    decide.reservation = id;
    decide.approve = !OneIn(3);
    return Ask("decide", std::move(decide));
  }
}

void MarketSteps::Bid() {
  const std::string tenant = Tenant();
  const ledger::MarketRecords& records = world_.engine().books().market();
  if (records.last_bid() > 0 && OneIn(4)) {
    return Ask("withdraw bid", WithdrawBid{.ticket = 0,
                                           .caller = Caller(tenant),
                                           .bid = records.last_bid() - static_cast<uint64_t>(Below(static_cast<int64_t>(
                                                                           std::min<uint64_t>(records.last_bid(), 5))))});
  }
  PlaceBid place;
  place.caller = Caller(tenant);
  place.wish.pool = world_.PoolNamed("chat");
  place.wish.steps = Steps();
  place.limit_price = 8 + Below(15);
  place.expires = world_.now() + Minutes(1 + Below(600));
  Ask("bid", std::move(place));
}

void MarketSteps::LoseCapacity() {
  SetCapacity set;
  set.pool = world_.PoolNamed("chat");
  set.capacity = NormalizedTokensPerSecond(OneIn(2) ? 1'000 : 300 + Below(1'000));
  Ask("report capacity", std::move(set));
}

void MarketSteps::PlanCapacity() {
  EngineSettings& settings = world_.settings();
  market::MarketTerms& terms = settings.pools.front().market;
  terms.planned.clear();
  Instant at = WindowStart(world_.now(), Hours(1));
  for (int64_t n = Below(4); n > 0; --n) {
    at = at + Minutes(30 * (1 + Below(20)));
    terms.planned.push_back({at, NormalizedTokensPerSecond(500 + Below(1'500)), 50 + Below(150), 20'000});
  }
  terms.margin = Below(200);
  Reconfigure reconfigure;
  reconfigure.settings = std::make_shared<const EngineSettings>(settings);
  Ask("plan capacity", std::move(reconfigure));
}

void MarketSteps::Serve() {
  if (!granted_.empty() && OneIn(2)) {
    Ask("complete", world_.CompletionOf(granted_.back(), 10, Below(80)));
    granted_.pop_back();
    return;
  }
  Admit admit = world_.Request(Tenant(), "r" + std::to_string(++requests_), 1 + Below(40), 1 + Below(80));
  admit.max_wait = Duration::Zero();
  admit.ticket = 0;
  const Outcome outcome = world_.Ask(std::move(admit));
  const auto* granted = std::get_if<Granted>(&outcome);
  if (granted == nullptr) return void(++counts_["serve: refused"]);
  ++counts_[granted->terms.served == ServiceClass::kReserved ? "serve inside" : "serve"];
  granted_.push_back(*granted);
}

/// Every entry since the last time goes through both checks, and into books of their own.
void MarketSteps::Check() {
  const absl::Status read =
      world_.journal().journal().Read(checked_ + 1, [this](uint64_t, std::string_view payload) {
        absl::StatusOr<ledger::Entry> entry = ledger::Decode(payload);
        if (!entry.ok()) return entry.status();
        const absl::Status naive = naive_.Observe(*entry, books_);
        const absl::Status fast = fast_.Observe(*entry, books_);
        EXPECT_EQ(naive, fast) << "the two calendars differ";
        EXPECT_TRUE(naive.ok()) << naive.message();
        if (const auto* event = std::get_if<ledger::ReservationEntry>(&*entry)) {
          ++counts_["event " + std::string(Name(event->event))];
        }
        ++checked_;
        return books_.Apply(*entry);
      });
  PENSTOCK_CHECK(read.ok());
}

void MarketSteps::Step() {
  switch (Below(24)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return Quote();
    case 5:
    case 6:
    case 7:
    case 8:
      return Accept();
    case 9:
    case 10:
    case 11:
    case 12:
    case 13:
      return Change();
    case 14:
      return Decide();
    case 15:
    case 16:
      return Bid();
    case 17:
      return OneIn(4) ? LoseCapacity() : Serve();
    case 18:
      return OneIn(6) ? PlanCapacity() : Serve();
    case 19:
    case 20:
      return Serve();
    default:
      world_.Advance(Seconds(1 + Below(OneIn(5) ? 3'600 : 600)));
      ++counts_["time passes"];
  }
}

void MarketSteps::Run(int64_t steps) {
  for (int64_t i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
    Step();
    Check();
    if (i % 100 == 99) world_.engine().CheckInvariants();
    if (OneIn(400)) {
      if (OneIn(3)) world_.LoseProjections();
      world_.Restart(Seconds(Below(1'000)));
      granted_.clear();
      ++counts_["crash and restart"];
      Check();
    }
  }
}

}  // namespace penstock::core
