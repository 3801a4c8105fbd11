// The command loop with an arrival log: what it decides can be decided again, and a log that fails disturbs nobody.
#include "broker/daemon/arrival_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <thread>

#include "broker/arrivals/replay.h"
#include "broker/daemon/command_loop.h"
#include "tests/broker/core/engine_fixture.h"
#include "tests/ledger/journal_fixture.h"

namespace penstock::daemon {
namespace {

class FutureCaller final : public Caller {
 public:
  void Answer(core::Outcome outcome) override { promise_.set_value(std::move(outcome)); }
  core::Outcome Get() { return promise_.get_future().get(); }

 private:
  std::promise<core::Outcome> promise_;
};

class ArrivalRecorderTest : public testing::Test {
 protected:
  void Start(uint64_t max_bytes = uint64_t{64} << 20) {
    arrivals::Birth birth{.opened = WallTime(), .before = kept_.journal().head(), .settings = core::SmallWorld()};
    auto engine = core::Engine::Open(birth.settings, kept_.Handle(), core::FairScheduling(), birth.opened);
    ASSERT_TRUE(engine.ok());
    birth.epoch = (*engine)->epoch();
    birth.follower = (*engine)->ledger().TakeFollowerStart();
    auto log = arrivals::LogWriter::Open({.data_dir = directory_, .epoch = birth.epoch, .max_bytes = max_bytes});
    ASSERT_TRUE(log.ok()) << log.status();
    const Instant newest = (*engine)->books().newest();
    loop_ = std::make_unique<CommandLoop>(
        *std::move(engine), SlewedClock(MonotonicTime, WallTime, newest),
        CommandLoop::Terms{.on_fatal = [](const absl::Status& status) { FAIL() << status; }, .write_back = {}},
        std::make_unique<ArrivalRecorder>(*std::move(log), birth, [this](const absl::Status& status) {
          ++failures_;
          failure_ = std::string(status.message());
          failed_.set_value();
        }));
  }

  core::Outcome AskFor(const std::string& id) {
    core::Admit admit;
    admit.ticket = loop_->NewTicket();
    admit.tenant = TenantId{2};  // shop
    admit.key = KeyId{2};
    admit.request_id = id;
    admit.pools = {PoolId{1}};
    admit.input[TokenKind::kInput] = Tokens(1);
    admit.max_output = Tokens(1);
    FutureCaller caller;
    EXPECT_TRUE(loop_->Submit(admit, admit.ticket, &caller));
    return caller.Get();
  }

  void Settle(const core::Granted& granted) {
    core::Complete complete;
    complete.ticket = loop_->NewTicket();
    complete.grant = granted.id;
    complete.terms = granted.terms;
    complete.issued = granted.issued;
    FutureCaller caller;
    ASSERT_TRUE(loop_->Submit(complete, complete.ticket, &caller));
    ASSERT_TRUE(std::holds_alternative<core::Completed>(caller.Get()));
  }

  arrivals::Replayed ReplayEpoch(uint32_t epoch) {
    auto log = arrivals::LogReader::Open(directory_, epoch);
    EXPECT_TRUE(log.ok()) << log.status();
    auto replayed = arrivals::Replay(*std::move(log), kept_.journal(), core::FairScheduling());
    EXPECT_TRUE(replayed.ok()) << replayed.status();
    return *replayed;
  }

  ledger::ScratchDirectory scratch_;
  const std::string directory_ = scratch_.path(".");
  core::KeptJournal kept_;
  std::atomic<int> failures_{0};
  std::string failure_;
  std::promise<void> failed_;
  std::unique_ptr<CommandLoop> loop_;
};

TEST_F(ArrivalRecorderTest, WhatManyThreadsWereAnsweredIsDecidedAgain) {
  for (uint32_t boot = 1; boot <= 2; ++boot) {
    Start();
    std::atomic<uint64_t> asked{0};
    std::vector<std::thread> clients;
    for (int client = 0; client < 4; ++client) {
      clients.emplace_back([&, client] {
        for (int i = 0; i < 200; ++i) {
          const core::Outcome outcome = AskFor(std::to_string(boot) + "/" + std::to_string(client * 1'000 + i));
          ++asked;
          if (const auto* granted = std::get_if<core::Granted>(&outcome); granted != nullptr && i % 3 != 0) {
            Settle(*granted);
            ++asked;
          }
        }
      });
    }
    for (std::thread& client : clients) client.join();
    ASSERT_TRUE(loop_->Stop().ok());
    loop_.reset();
    const arrivals::Replayed replayed = ReplayEpoch(boot);
    EXPECT_TRUE(replayed.same());
    EXPECT_TRUE(replayed.stopped);
    EXPECT_EQ(replayed.decisions, asked);
    EXPECT_EQ(replayed.head, kept_.journal().head());
  }
  EXPECT_TRUE(ReplayEpoch(1).same()) << "the first boot's is still there";
  EXPECT_EQ(failures_, 0);
}

TEST_F(ArrivalRecorderTest, ALogThatCannotBeWrittenIsSaidOnceAndTheLoopGoesOn) {
  Start(/*max_bytes=*/10);  // not even what the boot began with fits
  failed_.get_future().wait();
  for (int i = 0; i < 300; ++i) AskFor("r" + std::to_string(i));
  EXPECT_TRUE(loop_->Stop().ok());
  EXPECT_EQ(failures_, 1);
  EXPECT_THAT(failure_, testing::HasSubstr("beyond the bound"));
}

}  // namespace
}  // namespace penstock::daemon
