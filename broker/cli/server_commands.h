// The commands that run a daemon, look after its files, or do its sums without it. Each registers its subcommands under
// `app`; `invocation` and `parts` must outlive it.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <string>

#include "broker/core/pool_state.h"
#include "ledger/journal.h"

namespace CLI {
class App;
}

namespace penstock::cli {

struct Invocation;

/// The implementations that main picks.
struct Parts {
  /// Opens the durable journal of a data directory; `read_only` changes nothing.
  std::function<absl::StatusOr<std::unique_ptr<ledger::Journal>>(const std::string& directory, bool read_only)> journal;
  core::SchedulerFactory scheduling;
};

void AddServeCommand(CLI::App& app, Invocation& invocation, const Parts& parts);   // serve
void AddConfigCommands(CLI::App& app, Invocation& invocation);                     // validate, keys new, keys rotate
void AddLedgerCommand(CLI::App& app, Invocation& invocation, const Parts& parts);  // ledger verify, replay, ...

void AddRateCommand(CLI::App& app, Invocation& invocation);  // rate

/// The exit status that a failure to open or load means: 78 configuration, 74 input/output or data, 69 unavailable...
int ExitCodeOf(const absl::Status& status);

}  // namespace penstock::cli
