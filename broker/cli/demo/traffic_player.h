// Plays arrivals against a daemon in real time: Admit, run on the modelled fleet, Progress, Complete.
//
// One thread, one completion queue. The fleet's virtual time is the steady clock, put on the wall clock's epoch once at
// the start, so that what is reported as first token and end is what a gateway would have seen.
#pragma once

#include <atomic>
#include <functional>

#include "broker/cli/demo/figures.h"
#include "broker/cli/demo/setup.h"
#include "penstock/v1/operations.pb.h"

namespace penstock::cli {

class Connection;

namespace demo {

/// The moment of the run that a live view shows.
struct Moment {
  Duration elapsed;
  bool traffic_over = false;
  int64_t in_line = 0;  // Admits without an answer
  int64_t running = 0;
  const v1::Pool* pool = nullptr;  // as the daemon said it last
};

/// What the pool said of itself while the traffic ran.
struct PoolSeen {
  v1::Pool last;
  Duration largest_reclaim_bound;
  int64_t most_waiting = 0;
};

struct Played {
  Figures figures;
  PoolSeen pool;
  Instant started;
  Duration lasted;
};

/// Plays all of it and waits for what runs; `stop` ends it early (lines are left, what runs is completed as cancelled).
/// `each_tick` is called about four times a second.
Played PlayTraffic(const Connection& gateway, const Connection& operations, const Setup& setup,
                   const std::atomic<bool>& stop, const std::function<void(const Figures&, const Moment&)>& each_tick);

}  // namespace demo
}  // namespace penstock::cli
