// Admit: identity and policy -> known request? -> guardrails -> route (limits, budget, forecast) -> line -> dispatch.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>

#include "admission/vocabulary/check.h"
#include "broker/core/engine.h"

namespace penstock::core {
namespace {

InlineText<80> Scoped(Scope scope, std::string_view name) {
  InlineText<80> text(Name(scope));
  return text.Append(".").Append(name);
}

/// A digest of a tenant and something of its own.
ledger::BodyDigest TenantDigest(TenantId tenant, std::string_view bytes) {
  std::array<char, sizeof(tenant.value) + kMaxRequestIdBytes> text;
  PENSTOCK_CHECK(bytes.size() <= kMaxRequestIdBytes);
  std::copy_n(reinterpret_cast<const char*>(&tenant.value), sizeof(tenant.value), text.begin());
  std::copy(bytes.begin(), bytes.end(), text.begin() + sizeof(tenant.value));
  return ledger::DigestOf({text.data(), sizeof(tenant.value) + bytes.size()});
}

/// The worst refusals first: which one a request that fits nowhere is told.
int Urgency(CandidateVerdict verdict) {
  switch (verdict) {
    case CandidateVerdict::kWaitTooLong:
      return 5;
    case CandidateVerdict::kLimited:
      return 4;
    case CandidateVerdict::kOverBudget:
      return 3;
    case CandidateVerdict::kTooDear:
      return 2;
    case CandidateVerdict::kNotAllowed:
      return 1;
    case CandidateVerdict::kNotConsidered:
    case CandidateVerdict::kChosen:
      return 0;
  }
  return 0;
}

}  // namespace

ServiceClass Engine::ShareClassOf(const Admit& admit, Tier tier) {
  switch (tier) {
    case Tier::kFree:
      return admit.wanted.value_or(ServiceClass::kFree);
    case Tier::kReserved:
      return admit.wanted.value_or(ServiceClass::kSpillover);
    case Tier::kElastic:
      break;
  }
  return admit.wanted.value_or(ServiceClass::kDefault);
}

ServiceClass Engine::ShareClassIn(const PoolState& pool, const Admit& admit, Tier tier) {
  const ServiceClass stands = ShareClassOf(admit, tier);
  const bool buys = stands == ServiceClass::kDefault && pool.IsBuyer(admit.tenant);
  return buys ? ServiceClass::kSpillover : stands;
}

RequestKey Engine::RequestKeyOf(TenantId tenant, std::string_view request_id) {
  return ledger::Books::FingerprintOf(tenant, request_id).bytes;
}

void Engine::On(Admit& admit) {
  if (const std::optional<Error> error = CheckAdmit(admit)) return Say(admit.ticket, *error);
  const RequestKey name = admit.name ? admit.name->bytes : RequestKeyOf(admit.tenant, admit.request_id);
  if (!admit.validate_only && AnswerKnownRequest(admit, name)) return;
  if (draining_) {
    return Say(admit.ticket, Error{ErrorReason::kDraining, "", "the daemon is stopping: ask another one"});
  }
  const Key& key = *accounts_.FindKey(admit.key);
  const Tenant& tenant = *accounts_.FindTenant(key.tenant);
  const Tokens ceiling = key.policy->terms.max_output;
  Waiting waiting;
  waiting.ticket = admit.ticket;
  waiting.name = name;
  waiting.tenant = admit.tenant;
  waiting.key = admit.key;
  waiting.body = admit.body;
  waiting.max_output = ceiling > Tokens::Zero() ? std::min(admit.max_output, ceiling) : admit.max_output;
  waiting.at_ceiling = waiting.max_output < admit.max_output;
  waiting.since = now_;
  waiting.max_wait = admit.max_wait;
  waiting.share_class = ShareClassOf(admit, tenant.policy->tier);
  waiting.validate_only = admit.validate_only;
  if (std::optional<Refused> refused = CheckPolicy(admit, tenant, key, &waiting)) {
    return Refuse(waiting, MutablePool(admit.pools.front()), *std::move(refused));
  }
  waiting.request_id = InlineText<kMaxRequestIdBytes>(admit.request_id);
  waiting.run_name = std::move(admit.run);
  waiting.labels = std::move(admit.labels);
  Choice choice = Route(admit, tenant, key, &waiting);
  if (choice.pool == nullptr) {
    if (!IsYours(choice.refused.reason)) return SendAway(waiting, *choice.asked, choice.refused.reason);
    return Refuse(waiting, choice.asked, std::move(choice.refused));
  }
  if (admit.validate_only) SayForecast(admit, waiting, *choice.pool);
}

std::optional<Error> Engine::CheckAdmit(const Admit& admit) const {
  const Key* key = accounts_.FindKey(admit.key);
  if (key == nullptr || key->tenant != admit.tenant || accounts_.FindTenant(key->tenant) == nullptr) {
    return Error{ErrorReason::kUnknownKey, "key", "there is no such key: see `tenants` in the daemon's configuration"};
  }
  PENSTOCK_CHECK(!admit.pools.empty() && admit.pools.size() <= kMaxCandidatePools);
  PENSTOCK_CHECK(admit.max_output > Tokens::Zero());
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

bool Engine::AnswerKnownRequest(const Admit& admit, const RequestKey& name) {
  const auto reused = [&] {
    Say(admit.ticket, Error{ErrorReason::kRequestIdReused, "request_id",
                            "this request_id came before with another body: choose a new one per request"});
    return true;
  };
  const WaitingRequests::Number waits = waiting_.FindRequest(name, admit.tenant, admit.request_id);
  if (waits != WaitingRequests::kNone) {
    if (waiting_.BodyOf(waits) != admit.body) return reused();
    Say(waiting_.TicketOf(waits),
        Error{ErrorReason::kSuperseded, "request_id", "a retry with the same request_id took this call's place"});
    waiting_.SetTicket(waits, admit.ticket);
    return true;
  }
  const ledger::RequestRecord* known = books().FindRequest(ledger::RequestFingerprint{name});
  if (known == nullptr) return false;
  if (known->body != admit.body) return reused();
  const ledger::OpenGrant* open = books().FindOpen(known->grant);
  if (open == nullptr) {
    Say(admit.ticket, Error{ErrorReason::kGrantEnded, "request_id", "the grant that this request_id got has ended"});
    return true;
  }
  Running& running = *FindRunning(known->grant);
  running.answered = admit.ticket;
  Say(admit.ticket, Describe(known->grant, open->grant), running.money_bound ? Release::kSynced : Release::kWritten);
  return true;
}

// Should this run at all?
std::optional<Refused> Engine::CheckPolicy(const Admit& admit, const Tenant& tenant, const Key& key,
                                           Waiting* waiting) const {
  const KeyPolicy& policy = key.policy->terms;
  const bool by_key = key.policy->classes.empty() || key.policy->classes.Has(waiting->share_class);
  if (!by_key || !tenant.policy->classes.Has(waiting->share_class) ||
      (tenant.policy->tier == Tier::kReserved && admit.wanted)) {
    return Refused{.reason = RefusalReason::kNotAllowed, .limit = "classes"};
  }
  const int64_t input = Total(admit.input).count();
  if (policy.max_input > Tokens::Zero() && input > policy.max_input.count()) {
    return Refused{.reason = RefusalReason::kInputTooLarge,
                   .limit = "key.max_input_tokens",
                   .asked = input,
                   .remaining = policy.max_input.count()};
  }
  if (tenant.policy->bounds_runs && (!admit.run.empty() || admit.depth > 0)) {
    waiting->in_run = !admit.run.empty();
    waiting->run = RunKeyOf(admit.tenant, admit.run);
    const RunBound bound = runs_.WouldCross(tenant.policy->runs, waiting->run, admit.depth, now_);
    if (bound != RunBound::kNone) return Refused{.reason = RefusalReason::kRunBound, .limit = Name(bound)};
  }
  if (admit.content && policy.duplicates != DuplicatePolicy::kIgnore) {
    waiting->has_content = true;
    waiting->content =
        TenantDigest(admit.tenant, {reinterpret_cast<const char*>(admit.content->data()), admit.content->size()});
    waiting->duplicate = duplicates_.Find(waiting->content, policy.duplicate_window, now_);
    if (waiting->duplicate && policy.duplicates == DuplicatePolicy::kRefuse) {
      const DuplicateHint hint = *waiting->duplicate;
      return Refused{.reason = RefusalReason::kDuplicate,
                     .retry_after = hint.in_flight ? Seconds(1) : policy.duplicate_window - hint.finished_ago,
                     .limit = "key.duplicates",
                     .duplicate = hint};
    }
  }
  return std::nullopt;
}

Engine::Choice Engine::Route(const Admit& admit, const Tenant& tenant, const Key& key, Waiting* waiting) {
  Choice choice;
  CandidateVerdict worst = CandidateVerdict::kNotConsidered;
  for (size_t i = 0; i < admit.pools.size(); ++i) {
    PoolState& pool = *MutablePool(admit.pools[i]);
    Refused refused;
    CandidateVerdict verdict = Judge(admit, tenant, key, pool, waiting, &refused);
    // Now or never: a pool that would let it wait is passed over while there are others.
    const bool never = admit.max_wait == Duration::Zero() && i + 1 < admit.pools.size() &&
                       waiting->explanation.line_forecast > Duration::Zero();
    if (verdict == CandidateVerdict::kChosen && never) {
      refused = Refused{.reason = RefusalReason::kWaitTooLong};
      verdict = CandidateVerdict::kWaitTooLong;
    }
    waiting->explanation.candidates[i] = verdict;
    const bool fits = verdict == CandidateVerdict::kChosen;
    if (fits && (admit.validate_only || StandInLine(waiting, pool, tenant, key, &refused))) {
      choice.pool = &pool;
      return choice;
    }
    if (fits) {
      verdict = IsYours(refused.reason) ? CandidateVerdict::kLimited : CandidateVerdict::kWaitTooLong;
      waiting->explanation.candidates[i] = verdict;
    }
    if (Urgency(verdict) <= Urgency(worst)) continue;
    worst = verdict;
    choice.asked = &pool;
    choice.refused = refused;
    choice.promised = waiting->explanation.promised;
  }
  // The one that was asked for the refusal is what the explanation is about.
  if (worst == CandidateVerdict::kWaitTooLong || worst == CandidateVerdict::kLimited) {
    waiting->explanation.promised = choice.promised;
    Prepare(admit, tenant, key, *choice.asked, waiting);
  }
  return choice;
}

CandidateVerdict Engine::Judge(const Admit& admit, const Tenant& tenant, const Key& key, PoolState& pool,
                               Waiting* waiting, Refused* refused) {
  refused->reason = RefusalReason::kNotAllowed;
  refused->limit = "pools";
  if (!tenant.policy->pools.Has(pool.id()) || !key.policy->pools.Has(pool.id())) return CandidateVerdict::kNotAllowed;
  waiting->share_class = ShareClassIn(pool, admit, tenant.policy->tier);
  // What is sure to be paid at most: inside a contract, or as what it stands as.
  const ServiceClass served = tenant.policy->tier == Tier::kReserved ? ServiceClass::kReserved : waiting->share_class;
  const ledger::TokenPrices& prices = books().PricesOf(TermsNow(tenant.id, key.id, pool.id(), served));
  const int64_t dearest = key.policy->terms.max_output_price;
  if (dearest > 0 && ledger::MaxGeneratedPrice(prices) > dearest) {
    refused->limit = "key.max_output_price";
    return CandidateVerdict::kTooDear;
  }
  // A place that was promised in this pool is taken up by asking for it.
  waiting->explanation.promised = !admit.validate_only && pool.promises().Redeem(waiting->name, now_);
  Prepare(admit, tenant, key, pool, waiting);
  if (const std::optional<LimitVerdict> verdict = accounts_.WouldRefuse(waiting->key, waiting->usage(), now_)) {
    *refused = Refused{.reason = verdict->parallel ? RefusalReason::kParallelLimit : RefusalReason::kRateLimit,
                       .retry_after = verdict->refusal.retry_after,
                       .limit = Scoped(verdict->scope, verdict->refusal.limit),
                       .asked = verdict->refusal.asked,
                       .remaining = verdict->refusal.remaining};
    return CandidateVerdict::kLimited;
  }
  if (const Affordable affordable = AffordableNow(*waiting, prices); affordable.nothing) {
    *refused = Refused{.reason = affordable.by_run ? RefusalReason::kRunBound : RefusalReason::kBudgetUsed,
                       .retry_after = affordable.again,
                       .limit = affordable.by};
    return CandidateVerdict::kOverBudget;
  }
  if (!pool.MayStand(*waiting)) {
    refused->reason = RefusalReason::kWaitTooLong;
    refused->limit = {};
    return CandidateVerdict::kWaitTooLong;
  }
  return CandidateVerdict::kChosen;
}

void Engine::Prepare(const Admit& admit, const Tenant& tenant, const Key& key, PoolState& pool, Waiting* waiting) {
  Explanation& explanation = waiting->explanation;
  TokenCounts estimate = pool.HeldInput(admit.input, admit.estimated);
  explanation.predicted_output = pool.PredictedOutput(admit.tenant, waiting->max_output);
  estimate[TokenKind::kOutput] = explanation.predicted_output;
  waiting->estimate = PackedCounts(estimate);
  waiting->work = WorkOf(estimate, pool.settings().burndown);
  explanation.estimated_work = waiting->work;
  explanation.position = pool.scheduler().StandingOf(waiting->share_class).waiting;
  explanation.line_forecast =
      pool.scheduler().ForecastWait(pool.OfferFor(*waiting, tenant.policy->weight, key.weight, 0), Work::Zero(), now_);
  explanation.forecast_wait = pool.RangeOf(waiting->share_class, explanation.line_forecast);
}

Engine::Affordable Engine::AffordableNow(const Waiting& waiting, const ledger::TokenPrices& prices) const {
  TokenCounts held_input = waiting.estimate;
  held_input[TokenKind::kOutput] = Tokens::Zero();
  return Cut(waiting.tenant, waiting.key, waiting.in_run ? &waiting.run : nullptr, now_,
             ledger::TokenCharge(held_input, prices), ledger::MaxGeneratedPrice(prices), waiting.max_output,
             waiting.estimate[TokenKind::kOutput]);
}

Engine::Affordable Engine::Cut(TenantId tenant_id, KeyId key, const RunKey* run, Instant given,
                               const ledger::Money& before, int64_t price, Tokens wanted, Tokens predicted) const {
  Affordable result{.cap = wanted};
  const Tenant* tenant = run == nullptr ? nullptr : accounts_.FindTenant(tenant_id);
  ledger::Money left;
  if (tenant != nullptr && runs_.SpendLeft(tenant->policy->runs, *run, now_, &left)) {
    result.bound = result.by_run = true;
  }
  const MoneyVerdict verdict = accounts_.MoneyLeft(key, given);
  if (verdict.budget != nullptr) {
    if (!result.bound || verdict.left < left) {
      left = verdict.left;
      result.by_run = false;
    }
    result.bound = true;
  }
  if (!result.bound) return result;
  const auto rest = static_cast<Int128>((left - before).pico());
  int64_t tokens = rest < 0 ? 0 : wanted.count();
  // Enough for all of it twice over is the usual case, and needs no division.
  if (price > 0 && rest >= 0 && rest < Int128{price} * tokens * 2) {
    const Int128 payable = rest / price;
    // A grant that takes all that is left would shut out the others until it has ended.
    const Int128 fair = std::max<Int128>(payable / 2, predicted.count());
    tokens = static_cast<int64_t>(std::min({Int128{tokens}, payable, fair}));
  }
  result.nothing = tokens < 1;
  result.cap = std::min(wanted, Tokens(tokens));
  if (result.cap == wanted) return result;
  if (result.by_run) {
    result.by = Name(RunBound::kSpend);
  } else {
    result.by = Scoped(verdict.scope, "budget.");
    result.by.Append(verdict.budget->name);
    const Instant next = NextPeriod(verdict.budget->period, now_);
    result.again = next == Instant::Max() ? Duration::Zero() : next - now_;
  }
  return result;
}

void Engine::SayForecast(const Admit& admit, const Waiting& waiting, const PoolState& pool) {
  const ledger::TokenPrices& prices =
      books().PricesOf(TermsNow(admit.tenant, admit.key, pool.id(), waiting.share_class));
  TokenCounts most = waiting.estimate;
  most[TokenKind::kOutput] = Tokens::Zero();
  Say(admit.ticket,
      Forecasted{.pool = pool.id(),
                 .share_class = waiting.share_class,
                 .tariff = TariffIdOf(admit.tenant),
                 .expected_cost = ledger::TokenCharge(waiting.estimate, prices),
                 .max_cost = ledger::TokenCharge(most, prices) +
                             ledger::Money::FromPico(ledger::MaxGeneratedPrice(prices)) * waiting.max_output.count(),
                 .explanation = waiting.explanation});
}

bool Engine::StandInLine(Waiting* waiting, PoolState& pool, const Tenant& tenant, const Key& key, Refused* refused) {
  pool.NoteRequest(waiting->work);
  const WaitingRequests::Number number = waiting_.Add(*waiting, pool.id());
  const admission::Offer offer = pool.OfferFor(*waiting, tenant.policy->weight, key.weight, number);
  const admission::Enqueued enqueued = pool.scheduler().Enqueue(offer, now_);
  if (enqueued.refusal) {
    const RequestKey name = waiting->name;
    *waiting = waiting_.Take(number);
    waiting->name = name;
    switch (*enqueued.refusal) {
      case admission::EnqueueRefusal::kQueueFull:
        *refused = Refused{.reason = RefusalReason::kQueueFull};
        break;
      case admission::EnqueueRefusal::kContractExhausted:
        *refused = Refused{
            .reason = RefusalReason::kReservationUsed, .retry_after = enqueued.retry_after, .limit = "reservation"};
        break;
      case admission::EnqueueRefusal::kTooLarge:
        *refused = Refused{.reason = RefusalReason::kTooLarge, .limit = "pool.kv_tokens"};
        break;
    }
    return false;
  }
  ++pool.counter(waiting->share_class).offered;
  waiting_.SetPlace(number, enqueued.id);
  accounts_.Take(waiting->key, waiting->usage(), now_);
  accounts_.NoteWaiting(waiting->key, waiting->usage(), +1);
  if (waiting->has_content) duplicates_.Begin(waiting->content, now_);
  newcomer_ = number;
  return true;
}

void Engine::Refuse(const Waiting& waiting, PoolState* pool, Refused refused) {
  const bool stood = waiting.place != 0;
  if (!waiting.validate_only && pool != nullptr) {
    ClassCounters& counter = pool->counter(waiting.share_class);
    if (!stood) ++counter.offered;
    ++(IsYours(refused.reason) ? counter.refused_yours : counter.refused_pool);
  }
  if (!waiting.validate_only) {
    Decision decision{.request = waiting.name,
                      .tenant = waiting.tenant,
                      .key = waiting.key,
                      .pool = pool == nullptr ? PoolId{} : pool->id(),
                      .stood_as = waiting.share_class,
                      .served = waiting.share_class,
                      .came = waiting.since,
                      .decided = now_,
                      .refusal = refused,
                      .explanation = waiting.explanation};
    decisions_.Add(decision);
  }
  refused.explanation = waiting.explanation;
  Say(waiting.ticket, std::move(refused));
}

void Engine::SendAway(const Waiting& waiting, PoolState& pool, RefusalReason reason) {
  const Tenant* tenant = accounts_.FindTenant(waiting.tenant);
  const Key* key = accounts_.FindKey(waiting.key);
  const admission::Offer offer =
      pool.OfferFor(waiting, tenant == nullptr ? 1 : tenant->policy->weight, key == nullptr ? 1 : key->weight, 0);
  const Duration again = pool.RetryAfter(waiting, offer, now_);
  const bool promised =
      !waiting.validate_only &&
      pool.promises().Give(waiting.name, waiting.tenant, waiting.share_class, waiting.work, now_ + again, now_);
  Refuse(waiting, &pool, {.reason = reason, .retry_after = again, .promised = promised});
}

Waiting Engine::Forget(WaitingRequests::Number number) {
  if (newcomer_ == number) newcomer_ = WaitingRequests::kNone;
  return waiting_.Take(number);
}

void Engine::GiveBack(const Waiting& waiting) {
  const admission::Usage nothing{.requests = 0, .tokens = {}, .work = {}};
  accounts_.NoteWaiting(waiting.key, waiting.usage(), -1);
  accounts_.TrueUp(waiting.key, waiting.usage(), nothing, now_);
  accounts_.ReleaseParallel(waiting.key);
  if (waiting.has_content) duplicates_.Forget(waiting.content);
}

void Engine::NoteWait(const Waiting& waiting, const PoolState& pool, bool departed) {
  const Duration waited = now_ - waiting.since;
  if (waited == Duration::Zero()) return;  // it did not have to wait
  effects_->waits.push_back({pool.id(), waiting.share_class, waiting.explanation.line_forecast, waited, departed});
}

void Engine::On(const Abandon& abandon) {
  const WaitingRequests::Number number = waiting_.FindTicket(abandon.ticket);
  if (number == WaitingRequests::kNone) return;  // it was answered meanwhile
  PoolState& pool = *MutablePool(waiting_.PoolOf(number));
  PENSTOCK_CHECK(pool.scheduler().Cancel(waiting_.PlaceOf(number), now_));
  const Waiting waiting = Forget(number);
  GiveBack(waiting);
  NoteWait(waiting, pool, /*departed=*/true);
  ++pool.counter(waiting.share_class).cancelled;
  Say(abandon.ticket, Error{ErrorReason::kAbandoned, "", "the caller left the line"});
}

void Engine::On(const Drain&) {
  draining_ = true;
  for (const auto& pool : pools_) {
    for (const WaitingRequests::Number number : waiting_.AllOf(pool->id())) {
      PENSTOCK_CHECK(pool->scheduler().Cancel(waiting_.PlaceOf(number), now_));
      const Waiting waiting = Forget(number);
      GiveBack(waiting);
      ++pool->counter(waiting.share_class).refused_pool;
      Say(waiting.ticket, Error{ErrorReason::kDraining, "", "the daemon is stopping: ask another one"});
    }
  }
}

void Engine::Grant(PoolState& pool, const admission::Dispatch& dispatch) {
  Waiting waiting = Forget(static_cast<WaitingRequests::Number>(dispatch.request));
  const ledger::GrantTerms terms = TermsNow(waiting.tenant, waiting.key, pool.id(), dispatch.charge.served);
  const ledger::TokenPrices& prices = books().PricesOf(terms);
  const Affordable affordable = AffordableNow(waiting, prices);
  const Tenant* tenant = accounts_.FindTenant(waiting.tenant);
  const bool bounded = waiting.in_run && tenant != nullptr;
  const RunBound bound =
      bounded ? runs_.WouldCross(tenant->policy->runs, waiting.run, /*depth=*/0, now_) : RunBound::kNone;
  if (affordable.nothing || bound != RunBound::kNone) {
    // Others have used the money or the run while it waited.
    admission::Charge charge = dispatch.charge;
    pool.scheduler().TrueUp(charge, Work::Zero(), PackedCounts(), 0, now_);
    pool.scheduler().Release(charge, now_);
    GiveBack(waiting);
    waiting.name = RequestKeyOf(waiting.tenant, waiting.request_id.view());
    if (bound != RunBound::kNone) {
      return Refuse(waiting, &pool, {.reason = RefusalReason::kRunBound, .limit = Name(bound)});
    }
    return Refuse(waiting, &pool,
                  {.reason = affordable.by_run ? RefusalReason::kRunBound : RefusalReason::kBudgetUsed,
                   .retry_after = affordable.again,
                   .limit = affordable.by});
  }
  accounts_.NoteWaiting(waiting.key, waiting.usage(), -1);
  TokenCounts most = waiting.estimate;
  most[TokenKind::kOutput] = Tokens::Zero();
  ledger::GrantEntry& entry = entry_;
  entry.id = {epoch(), ++grants_};
  entry.terms = terms;
  entry.at = now_;
  entry.lease_deadline = now_ + pool.settings().lease;
  entry.settle_deadline = now_ + pool.settings().settle_within;
  entry.estimate = waiting.estimate;
  entry.work = waiting.work;
  entry.output_cap = affordable.cap;
  entry.hold = ledger::TokenCharge(most, prices) +
               ledger::Money::FromPico(ledger::MaxGeneratedPrice(prices)) * affordable.cap.count();
  entry.request_id = waiting.request_id.view();
  entry.body = waiting.body;
  entry.run = std::move(waiting.run_name);
  entry.labels = std::move(waiting.labels);
  entry.reservation = 0;
  entry.queued = Duration::Zero();
  if (MarketDesk* desk = DeskOf(pool.id())) NoteDispatch(*desk, waiting, dispatch, &entry);
  pool.figures(terms.served).queued.Add((now_ - waiting.since).count() / Microseconds(1).count(), now_);

  most[TokenKind::kOutput] = waiting.max_output;
  Running running;
  running.id = entry.id;
  running.terms = entry.terms;
  running.charge = dispatch.charge;
  running.charged = waiting.estimate;
  running.charged_work = waiting.work;
  running.outstanding = WorkOf(most, pool.settings().burndown);
  running.max_output = waiting.max_output;
  running.given = now_;
  running.lease_deadline = entry.lease_deadline;
  running.settle_deadline = entry.settle_deadline;
  running.answered = waiting.ticket;
  running.money_bound = affordable.bound;
  running.in_run = waiting.in_run;
  running.run = waiting.run;
  running.has_content = waiting.has_content;
  running.content = waiting.content;
  running.hold = entry.hold;
  accounts_.HoldMoney(waiting.key, entry.hold, now_);
  if (running.in_run) runs_.Admit(running.run, running.hold, now_);
  pool.NoteOutstanding(running.charge, running.outstanding, +1);
  AddRunning(std::move(running));
  ++pool.counter(dispatch.charge.served).admitted;
  NoteWait(waiting, pool, /*departed=*/false);

  Granted granted = Describe(entry.id, entry);
  granted.waited = now_ - waiting.since;
  granted.duplicate = waiting.duplicate;
  granted.explanation = waiting.explanation;
  granted.explanation.dispatch = dispatch.reason;
  dispatches_ = &pool;
  dispatch_step_ = 0;
  ledger_->Post(std::move(entry));
  waiting.name = books().FindOpen(granted.id)->request.bytes;
  LogGrant(waiting, granted, affordable);
  Say(waiting.ticket, std::move(granted), affordable.bound ? Release::kSynced : Release::kWritten);
}

/// What it means to the market: use of what is not reserved, or of a reservation.
void Engine::NoteDispatch(MarketDesk& desk, const Waiting& waiting, const admission::Dispatch& dispatch,
                          ledger::GrantEntry* entry) const {
  if (dispatch.charge.contract == 0) {
    desk.dispatched += waiting.work;
    return;
  }
  const auto found = desk.by_contract.find(dispatch.charge.contract);
  if (found == desk.by_contract.end()) return;  // the settings' own
  entry->reservation = found->second;
  entry->queued = std::max(now_ - std::max(dispatch.reason.eligible_at, waiting.since), Duration::Zero());
}

void Engine::LogGrant(const Waiting& waiting, const Granted& granted, const Affordable& affordable) {
  const bool by_ceiling = waiting.at_ceiling && affordable.by.empty();
  const InlineText<80> capped_by = by_ceiling ? InlineText<80>("key.max_output_tokens") : affordable.by;
  decisions_.Add({.request = waiting.name,
                  .grant = granted.id,
                  .tenant = waiting.tenant,
                  .key = waiting.key,
                  .pool = granted.terms.pool,
                  .stood_as = waiting.share_class,
                  .served = granted.terms.served,
                  .tariff = granted.terms.tariff,
                  .came = waiting.since,
                  .decided = now_,
                  .output_cap = granted.output_cap,
                  .hold = granted.hold,
                  .capped_by = capped_by,
                  .refusal = {},
                  .explanation = granted.explanation});
}

Granted Engine::Describe(GrantId id, const ledger::GrantEntry& grant) const {
  return {.id = id,
          .terms = grant.terms,
          .prices = books().PricesOf(grant.terms),
          .output_cap = grant.output_cap,
          .issued = grant.at,
          .lease_deadline = grant.lease_deadline,
          .settle_deadline = grant.settle_deadline,
          .waited = {},
          .hold = grant.hold,
          .duplicate = {},
          .explanation = {}};
}

}  // namespace penstock::core
