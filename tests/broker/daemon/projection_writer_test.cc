// What is written back while the loop runs, and what happens when it cannot be.
#include "broker/daemon/projection_writer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>

#include "broker/daemon/command_loop.h"
#include "ledger/books_loader.h"
#include "ledger/books_rows.h"
#include "tests/broker/core/engine_fixture.h"

namespace penstock::daemon {
namespace {

/// Passes everything on to a journal that outlives it; notes what was synced when projections were written, and can
/// refuse to write them.
class WatchedJournal final : public ledger::Journal, public ledger::ProjectionStore {
 public:
  struct Watch {
    std::unique_ptr<ledger::Journal> journal = ledger::NewMemoryJournal();
    std::atomic<uint64_t> synced{0};
    std::atomic<int> writes{0};
    std::atomic<bool> refuses{false};
    std::atomic<bool> takes_no_entries{false};
    std::atomic<bool> ahead{false};  // projections were written that reflect more than was synced
    std::promise<void> refused;
  };
  explicit WatchedJournal(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}

  absl::Status Append(const ledger::Batch& batch) override {
    if (watch_->takes_no_entries) return absl::ResourceExhaustedError("the disk is full");
    return watch_->journal->Append(batch);
  }
  absl::StatusOr<uint64_t> Sync() override {
    absl::StatusOr<uint64_t> covered = watch_->journal->Sync();
    if (covered.ok()) watch_->synced = *covered;
    return covered;
  }
  ledger::Head head() const override { return watch_->journal->head(); }
  absl::Status Read(uint64_t first, const Journal::Visitor& visit) const override {
    return watch_->journal->Read(first, visit);
  }
  absl::StatusOr<ledger::Head> HeadAt(uint64_t sequence) const override { return watch_->journal->HeadAt(sequence); }
  ledger::ProjectionStore* projections() override { return this; }

  absl::Status Write(const ledger::RowBatch& batch) override {
    if (watch_->refuses) return absl::ResourceExhaustedError("the disk is full");
    batch.ForEach([this](ledger::RowBatch::Change, std::string_view key, std::string_view value) {
      if (ledger::KindOf(key) != ledger::RowKind::kHeader) return;
      ledger::BooksLoader header(ledger::kRememberedEnds);
      EXPECT_TRUE(header.Add(key, value).ok());
      if (header.as_of().sequence > watch_->synced) watch_->ahead = true;
    });
    ++watch_->writes;
    return watch_->journal->projections()->Write(batch);
  }
  absl::Status Read(const ProjectionStore::Visitor& visit) const override {
    return watch_->journal->projections()->Read(visit);
  }
  absl::Status Clear() override { return watch_->journal->projections()->Clear(); }

 private:
  std::shared_ptr<Watch> watch_;
};

class FutureCaller final : public Caller {
 public:
  void Answer(core::Outcome outcome) override { promise_.set_value(std::move(outcome)); }
  core::Outcome Get() { return promise_.get_future().get(); }

 private:
  std::promise<core::Outcome> promise_;
};

class ProjectionWriterTest : public testing::Test {
 protected:
  void Start(WriteBackTerms terms) {
    auto engine = core::Engine::Open(core::SmallWorld(), std::make_unique<WatchedJournal>(watch_),
                                     core::FairScheduling(), WallTime());
    ASSERT_TRUE(engine.ok());
    opening_ = (*engine)->ledger().opening();
    loop_ = std::make_unique<CommandLoop>(
        *std::move(engine), SlewedClock(MonotonicTime, WallTime, Instant()),
        CommandLoop::Terms{.on_fatal = [](const absl::Status& status) { FAIL() << status; },
                           .write_back = terms,
                           .on_no_projections =
                               [this](const absl::Status& status) {
                                 EXPECT_EQ(status.message(), "the disk is full");
                                 watch_->refused.set_value();
                               }});
  }

