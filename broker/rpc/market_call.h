// A call that changes the market: checked between two commands, submitted, and answered with what the books then say.
#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <variant>

#include "broker/daemon/clock.h"
#include "broker/daemon/command_loop.h"
#include "broker/rpc/errors.h"

namespace penstock::rpc {

/// Deletes itself at the end.
template <class Command>
class MarketCall final : public grpc::ServerUnaryReactor, public daemon::Caller {
 public:
  /// What depends on the time and on what there is; may complete the command. On the loop's thread, not asked when the
  /// request id is known already: then the stored answer is given whatever the time. `now` is that of the next command.
  using Check = std::function<grpc::Status(const core::Engine& engine, Instant now, Command* command)>;
  /// Fills the response from the answer, which is no error. On the loop's thread, after the answer could be released.
  using Tell = std::function<grpc::Status(const core::Engine& engine, const core::Outcome& outcome)>;

  MarketCall(daemon::CommandLoop& loop, Command command, Check check, Tell tell)
      : loop_(loop), command_(std::move(command)), check_(std::move(check)), tell_(std::move(tell)) {
    command_.ticket = loop.NewTicket();
    if (!loop.Ask([this](const core::Engine& engine, uint64_t) { Submit(engine); })) Finish(Overloaded());
  }

  void Answer(core::Outcome outcome) override {
    if (const auto* error = std::get_if<core::Error>(&outcome)) return Finish(ToStatus(*error));
    outcome_ = std::move(outcome);
    const bool queued = loop_.Ask([this](const core::Engine& engine, uint64_t) { Finish(tell_(engine, outcome_)); });
    if (!queued) Finish(Overloaded());
  }

  void OnDone() override { delete this; }

 private:
  void Submit(const core::Engine& engine) {
    const core::MarketCaller& caller = command_.caller;
    const bool known = !caller.validate_only && !caller.request_id.empty() &&
                       engine.books().market().FindRequest(caller.tenant, caller.request_id) != nullptr;
    if (check_ != nullptr && !known) {
      const Instant now = std::max(engine.now(), daemon::WallTime());
      if (const grpc::Status status = check_(engine, now, &command_); !status.ok()) return Finish(status);
    }
    const core::Ticket ticket = command_.ticket;
    if (!loop_.Submit(std::move(command_), ticket, this)) Finish(Overloaded());
  }

  daemon::CommandLoop& loop_;
  Command command_;
  const Check check_;
  const Tell tell_;
  core::Outcome outcome_;
};

template <class Command>
grpc::ServerUnaryReactor* NewMarketCall(daemon::CommandLoop& loop, Command command,
                                        typename MarketCall<Command>::Check check,
                                        typename MarketCall<Command>::Tell tell) {
  return new MarketCall<Command>(loop, std::move(command), std::move(check), std::move(tell));
}

}  // namespace penstock::rpc
