#include "broker/daemon/command_loop.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::daemon {
namespace {

constexpr Duration kPlanEvery = Seconds(2);

/// Drains start at least this far apart: a lone command does not wait for it, and under load many share one row, one
/// wake-up and one write.
constexpr std::chrono::microseconds kDrainSpacing(200);

/// Syncs start at least this far apart: a lone Complete does not wait for it, and under load many share one sync, which
/// costs about 90 us of processor time whatever it covers.
constexpr std::chrono::microseconds kSyncSpacing(1'000);

}  // namespace

CommandLoop::CommandLoop(std::unique_ptr<core::Engine> engine, SlewedClock clock, Terms terms)
    : engine_(std::move(engine)), clock_(std::move(clock)), terms_(std::move(terms)) {
  durable_ = 0;
  loop_ = std::thread([this] { Run(); });
  syncer_ = std::thread([this] { RunSyncer(); });
}

CommandLoop::~CommandLoop() { Stop().IgnoreError(); }

bool CommandLoop::Enqueue(Item item, bool even_if_full) {
  bool was_empty = false;
  {
    Lock lock(mutex_);
    if (stopping_ || (!even_if_full && queue_.size() >= terms_.queue_capacity)) return false;
    was_empty = queue_.empty();
    queue_.push_back(std::move(item));
  }
  if (was_empty) arrived_.notify_one();
  return true;
}

bool CommandLoop::Submit(core::Command command, core::Ticket ticket, Caller* caller) {
  return Enqueue({.command = std::move(command), .ticket = ticket, .caller = caller, .read = nullptr}, false);
}

void CommandLoop::Tell(core::Command command) {
  Enqueue({.command = std::move(command), .ticket = 0, .caller = nullptr, .read = nullptr}, true);
}

bool CommandLoop::Ask(Read read) {
  return Enqueue({.command = core::Tick{}, .ticket = 0, .caller = nullptr, .read = std::move(read)}, false);
}

// Sleeps until something is queued or due; false when it is time to stop and nothing is queued.
bool CommandLoop::TakeItems(std::vector<Item>* items) {
  items->clear();
  const Instant wake = std::min(engine_->NextWake(), next_plan_);
  const Instant now = clock_.Now();
  const auto due = std::chrono::steady_clock::now() +
                   std::chrono::nanoseconds(std::clamp<int64_t>((wake - now).count(), 0, Seconds(1).count()));
  {
    Lock lock(mutex_);
    while (queue_.empty() && !stopping_) {
      if (arrived_.wait_until(mutex_, due) == std::cv_status::timeout) break;
    }
  }
  std::this_thread::sleep_until(next_drain_);
  next_drain_ = std::chrono::steady_clock::now() + kDrainSpacing;
  Lock lock(mutex_);
  items->swap(queue_);
  return !(stopping_ && items->empty());
}

void CommandLoop::ApplyAll(std::vector<Item>& items) {
  const Instant now = clock_.Now();
  if (items.empty()) engine_->Apply(core::Tick{}, now, &effects_);
  for (Item& item : items) {
    if (item.caller != nullptr) callers_[item.ticket] = item.caller;
    engine_->Apply(item.command, now, &effects_);
    if (item.read) item.read(*engine_, durable_.load(std::memory_order_acquire));
  }
  UpdatePlan(now);
}

void CommandLoop::UpdatePlan(Instant now) {
  for (const core::Effects::Observation& seen : effects_.observations) {
    predictor_.Observe(seen.tenant, seen.pool, seen.generated);
  }
  effects_.observations.clear();
  if (now < next_plan_) return;
  next_plan_ = now + kPlanEvery;
  if (core::SetPlan plan = predictor_.TakePlan(); !plan.predicted_outputs.empty()) {
    engine_->Apply(std::move(plan), now, &effects_);
  }
}

void CommandLoop::WriteAndRelease() {
  if (absl::Status written = engine_->ledger().WriteBatch(); !written.ok()) Fail(written);
  bool anything_to_sync = false;
  for (core::Answer& answer : effects_.answers) {
    const auto found = callers_.find(answer.ticket);
    if (found == callers_.end()) continue;
    Caller* caller = found->second;
    callers_.erase(found);
    const bool durable = answer.sequence <= durable_.load(std::memory_order_acquire);
    if (answer.release == core::Release::kWritten || durable) {
      caller->Answer(std::move(answer.outcome));
      continue;
    }
    Lock lock(sync_mutex_);
    pending_.push_back({answer.sequence, caller, std::move(answer.outcome)});
    anything_to_sync = true;
  }
  effects_.answers.clear();
  if (anything_to_sync) unsynced_.notify_one();
}

void CommandLoop::Run() {
  std::vector<Item> items;
  while (TakeItems(&items)) {
    ApplyAll(items);
    WriteAndRelease();
  }
}

void CommandLoop::RunSyncer() {
  std::vector<Pending> released;
  auto next_sync = std::chrono::steady_clock::now();
  while (true) {
    {
      Lock lock(sync_mutex_);
      while (pending_.empty() && !last_sync_) unsynced_.wait(sync_mutex_);
      if (pending_.empty()) return;
    }
    std::this_thread::sleep_until(next_sync);
    next_sync = std::chrono::steady_clock::now() + kSyncSpacing;
    const absl::StatusOr<uint64_t> covered = engine_->ledger().SyncJournal();
    if (!covered.ok()) Fail(covered.status());
    durable_.store(*covered, std::memory_order_release);
    {
      Lock lock(sync_mutex_);
      while (!pending_.empty() && pending_.front().sequence <= *covered) {
        released.push_back(std::move(pending_.front()));
        pending_.pop_front();
      }
    }
    for (Pending& pending : released) pending.caller->Answer(std::move(pending.outcome));
    released.clear();
  }
}

void CommandLoop::Fail(const absl::Status& status) {
  terms_.on_fatal(status);
  PENSTOCK_CHECK(!"on_fatal returned");
}

absl::Status CommandLoop::Stop() {
  {
    Lock lock(mutex_);
    if (stopping_) return absl::OkStatus();
    stopping_ = true;
  }
  arrived_.notify_one();
  loop_.join();
  engine_->PostStop(clock_.Now());
  if (absl::Status written = engine_->ledger().WriteBatch(); !written.ok()) return written;
  {
    Lock lock(sync_mutex_);
    last_sync_ = true;
  }
  unsynced_.notify_one();
  syncer_.join();
  return engine_->ledger().SyncJournal().status();
}

}  // namespace penstock::daemon
