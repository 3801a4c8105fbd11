// No accelerators at all, but their law at one operating point: every request takes what its tokens say, however many
// others run. As many as you like run at once, so that nothing ever waits.
#pragma once

#include <cstdint>
#include <queue>
#include <unordered_map>
#include <vector>

#include "sim/fleet/fleet_model.h"

namespace penstock::sim {

struct FixedTimesTerms {
  Duration start;             // to the first token, whatever the prompt
  Duration per_input_token;   // to the first token, cached ones left out
  Duration per_output_token;  // after the first
};

class FixedTimes final : public FleetModel {
 public:
  FixedTimes(const FixedTimesTerms& terms, Instant start) : terms_(terms), start_(start), now_(start) {}

  void Submit(const FleetRequest& request, Instant now) override;
  std::optional<Tokens> Cancel(uint64_t id, Instant now) override;
  /// Changes nothing: there are no replicas.
  void SetReplicas(int replicas, Instant now) override;

  Instant NextEvent() const override;
  /// Those of one time in the order in which their requests were submitted.
  void AdvanceTo(Instant now, std::vector<FleetEvent>* out) override;

  int64_t running() const override { return static_cast<int64_t>(open_.size()); }
  int64_t waiting() const override { return 0; }
  /// The share of time in which anything ran.
  double BusyFraction() const override;

 private:
  struct Open {
    uint64_t number = 0;  // of its submission
    Tokens generate;
    Instant first_token;
  };
  struct Due {
    uint64_t number = 0;
    FleetEvent event;
    friend bool operator>(const Due& a, const Due& b) {
      if (a.event.at != b.event.at) return a.event.at > b.event.at;
      return a.number != b.number ? a.number > b.number : a.event.kind > b.event.kind;
    }
  };

  bool IsVoid(const Due& due) const;
  void DropVoid();
  void BringTo(Instant now);
  Tokens GeneratedBy(const Open& open, Instant now) const;

  FixedTimesTerms terms_;
  std::unordered_map<uint64_t, Open> open_;                         // looked up, never walked
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;  // none void on top
  std::vector<FleetEvent> undelivered_;
  uint64_t submitted_ = 0;
  Instant start_;
  Instant now_;
  Instant busy_since_;  // when anything runs
  Duration busy_;       // before that
};

}  // namespace penstock::sim