  /// Admits and completes one request, and waits for both answers.
  void Settle(const std::string& id) {
    core::Admit admit;
    admit.ticket = loop_->NewTicket();
    admit.tenant = TenantId{2};  // shop
    admit.key = KeyId{2};
    admit.request_id = id;
    admit.pools = {PoolId{1}};
    admit.input[TokenKind::kInput] = Tokens(1);
    admit.max_output = Tokens(1);
    admit.max_wait = Seconds(30);
    FutureCaller admitted;
    ASSERT_TRUE(loop_->Submit(admit, admit.ticket, &admitted));
    const core::Outcome outcome = admitted.Get();
    ASSERT_TRUE(std::holds_alternative<core::Granted>(outcome));
    const auto& granted = std::get<core::Granted>(outcome);
    core::Complete complete;
    complete.ticket = loop_->NewTicket();
    complete.grant = granted.id;
    complete.terms = granted.terms;
    complete.issued = granted.issued;
    complete.tokens[TokenKind::kInput] = Tokens(1);
    FutureCaller completed;
    ASSERT_TRUE(loop_->Submit(complete, complete.ticket, &completed));
    ASSERT_TRUE(std::holds_alternative<core::Completed>(completed.Get()));
  }

  std::shared_ptr<WatchedJournal::Watch> watch_ = std::make_shared<WatchedJournal::Watch>();
  ledger::Opening opening_;
  std::unique_ptr<CommandLoop> loop_;
};

TEST_F(ProjectionWriterTest, WritesBackUnderWayNeverAheadOfTheJournalAndStopsWithNothingToReplay) {
  Start({.every = Duration::Zero()});
  EXPECT_EQ(opening_.loaded, 0u);
  const int before = watch_->writes;
  for (int n = 0; n < 200; ++n) Settle("r" + std::to_string(n));
  EXPECT_GT(watch_->writes, before + 10);
  ASSERT_TRUE(loop_->Stop().ok());
  EXPECT_FALSE(watch_->ahead);
  loop_.reset();

  Start({});
  EXPECT_EQ(opening_.warning, "");
  EXPECT_EQ(opening_.replayed, 0u);
  EXPECT_GT(opening_.loaded, 400u);
  const auto verified = ledger::Verify(*watch_->journal);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->projected, opening_.loaded);
}

TEST_F(ProjectionWriterTest, TakesNothingUntilItIsWorthIt) {
  Start({.every = Hours(1), .entries = 100, .rows = 1'000'000});
  Settle("first");  // the first write is due at once: nobody knows since when
  const int before = watch_->writes;
  for (int n = 0; n < 20; ++n) Settle("r" + std::to_string(n));
  EXPECT_LE(watch_->writes, before + 1);
  for (int n = 20; n < 150; ++n) Settle("r" + std::to_string(n));
  EXPECT_GE(watch_->writes, before + 1);
  EXPECT_LE(watch_->writes, before + 4);
}

TEST_F(ProjectionWriterTest, AStopThatCannotBeWrittenLeavesProjectionsAsTheyWere) {
  Start({.every = Hours(1)});
  Settle("one");
  Settle("two");
  const int before = watch_->writes;
  watch_->takes_no_entries = true;
  EXPECT_TRUE(absl::IsResourceExhausted(loop_->Stop()));
  EXPECT_LE(watch_->writes, before + 1) << "but for a write that was under way";
  loop_.reset();
  watch_->takes_no_entries = false;
  Start({});
  EXPECT_EQ(opening_.warning, "");
}

TEST_F(ProjectionWriterTest, AFailureIsSaidOnceAndTheLoopGoesOn) {
  Start({.every = Duration::Zero()});
  Settle("before");
  watch_->refuses = true;
  Settle("meanwhile");
  Settle("one more, lest a write was under way");
  watch_->refused.get_future().get();
  for (int n = 0; n < 20; ++n) Settle("r" + std::to_string(n));
  watch_->refuses = false;
  for (int n = 20; n < 40; ++n) Settle("r" + std::to_string(n));
  ASSERT_TRUE(loop_->Stop().ok()) << "the journal is whole";
  loop_.reset();
  Start({});
  EXPECT_EQ(opening_.warning, "");
  EXPECT_GT(opening_.replayed, 80u) << "nothing was written after the failure: it would not fit";
}

}  // namespace
}  // namespace penstock::daemon
