// What the commands that query a daemon's meters have in common: whose, from when to when, and page after page.
#pragma once

#include <grpcpp/channel.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "broker/cli/arguments.h"
#include "broker/cli/call_error.h"
#include "broker/cli/command_line.h"
#include "broker/cli/connection.h"
#include "broker/cli/exit_codes.h"

namespace penstock::cli {

struct BillingFlags {
  ConnectionFlags connection;
  Output output = Output::kTable;
  std::string tenant;
  std::string from;
  std::string to;

  /// `begins`: what `--from` is when it is left out.
  void AddTo(CLI::App& command, const std::string& begins) {
    command.add_option("--tenant", tenant, "whose; a tenant may leave it out")->option_text("TENANT");
    command.add_option("--from", from, "whole hours, UTC: 2026-11-21 or 2026-11-21T10 (default: " + begins + ")")
        ->check(IsMoment())
        ->option_text("TIME");
    command.add_option("--to", to, "exclusive (default: the end of this hour)")->check(IsMoment())->option_text("TIME");
    AddOutputFlag(command, output);
    connection.AddTo(command);
  }
};

template <class Request>
Request ToRequest(const BillingFlags& flags) {
  Request request;
  request.set_tenant(InCollection("tenants", flags.tenant));
  if (!flags.from.empty()) *request.mutable_from() = *ParseMoment(flags.from);  // checked by IsMoment
  if (!flags.to.empty()) *request.mutable_to() = *ParseMoment(flags.to);
  return request;
}

/// Asks page after page; `take` keeps a page's rows. A daemon that hands out the same token again would never end.
template <class Service, class Request, class Response>
std::optional<CallError> ReadPages(const Connection& daemon, Request request,
                                   grpc::Status (Service::Stub::*query)(grpc::ClientContext*, const Request&,
                                                                        Response*),
                                   const std::function<void(const Response&)>& take) {
  const auto stub = Service::NewStub(daemon.channel());
  while (true) {
    Response response;
    const auto error = daemon.Call(
        kPromptly, [&](grpc::ClientContext& context) { return ((*stub).*query)(&context, request, &response); });
    if (error) return error;
    take(response);
    if (response.next_page_token().empty()) return std::nullopt;
    if (response.next_page_token() == request.page_token()) {
      return LocalError(kInternal, "the daemon repeats a page", "report this");
    }
    request.set_page_token(response.next_page_token());
  }
}

}  // namespace penstock::cli
