// penstock ledger, on real data directories.
#include <gmock/gmock.h>

#include <CLI/CLI.hpp>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/server_commands.h"
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

  Outcome Run(const std::string& command_line) {
    std::istringstream words(command_line + " --data " + directory_);
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

}  // namespace
}  // namespace penstock::cli
