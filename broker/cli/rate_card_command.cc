// penstock rate-card: price, speed and limits of every pool and tier, on a page.
#include <absl/strings/str_cat.h>

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

struct Flags : MarketFlags {
  std::string form = "text";
  std::vector<std::string> pools;
};

std::string PriceOf(const v1::RateCardOffer& offer, const std::string& kind) {
  for (const v1::TokenPrice& price : offer.prices()) {
    if (price.kind() == kind) return Trimmed(Millionths(price.micros_per_million_tokens()));
  }
  return "-";
}

std::string OfThree(const google::protobuf::Duration& p50, const google::protobuf::Duration& p99) {
  return TimeSpan(p50) + " / " + TimeSpan(p99);
}

std::string RenderOffers(const v1::RateCardPool& pool, bool colour) {
  if (pool.offers().empty()) return "  Nothing has a price here.\n";
  std::vector<Table::Column> columns = {{"served as"}};
  for (const v1::BurndownRate& rate : pool.burndown()) columns.push_back({rate.kind(), Align::kPoint});
  columns.insert(columns.end(), {{"price"},
                                 {"queue p50 / p99", Align::kRight},
                                 {"first token", Align::kRight},
                                 {"tokens/s", Align::kRight},
                                 {"requests", Align::kRight}});
  Table table(columns);
  for (const v1::RateCardOffer& offer : pool.offers()) {
    std::vector<std::string> row = {Word(*v1::ServiceClass_descriptor(), offer.service_class())};
    for (const v1::BurndownRate& rate : pool.burndown()) row.push_back(PriceOf(offer, rate.kind()));
    row.push_back(offer.follows_posted_price() ? "posted" : "fixed");
    if (offer.has_measured()) {
      const v1::MeasuredSpeed& speed = offer.measured();
      row.insert(row.end(), {OfThree(speed.queue_delay_p50(), speed.queue_delay_p99()),
                             OfThree(speed.time_to_first_token_p50(), speed.time_to_first_token_p99()),
                             absl::StrCat(speed.output_tokens_per_s_p50(), " / ", speed.output_tokens_per_s_p1()),
                             Grouped(speed.requests())});
    } else {
      row.insert(row.end(), {"-", "-", "-", "0"});
    }
    table.AddRow(row);
  }
  return table.Render(colour);
}

std::string PromisedInWords(const v1::ServiceLevelTargets& promised) {
  std::string text;
  const auto add = [&](const std::string& one) { absl::StrAppend(&text, text.empty() ? "" : ", ", one); };
  if (promised.has_queue_delay()) add("queued at most " + TimeSpan(promised.queue_delay()));
  if (promised.has_time_to_first_token()) add("first token within " + TimeSpan(promised.time_to_first_token()));
  if (promised.output_tokens_per_s() > 0) add(absl::StrCat("at least ", promised.output_tokens_per_s(), " tokens/s"));
  return text.empty() ? "nothing" : text;
}

std::string RenderReserving(const v1::RateCardPool& pool, bool colour) {
  if (!pool.market_open()) return "  Throughput is not sold ahead of time here.\n";
  Sheet sheet;
  sheet.Add("  reserved throughput",
            absl::StrCat("from ", PerHour(pool.reservation_list_price()), " ", pool.reservation_list_price().currency(),
                         " per nt/s-hour; ask with penstock quote --pool ", LastPart(pool.pool())));
  sheet.Add("  promised inside it", PromisedInWords(pool.promised()));
  for (const v1::ServiceCreditStep& step : pool.promised().credits()) {
    sheet.Add("  credit", absl::StrCat(step.percent(), "% of an hour's price when fewer than ",
                                       Percentage(step.below_permille()), " of its requests met that"));
  }
  sheet.Add("  windows",
            absl::StrCat("of ", TimeSpan(pool.shortest_reservation()), " or more, up to ",
                         TimeSpan(pool.furthest_ahead()), " ahead; a quote holds ", TimeSpan(pool.quote_holds())));
  sheet.Add("  cancelling", absl::StrCat("gives back ", Percentage(pool.refund_permille()), ", until ",
                                         TimeSpan(pool.locked_before_start()), " before it begins"));
  return sheet.Render(colour);
}

std::string RenderCard(const v1::RateCard& card, bool colour) {
  std::string text = absl::StrCat("Rate card, ", Minute(card.as_of()), ", tariff ", card.tariff_version(),
                                  ", prices in ", card.currency(), " per million tokens\n");
  for (const v1::RateCardPool& pool : card.pools()) {
    std::string work;
    for (const v1::BurndownRate& rate : pool.burndown()) {
      absl::StrAppend(&work, work.empty() ? "" : ", ", rate.kind(), " ", Factor(rate.thousandths()));
    }
    absl::StrAppend(&text, "\n", LastPart(pool.pool()), " (", pool.model(), "); normalized tokens per token: ", work,
                    "\n\n", RenderOffers(pool, colour), "\n", RenderReserving(pool, colour));
  }
  if (!card.limits().empty()) {
    Table table({{"limits of"}, {"limit"}, {"at most", Align::kRight}, {"in"}, {"at once", Align::kRight}});
    for (const v1::RateCardLimit& limit : card.limits()) {
      table.AddRow({limit.of(), limit.name(), Grouped(limit.limit()),
                    limit.has_period() ? TimeSpan(limit.period()) : "at a time",
                    limit.burst() == 0 ? "" : Grouped(limit.burst())});
    }
    absl::StrAppend(&text, "\n", table.Render(colour));
  }
  return absl::StrCat(text,
                      "\nSpeeds are measured, of requests served lately: the middle one, and the one that 99 of 100 "
                      "were no worse than.\n");
}

int RunRateCard(Flags flags, Terminal& terminal) {
  v1::GetRateCardRequest request;
  request.set_parent(flags.Parent());
  for (const std::string& pool : flags.pools) request.add_pools(InCollection("pools", pool));
  flags.output = flags.form == "json" ? Output::kJson : Output::kTable;
  return AskAndShow(flags, terminal, &v1::Market::Stub::GetRateCard, request,
                    [&](const v1::RateCard& card) { return RenderCard(card, terminal.colour); });
}

}  // namespace

void AddRateCardCommand(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<Flags>();
  CLI::App& command = *app.add_subcommand("rate-card", "Price, speed and limits of every pool and tier");
  command.add_option("--pool", flags->pools, "only of these")->option_text("POOL");
  flags->AddTenantTo(command);
  command.add_option("-o,--format", flags->form, "text (a page for people) or json (one object, stable keys)")
      ->check(CLI::IsMember({"text", "json"}).description(""))
      ->option_text("text|json");
  flags->connection.AddTo(command);
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunRateCard(*flags, terminal); });
}

}  // namespace penstock::cli
