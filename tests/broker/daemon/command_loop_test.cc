// The loop and its threads, on a journal in memory: this is what runs under the thread sanitizer.
#include "broker/daemon/command_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/broker/core/engine_fixture.h"

namespace penstock::daemon {
namespace {

using core::Outcome;

/// A caller whose answer is a future.
class FutureCaller final : public Caller {
 public:
  void Answer(Outcome outcome) override { promise_.set_value(std::move(outcome)); }
  Outcome Get() { return promise_.get_future().get(); }

 private:
  std::promise<Outcome> promise_;
};

/// A caller of many, who keeps what comes and in which portions.
class PatientCaller final : public BatchCaller {
 public:
  void AnswerAll(std::span<Reply> replies) override {
    Lock lock(mutex_);
    portions_.push_back(replies.size());
    for (Reply& reply : replies) replies_.push_back(std::move(reply));
    changed_.notify_all();
  }
  /// Waits for so many replies in all; gives everything so far.
  std::vector<Reply> Await(size_t count) {
    Lock lock(mutex_);
    while (replies_.size() < count) changed_.wait(mutex_);
    return replies_;
  }
  std::vector<size_t> portions() {
    Lock lock(mutex_);
    return portions_;
  }

 private:
  Mutex mutex_;
  Condition changed_;
  std::vector<Reply> replies_ ABSL_GUARDED_BY(mutex_);
  std::vector<size_t> portions_ ABSL_GUARDED_BY(mutex_);
};

/// A journal whose disk can be stopped, and can fail.
class MoodyJournal final : public ledger::Journal {
 public:
  struct Mood {
    std::atomic<bool> append_fails{false};
    std::atomic<bool> sync_fails{false};
    std::atomic<int> syncs{0};
    std::atomic<bool> stopped{false};  // syncs wait for may_sync
    std::promise<void> may_sync;
    std::shared_future<void> gate = may_sync.get_future().share();
  };
  explicit MoodyJournal(std::shared_ptr<Mood> mood) : mood_(std::move(mood)), journal_(ledger::NewMemoryJournal()) {}
  absl::Status Append(const ledger::Batch& batch) override {
    return mood_->append_fails ? absl::DataLossError("disk is on fire") : journal_->Append(batch);
  }
  absl::StatusOr<uint64_t> Sync() override {
    if (mood_->stopped) mood_->gate.wait();
    ++mood_->syncs;
    if (mood_->sync_fails) return absl::DataLossError("sync is on fire");
    return journal_->Sync();
  }
  ledger::Head head() const override { return journal_->head(); }
  absl::Status Read(uint64_t first, const Visitor& visit) const override { return journal_->Read(first, visit); }

 private:
  std::shared_ptr<Mood> mood_;
  std::unique_ptr<ledger::Journal> journal_;
};

class CommandLoopTest : public testing::Test {
 protected:
  void Start(size_t queue_capacity = 1'000, bool disk_runs = true) {
    auto engine = core::Engine::Open(core::SmallWorld(), std::make_unique<MoodyJournal>(mood_), core::FairScheduling(),
                                     WallTime());
    ASSERT_TRUE(engine.ok());
    mood_->syncs = 0;
    mood_->stopped = !disk_runs;
    loop_ = std::make_unique<CommandLoop>(*std::move(engine), SlewedClock(MonotonicTime, WallTime, Instant()),
                                          CommandLoop::Terms{.queue_capacity = queue_capacity, .on_fatal = on_fatal_});
  }

  core::Admit Request(const std::string& id) {
    core::Admit admit;
    admit.ticket = loop_->NewTicket();
    admit.tenant = TenantId{2};  // shop
    admit.key = KeyId{2};
    admit.request_id = id;
    admit.pools = {PoolId{1}};
    admit.input[TokenKind::kInput] = Tokens(1);
    admit.max_output = Tokens(1);
    admit.max_wait = Seconds(30);
    return admit;
  }

  core::Complete Completion(const core::Granted& granted) {
    core::Complete complete;
    complete.ticket = loop_->NewTicket();
    complete.grant = granted.id;
    complete.terms = granted.terms;
    complete.tokens = core::InputOutput(1, 1);
    return complete;
  }

  Outcome AskFor(const std::string& id) {
    FutureCaller caller;
    const core::Admit admit = Request(id);
    EXPECT_TRUE(loop_->Submit(admit, admit.ticket, &caller));
    return caller.Get();
  }

