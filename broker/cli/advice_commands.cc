// penstock recommend, shadow-price: what a buyer should reserve, and when more capacity pays for the provider.
#include <absl/strings/str_cat.h>

#include <memory>
#include <string>

#include "broker/cli/client_commands.h"
#include "broker/cli/market_call.h"
#include "broker/cli/market_words.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "penstock/v1/market.grpc.pb.h"
#include "penstock/v1/reservations.grpc.pb.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;

struct Flags : MarketFlags {
  int32_t weeks = 4;
  int64_t chunk = 0;
  std::string price;
  int64_t lead_days = 0;
  int64_t growth_permille = 0;
};

std::string Sentences(const google::protobuf::RepeatedPtrField<std::string>& because) {
  std::string text;
  for (const std::string& sentence : because) absl::StrAppend(&text, "  ", WithoutControls(sentence), "\n");
  return text.empty() ? "" : "\nBecause\n" + text;
}

// ---- recommend

std::string WeekdayOf(v1::Weekday day) { return Word(*v1::Weekday_descriptor(), day).substr(0, 3); }

std::string PricePerMillion(int64_t pico_per_milli_nt) { return Trimmed(Millionths(pico_per_milli_nt * 1'000)); }

std::string HoursInWords(const v1::RecommendedShape& shape) {
  std::string text;
  for (const v1::WeeklyHours& hours : shape.hours()) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", WeekdayOf(hours.weekday()), " ", hours.from_hour(), "-",
                    hours.to_hour());
  }
  return text;
}

void AddShape(Table& table, const std::string& name, const v1::RecommendedShape& shape) {
  if (shape.rate_nt_per_s() == 0) {
    table.AddRow({name, "nothing"});
    return;
  }
  table.AddRow({name, Grouped(shape.rate_nt_per_s()), Trimmed(shape.reserved_cost().amount()),
                Trimmed(shape.elastic_cost().amount()), Trimmed(shape.savings().amount()),
                Percentage(shape.used_permille()), Percentage(shape.beyond_permille())});
}

std::string RenderRecommendation(const v1::Recommendation& advice, bool colour) {
  Sheet sheet;
  sheet.Add("pool", LastPart(advice.pool()));
  sheet.Add("looked at", FromTo(advice.from(), advice.to()));
  sheet.Add("highest minute", Grouped(advice.peak_nt_per_s()) + " nt/s");
  sheet.Add("all of it elastic", Amount(advice.cost_without()) + ", at " +
                                     PricePerMillion(advice.elastic_price_pico_per_milli_nt()) + " per million nt");
  sheet.Add("all of it reserved", absl::StrCat(Amount(advice.cost_at_peak()), ", at ",
                                               PerHour(advice.reservation_price()), " per nt/s-hour"));
  sheet.Add("reserving pays", advice.break_even_permille() >= 1'000
                                  ? "never, at these prices"
                                  : "where it is used above " + Percentage(advice.break_even_permille()));
  const std::string currency = " " + advice.cost_without().currency();
  Table table({{"best would have been"},
               {"nt/s", Align::kRight},
               {"reserved" + currency, Align::kPoint},
               {"elastic", Align::kPoint},
               {"saves", Align::kPoint},
               {"used", Align::kRight},
               {"not enough", Align::kRight}});
  AddShape(table, "all the time", advice.constant());
  AddShape(table, "in hours of the week", advice.in_hours());
  std::string text = absl::StrCat(sheet.Render(colour), "\n", table.Render(colour));
  if (!advice.in_hours().hours().empty()) {
    absl::StrAppend(&text, "\nThese hours (UTC): ", HoursInWords(advice.in_hours()), "\n");
  }
  return text + Sentences(advice.because());
}

int RunRecommend(const Flags& flags, Terminal& terminal) {
  v1::RecommendReservationRequest request;
  request.set_parent(flags.Parent());
  request.set_pool(InCollection("pools", flags.name));
  request.set_weeks(flags.weeks);
  return AskAndShow(flags, terminal, &v1::Reservations::Stub::RecommendReservation, request,
                    [&](const v1::Recommendation& advice) { return RenderRecommendation(advice, terminal.colour); });
}

// ---- shadow-price

std::string VerdictInWords(const v1::ShadowPrice& price) {
  switch (price.verdict()) {
    case v1::ShadowPrice::ORDER_NOW:
      return "order it now: it pays when it comes";
    case v1::ShadowPrice::ORDER_LATER:
      return "order it by " + Minute(price.order_by()) + ": it pays from " + Minute(price.pays_from());
    default:
      return "do not order it: no week is in sight in which it pays";
  }
}

// The first weeks one by one, then every thirteenth.
bool IsShown(int week) { return week < 4 || week % 13 == 0; }

std::string RenderShadowPrice(const v1::ShadowPrice& price, bool colour) {
  Sheet sheet;
  sheet.Add("pool", LastPart(price.pool()));
  sheet.Add("next chunk",
            absl::StrCat(Grouped(price.chunk_nt_per_s()), " nt/s for ", Amount(price.chunk_price_per_hour()),
                         " an hour, ", TimeSpan(price.chunk_lead_time()), " after it is ordered"));
  sheet.Add("its work pays", PricePerMillion(price.elastic_price_pico_per_milli_nt()) + " per million nt");
  sheet.Add("verdict", VerdictInWords(price));
  Table table({{"week from"},
               {"finds no room nt/s", Align::kPoint},
               {"with the chunk", Align::kPoint},
               {"worth an hour " + price.currency(), Align::kPoint}});
  for (int i = 0; i < price.weeks_size(); ++i) {
    const v1::ChunkWeek& week = price.weeks(i);
    if (!IsShown(i)) continue;
    table.AddRow({Minute(week.from()), Rate(week.short_without_milli_nt_per_s()),
                  Rate(week.short_with_milli_nt_per_s()), Trimmed(week.value_per_hour().amount())});
  }
  std::string text = sheet.Render(colour);
  if (!price.weeks().empty()) absl::StrAppend(&text, "\n", table.Render(colour));
  return text + Sentences(price.because());
}

int RunShadowPrice(const Flags& flags, Terminal& terminal) {
  v1::GetShadowPriceRequest request;
  request.set_pool(InCollection("pools", flags.name));
  request.set_chunk_nt_per_s(flags.chunk);
  request.set_chunk_price_per_hour(flags.price);
  if (flags.lead_days > 0) request.mutable_chunk_lead_time()->set_seconds(flags.lead_days * 86'400);
  request.set_growth_permille_per_week(flags.growth_permille);
  return AskAndShow(flags, terminal, &v1::Market::Stub::GetShadowPrice, request,
                    [&](const v1::ShadowPrice& price) { return RenderShadowPrice(price, terminal.colour); });
}

}  // namespace

void AddAdviceCommands(CLI::App& app, Invocation& invocation) {
  auto of_recommend = std::make_shared<Flags>();
  CLI::App& recommend = *app.add_subcommand("recommend", "What to reserve in a pool, by what was used there");
  recommend.add_option("POOL", of_recommend->name, "where")->required()->option_text(" ");
  recommend.add_option("--weeks", of_recommend->weeks, "how much history, whole weeks before now (default: 4)")
      ->check(CLI::Range(1, 12))
      ->option_text("N");
  of_recommend->AddTenantTo(recommend);
  of_recommend->AddTo(recommend);
  OnRun(recommend, invocation, [of_recommend](Terminal& terminal) { return RunRecommend(*of_recommend, terminal); });

  auto of_shadow = std::make_shared<Flags>();
  CLI::App& shadow =
      *app.add_subcommand("shadow-price", "What the next chunk of capacity would earn, and when it pays (operators)");
  shadow.add_option("POOL", of_shadow->name, "where")->required()->option_text(" ");
  shadow.add_option("--capacity", of_shadow->chunk, "of the chunk (default: as configured)")->option_text("NT_PER_S");
  shadow.add_option("--price-per-hour", of_shadow->price, "likewise")->option_text("AMOUNT");
  shadow.add_option("--lead-days", of_shadow->lead_days, "likewise")->check(CLI::Range(0, 728))->option_text("DAYS");
  shadow.add_option("--growth", of_shadow->growth_permille, "of elastic demand in a week, in thousandths (default: 0)")
      ->check(CLI::Range(-500, 50))
      ->option_text("N");
  of_shadow->AddTo(shadow);
  OnRun(shadow, invocation, [of_shadow](Terminal& terminal) { return RunShadowPrice(*of_shadow, terminal); });
}

}  // namespace penstock::cli
