// penstock budgets, alerts, approvals: what may be spent, what was told of it, and who may spend more or buy ahead.
#include <absl/strings/str_cat.h>
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

#include "broker/cli/answer_json.h"
#include "broker/cli/arguments.h"
#include "broker/cli/call_error.h"
#include "broker/cli/client_commands.h"
#include "broker/cli/command_line.h"
#include "broker/cli/connection.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/market_call.h"
#include "broker/cli/reservation_words.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "penstock/v1/budgets.grpc.pb.h"
#include "penstock/v1/reservations.grpc.pb.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;

struct BudgetFlags {
  ConnectionFlags connection;
  Output output = Output::kTable;
  std::string tenant;
  bool all = false;  // of approvals list: decided ones as well
};

struct RaiseFlags {
  ConnectionFlags connection;
  Output output = Output::kTable;
  std::string of;
  std::string period;
  std::string more;
  std::string total;
  bool for_good = false;
  std::string reason;
};

struct DecideFlags {
  ConnectionFlags connection;
  Output output = Output::kTable;
  std::string name;
  std::string reason;
};

std::string PeriodWord(v1::BudgetPeriod period) { return Word(*v1::BudgetPeriod_descriptor(), period); }
std::string Amount(const v1::Money& money) { return Grouped(std::string_view(money.amount())); }

/// "acme" is "tenants/acme"; "acme/prod" would be ambiguous, so anything longer is written out.
std::string TenantOrAll(const std::string& tenant) { return tenant.empty() ? "" : InCollection("tenants", tenant); }

/// Reads a whole list and prints it as JSON or as a table.
template <class Request, class Response, class Render>
int RunList(const ConnectionFlags& flags, Output output, const Request& request,
            grpc::Status (v1::Budgets::Stub::*list)(grpc::ClientContext*, const Request&, Response*),
            const Render& render, Terminal& terminal) {
  auto connection = Connection::Open(flags);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, output, terminal);
  Response all;
  if (const auto error = AskForAll(std::get<Connection>(connection), list, request, &all)) {
    return Report(*error, output, terminal);
  }
  if (output == Output::kTable) {
    terminal.out << render(all, terminal.colour);
    return kOk;
  }
  nlohmann::ordered_json json = ToJson(all);
  json.erase("next_page_token");
  terminal.out << Printed(json);
  return kOk;
}

// ---- budgets

std::string RenderBudgets(const v1::ListBudgetsResponse& all, bool colour) {
  if (all.budgets().empty()) return "No budgets.\n";
  const std::string currency = " " + all.budgets(0).amount().currency();
  Table table({{"of"},
               {"period"},
               {"kind"},
               {"amount" + currency, Align::kRight},
               {"spent", Align::kRight},
               {"held", Align::kRight},
               {"left", Align::kRight},
               {"runs out"}});
  for (const v1::Budget& budget : all.budgets()) {
    table.AddRow({budget.of(), PeriodWord(budget.period()), budget.soft() ? "soft" : "hard", Amount(budget.amount()),
                  Amount(budget.spent()), Amount(budget.held()), Amount(budget.left()),
                  budget.has_runs_out() ? Moment(budget.runs_out()) : "-"});
  }
  return table.Render(colour) + "\nAs of journal entry " + Grouped(absl::StrCat(all.as_of_sequence())) +
         "; runs out: if every hour spends what the one a week before it did\n";
}

int RunBudgets(const BudgetFlags& flags, Terminal& terminal) {
  v1::ListBudgetsRequest request;
  request.set_tenant(TenantOrAll(flags.tenant));
  return RunList(flags.connection, flags.output, request, &v1::Budgets::Stub::ListBudgets, RenderBudgets, terminal);
}

// ---- alerts

