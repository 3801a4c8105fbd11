#include "broker/daemon/command_loop.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::daemon {
namespace {

/// Drains start at least this far apart: a lone command does not wait for it, and under load many share one row, one
/// wake-up and one write.
constexpr std::chrono::microseconds kDrainSpacing(500);

/// Syncs start at least this far apart: a lone Complete does not wait for it, and under load many share one sync, which
/// costs about 90 us of processor time whatever it covers. While one is under way the loop's own write waits for the
/// file: with more of them the slowest Admits get slower.
constexpr std::chrono::microseconds kSyncSpacing(2'000);

}  // namespace

CommandLoop::CommandLoop(std::unique_ptr<core::Engine> engine, SlewedClock clock, Terms terms,
                         std::unique_ptr<ArrivalRecorder> arrivals)
    : engine_(std::move(engine)),
      clock_(std::move(clock)),
      terms_(std::move(terms)),
      projections_({.ledger = engine_->ledger(),
                    .changed_rows = [this] { return engine_->changed_rows(); },
                    .take_changes = [this](ledger::RowBatch* rows) { engine_->TakeChanges(rows); }},
                   terms_.write_back, terms_.on_no_projections),
      arrivals_(std::move(arrivals)) {
  durable_ = 0;
  planner_.Recall(*engine_);
  loop_ = std::thread([this] { Run(); });
  syncer_ = std::thread([this] { RunSyncer(); });
}

CommandLoop::~CommandLoop() { Stop().IgnoreError(); }

bool CommandLoop::Enqueue(Item item) {
  bool was_empty = false;
  {
    Lock lock(mutex_);
    if (stopping_ || queue_.size() >= terms_.queue_capacity) return false;
    was_empty = queue_.empty();
    queue_.push_back(std::move(item));
  }
  if (was_empty) arrived_.notify_one();
  return true;
}

bool CommandLoop::Submit(core::Command command, core::Ticket ticket, Caller* caller) {
  return Enqueue({{.command = std::move(command), .ticket = ticket}, caller, nullptr});
}

size_t CommandLoop::SubmitBatch(std::span<Request> batch, BatchCaller* caller) {
  bool was_empty = false;
  size_t taken = 0;
  {
    Lock lock(mutex_);
    if (stopping_) return 0;
    was_empty = queue_.empty();
    taken = std::min(batch.size(), terms_.queue_capacity - std::min(queue_.size(), terms_.queue_capacity));
    for (Request& request : batch.first(taken)) queue_.push_back({std::move(request), caller, nullptr});
  }
  if (was_empty && taken > 0) arrived_.notify_one();
  return taken;
}

void CommandLoop::Tell(core::Command command) { TellAll({&command, 1}); }

void CommandLoop::TellAll(std::span<core::Command> commands) {
  {
    Lock lock(mutex_);
    if (stopping_) return;
    for (core::Command& command : commands) queue_.push_back({{.command = std::move(command)}, nullptr, nullptr});
  }
  arrived_.notify_one();
}

bool CommandLoop::Ask(Read read) { return Enqueue({{.command = core::Tick{}}, nullptr, std::move(read)}); }

// Sleeps until something is queued or due; false when it is time to stop and nothing is queued.
bool CommandLoop::TakeItems(std::vector<Item>* items) {
  items->clear();
  const Instant wake = engine_->NextWake();
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

void CommandLoop::Apply(core::Command&& command, Instant now) {
  if (arrivals_ != nullptr) arrivals_->Arrived(command, now);
  engine_->Apply(std::move(command), now, &effects_);
}

void CommandLoop::ApplyAll(std::vector<Item>& items) {
  const Instant now = clock_.Now();
  if (items.empty()) Apply(core::Tick{}, now);
  for (size_t i = 0; i < items.size(); ++i) {
    engine_->ExpectAhead(i, items.size(), [&](size_t n) -> core::Command& { return items[n].request.command; });
    Item& item = items[i];
    const Request& request = item.request;
    Apply(std::move(item.request.command), now);
    const Waiter waiter{item.caller, request.tag, request.release};
    if (!FindWaiters(request.ticket, waiter) && item.caller != nullptr) waiters_[request.ticket] = waiter;
    if (item.read) item.read(*engine_, durable_.load(std::memory_order_acquire));
  }
  UpdatePlan(now);
}

// Says for each new answer who waits for it; true when one of them was for this newest ticket. Most are: a command that
// is answered at once never enters the table.
bool CommandLoop::FindWaiters(core::Ticket newest, const Waiter& waiter) {
  bool answered = false;
  while (answer_waiters_.size() < effects_.answers.size()) {
    const core::Ticket ticket = effects_.answers[answer_waiters_.size()].ticket;
    if (ticket == newest && !answered) {
      answer_waiters_.push_back(waiter);
      answered = true;
      continue;
    }
    const auto found = waiters_.find(ticket);
    answer_waiters_.push_back(found == waiters_.end() ? Waiter{} : found->second);
    if (found != waiters_.end()) waiters_.erase(found);
  }
  return answered;
}

void CommandLoop::UpdatePlan(Instant now) {
  planner_.Observe(effects_);
  effects_.observations.clear();
  effects_.waits.clear();
  if (std::optional<core::SetPlan> plan = planner_.TakePlan(now)) Apply(*std::move(plan), now);
}

void CommandLoop::Runs::Add(BatchCaller* caller, Reply reply) {
  if (caller != caller_) HandOver();
  caller_ = caller;
  replies_.push_back(std::move(reply));
}

void CommandLoop::Runs::HandOver() {
  if (!replies_.empty()) caller_->AnswerAll(replies_);
  replies_.clear();
  caller_ = nullptr;
}

void CommandLoop::WriteAndRelease() {
  if (arrivals_ != nullptr) arrivals_->Answered(effects_.answers);
  if (absl::Status written = engine_->ledger().WriteBatch(); !written.ok()) Fail(written);
  FindWaiters(0, {});
  for (size_t i = 0; i < effects_.answers.size(); ++i) {
    core::Answer& answer = effects_.answers[i];
    const Waiter& waiter = answer_waiters_[i];
    if (waiter.caller == nullptr) continue;
    Reply reply{waiter.tag, std::move(answer.outcome)};
    if (answer.release == core::Release::kSynced || waiter.release == core::Release::kSynced) {
      held_.push_back({answer.sequence, waiter.caller, std::move(reply)});
    } else {
      written_.Add(waiter.caller, std::move(reply));
    }
  }
  effects_.answers.clear();
  answer_waiters_.clear();
  if (!held_.empty()) {
    bool was_empty = false;
    {
      Lock lock(sync_mutex_);
      was_empty = pending_.empty();
      if (was_empty) {
        pending_.swap(held_);
      } else {
        std::move(held_.begin(), held_.end(), std::back_inserter(pending_));
      }
    }
    held_.clear();
    if (was_empty) unsynced_.notify_one();
  }
  written_.HandOver();
}

void CommandLoop::Run() {
  std::vector<Item> items;
  while (TakeItems(&items)) {
    ApplyAll(items);
    WriteAndRelease();
    const Instant now = clock_.Now();
    projections_.WriteBackIfDue(now);
    if (arrivals_ != nullptr) arrivals_->Written(now, engine_->ledger().head());
    if (someone_waits_for_settled_.load(std::memory_order_acquire)) TellWhenSettled();
  }
}

void CommandLoop::TellWhenSettled() {
  Lock lock(settled_mutex_);
  no_grant_open_ = engine_->books().open_count() == 0;
  if (no_grant_open_) settled_.notify_all();
}

bool CommandLoop::WaitUntilSettled(std::chrono::nanoseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  someone_waits_for_settled_.store(true, std::memory_order_release);
  Tell(core::Tick{});  // so that the loop looks at least once
  Lock lock(settled_mutex_);
  while (!no_grant_open_) {
    if (settled_.wait_until(settled_mutex_, until) == std::cv_status::timeout) break;
  }
  return no_grant_open_;
}

// Answers are held in the order of their sequences; what a sync does not cover yet waits for the next one.
void CommandLoop::RunSyncer() {
  std::vector<Pending> waiting;
  Runs synced;
  auto next_sync = std::chrono::steady_clock::now();
  while (true) {
    {
      Lock lock(sync_mutex_);
      while (pending_.empty() && waiting.empty() && !last_sync_) unsynced_.wait(sync_mutex_);
      if (pending_.empty() && waiting.empty()) return;
    }
    std::this_thread::sleep_until(next_sync);
    next_sync = std::chrono::steady_clock::now() + kSyncSpacing;
    {
      Lock lock(sync_mutex_);
      if (waiting.empty()) {
        waiting.swap(pending_);
      } else {
        std::move(pending_.begin(), pending_.end(), std::back_inserter(waiting));
        pending_.clear();
      }
    }
    if (waiting.back().sequence > durable_.load(std::memory_order_relaxed)) {
      const absl::StatusOr<uint64_t> covered = engine_->ledger().SyncJournal();
      if (!covered.ok()) Fail(covered.status());
      durable_.store(*covered, std::memory_order_release);
    }
    const uint64_t durable = durable_.load(std::memory_order_relaxed);
    const auto end =
        std::find_if(waiting.begin(), waiting.end(), [&](const Pending& p) { return p.sequence > durable; });
    for (auto it = waiting.begin(); it != end; ++it) synced.Add(it->caller, std::move(it->reply));
    synced.HandOver();
    waiting.erase(waiting.begin(), end);
  }
}

void CommandLoop::Fail(const absl::Status& status) {
  terms_.on_fatal(status);
  PENSTOCK_CHECK(false && "on_fatal returned");
}

absl::Status CommandLoop::Stop() {
  {
    Lock lock(mutex_);
    if (stopping_) return absl::OkStatus();
    stopping_ = true;
  }
  arrived_.notify_one();
  loop_.join();
  const Instant stopped = clock_.Now();
  engine_->PostStop(stopped);
  const absl::Status written = engine_->ledger().WriteBatch();
  {
    Lock lock(sync_mutex_);
    last_sync_ = true;
  }
  unsynced_.notify_one();
  syncer_.join();
  if (!written.ok()) return written;
  if (arrivals_ != nullptr) arrivals_->Finish(stopped, engine_->ledger().head());
  projections_.Finish();
  return engine_->ledger().SyncJournal().status();
}

}  // namespace penstock::daemon
