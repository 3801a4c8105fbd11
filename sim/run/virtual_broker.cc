#include "sim/run/virtual_broker.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"
#include "ledger/journal.h"
#include "sim/run/chain_journal.h"

namespace penstock::sim {
namespace {

constexpr int kMostWakesAtOnce = 1'000;  // more without time moving on is a loop
// A ticket is a running number and, below it, the place of the request that asks.
constexpr int kPlaceBits = 24;
constexpr uint32_t kNoPlace = (1u << kPlaceBits) - 1;  // of commands that are no request's

/// Stands for the body of a request: all that matters is that others have others.
ledger::BodyDigest BodyOf(uint64_t request, uint8_t what) {
  ledger::BodyDigest digest{};
  static_assert(sizeof(digest) > sizeof(request));
  std::memcpy(digest.data(), &request, sizeof(request));
  digest.back() = what;
  return digest;
}

Duration HalfOf(Duration whole) { return Duration(DivideRoundDown(whole.count(), int64_t{2})); }

/// Puts what the client says in place of what will be.
void Say(const Said& said, core::Admit* admit) {
  admit->input = said.input;
  admit->estimated = said.estimated;
  admit->depth = said.depth;
  admit->content = said.content;
  admit->labels = said.labels;
}

/// What is left of an answer that may not be longer than the cap: reasoning comes first.
void CutOff(Tokens cap, TokenCounts* tokens) {
  tokens->operator[](TokenKind::kReasoning) = std::min((*tokens)[TokenKind::kReasoning], cap);
  tokens->operator[](TokenKind::kOutput) =
      std::min((*tokens)[TokenKind::kOutput], cap - (*tokens)[TokenKind::kReasoning]);
}

}  // namespace

ServiceClass StandsAs(const core::TenantSettings& tenant, std::optional<ServiceClass> asks) {
  switch (tenant.tier) {
    case Tier::kFree:
      return ServiceClass::kFree;
    case Tier::kReserved:
      return ServiceClass::kSpillover;
    case Tier::kElastic:
      break;
  }
  return asks.value_or(ServiceClass::kDefault);
}

absl::StatusOr<std::unique_ptr<VirtualBroker>> VirtualBroker::Open(VirtualWorld world, Watcher* watcher) {
  PENSTOCK_CHECK(!world.settings.pools.empty() && world.fleets.size() == world.settings.pools.size());
  PENSTOCK_CHECK(world.traffic != nullptr && world.begin == WindowStart(world.begin, Hours(1)));
  std::unique_ptr<ledger::Journal> journal = std::make_unique<ChainJournal>();
  if (world.keeps_journal) journal = ledger::NewMemoryJournal();
  auto engine = core::Engine::Open(world.settings, std::move(journal), core::FairScheduling(), world.begin);
  if (!engine.ok()) return engine.status();
  std::unique_ptr<VirtualBroker> broker(new VirtualBroker(std::move(world), watcher, *std::move(engine)));
  if (absl::Status bought = broker->Purchase(); !bought.ok()) return bought;
  return broker;
}

VirtualBroker::VirtualBroker(VirtualWorld world, Watcher* watcher, std::unique_ptr<core::Engine> engine)
    : world_(std::move(world)),
      watcher_(watcher),
      engine_(std::move(engine)),
      streams_(world_.seed),
      now_(world_.begin) {
  Identify();
  planner_.Recall(*engine_);
  for (size_t i = 0; i < world_.capacity_changes.size(); ++i) {
    scheduled_.Push(world_.begin + world_.capacity_changes[i].at,
                    {.kind = Event::Kind::kCapacity, .index = static_cast<uint32_t>(i)});
  }
  scheduled_.Push(world_.begin + planning::Planner::kPlanEvery, {.kind = Event::Kind::kPlan});
  next_arrival_ = world_.traffic->Next();
}

void VirtualBroker::Identify() {
  const ledger::Books& books = engine_->books();
  for (const Client& client : world_.clients) {
    const auto& tenants = world_.settings.tenants;
    const auto settings = std::find_if(tenants.begin(), tenants.end(),
                                       [&](const core::TenantSettings& t) { return t.name == client.tenant; });
    PENSTOCK_CHECK(settings != tenants.end() && !client.pools.empty());
    Identity identity;
    identity.tenant = TenantId{*books.IdOf(ledger::NameKind::kTenant, 0, client.tenant)};
    identity.key = KeyId{*books.IdOf(ledger::NameKind::kKey, identity.tenant.value, client.key)};
    identity.stands_as = StandsAs(*settings, client.asks);
    for (const size_t pool : client.pools) identity.pools.push_back(this->pool(pool).id());
    identities_.push_back(identity);
  }
}

Duration VirtualBroker::FirstMinute() { return WindowStart(kWorldBegin, Minutes(1)) + Minutes(2) - kWorldBegin; }

absl::Status VirtualBroker::Purchase() {
  for (const BoughtWindow& window : world_.purchases) {
    const auto fails = [&](std::string_view what) {
      return absl::InvalidArgumentError(absl::StrCat("'", window.tenant, "' cannot buy ", window.rate.count() / 1'000,
                                                     " nt/s from minute ", window.from_minute, " to ", window.to_minute,
                                                     ": ", std::string(what)));
    };
    core::AskQuote ask;
    ask.caller.tenant = TenantId{engine_->books().IdOf(ledger::NameKind::kTenant, 0, window.tenant).value()};
    ask.caller.by = "simulator";
    ask.wish.pool = pool().id();
    const Instant begin = world_.begin + FirstMinute();
    ask.wish.steps = {{begin + Minutes(window.from_minute), begin + Minutes(window.to_minute), window.rate, 0}};
    ask.wish.overrun = window.overrun;
    const core::Outcome quoted = Tell(ask);
    if (const auto* error = std::get_if<core::Error>(&quoted)) return fails(error->message);
    if (!std::holds_alternative<core::Quoted>(quoted)) return fails("the pool has not that much left to sell");
    const core::Outcome bought =
        Tell(core::AcceptQuote{.ticket = 0, .caller = ask.caller, .quote = std::get<core::Quoted>(quoted).quote.id});
    if (const auto* error = std::get_if<core::Error>(&bought)) return fails(error->message);
    PENSTOCK_CHECK(std::holds_alternative<core::ReservationChanged>(bought));
  }
  return absl::OkStatus();
}

void VirtualBroker::RunUntil(Duration at) {
  Run(world_.begin + at);
  now_ = std::max(now_, world_.begin + at);
  for (const auto& fleet : world_.fleets) {
    fleet->AdvanceTo(now_, &fleet_events_);
    PENSTOCK_CHECK(fleet_events_.empty());  // whatever there was has happened
  }
}

void VirtualBroker::RunToEnd() { Run(Instant::Max()); }

Instant VirtualBroker::NextOfFleets() const {
  Instant next = Instant::Max();
  for (const auto& fleet : world_.fleets) next = std::min(next, fleet->NextEvent());
  return next;
}

void VirtualBroker::Run(Instant until) {
  int wakes = 0;
  while (true) {
    const Instant fleets = NextOfFleets();
    const Instant scheduled = scheduled_.NextTime();
    const Instant arrival = next_arrival_ ? world_.begin + next_arrival_->at : Instant::Max();
    const Instant event = std::min({fleets, scheduled, arrival});
    const Instant wake = std::max(engine_->NextWake(), now_);
    const Instant next = std::min(wake, event);
    if (next == Instant::Max() || next > until) break;
    wakes = next == now_ && wake < event ? wakes + 1 : 0;
    PENSTOCK_CHECK(wakes < kMostWakesAtOnce);
    now_ = next;
    ++events_seen_;
    if (wake < event) {
      Apply(core::Tick{});
    } else if (fleets == next) {
      AdvanceFleets();
    } else if (scheduled == next) {
      Happen(scheduled_.Pop());
    } else {
      Arrive();
    }
  }
  PENSTOCK_CHECK(engine_->ledger().WriteBatch().ok());
  unwritten_ = 0;
}

void VirtualBroker::AdvanceFleets() {
  for (size_t pool = 0; pool < world_.fleets.size(); ++pool) {
    world_.fleets[pool]->AdvanceTo(now_, &fleet_events_);
    // An event may make the engine grant, and the fleet take, the next request; it cannot bring events of this fleet
    // that are due already.
    for (const FleetEvent& event : fleet_events_) OnFleet(pool, event);
    fleet_events_.clear();
  }
}

void VirtualBroker::OnFleet(size_t pool, const FleetEvent& event) {
  const auto place = static_cast<uint32_t>(event.id);
  Request& request = requests_[place];
  PENSTOCK_CHECK(request.running && request.pool == pool);
  if (event.kind == FleetEvent::Kind::kFirstToken) {
    request.complete.first_token_at = event.at;
  } else {
    Finish(place, event.at);
  }
}

void VirtualBroker::Happen(const Event& event) {
  switch (event.kind) {
    case Event::Kind::kRetry:
      ++requests_[event.index].made.number;
      return Ask(event.index);
    case Event::Kind::kReport:
      return Report(event.index, event.request);
    case Event::Kind::kCapacity:
      return ChangeCapacity(world_.capacity_changes[event.index]);
    case Event::Kind::kPlan:
      return Plan();
  }
}

uint32_t VirtualBroker::Place() {
  if (free_places_.empty()) {
    PENSTOCK_CHECK(requests_.size() < kNoPlace);
    requests_.emplace_back();
    return static_cast<uint32_t>(requests_.size() - 1);
  }
  const uint32_t place = free_places_.back();
  free_places_.pop_back();
  return place;
}

void VirtualBroker::Leave(uint32_t place) {
  Request& request = requests_[place];
  request.ticket = 0;
  request.running = false;
  free_places_.push_back(place);
  --open_;
}

void VirtualBroker::Arrive() {
  const uint32_t place = Place();
  ++open_;
  Request& request = requests_[place];
  request.arrival = *std::move(next_arrival_);
  next_arrival_ = world_.traffic->Next();
  PENSTOCK_CHECK(!next_arrival_ || next_arrival_->at >= request.arrival.at);
  request.number = arrived_++;
  request.made = Try();
  request.made.request = request.number;
  request.made.client = request.arrival.tenant;
  if (watcher_ != nullptr) watcher_->OnArrival(request.arrival);
  Ask(place);
}

void VirtualBroker::Ask(uint32_t place) {
  Request& request = requests_[place];
  const Client& client = world_.clients[request.arrival.tenant];
  const Identity& identity = identities_[request.arrival.tenant];
  core::Admit admit;
  admit.ticket = (++asked_ << kPlaceBits) | place;
  request.ticket = admit.ticket;
  admit.tenant = identity.tenant;
  admit.key = identity.key;
  admit.request_id = absl::StrCat(request.number);
  admit.body = BodyOf(request.number, 1);
  admit.pools = identity.pools;
  for (TokenKind kind : kAllTokenKinds) {
    if (!IsGenerated(kind)) admit.input[kind] = request.arrival.tokens[kind];
  }
  if (!world_.said.empty()) Say(world_.said[request.number], &admit);
  admit.max_output = Tokens(request.arrival.max_output_tokens);
  admit.max_wait = client.max_wait;
  admit.wanted = client.asks;
  admit.run = request.arrival.run;

  Try& made = request.made;
  const int number = made.number;
  made = {.request = request.number, .client = request.arrival.tenant, .number = number, .at = now()};
  made.stood_as = identity.stands_as;
  made.reclaim_bound = pool(client.pools.front()).ReclaimBound();
  Apply(std::move(admit));
}

void VirtualBroker::ChangeCapacity(const CapacityChange& change) {
  if (change.replicas > 0) world_.fleets[change.pool]->SetReplicas(change.replicas, now_);
  Tell(core::SetCapacity{.ticket = 0,
                         .pool = pool(change.pool).id(),
                         .capacity = change.capacity,
                         .max_in_flight = change.max_in_flight,
                         .kv_tokens = change.kv_tokens});
}

void VirtualBroker::Plan() {
  if (const std::optional<core::SetPlan> plan = planner_.TakePlan(now_)) Apply(*plan);
  const bool goes_on =
      next_arrival_ || !scheduled_.empty() || NextOfFleets() < Instant::Max() || engine_->NextWake() < Instant::Max();
  if (goes_on) scheduled_.Push(now_ + planning::Planner::kPlanEvery, {.kind = Event::Kind::kPlan});
}

void VirtualBroker::Apply(core::Command&& command) {
  core::Effects effects = std::exchange(effects_, {});
  if (watcher_ != nullptr) watcher_->OnCommand(command, now_);
  engine_->Apply(std::move(command), now_, &effects);
  if (++unwritten_ >= kCommandsPerRow) {
    PENSTOCK_CHECK(engine_->ledger().WriteBatch().ok());
    unwritten_ = 0;
  }
  planner_.Observe(effects);
  for (const core::Answer& answer : effects.answers) OnAnswer(answer);
  effects.answers.clear();
  effects.observations.clear();
  effects.waits.clear();
  effects_ = std::move(effects);  // its memory is used again
}

template <class Command>
core::Outcome VirtualBroker::Tell(Command command) {
  told_ = {};
  telling_ = command.ticket = (++asked_ << kPlaceBits) | kNoPlace;
  Apply(std::move(command));
  telling_ = 0;
  return std::exchange(told_, {});
}

core::Outcome VirtualBroker::Close(core::CloseStatement close) { return Tell(std::move(close)); }

void VirtualBroker::OnAnswer(const core::Answer& answer) {
  if (telling_ != 0 && answer.ticket == telling_) {
    told_ = answer.outcome;
    return;
  }
  const auto place = static_cast<uint32_t>(answer.ticket & kNoPlace);
  if (place == kNoPlace || requests_[place].ticket != answer.ticket) return;  // of a completion, a capacity change, ...
  Request& request = requests_[place];
  request.ticket = 0;
  Try& made = request.made;
  made.waited = now() - made.at;
  if (const auto* granted = std::get_if<core::Granted>(&answer.outcome)) {
    OnGrant(place, *granted);
  } else if (const auto* refused = std::get_if<core::Refused>(&answer.outcome)) {
    OnRefusal(place, *refused);
  } else {
    made.end = Try::End::kError;
    if (const auto* error = std::get_if<core::Error>(&answer.outcome)) made.error = error->reason;
    if (watcher_ != nullptr) watcher_->OnAnswer(made, request.arrival);
    Leave(place);
  }
}

void VirtualBroker::OnGrant(uint32_t place, const core::Granted& granted) {
  Request& request = requests_[place];
  Try& made = request.made;
  made.end = Try::End::kGranted;
  made.served = granted.terms.served;
  made.estimated_work = granted.explanation.estimated_work;
  made.line_forecast = granted.explanation.line_forecast;
  if (made.waited > Duration::Zero()) made.promised = granted.explanation.forecast_wait;
  if (made.served == ServiceClass::kReserved) {
    const Duration eligible_at = granted.explanation.dispatch.eligible_at - world_.begin;
    made.contract_wait = std::max(eligible_at - made.at, Duration::Zero());
  }
  if (watcher_ != nullptr) watcher_->OnAnswer(made, request.arrival);

  core::Complete& complete = request.complete;
  complete = {};
  complete.grant = granted.id;
  complete.terms = granted.terms;
  complete.issued = granted.issued;
  complete.tokens = request.arrival.tokens;
  if (!world_.said.empty()) complete.outcome = world_.said[request.number].outcome;
  CutOff(granted.output_cap, &complete.tokens);
  complete.body = BodyOf(request.number, 2);
  request.running = true;
  request.granted = now();
  request.pool = 0;
  while (pool(request.pool).id() != granted.terms.pool) ++request.pool;
  world_.fleets[request.pool]->Submit({.id = place,
                                       .input = complete.tokens[TokenKind::kInput],
                                       .cached_input = complete.tokens[TokenKind::kCachedInput],
                                       .generate = std::max(Generated(complete.tokens), Tokens(1)),
                                       .number = request.number},
                                      now_);
  // A client that hears nothing for half a lease says that it is still there.
  scheduled_.Push(granted.lease_deadline - HalfOf(granted.lease_deadline - now_),
                  {.kind = Event::Kind::kReport, .index = place, .request = request.number});
}

void VirtualBroker::Report(uint32_t place, uint64_t number) {
  const Request& request = requests_[place];
  if (!request.running || request.number != number) return;
  core::Progress progress;
  progress.ticket = (++asked_ << kPlaceBits) | kNoPlace;
  progress.grant = request.complete.grant;
  if (request.complete.first_token_at) {
    progress.so_far = request.complete.tokens;
    progress.so_far[TokenKind::kOutput] = progress.so_far[TokenKind::kReasoning] = Tokens::Zero();
  }
  Apply(progress);
  const Duration again = HalfOf(pool(request.pool).settings().lease);
  scheduled_.Push(now_ + again, {.kind = Event::Kind::kReport, .index = place, .request = number});
}

void VirtualBroker::OnRefusal(uint32_t place, const core::Refused& refused) {
  Request& request = requests_[place];
  Try& made = request.made;
  made.end = Try::End::kRefused;
  made.refusal = refused.reason;
  made.retry_after = refused.retry_after;
  made.estimated_work = refused.explanation.estimated_work;
  made.line_forecast = refused.explanation.line_forecast;
  if (made.waited > Duration::Zero()) made.promised = refused.explanation.forecast_wait;
  const Client& client = world_.clients[made.client];
  made.last = made.number > client.retries || refused.retry_after <= Duration::Zero() ||
              refused.retry_after > world_.last_retry - now();
  if (watcher_ != nullptr) watcher_->OnAnswer(made, request.arrival);
  if (made.last) return Leave(place);
  Random lot(Scramble(streams_.Of(made.client, Purpose::kRetry).Next() + request.number) +
             static_cast<uint64_t>(made.number));
  const Duration late(lot.Below(client.late.count() + 1));
  scheduled_.Push(now_ + refused.retry_after + late,
                  {.kind = Event::Kind::kRetry, .index = place, .request = request.number});
}

void VirtualBroker::Finish(uint32_t place, Instant at) {
  Request& request = requests_[place];
  request.complete.ticket = (++asked_ << kPlaceBits) | kNoPlace;
  request.complete.ended_at = at;
  if (watcher_ != nullptr) {
    const Instant first = request.complete.first_token_at.value_or(at);
    watcher_->OnFinish({.request = request.number,
                        .client = request.arrival.tenant,
                        .pool = request.pool,
                        .served = request.complete.terms.served,
                        .tokens = request.complete.tokens,
                        .came = request.arrival.at,
                        .granted = request.granted,
                        .first_token = first - world_.begin,
                        .ended = at - world_.begin});
  }
  Apply(std::move(request.complete));
  Leave(place);
}

}  // namespace penstock::sim
