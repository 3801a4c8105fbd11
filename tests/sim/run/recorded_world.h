// A world of listed arrivals and fixed service times, and a broker that keeps every try: what the tests look at.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/fleet/fixed_times.h"
#include "sim/run/virtual_broker.h"

namespace penstock::sim {

struct RecordedWorld {
  core::EngineSettings settings;  // of one pool
  std::vector<BoughtWindow> purchases;
  std::vector<Client> clients;
  std::vector<Arrival> arrivals;  // by time
  std::vector<CapacityChange> capacity_changes;
  FixedTimesTerms service;
};

class RecordedBroker final : private Watcher {
 public:
  static absl::StatusOr<std::unique_ptr<RecordedBroker>> Open(RecordedWorld world) {
    std::unique_ptr<RecordedBroker> recorded(new RecordedBroker(std::move(world)));
    VirtualWorld moved;
    moved.settings = recorded->world_.settings;
    moved.purchases = recorded->world_.purchases;
    moved.clients = recorded->world_.clients;
    moved.traffic = ArrivalsOf(recorded->world_.arrivals);
    moved.fleets.push_back(std::make_unique<FixedTimes>(recorded->world_.service, kWorldBegin));
    moved.capacity_changes = recorded->world_.capacity_changes;
    absl::StatusOr<std::unique_ptr<VirtualBroker>> broker = VirtualBroker::Open(std::move(moved), recorded.get());
    if (!broker.ok()) return broker.status();
    recorded->broker_ = *std::move(broker);
    return recorded;
  }

  void RunUntil(Duration at) { broker_->RunUntil(at); }
  void RunToEnd() { broker_->RunToEnd(); }
  Duration now() const { return broker_->now(); }
  const core::Engine& engine() const { return broker_->engine(); }
  const core::PoolState& pool() const { return broker_->pool(); }
  const RecordedWorld& world() const { return world_; }
  /// Those that were answered, in the order in which they were made.
  const std::vector<Try>& tries() const {
    if (!sorted_) {
      std::stable_sort(tries_.begin(), tries_.end(),
                       [](const Try& a, const Try& b) { return a.at != b.at ? a.at < b.at : a.request < b.request; });
      sorted_ = true;
    }
    return tries_;
  }

 private:
  explicit RecordedBroker(RecordedWorld world) : world_(std::move(world)) {}
  void OnAnswer(const Try& made, const Arrival& /*arrival*/) override {
    tries_.push_back(made);
    sorted_ = false;
  }

  const RecordedWorld world_;
  std::unique_ptr<VirtualBroker> broker_;
  mutable std::vector<Try> tries_;
  mutable bool sorted_ = true;
};

}  // namespace penstock::sim
