// What the commands of the market have in common: whose, of what name, one call, and being asked before money moves.
#pragma once

#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <variant>

#include "broker/cli/answer_json.h"
#include "broker/cli/arguments.h"
#include "broker/cli/call_error.h"
#include "broker/cli/command_line.h"
#include "broker/cli/connection.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/terminal.h"

namespace penstock::cli {

struct MarketFlags {
  ConnectionFlags connection;
  Output output = Output::kTable;
  std::string tenant;
  std::string name;  // of what the command is about
  std::string request_id;
  std::string etag;
  bool preview = false;
  bool yes = false;

  void AddTo(CLI::App& command) {
    AddOutputFlag(command, output);
    connection.AddTo(command);
  }
  void AddTenantTo(CLI::App& command) {
    command.add_option("--tenant", tenant, "whose; a tenant may leave it out")->option_text("TENANT");
  }
  /// Of a call that changes something.
  void AddChangeTo(CLI::App& command, const std::string& what_preview_shows) {
    command.add_option("--request-id", request_id, "to repeat a call whose answer was lost (default: a new one)")
        ->option_text("ID");
    command.add_flag("--preview", preview, "change nothing, show " + what_preview_shows);
  }
  /// Of one that is asked about on a terminal, and elsewhere needs a --yes.
  void AddYesTo(CLI::App& command) { command.add_flag("--yes", yes, "do not ask; required where nobody can be asked"); }

  std::string Parent() const { return InCollection("tenants", tenant); }
};

/// "acme/7" and "tenants/acme/quotes/7" are the quote 7 of acme; the same for other collections.
std::string OfTenant(std::string_view collection, const std::string& name);
/// "tenants/acme/quotes/7" as "acme/7".
std::string ShortName(std::string_view name);

template <class Stub, class Request, class Response>
std::optional<CallError> Ask(const Connection& daemon,
                             grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                             const Request& request, Response* response) {
  Stub stub(daemon.channel());
  return daemon.Call(kPromptly,
                     [&](grpc::ClientContext& context) { return (stub.*method)(&context, request, response); });
}

/// As Report; what a failed sale could have been instead is told as well.
int ReportOnMarket(CallError error, Output output, Terminal& terminal);

/// Connects and runs; a failure to do so is told.
template <class Run>
int WithDaemon(const MarketFlags& flags, Terminal& terminal, const Run& run) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  return run(std::get<Connection>(connection));
}

/// One call; its answer as JSON, or as `show` tells it. `show` takes the answer and answers a text.
template <class Stub, class Request, class Response, class Show>
int AskAndShow(const MarketFlags& flags, Terminal& terminal,
               grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request,
               const Show& show) {
  return WithDaemon(flags, terminal, [&](const Connection& daemon) {
    Response response;
    if (auto error = Ask(daemon, method, request, &response)) return ReportOnMarket(*error, flags.output, terminal);
    terminal.out << (flags.output == Output::kJson ? Printed(ToJson(response)) : show(response));
    return kOk;
  });
}

/// Asks page after page into one answer. A daemon that hands out the same token again would never end.
template <class Stub, class Request, class Response>
std::optional<CallError> AskForAll(const Connection& daemon,
                                   grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                   Request request, Response* all) {
  while (true) {
    Response page;
    if (auto error = Ask(daemon, method, request, &page)) return error;
    const std::string token = page.next_page_token();
    all->MergeFrom(page);
    if (token.empty()) return std::nullopt;
    if (token == request.page_token()) return LocalError(kInternal, "the daemon repeats a page", "report this");
    request.set_page_token(token);
  }
}

/// A whole list as JSON, or as `show` tells it.
template <class Stub, class Request, class Response, class Show>
int ListAndShow(const MarketFlags& flags, Terminal& terminal,
                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request,
                const Show& show) {
  return WithDaemon(flags, terminal, [&](const Connection& daemon) {
    Response all;
    if (auto error = AskForAll(daemon, method, request, &all)) return ReportOnMarket(*error, flags.output, terminal);
    if (flags.output == Output::kTable) {
      terminal.out << show(all);
      return kOk;
    }
    nlohmann::ordered_json json = ToJson(all);
    json.erase("next_page_token");
    terminal.out << Printed(json);
    return kOk;
  });
}

/// A call that moves money: looks first (validate_only) and tells it with `show`; then asks `question(answer)` unless
/// --yes, and calls. With --preview it only looks. `show` answers a text for the answer; it is also told after the
/// call.
template <class Stub, class Request, class Response, class Show, class Question>
int LookAskAndDo(const MarketFlags& flags, Terminal& terminal, const Connection& daemon,
                 grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), Request request,
                 const Show& show, const Question& question) {
  request.set_request_id(flags.request_id.empty() ? RandomId() : flags.request_id);
  Response response;
  const auto call = [&](bool only_look) {
    response.Clear();
    request.set_validate_only(only_look);
    return Ask(daemon, method, request, &response);
  };
  if (flags.preview || !flags.yes) {
    if (auto error = call(true)) return ReportOnMarket(*error, flags.output, terminal);
    if (flags.preview) {
      terminal.out << (flags.output == Output::kJson ? Printed(ToJson(response)) : show(response));
      return kOk;
    }
    if (terminal.in == nullptr) {
      return Report(LocalError(kUsage, "nobody is there to be asked", "look with --preview, then say --yes"),
                    flags.output, terminal);
    }
    terminal.err << show(response) << "\n";
    if (!SaysYes(terminal, question(response))) {
      terminal.err << "Nothing has changed.\n";
      return kRefused;
    }
  }
  if (auto error = call(false)) {
    if (error->exit_code == kUnavailable) {
      error->advice += (error->advice.empty() ? "" : "; ") +
                       ("repeat it with --request-id " + request.request_id() + ": it will not be done twice");
    }
    return ReportOnMarket(*error, flags.output, terminal);
  }
  terminal.out << (flags.output == Output::kJson ? Printed(ToJson(response)) : show(response));
  return kOk;
}

}  // namespace penstock::cli
