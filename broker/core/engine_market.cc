// The market on the engine: quotes, reservations, bids, prices.
#include "broker/core/engine.h"

namespace penstock::core {

void Engine::On(AskQuote& ask) { Say(ask.ticket, Error{ErrorReason::kMarketClosed, "pool", "nothing is sold"}); }
void Engine::On(const WithdrawQuote& it) { Say(it.ticket, Error{ErrorReason::kMarketClosed, "", "nothing is sold"}); }
void Engine::On(const AcceptQuote& it) { Say(it.ticket, Error{ErrorReason::kMarketClosed, "", "nothing is sold"}); }
void Engine::On(ChangeReservation& it) { Say(it.ticket, Error{ErrorReason::kMarketClosed, "", "nothing is sold"}); }
void Engine::On(const DecideReservation& it) { Say(it.ticket, Error{ErrorReason::kMarketClosed, "", "nothing is sold"}); }
void Engine::On(PlaceBid& it) { Say(it.ticket, Error{ErrorReason::kMarketClosed, "", "nothing is sold"}); }
void Engine::On(const WithdrawBid& it) { Say(it.ticket, Error{ErrorReason::kMarketClosed, "", "nothing is sold"}); }
void Engine::On(const PinPrice& it) { Say(it.ticket, Error{ErrorReason::kMarketClosed, "", "nothing is sold"}); }

}  // namespace penstock::core
