// penstock prices: what elastic tokens and throughput cost now, why, and pinning the elastic price.
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "broker/cli/client_commands.h"
#include "broker/cli/market_call.h"
#include "broker/cli/market_words.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "penstock/v1/market.grpc.pb.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;
using Stub = v1::Market::Stub;

struct Flags : MarketFlags {
  std::vector<std::string> pools;
  std::string pool;
  std::string for_time;
  bool watch = false;
  bool all = false;
};

// ---- Now.

std::string PinInWords(const v1::Pin& pin) {
  const bool cap = pin.kind() == v1::PinPriceRequest::CAP;
  return absl::StrCat(cap ? "at most " : "", Percentage(pin.multiplier_permille()), " until ", Minute(pin.until()));
}

std::string NextInWords(const v1::PoolPrice& pool) {
  return pool.has_next()
             ? absl::StrCat(Percentage(pool.next().multiplier_permille()), " from ", Minute(pool.next().from()))
             : "-";
}

std::string AskInWords(const v1::PoolPrice& pool) {
  if (!pool.market_open()) return "-";
  return pool.has_ask() ? PerHour(pool.ask()) : "none left";
}

// What a standard window is, when all pools have the same.
std::string StandardWindow(const v1::GetPricesResponse& all) {
  for (const v1::PoolPrice& pool : all.pools()) {
    if (!pool.market_open()) continue;
    return absl::StrCat("Ask and bid in ", pool.currency(), " per nt/s-hour, for ",
                        FromTo(pool.standard_window().start(), pool.standard_window().end()), ".\n");
  }
  return "";
}

std::string RenderPrices(const v1::GetPricesResponse& all, bool colour) {
  if (all.pools().empty()) return "No pools.\n";
  Table table({{"pool"},
               {"elastic", Align::kRight},
               {"tokens per million"},
               {""},
               {"next"},
               {"your pin"},
               {"ask", Align::kPoint},
               {"bid", Align::kPoint},
               {"for nt/s", Align::kRight}});
  for (const v1::PoolPrice& pool : all.pools()) {
    const bool moves = pool.has_now();
    table.AddRow({LastPart(pool.pool()), moves ? Percentage(pool.now().multiplier_permille()) : "flat",
                  moves ? TokenPrices(pool.now().prices()) : "as in " + pool.tariff_version(), pool.currency(),
                  NextInWords(pool), pool.has_pin() ? PinInWords(pool.pin()) : "-", AskInWords(pool),
                  pool.has_bid() ? PerHour(pool.bid()) : "-",
                  pool.market_open() ? Grouped(pool.standard_rate_nt_per_s()) : "-"});
  }
  return absl::StrCat(table.Render(colour), "\nElastic: of the tariff's prices; tokens of class default. ",
                      StandardWindow(all), "As of ", Moment(all.as_of()), ", journal entry ",
                      Grouped(absl::StrCat(all.as_of_sequence())), "\n");
}

int RunPrices(const Flags& flags, Terminal& terminal) {
  v1::GetPricesRequest request;
  request.set_parent(flags.Parent());
  for (const std::string& pool : flags.pools) request.add_pools(InCollection("pools", pool));
  return AskAndShow(flags, terminal, &Stub::GetPrices, request,
                    [&](const v1::GetPricesResponse& all) { return RenderPrices(all, terminal.colour); });
}

// ---- Watching.

// A line for each pool whose price is another than it was.
std::string ChangedPrices(const v1::GetPricesResponse& now, v1::GetPricesResponse& before) {
  std::string lines;
  for (const v1::PoolPrice& pool : now.pools()) {
    const bool same = std::any_of(before.pools().begin(), before.pools().end(), [&](const v1::PoolPrice& old) {
      return old.pool() == pool.pool() && old.now().name() == pool.now().name() &&
             old.next().name() == pool.next().name() && old.pin().name() == pool.pin().name();
    });
    if (same) continue;
    const std::string line = absl::StrCat(Moment(now.as_of()), "  ", LastPart(pool.pool()), "  ",
                                          pool.has_now() ? absl::StrCat(Percentage(pool.now().multiplier_permille()),
                                                                        " (", TokenPrices(pool.now().prices()), ")")
                                                         : "flat",
                                          pool.has_next() ? ", next " + NextInWords(pool) : "",
                                          pool.has_pin() ? ", yours " + PinInWords(pool.pin()) : "");
    absl::StrAppend(&lines, WithoutControls(line), "\n");
  }
  before = now;
  return lines;
}

