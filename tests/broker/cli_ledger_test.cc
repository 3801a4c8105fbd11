// penstock ledger, on real data directories.
#include <gmock/gmock.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "broker/auth/signing_key.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/server_commands.h"
#include "ledger/archive.h"
#include "ledger/books_rows.h"
#include "ledger/ledger.h"
#include "ledger/rocksdb_journal.h"
#include "tests/ledger/journal_fixture.h"
#include "tests/ledger/random.h"
#include "tests/ledger/random_day.h"

namespace penstock::cli {
namespace {

using testing::HasSubstr;

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
  nlohmann::ordered_json json() const { return nlohmann::ordered_json::parse(out); }
};

class LedgerCommandTest : public testing::Test {
 protected:
  LedgerCommandTest() : directory_(scratch_.path("data")) {}

  Outcome Run(const std::string& command_line) { return RunExactly(command_line + " --data " + directory_); }
  Outcome RunExactly(const std::string& command_line) {
    std::istringstream words(command_line);
    const std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
    const Parts parts{.journal =
                          [](const std::string& directory, bool read_only) {
                            return ledger::OpenRocksDbJournal({.directory = directory, .read_only = read_only});
                          },
                      .scheduling = {}};
    std::ostringstream out;
    std::ostringstream err;
    Terminal terminal{out, err};
    Invocation invocation{terminal};
    CLI::App app("penstock", "penstock");
    AddLedgerCommand(app, invocation, parts);
    const int exit_code = cli::Run(app, arguments, invocation);
    return {exit_code, out.str(), err.str()};
  }

  /// A random day, written back at its middle.
  void MakeDay() {
    const std::vector<ledger::Entry> day = ledger::RandomDay(7, 400);
    const auto ledger = ledger::Ledger::Open(*ledger::OpenRocksDbJournal({.directory = directory_}), nullptr).value();
    for (size_t i = 0; i < day.size(); ++i) {
      ledger->Post(day[i]);
      ASSERT_TRUE(ledger->WriteBatch().ok());
      if (i != day.size() / 2) continue;
      ledger::RowBatch rows;
      ledger->TakeChanges(&rows);
      ASSERT_TRUE(ledger->WriteChanges(rows).ok());
    }
    entries_ = day.size();
  }

  /// The next entries of the same day go into a directory that has a signing key.
  void MakeSignedDay() {
    MakeDay();
    ASSERT_TRUE(auth::SigningKey::Load(directory_, true, std::string(auth::kSigningKeyBytes, 'k')).ok());
  }
  /// The head now, in a file.
  std::string ExportHead(const std::string& name) {
    const Outcome outcome = Run("ledger head -o json");
    EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
    ledger::WriteFileBytes(scratch_.path(name), outcome.out);
    return scratch_.path(name);
  }
  void Append(const ledger::Entry& entry) const {
    const auto ledger = ledger::Ledger::Open(*ledger::OpenRocksDbJournal({.directory = directory_}), nullptr).value();
    ledger->Post(entry);
    ASSERT_TRUE(ledger->WriteBatch().ok());
  }

