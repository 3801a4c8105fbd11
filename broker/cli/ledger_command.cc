// penstock ledger verify: does the journal of a data directory hold together, to the last entry, and its projections
// with it?
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "broker/cli/answer_json.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/server_commands.h"
#include "broker/cli/table.h"
#include "ledger/ledger.h"

namespace penstock::cli {
namespace {

struct VerifyOptions {
  std::string data_dir;
  Output output = Output::kTable;
};

int Broken(const absl::Status& status, const VerifyOptions& options, Terminal& terminal) {
  if (options.output == Output::kJson) {
    terminal.out << Printed({{"verified", false}, {"error", status.message()}});
  }
  terminal.err << "penstock ledger verify: " << status.message() << "\n";
  return status.code() == absl::StatusCode::kDataLoss ? kRefused : ExitCodeOf(status);
}

int VerifyData(const VerifyOptions& options, const Parts& parts, Terminal& terminal) {
  const auto journal = parts.journal(options.data_dir, /*read_only=*/true);
  if (!journal.ok()) return Broken(journal.status(), options, terminal);
  const absl::StatusOr<ledger::Verification> found = ledger::Verify(**journal);
  if (!found.ok()) return Broken(found.status(), options, terminal);
  const std::string currency = found->books.tariffs().empty() ? "" : found->books.tariffs().back().tariff.currency;
  if (options.output == Output::kJson) {
    terminal.out << Printed({{"verified", true},
                             {"entries", found->entries},
                             {"head", ledger::ToHex(found->head.hash)},
                             {"open_holds", found->open_holds},
                             {"projections", {{"sequence", found->projected}, {"rows", found->rows}}},
                             {"boot_epoch", found->books.epoch()},
                             {"posted", {{"currency", currency}, {"amount", found->posted.ToDecimal()}}}});
    return kOk;
  }
  Sheet sheet;
  sheet.Add("verified", "yes: sequence, chain, every transition, every sum, every charge");
  sheet.Add("entries", std::to_string(found->entries));
  sheet.Add("head", ledger::ToHex(found->head.hash));
  sheet.Add("boot epoch", std::to_string(found->books.epoch()));
  sheet.Add("open holds", std::to_string(found->open_holds));
  sheet.Add("posted", found->posted.ToDecimal() + " " + currency);
  sheet.Add("projections", found->projected == 0
                               ? "none"
                               : std::to_string(found->rows) + " rows; the books' are what the entries up to sequence " +
                                     std::to_string(found->projected) + " give");
  terminal.out << sheet.Render(terminal.colour);
  return kOk;
}

}  // namespace

void AddLedgerCommand(CLI::App& app, Invocation& invocation, const Parts& parts) {
  CLI::App* ledger = app.add_subcommand("ledger", "Look after a data directory");
  ledger->require_subcommand(1);
  CLI::App* verify = ledger->add_subcommand("verify",
                                            "Read the whole journal and check it, and the projections against it: exit "
                                            "0 if all holds together, 1 with the place if it does not");
  auto options = std::make_shared<VerifyOptions>();
  verify->add_option("--data", options->data_dir, "The daemon's data_dir; stop the daemon first")->required();
  AddOutputFlag(*verify, options->output);
  OnRun(*verify, invocation, [options, &parts](Terminal& terminal) { return VerifyData(*options, parts, terminal); });
}

}  // namespace penstock::cli
