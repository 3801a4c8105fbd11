// Load for a daemon: pairs of Admit and Complete as unary calls, and what they took.
//
// One completion queue and one thread start and end calls: on few cores that is the fastest client. Closed loop: so
// many pairs are always under way. Open loop: pairs start by schedule, whatever the daemon does, and an Admit's latency
// counts from the scheduled moment (a late start is the daemon's or our own queueing, and must show: no coordinated
// omission). A second thread keeps that schedule, because a completion queue's deadlines are whole milliseconds.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "broker/planning/latency_histogram.h"

namespace penstock::cli {

class Connection;

struct LoadShape {
  std::vector<std::string> keys;  // "tenants/t/keys/k", taken in turn; one empty name: the caller's own
  std::string pool;               // "pools/p"
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  std::chrono::milliseconds max_wait{0};
  bool admit_only = false;  // leave the grants to their lease deadlines

  int connections = 1;           // that the calls are spread over
  int outstanding = 64;          // closed loop: pairs under way
  int64_t pairs_per_second = 0;  // open loop when positive
  std::chrono::nanoseconds warmup{};
  std::chrono::nanoseconds measured{};
};

/// Of the pairs that were due after the warm-up.
struct LoadFigures {
  uint64_t pairs = 0;                       // admitted and, unless admit_only, completed
  uint64_t calls = 0;                       // answered calls, refusals included
  std::map<std::string, uint64_t> refused;  // by reason
  std::map<std::string, uint64_t> errors;   // by reason or gRPC code
  std::string first_error;                  // in full
  int first_error_exit_code = 0;            // 0: no error
  planning::LatencyHistogram admit;
  planning::LatencyHistogram complete;
  std::chrono::nanoseconds elapsed{};  // from the end of the warm-up to its planned end or the last answer
  bool interrupted = false;
  bool gave_up = false;  // too many errors, or calls that never came back
};

/// Runs to the end of the shape, or until `stop` turns true. `each_second` gets the figures so far.
LoadFigures RunLoad(const Connection& daemon, const LoadShape& shape, const std::atomic<bool>& stop,
                    const std::function<void(const LoadFigures&)>& each_second);

uint64_t TotalOf(const std::map<std::string, uint64_t>& counts);

}  // namespace penstock::cli
