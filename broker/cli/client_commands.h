// The commands that talk to a running daemon. Each registers its subcommands under `app`; `invocation` must outlive it.
#pragma once

namespace CLI {
class App;
}

namespace penstock::cli {

struct Invocation;

void AddAdmissionCommands(CLI::App& app, Invocation& invocation);    // admit, progress, complete, explain
void AddBillingCommands(CLI::App& app, Invocation& invocation);      // usage, windows, bill
void AddStatementCommands(CLI::App& app, Invocation& invocation);    // statements, credits
void AddUsageCommand(CLI::App& app, Invocation& invocation);         // usage alone
void AddOutcomeCommands(CLI::App& app, Invocation& invocation);      // outcomes
void AddBudgetCommands(CLI::App& app, Invocation& invocation);       // budgets, alerts, approvals
void AddQuoteCommands(CLI::App& app, Invocation& invocation);        // quote, quotes, reserve
void AddReservationCommands(CLI::App& app, Invocation& invocation);  // reservations
void AddBidCommands(CLI::App& app, Invocation& invocation);          // bid
void AddPriceCommands(CLI::App& app, Invocation& invocation);        // prices
void AddRateCardCommand(CLI::App& app, Invocation& invocation);      // rate-card
void AddCalendarCommand(CLI::App& app, Invocation& invocation);      // calendar
void AddAdviceCommands(CLI::App& app, Invocation& invocation);       // recommend, shadow-price
void AddStatusCommand(CLI::App& app, Invocation& invocation);        // status
void AddOperatorCommands(CLI::App& app, Invocation& invocation);     // reload, approve
void AddBenchCommand(CLI::App& app, Invocation& invocation);         // bench

}  // namespace penstock::cli
