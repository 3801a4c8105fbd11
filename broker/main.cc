// The only place that picks implementations (RocksDB, fair scheduling) and the only one that links the simulator.
#include <absl/synchronization/mutex.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "broker/cli/client_commands.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/server_commands.h"
#include "broker/core/engine.h"
#include "ledger/rocksdb_journal.h"

int main(int argc, char** argv) {
  // Debian's abseil looks for deadlocks in every mutex of gRPC: 16 % of a call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  using namespace penstock;  // NOLINT: main has no namespace of its own

  const cli::Parts parts{
      .journal = [](const std::string& directory, bool read_only) {
        return ledger::OpenRocksDbJournal({.directory = directory, .read_only = read_only});
      },
      .scheduling = core::FairScheduling()};

  cli::Terminal terminal = cli::Terminal::OfProcess();
  cli::Invocation invocation{terminal};
  CLI::App app("Penstock: admission, metering and billing of LLM inference throughput", "penstock");
  app.set_version_flag("--version", "penstock " PENSTOCK_VERSION);
  app.footer(cli::kExitCodesHelp);
  cli::AddServeCommand(app, invocation, parts);
  cli::AddConfigCommands(app, invocation);
  cli::AddLedgerCommand(app, invocation, parts);
  cli::AddAdmissionCommands(app, invocation);
  cli::AddBillingCommands(app, invocation);
  cli::AddStatusCommand(app, invocation);
  cli::AddBenchCommand(app, invocation);
  return cli::Run(app, std::vector<std::string>(argv + 1, argv + argc), invocation);
}
