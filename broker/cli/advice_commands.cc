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
  std::string from;
  std::string to;
  int64_t chunk = 0;
  std::string price;
  int64_t lead_days = 0;
};

std::string Sentences(const google::protobuf::RepeatedPtrField<std::string>& because) {
  std::string text;
  for (const std::string& sentence : because) absl::StrAppend(&text, "  ", WithoutControls(sentence), "\n");
  return text.empty() ? "" : "\nBecause\n" + text;
}

// ---- recommend

std::string WeekdayOf(v1::Weekday day) { return Word(*v1::Weekday_descriptor(), day).substr(0, 3); }

std::string RenderRecommendation(const v1::Recommendation& advice, bool colour) {
  Sheet sheet;
  sheet.Add("pool", LastPart(advice.pool()));
  sheet.Add("looked at", FromTo(advice.from(), advice.to()));
  sheet.Add("reserve",
            advice.rate_nt_per_s() == 0 ? "nothing" : Grouped(advice.rate_nt_per_s()) + " nt/s all the time");
  sheet.Add("had it been so", absl::StrCat(Amount(advice.cost_with()), " instead of ", Amount(advice.cost_without()),
                                           ": saves ", Amount(advice.savings())));
  sheet.Add("it would have been used", Percentage(advice.utilisation_permille()));
  sheet.Add("it pays above", Percentage(advice.break_even_permille()));
  sheet.Add("compared prices", absl::StrCat(PerHour(advice.reservation_price()), " ",
                                            advice.reservation_price().currency(), " per nt/s-hour now; elastic ",
                                            Trimmed(Millionths(advice.elastic_price_pico_per_milli_nt() * 1'000)),
                                            " per million nt then"));
  std::string text = sheet.Render(colour);
  if (!advice.weekly().empty()) {
    Table table({{"day"}, {"from", Align::kRight}, {"to", Align::kRight}, {"nt/s", Align::kRight}});
    for (const v1::WeeklyHours& hours : advice.weekly()) {
      table.AddRow({WeekdayOf(hours.weekday()), absl::StrCat(hours.from_hour(), ":00"),
                    absl::StrCat(hours.to_hour(), ":00"), Grouped(hours.rate_nt_per_s())});
    }
    absl::StrAppend(&text, "\nBetter still, only at these times of the week (UTC): ", Amount(advice.weekly_cost_with()),
                    ", saves ", Amount(advice.weekly_savings()), "\n", table.Render(colour));
  }
  return text + Sentences(advice.because());
}

int RunRecommend(const Flags& flags, Terminal& terminal) {
  v1::RecommendReservationRequest request;
  request.set_parent(flags.Parent());
  request.set_pool(InCollection("pools", flags.name));
  if (!flags.from.empty()) *request.mutable_from() = *ParseMoment(flags.from);  // checked by IsMoment
  if (!flags.to.empty()) *request.mutable_to() = *ParseMoment(flags.to);
  return AskAndShow(flags, terminal, &v1::Reservations::Stub::RecommendReservation, request,
                    [&](const v1::Recommendation& advice) { return RenderRecommendation(advice, terminal.colour); });
}

// ---- shadow-price

std::string RenderShadowPrice(const v1::ShadowPrice& price, bool colour) {
  Sheet sheet;
  sheet.Add("pool", LastPart(price.pool()));
  sheet.Add("next chunk",
            absl::StrCat(Grouped(price.chunk_nt_per_s()), " nt/s for ", Amount(price.chunk_price_per_hour()),
                         " an hour, ", TimeSpan(price.chunk_lead_time()), " after it is ordered"));
  sheet.Add("it would earn", Amount(price.value_per_hour()) + " an hour, in the next 168 hours on average");
  if (price.has_best_hour()) {
    sheet.Add("in its best hour", Amount(price.best_hour_value()) + ", " + Minute(price.best_hour()));
  }
  sheet.Add("hours that pay", absl::StrCat(price.hours_that_pay(), " of 168"));
  sheet.Add("verdict", price.pays()            ? "it pays now"
                       : price.has_pays_from() ? "it will pay from " + Minute(price.pays_from())
                                               : "it does not pay, and no time when it would is in sight");
  if (price.has_order_by()) sheet.Add("order it by", Minute(price.order_by()));
  return sheet.Render(colour) + Sentences(price.because());
}

int RunShadowPrice(const Flags& flags, Terminal& terminal) {
  v1::GetShadowPriceRequest request;
  request.set_pool(InCollection("pools", flags.name));
  request.set_chunk_nt_per_s(flags.chunk);
  request.set_chunk_price_per_hour(flags.price);
  if (flags.lead_days > 0) request.mutable_chunk_lead_time()->set_seconds(flags.lead_days * 86'400);
  return AskAndShow(flags, terminal, &v1::Market::Stub::GetShadowPrice, request,
                    [&](const v1::ShadowPrice& price) { return RenderShadowPrice(price, terminal.colour); });
}

}  // namespace

void AddAdviceCommands(CLI::App& app, Invocation& invocation) {
  auto of_recommend = std::make_shared<Flags>();
  CLI::App& recommend = *app.add_subcommand("recommend", "What to reserve in a pool, by what was used there");
  recommend.add_option("POOL", of_recommend->name, "where")->required()->option_text(" ");
  recommend.add_option("--from", of_recommend->from, "of the history, whole hours (default: 28 days ago)")
      ->check(IsMoment())
      ->option_text("TIME");
  recommend.add_option("--to", of_recommend->to, "exclusive")->check(IsMoment())->option_text("TIME");
  of_recommend->AddTenantTo(recommend);
  of_recommend->AddTo(recommend);
  OnRun(recommend, invocation, [of_recommend](Terminal& terminal) { return RunRecommend(*of_recommend, terminal); });

  auto of_shadow = std::make_shared<Flags>();
  CLI::App& shadow =
      *app.add_subcommand("shadow-price", "What the next chunk of capacity would earn, and when it pays (operators)");
  shadow.add_option("POOL", of_shadow->name, "where")->required()->option_text(" ");
  shadow.add_option("--capacity", of_shadow->chunk, "of the chunk (default: as configured)")->option_text("NT_PER_S");
  shadow.add_option("--price-per-hour", of_shadow->price, "likewise")->option_text("AMOUNT");
  shadow.add_option("--lead-days", of_shadow->lead_days, "likewise")->check(CLI::Range(0, 3'650))->option_text("DAYS");
  of_shadow->AddTo(shadow);
  OnRun(shadow, invocation, [of_shadow](Terminal& terminal) { return RunShadowPrice(*of_shadow, terminal); });
}

}  // namespace penstock::cli
