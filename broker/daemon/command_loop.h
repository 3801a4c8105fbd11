// The one writer. Any thread submits commands into a bounded queue; one thread drains it, applies each command with an
// explicit `now`, writes one journal row per drain, and releases the answers. A second thread syncs the journal, so the
// loop never waits for the disk: Admit is answered once its record is written, Complete once a sync covers it.
//
// A batch of commands takes one lock and one wake-up on its way in, and its answers come back in runs.
//
// What it applies and answers may be recorded for replay (ArrivalRecorder).
//
// Now and then the loop takes what changed in books and limits, for a third thread to write back (ProjectionWriter).
//
// A write or sync error ends the process: memory would be ahead of the disk. No answer that depends on it gets out.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "broker/core/engine.h"
#include "broker/daemon/arrival_recorder.h"
#include "broker/daemon/clock.h"
#include "broker/daemon/mutex.h"
#include "broker/daemon/projection_writer.h"
#include "broker/planning/planner.h"

namespace penstock::daemon {

/// One of several answers on their way out; `tag` is what came with its command.
struct Reply {
  uint64_t tag = 0;
  core::Outcome outcome;
};

/// Somebody who waits for answers. Called on the loop's or the syncer's thread: translate and leave quickly. Must live
/// until its last answer.
class BatchCaller {
 public:
  virtual ~BatchCaller() = default;
  /// Answers in the order in which they became ready; as many at once as a drain or a sync released in a row.
  virtual void AnswerAll(std::span<Reply> replies) = 0;
};

/// Somebody who waits for one answer. Called once.
class Caller : public BatchCaller {
 public:
  virtual void Answer(core::Outcome outcome) = 0;
  void AnswerAll(std::span<Reply> replies) final { Answer(std::move(replies.front().outcome)); }
};

class CommandLoop {
 public:
  struct Terms {
    size_t queue_capacity = 65'536;
    /// The process's last act after a journal error; must not return. Tests put their own in.
    std::function<void(const absl::Status&)> on_fatal;
    WriteBackTerms write_back;
    /// Projections cannot be written any more; the daemon goes on. On the writer's thread; may be null.
    std::function<void(const absl::Status&)> on_no_projections;
  };

  /// `arrivals` may be null.
  CommandLoop(std::unique_ptr<core::Engine> engine, SlewedClock clock, Terms terms,
              std::unique_ptr<ArrivalRecorder> arrivals = nullptr);
  ~CommandLoop();

  /// A handle for one answer, never given twice.
  core::Ticket NewTicket() { return NewTickets(1); }
  /// The first of so many.
  core::Ticket NewTickets(size_t count) { return next_ticket_.fetch_add(count, std::memory_order_relaxed); }

  /// Queues a command; `caller` gets the answer to `ticket`. False when the queue is full: nothing was queued, and the
  /// caller should say OVERLOADED at once.
  bool Submit(core::Command command, core::Ticket ticket, Caller* caller);

  /// One command of a batch.
  struct Request {
    core::Command command;
    core::Ticket ticket = 0;
    uint64_t tag = 0;
    /// kSynced: the answer waits for a sync even if the engine would let it go before. Such answers come in the order
    /// of their commands.
    core::Release release = core::Release::kWritten;
  };
  /// Queues the first of the batch that fit, in order, under one lock and with one wake-up; says how many. They are
  /// moved from; `caller` gets their answers.
  size_t SubmitBatch(std::span<Request> batch, BatchCaller* caller);

  /// Queues what must not be lost (Abandon, Undeliverable, Drain, SetPlan), however full the queue is.
  void Tell(core::Command command);
  void TellAll(std::span<core::Command> commands);
  /// Runs a short read between two commands. False when the queue is full.
  using Read = std::function<void(const core::Engine& engine, uint64_t durable_sequence)>;
  bool Ask(Read read);

  /// Waits until no grant is open, at most so long; says whether none is.
  bool WaitUntilSettled(std::chrono::nanoseconds timeout);

  /// Drains what is queued, posts the stop, syncs, ends both threads. Later submissions are refused.
  absl::Status Stop();

 private:
  struct Item {
    Request request;
    BatchCaller* caller = nullptr;
    Read read;
  };
  /// Who waits for a ticket.
  struct Waiter {
    BatchCaller* caller = nullptr;
    uint64_t tag = 0;
    core::Release release = core::Release::kWritten;
  };
  struct Pending {
    uint64_t sequence = 0;
    BatchCaller* caller = nullptr;
    Reply reply;
  };
  /// Collects replies and hands each run of the same caller over at once.
  class Runs {
   public:
    void Add(BatchCaller* caller, Reply reply);
    void HandOver();

   private:
    BatchCaller* caller_ = nullptr;
    std::vector<Reply> replies_;
  };

  bool Enqueue(Item item);
  void Run();
  bool TakeItems(std::vector<Item>* items);
  void Apply(core::Command&& command, Instant now);
  void ApplyAll(std::vector<Item>& items);
  bool FindWaiters(core::Ticket newest, const Waiter& waiter);
  void WriteAndRelease();
  void TellWhenSettled();
  void RunSyncer();
  void UpdatePlan(Instant now);
  void Fail(const absl::Status& status);

  std::unique_ptr<core::Engine> engine_;  // the loop's thread owns it while running
  SlewedClock clock_;
  const Terms terms_;
  planning::Planner planner_;
  ProjectionWriter projections_;
  const std::unique_ptr<ArrivalRecorder> arrivals_;
  std::chrono::steady_clock::time_point next_drain_;
  core::Effects effects_;
  absl::flat_hash_map<core::Ticket, Waiter> waiters_;  // of commands that were not answered at once
  std::vector<Waiter> answer_waiters_;                 // of effects_.answers, by place
  Runs written_;                                       // the loop's thread
  std::vector<Pending> held_;                          // likewise: of one drain, waiting for a sync
  std::atomic<core::Ticket> next_ticket_{1};
  std::atomic<uint64_t> durable_{0};

  Mutex mutex_;
  Condition arrived_;
  std::vector<Item> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  Mutex sync_mutex_;
  Condition unsynced_;
  std::vector<Pending> pending_ ABSL_GUARDED_BY(sync_mutex_);
  bool last_sync_ ABSL_GUARDED_BY(sync_mutex_) = false;

  std::atomic<bool> someone_waits_for_settled_{false};
  Mutex settled_mutex_;
  Condition settled_;
  bool no_grant_open_ ABSL_GUARDED_BY(settled_mutex_) = false;

  std::thread loop_;
  std::thread syncer_;
};

}  // namespace penstock::daemon
