// Replaying a boot: the engine is opened as it was opened then, applies the commands that the arrival log has, and must
// decide the same, answer by answer, and post the same journal, entry by entry.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "broker/arrivals/log_files.h"
#include "broker/core/answer.h"
#include "broker/core/command.h"
#include "broker/core/engine.h"
#include "broker/core/pool_state.h"
#include "ledger/journal.h"

namespace penstock::arrivals {

/// The first answer that came out otherwise.
struct Difference {
  uint64_t command = 0;  // its number, from 1, in the boot
  std::string asked;     // what kind of command, and whose
  std::string then;
  std::string now;
};

struct Replayed {
  uint32_t epoch = 0;
  /// False when the oldest files of the boot are gone: nothing could be replayed, arrivals are only counted.
  bool from_the_beginning = false;
  uint64_t commands = 0;
  uint64_t admits = 0;                    // of them
  uint64_t decisions = 0;                 // answers that were compared
  std::optional<Difference> difference;   // replaying ends at the first
  std::optional<std::string> other_head;  // likewise: says where the journal came out otherwise
  ledger::Head head;                      // the journal, as replayed
  bool stopped = false;                   // the log goes to the orderly end of the boot
  uint64_t unlogged_entries = 0;          // the journal's entries of this boot after the end of the log
  uint64_t cut_bytes = 0;                 // of a block that a crash cut short

  bool same() const { return from_the_beginning && !difference && !other_head; }
};

/// Looks on while a boot is replayed from its beginning: the log keeps only prints of answers, the engine that decides
/// again gives the answers themselves.
class Spectator {
 public:
  virtual ~Spectator() = default;
  /// The engine is open as it was then, and nothing was applied yet.
  virtual void OnBirth(const Birth& /*birth*/, const core::Engine& /*engine*/) {}
  /// `command` was applied at `now`; `answers` are what came of it, to its own ticket and to others. They are held
  /// against the log only later: what is seen counts once Replayed says that all is the same.
  virtual void OnApplied(const core::Command& /*command*/, Instant /*now*/, std::span<const core::Answer> /*answers*/,
                         const core::Engine& /*engine*/) {}
};

/// Replays what `log` holds on top of the entries that `journal` had when the boot began, and compares its end with
/// those it has now. Neither changes. DATA_LOSS when either is damaged. `spectator` may be null.
absl::StatusOr<Replayed> Replay(LogReader log, const ledger::Journal& journal,
                                const core::SchedulerFactory& scheduling, Spectator* spectator = nullptr);

}  // namespace penstock::arrivals
