// The one writer. Any thread submits commands into a bounded queue; one thread drains it, applies each command with an
// explicit `now`, writes one journal row per drain, and releases the answers. A second thread syncs the journal, so the
// loop never waits for the disk: Admit is answered once its record is written, Complete once a sync covers it.
//
// A write or sync error ends the process: memory would be ahead of the disk. No answer that depends on it gets out.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/core/engine.h"
#include "broker/daemon/clock.h"
#include "broker/daemon/mutex.h"
#include "broker/planning/output_predictor.h"

namespace penstock::daemon {

/// Somebody who waits for an answer. Called once, on the loop's or the syncer's thread: translate and leave quickly.
/// Must live until then.
class Caller {
 public:
  virtual ~Caller() = default;
  virtual void Answer(core::Outcome outcome) = 0;
};

class CommandLoop {
 public:
  struct Terms {
    size_t queue_capacity = 65'536;
    /// The process's last act after a journal error; must not return. Tests put their own in.
    std::function<void(const absl::Status&)> on_fatal;
  };

  CommandLoop(std::unique_ptr<core::Engine> engine, SlewedClock clock, Terms terms);
  ~CommandLoop();

  /// A handle for one answer, never given twice.
  core::Ticket NewTicket() { return next_ticket_.fetch_add(1, std::memory_order_relaxed); }

  /// Queues a command; `caller` gets the answer to `ticket`. False when the queue is full: nothing was queued, and the
  /// caller should say OVERLOADED at once.
  bool Submit(core::Command command, core::Ticket ticket, Caller* caller);
  /// Queues what must not be lost (Abandon, Undeliverable, Drain, SetPlan), however full the queue is.
  void Tell(core::Command command);
  /// Runs a short read between two commands. False when the queue is full.
  using Read = std::function<void(const core::Engine& engine, uint64_t durable_sequence)>;
  bool Ask(Read read);

  /// Drains what is queued, posts the stop, syncs, ends both threads. Later submissions are refused.
  absl::Status Stop();

 private:
  struct Item {
    core::Command command;
    core::Ticket ticket = 0;
    Caller* caller = nullptr;
    Read read;
  };
  struct Pending {
    uint64_t sequence = 0;
    Caller* caller = nullptr;
    core::Outcome outcome;
  };

  bool Enqueue(Item item, bool even_if_full);
  void Run();
  bool TakeItems(std::vector<Item>* items);
  void ApplyAll(std::vector<Item>& items);
  void WriteAndRelease();
  void RunSyncer();
  void UpdatePlan(Instant now);
  void Fail(const absl::Status& status);

  std::unique_ptr<core::Engine> engine_;  // the loop's thread owns it while running
  SlewedClock clock_;
  const Terms terms_;
  planning::OutputPredictor predictor_;
  Instant next_plan_;
  std::chrono::steady_clock::time_point next_drain_;
  core::Effects effects_;
  absl::flat_hash_map<core::Ticket, Caller*> callers_;
  std::atomic<core::Ticket> next_ticket_{1};
  std::atomic<uint64_t> durable_{0};

  Mutex mutex_;
  Condition arrived_;
  std::vector<Item> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  Mutex sync_mutex_;
  Condition unsynced_;
  std::deque<Pending> pending_ ABSL_GUARDED_BY(sync_mutex_);
  bool last_sync_ ABSL_GUARDED_BY(sync_mutex_) = false;

  std::thread loop_;
  std::thread syncer_;
};

}  // namespace penstock::daemon
