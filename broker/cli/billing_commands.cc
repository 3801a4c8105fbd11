// penstock usage, windows, bill: what was used and what it costs.
#include <absl/strings/str_cat.h>
#include <grpcpp/channel.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "admission/vocabulary/token_kinds.h"
#include "broker/cli/answer_json.h"
#include "broker/cli/arguments.h"
#include "broker/cli/bill_table.h"
#include "broker/cli/client_commands.h"
#include "broker/cli/command_line.h"
#include "broker/cli/connection.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/statement_exports.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "ledger/money.h"
#include "penstock/v1/billing.grpc.pb.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;

struct BillingFlags {
  ConnectionFlags connection;
  Output output = Output::kTable;
  std::string tenant;
  std::string from;
  std::string to;
  bool events = false;  // usage as CloudEvents
};

template <class Request>
Request ToRequest(const BillingFlags& flags) {
  Request request;
  request.set_tenant(InCollection("tenants", flags.tenant));
  if (!flags.from.empty()) *request.mutable_from() = *ParseMoment(flags.from);  // checked by IsMoment
  if (!flags.to.empty()) *request.mutable_to() = *ParseMoment(flags.to);
  return request;
}

// Asks page after page; `take` keeps a page's rows. A daemon that hands out the same token again would never end.
template <class Request, class Response>
std::optional<CallError> ReadPages(const Connection& daemon, Request request,
                                   grpc::Status (v1::Billing::Stub::*query)(grpc::ClientContext*, const Request&,
                                                                            Response*),
                                   const std::function<void(const Response&)>& take) {
  const std::unique_ptr<v1::Billing::Stub> billing = v1::Billing::NewStub(daemon.channel());
  while (true) {
    Response response;
    const auto error = daemon.Call(
        kPromptly, [&](grpc::ClientContext& context) { return (*billing.*query)(&context, request, &response); });
    if (error) return error;
    take(response);
    if (response.next_page_token().empty()) return std::nullopt;
    if (response.next_page_token() == request.page_token()) {
      return LocalError(kInternal, "the daemon repeats a page", "report this");
    }
    request.set_page_token(response.next_page_token());
  }
}

// ---- usage

