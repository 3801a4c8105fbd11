#include "ledger/reservation_states.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace penstock::ledger {
namespace {

using State = ReservationState;
using Event = ReservationEvent;

constexpr State kByTime = State::kPending;  // no event leads there but the first: scheduled, or active once begun

/// Every edge that there is; what is not here is not allowed.
const std::map<std::pair<State, Event>, State> kEdges = {
    {{State::kPending, Event::kApprove}, kByTime},
    {{State::kPending, Event::kReject}, State::kRejected},
    {{State::kPending, Event::kCancel}, State::kCancelled},

    {{State::kScheduled, Event::kActivate}, kByTime},
    {{State::kScheduled, Event::kAskAmend}, State::kAmending},
    {{State::kScheduled, Event::kAmend}, kByTime},
    {{State::kScheduled, Event::kCancel}, State::kCancelled},
    {{State::kScheduled, Event::kSellBack}, kByTime},
    {{State::kScheduled, Event::kTransfer}, State::kScheduled},
    {{State::kScheduled, Event::kDegrade}, State::kDegraded},
    {{State::kScheduled, Event::kSuspend}, State::kSuspended},

    {{State::kActive, Event::kComplete}, State::kCompleted},
    {{State::kActive, Event::kAskAmend}, State::kAmending},
    {{State::kActive, Event::kAmend}, kByTime},
    {{State::kActive, Event::kSellBack}, kByTime},
    {{State::kActive, Event::kTransfer}, State::kActive},
    {{State::kActive, Event::kDegrade}, State::kDegraded},
    {{State::kActive, Event::kSuspend}, State::kSuspended},

    {{State::kAmending, Event::kActivate}, State::kAmending},
    {{State::kAmending, Event::kComplete}, State::kCompleted},
    {{State::kAmending, Event::kAmend}, kByTime},
    {{State::kAmending, Event::kRejectAmend}, kByTime},
    {{State::kAmending, Event::kCancel}, State::kCancelled},
    {{State::kAmending, Event::kDegrade}, State::kDegraded},
    {{State::kAmending, Event::kSuspend}, State::kSuspended},

    {{State::kDegraded, Event::kActivate}, State::kDegraded},
    {{State::kDegraded, Event::kComplete}, State::kCompleted},
    {{State::kDegraded, Event::kCancel}, State::kCancelled},
    {{State::kDegraded, Event::kSellBack}, State::kDegraded},
    {{State::kDegraded, Event::kTransfer}, State::kDegraded},
    {{State::kDegraded, Event::kDegrade}, State::kDegraded},
    {{State::kDegraded, Event::kRestore}, kByTime},
    {{State::kDegraded, Event::kSuspend}, State::kSuspended},

    {{State::kSuspended, Event::kActivate}, State::kSuspended},
    {{State::kSuspended, Event::kComplete}, State::kCompleted},
    {{State::kSuspended, Event::kCancel}, State::kCancelled},
    {{State::kSuspended, Event::kTransfer}, State::kSuspended},
    {{State::kSuspended, Event::kResume}, kByTime},
};

TEST(ReservationStatesTest, EveryCellOfTheTable) {
  for (size_t s = 0; s < kReservationStates; ++s) {
    for (size_t e = 0; e < kReservationEvents; ++e) {
      const auto state = static_cast<State>(s);
      const auto event = static_cast<Event>(e);
      for (const bool begun : {false, true}) {
        std::optional<State> expected;
        if (const auto edge = kEdges.find({state, event}); edge != kEdges.end()) {
          expected = edge->second != kByTime ? edge->second : begun ? State::kActive : State::kScheduled;
        }
        EXPECT_EQ(After(state, event, begun), expected)
            << std::string(Name(event)) << " when " << std::string(Name(state)) << (begun ? ", begun" : ", not begun");
      }
    }
  }
}

TEST(ReservationStatesTest, OnlyAPurchaseBegins) {
  for (size_t e = 0; e < kReservationEvents; ++e) {
    const auto event = static_cast<Event>(e);
    for (const bool begun : {false, true}) {
      std::optional<State> expected;
      if (event == Event::kBought) expected = begun ? State::kActive : State::kScheduled;
      if (event == Event::kAskApproval) expected = State::kPending;
      EXPECT_EQ(After(std::nullopt, event, begun), expected) << std::string(Name(event));
    }
  }
}

TEST(ReservationStatesTest, WhatIsOverStaysOver) {
  for (const State state : {State::kCompleted, State::kCancelled, State::kRejected}) {
    EXPECT_TRUE(IsOver(state));
    for (size_t e = 0; e < kReservationEvents; ++e) {
      EXPECT_EQ(After(state, static_cast<Event>(e), true), std::nullopt) << std::string(Name(static_cast<Event>(e)));
    }
  }
  for (const State state : {State::kPending, State::kScheduled, State::kActive, State::kAmending, State::kDegraded,
                            State::kSuspended}) {
    EXPECT_FALSE(IsOver(state)) << std::string(Name(state));
  }
}

}  // namespace
}  // namespace penstock::ledger
