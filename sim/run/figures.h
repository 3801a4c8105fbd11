// What happened in a run, in numbers. Counts, money and what is of one tenant are of the whole run; the times of
// classes leave the warm-up out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "admission/vocabulary/work.h"
#include "broker/core/answer.h"
#include "broker/planning/latency_histogram.h"
#include "ledger/journal.h"
#include "ledger/money.h"
#include "ledger/rating/rate.h"

namespace penstock::sim {

constexpr size_t kRefusalReasonCount = static_cast<size_t>(core::RefusalReason::kTooLarge) + 1;

/// In nanoseconds.
struct Times {
  planning::LatencyHistogram wait;              // from the client's last asking to its grant
  planning::LatencyHistogram first_token;       // from its first asking to the first token
  planning::LatencyHistogram per_output_token;  // after the first, mean of a request
  planning::LatencyHistogram latency;           // from its first asking to its end
};

/// Requests, each counted once however often its client tried.
struct Counts {
  int64_t came = 0;
  int64_t finished = 0;
  int64_t refused_yours = 0;                            // for good: by a limit of its own
  int64_t refused_pool = 0;                             // for good: the pool had no room in time
  int64_t failed = 0;                                   // its client got an error: the scenario is wrong
  int64_t tries = 0;                                    // answers to Admit
  std::array<int64_t, kRefusalReasonCount> refusals{};  // tries refused, by reason
  TokenCounts tokens;                                   // of those that finished
  Work work;                                            // likewise

  int64_t ended() const { return finished + refused_yours + refused_pool + failed; }
  Counts& operator+=(const Counts& other);
};

/// Of the requests that stood in line as a class (came, refused), or were served as one (finished, times).
struct ClassFigures {
  Counts counts;
  Times times;
};

struct TenantFigures {
  std::string name;
  Tier tier = Tier::kElastic;
  Counts counts;
  int64_t in_time = 0;  // granted within the scenario's target after its client first asked; flex, at all
  double mean_wait_s = 0;
  Duration longest_wait;  // of what was granted
  int64_t wait_p99 = 0;   // nanoseconds, at most 1/128 above the truth; -1: not kept for so many tenants
  int64_t first_token_p99 = 0;
  Work peak;  // of its highest minute, all pools together
  Instant peak_at;
  Work in_busiest;         // in each pool's busiest minutes (the top hundredth)
  double load_factor = 0;  // mean minute of the traffic / highest minute: 0 to 1
  ledger::Money bill;
  std::array<ledger::Money, ledger::rating::kLineKindCount> by_component{};
};

/// Something that must hold, and whether it did.
struct Check {
  std::string what;
  std::string expected;
  std::string found;
  bool holds = false;
};

struct PoolFigures {
  std::string name;
  Work served;                        // by the meters
  double utilisation = 0;             // served / (capacity x time), capacity as it was at each moment
  double peak_utilisation = 0;        // of the busiest minute, of the capacity that there was in it
  double fleet_busy = 0;              // share of accelerator time that computed, until the traffic ended
  WorkPerSecond capacity;             // at the end
  std::vector<double> load_nt_per_s;  // by minute
};

struct RunFigures {
  Duration length;   // of the traffic
  Duration ran;      // until the last request had ended
  Duration billed;   // what the statements cover: `ran` and on to a whole hour
  Duration warm_up;  // left out of the times
  Counts counts;
  std::array<ClassFigures, kServiceClassCount> classes;
  std::vector<TenantFigures> tenants;  // in the order of the settings
  std::vector<PoolFigures> pools;
  std::string currency;
  ledger::Money revenue;
  std::array<ledger::Money, ledger::rating::kLineKindCount> by_component{};
  std::vector<Check> checks;
  ledger::Head head;  // of the journal
  uint64_t events = 0;
  double in_time = 0;  // share of paying requests that were served within the target; flex, at all
  bool Holds() const;
};

}  // namespace penstock::sim
