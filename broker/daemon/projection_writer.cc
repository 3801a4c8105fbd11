#include "broker/daemon/projection_writer.h"

#include <utility>

namespace penstock::daemon {

ProjectionWriter::ProjectionWriter(Source source, WriteBackTerms terms,
                                   std::function<void(const absl::Status&)> on_failure)
    : source_(std::move(source)),
      terms_(terms),
      on_failure_(std::move(on_failure)),
      enabled_(source_.ledger.keeps_projections()) {
  if (enabled_) thread_ = std::thread([this] { Run(); });
}

ProjectionWriter::~ProjectionWriter() { Stop(); }

bool ProjectionWriter::IsDue(Instant now) const {
  const uint64_t entries = source_.ledger.unreflected_entries();
  if (entries == 0) return false;
  return entries >= terms_.entries || now - last_ >= terms_.every || source_.changed_rows() >= terms_.rows;
}

void ProjectionWriter::WriteBackIfDue(Instant now) {
  if (!enabled_ || !IsDue(now)) return;
  {
    Lock lock(mutex_);
    if (writing_ || failed_) return;
  }
  last_ = now;
  taken_.Clear();
  source_.take_changes(&taken_);
  {
    Lock lock(mutex_);
    std::swap(taken_, in_hand_);
    writing_ = true;
  }
  handed_over_.notify_one();
}

void ProjectionWriter::Run() {
  while (true) {
    {
      Lock lock(mutex_);
      while (!writing_ && !stopping_) handed_over_.wait(mutex_);
      if (!writing_) return;
    }
    Write(in_hand_);
    Lock lock(mutex_);
    writing_ = false;
  }
}

void ProjectionWriter::Write(const ledger::RowBatch& rows) {
  const absl::Status written = source_.ledger.WriteChanges(rows);
  if (written.ok()) return;
  {
    Lock lock(mutex_);
    failed_ = true;
  }
  if (on_failure_) on_failure_(written);
}

void ProjectionWriter::Stop() {
  {
    Lock lock(mutex_);
    stopping_ = true;
  }
  handed_over_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ProjectionWriter::Finish() {
  Stop();
  {
    Lock lock(mutex_);
    if (!enabled_ || failed_ || source_.ledger.unreflected_entries() == 0) return;
  }
  taken_.Clear();
  source_.take_changes(&taken_);
  Write(taken_);
}

}  // namespace penstock::daemon