// The known kinds in their usual order, then what else the daemon names.
std::vector<std::string> KindsIn(const v1::QueryUsageResponse& usage) {
  std::vector<std::string> seen;
  for (const v1::UsageBucket& bucket : usage.buckets()) {
    for (const v1::TokenCount& count : bucket.tokens()) {
      if (std::find(seen.begin(), seen.end(), count.kind()) == seen.end()) seen.push_back(count.kind());
    }
  }
  const auto rank = [](const std::string& kind) {
    return std::find(kTokenKindNames.begin(), kTokenKindNames.end(), kind) - kTokenKindNames.begin();
  };
  std::stable_sort(seen.begin(), seen.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return seen;
}

struct UsageSum {
  std::map<std::string, int64_t> tokens;
  int64_t requests = 0;
  int64_t unbilled = 0;
  int64_t work_milli_nt = 0;
  ledger::Money charge;

  void Add(const v1::UsageBucket& bucket) {
    for (const v1::TokenCount& count : bucket.tokens()) tokens[count.kind()] += count.tokens();
    requests += bucket.requests();
    unbilled += bucket.unbilled_requests();
    work_milli_nt += bucket.work_milli_nt();
    charge += ledger::Money::FromDecimal(bucket.charge().amount()).value_or(ledger::Money());
  }
};

std::vector<std::string> UsageCells(std::vector<std::string> cells, const UsageSum& sum,
                                    const std::vector<std::string>& kinds) {
  cells.push_back(Grouped(sum.requests));
  for (const std::string& kind : kinds) cells.push_back(sum.tokens.contains(kind) ? Grouped(sum.tokens.at(kind)) : "0");
  cells.push_back(Normalized(sum.work_milli_nt));
  cells.push_back(Grouped(std::string_view(sum.charge.ToDecimal())));
  cells.push_back(Grouped(sum.unbilled));
  return cells;
}

std::string RenderUsage(const v1::QueryUsageResponse& usage, bool colour) {
  if (usage.buckets().empty()) return "No usage.\n";
  const std::vector<std::string> kinds = KindsIn(usage);
  std::vector<Table::Column> columns = {{"hour"}, {"key"}, {"pool"}, {"class"}, {"requests", Align::kRight}};
  for (const std::string& kind : kinds) columns.push_back({kind, Align::kRight});
  columns.push_back({"work nt", Align::kRight});
  columns.push_back({"charge " + usage.buckets(0).charge().currency(), Align::kRight});
  columns.push_back({"unbilled", Align::kRight});
  Table table(columns);
  UsageSum total;
  for (const v1::UsageBucket& bucket : usage.buckets()) {
    UsageSum sum;
    sum.Add(bucket);
    total.Add(bucket);
    const std::string served = Word(*v1::ServiceClass_descriptor(), bucket.served());
    table.AddRow(UsageCells({Moment(bucket.hour()), bucket.key(), LastPart(bucket.pool()), served}, sum, kinds));
  }
  table.AddRule();
  table.AddRow(UsageCells({"total", "", "", ""}, total, kinds), Table::Emphasis::kStrong);
  return table.Render(colour) + "\nAs of journal entry " + Grouped(absl::StrCat(usage.as_of_sequence())) + "\n";
}

int RunUsage(const BillingFlags& flags, Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  v1::QueryUsageResponse all;
  const auto error = ReadPages<v1::QueryUsageRequest, v1::QueryUsageResponse>(
      std::get<Connection>(connection), ToRequest<v1::QueryUsageRequest>(flags), &v1::Billing::Stub::QueryUsage,
      [&](const v1::QueryUsageResponse& page) { all.MergeFrom(page); });
  if (error) return Report(*error, flags.output, terminal);
  if (flags.events) {
    terminal.out << UsageEvents(all, InCollection("tenants", flags.tenant), "//" + flags.connection.address);
    return kOk;
  }
  if (flags.output == Output::kTable) {
    terminal.out << RenderUsage(all, terminal.colour);
    return kOk;
  }
  nlohmann::ordered_json json = ToJson(all);
  json.erase("next_page_token");
  terminal.out << Printed(json);
  return kOk;
}

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
  const auto error = ReadPages<v1::QueryWindowsRequest, v1::QueryWindowsResponse>(
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

CLI::App& AddBilling(CLI::App& app, Invocation& invocation, const std::string& name, const std::string& description,
                     const std::string& begins, const std::shared_ptr<BillingFlags>& flags,
                     int (*run)(const BillingFlags&, Terminal&)) {
  CLI::App& command = *app.add_subcommand(name, description);
  command.add_option("--tenant", flags->tenant, "whose; a tenant may leave it out")->option_text("TENANT");
  command.add_option("--from", flags->from, "whole hours, UTC: 2026-11-21 or 2026-11-21T10 (default: " + begins + ")")
      ->check(IsMoment())
      ->option_text("TIME");
  command.add_option("--to", flags->to, "exclusive (default: the end of this hour)")
      ->check(IsMoment())
      ->option_text("TIME");
  AddOutputFlag(command, flags->output);
  flags->connection.AddTo(command);
  OnRun(command, invocation, [flags, run](Terminal& terminal) { return run(*flags, terminal); });
  return command;
}

}  // namespace

void AddBillingCommands(CLI::App& app, Invocation& invocation) {
  const auto of_usage = std::make_shared<BillingFlags>();
  AddBilling(app, invocation, "usage", "Tokens, work and charges by hour, key, pool and class", "the beginning",
             of_usage, RunUsage)
      .add_flag("--events", of_usage->events, "as CloudEvents, a line of JSON each; end with a past hour (--to)");
  AddBilling(app, invocation, "windows", "Work per minute: what the demand charge is derived from", "the beginning",
             std::make_shared<BillingFlags>(), RunWindows);
  AddBilling(app, invocation, "bill", "A provisional bill, line by line (exit 1: it does not add up)",
             "the billing month", std::make_shared<BillingFlags>(), RunBill);
}

}  // namespace penstock::cli
