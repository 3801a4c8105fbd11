// Random clients of an engine world.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/broker/core/engine_fixture.h"

namespace penstock::core {

/// Clients that ask, report, retry, leave, complete twice, and forget; deterministic for a seed.
class RandomClients {
 public:
  RandomClients(EngineWorld& world, uint64_t seed) : world_(world), random_(seed) {}

  void Step() {
    switch (Pick(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return Ask();
      case 4:
      case 5:
      case 6:
        return Finish();
      case 7:
        return Report();
      case 8:
        return Leave();
      case 9:
        return FinishAgain();
      case 10:
        return LoseAnAnswer();
      default:
        return world_.Tick(Milliseconds(static_cast<int64_t>(Pick(3'000))));
    }
  }

  int64_t settled() const { return settled_; }

 private:
  size_t Pick(size_t n) { return static_cast<size_t>(random_() % n); }

  void Ask() {
    static const char* const kTenants[] = {"tramp", "shop", "acme"};
    const bool again = !asked_.empty() && Pick(5) == 0;
    Admit admit = again ? asked_[Pick(asked_.size())]
                        : world_.Request(kTenants[Pick(3)], "r" + std::to_string(asked_.size()),
                                         static_cast<int64_t>(Pick(400)), 1 + static_cast<int64_t>(Pick(200)));
    admit.max_wait = Milliseconds(static_cast<int64_t>(Pick(4'000)));
    if (!again) asked_.push_back(admit);
    tickets_.push_back(world_.Offer(admit));
    Collect();
  }

  void Collect() {
    std::vector<Ticket> waiting;
    for (const Ticket ticket : tickets_) {
      const std::optional<Outcome> outcome = world_.AnswerTo(ticket);
      if (!outcome) {
        waiting.push_back(ticket);
      } else if (const auto* granted = std::get_if<Granted>(&*outcome)) {
        running_.push_back({ticket, *granted});
      }
    }
    tickets_ = waiting;
  }

  void Finish() {
    Collect();
    if (running_.empty()) return;
    const size_t index = Pick(running_.size());
    const Complete complete =
        world_.CompletionOf(running_[index].second, static_cast<int64_t>(Pick(400)), static_cast<int64_t>(Pick(200)));
    const Outcome outcome = world_.Ask(complete);
    if (std::holds_alternative<Completed>(outcome) && !std::get<Completed>(outcome).repeated) ++settled_;
    finished_.push_back(complete);
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  void FinishAgain() {
    if (finished_.empty()) return;
    const Outcome outcome = world_.Ask(finished_[Pick(finished_.size())]);
    if (const auto* completed = std::get_if<Completed>(&outcome)) {
      EXPECT_TRUE(completed->repeated || !completed->billed) << "a settlement happened twice";
    }
  }

  void Report() {
    if (running_.empty()) return;
    const Granted& granted = running_[Pick(running_.size())].second;
    world_.Ask(Progress{.grant = granted.id,
                        .so_far = InputOutput(static_cast<int64_t>(Pick(50)), static_cast<int64_t>(Pick(100)))});
  }

  void Leave() {
    if (!tickets_.empty()) world_.Do(Abandon{tickets_[Pick(tickets_.size())]});
  }

  void LoseAnAnswer() {
    if (running_.empty()) return;
    const auto& [ticket, granted] = running_[Pick(running_.size())];
    world_.Do(Undeliverable{ticket, granted.id});
  }

  EngineWorld& world_;
  std::mt19937_64 random_;
  std::vector<Admit> asked_;
  std::vector<Ticket> tickets_;
  std::vector<std::pair<Ticket, Granted>> running_;
  std::vector<Complete> finished_;
  int64_t settled_ = 0;
};

}  // namespace penstock::core
