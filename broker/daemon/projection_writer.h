// Writes projections back while a ledger is at work. The thread that owns it takes what changed (copies compact rows
// into a buffer that is used again) when enough has; a thread of its own syncs the journal as far as the rows reflect
// it and writes them. While a write is under way nothing is taken, so there are never more than two buffers.
//
// Projections follow from the journal: when they cannot be written, that is said once, and the daemon goes on without.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <functional>
#include <thread>

#include "broker/daemon/mutex.h"
#include "ledger/ledger.h"

namespace penstock::daemon {

/// When changes are taken: whichever comes first. Opening replays at most so many entries, and those that came while
/// the last write was under way. Rows bound the loop's pause: one costs 0.1 to 0.2 us.
struct WriteBackTerms {
  Duration every = Seconds(10);
  uint64_t entries = 500'000;
  size_t rows = 8'192;
};

class ProjectionWriter {
 public:
  /// What changes: the ledger's rows, and perhaps its owner's beside them.
  struct Source {
    ledger::Ledger& ledger;
    std::function<size_t()> changed_rows;
    std::function<void(ledger::RowBatch*)> take_changes;
  };
  /// `on_failure` is called once, on the writer's thread, when writing has failed. The ledger must outlive the writer.
  ProjectionWriter(Source source, WriteBackTerms terms, std::function<void(const absl::Status&)> on_failure);
  ~ProjectionWriter();

  /// Between two commands, when everything is written: takes and hands over what changed, if it is time.
  void WriteBackIfDue(Instant now);
  /// Ends the thread and writes what is left; everything is written to the journal.
  void Finish();

 private:
  bool IsDue(Instant now) const;
  void Run();
  void Stop();
  void Write(const ledger::RowBatch& rows);

  const Source source_;
  const WriteBackTerms terms_;
  const std::function<void(const absl::Status&)> on_failure_;
  const bool enabled_;
  Instant last_;            // the owner's thread
  ledger::RowBatch taken_;  // likewise

  Mutex mutex_;
  Condition handed_over_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
  ledger::RowBatch in_hand_;  // the writer's while writing_, else the owner's
  std::thread thread_;
};

}  // namespace penstock::daemon
