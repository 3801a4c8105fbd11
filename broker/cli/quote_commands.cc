// penstock quote, quotes, reserve: what throughput ahead of time costs, and buying it.
#include <absl/strings/ascii.h>

#include <memory>
#include <string>

#include "broker/cli/client_commands.h"
#include "broker/cli/market_call.h"
#include "broker/cli/market_words.h"
#include "broker/cli/reservation_words.h"
#include "broker/cli/shape_arguments.h"
#include "broker/cli/wording.h"
#include "penstock/v1/reservations.grpc.pb.h"

namespace penstock::cli {
namespace {

using Stub = v1::Reservations::Stub;

struct QuoteFlags : MarketFlags {
  std::string pool;
  std::string state;
  ShapeFlags shape;
  TermsFlags terms;
};

int RunQuote(const QuoteFlags& flags, Terminal& terminal) {
  const auto shape = ReadShape(flags.shape);
  if (const auto* error = std::get_if<CallError>(&shape)) return Report(*error, flags.output, terminal);
  v1::CreateQuoteRequest request;
  request.set_parent(flags.Parent());
  request.set_request_id(flags.request_id.empty() ? RandomId() : flags.request_id);
  request.set_validate_only(flags.preview);
  request.set_pool(InCollection("pools", flags.pool));
  *request.mutable_shape() = std::get<v1::Shape>(shape);
  request.set_project(flags.terms.project);
  request.set_overrun(ToOverrun(flags.terms.overrun));
  *request.mutable_envelope() = flags.terms.ToEnvelope();
  bool to_be_had = false;
  const int exit_code = WithDaemon(flags, terminal, [&](const Connection& daemon) {
    v1::CreateQuoteResponse answer;
    if (auto error = Ask(daemon, &Stub::CreateQuote, request, &answer)) {
      return ReportOnMarket(*error, flags.output, terminal);
    }
    to_be_had = answer.has_quote();
    terminal.out << (flags.output == Output::kJson ? Printed(ToJson(answer)) : RenderAnswer(answer, terminal.colour));
    return kOk;
  });
  return exit_code == kOk && !to_be_had ? kRefused : exit_code;
}

void AddQuote(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<QuoteFlags>();
  CLI::App& command = *app.add_subcommand(
      "quote", "A firm price for throughput ahead of time (exit 1: none, and what could be had instead)");
  command.add_option("--pool", flags->pool, "which")->required()->option_text("POOL");
  flags->shape.AddTo(command);
  flags->terms.AddTo(command);
  flags->AddTenantTo(command);
  flags->AddChangeTo(command, "the price without keeping a quote");
  flags->AddTo(command);
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunQuote(*flags, terminal); });
}

// ---- quotes

int RunQuotes(const QuoteFlags& flags, Terminal& terminal) {
  v1::ListQuotesRequest request;
  request.set_parent(flags.Parent());
  request.set_pool(InCollection("pools", flags.pool));
  if (!flags.state.empty()) {
    const std::string name = absl::AsciiStrToUpper(flags.state);
    v1::Quote::State state{};
    if (v1::Quote::State_Parse(name, &state)) request.set_state(state);
  }
  return ListAndShow(flags, terminal, &Stub::ListQuotes, request,
                     [&](const v1::ListQuotesResponse& all) { return RenderQuotes(all, terminal.colour); });
}

int RunShowQuote(const QuoteFlags& flags, Terminal& terminal) {
  v1::GetQuoteRequest request;
  request.set_name(OfTenant("quotes", flags.name));
  return AskAndShow(flags, terminal, &Stub::GetQuote, request,
                    [&](const v1::Quote& quote) { return RenderQuote(quote, terminal.colour); });
}

int RunWithdraw(const QuoteFlags& flags, Terminal& terminal) {
  v1::WithdrawQuoteRequest request;
  request.set_name(OfTenant("quotes", flags.name));
  request.set_validate_only(flags.preview);
  return AskAndShow(flags, terminal, &Stub::WithdrawQuote, request,
                    [&](const v1::Quote& quote) { return RenderQuote(quote, terminal.colour); });
}

void AddListFlags(CLI::App& command, QuoteFlags& flags) {
  command.add_option("--pool", flags.pool, "only of this one")->option_text("POOL");
  command.add_option("--state", flags.state, "only those: active, accepted, expired, withdrawn")
      ->check(CLI::IsMember({"active", "accepted", "expired", "withdrawn"}).description(""))
      ->option_text("STATE");
  flags.AddTenantTo(command);
  flags.AddTo(command);
}

void AddQuotes(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<QuoteFlags>();
  CLI::App& quotes = *app.add_subcommand("quotes", "Quotes, the newest first");
  AddListFlags(quotes, *flags);
  quotes.callback([&quotes, &invocation, flags] {
    if (quotes.get_subcommands().empty()) invocation.exit_code = RunQuotes(*flags, invocation.terminal);
  });
  CLI::App& list = *quotes.add_subcommand("list", "The same");
  auto of_list = std::make_shared<QuoteFlags>();
  AddListFlags(list, *of_list);
  OnRun(list, invocation, [of_list](Terminal& terminal) { return RunQuotes(*of_list, terminal); });

  auto of_show = std::make_shared<QuoteFlags>();
  CLI::App& show = *quotes.add_subcommand("show", "One of them, and why it costs that");
  show.add_option("QUOTE", of_show->name, "acme/7")->required()->option_text(" ");
  of_show->AddTo(show);
  OnRun(show, invocation, [of_show](Terminal& terminal) { return RunShowQuote(*of_show, terminal); });

  auto of_withdraw = std::make_shared<QuoteFlags>();
  CLI::App& withdraw = *quotes.add_subcommand("withdraw", "Let one go before it expires");
  withdraw.add_option("QUOTE", of_withdraw->name, "acme/7")->required()->option_text(" ");
  withdraw.add_flag("--preview", of_withdraw->preview, "change nothing, show whether it could be withdrawn");
  of_withdraw->AddTo(withdraw);
  OnRun(withdraw, invocation, [of_withdraw](Terminal& terminal) { return RunWithdraw(*of_withdraw, terminal); });
}

// ---- reserve

int RunReserve(const MarketFlags& flags, Terminal& terminal) {
  v1::AcceptQuoteRequest request;
  request.set_name(OfTenant("quotes", flags.name));
  return WithDaemon(flags, terminal, [&](const Connection& daemon) {
    return LookAskAndDo(
        flags, terminal, daemon, &Stub::AcceptQuote, request,
        [&](const v1::ReservationChange& change) { return RenderChange(change, terminal.colour); },
        [](const v1::ReservationChange& change) { return "Buy it for " + Amount(change.charge()) + "?"; });
  });
}

void AddReserve(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<MarketFlags>();
  CLI::App& command =
      *app.add_subcommand("reserve", "Buy what a quote offers (exit 1: it is gone, or the answer was no)");
  command.add_option("QUOTE", flags->name, "acme/7, as `penstock quote` said")->required()->option_text(" ");
  flags->AddYesTo(command);
  flags->AddChangeTo(command, "what would be bought");
  flags->AddTo(command);
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunReserve(*flags, terminal); });
}

}  // namespace

void AddQuoteCommands(CLI::App& app, Invocation& invocation) {
  AddQuote(app, invocation);
  AddQuotes(app, invocation);
  AddReserve(app, invocation);
}

}  // namespace penstock::cli
