#include "ledger/reservation_states.h"

namespace penstock::ledger {
namespace {

/// What a cell of the table says.
enum class Then : uint8_t {
  kNo,      // not allowed
  kStay,    // the state does not change
  kByTime,  // scheduled, or active once its first step has begun
  kAmending,
  kDegraded,
  kSuspended,
  kCompleted,
  kCancelled,
  kRejected,
};

using enum Then;

// clang-format off
constexpr std::array<std::array<Then, kReservationEvents>, kReservationStates> kTable = {{
    // buy ask_app approve  reject     activate complete    ask_amend  amend    rej_amend cancel      sell_back transfer degrade    restore  suspend     resume
    {kNo, kNo,     kByTime, kRejected, kNo,     kNo,        kNo,       kNo,     kNo,      kCancelled, kNo,      kNo,     kNo,       kNo,     kNo,        kNo},      // pending
    {kNo, kNo,     kNo,     kNo,       kByTime, kNo,        kAmending, kByTime, kNo,      kCancelled, kByTime,  kStay,   kDegraded, kNo,     kSuspended, kNo},      // scheduled
    {kNo, kNo,     kNo,     kNo,       kNo,     kCompleted, kAmending, kByTime, kNo,      kNo,        kByTime,  kStay,   kDegraded, kNo,     kSuspended, kNo},      // active
    {kNo, kNo,     kNo,     kNo,       kNo,     kNo,        kNo,       kNo,     kNo,      kNo,        kNo,      kNo,     kNo,       kNo,     kNo,        kNo},      // completed
    {kNo, kNo,     kNo,     kNo,       kStay,   kCompleted, kNo,       kByTime, kByTime,  kCancelled, kNo,      kNo,     kDegraded, kNo,     kSuspended, kNo},      // amending
    {kNo, kNo,     kNo,     kNo,       kStay,   kCompleted, kNo,       kNo,     kNo,      kCancelled, kStay,    kStay,   kDegraded, kByTime, kSuspended, kNo},      // degraded
    {kNo, kNo,     kNo,     kNo,       kStay,   kCompleted, kNo,       kNo,     kNo,      kCancelled, kNo,      kStay,   kNo,       kNo,     kNo,        kByTime},  // suspended
    {kNo, kNo,     kNo,     kNo,       kNo,     kNo,        kNo,       kNo,     kNo,      kNo,        kNo,      kNo,     kNo,       kNo,     kNo,        kNo},      // cancelled
    {kNo, kNo,     kNo,     kNo,       kNo,     kNo,        kNo,       kNo,     kNo,      kNo,        kNo,      kNo,     kNo,       kNo,     kNo,        kNo},      // rejected
}};
// clang-format on

ReservationState ByTime(bool begun) { return begun ? ReservationState::kActive : ReservationState::kScheduled; }

}  // namespace

std::optional<ReservationState> After(std::optional<ReservationState> from, ReservationEvent event, bool begun) {
  if (!from) {
    if (event == ReservationEvent::kBought) return ByTime(begun);
    if (event == ReservationEvent::kAskApproval) return ReservationState::kPending;
    return std::nullopt;
  }
  switch (kTable[static_cast<size_t>(*from)][static_cast<size_t>(event)]) {
    case kNo:
      return std::nullopt;
    case kStay:
      return from;
    case kByTime:
      return ByTime(begun);
    case kAmending:
      return ReservationState::kAmending;
    case kDegraded:
      return ReservationState::kDegraded;
    case kSuspended:
      return ReservationState::kSuspended;
    case kCompleted:
      return ReservationState::kCompleted;
    case kCancelled:
      return ReservationState::kCancelled;
    case kRejected:
      return ReservationState::kRejected;
  }
  return std::nullopt;
}

}  // namespace penstock::ledger