std::string RenderAlerts(const v1::ListAlertsResponse& all, bool colour) {
  if (all.alerts().empty()) return "No alerts.\n";
  const std::string currency = " " + all.alerts(0).amount().currency();
  Table table({{"at"},
               {"of"},
               {"period"},
               {"in"},
               {"reached", Align::kRight},
               {"spent" + currency, Align::kRight},
               {"of amount", Align::kRight},
               {"name"}});
  for (const v1::Alert& alert : all.alerts()) {
    table.AddRow({Moment(alert.at()), alert.of(), PeriodWord(alert.period()), alert.in(),
                  absl::StrCat(alert.threshold_percent(), "%"), Amount(alert.spent()), Amount(alert.amount()),
                  alert.name()});
  }
  return table.Render(colour);
}

int RunAlerts(const BudgetFlags& flags, Terminal& terminal) {
  v1::ListAlertsRequest request;
  request.set_tenant(TenantOrAll(flags.tenant));
  return RunList(flags.connection, flags.output, request, &v1::Budgets::Stub::ListAlerts, RenderAlerts, terminal);
}

// ---- raises

std::string RenderRaise(const v1::Raise& raise, bool colour) {
  Sheet sheet;
  sheet.Add("request", raise.name());
  sheet.Add("state", Word(*v1::Raise::State_descriptor(), raise.state()));
  sheet.Add("budget",
            absl::StrCat(raise.of(), ", ", PeriodWord(raise.period()), raise.in().empty() ? "" : " ", raise.in()));
  sheet.Add("amount", absl::StrCat(Amount(raise.from()), " -> ", Amount(raise.to()), " ", raise.more().currency()));
  sheet.Add("lasts", raise.for_good() ? "for good" : "to the end of that " + PeriodWord(raise.period()));
  sheet.Add("reason", raise.reason());
  sheet.Add("asked", absl::StrCat(Moment(raise.asked_at()), " by ", raise.asked_by()));
  if (raise.has_decided_at()) {
    sheet.Add("decided", absl::StrCat(Moment(raise.decided_at()), " by ", raise.decided_by()));
  }
  return sheet.Render(colour);
}

std::string RenderRaises(const v1::ListRaisesResponse& all, bool colour) {
  if (all.raises().empty()) return "No requests.\n";
  Table table({{"name"},
               {"state"},
               {"of"},
               {"period"},
               {"in"},
               {"more " + all.raises(0).more().currency(), Align::kRight},
               {"to", Align::kRight},
               {"lasts"},
               {"asked"},
               {"by"},
               {"reason"}});
  for (const v1::Raise& raise : all.raises()) {
    table.AddRow({raise.name(), Word(*v1::Raise::State_descriptor(), raise.state()), raise.of(),
                  PeriodWord(raise.period()), raise.in(), Amount(raise.more()), Amount(raise.to()),
                  raise.for_good() ? "for good" : "that " + PeriodWord(raise.period()), Moment(raise.asked_at()),
                  raise.asked_by(), raise.reason()});
  }
  return table.Render(colour);
}

// ---- approvals

std::string RenderApprovals(const v1::ListRaisesResponse& raises, const v1::ListReservationsResponse& reservations,
                            bool colour) {
  if (reservations.reservations().empty()) return RenderRaises(raises, colour);
  const std::string waiting = "Reservations that wait\n" + RenderReservations(reservations, colour);
  return raises.raises().empty() ? waiting : absl::StrCat(RenderRaises(raises, colour), "\n", waiting);
}

