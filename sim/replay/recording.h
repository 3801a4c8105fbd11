// What a boot was asked and what became of it: its arrival log as traffic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "broker/core/settings.h"
#include "sim/replay/measured_times.h"
#include "sim/run/collector.h"
#include "sim/run/figures.h"
#include "sim/run/virtual_broker.h"

namespace penstock::sim {

/// A request: its first Admit, and all others with its request id until it ended.
struct RecordedRequest {
  enum class Fate : uint8_t {
    kFinished,      // its Complete came, whatever it said
    kLeaseExpired,  // it never came: tokens are those of its last progress, and it ended with its lease
    kRunning,       // when the log ended
    kUndelivered,   // its grant was voided
    kRefused,
    kAbandoned,  // its client went away while it stood in line
    kWaiting,    // when the log ended
  };
  Duration came;        // first asked, from Recording::begin
  uint32_t client = 0;  // of Recording::clients
  Said said;
  Tokens max_output;
  std::string run;
  Fate fate = Fate::kWaiting;
  size_t pool = 0;     // that granted it, of the settings; else its first candidate
  TokenCounts tokens;  // measured ones only
  MeasuredTime took;   // likewise

  bool measured() const { return fate == Fate::kFinished || fate == Fate::kLeaseExpired; }
};

struct Recording {
  uint32_t epoch = 0;
  Instant begin;                          // the whole hour in which the boot began
  Instant opened;  // the boot began
  Instant end;                            // the last command
  bool has_past = false;                  // the journal had entries before the boot
  core::EngineSettings settings;          // that it began with
  std::vector<Client> clients;            // one for each way of asking
  std::vector<size_t> tenant_of_client;   // of the settings
  std::vector<RecordedRequest> requests;  // by `came`
  std::vector<Try> tries;                 // that were answered, in order of the answers
  std::vector<CapacityChange> capacity_changes;
  std::map<std::string, uint64_t> left_out;  // what is not played again, by what it is

  /// Of the traffic; positive.
  Duration length() const;
};

/// The same figures as of a run, of what was decided then. No bills, pools or checks. A wait of at most `target_wait`
/// is in time.
RunFigures FiguresOfThen(const Recording& recording, Duration target_wait);
/// How a collector must be set up to watch the recording played again.
CollectorTerms CollectingOf(const Recording& recording, Duration target_wait);

}  // namespace penstock::sim
