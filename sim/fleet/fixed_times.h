// A fleet without a model: every request takes what its tokens say, whatever else runs. The law at an operating point,
// or durations that were measured.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "sim/event_queue.h"
#include "sim/fleet/fleet_model.h"

namespace penstock::sim {

struct ServiceTimes {
  Duration start;             // to the first token, whatever the prompt
  Duration per_input_token;   // to the first token, cached ones left out
  Duration per_output_token;  // after the first
};

class FixedTimes final : public FleetModel {
 public:
  explicit FixedTimes(const ServiceTimes& times) : times_(times) {}

  void Submit(const FleetRequest& request, Instant now) override;
  std::optional<Tokens> Cancel(uint64_t id, Instant now) override;
  void SetReplicas(int /*replicas*/, Instant /*now*/) override {}
  Instant NextEvent() const override { return events_.NextTime(); }
  void AdvanceTo(Instant now, std::vector<FleetEvent>* out) override;
  int64_t running() const override { return static_cast<int64_t>(running_.size()); }
  int64_t waiting() const override { return 0; }
  /// The share of time in which anything ran, until the last event.
  double BusyFraction() const override;

 private:
  struct Running {
    uint64_t number = 0;  // of its Submit
    Instant first_token;
    Tokens generate;
  };
  struct Due {
    FleetEvent event;
    uint64_t number = 0;
  };

  ServiceTimes times_;
  std::map<uint64_t, Running> running_;
  EventQueue<Due> events_;  // those of a request that was cancelled mean nothing
  uint64_t submitted_ = 0;
  std::optional<Instant> begin_;
  Instant busy_since_;
  Duration busy_;
  Instant last_;
};

}  // namespace penstock::sim