// Requests to raise a budget, and reservations that are too dear to be bought or amended without asking.
int RunApprovals(const BudgetFlags& flags, Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  const auto& daemon = std::get<Connection>(connection);
  v1::ListRaisesRequest of_raises;
  of_raises.set_tenant(TenantOrAll(flags.tenant));
  of_raises.set_open_only(!flags.all);
  v1::ListReservationsRequest of_reservations;
  of_reservations.set_parent(TenantOrAll(flags.tenant));
  of_reservations.add_states(v1::Reservation::PENDING);
  of_reservations.add_states(v1::Reservation::AMENDING);
  v1::ListRaisesResponse raises;
  v1::ListReservationsResponse reservations;
  auto error = AskForAll(daemon, &v1::Budgets::Stub::ListRaises, of_raises, &raises);
  if (!error) {
    error = AskForAll(daemon, &v1::Reservations::Stub::ListReservations, of_reservations, &reservations);
  }
  if (error) return Report(*error, flags.output, terminal);
  if (flags.output == Output::kTable) {
    terminal.out << RenderApprovals(raises, reservations, terminal.colour);
    return kOk;
  }
  nlohmann::ordered_json json = ToJson(raises);
  json.erase("next_page_token");
  json["reservations"] = ToJson(reservations)["reservations"];
  terminal.out << Printed(json);
  return kOk;
}

/// Calls something that answers with a request, and prints it.
template <class Request>
int RunOnRaise(const ConnectionFlags& flags, Output output, const Request& request,
               grpc::Status (v1::Budgets::Stub::*call)(grpc::ClientContext*, const Request&, v1::Raise*),
               Terminal& terminal) {
  auto connection = Connection::Open(flags);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, output, terminal);
  const auto& daemon = std::get<Connection>(connection);
  v1::Raise raise;
  const auto error = daemon.Call(kPromptly, [&](grpc::ClientContext& context) {
    return (*v1::Budgets::NewStub(daemon.channel()).*call)(&context, request, &raise);
  });
  if (error) return Report(*error, output, terminal);
  terminal.out << (output == Output::kJson ? Printed(ToJson(raise)) : RenderRaise(raise, terminal.colour));
  return kOk;
}

int RunRaise(const RaiseFlags& flags, Terminal& terminal) {
  v1::RequestRaiseRequest request;
  request.set_of(InCollection("tenants", flags.of));
  request.set_period(flags.period == "day"     ? v1::BUDGET_PERIOD_DAY
                     : flags.period == "month" ? v1::BUDGET_PERIOD_MONTH
                                               : v1::BUDGET_PERIOD_TOTAL);
  request.set_more(flags.more);
  request.set_total(flags.total);
  request.set_for_good(flags.for_good);
  request.set_reason(flags.reason);
  return RunOnRaise(flags.connection, flags.output, request, &v1::Budgets::Stub::RequestRaise, terminal);
}

/// "acme/3", "reservations/acme/3" and "tenants/acme/reservations/3" are reservations, "7" and "raises/7" requests.
bool IsReservation(const std::string& name) {
  return name.find('/') != std::string::npos && !name.starts_with("raises/");
}

int RunDecideReservation(const DecideFlags& flags, bool approve, Terminal& terminal) {
  constexpr std::string_view kCollection = "reservations/";
  const bool prefixed = flags.name.starts_with(kCollection);
  MarketFlags call;
  call.connection = flags.connection;
  call.output = flags.output;
  v1::DecideReservationRequest request;
  request.set_name(OfTenant("reservations", flags.name.substr(prefixed ? kCollection.size() : 0)));
  request.set_request_id(RandomId());
  request.set_reason(flags.reason);
  return AskAndShow(call, terminal,
                    approve ? &v1::Reservations::Stub::ApproveReservation : &v1::Reservations::Stub::RejectReservation,
                    request,
                    [&](const v1::ReservationChange& change) { return RenderChange(change, terminal.colour); });
}

int RunDecide(const DecideFlags& flags, bool approve, Terminal& terminal) {
  if (IsReservation(flags.name)) return RunDecideReservation(flags, approve, terminal);
  v1::DecideRaiseRequest request;
  request.set_name(InCollection("raises", flags.name));
  return RunOnRaise(flags.connection, flags.output, request,
                    approve ? &v1::Budgets::Stub::ApproveRaise : &v1::Budgets::Stub::RejectRaise, terminal);
}

// ---- registering

