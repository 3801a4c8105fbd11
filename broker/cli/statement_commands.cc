// penstock statements close, list, show, explain, export; penstock credits: closed periods and what pays for them.
#include <absl/strings/str_cat.h>
#include <grpcpp/channel.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

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
#include "penstock/v1/billing.grpc.pb.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;

/// A month of a busy tenant may take its time to rate.
constexpr absl::Duration kRating = absl::Seconds(60);

struct Flags {
  ConnectionFlags connection;
  Output output = Output::kTable;
  std::string tenant;
  std::string name;  // of a statement
  std::string from;
  std::string to;
  std::string tariff;
  std::string provider = "Penstock";
  int line = 1;
  bool dry_run = false;
  bool even_if_equal = false;
};

/// "tenants/acme/statements/3"; "acme/3" is short for it.
std::string FullName(const std::string& name) {
  const size_t slash = name.find('/');
  const bool is_short = slash != std::string::npos && name.find('/', slash + 1) == std::string::npos;
  return is_short ? absl::StrCat("tenants/", name.substr(0, slash), "/statements/", name.substr(slash + 1)) : name;
}

/// Makes one call, and hands the answer to `show` unless JSON was asked for.
template <class Response, class Call, class Show>
int Ask(const Flags& flags, Terminal& terminal, const Call& call, const Show& show) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  const auto& daemon = std::get<Connection>(connection);
  const std::unique_ptr<v1::Billing::Stub> billing = v1::Billing::NewStub(daemon.channel());
  Response response;
  const auto error =
      daemon.Call(kRating, [&](grpc::ClientContext& context) { return call(*billing, &context, &response); });
  if (error) return Report(*error, flags.output, terminal);
  if (flags.output == Output::kJson) {
    terminal.out << Printed(ToJson(response));
    return kOk;
  }
  return show(response);
}

int ShowStatement(const v1::Statement& statement, Terminal& terminal) {
  const std::string fault = ArithmeticFault(statement);
  terminal.out << RenderBill(statement, terminal.colour);
  if (fault.empty()) {
    terminal.out << "Checked here: it adds up to the last pico-unit.\n";
    return kOk;
  }
  terminal.err << "penstock: the statement does not add up: " << WithoutControls(fault) << "\n";
  return kRefused;
}

int RunClose(const Flags& flags, Terminal& terminal) {
  v1::CloseStatementRequest request;
  request.set_tenant(InCollection("tenants", flags.tenant));
  if (!flags.from.empty()) *request.mutable_from() = *ParseMoment(flags.from);  // checked by IsMoment
  if (!flags.to.empty()) *request.mutable_to() = *ParseMoment(flags.to);
  request.set_tariff_version(flags.tariff);
  request.set_validate_only(flags.dry_run);
  request.set_even_if_equal(flags.even_if_equal);
  return Ask<v1::Statement>(
      flags, terminal,
      [&](auto& billing, auto* context, auto* response) { return billing.CloseStatement(context, request, response); },
      [&](const v1::Statement& statement) { return ShowStatement(statement, terminal); });
}

std::string StandingOf(const v1::Statement& statement) {
  if (!statement.replaced_by().empty()) return "replaced by " + LastPart(statement.replaced_by());
  return statement.late_work() ? "stands; late work since" : "stands";
}

int RunList(const Flags& flags, Terminal& terminal) {
  v1::ListStatementsRequest request;
  request.set_tenant(InCollection("tenants", flags.tenant));
  return Ask<v1::ListStatementsResponse>(
      flags, terminal,
      [&](auto& billing, auto* context, auto* response) { return billing.ListStatements(context, request, response); },
      [&](const v1::ListStatementsResponse& list) {
        if (list.statements().empty()) {
          terminal.out << "No period is closed yet.\n";
          return kOk;
        }
        Table table({{"statement"}, {"from"}, {"to"}, {"tariff"}, {"total", Align::kRight}, {""}, {"how it stands"}});
        for (const v1::Statement& one : list.statements()) {
          table.AddRow({LastPart(one.name()), Moment(one.from()), Moment(one.to()), one.tariff_version(),
                        Grouped(std::string_view(one.total())), one.currency(), StandingOf(one)});
        }
        terminal.out << table.Render(terminal.colour);
        if (!list.next_page_token().empty()) terminal.out << "There are more; `-o json` pages.\n";
        return kOk;
      });
}