int RunWatch(const Flags& flags, Terminal& terminal) {
  v1::WatchPricesRequest request;
  request.set_parent(flags.Parent());
  for (const std::string& pool : flags.pools) request.add_pools(InCollection("pools", pool));
  return WithDaemon(flags, terminal, [&](const Connection& daemon) {
    if (request.pools().empty()) {  // all that there are now
      v1::GetPricesRequest of_all;
      v1::GetPricesResponse all;
      of_all.set_parent(flags.Parent());
      if (auto error = Ask(daemon, &Stub::GetPrices, of_all, &all)) {
        return ReportOnMarket(*error, flags.output, terminal);
      }
      for (const v1::PoolPrice& pool : all.pools()) request.add_pools(pool.pool());
    }
    Stub stub(daemon.channel());
    v1::GetPricesResponse before;
    const auto error = daemon.Call(absl::Hours(24 * 365), [&](grpc::ClientContext& context) {
      const auto stream = stub.WatchPrices(&context, request);
      for (v1::GetPricesResponse now; stream->Read(&now);) {
        if (flags.output == Output::kJson) {
          terminal.out << ToJson(now).dump() << "\n" << std::flush;
        } else {
          terminal.out << ChangedPrices(now, before) << std::flush;
        }
      }
      return stream->Finish();
    });
    return error ? ReportOnMarket(*error, flags.output, terminal) : kOk;
  });
}

// ---- Why.

/// "chat/12" and "chat/prices/12" are prices, "acme/quotes/7" a quote.
std::string PriceName(const std::string& name) {
  if (name.starts_with("pools/") || name.starts_with("tenants/")) return name;
  if (name.find("/quotes/") != std::string::npos) return "tenants/" + name;
  const size_t slash = name.find('/');
  const bool is_short = slash != std::string::npos && name.find('/', slash + 1) == std::string::npos;
  return is_short ? "pools/" + name.substr(0, slash) + "/prices/" + name.substr(slash + 1) : "pools/" + name;
}

std::string RenderExplanation(const v1::PriceExplanation& why, bool colour) {
  std::string text = WithoutControls(why.summary()) + "\n";
  if (why.has_posted()) {
    Sheet sheet;
    sheet.Add("price", absl::StrCat(Percentage(why.posted().multiplier_permille()),
                                    " of the tariff's: ", TokenPrices(why.posted().prices())));
    sheet.Add("in force from", Minute(why.posted().from()) + ", published " + Minute(why.posted().published()));
    sheet.Add("before it", Percentage(why.previous_permille()));
    sheet.Add("use of what is not reserved", absl::StrCat(Percentage(why.utilisation_permille()), " lately, ",
                                                          Percentage(why.forecast_permille()), " expected"));
    sheet.Add("it moves",
              absl::StrCat("from ", Percentage(why.floor_permille()), " to ", Percentage(why.cap_permille()),
                           " in steps of ", Percentage(why.step_permille())));
    absl::StrAppend(&text, "\n", sheet.Render(colour));
  }
  if (why.has_basis()) absl::StrAppend(&text, "\n", Basis(why.basis(), why.unit_price(), colour));
  if (why.has_price()) absl::StrAppend(&text, "price ", Amount(why.price()), "\n");
  if (!why.arithmetic().empty()) absl::StrAppend(&text, "\nStep by step\n");
  for (const std::string& line : why.arithmetic()) absl::StrAppend(&text, "  ", WithoutControls(line), "\n");
  return text;
}

int RunExplain(const Flags& flags, Terminal& terminal) {
  v1::ExplainPriceRequest request;
  request.set_name(PriceName(flags.name));
  return AskAndShow(flags, terminal, &Stub::ExplainPrice, request,
                    [&](const v1::PriceExplanation& why) { return RenderExplanation(why, terminal.colour); });
}

// ---- Pins.

std::string RenderPin(const v1::PinPriceResponse& answer, bool colour) {
  const v1::Pin& pin = answer.pin();
  Sheet sheet;
  sheet.Add("pin", pin.name().empty() ? "only looked at, not pinned" : ShortName(pin.name()));
  sheet.Add("pool", LastPart(pin.pool()));
  sheet.Add("price", PinInWords(pin));
  sheet.Add("tokens per million", TokenPrices(pin.prices()));
  sheet.Add("holds", FromTo(pin.from(), pin.until()));
  return sheet.Render(colour) + (answer.repeated() ? "The answer to an earlier request with this id.\n" : "");
}

/// "90m", "24h", "7d": whole minutes.
std::optional<google::protobuf::Duration> ParseMinutes(std::string_view text) {
  absl::Duration span;
  const bool days = text.ends_with('d');
  const std::string rest(text.substr(0, text.size() - (days ? 1 : 0)));
  if (!absl::ParseDuration(rest + (days ? "h" : ""), &span)) return std::nullopt;
  if (days) span *= 24;
  if (span < absl::Minutes(1) || span > absl::Hours(24 * 366) || span % absl::Minutes(1) != absl::ZeroDuration()) {
    return std::nullopt;
  }
  google::protobuf::Duration result;
  result.set_seconds(absl::ToInt64Seconds(span));
  return result;
}

