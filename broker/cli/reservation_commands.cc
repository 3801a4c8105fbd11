// penstock reservations: what was bought, changing it, and the proof that it was delivered.
#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <memory>
#include <string>
#include <vector>

#include "broker/cli/client_commands.h"
#include "broker/cli/market_call.h"
#include "broker/cli/market_words.h"
#include "broker/cli/reservation_words.h"
#include "broker/cli/shape_arguments.h"
#include "penstock/v1/reservations.grpc.pb.h"

namespace penstock::cli {
namespace {

using Stub = v1::Reservations::Stub;

struct Flags : MarketFlags {
  std::string pool;
  std::vector<std::string> states;
  ShapeFlags shape;
  std::string overrun;
  std::string project;
  std::string reason;
  std::string from;
  std::string to;
};

const std::vector<std::string> kStates = {"pending",  "scheduled", "active",    "completed", "amending",
                                          "degraded", "suspended", "cancelled", "rejected"};

/// As the contract has it: in double quotes, which shells take away.
std::string QuotedEtag(const std::string& etag) {
  return etag.empty() || etag.starts_with('"') ? etag : "\"" + etag + "\"";
}

template <class Request>
Request Named(const Flags& flags) {
  Request request;
  request.set_name(OfTenant("reservations", flags.name));
  if constexpr (requires { request.set_etag(""); }) request.set_etag(QuotedEtag(flags.etag));
  return request;
}

// ---- Looking.

int RunList(const Flags& flags, Terminal& terminal) {
  v1::ListReservationsRequest request;
  request.set_parent(flags.Parent());
  request.set_pool(InCollection("pools", flags.pool));
  for (const std::string& word : flags.states) {
    v1::Reservation::State state{};
    if (v1::Reservation::State_Parse(absl::AsciiStrToUpper(word), &state)) request.add_states(state);
  }
  return ListAndShow(flags, terminal, &Stub::ListReservations, request,
                     [&](const v1::ListReservationsResponse& all) { return RenderReservations(all, terminal.colour); });
}

int RunShow(const Flags& flags, Terminal& terminal) {
  return AskAndShow(flags, terminal, &Stub::GetReservation, Named<v1::GetReservationRequest>(flags),
                    [&](const v1::Reservation& one) { return RenderReservation(one, terminal.colour); });
}

template <class Request>
Request InTime(const Flags& flags) {
  auto request = Named<Request>(flags);
  if (!flags.from.empty()) *request.mutable_from() = *ParseMoment(flags.from);  // checked by IsMoment
  if (!flags.to.empty()) *request.mutable_to() = *ParseMoment(flags.to);
  return request;
}

int RunUtilisation(const Flags& flags, Terminal& terminal) {
  return ListAndShow(flags, terminal, &Stub::GetUtilisation, InTime<v1::GetUtilisationRequest>(flags),
                     [&](const v1::GetUtilisationResponse& all) { return RenderUtilisation(all, terminal.colour); });
}

int RunServiceLevel(const Flags& flags, Terminal& terminal) {
  return ListAndShow(flags, terminal, &Stub::GetServiceLevel, InTime<v1::GetServiceLevelRequest>(flags),
                     [&](const v1::GetServiceLevelResponse& all) { return RenderServiceLevel(all, terminal.colour); });
}

// ---- Changing.

/// Shows what it would do and asks. What was looked at is what changes: its etag goes along.
template <class Request>
int Change(const Flags& flags, Terminal& terminal,
           grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, v1::ReservationChange*), Request request,
           const std::string& verb) {
  return WithDaemon(flags, terminal, [&](const Connection& daemon) {
    if (!flags.yes && !flags.preview && flags.etag.empty() && terminal.in != nullptr) {
      v1::Reservation now;
      if (auto error = Ask(daemon, &Stub::GetReservation, Named<v1::GetReservationRequest>(flags), &now)) {
        return ReportOnMarket(*error, flags.output, terminal);
      }
      request.set_etag(now.etag());
    }
    return LookAskAndDo(
        flags, terminal, daemon, method, request,
        [&](const v1::ReservationChange& change) { return RenderChange(change, terminal.colour); },
        [&](const v1::ReservationChange& change) { return verb + " (" + ChargeInWords(change.charge()) + ")?"; });
  });
}

int RunAmend(const Flags& flags, Terminal& terminal) {
  auto request = Named<v1::AmendReservationRequest>(flags);
  if (!flags.shape.IsGiven() && flags.overrun.empty()) {
    return Report(LocalError(kUsage, "say what it should be: --rate, --from, --to, --steps, or --overrun"),
                  flags.output, terminal);
  }
  if (flags.shape.IsGiven()) {
    const auto shape = ReadShape(flags.shape);
    if (const auto* error = std::get_if<CallError>(&shape)) return Report(*error, flags.output, terminal);
    *request.mutable_shape() = std::get<v1::Shape>(shape);
  }
  request.set_overrun(ToOverrun(flags.overrun));
  return Change(flags, terminal, &Stub::AmendReservation, request, "Amend it");
}

int RunCancel(const Flags& flags, Terminal& terminal) {
  return Change(flags, terminal, &Stub::CancelReservation, Named<v1::CancelReservationRequest>(flags), "Cancel it");
}

int RunSellBack(const Flags& flags, Terminal& terminal) {
  auto request = Named<v1::SellBackRequest>(flags);
  if (flags.shape.IsGiven()) {
    const auto shape = ReadShape(flags.shape);
    if (const auto* error = std::get_if<CallError>(&shape)) return Report(*error, flags.output, terminal);
    *request.mutable_shape() = std::get<v1::Shape>(shape);
  }
  return Change(flags, terminal, &Stub::SellBack, request, "Sell it back");
}

/// Without being asked: no money moves.
template <class Request>
int ChangeAtOnce(Flags flags, Terminal& terminal,
                 grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, v1::ReservationChange*),
                 const Request& request) {
  flags.yes = true;
  return Change(flags, terminal, method, request, "");
}

