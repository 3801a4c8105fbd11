// penstock bid: standing bids, filled as soon as throughput costs no more than their limit.
#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include <memory>
#include <optional>
#include <string>

#include "broker/cli/client_commands.h"
#include "broker/cli/market_call.h"
#include "broker/cli/market_words.h"
#include "broker/cli/shape_arguments.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "ledger/money.h"
#include "penstock/v1/market.grpc.pb.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;
using Stub = v1::Market::Stub;

struct Flags : MarketFlags {
  std::string pool;
  std::string state;
  ShapeFlags shape;
  TermsFlags terms;
  std::string limit;
  std::string expires;
};

std::string StateOf(const v1::Bid& bid) { return Word(*v1::Bid::State_descriptor(), bid.state()); }

std::string RenderBid(const v1::Bid& bid, bool colour) {
  Sheet sheet;
  sheet.Add("bid", bid.name().empty() ? "only looked at, not placed" : ShortName(bid.name()));
  sheet.Add("state", StateOf(bid));
  sheet.Add("pool", LastPart(bid.pool()));
  if (!bid.shape().empty()) sheet.Add("asks for", bid.shape());
  sheet.Add("rate", absl::StrCat(Grouped(bid.peak_nt_per_s()), " nt/s in ", bid.step_count(),
                                 bid.step_count() == 1 ? " window" : " windows"));
  if (!bid.steps().empty()) sheet.Add("first", FromTo(bid.steps(0).from(), bid.steps(0).to()));
  if (!bid.project().empty()) sheet.Add("project", bid.project());
  sheet.Add("limit", PerHour(bid.limit()) + " " + bid.limit().currency() + " per nt/s-hour");
  sheet.Add("ends", Minute(bid.expires()));
  if (!bid.reservation().empty()) sheet.Add("reservation", ShortName(bid.reservation()));
  return sheet.Render(colour);
}

std::string RenderPlaced(const v1::PlaceBidResponse& answer, bool colour) {
  std::string text = RenderBid(answer.bid(), colour);
  absl::StrAppend(&text, "\n",
                  answer.has_ask()
                      ? "The ask is " + PerHour(answer.ask()) + " " + answer.ask().currency() + " per nt/s-hour now."
                      : "It cannot be had now, at any price.",
                  answer.repeated() ? " (The answer to an earlier request with this id.)" : "", "\n");
  return text;
}

std::string RenderBids(const v1::ListBidsResponse& all, bool colour) {
  if (all.bids().empty()) return "No bids.\n";
  Table table({{"bid"},
               {"state"},
               {"pool"},
               {"first window"},
               {"windows", Align::kRight},
               {"nt/s", Align::kRight},
               {"limit per nt/s-hour", Align::kPoint},
               {""},
               {"ends"},
               {"reservation"}});
  for (const v1::Bid& bid : all.bids()) {
    table.AddRow({ShortName(bid.name()), StateOf(bid), LastPart(bid.pool()),
                  bid.steps().empty() ? "" : FromTo(bid.steps(0).from(), bid.steps(0).to()), Grouped(bid.step_count()),
                  Grouped(bid.peak_nt_per_s()), PerHour(bid.limit()), bid.limit().currency(), Minute(bid.expires()),
                  bid.reservation().empty() ? "-" : ShortName(bid.reservation())});
  }
  return table.Render(colour);
}

/// What is bid is at most what was meant: the next price below that the market can have. Anything else than a price goes
/// on as it is, for the daemon to say what is wrong with it.
std::string LimitAtMost(const std::string& text) {
  constexpr int64_t kGrain = 60'000;  // a pico-unit per milli-nt/s and minute, in pico-units per nt/s and hour
  const std::optional<ledger::Money> limit = ledger::Money::FromDecimal(text);
  if (!limit || limit->pico() < kGrain) return text;
  return ledger::Money::FromPico(ledger::PicoCount(limit->pico() / kGrain * kGrain)).ToDecimal();
}