v1::GetStatementRequest Get(const Flags& flags) {
  v1::GetStatementRequest request;
  request.set_name(FullName(flags.name));
  return request;
}

int RunShow(const Flags& flags, Terminal& terminal) {
  return Ask<v1::Statement>(
      flags, terminal,
      [&](auto& billing, auto* context, auto* response) { return billing.GetStatement(context, Get(flags), response); },
      [&](const v1::Statement& statement) { return ShowStatement(statement, terminal); });
}

int RunExport(const Flags& flags, Terminal& terminal) {
  return Ask<v1::Statement>(
      flags, terminal,
      [&](auto& billing, auto* context, auto* response) { return billing.GetStatement(context, Get(flags), response); },
      [&](const v1::Statement& statement) {
        terminal.out << FocusCsv(statement, flags.provider);
        return kOk;
      });
}

int RunExplain(const Flags& flags, Terminal& terminal) {
  v1::ExplainLineRequest request;
  request.set_name(FullName(flags.name));
  request.set_line(flags.line);
  return Ask<v1::ExplainLineResponse>(
      flags, terminal,
      [&](auto& billing, auto* context, auto* response) { return billing.ExplainLine(context, request, response); },
      [&](const v1::ExplainLineResponse& answer) {
        const v1::StatementLine& line = answer.line();
        terminal.out << WithoutControls(line.description()) << ": " << QuantityCell(line) << " x " << UnitPriceCell(line)
                     << " = " << Grouped(std::string_view(line.exact())) << ", billed "
                     << Grouped(std::string_view(line.amount())) << "\n";
        for (const std::string& basis : answer.basis()) terminal.out << "  " << WithoutControls(basis) << "\n";
        if (!answer.buckets().empty()) {
          Table table({{"hour"}, {"key"}, {"tokens", Align::kRight}, {"requests", Align::kRight}});
          for (const v1::UsageBucket& bucket : answer.buckets()) {
            int64_t tokens = 0;
            for (const v1::TokenCount& count : bucket.tokens()) {
              if (count.kind() == line.tokens().kind()) tokens += count.tokens();
            }
            table.AddRow({Moment(bucket.hour()), LastPart(bucket.key()), Grouped(tokens), Grouped(bucket.requests())});
          }
          terminal.out << "\n" << table.Render(terminal.colour);
        }
        if (!answer.windows().empty()) {
          Table table({{"window"}, {"tier"}, {"work nt", Align::kRight}, {"highest second nt", Align::kRight}});
          for (const v1::UsageWindow& window : answer.windows()) {
            table.AddRow({Moment(window.start()), Word(*v1::Tier_descriptor(), window.tier()),
                          Normalized(window.work_milli_nt()), Normalized(window.highest_second_milli_nt())});
          }
          terminal.out << "\n" << table.Render(terminal.colour);
        }
        if (!answer.next_page_token().empty()) terminal.out << "There are more; `-o json` pages.\n";
        terminal.out << "The entries: `penstock ledger export DIR --tenant NAME --since TIME --until TIME`\n";
        return kOk;
      });
}

