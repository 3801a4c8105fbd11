// What is written into a block comes out again, and what is no block is refused.
#include "broker/arrivals/record.h"

#include <gtest/gtest.h>

#include "broker/arrivals/settings_codec.h"
#include "tests/admission/seed.h"
#include "tests/broker/arrivals/random_commands.h"

namespace penstock::arrivals {
namespace {

std::vector<Record> ReadAll(std::string_view block) {
  std::vector<Record> records;
  BlockReader reader(block);
  while (true) {
    Record record;
    const absl::StatusOr<bool> more = reader.Next(&record);
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || !*more) return records;
    records.push_back(std::move(record));
  }
}

/// The bytes of a command on their own: equal bytes are equal commands.
std::string BytesOf(const core::Command& command, Instant now) {
  BlockWriter writer;
  writer.Add(command, now);
  return writer.bytes();
}

void ExpectSame(const core::Admit& a, const core::Admit& b) {
  EXPECT_EQ(a.ticket, b.ticket);
  EXPECT_EQ(a.request_id, b.request_id);
  EXPECT_EQ(a.pools, b.pools);
  EXPECT_EQ(a.input, b.input);
  EXPECT_EQ(a.estimated, b.estimated);
  EXPECT_EQ(a.max_wait, b.max_wait);
  EXPECT_EQ(a.wanted, b.wanted);
  EXPECT_EQ(a.content, b.content);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.validate_only, b.validate_only);
}

void ExpectSame(const core::Complete& a, const core::Complete& b) {
  EXPECT_EQ(a.grant, b.grant);
  EXPECT_EQ(a.terms, b.terms);
  EXPECT_EQ(a.issued, b.issued);
  EXPECT_EQ(a.on_behalf_of, b.on_behalf_of);
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.body, b.body);
  EXPECT_EQ(a.first_token_at, b.first_token_at);
  EXPECT_EQ(a.ended_at, b.ended_at);
}

TEST(Record, CommandsOfEveryTypeComeOutAsTheyWentIn) {
  for (const uint64_t seed : TestSeeds(3)) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
    RandomCommands commands(seed);
    BlockWriter writer;
    std::vector<Arrival> written;
    Instant now;
    for (size_t i = 0; i < 2'000; ++i) {
      if (commands.random().OneIn(3)) now = commands.At();
      written.push_back({now, commands.Draw(i % std::variant_size_v<core::Command>)});
      writer.Add(written.back().command, now);
    }
    const std::vector<Record> read = ReadAll(writer.bytes());
    ASSERT_EQ(read.size(), written.size());
    for (size_t i = 0; i < read.size(); ++i) {
      const auto& arrival = std::get<Arrival>(read[i]);
      ASSERT_EQ(arrival.command.index(), written[i].command.index());
      ASSERT_EQ(arrival.now, written[i].now);
      ASSERT_EQ(BytesOf(arrival.command, now), BytesOf(written[i].command, now));
      if (const auto* admit = std::get_if<core::Admit>(&arrival.command)) {
        ExpectSame(*admit, std::get<core::Admit>(written[i].command));
      } else if (const auto* complete = std::get_if<core::Complete>(&arrival.command)) {
        ExpectSame(*complete, std::get<core::Complete>(written[i].command));
      }
    }
  }
}

