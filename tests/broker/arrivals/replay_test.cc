// Random lives of an engine, recorded and replayed: the same decisions, the same journal (DESIGN section 9, item 5).
#include "broker/arrivals/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "tests/admission/seed.h"
#include "tests/broker/arrivals/random_commands.h"
#include "tests/broker/core/random_clients.h"
#include "tests/ledger/journal_fixture.h"

namespace penstock::arrivals {
namespace {

using testing::HasSubstr;

/// An engine world whose every boot is recorded as the daemon's loop does it.
class RecordedWorld {
 public:
  explicit RecordedWorld(core::EngineSettings settings, uint64_t max_bytes = uint64_t{64} << 20)
      : max_bytes_(max_bytes), world_(std::move(settings)) {
    world_.Watch([this](const core::Command& command, const std::vector<core::Answer>& answers) {
      core::Command recorded = command;
      if (alter_) alter_(recorded);
      block_.Add(recorded, world_.now());
      block_.Add(answers);
      if (++commands_ % 50 == 0) WriteBlock();
    });
    Begin({});
  }

  core::EngineWorld& world() { return world_; }
  std::string directory() const { return scratch_.path("."); }
  uint32_t epoch() const { return epoch_; }
  /// From here on, what is recorded is changed so.
  void Alter(std::function<void(core::Command&)> alter) { alter_ = std::move(alter); }

  void WriteBlock() {
    block_.Add(world_.engine().ledger().head());
    std::string block;
    block_.TakeInto(&block);
    ASSERT_TRUE(log_->Write(block).ok());
  }

  void Restart(Duration after) {
    WriteBlock();
    const ledger::Head before = world_.journal().journal().head();
    world_.Restart(after);
    Begin(before);
  }

  absl::StatusOr<Replayed> ReplayEpoch(uint32_t epoch, Spectator* spectator = nullptr) {
    absl::StatusOr<LogReader> log = LogReader::Open(directory(), epoch);
    if (!log.ok()) return log.status();
    return Replay(*std::move(log), world_.journal().journal(), core::FairScheduling(), spectator);
  }

 private:
  void Begin(const ledger::Head& before) {
    epoch_ = world_.engine().epoch();
    auto log = LogWriter::Open({.data_dir = directory(), .epoch = epoch_, .max_bytes = max_bytes_});
    PENSTOCK_CHECK(log.ok());
    log_ = *std::move(log);
    block_ = {};
    block_.Add(Birth{.epoch = epoch_,
                     .opened = world_.now(),
                     .before = before,
                     .follower = world_.engine().ledger().TakeFollowerStart(),
                     .settings = world_.settings()});
  }