int RunPin(const Flags& flags, v1::PinPriceRequest::Kind kind, Terminal& terminal) {
  v1::PinPriceRequest request;
  request.set_parent(flags.Parent());
  request.set_pool(InCollection("pools", flags.name));
  request.set_kind(kind);
  const auto span = ParseMinutes(flags.for_time);
  if (!span) {
    return Report(LocalError(kUsage, "'" + flags.for_time + "' is no time of whole minutes", "write 90m, 24h or 7d"),
                  flags.output, terminal);
  }
  *request.mutable_for_time() = *span;
  return WithDaemon(flags, terminal, [&](const Connection& daemon) {
    return LookAskAndDo(
        flags, terminal, daemon, &Stub::PinPrice, request,
        [&](const v1::PinPriceResponse& answer) { return RenderPin(answer, terminal.colour); },
        [](const v1::PinPriceResponse& answer) { return "Pay " + PinInWords(answer.pin()) + "?"; });
  });
}

std::string RenderPins(const v1::ListPinsResponse& all, bool colour) {
  if (all.pins().empty()) return "No pins.\n";
  Table table({{"pin"}, {"tenant"}, {"pool"}, {"pays"}, {"tokens per million"}, {"from"}});
  for (const v1::Pin& pin : all.pins()) {
    table.AddRow({ShortName(pin.name()), LastPart(pin.tenant()), LastPart(pin.pool()), PinInWords(pin),
                  TokenPrices(pin.prices()), Minute(pin.from())});
  }
  return table.Render(colour);
}

int RunPins(const Flags& flags, Terminal& terminal) {
  v1::ListPinsRequest request;
  request.set_parent(flags.Parent());
  request.set_pool(InCollection("pools", flags.pool));
  request.set_in_force_only(!flags.all);
  return ListAndShow(flags, terminal, &Stub::ListPins, request,
                     [&](const v1::ListPinsResponse& all) { return RenderPins(all, terminal.colour); });
}

void AddPin(CLI::App& prices, Invocation& invocation, const std::string& name, const std::string& description,
            v1::PinPriceRequest::Kind kind) {
  auto flags = std::make_shared<Flags>();
  CLI::App& command = *prices.add_subcommand(name, description);
  command.add_option("POOL", flags->name, "where")->required()->option_text(" ");
  command.add_option("--for", flags->for_time, "how long, at least an hour: 90m, 24h, 7d")
      ->required()
      ->option_text("TIME");
  flags->AddTenantTo(command);
  flags->AddYesTo(command);
  flags->AddChangeTo(command, "the price that it would be");
  flags->AddTo(command);
  OnRun(command, invocation, [flags, kind](Terminal& terminal) { return RunPin(*flags, kind, terminal); });
}

}  // namespace

void AddPriceCommands(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<Flags>();
  CLI::App& prices = *app.add_subcommand("prices", "What elastic tokens and throughput cost now");
  prices.add_option("--pool", flags->pools, "only of these")->option_text("POOL");
  prices.add_flag("--watch", flags->watch, "go on, with a line (or a JSON object) whenever a posted price changes");
  flags->AddTenantTo(prices);
  flags->AddTo(prices);
  prices.callback([&prices, &invocation, flags] {
    if (!prices.get_subcommands().empty()) return;
    invocation.exit_code =
        flags->watch ? RunWatch(*flags, invocation.terminal) : RunPrices(*flags, invocation.terminal);
  });

  auto of_explain = std::make_shared<Flags>();
  CLI::App& explain = *prices.add_subcommand("explain", "Why a posted price or a quote is what it is");
  explain.add_option("NAME", of_explain->name, "chat/12 (a posted price or a pin) or acme/quotes/7")
      ->required()
      ->option_text(" ");
  of_explain->AddTo(explain);
  OnRun(explain, invocation, [of_explain](Terminal& terminal) { return RunExplain(*of_explain, terminal); });

  AddPin(prices, invocation, "lock", "Pay what is posted now and a premium, whatever comes", v1::PinPriceRequest::LOCK);
  AddPin(prices, invocation, "cap", "Pay what is posted, but never more than now and a larger premium",
         v1::PinPriceRequest::CAP);

  auto of_pins = std::make_shared<Flags>();
  CLI::App& pins = *prices.add_subcommand("pins", "Locks and caps that are in force");
  pins.add_option("--pool", of_pins->pool, "only in this one")->option_text("POOL");
  pins.add_flag("--all", of_pins->all, "those that have ended too");
  of_pins->AddTenantTo(pins);
  of_pins->AddTo(pins);
  OnRun(pins, invocation, [of_pins](Terminal& terminal) { return RunPins(*of_pins, terminal); });
}

}  // namespace penstock::cli
