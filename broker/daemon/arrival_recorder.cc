#include "broker/daemon/arrival_recorder.h"

#include <absl/strings/str_cat.h>

#include <utility>

namespace penstock::daemon {
namespace {

/// A block is handed over at this size, or when so much time has passed: what a kill can take of the log.
constexpr size_t kBlockBytes = size_t{256} << 10;
constexpr Duration kHandOverEvery = Milliseconds(100);

/// What the loop may collect while one write is under way.
constexpr size_t kMostBytesBehind = size_t{64} << 20;

}  // namespace

ArrivalRecorder::ArrivalRecorder(std::unique_ptr<arrivals::LogWriter> log, const arrivals::Birth& birth,
                                 std::function<void(const absl::Status&)> on_failure)
    : log_(std::move(log)), on_failure_(std::move(on_failure)) {
  block_.Add(birth);
  block_.TakeInto(&in_hand_);
  writing_ = true;
  thread_ = std::thread([this] { Run(); });
}

ArrivalRecorder::~ArrivalRecorder() { Stop(); }

void ArrivalRecorder::Written(Instant now, const ledger::Head& head) {
  const size_t bytes = block_.bytes().size();
  if (bytes == 0 || (bytes < kBlockBytes && now - handed_over_at_ < kHandOverEvery)) return;
  {
    Lock lock(mutex_);
    if (failed_ || (writing_ && bytes > kMostBytesBehind)) recording_ = false;
    if (recording_ && writing_) return;
  }
  if (!recording_) {
    block_ = {};
    return Fail(
        absl::ResourceExhaustedError(absl::StrCat("the disk is more than ", kMostBytesBehind, " bytes behind")));
  }
  block_.Add(head);
  block_.TakeInto(&in_hand_);
  {
    Lock lock(mutex_);
    writing_ = true;
  }
  handed_over_.notify_one();
  handed_over_at_ = now;
}

void ArrivalRecorder::Run() {
  while (true) {
    {
      Lock lock(mutex_);
      while (!writing_ && !stopping_) handed_over_.wait(mutex_);
      if (!writing_) return;
    }
    const absl::Status written = log_->Write(in_hand_);
    if (!written.ok()) return Fail(written);
    Lock lock(mutex_);
    writing_ = false;
  }
}

void ArrivalRecorder::Fail(const absl::Status& status) {
  {
    Lock lock(mutex_);
    if (failed_) return;
    failed_ = true;
  }
  if (on_failure_) on_failure_(status);
}

void ArrivalRecorder::Stop() {
  {
    Lock lock(mutex_);
    stopping_ = true;
  }
  handed_over_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ArrivalRecorder::Finish(Instant stopped, const ledger::Head& head) {
  Stop();
  {
    Lock lock(mutex_);
    if (failed_ || !recording_) return;
  }
  block_.Add(arrivals::Stopped{stopped});
  block_.Add(head);
  if (const absl::Status written = log_->Write(block_.bytes()); !written.ok()) Fail(written);
}

}  // namespace penstock::daemon
