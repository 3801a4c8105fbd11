// Standing bids on the engine: each is filled as soon as the ask comes down to its limit, or ends.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "broker/core/engine.h"
#include "broker/market/reshape.h"

namespace penstock::core {
namespace {

constexpr size_t kMostOpenBids = 1'000;  // of a tenant

}  // namespace

void Engine::On(PlaceBid& place) {
  if (AnswerKnown(place.ticket, place.caller)) return;
  Error error;
  MarketDesk* desk = OpenDesk(place.wish.pool, place.caller.tenant, &error);
  if (desk == nullptr) return Say(place.ticket, std::move(error));
  ledger::BidEntry bid;
  if (std::optional<Error> wrong = TermsOf(place.wish, place.caller.tenant, *desk, &bid.terms)) {
    return Say(place.ticket, *std::move(wrong));
  }
  if (place.limit_price <= 0) {
    return Say(place.ticket, Error{ErrorReason::kInvalidArgument, "limit_price", "must be positive"});
  }
  bid.expires = std::min(place.expires, ledger::FirstOf(bid.terms.steps));
  if (bid.expires <= now_) {
    return Say(place.ticket, Error{ErrorReason::kInvalidArgument, "expires", "must be ahead, and before it begins"});
  }
  const TenantId tenant = place.caller.tenant;
  BidPlaced answer;
  if (!ShortageNow(bid.terms.pool, bid.terms.steps, bid.terms.envelope)) {
    answer.ask = market::UnitPriceOf(desk->market.AskFor(bid.terms.steps, PriceInputsOf(bid.terms.pool, tenant)));
  }
  if (place.caller.validate_only) return Say(place.ticket, answer);
  if (books().market().OpenBidsOf(tenant) >= kMostOpenBids) {
    return Say(place.ticket, Error{ErrorReason::kTooManyQuotes, "", "this tenant has too many bids: withdraw some"});
  }
  bid.id = answer.id = books().market().last_bid() + 1;
  bid.tenant = tenant;
  bid.at = now_;
  bid.tariff = TariffIdOf(tenant);
  bid.limit_price = place.limit_price;
  bid.by = std::move(place.caller.by);
  bid.request_id = std::move(place.caller.request_id);
  bid.body = place.caller.body;
  ledger_->Post(std::move(bid));
  answer.reservation = FillBid(answer.id);
  Say(place.ticket, answer, Release::kSynced);
}

void Engine::On(const WithdrawBid& withdraw) {
  const ledger::BidRecord* bid = books().market().FindBid(withdraw.bid);
  if (bid == nullptr || bid->placed.tenant != withdraw.caller.tenant) {
    return Say(withdraw.ticket, Error{ErrorReason::kUnknownBid, "name", "this tenant has no such bid"});
  }
  if (bid->state != ledger::BidState::kOpen) {
    return Say(withdraw.ticket,
               Error{ErrorReason::kBidEnded, "name", absl::StrCat("the bid is ", std::string(Name(bid->state)))});
  }
  if (!withdraw.caller.validate_only) {
    ledger_->Post(ledger::BidEndEntry{withdraw.bid, now_, ledger::BidState::kWithdrawn});
  }
  Say(withdraw.ticket, BidWithdrawn{.id = withdraw.bid}, Release::kSynced);
}

/// The reservation that an open bid became, 0 if it still waits.
uint32_t Engine::FillBid(uint64_t id) {
  const ledger::BidRecord& bid = *books().market().FindBid(id);
  ledger::ReservationTerms terms = bid.placed.terms;
  MarketDesk* desk = DeskOf(terms.pool);
  const bool open = desk != nullptr && desk->market.terms().open && FindPool(terms.pool) != nullptr &&
                    accounts_.FindTenant(bid.placed.tenant) != nullptr;
  if (!open || ShortageNow(terms.pool, terms.steps, terms.envelope)) return 0;
  const market::PriceInputs inputs = PriceInputsOf(terms.pool, bid.placed.tenant);
  const int64_t unit = market::UnitPriceOf(desk->market.AskFor(terms.steps, inputs));
  if (unit == 0 || unit > bid.placed.limit_price) return 0;
  market::SetUnitPrice(&terms.steps, unit);
  const MarketCaller caller{.tenant = bid.placed.tenant, .by = bid.placed.by};
  ledger::ReservationEntry entry;
  entry.bid = id;
  entry.tariff = bid.placed.tariff;
  entry.terms = {std::move(terms)};
  return Buy(/*ticket=*/0, caller, std::move(entry), *desk);
}

/// Some bids, in turn: those that are over, and those that the ask has come down to.
void Engine::LookAtBids() {
  constexpr size_t kMost = 64;
  const std::set<uint64_t>& open = books().market().OpenBids();  // whoever ends leaves it
  const size_t some = std::min(kMost, open.size());
  for (size_t i = 0; i < some && !open.empty(); ++i) {
    auto next = open.upper_bound(last_bid_looked_at_);
    if (next == open.end()) next = open.begin();
    const uint64_t id = *next;
    last_bid_looked_at_ = id;
    if (books().market().FindBid(id)->placed.expires <= now_) {
      ledger_->Post(ledger::BidEndEntry{id, now_, ledger::BidState::kExpired});
    } else {
      FillBid(id);
    }
  }
}

}  // namespace penstock::core