  ledger::ScratchDirectory scratch_;
  const uint64_t max_bytes_;
  core::EngineWorld world_;
  std::function<void(core::Command&)> alter_;
  std::unique_ptr<LogWriter> log_;
  BlockWriter block_;
  uint32_t epoch_ = 0;
  uint64_t commands_ = 0;
};

/// What operators and planners do between the clients' steps.
void Operate(core::EngineWorld& world, ledger::Random& random) {
  switch (random.Between(0, 4)) {
    case 0:
      world.Ask(core::SetCapacity{.pool = PoolId{1},
                                  .capacity = NormalizedTokensPerSecond(random.Between(200, 2'000)),
                                  .max_in_flight = random.Between(1, 6)});
      break;
    case 1: {
      core::SetPlan plan;
      plan.predicted_outputs.push_back({TenantId{2}, PoolId{1}, Tokens(random.Between(1, 300))});
      core::SetPlan::WaitTable table{.pool = PoolId{1}, .stood_as = ServiceClass::kDefault, .buckets = {}};
      for (core::WaitRange& range : table.buckets) range = {Seconds(0), Seconds(random.Between(1, 3)), Seconds(5)};
      plan.wait_tables.push_back(table);
      world.Do(plan);
      break;
    }
    case 2: {
      core::EngineSettings settings = world.settings();
      settings.tenants[1].weight = random.Between(1, 9);
      settings.tenants[1].keys[0].budgets[0].amount = ledger::Money::FromPico(random.Between(1, 1'000'000'000'000));
      world.Ask(core::Reconfigure{.settings = std::make_shared<core::EngineSettings>(settings)});
      break;
    }
    case 3:
      world.Ask(core::ApproveRun{.tenant = TenantId{2}, .run = "no such run"});
      break;
    default: {
      core::Admit admit = world.Request("shop", "in-a-run-" + std::to_string(random.Bits()));
      admit.run = "run" + std::to_string(random.Between(1, 3));
      admit.depth = random.Between(1, 6);
      admit.content = ledger::DigestOf(std::to_string(random.Between(1, 5)));
      world.Offer(admit);
      world.Ask(core::ApproveRun{.tenant = TenantId{2}, .run = admit.run});
    }
  }
}

void ExpectSame(const absl::StatusOr<Replayed>& replayed) {
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_TRUE(replayed->same()) << "epoch " << replayed->epoch << ": " << replayed->other_head.value_or("");
  if (const auto& first = replayed->difference) {
    ADD_FAILURE() << "command " << first->command << " (" << first->asked << "): then " << first->then << ", now "
                  << first->now;
  }
}

TEST(Replay, OfRandomLivesGivesTheSameDecisionsAndTheSameJournal) {
  for (const uint64_t seed : TestSeeds(3)) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
    RecordedWorld recorded(RichWorld());
    core::RandomClients clients(recorded.world(), seed);
    ledger::Random random(seed);
    constexpr uint32_t kLives = 4;
    for (uint32_t life = 1; life <= kLives; ++life) {
      for (int step = 0; step < 500; ++step) {
        clients.Step();
        if (random.OneIn(20)) Operate(recorded.world(), random);
      }
      recorded.WriteBlock();
      if (random.OneIn(2)) recorded.world().LoseProjections();
      if (life < kLives) recorded.Restart(Milliseconds(random.Between(0, 5'000)));
    }
    uint64_t decisions = 0;
    for (uint32_t epoch = 1; epoch <= kLives; ++epoch) {
      const absl::StatusOr<Replayed> replayed = recorded.ReplayEpoch(epoch);
      ExpectSame(replayed);
      if (replayed.ok()) decisions += replayed->decisions;
    }
    EXPECT_GT(decisions, 1'000u);
    EXPECT_EQ(recorded.ReplayEpoch(kLives)->head, recorded.world().journal().journal().head());
  }
}

TEST(Replay, SaysWhichCommandWasDecidedOtherwise) {
  RecordedWorld recorded(core::SmallWorld());
  recorded.world().GrantNow(recorded.world().Request("shop", "first"));
  recorded.Alter([](core::Command& command) { std::get<core::Admit>(command).key = KeyId{99}; });
  recorded.world().GrantNow(recorded.world().Request("shop", "second"));
  recorded.WriteBlock();
  const absl::StatusOr<Replayed> replayed = recorded.ReplayEpoch(1);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_FALSE(replayed->same());
  EXPECT_EQ(replayed->decisions, 1u);
  ASSERT_TRUE(replayed->difference.has_value());
  EXPECT_EQ(replayed->difference->command, 2u);
  EXPECT_EQ(replayed->difference->asked, "Admit of shop, request second");
  EXPECT_EQ(replayed->difference->then, "granted");
  EXPECT_THAT(replayed->difference->now, HasSubstr("error"));
}

TEST(Replay, SaysWhenTheSameDecisionPostedSomethingElse) {
  RecordedWorld recorded(core::SmallWorld());
  recorded.Alter([](core::Command& command) { std::get<core::Admit>(command).labels = {{"team", "other"}}; });
  recorded.world().GrantNow(recorded.world().Request("shop", "first"));
  recorded.WriteBlock();
  const absl::StatusOr<Replayed> replayed = recorded.ReplayEpoch(1);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_FALSE(replayed->difference.has_value());
  EXPECT_TRUE(replayed->other_head.has_value());
}

TEST(Replay, WithoutTheBeginningArrivalsAreOnlyCounted) {
  RecordedWorld recorded(core::SmallWorld(), /*max_bytes=*/64'000);
  core::RandomClients clients(recorded.world(), 1);
  for (int step = 0; step < 3'000; ++step) clients.Step();
  recorded.WriteBlock();
  const absl::StatusOr<Replayed> replayed = recorded.ReplayEpoch(1);
  ASSERT_TRUE(replayed.ok()) << replayed.status();
  EXPECT_FALSE(replayed->from_the_beginning);
  EXPECT_FALSE(replayed->same());
  EXPECT_EQ(replayed->decisions, 0u);
  EXPECT_GT(replayed->admits, 100u);
  EXPECT_GT(replayed->commands, replayed->admits);
}

TEST(Replay, OfATornLogAgreesUpToTheTear) {
  RecordedWorld recorded(core::SmallWorld());
  core::RandomClients clients(recorded.world(), 1);
  for (int step = 0; step < 300; ++step) clients.Step();
  recorded.WriteBlock();
  const absl::StatusOr<Replayed> whole = recorded.ReplayEpoch(1);
  ExpectSame(whole);
  const std::vector<LogFile> files = *ListLog(recorded.directory());
  std::filesystem::resize_file(files.back().path, files.back().bytes - 10);
  const absl::StatusOr<Replayed> torn = recorded.ReplayEpoch(1);
  ExpectSame(torn);
  EXPECT_GT(torn->cut_bytes, 0u);
  EXPECT_LT(torn->commands, whole->commands);
  EXPECT_EQ(torn->head.sequence + torn->unlogged_entries, whole->head.sequence);
}

/// Counts what it sees.
class Counting final : public Spectator {
 public:
  void OnBirth(const Birth& birth, const core::Engine& engine) override {
    ++births;
    EXPECT_EQ(birth.epoch, engine.epoch());
  }
  void OnApplied(const core::Command& command, Instant now, std::span<const core::Answer> given,
                 const core::Engine& engine) override {
    EXPECT_EQ(engine.now(), now);
    ++commands;
    answers += given.size();
    if (const auto* admit = std::get_if<core::Admit>(&command)) requests.push_back(admit->request_id);
  }

  int births = 0;
  uint64_t commands = 0;
  uint64_t answers = 0;
  std::vector<std::string> requests;
};

TEST(Replay, ShowsASpectatorEveryCommandAndEveryAnswer) {
  RecordedWorld recorded(core::SmallWorld());
  recorded.world().GrantNow(recorded.world().Request("shop", "first"));
  core::RandomClients clients(recorded.world(), 1);
  for (int step = 0; step < 300; ++step) clients.Step();
  recorded.WriteBlock();
  Counting seen;
  const absl::StatusOr<Replayed> replayed = recorded.ReplayEpoch(1, &seen);
  ExpectSame(replayed);
  EXPECT_EQ(seen.births, 1);
  EXPECT_EQ(seen.commands, replayed->commands);
  EXPECT_EQ(seen.answers, replayed->decisions);
  EXPECT_EQ(seen.requests.size(), replayed->admits);
  EXPECT_EQ(seen.requests.front(), "first");
}

TEST(Replay, RefusesAnotherJournal) {
  RecordedWorld recorded(core::SmallWorld());
  recorded.world().GrantNow(recorded.world().Request("shop", "first"));
  recorded.Restart(Seconds(1));
  recorded.WriteBlock();
  core::EngineWorld other;
  other.Restart();
  auto log = LogReader::Open(recorded.directory(), 2);
  ASSERT_TRUE(log.ok());
  EXPECT_FALSE(Replay(*std::move(log), other.journal().journal(), core::FairScheduling()).ok());
}

}  // namespace
}  // namespace penstock::arrivals
