// penstock reload, penstock approve: for operators of a running daemon.
#include <absl/strings/str_split.h>
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <variant>

#include "broker/cli/answer_json.h"
#include "broker/cli/arguments.h"
#include "broker/cli/call_error.h"
#include "broker/cli/client_commands.h"
#include "broker/cli/command_line.h"
#include "broker/cli/connection.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "penstock/v1/operations.grpc.pb.h"

namespace penstock::cli {
namespace {

struct ReloadFlags {
  ConnectionFlags connection;
  Output output = Output::kTable;
};

struct ApproveFlags {
  ConnectionFlags connection;
  Output output = Output::kTable;
  std::string tenant;
  std::string run;
};

int RunReload(const ReloadFlags& flags, Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  const auto& daemon = std::get<Connection>(connection);

  v1::ReloadResponse response;
  const auto error = daemon.Call(kPromptly, [&](grpc::ClientContext& context) {
    return v1::Operations::NewStub(daemon.channel())->Reload(&context, v1::ReloadRequest(), &response);
  });
  if (error) return Report(*error, flags.output, terminal);
  if (flags.output == Output::kJson) {
    terminal.out << Printed(ToJson(response));
  } else {
    terminal.out << "In force now:\n";
    for (const absl::string_view line : absl::StrSplit(response.summary(), '\n', absl::SkipEmpty())) {
      terminal.out << WithoutControls({line.data(), line.size()}) << "\n";
    }
  }
  return kOk;
}

int RunApprove(const ApproveFlags& flags, Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  const auto& daemon = std::get<Connection>(connection);

  v1::ApproveRunRequest request;
  request.set_tenant(InCollection("tenants", flags.tenant));
  request.set_run(flags.run);
  v1::ApproveRunResponse response;
  const auto error = daemon.Call(kPromptly, [&](grpc::ClientContext& context) {
    return v1::Operations::NewStub(daemon.channel())->ApproveRun(&context, request, &response);
  });
  if (error) return Report(*error, flags.output, terminal);
  if (flags.output == Output::kJson) {
    terminal.out << Printed(ToJson(response));
  } else {
    terminal.out << "Run '" << WithoutControls(flags.run) << "' may use its bounds once more.\n";
  }
  return kOk;
}

void AddReload(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<ReloadFlags>();
  CLI::App& command =
      *app.add_subcommand("reload", "Make the daemon read its configuration again, while traffic runs (operators)");
  AddOutputFlag(command, flags->output);
  flags->connection.AddTo(command);
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunReload(*flags, terminal); });
}

void AddApprove(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<ApproveFlags>();
  CLI::App& command = *app.add_subcommand("approve", "Allow a run its bounds once more (operators)");
  command.add_option("TENANT", flags->tenant, "whose run it is")->required()->option_text(" ");
  command.add_option("RUN", flags->run, "as its requests name it")->required()->option_text(" ");
  AddOutputFlag(command, flags->output);
  flags->connection.AddTo(command);
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunApprove(*flags, terminal); });
}

}  // namespace

void AddOperatorCommands(CLI::App& app, Invocation& invocation) {
  AddReload(app, invocation);
  AddApprove(app, invocation);
}

}  // namespace penstock::cli
