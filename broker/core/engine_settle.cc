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
std::vector<ledger::Attribution> Attribute(Instant first_token, Instant end, Work input, Work output) {
  std::vector<ledger::Attribution> attributions;
  if (input > Work::Zero()) attributions.push_back({first_token, first_token, input});
  if (output > Work::Zero()) attributions.push_back({first_token, end, output});
  return attributions;
}

}  // namespace

const ledger::TokenPrices& Engine::PricesOf(const ledger::GrantTerms& terms) const {
  static const ledger::TokenPrices kFreeOfCharge{};
  PENSTOCK_CHECK(terms.tariff >= 1 && terms.tariff <= books().tariffs().size());
  const std::string& pool = books().NameOf(ledger::NameKind::kPool, terms.pool.value).name;
  const ledger::PoolPrices* prices = books().tariffs()[terms.tariff - 1].tariff.PricesOf(pool);
  return prices == nullptr ? kFreeOfCharge : prices->by_class[static_cast<size_t>(terms.served)];
}

ledger::Money Engine::ChargeFor(const ledger::GrantTerms& terms, const TokenCounts& tokens) const {
  return ledger::TokenCharge(tokens, PricesOf(terms));
}

ledger::Money Engine::MaxCost(const ledger::GrantTerms& terms, const TokenCounts& input, Tokens output_cap) const {
  const ledger::TokenPrices& prices = PricesOf(terms);
  return ledger::TokenCharge(input, prices) +
         ledger::Money::FromPico(ledger::MaxGeneratedPrice(prices)) * output_cap.count();
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
  Running& running = running_.at(progress.grant);
  ledger::ProgressEntry entry;
  entry.id = progress.grant;
  entry.at = now_;
  entry.so_far = progress.so_far;
  if (pool != nullptr) {
    const Work news = WorkOf(progress.so_far - open->so_far, pool->settings().burndown);
    if (news > Work::Zero()) entry.attributions.push_back({NewsBegin(*open, now_), now_, news});
    entry.lease_deadline = now_ + pool->settings().lease;
    entry.settle_deadline = now_ + pool->settings().settle_within;
  } else {
    entry.lease_deadline = running.lease_deadline;
    entry.settle_deadline = running.settle_deadline;
  }
  const Tokens cap = open->grant.output_cap;
  const TokenCounts held = open->grant.estimate;
  ledger_->Post(entry);
  if (running.holds_slot) {
    leases_.erase({running.lease_deadline, progress.grant});
    leases_.emplace(entry.lease_deadline, progress.grant);
  }
  settlements_.erase({running.settle_deadline, progress.grant});
  settlements_.emplace(entry.settle_deadline, progress.grant);
  running.lease_deadline = entry.lease_deadline;
  running.settle_deadline = entry.settle_deadline;
  // More than was held is charged to rate and share at once; less is given back only at the end.
  TokenCounts known = held;
  for (TokenKind kind : kAllTokenKinds) known[kind] = std::max(held[kind], progress.so_far[kind]);
  if (pool != nullptr) TrueUp(running, known, WorkOf(known, pool->settings().burndown));
  Say(progress.ticket, Progressed{.lease_deadline = running.lease_deadline,
                                  .settle_deadline = running.settle_deadline,
                                  .output_cap = cap,
                                  .stop = Generated(progress.so_far) >= cap});
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
  PostSettlement(complete, terms, /*billed=*/true, work, Attribute(first, end, input, output));
  EndRunning(complete.grant, complete.tokens, work);
  effects_->observations.push_back({terms.tenant, terms.pool, Generated(complete.tokens)});
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
  PostSettlement(complete, terms, billed, metered_work + news, Attribute(now_, now_, Work::Zero(), news));
}

void Engine::PostSettlement(const Complete& complete, const ledger::GrantTerms& terms, bool billed, Work work,
                            std::vector<ledger::Attribution> attributions) {
  ledger::SettleEntry entry;
  entry.id = complete.grant;
  entry.terms = terms;
  entry.at = now_;
  entry.outcome = complete.outcome;
  entry.billed = billed;
  entry.tokens = complete.tokens;
  entry.work = work;
  if (billed) entry.charge = ChargeFor(terms, complete.tokens);
  entry.body = complete.body;
  entry.attributions = std::move(attributions);
  ledger_->Post(entry);
  Say(complete.ticket,
      Completed{.terms = terms,
                .charge = entry.charge,
                .billed = billed,
                .work = work,
                .sequence = ledger_->posted_sequence(),
                .repeated = false},
      Release::kSynced);
}

void Engine::On(const Undeliverable& undeliverable) {
  const auto found = running_.find(undeliverable.grant);
  // A retry may have picked the grant up meanwhile: then it is in good hands.
  if (found == running_.end() || found->second.answered != undeliverable.ticket) return;
  if (Total(books().FindOpen(undeliverable.grant)->so_far) > Tokens::Zero()) return;  // it was delivered after all
  ledger_->Post(ledger::VoidEntry{undeliverable.grant, now_, ledger::VoidReason::kUndeliverable});
  EndRunning(undeliverable.grant, TokenCounts{}, Work::Zero());
}

}  // namespace penstock::core
