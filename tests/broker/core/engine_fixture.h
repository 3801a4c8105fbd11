// A small world around an engine: two pools' worth of words for tests that read as sentences.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admission/vocabulary/check.h"
#include "broker/core/engine.h"
#include "ledger/journal.h"

namespace penstock::core {

constexpr Instant kStart(1'700'000'000'000'000'000);

/// One pool `chat` of 1,000 nt/s with 4 slots; tenants: free `tramp`, elastic `shop`, reserved `acme` (400 nt/s).
EngineSettings SmallWorld();

/// A journal that the test keeps while engines come and go, and that can be told to fail.
class KeptJournal {
 public:
  KeptJournal() : journal_(ledger::NewMemoryJournal()) {}
  std::unique_ptr<ledger::Journal> Handle();
  /// Another journal with the same entries, without projections.
  std::unique_ptr<ledger::Journal> CopyOfEntries() const;
  ledger::Journal& journal() { return *journal_; }

 private:
  std::shared_ptr<ledger::Journal> journal_;
};

class EngineWorld {
 public:
  explicit EngineWorld(EngineSettings settings = SmallWorld(), SchedulerFactory scheduling = FairScheduling());

  /// Loses the engine and opens a new one on the same journal, `after` later: from projections, which are written back
  /// every few commands. Expects what a replay of all entries gives.
  void Restart(Duration after = Duration::Zero());
  /// The next restart finds no projections.
  void LoseProjections() { PENSTOCK_CHECK(journal_.journal().projections()->Clear().ok()); }

  /// Sees every command once it is applied and written, with what it answered.
  using Watcher = std::function<void(const Command& command, const std::vector<Answer>& answers)>;
  void Watch(Watcher watcher) { watcher_ = std::move(watcher); }

  Instant now() const { return now_; }
  Engine& engine() { return *engine_; }
  EngineSettings& settings() { return settings_; }
  KeptJournal& journal() { return journal_; }

  /// A request of that tenant's key "prod" in pool "chat".
  Admit Request(const std::string& tenant, const std::string& id, int64_t input = 10, int64_t max_output = 100) const;
  TenantId TenantNamed(const std::string& name) const;
  KeyId KeyNamed(const std::string& tenant, const std::string& key) const;
  PoolId PoolNamed(const std::string& name) const;

  /// Applies a command now; its answers wait in AnswerTo.
  void Do(Command command);
  void Tick(Duration later) {
    now_ = now_ + later;
    Do(core::Tick{});
  }
  /// As a daemon would: wakes whenever something is due.
  void Advance(Duration later);
  Ticket Offer(Admit admit);
  /// When the latest answer may be given out.
  Release last_release() const { return last_release_; }
  /// The answer to a ticket, once; nothing while it waits.
  std::optional<Outcome> AnswerTo(Ticket ticket);

  /// Offers and expects a grant at once.
  Granted GrantNow(Admit admit);
  /// Offers and expects a refusal at once.
  Refused RefuseNow(Admit admit);
  Progressed ProgressNow(const Granted& granted, int64_t input, int64_t output);
  Completed CompleteNow(const Granted& granted, int64_t input, int64_t output);
  Complete CompletionOf(const Granted& granted, int64_t input, int64_t output);
  /// The answer to a command that carries a ticket, said at once.
  template <class T>
  Outcome Ask(T command) {
    command.ticket = ++ticket_;
    Do(command);
    std::optional<Outcome> outcome = AnswerTo(command.ticket);
    EXPECT_TRUE(outcome.has_value()) << "no answer yet";
    return outcome.value_or(Outcome(Error{}));
  }

 private:
  void Open();
  void WriteBack();
  void ExpectSameState(const Engine& replayed) const;
  EngineSettings settings_;
  SchedulerFactory scheduling_;
  KeptJournal journal_;
  std::unique_ptr<Engine> engine_;
  Instant now_ = kStart;
  Ticket ticket_ = 0;
  uint64_t commands_ = 0;
  bool reconfigured_ = false;  // a replay then counts runs by the last settings, not by those of their time
  Release last_release_ = Release::kWritten;
  std::vector<Answer> answers_;
  Watcher watcher_;
};

/// A limit whose burst is what it allows in a period.
admission::LimitTerms LimitOf(const std::string& name, admission::Measure measure, int64_t quantity, Duration period);
/// Money of twelve decimals.
ledger::Money Usd(const std::string& decimal);
/// `settings` with a second pool of that name, as `chat` is.
EngineSettings WithPool(EngineSettings settings, const std::string& name);

/// The tokens of a request that is only input and output.
TokenCounts InputOutput(int64_t input, int64_t output);

}  // namespace penstock::core
