// penstock windows, bill: what the second meter says, and what it all costs. (usage: usage_command.cc.)
#include <absl/strings/str_cat.h>
#include <grpcpp/channel.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "broker/cli/answer_json.h"
#include "broker/cli/bill_table.h"
#include "broker/cli/billing_query.h"
#include "broker/cli/client_commands.h"
#include "broker/cli/command_line.h"
#include "broker/cli/connection.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "penstock/v1/billing.grpc.pb.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;

// ---- windows

// Work per second, rounded down: 60,000 nt in a minute is 1,000 nt/s.
int64_t PerSecond(int64_t work_milli_nt, const google::protobuf::Duration& length) {
  return length.seconds() > 0 ? work_milli_nt / length.seconds() : 0;
}

std::string RenderWindows(const v1::QueryWindowsResponse& windows, bool colour) {
  if (windows.windows().empty()) return "No usage.\n";
  Table table({{"window"},
               {"length"},
               {"pool"},
               {"tier"},
               {"work nt", Align::kRight},
               {"nt/s", Align::kRight},
               {"highest second nt", Align::kRight}});
  for (const v1::UsageWindow& window : windows.windows()) {
    const std::string tier = Word(*v1::Tier_descriptor(), window.tier());
    table.AddRow({Moment(window.start()), Span(window.length()), LastPart(window.pool()), tier,
                  Normalized(window.work_milli_nt()), Normalized(PerSecond(window.work_milli_nt(), window.length())),
                  Normalized(window.highest_second_milli_nt())});
  }
  return table.Render(colour) + "\nAs of journal entry " + Grouped(absl::StrCat(windows.as_of_sequence())) + "\n";
}

int RunWindows(const BillingFlags& flags, Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  v1::QueryWindowsResponse all;
  const auto error = ReadPages<v1::Billing, v1::QueryWindowsRequest, v1::QueryWindowsResponse>(
      std::get<Connection>(connection), ToRequest<v1::QueryWindowsRequest>(flags), &v1::Billing::Stub::QueryWindows,
      [&](const v1::QueryWindowsResponse& page) { all.MergeFrom(page); });
  if (error) return Report(*error, flags.output, terminal);
  if (flags.output == Output::kTable) {
    terminal.out << RenderWindows(all, terminal.colour);
    return kOk;
  }
  nlohmann::ordered_json json = ToJson(all);
  json.erase("next_page_token");
  terminal.out << Printed(json);
  return kOk;
}

// ---- bill

int RunBill(const BillingFlags& flags, Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  const auto& daemon = std::get<Connection>(connection);
  v1::Statement statement;
  const auto request = ToRequest<v1::PreviewStatementRequest>(flags);
  const auto error = daemon.Call(kPromptly, [&](grpc::ClientContext& context) {
    return v1::Billing::NewStub(daemon.channel())->PreviewStatement(&context, request, &statement);
  });
  if (error) return Report(*error, flags.output, terminal);
  const std::string fault = ArithmeticFault(statement);
  if (flags.output == Output::kJson) {
    terminal.out << Printed(ToJson(statement));
  } else {
    terminal.out << RenderBill(statement, terminal.colour);
    if (fault.empty()) terminal.out << "Checked here: it adds up to the last pico-unit.\n";
  }
  if (fault.empty()) return kOk;
  terminal.err << "penstock: the statement does not add up: " << WithoutControls(fault) << "\n";
  return kRefused;
}

void AddBilling(CLI::App& app, Invocation& invocation, const std::string& name, const std::string& description,
                const std::string& begins, int (*run)(const BillingFlags&, Terminal&)) {
  const auto flags = std::make_shared<BillingFlags>();
  CLI::App& command = *app.add_subcommand(name, description);
  flags->AddTo(command, begins);
  OnRun(command, invocation, [flags, run](Terminal& terminal) { return run(*flags, terminal); });
}

}  // namespace

void AddBillingCommands(CLI::App& app, Invocation& invocation) {
  AddUsageCommand(app, invocation);
  AddBilling(app, invocation, "windows", "Work per minute: what the demand charge is derived from", "the beginning",
             RunWindows);
  AddBilling(app, invocation, "bill", "A provisional bill, line by line (exit 1: it does not add up)",
             "the billing month", RunBill);
}

}  // namespace penstock::cli