  std::shared_ptr<MoodyJournal::Mood> mood_ = std::make_shared<MoodyJournal::Mood>();
  std::function<void(const absl::Status&)> on_fatal_ = [](const absl::Status& status) {
    ADD_FAILURE() << status;
    std::abort();
  };
  std::unique_ptr<CommandLoop> loop_;
};

TEST_F(CommandLoopTest, AnAdmitIsAnsweredBeforeTheDiskHasIt) {
  Start(1'000, /*disk_runs=*/false);
  EXPECT_TRUE(std::holds_alternative<core::Granted>(AskFor("r1")));
  EXPECT_EQ(mood_->syncs, 0);
  mood_->may_sync.set_value();
}

TEST_F(CommandLoopTest, ACompleteIsAnsweredOnlyOnceASyncCoversIt) {
  Start(1'000, /*disk_runs=*/false);
  const Outcome granted = AskFor("r1");
  FutureCaller caller;
  const core::Complete complete = Completion(std::get<core::Granted>(granted));
  ASSERT_TRUE(loop_->Submit(complete, complete.ticket, &caller));
  AskFor("r2");  // the loop has passed the Complete by now, and its answer is still held back
  EXPECT_EQ(mood_->syncs, 0);
  mood_->may_sync.set_value();
  EXPECT_TRUE(std::holds_alternative<core::Completed>(caller.Get()));
  EXPECT_GE(mood_->syncs, 1);
}

TEST_F(CommandLoopTest, AFullQueueRefusesAtOnce) {
  Start(/*queue_capacity=*/2);
  std::promise<void> entered;
  std::promise<void> leave;
  ASSERT_TRUE(loop_->Ask([&](const core::Engine&, uint64_t) {
    entered.set_value();
    leave.get_future().wait();
  }));
  entered.get_future().wait();  // the loop is busy; from here on commands queue up
  FutureCaller a, b, c;
  const core::Admit first = Request("r1");
  const core::Admit second = Request("r2");
  const core::Admit third = Request("r3");
  EXPECT_TRUE(loop_->Submit(first, first.ticket, &a));
  EXPECT_TRUE(loop_->Submit(second, second.ticket, &b));
  EXPECT_FALSE(loop_->Submit(third, third.ticket, &c)) << "full";
  loop_->Tell(core::Drain{});  // what must not be lost still gets in
  leave.set_value();
  EXPECT_TRUE(std::holds_alternative<core::Granted>(a.Get()));
  EXPECT_TRUE(std::holds_alternative<core::Granted>(b.Get()));
  EXPECT_TRUE(std::holds_alternative<core::Error>(AskFor("r4"))) << "draining";
}

TEST_F(CommandLoopTest, AWaitingRequestIsAnsweredWhenItsTimeIsUpWithoutAnyCommand) {
  Start();
  for (int i = 0; i < 4; ++i) AskFor("r" + std::to_string(i));
  FutureCaller caller;
  core::Admit admit = Request("waits");
  admit.max_wait = Milliseconds(20);
  ASSERT_TRUE(loop_->Submit(admit, admit.ticket, &caller));
  const Outcome outcome = caller.Get();
  ASSERT_TRUE(std::holds_alternative<core::Refused>(outcome));
  EXPECT_EQ(std::get<core::Refused>(outcome).reason, core::RefusalReason::kWaitExpired);
}

TEST_F(CommandLoopTest, ManyThreadsSettleEverythingExactlyOnce) {
  Start(100'000);
  std::atomic<int> settled{0};
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([this, client, &settled] {
      for (int i = 0; i < 100; ++i) {
        const Outcome granted = AskFor(std::to_string(client) + "/" + std::to_string(i));
        if (!std::holds_alternative<core::Granted>(granted)) continue;
        FutureCaller caller;
        const core::Complete complete = Completion(std::get<core::Granted>(granted));
        EXPECT_TRUE(loop_->Submit(complete, complete.ticket, &caller));
        if (std::holds_alternative<core::Completed>(caller.Get())) ++settled;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(settled, 400);
  std::promise<ledger::Money> revenue;
  ASSERT_TRUE(loop_->Ask([&](const core::Engine& engine, uint64_t) { revenue.set_value(engine.books().accounts().currencies().at(0).revenue); }));
  EXPECT_EQ(revenue.get_future().get(), ledger::Money::FromPico(400 * 3'000'000));
  EXPECT_TRUE(loop_->Stop().ok());
}

TEST_F(CommandLoopTest, ABatchIsAnsweredInOneGoAndByItsTags) {
  Start();
  std::vector<CommandLoop::Request> batch;
  for (uint64_t i = 0; i < 3; ++i) {
    const core::Admit admit = Request("r" + std::to_string(i));
    batch.push_back({.command = admit, .ticket = admit.ticket, .tag = 100 + i});
  }
  PatientCaller caller;
  ASSERT_EQ(loop_->SubmitBatch(batch, &caller), 3u);
  const std::vector<Reply> replies = caller.Await(3);
  for (uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(replies[i].tag, 100 + i);
    EXPECT_TRUE(std::holds_alternative<core::Granted>(replies[i].outcome));
  }
  EXPECT_EQ(caller.portions(), std::vector<size_t>{3});
}

TEST_F(CommandLoopTest, OfABatchThatDoesNotFitTheFirstAreTaken) {
  Start(/*queue_capacity=*/2);
  std::promise<void> entered;
  std::promise<void> leave;
  ASSERT_TRUE(loop_->Ask([&](const core::Engine&, uint64_t) {
    entered.set_value();
    leave.get_future().wait();
  }));
  entered.get_future().wait();
  std::vector<CommandLoop::Request> batch;
  for (int i = 0; i < 3; ++i) {
    const core::Admit admit = Request("r" + std::to_string(i));
    batch.push_back({.command = admit, .ticket = admit.ticket, .tag = 0});
  }
  PatientCaller caller;
  EXPECT_EQ(loop_->SubmitBatch(batch, &caller), 2u);
  leave.set_value();
  EXPECT_EQ(caller.Await(2).size(), 2u);
}

// The second is refused because of the first, which only a sync may tell: it must not overtake it.
TEST_F(CommandLoopTest, AnswersThatAskForASyncComeInTheOrderOfTheirCommands) {
  Start(1'000, /*disk_runs=*/false);
  const Outcome granted = AskFor("r1");
  core::Complete first = Completion(std::get<core::Granted>(granted));
  core::Complete second = Completion(std::get<core::Granted>(granted));
  second.body[0] = 1;
  core::Progress third{.ticket = loop_->NewTicket(), .grant = first.grant};
  std::vector<CommandLoop::Request> batch = {
      {.command = first, .ticket = first.ticket, .tag = 1, .release = core::Release::kSynced},
      {.command = second, .ticket = second.ticket, .tag = 2, .release = core::Release::kSynced},
      {.command = third, .ticket = third.ticket, .tag = 3, .release = core::Release::kSynced}};
  PatientCaller caller;
  ASSERT_EQ(loop_->SubmitBatch(batch, &caller), 3u);
  AskFor("r2");  // the loop has passed them by now
  EXPECT_TRUE(caller.portions().empty());
  mood_->may_sync.set_value();
  const std::vector<Reply> replies = caller.Await(3);
  EXPECT_TRUE(std::holds_alternative<core::Completed>(replies[0].outcome));
  for (size_t i = 1; i < 3; ++i) {
    EXPECT_EQ(replies[i].tag, i + 1);
    EXPECT_EQ(std::get<core::Error>(replies[i].outcome).reason, core::ErrorReason::kGrantEnded);
  }
}

TEST_F(CommandLoopTest, WhoWaitsForTheLastGrantToEndIsToldAtOnce) {
  Start();
  EXPECT_TRUE(loop_->WaitUntilSettled(std::chrono::seconds(60)));
}

TEST_F(CommandLoopTest, WhoWaitsForGrantsIsToldWhenTheLastOneEnds) {
  Start();
  const Outcome granted = AskFor("r1");
  EXPECT_FALSE(loop_->WaitUntilSettled(std::chrono::nanoseconds(0)));
  std::atomic<bool> settled{false};
  std::thread waits([&] { settled = loop_->WaitUntilSettled(std::chrono::seconds(60)); });
  FutureCaller caller;
  const core::Complete complete = Completion(std::get<core::Granted>(granted));
  EXPECT_TRUE(loop_->Submit(complete, complete.ticket, &caller));
  EXPECT_TRUE(std::holds_alternative<core::Completed>(caller.Get()));
  waits.join();
  EXPECT_TRUE(settled);
}

TEST_F(CommandLoopTest, AStopThatCannotBeWrittenIsReportedAndStillEndsBothThreads) {
  Start();
  mood_->append_fails = true;
  EXPECT_TRUE(absl::IsDataLoss(loop_->Stop()));
  loop_.reset();
}

using CommandLoopDeathTest = CommandLoopTest;

void DieWithALastWord(const absl::Status& status) {
  std::fprintf(stderr, "last word: %s\n", std::string(status.message()).c_str());
  std::_Exit(74);
}

TEST_F(CommandLoopDeathTest, AWriteErrorStopsTheProcessWithALastWord) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  on_fatal_ = DieWithALastWord;
  EXPECT_EXIT(
      {
        Start();
        AskFor("r1");
        mood_->append_fails = true;
        AskFor("r2");
      },
      testing::ExitedWithCode(74), "last word: disk is on fire");
}

TEST_F(CommandLoopDeathTest, ASyncErrorStopsTheProcessBeforeTheAnswer) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  on_fatal_ = DieWithALastWord;
  EXPECT_EXIT(
      {
        Start();
        const Outcome granted = AskFor("r1");
        mood_->sync_fails = true;
        FutureCaller caller;
        const core::Complete complete = Completion(std::get<core::Granted>(granted));
        loop_->Submit(complete, complete.ticket, &caller);
        caller.Get();
      },
      testing::ExitedWithCode(74), "last word: sync is on fire");
}

}  // namespace
}  // namespace penstock::daemon