int RunPlace(const Flags& flags, Terminal& terminal) {
  const auto shape = ReadShape(flags.shape);
  if (const auto* error = std::get_if<CallError>(&shape)) return Report(*error, flags.output, terminal);
  v1::PlaceBidRequest request;
  request.set_parent(flags.Parent());
  request.set_pool(InCollection("pools", flags.pool));
  *request.mutable_shape() = std::get<v1::Shape>(shape);
  request.set_project(flags.terms.project);
  request.set_overrun(ToOverrun(flags.terms.overrun));
  *request.mutable_envelope() = flags.terms.ToEnvelope();
  request.set_limit_per_nt_s_hour(LimitAtMost(flags.limit));
  if (!flags.expires.empty()) *request.mutable_expires() = *ParseMoment(flags.expires);  // checked by IsMoment
  return WithDaemon(flags, terminal, [&](const Connection& daemon) {
    return LookAskAndDo(
        flags, terminal, daemon, &Stub::PlaceBid, request,
        [&](const v1::PlaceBidResponse& answer) { return RenderPlaced(answer, terminal.colour); },
        [](const v1::PlaceBidResponse&) { return std::string("Place it? It buys as soon as the ask falls to it."); });
  });
}

int RunList(const Flags& flags, Terminal& terminal) {
  v1::ListBidsRequest request;
  request.set_parent(flags.Parent());
  request.set_pool(InCollection("pools", flags.pool));
  v1::Bid::State state{};
  if (v1::Bid::State_Parse(absl::AsciiStrToUpper(flags.state), &state)) request.set_state(state);
  return ListAndShow(flags, terminal, &Stub::ListBids, request,
                     [&](const v1::ListBidsResponse& all) { return RenderBids(all, terminal.colour); });
}

int RunWithdraw(const Flags& flags, Terminal& terminal) {
  v1::WithdrawBidRequest request;
  request.set_name(OfTenant("bids", flags.name));
  request.set_validate_only(flags.preview);
  return AskAndShow(flags, terminal, &Stub::WithdrawBid, request,
                    [&](const v1::Bid& bid) { return RenderBid(bid, terminal.colour); });
}

void AddPlace(CLI::App& bid, Invocation& invocation) {
  auto flags = std::make_shared<Flags>();
  CLI::App& command = *bid.add_subcommand("place", "Buy a shape as soon as it costs no more than a limit");
  command.add_option("--pool", flags->pool, "where")->required()->option_text("POOL");
  command.add_option("--limit", flags->limit, "the most per nt/s and hour, on average: 0.0006 (rounded down to 0.00000006)")
      ->required()
      ->option_text("PRICE");
  command.add_option("--expires", flags->expires, "when it ends unfilled (default: when its first window begins)")
      ->check(IsMoment())
      ->option_text("TIME");
  flags->shape.AddTo(command);
  flags->terms.AddTo(command);
  flags->AddTenantTo(command);
  flags->AddYesTo(command);
  flags->AddChangeTo(command, "the bid and the ask of now");
  flags->AddTo(command);
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunPlace(*flags, terminal); });
}

}  // namespace

void AddBidCommands(CLI::App& app, Invocation& invocation) {
  CLI::App& bid = *app.add_subcommand("bid", "Standing bids for throughput: place, list, withdraw");
  bid.require_subcommand(1);
  AddPlace(bid, invocation);

  auto of_list = std::make_shared<Flags>();
  CLI::App& list = *bid.add_subcommand("list", "The newest first");
  list.add_option("--pool", of_list->pool, "only in this one")->option_text("POOL");
  list.add_option("--state", of_list->state, "only those: open, filled, expired, withdrawn")
      ->check(CLI::IsMember({"open", "filled", "expired", "withdrawn"}).description(""))
      ->option_text("STATE");
  of_list->AddTenantTo(list);
  of_list->AddTo(list);
  OnRun(list, invocation, [of_list](Terminal& terminal) { return RunList(*of_list, terminal); });

  auto of_withdraw = std::make_shared<Flags>();
  CLI::App& withdraw = *bid.add_subcommand("withdraw", "Take one back");
  withdraw.add_option("BID", of_withdraw->name, "acme/5")->required()->option_text(" ");
  withdraw.add_flag("--preview", of_withdraw->preview, "change nothing, show whether it could be withdrawn");
  of_withdraw->AddTo(withdraw);
  OnRun(withdraw, invocation, [of_withdraw](Terminal& terminal) { return RunWithdraw(*of_withdraw, terminal); });
}

}  // namespace penstock::cli
