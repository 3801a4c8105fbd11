#include "sim/run/virtual_broker.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"
#include "ledger/journal.h"
#include "sim/random.h"

namespace penstock::sim {
namespace {

// False: the waits are taken from the answers. Once the engine fills effects.waits, set it: nothing else changes.

constexpr int kMostWakesAtOnce = 1'000;  // more without time moving on is a loop

ServiceClass StandsAs(const core::TenantSettings& tenant, const Client& client) {
  switch (tenant.tier) {
    case Tier::kFree:
      return ServiceClass::kFree;
    case Tier::kReserved:
      return ServiceClass::kSpillover;
    case Tier::kElastic:
      break;
  }
  return client.asks.value_or(ServiceClass::kDefault);
}

}  // namespace

absl::StatusOr<std::unique_ptr<VirtualBroker>> VirtualBroker::Open(VirtualWorld world) {
  PENSTOCK_CHECK(world.settings.pools.size() == 1);
  auto engine = core::Engine::Open(world.settings, ledger::NewMemoryJournal(), core::FairScheduling(), kStart);
  if (!engine.ok()) return engine.status();
  return std::unique_ptr<VirtualBroker>(new VirtualBroker(std::move(world), *std::move(engine)));
}

VirtualBroker::VirtualBroker(VirtualWorld world, std::unique_ptr<core::Engine> engine)
    : world_(std::move(world)), engine_(std::move(engine)) {
  Identify();
  planner_.Recall(*engine_);
  Purchase();
  for (size_t i = 0; i < world_.capacity_changes.size(); ++i) {
    Schedule(Event::Kind::kCapacity, kStart + world_.capacity_changes[i].at, i);
  }
  ScheduleArrival(0);
  Schedule(Event::Kind::kPlan, kStart + planning::Planner::kPlanEvery, 0);
}

void VirtualBroker::Identify() {
  const ledger::Books& books = engine_->books();
  for (const Client& client : world_.clients) {
    const auto& tenants = world_.settings.tenants;
    const auto settings = std::find_if(tenants.begin(), tenants.end(),
                                       [&](const core::TenantSettings& t) { return t.name == client.tenant; });
    PENSTOCK_CHECK(settings != tenants.end());
    Identity identity;
    identity.tenant = TenantId{*books.IdOf(ledger::NameKind::kTenant, 0, client.tenant)};
    identity.key = KeyId{*books.IdOf(ledger::NameKind::kKey, identity.tenant.value, client.key)};
    identity.stands_as = StandsAs(*settings, client);
    identities_.push_back(identity);
  }
}

Duration VirtualBroker::FirstMinute() { return WindowStart(kStart, Minutes(1)) + Minutes(2) - kStart; }

void VirtualBroker::Purchase() {
  for (const BoughtWindow& window : world_.purchases) {
    core::AskQuote ask;
    ask.ticket = ++tickets_;
    ask.caller.tenant = TenantId{engine_->books().IdOf(ledger::NameKind::kTenant, 0, window.tenant).value()};
    ask.caller.by = "simulator";
    ask.wish.pool = pool().id();
    const Instant begin = kStart + FirstMinute();
    ask.wish.steps = {{begin + Minutes(window.from_minute), begin + Minutes(window.to_minute), window.rate, 0}};
    ask.wish.overrun = window.overrun;
    core::AcceptQuote accept{.ticket = ++tickets_, .caller = ask.caller, .quote = 0};
    Apply(ask);
    accept.quote = engine_->books().market().last_quote();
    Apply(accept);
  }
  PENSTOCK_CHECK(engine_->books().market().last_reservation() == world_.purchases.size());
}

void VirtualBroker::Schedule(Event::Kind kind, Instant at, uint64_t index) {
  PENSTOCK_CHECK(at >= now_);
  events_.push({at, ++scheduled_, kind, index});
}

void VirtualBroker::ScheduleArrival(size_t index) {
  if (index < world_.arrivals.size()) Schedule(Event::Kind::kArrival, kStart + world_.arrivals[index].at, index);
}

void VirtualBroker::RunUntil(Duration at) {
  Run(kStart + at);
  now_ = std::max(now_, kStart + at);
}

void VirtualBroker::RunToEnd() { Run(Instant::Max()); }

void VirtualBroker::Run(Instant until) {
  int wakes = 0;
  while (true) {
    const Instant wake = std::max(engine_->NextWake(), now_);
    const Instant event = events_.empty() ? Instant::Max() : events_.top().at;
    const Instant next = std::min(wake, event);
    if (next == Instant::Max() || next > until) return;
    wakes = next == now_ && wake < event ? wakes + 1 : 0;
    PENSTOCK_CHECK(wakes < kMostWakesAtOnce);
    now_ = next;
    if (wake < event) {
      Apply(core::Tick{});
    } else {
      const Event top = events_.top();
      events_.pop();
      Happen(top);
    }
  }
}

void VirtualBroker::Happen(const Event& event) {
  switch (event.kind) {
    case Event::Kind::kArrival:
      ScheduleArrival(event.index + 1);
      return Ask(event.index, 1);
    case Event::Kind::kRetry: {
      const Try& last = tries_[event.index];
      return Ask(last.request, last.number + 1);
    }
    case Event::Kind::kFinish: {
      const core::Complete complete = completions_.at(event.index);
      completions_.erase(event.index);
      return Apply(complete);
    }
    case Event::Kind::kCapacity: {
      const CapacityChange& change = world_.capacity_changes[event.index];
      return Apply(core::SetCapacity{.ticket = ++tickets_,
                                     .pool = pool().id(),
                                     .capacity = change.capacity,
                                     .max_in_flight = change.max_in_flight});
    }
    case Event::Kind::kPlan:
      return Plan();
  }
}

void VirtualBroker::Ask(size_t request, int number) {
  const Arrival& arrival = world_.arrivals[request];
  const Client& client = world_.clients[arrival.tenant];
  const Identity& identity = identities_[arrival.tenant];
  core::Admit admit;
  admit.ticket = ++tickets_;
  admit.tenant = identity.tenant;
  admit.key = identity.key;
  admit.request_id = absl::StrCat("request-", request);
  admit.body = ledger::DigestOf(admit.request_id);
  admit.pools = {pool().id()};
  for (TokenKind kind : kAllTokenKinds) {
    if (!IsGenerated(kind)) admit.input[kind] = arrival.tokens[kind];
  }
  admit.max_output = Tokens(arrival.max_output_tokens);
  admit.max_wait = client.max_wait;
  admit.wanted = client.asks;
  admit.run = arrival.run;

  Try made;
  made.request = request;
  made.client = arrival.tenant;
  made.number = number;
  made.at = now_ - kStart;
  made.stood_as = identity.stands_as;
  made.reclaim_bound = pool().ReclaimBound();
  pending_.emplace(admit.ticket, tries_.size());
  tries_.push_back(made);
  Apply(admit);
}

void VirtualBroker::Plan() {
  if (const std::optional<core::SetPlan> plan = planner_.TakePlan(now_)) Apply(*plan);
  const bool goes_on = !events_.empty() || engine_->NextWake() < Instant::Max();
  if (goes_on) Schedule(Event::Kind::kPlan, now_ + planning::Planner::kPlanEvery, 0);
}

void VirtualBroker::Apply(const core::Command& command) {
  effects_ = {};
  engine_->Apply(command, now_, &effects_);
  PENSTOCK_CHECK(engine_->ledger().WriteBatch().ok());
  for (const core::Answer& answer : effects_.answers) OnAnswer(answer);
  planner_.Observe(effects_);
}

void VirtualBroker::OnAnswer(const core::Answer& answer) {
  const auto found = pending_.find(answer.ticket);
  if (found == pending_.end()) return;  // of a completion or a capacity change
  const size_t index = found->second;
  pending_.erase(found);
  Try& made = tries_[index];
  made.waited = now_ - kStart - made.at;
  if (const auto* granted = std::get_if<core::Granted>(&answer.outcome)) {
    OnGrant(made, *granted);
  } else if (const auto* refused = std::get_if<core::Refused>(&answer.outcome)) {
    OnRefusal(made, index, *refused);
  } else {
    made.end = Try::End::kError;
    if (const auto* error = std::get_if<core::Error>(&answer.outcome)) made.error = error->reason;
    return;
  }
}

void VirtualBroker::OnGrant(Try& made, const core::Granted& granted) {
  made.end = Try::End::kGranted;
  made.served = granted.terms.served;
  made.estimated_work = granted.explanation.estimated_work;
  made.line_forecast = granted.explanation.line_forecast;
  if (made.waited > Duration::Zero()) made.promised = granted.explanation.forecast_wait;
  if (made.served == ServiceClass::kReserved) {
    const Duration eligible_at = granted.explanation.dispatch.eligible_at - kStart;
    made.contract_wait = std::max(eligible_at - made.at, Duration::Zero());
  }
  const TokenCounts& tokens = world_.arrivals[made.request].tokens;
  const ServiceTimes& service = world_.service;
  const Instant first = now_ + service.start + service.per_input_token * tokens[TokenKind::kInput].count();
  const Instant end = first + service.per_output_token * (Generated(tokens).count() - 1);
  core::Complete complete;
  complete.ticket = ++tickets_;
  complete.grant = granted.id;
  complete.terms = granted.terms;
  complete.issued = granted.issued;
  complete.tokens = tokens;
  complete.body = ledger::DigestOf(absl::StrCat("end of request-", made.request));
  complete.first_token_at = first;
  complete.ended_at = end;
  completions_.emplace(complete.ticket, complete);
  Schedule(Event::Kind::kFinish, end, complete.ticket);
}

void VirtualBroker::OnRefusal(Try& made, size_t index, const core::Refused& refused) {
  made.end = Try::End::kRefused;
  made.refusal = refused.reason;
  made.retry_after = refused.retry_after;
  made.estimated_work = refused.explanation.estimated_work;
  made.line_forecast = refused.explanation.line_forecast;
  if (made.waited > Duration::Zero()) made.promised = refused.explanation.forecast_wait;
  const Client& client = world_.clients[made.client];
  if (made.number > client.retries || refused.retry_after <= Duration::Zero()) return;
  const uint64_t lot = Scramble(Scramble(made.request) + static_cast<uint64_t>(made.number));
  const Duration late(Random(lot).Below(client.late.count() + 1));
  Schedule(Event::Kind::kRetry, now_ + refused.retry_after + late, index);
}

}  // namespace penstock::sim