int RunCredits(const Flags& flags, Terminal& terminal) {
  v1::ListCreditsRequest request;
  request.set_tenant(InCollection("tenants", flags.tenant));
  return Ask<v1::ListCreditsResponse>(
      flags, terminal,
      [&](auto& billing, auto* context, auto* response) { return billing.ListCredits(context, request, response); },
      [&](const v1::ListCreditsResponse& list) {
        if (list.credits().empty()) {
          terminal.out << "No credits.\n";
          return kOk;
        }
        Table table({{"credit"}, {"kind"}, {"amount", Align::kRight}, {"left", Align::kRight}, {""}, {"expires"}});
        for (const v1::Credit& one : list.credits()) {
          table.AddRow({one.name(), one.kind(), Grouped(std::string_view(one.amount())),
                        Grouped(std::string_view(one.left())), one.currency(),
                        one.has_expires() ? Moment(one.expires()) : "never"});
        }
        terminal.out << table.Render(terminal.colour);
        return kOk;
      });
}

CLI::App& AddCommand(CLI::App& parent, Invocation& invocation, const std::shared_ptr<Flags>& flags,
                     const std::string& name, const std::string& description, int (*run)(const Flags&, Terminal&)) {
  CLI::App& command = *parent.add_subcommand(name, description);
  AddOutputFlag(command, flags->output);
  flags->connection.AddTo(command);
  OnRun(command, invocation, [flags, run](Terminal& terminal) { return run(*flags, terminal); });
  return command;
}

void AddTenant(CLI::App& command, const std::shared_ptr<Flags>& flags) {
  command.add_option("--tenant", flags->tenant, "whose; a tenant may leave it out")->option_text("TENANT");
}

void AddName(CLI::App& command, const std::shared_ptr<Flags>& flags) {
  command.add_option("STATEMENT", flags->name, "acme/3, or tenants/acme/statements/3")->required()->option_text(" ");
}

}  // namespace

void AddStatementCommands(CLI::App& app, Invocation& invocation) {
  CLI::App& statements =
      *app.add_subcommand("statements", "Closed periods: close, correct, list, show, explain, export");
  statements.require_subcommand(1);

  const auto closing = std::make_shared<Flags>();
  CLI::App& close = AddCommand(statements, invocation, closing, "close",
                               "Close a period for good, or correct a closed one (operators)", RunClose);
  close.add_option("--tenant", closing->tenant, "whose period")->required()->option_text("TENANT");
  close.add_option("--from", closing->from, "whole hours, UTC (default: the oldest month that is over and open)")
      ->check(IsMoment())
      ->option_text("TIME");
  close.add_option("--to", closing->to, "exclusive; with --from")->check(IsMoment())->option_text("TIME");
  close.add_option("--tariff", closing->tariff, "version to rate by (default: the one in force then)")
      ->option_text("VERSION");
  close.add_flag("--dry-run", closing->dry_run, "show the bill, close nothing");
  close.add_flag("--even-if-equal", closing->even_if_equal, "correct a period although its bill would be the same");

  const auto listing = std::make_shared<Flags>();
  AddTenant(AddCommand(statements, invocation, listing, "list", "The closed periods of a tenant", RunList), listing);
  const auto showing = std::make_shared<Flags>();
  AddName(AddCommand(statements, invocation, showing, "show", "A closed statement, line by line", RunShow), showing);
  const auto explaining = std::make_shared<Flags>();
  CLI::App& explain = AddCommand(statements, invocation, explaining, "explain",
                                 "What is behind a line: hours, keys, windows, terms", RunExplain);
  AddName(explain, explaining);
  explain.add_option("LINE", explaining->line, "which line, from 1")->required()->option_text(" ");
  const auto exporting = std::make_shared<Flags>();
  CLI::App& exports = AddCommand(statements, invocation, exporting, "export",
                                 "A closed statement as FOCUS 1.2 CSV (-o json: as `show` gives it)", RunExport);
  AddName(exports, exporting);
  exports.add_option("--provider", exporting->provider, "who issues the invoice")->option_text("NAME");

  const auto crediting = std::make_shared<Flags>();
  AddTenant(AddCommand(app, invocation, crediting, "credits", "Credits of a tenant, and what is left of them", RunCredits),
            crediting);
}

}  // namespace penstock::cli