TEST(Record, SettingsComeOutAsTheyWentIn) {
  const core::EngineSettings settings = RichWorld();
  std::string bytes;
  EncodeSettings(settings, &bytes);
  const absl::StatusOr<core::EngineSettings> read = DecodeSettings(bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  std::string again;
  EncodeSettings(*read, &again);
  EXPECT_EQ(again, bytes);
  EXPECT_TRUE(read->tariff == settings.tariff);
  EXPECT_TRUE(read->tenants[1].subscription == settings.tenants[1].subscription);
  EXPECT_TRUE(read->tenants[1].runs == settings.tenants[1].runs);
  EXPECT_TRUE(read->tenants[1].budgets == settings.tenants[1].budgets);
  EXPECT_TRUE(read->tenants[1].graduations == settings.tenants[1].graduations);
  EXPECT_TRUE(read->tenants[1].keys[0].policy == settings.tenants[1].keys[0].policy);
  EXPECT_EQ(read->tenants[2].reservations[0].kind, TokenKind::kOutput);
  EXPECT_EQ(read->pools[1].terms.kv_tokens, 100'000);
}

TEST(Record, TheOthersComeOutAsTheyWentIn) {
  Birth birth{.epoch = 7,
              .opened = core::kStart,
              .before = {.sequence = 99, .hash = ledger::Sha256("before")},
              .follower = {.sequence = 50, .rows = {{"key", "value"}, {std::string(3, '\0'), ""}}},
              .settings = RichWorld()};
  core::Answer answer{.ticket = 5, .release = core::Release::kSynced, .sequence = 12};
  answer.outcome = core::Refused{.reason = core::RefusalReason::kShed, .retry_after = Seconds(3)};
  BlockWriter writer;
  writer.Add(birth);
  writer.Add(std::span<const core::Answer>(&answer, 1));
  writer.Add(birth.before);
  writer.Add(Stopped{core::kStart});
  const std::vector<Record> read = ReadAll(writer.bytes());
  ASSERT_EQ(read.size(), 4u);
  const auto& born = std::get<Birth>(read[0]);
  EXPECT_EQ(born.epoch, 7u);
  EXPECT_EQ(born.opened, core::kStart);
  EXPECT_EQ(born.before, birth.before);
  EXPECT_EQ(born.follower.sequence, 50u);
  ASSERT_EQ(born.follower.rows.size(), 2u);
  EXPECT_EQ(born.follower.rows[1].key, birth.follower.rows[1].key);
  EXPECT_EQ(std::get<Answered>(read[1]).prints, std::vector<Print>{PrintOf(answer)});
  EXPECT_EQ(std::get<ledger::Head>(read[2]), birth.before);
  EXPECT_EQ(std::get<Stopped>(read[3]).now, core::kStart);
}

TEST(Record, APrintTellsWhatWasDecidedAndWhetherItWasTheSame) {
  core::Answer answer{.ticket = 5};
  core::Refused refused{.reason = core::RefusalReason::kQueueFull, .retry_after = Seconds(3)};
  answer.outcome = refused;
  const Print print = PrintOf(answer);
  EXPECT_EQ(Describe(print), "refused: queue full");
  EXPECT_EQ(print, PrintOf(answer));
  refused.retry_after = Seconds(4);
  answer.outcome = refused;
  EXPECT_NE(print, PrintOf(answer)) << "another retry-after is another decision";
  answer.outcome = core::Granted{};
  EXPECT_EQ(Describe(PrintOf(answer)), "granted");
}

// Whatever the bytes are, reading ends, and says DATA_LOSS or gives records.
void ReadsOrRefuses(std::string_view block) {
  BlockReader reader(block);
  while (true) {
    Record record;
    const absl::StatusOr<bool> more = reader.Next(&record);
    if (!more.ok()) {
      ASSERT_TRUE(absl::IsDataLoss(more.status())) << more.status();
      return;
    }
    if (!*more) return;
  }
}

TEST(Record, BytesThatWereChangedAreReadOrRefused) {
  for (const uint64_t seed : TestSeeds(3)) {
    SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
    RandomCommands commands(seed);
    ledger::Random& random = commands.random();
    for (int round = 0; round < 2'000; ++round) {
      BlockWriter writer;
      if (random.OneIn(10)) writer.Add(Birth{.settings = RichWorld()});
      for (int i = 0; i < 3; ++i) {
        writer.Add(commands.Draw(random.Index(std::variant_size_v<core::Command>)), commands.At());
      }
      std::string bytes = writer.bytes();
      for (int64_t n = random.Between(1, 4); n > 0; --n) {
        bytes[random.Index(bytes.size())] = static_cast<char>(random.Bits());
      }
      ReadsOrRefuses(bytes);
      ReadsOrRefuses(std::string_view(bytes).substr(0, random.Index(bytes.size())));
      ReadsOrRefuses(random.Bytes(static_cast<size_t>(random.Between(0, 100))));
    }
  }
}

}  // namespace
}  // namespace penstock::arrivals
