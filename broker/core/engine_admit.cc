// Admit: identity and policy -> known request? -> limits -> line -> dispatch.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "admission/vocabulary/check.h"
#include "broker/core/engine.h"

namespace penstock::core {
namespace {

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The class a request stands in line as; nothing when the tenant may not ask for the class it wants.
std::optional<ServiceClass> ShareClassOf(const Admit& admit, const TenantSettings& tenant) {
  switch (tenant.tier) {
    case Tier::kFree:
      return !admit.wanted || *admit.wanted == ServiceClass::kFree ? std::optional(ServiceClass::kFree) : std::nullopt;
    case Tier::kReserved:
      return admit.wanted ? std::nullopt : std::optional(ServiceClass::kSpillover);
    case Tier::kElastic:
      break;
  }
  const ServiceClass wanted = admit.wanted.value_or(ServiceClass::kDefault);
  const bool listed = std::find(tenant.classes.begin(), tenant.classes.end(), wanted) != tenant.classes.end();
  return listed || (tenant.classes.empty() && wanted == ServiceClass::kDefault) ? std::optional(wanted) : std::nullopt;
}

}  // namespace

bool IsYours(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kRateLimit:
    case RefusalReason::kParallelLimit:
    case RefusalReason::kReservationUsed:
    case RefusalReason::kNotAllowed:
      return true;
    case RefusalReason::kWaitExpired:
    case RefusalReason::kQueueFull:
      return false;
  }
  return false;
}

void Engine::On(const Admit& admit) {
  if (const std::optional<Error> error = CheckAdmit(admit)) return Say(admit.ticket, *error);
  if (!admit.validate_only && AnswerKnownRequest(admit)) return;
  if (draining_) {
    return Say(admit.ticket, Error{ErrorReason::kDraining, "", "the daemon is stopping: ask another one"});
  }
  const Key& key = *accounts_.FindKey(admit.key);
  const Tenant& tenant = *accounts_.FindTenant(key.tenant);
  PoolState* pool = ChoosePool(admit, tenant, key);
  const std::optional<ServiceClass> share_class = ShareClassOf(admit, tenant.settings);
  if (pool == nullptr || !share_class) {
    return Say(admit.ticket, Refused{.reason = RefusalReason::kNotAllowed,
                                     .limit = pool == nullptr ? "pools" : "classes",
                                     .message = pool == nullptr ? "this key may use none of the candidate pools"
                                                                : "this tenant may not ask for that service class"});
  }
  Waiting waiting = Prepare(admit, *pool, *share_class);
  if (!admit.validate_only) ++pool->counter(*share_class).offered;
  if (const std::optional<LimitVerdict> verdict = accounts_.WouldRefuse(admit.key, waiting.usage, now_)) {
    return Refuse(waiting, *pool,
                  {.reason = verdict->parallel ? RefusalReason::kParallelLimit : RefusalReason::kRateLimit,
                   .retry_after = verdict->refusal.retry_after,
                   .limit = verdict->refusal.limit,
                   .message = absl::StrCat("limit ", verdict->refusal.limit, ": asked for ", verdict->refusal.asked,
                                           ", ", verdict->refusal.remaining, " left; retry after the time given")});
  }
  if (admit.validate_only) return SayForecast(waiting, *pool);
  StandInLine(std::move(waiting), *pool, tenant.settings.weight);
}

std::optional<Error> Engine::CheckAdmit(const Admit& admit) const {
  const Key* key = accounts_.FindKey(admit.key);
  if (key == nullptr || key->tenant != admit.tenant) {
    return Error{ErrorReason::kUnknownKey, "key", "there is no such key: see `tenants` in the daemon's configuration"};
  }
  PENSTOCK_CHECK(!admit.pools.empty() && admit.max_output > Tokens::Zero());
  for (const PoolId id : admit.pools) {
    const PoolState* pool = FindPool(id);
    if (pool == nullptr) return Error{ErrorReason::kUnknownPool, "pools", "there is no such pool"};
    for (TokenKind kind : kAllTokenKinds) {
      if (admit.input[kind] == Tokens::Zero() || pool->settings().burndown[kind] > 0) continue;
      return Error{ErrorReason::kUnknownTokenKind, "input",
                   absl::StrCat("pool '", pool->settings().name, "' has no tokens of kind '",
                                absl::string_view(Name(kind).data(), Name(kind).size()), "'")};
    }
  }
  return std::nullopt;
}

