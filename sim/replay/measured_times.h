// A fleet of measured durations: every request takes what it took then, whatever runs beside it now.
//
// With another capacity, weight or load the accelerators would have been faster or slower; a log does not know how
// much, and nothing better is known. It holds best where the number of requests that run at once changes little.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "sim/event_queue.h"
#include "sim/fleet/fleet_model.h"

namespace penstock::sim {

/// From the grant on; not negative.
struct MeasuredTime {
  std::optional<Duration> first_token;  // nothing: none was told; not after the end
  Duration end;
};

class MeasuredTimes final : public FleetModel {
 public:
  /// `times`: by FleetRequest::number; shared by the pools, so a request may run in another one than then.
  explicit MeasuredTimes(std::shared_ptr<const std::vector<MeasuredTime>> times) : times_(std::move(times)) {}

  void Submit(const FleetRequest& request, Instant now) override;
  /// What was generated is in proportion to the time after the first token.
  std::optional<Tokens> Cancel(uint64_t id, Instant now) override;
  void SetReplicas(int /*replicas*/, Instant /*now*/) override {}
  Instant NextEvent() const override { return events_.NextTime(); }
  void AdvanceTo(Instant now, std::vector<FleetEvent>* out) override;
  int64_t running() const override { return static_cast<int64_t>(running_.size()); }
  int64_t waiting() const override { return 0; }
  /// How many replicas there were is not known: always 0.
  double BusyFraction() const override { return 0; }

 private:
  struct Running {
    uint64_t number = 0;  // of its Submit
    Instant first_token;  // or the end
    Instant end;
    Tokens generate;
  };
  struct Due {
    FleetEvent event;
    uint64_t number = 0;
  };

  std::shared_ptr<const std::vector<MeasuredTime>> times_;
  std::map<uint64_t, Running> running_;
  EventQueue<Due> events_;  // those of a request that was cancelled mean nothing
  uint64_t submitted_ = 0;
};

}  // namespace penstock::sim
