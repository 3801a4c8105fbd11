// What the arrival log says: what a boot began with, every command with its `now`, what was answered, where the journal
// stood. Records are written into blocks (log_files.h has them checksummed), each of which can be read without those
// before it.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/arrivals/fields.h"
#include "broker/core/answer.h"
#include "broker/core/command.h"
#include "broker/core/settings.h"
#include "ledger/journal.h"
#include "ledger/ledger.h"

namespace penstock::arrivals {

/// What an engine was opened with: enough to open it again, given the journal up to `before`.
struct Birth {
  uint32_t epoch = 0;
  Instant opened;       // the `now` of Engine::Open
  ledger::Head before;  // the journal, without what opening posted
  ledger::FollowerStart follower;
  core::EngineSettings settings;
};

/// A command as it was applied.
struct Arrival {
  Instant now;
  core::Command command;
};

/// What is kept of an answer: enough to see that another one is another one, and to say what it was.
struct Print {
  uint8_t outcome = 0;  // the place in core::Outcome
  uint8_t reason = 0;   // of a refusal or an error
  uint32_t digest = 0;  // of ticket, release, sequence and terms
  friend bool operator==(const Print&, const Print&) = default;
};
Print PrintOf(const core::Answer& answer);

/// Answers of all arrivals since the last ones, in the order in which the engine gave them.
struct Answered {
  std::vector<Print> prints;
};

/// The orderly end.
struct Stopped {
  Instant now;
};

/// A Head is where the journal stood, everything so far written.
using Record = std::variant<Birth, Arrival, Answered, ledger::Head, Stopped>;

/// Collects records of one block in a buffer that is used again: in steady state it allocates nothing.
class BlockWriter {
 public:
  void Add(const Birth& birth);
  void Add(const core::Command& command, Instant now);
  void Add(std::span<const core::Answer> answers);
  void Add(const ledger::Head& head);
  void Add(const Stopped& stopped);

  const std::string& bytes() const { return bytes_; }
  /// Ends the block: its bytes go to `other`, which gives its memory for the next one.
  void TakeInto(std::string* other);

 private:
  std::string bytes_;
  Origin origin_;
};

/// Takes the records out of a block again.
class BlockReader {
 public:
  explicit BlockReader(std::string_view block) : in_(block) {}
  /// Puts the next record there; false at the end. DATA_LOSS for what is no record.
  absl::StatusOr<bool> Next(Record* record);

 private:
  absl::Status Read(Birth& birth);
  void Read(Answered& answered);
  ledger::RowReader in_;
  Origin origin_;
};

/// "Admit", "Complete", ...: the kinds of commands, by their place in core::Command.
std::string_view NameOf(const core::Command& command);
/// "granted", "refused: queue full", ...
std::string Describe(const Print& print);

}  // namespace penstock::arrivals