std::shared_ptr<BudgetFlags> AddListFlags(CLI::App& command) {
  auto flags = std::make_shared<BudgetFlags>();
  command.add_option("--tenant", flags->tenant, "whose; left out: a tenant's own, an operator's all")
      ->option_text("TENANT");
  AddOutputFlag(command, flags->output);
  flags->connection.AddTo(command);
  return flags;
}

void AddRaise(CLI::App& budgets, Invocation& invocation) {
  auto flags = std::make_shared<RaiseFlags>();
  CLI::App& command = *budgets.add_subcommand("raise", "Ask for more; somebody else approves it");
  command.add_option("OF", flags->of, "TENANT, TENANT/projects/PROJECT or TENANT/keys/KEY")
      ->required()
      ->option_text(" ");
  command.add_option("PERIOD", flags->period, "day, month or total")
      ->required()
      ->check(CLI::IsMember({"day", "month", "total"}))
      ->option_text(" ");
  CLI::Option* more = command.add_option("--by", flags->more, "how much more")->option_text("AMOUNT");
  CLI::Option* total = command.add_option("--to", flags->total, "what it should be in all")->option_text("AMOUNT");
  more->excludes(total);
  command.add_flag("--for-good", flags->for_good, "not only to the end of this day or month");
  command.add_option("--reason", flags->reason, "what for")->required()->option_text("TEXT");
  AddOutputFlag(command, flags->output);
  flags->connection.AddTo(command);
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunRaise(*flags, terminal); });
}

void AddBudgets(CLI::App& app, Invocation& invocation) {
  CLI::App& command = *app.add_subcommand("budgets", "Budgets: amount, spent, held, left, and when they run out");
  const std::shared_ptr<BudgetFlags> flags = AddListFlags(command);
  AddRaise(command, invocation);
  command.callback([&command, &invocation, flags] {
    if (command.get_subcommands().empty()) invocation.exit_code = RunBudgets(*flags, invocation.terminal);
  });
}

void AddDecision(CLI::App& approvals, Invocation& invocation, const std::string& name, const std::string& description,
                 bool approve) {
  auto flags = std::make_shared<DecideFlags>();
  CLI::App& command = *approvals.add_subcommand(name, description);
  command.add_option("WHAT", flags->name, "the number of a request, or a reservation (acme/3)")
      ->required()
      ->option_text(" ");
  command.add_option("--reason", flags->reason, "why; of a reservation only, and needed to reject one")
      ->option_text("TEXT");
  AddOutputFlag(command, flags->output);
  flags->connection.AddTo(command);
  OnRun(command, invocation, [flags, approve](Terminal& terminal) { return RunDecide(*flags, approve, terminal); });
}

void AddApprovals(CLI::App& app, Invocation& invocation) {
  CLI::App& approvals =
      *app.add_subcommand("approvals", "Requests to raise a budget, reservations that wait: list them, and decide");
  approvals.require_subcommand(1);
  CLI::App& list = *approvals.add_subcommand("list", "What is open, the newest first");
  const std::shared_ptr<BudgetFlags> flags = AddListFlags(list);
  list.add_flag("--all", flags->all, "decided requests as well");
  OnRun(list, invocation, [flags](Terminal& terminal) { return RunApprovals(*flags, terminal); });
  AddDecision(approvals, invocation, "approve", "Raise the budget or sell it, at once (operators)", true);
  AddDecision(approvals, invocation, "reject", "Leave the budget as it is, give the money back (operators)", false);
}

}  // namespace

void AddBudgetCommands(CLI::App& app, Invocation& invocation) {
  AddBudgets(app, invocation);
  CLI::App& alerts = *app.add_subcommand("alerts", "Thresholds that budgets have reached, the newest first");
  const std::shared_ptr<BudgetFlags> flags = AddListFlags(alerts);
  OnRun(alerts, invocation, [flags](Terminal& terminal) { return RunAlerts(*flags, terminal); });
  AddApprovals(app, invocation);
}

}  // namespace penstock::cli
