// penstock outcomes: report what runs achieved, take a report back, and see what one cost.
#include <absl/strings/str_cat.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "broker/cli/answer_json.h"
#include "broker/cli/billing_query.h"
#include "broker/cli/client_commands.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "penstock/v1/outcomes.grpc.pb.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;

struct ReportFlags {
  ConnectionFlags connection;
  Output output = Output::kTable;
  std::string tenant;
  std::string request_id;
  std::string outcome;
  int64_t accepted = 0;
  int64_t rejected = 0;
  std::string run;
  std::vector<std::string> labels;
  std::string happened;
  std::string report;  // to be reversed
};

/// Prints a report as the daemon has it.
int Show(const v1::OutcomeReport& report, const ReportFlags& flags, Terminal& terminal) {
  if (flags.output == Output::kJson) {
    terminal.out << Printed(ToJson(report));
    return kOk;
  }
  Sheet sheet;
  sheet.Add(report.repeated() ? "reported before" : "reported", report.name());
  if (!report.reverses().empty()) sheet.Add("reverses", report.reverses());
  if (!report.reversed_by().empty()) sheet.Add("reversed by", report.reversed_by());
  sheet.Add("tenant", LastPart(report.tenant()));
  sheet.Add("outcome", report.outcome());
  sheet.Add("accepted", Grouped(report.accepted()));
  sheet.Add("rejected", Grouped(report.rejected()));
  sheet.Add("happened", Moment(report.happened()));
  terminal.out << sheet.Render(terminal.colour);
  return kOk;
}

template <class Request>
int Send(const ReportFlags& flags, Request request,
         grpc::Status (v1::Outcomes::Stub::*call)(grpc::ClientContext*, const Request&, v1::OutcomeReport*),
         Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  const auto& daemon = std::get<Connection>(connection);
  request.set_tenant(InCollection("tenants", flags.tenant));
  request.set_request_id(flags.request_id.empty() ? RandomId() : flags.request_id);
  v1::OutcomeReport report;
  const auto stub = v1::Outcomes::NewStub(daemon.channel());
  const auto error =
      daemon.Call(kPromptly, [&](grpc::ClientContext& context) { return ((*stub).*call)(&context, request, &report); });
  return error ? Report(*error, flags.output, terminal) : Show(report, flags, terminal);
}

int RunReport(const ReportFlags& flags, Terminal& terminal) {
  v1::ReportOutcomeRequest request;
  request.set_outcome(flags.outcome);
  request.set_accepted(flags.accepted + flags.rejected == 0 ? 1 : flags.accepted);
  request.set_rejected(flags.rejected);
  request.set_run(flags.run);
  for (const std::string& text : flags.labels) {
    const Label label = *ParseLabel(text);  // checked by IsLabel
    (*request.mutable_labels())[label.key] = label.value;
  }
  if (!flags.happened.empty()) *request.mutable_happened() = *ParseMoment(flags.happened);
  return Send(flags, request, &v1::Outcomes::Stub::ReportOutcome, terminal);
}

int RunReverse(const ReportFlags& flags, Terminal& terminal) {
  v1::ReverseOutcomeRequest request;
  request.set_report(InCollection("outcomes", flags.report));
  return Send(flags, request, &v1::Outcomes::Stub::ReverseOutcome, terminal);
}

// ---- list

struct ListFlags : BillingFlags {
  std::string label;
};

std::string Render(const ListFlags& flags, const v1::QueryOutcomesResponse& outcomes, bool colour) {
  if (outcomes.rows().empty()) return "No outcomes.\n";
  const std::string currency = outcomes.rows(0).charge().currency();
  std::vector<Table::Column> columns = {{"outcome"}};
  if (!flags.label.empty()) columns.push_back({flags.label});
  for (const std::string& title :
       {std::string("accepted"), std::string("rejected"), std::string("requests"), std::string("work nt"),
        "charge " + currency, currency + " per accepted", std::string("tokens per accepted")}) {
    columns.push_back({title, Align::kRight});
  }
  Table table(columns);
  for (const v1::OutcomeRow& row : outcomes.rows()) {
    std::vector<std::string> cells = {row.outcome()};
    if (!flags.label.empty()) cells.push_back(row.value().empty() ? "(none)" : row.value());
    const bool told = row.has_charge_per_outcome();
    cells.insert(cells.end(), {Grouped(row.accepted()), Grouped(row.rejected()), Grouped(row.requests()),
                               Normalized(row.work_milli_nt()), Grouped(std::string_view(row.charge().amount())),
                               told ? Grouped(std::string_view(row.charge_per_outcome().amount())) : "",
                               told ? Grouped(row.tokens_per_outcome()) : ""});
    table.AddRow(cells);
  }
  return table.Render(colour) + "\nUsage is that of " +
         (flags.label.empty() ? "the runs that reported such outcomes" : "requests with the label") +
         ". As of journal entry " + Grouped(absl::StrCat(outcomes.as_of_sequence())) + "\n";
}

