// A trace of requests as traffic, row by row.
#pragma once

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "sim/arrival.h"
#include "sim/traces/trace_reader.h"
#include "sim/traffic/request_terms.h"

namespace penstock::sim {

/// How a trace is played; for copies of it see WithVolume.
struct ReplayPace {
  double speed = 1;                // times as fast, and so as many requests per second; positive
  std::optional<Duration> length;  // requests before this, in played time; none: all
};

/// The rows as requests of one tenant, from its first row on. Runs keep their names. Cached is what the trace says, or
/// the terms' share of the prompt where that is more.
class TraceReplay final : public ArrivalSource {
 public:
  TraceReplay(std::unique_ptr<TraceReader> reader, uint32_t tenant, const ReplayPace& pace, const ArrivalTerms& terms);

  /// Nothing at the end and after an error: ask status().
  std::optional<Arrival> Next() override;

  const absl::Status& status() const { return status_; }
  const RowTally& tally() const { return reader_->tally(); }

 private:
  std::unique_ptr<TraceReader> reader_;
  uint32_t tenant_;
  ReplayPace pace_;
  ArrivalTerms terms_;
  TraceRow row_;
  bool ended_ = false;
  absl::Status status_;
};

}  // namespace penstock::sim
