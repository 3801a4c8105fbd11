// The life of a reservation, as a table: which event may happen in which state, and what state follows. Every illegal
// edge is a contradiction in the journal and a FAILED_PRECONDITION on the wire.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "ledger/market_terms.h"

namespace penstock::ledger {

constexpr std::array<std::string_view, kReservationStates> kReservationStateNames = {
    "pending", "scheduled", "active", "completed", "amending", "degraded", "suspended", "cancelled", "rejected"};
constexpr std::string_view Name(ReservationState s) { return kReservationStateNames[static_cast<size_t>(s)]; }
constexpr std::array<std::string_view, kReservationEvents> kReservationEventNames = {
    "buy",          "ask_approval", "approve",   "reject",   "activate", "complete", "ask_amend", "amend",
    "reject_amend", "cancel",       "sell_back", "transfer", "degrade",  "restore",  "suspend",   "resume"};
constexpr std::string_view Name(ReservationEvent e) { return kReservationEventNames[static_cast<size_t>(e)]; }
constexpr std::array<std::string_view, kQuoteStates> kQuoteStateNames = {"active", "accepted", "expired", "withdrawn"};
constexpr std::string_view Name(QuoteState s) { return kQuoteStateNames[static_cast<size_t>(s)]; }
constexpr std::array<std::string_view, kBidStates> kBidStateNames = {"open", "filled", "expired", "withdrawn"};
constexpr std::string_view Name(BidState s) { return kBidStateNames[static_cast<size_t>(s)]; }

/// No event can happen any more, and nothing is committed.
constexpr bool IsOver(ReservationState s) {
  return s == ReservationState::kCompleted || s == ReservationState::kCancelled || s == ReservationState::kRejected;
}

/// The state after the event; nothing when it is not allowed. `from`: nothing before kBought and kAskApproval. `begun`:
/// the first step of the terms that hold after the event has begun.
std::optional<ReservationState> After(std::optional<ReservationState> from, ReservationEvent event, bool begun);

}  // namespace penstock::ledger
