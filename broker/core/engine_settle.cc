// Progress and Complete: what a grant turned out to be.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"
#include "broker/core/engine.h"

namespace penstock::core {
namespace {

absl::string_view NameOfKind(TokenKind kind) { return {Name(kind).data(), Name(kind).size()}; }

/// Where what is new since the last report begins: no attribution is longer than a lease may be.
Instant NewsBegin(const ledger::OpenGrant& open, Instant now) {
  return std::clamp(open.attributed_until, now - Seconds(kMaxLeaseSeconds), now);
}

TokenCounts OnlyInput(TokenCounts tokens) {
  tokens[TokenKind::kOutput] = Tokens::Zero();
  tokens[TokenKind::kReasoning] = Tokens::Zero();
  return tokens;
}

/// Input counts at the first token, output evenly from there to the end.
ledger::Attributions Attribute(Instant first_token, Instant end, Work input, Work output) {
  ledger::Attributions attributions;
  if (input > Work::Zero()) attributions.push_back({first_token, first_token, input});
  if (output > Work::Zero()) attributions.push_back({first_token, end, output});
  return attributions;
}

/// As many of the tokens as `at_most` pays, in the order of their kinds: what came in first, then what was generated.
TokenCounts Payable(const TokenCounts& tokens, const ledger::TokenPrices& prices, const ledger::Money& at_most) {
  TokenCounts paid;
  ledger::Money left = at_most;
  for (TokenKind kind : kAllTokenKinds) {
    const int64_t price = prices[kind];
    paid[kind] = tokens[kind];
    if (price == 0) continue;
    const ledger::PicoCount payable = left.IsNegative() ? ledger::PicoCount(0) : left.pico() / price;
    if (payable < tokens[kind].count()) paid[kind] = Tokens(static_cast<int64_t>(payable));
    left -= ledger::Money::FromPico(price) * paid[kind].count();
  }
  return paid;
}

}  // namespace

ledger::GrantTerms Engine::TermsNow(TenantId tenant, KeyId key, PoolId pool, ServiceClass served) const {
  const uint32_t tariff = TariffIdOf(tenant);
  return {tenant, key, pool, served, tariff, PostedFor(tenant, pool, served, tariff)};
}

ledger::Money Engine::ChargeFor(const ledger::GrantTerms& terms, const TokenCounts& tokens) const {
  return ledger::TokenCharge(tokens, books().PricesOf(terms));
}

// Counts must be of kinds the pool has, and may only grow.
std::optional<Error> Engine::CheckTokens(const ledger::GrantTerms& terms, const TokenCounts& tokens,
                                         const TokenCounts& so_far) const {
  const PoolState* pool = FindPool(terms.pool);
  for (TokenKind kind : kAllTokenKinds) {
    if (tokens[kind] < so_far[kind]) {
      return Error{ErrorReason::kInvalidArgument, "tokens",
                   absl::StrCat("'", NameOfKind(kind), "' went down from ", so_far[kind].count(), " to ",
                                tokens[kind].count(), ": counts are totals since the beginning")};
    }
    if (tokens[kind] > Tokens::Zero() && pool != nullptr && pool->settings().burndown[kind] == 0) {
      return Error{ErrorReason::kUnknownTokenKind, "tokens",
                   absl::StrCat("pool '", pool->settings().name, "' has no tokens of kind '", NameOfKind(kind), "'")};
    }
  }
  return std::nullopt;
}

void Engine::On(const Progress& progress) {
  const ledger::OpenGrant* open = books().FindOpen(progress.grant);
  if (open == nullptr) {
    const bool ended = books().HasEnded(progress.grant);
    return Say(progress.ticket, Error{ended ? ErrorReason::kGrantEnded : ErrorReason::kUnknownGrant, "grant",
                                      ended ? "this grant has ended" : "there is no such open grant"});
  }
  if (progress.on_behalf_of && *progress.on_behalf_of != open->grant.terms.tenant) {
    return Say(progress.ticket, Error{ErrorReason::kForeignGrant, "grant", "this grant is another tenant's"});
  }
  const ledger::GrantTerms terms = open->grant.terms;
  if (std::optional<Error> error = CheckTokens(terms, progress.so_far, open->so_far)) {
    return Say(progress.ticket, *std::move(error));
  }
  const PoolState* pool = FindPool(terms.pool);
  Running& running = *FindRunning(progress.grant);
  const TokenCounts held = open->grant.estimate;
  ledger::ProgressEntry entry;
  entry.id = progress.grant;
  entry.at = now_;
  entry.so_far = progress.so_far;
  entry.output_cap = open->grant.output_cap;
  entry.hold = open->grant.hold;
  if (pool != nullptr) {
    const Work news = WorkOf(progress.so_far - open->so_far, pool->settings().burndown);
    if (news > Work::Zero()) entry.attributions.push_back({NewsBegin(*open, now_), now_, news});
    entry.lease_deadline = now_ + pool->settings().lease;
    entry.settle_deadline = now_ + pool->settings().settle_within;
  } else {
    entry.lease_deadline = running.lease_deadline;
    entry.settle_deadline = running.settle_deadline;
  }
  Progressed answer;
  entry.output_cap = ExtendCap(running, *open, progress.so_far, &answer.bound);
  entry.hold = open->grant.hold;
  if (entry.output_cap > open->grant.output_cap) {
    const ledger::Money more = ledger::Money::FromPico(ledger::MaxGeneratedPrice(books().PricesOf(terms))) *
                               (entry.output_cap - open->grant.output_cap).count();
    entry.hold += more;
    running.hold += more;
    accounts_.HoldMoney(terms.key, more, running.given);
    if (running.in_run) runs_.Hold(running.run, more);
  }
  running.lease_deadline = answer.lease_deadline = entry.lease_deadline;
  running.settle_deadline = answer.settle_deadline = entry.settle_deadline;
  answer.output_cap = entry.output_cap;
  Judge(running, progress.so_far, &answer);
  ledger_->Post(std::move(entry));
  const Slot slot = running_by_id_.at(progress.grant);
  if (running.holds_slot) leases_.Update(slot, running.lease_deadline);
  settlements_.Update(slot, running.settle_deadline);
  // More than was held is charged to rate and share at once; less is given back only at the end.
  TokenCounts known = held;
  for (TokenKind kind : kAllTokenKinds) known[kind] = std::max(held[kind], progress.so_far[kind]);
  if (pool != nullptr) TrueUp(running, known, WorkOf(known, pool->settings().burndown));
  Say(progress.ticket, answer, running.money_bound ? Release::kSynced : Release::kWritten);
}

// A grant whose money is bounded got less than it asked for if that was all there was: it gets more as it needs it.
Tokens Engine::ExtendCap(Running& running, const ledger::OpenGrant& open, const TokenCounts& so_far,
                         InlineText<80>* bound) {
  const Tokens cap = open.grant.output_cap;
  const Tokens wanted = running.max_output - cap;
  // While more than half of its cap is ahead of it, others may need the money more.
  if (!running.money_bound || wanted <= Tokens::Zero() || Generated(so_far) * 2 < cap) return cap;
  const ledger::TokenPrices& prices = books().PricesOf(running.terms);
  const Affordable more =
      Cut(running.terms.tenant, running.terms.key, running.in_run ? &running.run : nullptr, running.given,
          ledger::Money(), ledger::MaxGeneratedPrice(prices), wanted, open.grant.estimate[TokenKind::kOutput]);
  *bound = more.by;
  return more.nothing ? cap : cap + more.cap;
}

// What a running request should do now.
void Engine::Judge(const Running& running, const TokenCounts& so_far, Progressed* answer) const {
  const Tenant* tenant = accounts_.FindTenant(running.terms.tenant);
  const bool at_cap = Generated(so_far) >= answer->output_cap;
  if (running.in_run && tenant != nullptr && runs_.OutOfTime(tenant->policy->runs, running.run, now_)) {
    answer->bound = Name(RunBound::kWallTime);
  } else if (!at_cap) {
    answer->bound = {};
    return;
  } else if (answer->bound.empty()) {
    answer->bound = "output_cap";
  }
  const bool by_run = answer->bound.view().starts_with("run.");
  const bool may_be_approved = by_run && tenant != nullptr && tenant->policy->runs.ask_for_approval;
  answer->wait_for_approval = may_be_approved;
  answer->stop = !may_be_approved;
}

void Engine::On(const Complete& complete) {
  if (complete.on_behalf_of && *complete.on_behalf_of != complete.terms.tenant) {
    return Say(complete.ticket, Error{ErrorReason::kForeignGrant, "grant", "this grant is another tenant's"});
  }
  if (const ledger::OpenGrant* open = books().FindOpen(complete.grant)) return CompleteOpen(complete, *open);
  if (books().HasEnded(complete.grant)) return CompleteEnded(complete);
  CompleteLost(complete);
}

void Engine::CompleteOpen(const Complete& complete, const ledger::OpenGrant& open) {
  const ledger::GrantTerms terms = open.grant.terms;
  if (std::optional<Error> error = CheckTokens(terms, complete.tokens, open.so_far)) {
    return Say(complete.ticket, *std::move(error));
  }
  const PoolState* pool = FindPool(terms.pool);
  const BurndownRates rates = pool == nullptr ? BurndownRates{} : pool->settings().burndown;
  const TokenCounts news = complete.tokens - open.so_far;
  const Work input = WorkOf(OnlyInput(news), rates);
  const Work output = WorkOf(news, rates) - input;
  const Instant begin = NewsBegin(open, now_);
  const Instant end = std::clamp(complete.ended_at.value_or(now_), begin, std::max(begin, now_));
  const Instant first = std::clamp(complete.first_token_at.value_or(begin), begin, end);
  const Work work = open.attributed + input + output;
  const Slot slot = running_by_id_.at(complete.grant);
  const Running& running = running_[slot];
  const Instant running_given = running.given;
  const std::optional<ledger::Money> at_most = running.money_bound ? std::optional(running.hold) : std::nullopt;
  if (running.in_run) run_ = open.grant.run;  // an alert may name it
  const ledger::Money charge = PostSettlement(complete, terms, /*billed=*/true, at_most, work,
                                              Attribute(first, end, input, output), running.given);
  EndRunning(slot, complete.tokens, work, charge, complete.outcome == ledger::Outcome::kSucceeded);
  accounts_.Graduate(terms.tenant, books().BalanceOf(terms.tenant).posted, now_);
  effects_->observations.push_back({terms.tenant, terms.pool, Generated(complete.tokens), terms.served, work,
                                    now_ - running_given, now_});
}

void Engine::CompleteEnded(const Complete& complete) {
  const ledger::EndedGrant* ended = books().FindEnded(complete.grant);
  const bool expired = ended != nullptr && ended->end == ledger::GrantEnd::kExpired;
  if (ended != nullptr && ended->end == ledger::GrantEnd::kSettled && ended->body == complete.body) {
    return Say(complete.ticket,
               Completed{.terms = ended->terms,
                         .charge = ended->charge,
                         .billed = ended->billed,
                         .work = ended->work,
                         .sequence = ledger_->posted_sequence(),
                         .repeated = true},
               Release::kSynced);
  }
  if (!expired) {
    return Say(complete.ticket, Error{ErrorReason::kGrantEnded, "grant",
                                      ended != nullptr && ended->end == ledger::GrantEnd::kVoided
                                          ? "this grant was voided, for its answer could not be delivered"
                                          : "this grant has been completed before, with another body"});
  }
  const ledger::GrantTerms terms = ended->terms;
  SettleUnmetered(complete, terms, /*billed=*/false);
}

// The journal does not know the grant, yet its name carries our code: its record was lost in a power cut. It settles
// exactly once anyway, on the terms that the name carries.
void Engine::CompleteLost(const Complete& complete) {
  if (!books().MayBeLost(complete.grant, complete.terms)) {
    return Say(complete.ticket, Error{ErrorReason::kUnknownGrant, "grant",
                                      "this journal never gave that grant: is the data directory the right one?"});
  }
  const PoolState* pool = FindPool(complete.terms.pool);
  const bool in_time = pool == nullptr || now_ <= complete.issued + pool->settings().settle_within;
  SettleUnmetered(complete, complete.terms, in_time);
}

// Settles a grant that no longer runs here: all of its work counts now.
void Engine::SettleUnmetered(const Complete& complete, const ledger::GrantTerms& terms, bool billed) {
  const ledger::EndedGrant* ended = books().FindEnded(complete.grant);
  const TokenCounts metered = ended == nullptr ? TokenCounts{} : ended->tokens;
  const Work metered_work = ended == nullptr ? Work::Zero() : ended->work;
  if (std::optional<Error> error = CheckTokens(terms, complete.tokens, metered)) {
    return Say(complete.ticket, *std::move(error));
  }
  const PoolState* pool = FindPool(terms.pool);
  const BurndownRates rates = pool == nullptr ? BurndownRates{} : pool->settings().burndown;
  const Work news = WorkOf(complete.tokens - metered, rates);
  // A grant that draws on a hard budget is durable before anybody knows it; should one be lost all the same (a disk
  // that lies), it is charged no more than is left.
  std::optional<ledger::Money> at_most;
  if (billed && accounts_.IsBudgeted(terms.key, now_)) {
    at_most = std::max(accounts_.MoneyLeft(terms.key, now_).left, ledger::Money());
  }
  const ledger::Money charge =
      PostSettlement(complete, terms, billed, at_most, metered_work + news, Attribute(now_, now_, Work::Zero(), news),
                     /*given=*/now_);
  accounts_.SettleMoney(terms.key, ledger::Money(), charge, now_, &crossed_);
  PostAlerts();
}

ledger::Money Engine::PostSettlement(const Complete& complete, const ledger::GrantTerms& terms, bool billed,
                                     const std::optional<ledger::Money>& at_most, Work work,
                                     ledger::Attributions attributions, Instant given) {
  ledger::SettleEntry entry;
  entry.id = complete.grant;
  entry.terms = terms;
  entry.at = now_;
  entry.outcome = complete.outcome;
  entry.billed = billed;
  entry.tokens = complete.tokens;
  entry.work = work;
  if (billed) entry.charge = ChargeFor(terms, complete.tokens);
  if (billed && at_most && entry.charge > *at_most) {
    // More was generated than was allowed, or the input was counted wrong: what the hold cannot pay is not charged.
    entry.tokens = Payable(complete.tokens, books().PricesOf(terms), *at_most);
    entry.unbilled = complete.tokens - entry.tokens;
    entry.charge = ChargeFor(terms, entry.tokens);
  }
  entry.body = complete.body;
  entry.attributions = std::move(attributions);
  if (complete.first_token_at) NoteSpeed(complete, terms, given, &entry);
  const ledger::Money charge = entry.charge;
  if (!charge.IsZero()) {
    const KeyDay when = {terms.key, WindowStart(given, Days(1))};
    Charged& charged = charged_[when];
    charged.amount += charge;
    NoteCharge(when, &charged);
  }
  ledger_->Post(std::move(entry));
  Say(complete.ticket,
      Completed{.terms = terms,
                .charge = charge,
                .billed = billed,
                .work = work,
                .sequence = ledger_->posted_sequence(),
                .repeated = false},
      Release::kSynced);
  return charge;
}

/// How fast it was, for the figures of its class, and for its reservation if it ran inside one.
void Engine::NoteSpeed(const Complete& complete, const ledger::GrantTerms& terms, Instant given,
                       ledger::SettleEntry* entry) {
  if (complete.on_behalf_of) return;  // nobody is paid for what it says itself
  const Instant first_at = std::clamp(*complete.first_token_at, given, now_);
  const Instant end = std::clamp(complete.ended_at.value_or(now_), first_at, now_);
  const Duration first = first_at - given;
  const Duration generating = std::min(end - first_at, Seconds(kMaxLeaseSeconds));
  if (PoolState* pool = MutablePool(terms.pool)) {
    ServiceFigures& figures = pool->figures(terms.served);
    figures.first_token.Add(first.count() / Microseconds(1).count(), now_);
    const Int128 output = Int128{Generated(complete.tokens).count()} * Seconds(1).count();
    if (generating > Duration::Zero()) {
      figures.output_per_second.Add(static_cast<int64_t>(output / generating.count()), now_);
    }
  }
  if (terms.served != ServiceClass::kReserved) return;
  const ledger::OpenGrant* open = books().FindOpen(complete.grant);
  if (open == nullptr || open->grant.reservation == 0) return;
  entry->first_token = std::min(first, Seconds(kMaxLeaseSeconds));
  entry->generating = generating;
}

void Engine::On(const Undeliverable& undeliverable) {
  const auto found = running_by_id_.find(undeliverable.grant);
  // A retry may have picked the grant up meanwhile: then it is in good hands.
  if (found == running_by_id_.end() || running_[found->second].answered != undeliverable.ticket) return;
  if (Total(books().FindOpen(undeliverable.grant)->so_far) > Tokens::Zero()) return;  // it was delivered after all
  ledger_->Post(ledger::VoidEntry{undeliverable.grant, now_, ledger::VoidReason::kUndeliverable});
  const KeyId key = running_[found->second].terms.key;
  EndRunning(found->second, TokenCounts{}, Work::Zero(), ledger::Money(), /*has_answer=*/false);
  accounts_.TrueUp(key, {.requests = 1, .tokens = {}, .work = {}}, {.requests = 0, .tokens = {}, .work = {}}, now_);
}

}  // namespace penstock::core