  ledger::ScratchDirectory scratch_;
  const std::string directory_;
  uint64_t entries_ = 0;
};

TEST_F(LedgerCommandTest, VerifySaysWhatItCompared) {
  MakeDay();
  const Outcome outcome = Run("ledger verify -o json");
  ASSERT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_EQ(outcome.json()["entries"], entries_);
  EXPECT_EQ(outcome.json()["projections"]["sequence"], entries_ / 2 + 1);
  EXPECT_GT(outcome.json()["projections"]["rows"], 10);
  EXPECT_THAT(Run("ledger verify").out, HasSubstr("rows; the books' are what the entries up to sequence"));
}

TEST_F(LedgerCommandTest, VerifyNamesTheRowThatDiffers) {
  MakeDay();
  {
    const auto journal = ledger::OpenRocksDbJournal({.directory = directory_}).value();
    ledger::RowBatch damage;
    const std::string balance_of_tenant_2 = {static_cast<char>(ledger::RowKind::kBalance), 0, 0, 0, 2};
    damage.Put(balance_of_tenant_2, std::string_view("\0\0\1\0", 4));
    ASSERT_TRUE(journal->projections()->Write(damage).ok());
  }
  const Outcome outcome = Run("ledger verify");
  EXPECT_EQ(outcome.exit_code, kRefused);
  EXPECT_THAT(outcome.err, testing::AllOf(HasSubstr("balance of tenant 2"), HasSubstr("remove their folder")));
}

TEST_F(LedgerCommandTest, StatsCountEntriesAndRows) {
  MakeDay();
  const Outcome outcome = Run("ledger stats -o json");
  ASSERT_EQ(outcome.exit_code, kOk) << outcome.err;
  const nlohmann::ordered_json json = outcome.json();
  EXPECT_EQ(json["entries"], entries_);
  EXPECT_EQ(json["reflected"], entries_ / 2 + 1);
  EXPECT_EQ(json["tenants"], 2);
  EXPECT_EQ(json["projections"]["balances"]["rows"], 2);
  EXPECT_GT(json["journal_bytes"], 0);
  EXPECT_GT(json["projection_bytes"], 0);
  EXPECT_THAT(Run("ledger stats").out, testing::AllOf(HasSubstr("base windows"), HasSubstr("per tenant and month")));
}

TEST_F(LedgerCommandTest, StatsOfNothingIsAnError) {
  const Outcome outcome = Run("ledger stats");
  EXPECT_EQ(outcome.exit_code, kConfig);
  EXPECT_THAT(outcome.err, HasSubstr(directory_));
}

TEST_F(LedgerCommandTest, AnExportedHeadIsFoundAgainOnTheChainThatHasGoneOn) {
  MakeSignedDay();
  const std::string head = ExportHead("head.json");
  Append(ledger::NameEntry{ledger::NameKind::kTenant, 3, 0, "later"});
  const Outcome outcome = Run("ledger verify -o json --against " + head);
  ASSERT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_EQ(outcome.json()["entries"], entries_ + 1);
  EXPECT_EQ(outcome.json()["against"]["sequence"], entries_);
  EXPECT_THAT(Run("ledger verify --against " + head).out, HasSubstr("everything up to it is unchanged"));

  ledger::WriteFileBytes(scratch_.path("key.pem"), RunExactly("ledger public-key " + directory_).out);
  std::filesystem::remove(directory_ + "/signing_key");
  EXPECT_EQ(Run("ledger verify --against " + head + " --public-key " + scratch_.path("key.pem")).exit_code, kOk);
  EXPECT_NE(Run("ledger verify --against " + head).exit_code, kOk) << "whose key should it be?";
}

TEST_F(LedgerCommandTest, AJournalThatWasRewrittenIsNotTheOneOfAnExportedHead) {
  MakeSignedDay();
  const std::string head = ExportHead("head.json");
  // Somebody makes the journal anew without its last entry, every hash and mark right, and keeps the key.
  std::filesystem::remove_all(directory_ + "/journal");
  std::filesystem::remove_all(directory_ + "/projections");
  std::filesystem::remove(directory_ + "/HEAD");
  {
    std::vector<ledger::Entry> day = ledger::RandomDay(7, 400);
    day.pop_back();
    const auto ledger = ledger::Ledger::Open(*ledger::OpenRocksDbJournal({.directory = directory_}), nullptr).value();
    for (const ledger::Entry& entry : day) ledger->Post(entry);
    ASSERT_TRUE(ledger->WriteBatch().ok());
  }
  EXPECT_EQ(Run("ledger verify").exit_code, kOk) << "in itself it holds together";
  const Outcome shorter = Run("ledger verify --against " + head);
  EXPECT_EQ(shorter.exit_code, kRefused);
  EXPECT_THAT(shorter.err, HasSubstr("the journal ends at " + std::to_string(entries_ - 1)));
  Append(ledger::NameEntry{ledger::NameKind::kTenant, 3, 0, "forged"});
  const Outcome other = Run("ledger verify --against " + head);
  EXPECT_EQ(other.exit_code, kRefused);
  EXPECT_THAT(other.err, HasSubstr("an entry at or before it was changed"));
}

TEST_F(LedgerCommandTest, AHeadOfAnotherKeyOrWithAnotherTextIsRefused) {
  MakeSignedDay();
  const std::string head = ExportHead("head.json");
  std::string text = ledger::FileBytes(head);
  const size_t at = text.find("\"at_unix_s\": ") + 13;
  text[at] = text[at] == '1' ? '2' : '1';
  ledger::WriteFileBytes(scratch_.path("later.json"), text);
  EXPECT_THAT(Run("ledger verify --against " + scratch_.path("later.json")).err, HasSubstr("signature does not fit"));

  std::filesystem::remove(directory_ + "/signing_key");
  ASSERT_TRUE(auth::SigningKey::Load(directory_, true, std::string(auth::kSigningKeyBytes, 'x')).ok());
  const Outcome outcome = Run("ledger verify --against " + head);
  EXPECT_EQ(outcome.exit_code, kRefused);
  EXPECT_THAT(outcome.err, HasSubstr("signed with another key"));
}

TEST_F(LedgerCommandTest, SegmentsAreArchivedDroppedVerifiedAndPutBack) {
  MakeSignedDay();
  const std::string archive = scratch_.path("archive");
  const Outcome archived = Run("ledger archive --segment-entries 50 -o json --to " + archive);
  ASSERT_EQ(archived.exit_code, kOk) << archived.err;
  ASSERT_GE(archived.json()["archived"].size(), 3u);
  EXPECT_EQ(archived.json()["archived"][0]["signed_head"]["sequence"], archived.json()["archived"][0]["last"]);
  EXPECT_THAT(Run("ledger archive --segment-entries 50 --to " + archive).out, HasSubstr("Nothing to archive"));

  // All of this day's ends are remembered, so opening would read all of it: nothing may go.
  const Outcome held = Run("ledger drop --archive " + archive);
  EXPECT_EQ(held.exit_code, kOk) << held.err;
  EXPECT_THAT(held.out, testing::AllOf(HasSubstr("Dropped 0 segments"), HasSubstr("opening reads the journal from")));
  // As if a day had passed.
  {
    const auto journal = ledger::OpenRocksDbJournal({.directory = directory_}).value();
    const std::vector<ledger::Segment> segments = ledger::ListSegments(archive).value();
    ASSERT_TRUE(journal->Drop({1, segments[0].after.head, segments[0].after.journal}).ok());
  }
  const Outcome whole = Run("ledger verify -o json --archive " + archive);
  EXPECT_EQ(whole.exit_code, kOk) << whole.err;
  EXPECT_EQ(whole.json()["entries"], entries_);
  EXPECT_FALSE(whole.json().contains("not_looked_at"));
  const Outcome other = Run("ledger verify --archive " + scratch_.path("nowhere"));
  EXPECT_NE(other.exit_code, kOk);
  EXPECT_THAT(other.err, HasSubstr("the archive has 0 segments"));

  const Outcome back = Run("ledger unarchive --archive " + archive);
  EXPECT_EQ(back.exit_code, kOk) << back.err;
  EXPECT_THAT(back.out, HasSubstr("Took back 1 segments"));
  EXPECT_EQ(Run("ledger verify -o json").json()["entries"], entries_);
}

TEST_F(LedgerCommandTest, WhileADaemonHasTheDirectoryNothingIsDropped) {
  MakeDay();
  const auto daemon = ledger::OpenRocksDbJournal({.directory = directory_}).value();
  const Outcome outcome = Run("ledger drop --archive " + scratch_.path("archive"));
  EXPECT_EQ(outcome.exit_code, kConfig);
  EXPECT_THAT(outcome.err, HasSubstr("stop the penstock that runs on it"));
}

TEST_F(LedgerCommandTest, ABackupIsVerifiedAndComesBackTheSame) {
  MakeSignedDay();
  const std::string backup = scratch_.path("backup");
  const Outcome made = Run("ledger backup -o json --to " + backup);
  ASSERT_EQ(made.exit_code, kOk) << made.err;
  EXPECT_EQ(made.json()["entries"], entries_);
  EXPECT_NE(Run("ledger backup --to " + backup).exit_code, kOk) << "there is one already";
  EXPECT_NE(Run("ledger backup --to " + directory_ + "/inside").exit_code, kOk);

  const std::string restored = scratch_.path("restored");
  EXPECT_EQ(RunExactly("ledger restore " + backup + " --to " + directory_).exit_code, kConfig) << "it is not empty";
  const Outcome back = RunExactly("ledger restore " + backup + " --to " + restored + "/");
  ASSERT_EQ(back.exit_code, kOk) << back.err;
  EXPECT_EQ(RunExactly("ledger public-key " + restored).out, Run("ledger public-key").out);
  EXPECT_EQ(RunExactly("ledger verify -o json " + restored).out, Run("ledger verify -o json").out);
  EXPECT_EQ(std::filesystem::status(restored + "/signing_key").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_TRUE(ledger::Ledger::Open(*ledger::OpenRocksDbJournal({.directory = restored}), nullptr).ok());
}

TEST_F(LedgerCommandTest, ABackupMayHaveARelativeName) {
  MakeDay();
  const std::string name = std::filesystem::path(scratch_.path("")).parent_path().filename().string();
  const Outcome made = Run("ledger backup --to " + name);
  EXPECT_EQ(made.exit_code, kOk) << made.err;
  EXPECT_EQ(RunExactly("ledger verify " + name).exit_code, kOk);
  std::filesystem::remove_all(name);
}

TEST_F(LedgerCommandTest, ADamagedBackupIsNotRestored) {
  MakeDay();
  const std::string backup = scratch_.path("backup");
  ASSERT_EQ(Run("ledger backup --to " + backup).exit_code, kOk);
  std::string table = ledger::FilesEndingWith(backup, ".sst").front();
  std::string bytes = ledger::FileBytes(table);
  bytes[bytes.size() / 3] = static_cast<char>(bytes[bytes.size() / 3] ^ 1);
  ledger::WriteFileBytes(table, bytes);
  const std::string restored = scratch_.path("restored");
  const Outcome outcome = RunExactly("ledger restore " + backup + " --to " + restored);
  EXPECT_EQ(outcome.exit_code, kRefused) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(restored));
  EXPECT_FALSE(std::filesystem::exists(restored + ".partial"));
}

TEST_F(LedgerCommandTest, ADirectoryThatADaemonHasIsNotBackedUp) {
  MakeDay();
  const auto daemon = ledger::OpenRocksDbJournal({.directory = directory_}).value();
  const Outcome outcome = Run("ledger backup --to " + scratch_.path("backup"));
  EXPECT_EQ(outcome.exit_code, kConfig);
  EXPECT_THAT(outcome.err, HasSubstr("stop the penstock that runs on it"));
}

TEST_F(LedgerCommandTest, ExportSaysEveryEntryAsALine) {
  MakeDay();
  const std::vector<ledger::Entry> day = ledger::RandomDay(7, 400);
  std::istringstream lines(Run("ledger export").out);
  std::string line;
  uint64_t sequence = 0;
  while (std::getline(lines, line)) {
    const auto json = nlohmann::ordered_json::parse(line);
    ASSERT_LT(sequence, day.size());
    const ledger::Entry& entry = day[sequence++];
    EXPECT_EQ(json["sequence"], sequence);
    EXPECT_NE(json["type"], "other");
    if (const auto* settle = std::get_if<ledger::SettleEntry>(&entry)) {
      EXPECT_EQ(json["type"], "settle");
      EXPECT_EQ(json["charge"], settle->charge.ToDecimal()) << "text: a number would lose digits";
      EXPECT_EQ(json["id"]["sequence"], settle->id.sequence);
    } else if (const auto* name = std::get_if<ledger::NameEntry>(&entry)) {
      EXPECT_EQ(json["name"], name->name);
    }
  }
  EXPECT_EQ(sequence, entries_);
  std::istringstream part(Run("ledger export --from 3 --to 5").out);
  std::vector<uint64_t> sequences;
  while (std::getline(part, line)) sequences.push_back(nlohmann::ordered_json::parse(line)["sequence"]);
  EXPECT_THAT(sequences, testing::ElementsAre(3, 4, 5));
}

TEST_F(LedgerCommandTest, ExportTellsTheEntriesBehindATenantsHours) {
  MakeDay();
  std::map<std::string, int> of;
  for (const std::string tenant : {"acme", "bolt"}) {
    std::istringstream lines(Run("ledger export --tenant " + tenant).out);
    const uint32_t id = tenant == "acme" ? 1 : 2;
    for (std::string line; std::getline(lines, line);) {
      const auto json = nlohmann::ordered_json::parse(line);
      ++of[tenant];
      const bool is_theirs = (!json.contains("terms") || !json["terms"].contains("tenant") || json["terms"]["tenant"] == id) &&
                             (!json.contains("tenant") || json["tenant"] == id);
      EXPECT_TRUE(is_theirs) << line;
    }
  }
  EXPECT_GT(of["acme"], 20);
  EXPECT_GT(of["bolt"], 20);
  std::istringstream hour(Run("ledger export --tenant acme --since 2024-01-01T13 --until 2024-01-01T14").out);
  for (std::string line; std::getline(hour, line);) {
    EXPECT_EQ(nlohmann::ordered_json::parse(line)["at"].get<std::string>().substr(0, 13), "2024-01-01T13");
  }
  const Outcome nobody = Run("ledger export --tenant nobody");
  EXPECT_NE(nobody.exit_code, kOk);
  EXPECT_THAT(nobody.err, HasSubstr("no tenant 'nobody'"));
}

}  // namespace
}  // namespace penstock::cli
