// What the demo's client saw: decisions, waits, latencies, and the work that the fleet delivered.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "broker/planning/latency_histogram.h"

namespace penstock::cli::demo {

/// The rows of the live table. Offers, refusals and cancellations count in their tenant's tier; admissions, waits and
/// work under what they were served as, and the spillover of a reserved tenant has a row of its own.
enum class Row : uint8_t { kReserved, kSpillover, kElastic, kFree };
constexpr size_t kRowCount = 4;
constexpr std::array<Row, kRowCount> kAllRows = {Row::kReserved, Row::kSpillover, Row::kElastic, Row::kFree};
constexpr std::array<const char*, kRowCount> kRowNames = {"reserved", "spillover", "elastic", "free"};

Row RowOf(Tier tier);
Row RowOf(ServiceClass served);

struct Tally {
  int64_t offered = 0;
  int64_t admitted = 0;
  int64_t refused_yours = 0;
  int64_t refused_pool = 0;
  int64_t cancelled = 0;                   // left the line when the run was interrupted
  int64_t failed = 0;                      // the call ended in an error
  int64_t spillover = 0;                   // admitted beyond the reservation
  std::map<std::string, int64_t> reasons;  // of the refusals: the contract's words
  planning::LatencyHistogram wait;                   // ns in line, of the admitted

  int64_t refused() const { return refused_yours + refused_pool; }
};

/// Work per second over the last second, and the most there was so far. Fed with the running total.
class Throughput {
 public:
  void Note(Instant now, Work total);
  Work total() const { return total_; }
  int64_t milli_nt_per_second() const { return last_; }
  int64_t peak_milli_nt_per_second() const { return peak_; }

 private:
  struct Sample {
    Instant at;
    Work total;
  };
  std::deque<Sample> samples_;  // of the last second
  Work total_;
  int64_t last_ = 0;
  int64_t peak_ = 0;
};

struct Figures {
  explicit Figures(size_t tenants) : by_tenant(tenants) {}

  std::vector<Tally> by_tenant;
  std::array<Tally, kRowCount> by_row;
  std::array<Throughput, kRowCount> throughput;
  Throughput all_throughput;
  Work delivered_by_last_arrival;  // of what capacity could have carried until then
  Duration until_last_arrival;

  planning::LatencyHistogram admit;        // ns: round trip less the wait in line; without those that waited in vain
  planning::LatencyHistogram admit_total;  // ns: round trip of every grant
  planning::LatencyHistogram complete;     // ns: round trip, which includes an fsync
  int64_t settled = 0;
  std::map<std::string, int64_t> errors;
  std::string first_error;
  bool interrupted = false;

  Tally& row(Row r) { return by_row[static_cast<size_t>(r)]; }
  const Tally& row(Row r) const { return by_row[static_cast<size_t>(r)]; }
};

}  // namespace penstock::cli::demo