bool Engine::AnswerKnownRequest(const Admit& admit) {
  const auto reused = [&] {
    Say(admit.ticket, Error{ErrorReason::kRequestIdReused, "request_id",
                            "this request_id came before with another body: choose a new one per request"});
    return true;
  };
  const auto waits = waiting_by_request_.find(RequestName(admit.tenant.value, admit.request_id));
  if (waits != waiting_by_request_.end()) {
    Waiting& waiting = MutablePool(waits->second.first)->At(waits->second.second);
    if (waiting.request.body != admit.body) return reused();
    Say(waiting.request.ticket,
        Error{ErrorReason::kSuperseded, "request_id", "a retry with the same request_id took this call's place"});
    waiting_by_ticket_.erase(waiting.request.ticket);
    waiting.request.ticket = admit.ticket;
    waiting_by_ticket_[admit.ticket] = waits->second;
    return true;
  }
  const ledger::Books::RequestRecord* known = books().FindRequest(admit.tenant, admit.request_id);
  if (known == nullptr) return false;
  if (known->body != admit.body) return reused();
  const ledger::OpenGrant* open = books().FindOpen(known->grant);
  if (open == nullptr) {
    Say(admit.ticket, Error{ErrorReason::kGrantEnded, "request_id", "the grant that this request_id got has ended"});
    return true;
  }
  running_.at(known->grant).answered = admit.ticket;
  Say(admit.ticket, Describe(known->grant, open->grant));
  return true;
}

// The first candidate the key may use. (Routing by forecast and price comes with more than one pool to choose from.)
PoolState* Engine::ChoosePool(const Admit& admit, const Tenant& tenant, const Key& key) {
  for (const PoolId id : admit.pools) {
    PoolState* pool = MutablePool(id);
    const std::string& name = pool->settings().name;
    const bool tenant_may = tenant.settings.pools.empty() || Contains(tenant.settings.pools, name);
    const bool key_may = key.settings.pools.empty() || Contains(key.settings.pools, name);
    if (tenant_may && key_may) return pool;
  }
  return nullptr;
}

Waiting Engine::Prepare(const Admit& admit, PoolState& pool, ServiceClass share_class) {
  Waiting waiting{.request = admit, .share_class = share_class, .usage = {}, .estimate = {}, .since = now_};
  waiting.estimate = pool.HeldInput(admit);
  waiting.explanation.predicted_output = pool.PredictedOutput(admit.tenant, admit.max_output);
  waiting.estimate[TokenKind::kOutput] = waiting.explanation.predicted_output;
  const Work work = WorkOf(waiting.estimate, pool.settings().burndown);
  waiting.usage = {.requests = 1, .tokens = waiting.estimate, .work = work};
  waiting.explanation.estimated_work = work;
  waiting.explanation.position = pool.scheduler().StandingOf(share_class).waiting;
  const int64_t weight = accounts_.FindTenant(admit.tenant)->settings.weight;
  waiting.explanation.forecast_wait = pool.scheduler().ForecastWait(pool.OfferFor(waiting, weight, 0), now_);
  return waiting;
}

void Engine::SayForecast(const Waiting& waiting, const PoolState& pool) {
  const Admit& admit = waiting.request;
  const ledger::GrantTerms terms{admit.tenant, admit.key, pool.id(), waiting.share_class, tariff_};
  Say(admit.ticket, Forecasted{.pool = pool.id(),
                               .share_class = waiting.share_class,
                               .expected_cost = ChargeFor(terms, waiting.estimate),
                               .max_cost = MaxCost(terms, pool.HeldInput(admit), admit.max_output),
                               .explanation = waiting.explanation});
}

void Engine::StandInLine(Waiting waiting, PoolState& pool, int64_t tenant_weight) {
  const Ticket ticket = waiting.request.ticket;
  RequestName name(waiting.request.tenant.value, waiting.request.request_id);
  const uint64_t handle = pool.Hold(std::move(waiting));
  Waiting& held = pool.At(handle);
  const admission::Enqueued enqueued = pool.scheduler().Enqueue(pool.OfferFor(held, tenant_weight, handle), now_);
  if (enqueued.refusal) {
    const Waiting dropped = pool.Drop(handle);
    const bool full = *enqueued.refusal == admission::EnqueueRefusal::kQueueFull;
    return Refuse(dropped, pool,
                  {.reason = full ? RefusalReason::kQueueFull : RefusalReason::kReservationUsed,
                   .retry_after = enqueued.retry_after,
                   .limit = full ? "" : "reservation",
                   .message = full ? "the line is full: retry after the time given"
                                   : "the reservation's rate is used up, and its terms are to refuse what is beyond"});
  }
  held.place = enqueued.id;
  accounts_.Take(held.request.key, held.usage, now_);
  waiting_by_ticket_[ticket] = {pool.id(), handle};
  waiting_by_request_[std::move(name)] = {pool.id(), handle};
}