int RunList(const ListFlags& flags, Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  auto request = ToRequest<v1::QueryOutcomesRequest>(flags);
  request.set_label(flags.label);
  v1::QueryOutcomesResponse all;
  const auto error = ReadPages<v1::Outcomes, v1::QueryOutcomesRequest, v1::QueryOutcomesResponse>(
      std::get<Connection>(connection), request, &v1::Outcomes::Stub::QueryOutcomes,
      [&](const v1::QueryOutcomesResponse& page) { all.MergeFrom(page); });
  if (error) return Report(*error, flags.output, terminal);
  if (flags.output == Output::kTable) {
    terminal.out << Render(flags, all, terminal.colour);
    return kOk;
  }
  nlohmann::ordered_json json = ToJson(all);
  json.erase("next_page_token");
  terminal.out << Printed(json);
  return kOk;
}

void AddCommonFlags(CLI::App& command, ReportFlags& flags) {
  command.add_option("--tenant", flags.tenant, "whose; a tenant may leave it out")->option_text("TENANT");
  command.add_option("--request-id", flags.request_id, "the same id and report count once (default: a new one)")
      ->option_text("ID");
  AddOutputFlag(command, flags.output);
  flags.connection.AddTo(command);
}

}  // namespace

void AddOutcomeCommands(CLI::App& app, Invocation& invocation) {
  CLI::App& outcomes = *app.add_subcommand("outcomes", "What runs achieved, and what one outcome cost");
  outcomes.require_subcommand(1);

  auto report = std::make_shared<ReportFlags>();
  CLI::App& reporting = *outcomes.add_subcommand("report", "Report outcomes (one accepted, if no count is given)");
  reporting.add_option("OUTCOME", report->outcome, "what kind, as the tariff names it")->required()->option_text(" ");
  reporting.add_option("--accepted", report->accepted, "how many were accepted")->option_text("N");
  reporting.add_option("--rejected", report->rejected, "how many were rejected")->option_text("N");
  reporting.add_option("--run", report->run, "whose they are")->option_text("RUN");
  reporting.add_option("--label", report->labels, "a label of theirs, repeatable")
      ->check(IsLabel())
      ->allow_extra_args(false)
      ->option_text("KEY=VALUE");
  reporting.add_option("--happened", report->happened, "in which hour they count, UTC (default: now)")
      ->check(IsMoment())
      ->option_text("TIME");
  AddCommonFlags(reporting, *report);
  OnRun(reporting, invocation, [report](Terminal& terminal) { return RunReport(*report, terminal); });

  auto reverse = std::make_shared<ReportFlags>();
  CLI::App& reversing = *outcomes.add_subcommand("reverse", "Take a report back as a whole");
  reversing.add_option("REPORT", reverse->report, "as `report` printed it: outcomes/7")->required()->option_text(" ");
  AddCommonFlags(reversing, *reverse);
  OnRun(reversing, invocation, [reverse](Terminal& terminal) { return RunReverse(*reverse, terminal); });

  auto list = std::make_shared<ListFlags>();
  CLI::App& listing = *outcomes.add_subcommand("list", "Outcomes by name, with what the work for them used");
  listing.add_option("--label", list->label, "tell the values of this label apart")->option_text("KEY");
  list->AddTo(listing, "the beginning");
  OnRun(listing, invocation, [list](Terminal& terminal) { return RunList(*list, terminal); });
}

}  // namespace penstock::cli