int RunTransfer(const Flags& flags, Terminal& terminal) {
  auto request = Named<v1::TransferReservationRequest>(flags);
  request.set_project(flags.project);
  return ChangeAtOnce(flags, terminal, &Stub::TransferReservation, request);
}

v1::DecideReservationRequest Decision(const Flags& flags) {
  auto request = Named<v1::DecideReservationRequest>(flags);
  request.set_reason(flags.reason);
  return request;
}

int RunSuspend(const Flags& flags, Terminal& terminal) {
  return ChangeAtOnce(flags, terminal, &Stub::SuspendReservation, Decision(flags));
}

int RunResume(const Flags& flags, Terminal& terminal) {
  return ChangeAtOnce(flags, terminal, &Stub::ResumeReservation, Decision(flags));
}

// ---- Registering.

class Registrar {
 public:
  Registrar(CLI::App& parent, Invocation& invocation) : parent_(parent), invocation_(invocation) {}

  /// A command about one reservation.
  CLI::App& One(const std::string& name, const std::string& description, int (*run)(const Flags&, Terminal&)) {
    CLI::App& command = Any(name, description, run);
    command.add_option("RESERVATION", flags_->name, "acme/3")->required()->option_text(" ");
    return command;
  }
  CLI::App& Any(const std::string& name, const std::string& description, int (*run)(const Flags&, Terminal&)) {
    flags_ = std::make_shared<Flags>();
    CLI::App& command = *parent_.add_subcommand(name, description);
    flags_->AddTo(command);
    OnRun(command, invocation_, [flags = flags_, run](Terminal& terminal) { return run(*flags, terminal); });
    return command;
  }
  /// Of the command added last.
  Flags& flags() { return *flags_; }

  CLI::App& OneThatChanges(const std::string& name, const std::string& description, int (*run)(const Flags&, Terminal&),
                           bool asks) {
    CLI::App& command = One(name, description, run);
    flags_->AddChangeTo(command, "what it would do, and what that would cost or give back");
    if (asks) flags_->AddYesTo(command);
    command.add_option("--etag", flags_->etag, "only if it is still as `show` said")->option_text("ETAG");
    return command;
  }

 private:
  CLI::App& parent_;
  Invocation& invocation_;
  std::shared_ptr<Flags> flags_;
};

void AddListFlags(CLI::App& command, Flags& flags) {
  command.add_option("--pool", flags.pool, "only in this one")->option_text("POOL");
  command.add_option("--state", flags.states, "only in these: " + absl::StrJoin(kStates, ", "))
      ->delimiter(',')
      ->check(CLI::IsMember(kStates).description(""))
      ->option_text("STATE,...");
  flags.AddTenantTo(command);
}

void AddTimes(CLI::App& command, Flags& flags) {
  command.add_option("--from", flags.from, "whole hours, UTC: 2026-12-01T09 (default: its beginning)")
      ->check(IsMoment())
      ->option_text("TIME");
  command.add_option("--to", flags.to, "exclusive")->check(IsMoment())->option_text("TIME");
}

void AddChanges(Registrar& add) {
  CLI::App& amend = add.OneThatChanges(
      "amend", "Promise something else from now on: all of it, what comes on top at the price of now", RunAmend, true);
  add.flags().shape.AddTo(amend);
  TermsFlags::AddOverrunTo(amend, add.flags().overrun);
  add.OneThatChanges("cancel", "Give back what is to come, for the pool's refund share of its price", RunCancel, true);
  CLI::App& sell = add.OneThatChanges(
      "sell-back", "Sell what is to come back at the market's price of now: all of it, or how much when", RunSellBack,
      true);
  add.flags().shape.AddTo(sell);
  CLI::App& transfer =
      add.OneThatChanges("transfer", "To another project of the same tenant, or to none", RunTransfer, false);
  transfer.add_option("--project", add.flags().project, "left out: none")->option_text("PROJECT");
  CLI::App& suspend = add.OneThatChanges(
      "suspend", "Guarantee nothing until it is resumed; time goes on, the capacity stays sold (operators)", RunSuspend,
      false);
  suspend.add_option("--reason", add.flags().reason, "why")->required()->option_text("TEXT");
  CLI::App& resume = add.OneThatChanges("resume", "Guarantee it again (operators)", RunResume, false);
  resume.add_option("--reason", add.flags().reason, "why")->option_text("TEXT");
}

}  // namespace

void AddReservationCommands(CLI::App& app, Invocation& invocation) {
  CLI::App& reservations =
      *app.add_subcommand("reservations", "Throughput that was bought: list and change it, and the proof of delivery");
  auto flags = std::make_shared<Flags>();
  AddListFlags(reservations, *flags);
  flags->AddTo(reservations);
  reservations.callback([&reservations, &invocation, flags] {
    if (reservations.get_subcommands().empty()) invocation.exit_code = RunList(*flags, invocation.terminal);
  });
  Registrar add(reservations, invocation);
  CLI::App& list = add.Any("list", "The newest first", RunList);
  AddListFlags(list, add.flags());
  add.One("show", "One of them: terms, money, history", RunShow);
  CLI::App& utilisation =
      add.One("utilisation", "What was promised, delivered and left unused, by the hour", RunUtilisation);
  AddTimes(utilisation, add.flags());
  CLI::App& level = add.One("service-level", "Promised against measured, by the hour, and credits for what was missed",
                            RunServiceLevel);
  AddTimes(level, add.flags());
  AddChanges(add);
}

}  // namespace penstock::cli