void Engine::Refuse(const Waiting& waiting, PoolState& pool, Refused refused) {
  refused.explanation = waiting.explanation;
  if (!waiting.request.validate_only) {
    ClassCounters& counter = pool.counter(waiting.share_class);
    ++(IsYours(refused.reason) ? counter.refused_yours : counter.refused_pool);
  }
  Say(waiting.request.ticket, std::move(refused));
}

Waiting Engine::Forget(PoolState& pool, uint64_t handle) {
  Waiting waiting = pool.Drop(handle);
  waiting_by_ticket_.erase(waiting.request.ticket);
  waiting_by_request_.erase(RequestName(waiting.request.tenant.value, waiting.request.request_id));
  return waiting;
}

void Engine::GiveBack(const Waiting& waiting) {
  const admission::Usage nothing{.requests = 0, .tokens = {}, .work = {}};
  accounts_.TrueUp(waiting.request.key, waiting.usage, nothing, now_);
  accounts_.ReleaseParallel(waiting.request.key);
}

void Engine::On(const Abandon& abandon) {
  const auto found = waiting_by_ticket_.find(abandon.ticket);
  if (found == waiting_by_ticket_.end()) return;  // it was answered meanwhile
  PoolState& pool = *MutablePool(found->second.first);
  const uint64_t handle = found->second.second;
  PENSTOCK_CHECK(pool.scheduler().Cancel(pool.At(handle).place, now_));
  const Waiting waiting = Forget(pool, handle);
  GiveBack(waiting);
  ++pool.counter(waiting.share_class).cancelled;
  Say(abandon.ticket, Error{ErrorReason::kAbandoned, "", "the caller left the line"});
}

void Engine::On(const Drain&) {
  draining_ = true;
  for (const auto& pool : pools_) {
    for (const uint64_t handle : pool->AllWaiting()) {
      PENSTOCK_CHECK(pool->scheduler().Cancel(pool->At(handle).place, now_));
      const Waiting waiting = Forget(*pool, handle);
      GiveBack(waiting);
      ++pool->counter(waiting.share_class).refused_pool;
      Say(waiting.request.ticket, Error{ErrorReason::kDraining, "", "the daemon is stopping: ask another one"});
    }
  }
}

void Engine::Grant(PoolState& pool, const admission::Dispatch& dispatch) {
  Waiting waiting = Forget(pool, dispatch.request);
  const Admit& admit = waiting.request;
  ledger::GrantEntry entry;
  entry.id = {epoch(), ++grants_};
  entry.terms = {admit.tenant, admit.key, pool.id(), dispatch.charge.served, tariff_};
  entry.at = now_;
  entry.lease_deadline = now_ + pool.settings().lease;
  entry.settle_deadline = now_ + pool.settings().settle_within;
  entry.estimate = waiting.estimate;
  entry.work = waiting.usage.work;
  entry.output_cap = admit.max_output;
  entry.hold = MaxCost(entry.terms, pool.HeldInput(admit), admit.max_output);
  entry.request_id = admit.request_id;
  entry.body = admit.body;
  entry.run = admit.run;
  entry.labels = admit.labels;
  ledger_->Post(entry);

  TokenCounts most = pool.HeldInput(admit);
  most[TokenKind::kOutput] = admit.max_output;
  Running running;
  running.terms = entry.terms;
  running.charge = dispatch.charge;
  running.usage = waiting.usage;
  running.outstanding = WorkOf(most, pool.settings().burndown);
  running.lease_deadline = entry.lease_deadline;
  running.settle_deadline = entry.settle_deadline;
  running.answered = admit.ticket;
  pool.NoteOutstanding(running.charge, running.outstanding, +1);
  leases_.emplace(running.lease_deadline, entry.id);
  settlements_.emplace(running.settle_deadline, entry.id);
  running_.emplace(entry.id, running);
  ++pool.counter(dispatch.charge.served).admitted;

  Granted granted = Describe(entry.id, entry);
  granted.waited = now_ - waiting.since;
  granted.explanation = waiting.explanation;
  granted.explanation.dispatch = dispatch.reason;
  Say(admit.ticket, std::move(granted));
}

Granted Engine::Describe(GrantId id, const ledger::GrantEntry& grant) const {
  return {.id = id,
          .terms = grant.terms,
          .output_cap = grant.output_cap,
          .issued = grant.at,
          .lease_deadline = grant.lease_deadline,
          .settle_deadline = grant.settle_deadline,
          .waited = {},
          .hold = grant.hold,
          .explanation = {}};
}

}  // namespace penstock::core
