// The commands that talk to a running daemon. Each registers its subcommands under `app`; `invocation` must outlive it.
#pragma once

namespace CLI {
class App;
}

namespace penstock::cli {

struct Invocation;

void AddAdmissionCommands(CLI::App& app, Invocation& invocation);  // admit, progress, complete, explain
void AddBillingCommands(CLI::App& app, Invocation& invocation);    // usage, windows, bill
void AddStatementCommands(CLI::App& app, Invocation& invocation);  // statements, credits
void AddUsageCommand(CLI::App& app, Invocation& invocation);       // usage alone
void AddOutcomeCommands(CLI::App& app, Invocation& invocation);    // outcomes
void AddBudgetCommands(CLI::App& app, Invocation& invocation);     // budgets, alerts, approvals
void AddStatusCommand(CLI::App& app, Invocation& invocation);      // status
void AddOperatorCommands(CLI::App& app, Invocation& invocation);   // reload, approve
void AddBenchCommand(CLI::App& app, Invocation& invocation);       // bench

}  // namespace penstock::cli
