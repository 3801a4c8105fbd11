// Records what a command loop applies and answers, for replay. The loop's thread encodes into a buffer; a thread of its
// own writes it to files, and nothing is ever synced. While a write is under way the loop fills the other buffer.
//
// The log is a convenience: when it cannot be written, or the disk does not keep up, that is said once, this boot's log
// ends there, and the daemon goes on.
#pragma once

#include <absl/status/status.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include "broker/arrivals/log_files.h"
#include "broker/arrivals/record.h"
#include "broker/daemon/mutex.h"

namespace penstock::daemon {

class ArrivalRecorder {
 public:
  /// `on_failure` is called once, on either thread, when recording has ended too early; may be null.
  ArrivalRecorder(std::unique_ptr<arrivals::LogWriter> log, const arrivals::Birth& birth,
                  std::function<void(const absl::Status&)> on_failure);
  ~ArrivalRecorder();

  // All on one thread, the loop's.

  /// Before a command is applied.
  void Arrived(const core::Command& command, Instant now) {
    if (recording_) block_.Add(command, now);
  }
  /// What was answered since the last time.
  void Answered(std::span<const core::Answer> answers) {
    if (recording_) block_.Add(answers);
  }
  /// When everything so far is written to the journal: hands over to the writer if there is enough, or enough time has
  /// passed.
  void Written(Instant now, const ledger::Head& head);
  /// The orderly end: `head` is the journal with its stop.
  void Finish(Instant stopped, const ledger::Head& head);

 private:
  void Run();
  void Stop();
  void Fail(const absl::Status& status);

  const std::unique_ptr<arrivals::LogWriter> log_;
  const std::function<void(const absl::Status&)> on_failure_;
  bool recording_ = true;
  arrivals::BlockWriter block_;
  Instant handed_over_at_;

  Mutex mutex_;
  Condition handed_over_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
  std::string in_hand_;  // the writer's while writing_, else the loop's
  std::thread thread_;
};

}  // namespace penstock::daemon
