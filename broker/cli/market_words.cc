#include "broker/cli/market_words.h"

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "broker/cli/market_call.h"
#include "broker/cli/wording.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;

constexpr int kShownSteps = 10;

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

// value / 1000 without zeros at its end.
std::string Thousandths(int64_t value) {
  const std::string text = absl::StrCat(value < 0 ? "-" : "", std::abs(value / 1'000));
  std::string rest = absl::StrCat(1'000 + std::abs(value % 1'000)).substr(1);
  rest.erase(rest.find_last_not_of('0') + 1);
  return rest.empty() ? text : text + "." + rest;
}

std::string WhenOf(const v1::Alternative& alternative) {
  if (alternative.kind() == v1::Alternative::LOWER_RATE) return "lower rate";
  google::protobuf::Duration shift = alternative.shift();
  const bool earlier = shift.seconds() < 0;
  shift.set_seconds(std::abs(shift.seconds()));
  return TimeSpan(shift) + (earlier ? " earlier" : " later");
}

std::string InUnits(v1::NotSellable::Scarce scarce, int64_t amount) {
  switch (scarce) {
    case v1::NotSellable::SLOTS:
      return Grouped(amount) + " slots";
    case v1::NotSellable::KV_TOKENS:
      return Grouped(amount) + " tokens of KV memory";
    default:
      return Rate(amount) + " nt/s";
  }
}

}  // namespace

std::string OfTenant(std::string_view collection, const std::string& name) {
  const size_t slash = name.find('/');
  const bool is_short = slash != std::string::npos && name.find('/', slash + 1) == std::string::npos;
  if (!is_short) return name;
  return absl::StrCat("tenants/", name.substr(0, slash), "/", std::string(collection), "/", name.substr(slash + 1));
}

std::string ShortName(std::string_view name) {
  const std::string number = LastPart(name);
  std::string_view owner = name.substr(0, std::min(name.rfind('/'), name.size()));
  owner = owner.substr(0, std::min(owner.rfind('/'), owner.size()));
  return owner == name ? std::string(name) : LastPart(owner) + "/" + number;
}

int ReportOnMarket(CallError error, Output output, Terminal& terminal) {
  if (error.reason == "NO_CAPACITY") error.exit_code = kRefused;
  const int exit_code = Report(error, output, terminal);
  v1::NotSellable instead;
  const auto detail = error.details.find("penstock.v1.NotSellable");
  if (detail != error.details.end() && instead.ParseFromString(detail->second)) {
    terminal.err << Shortage(instead) << "\n";
    if (!instead.alternatives().empty()) {
      terminal.err << "\nWhat could be had instead\n" << Alternatives(instead.alternatives(), nullptr, false);
    }
  }
  return exit_code;
}

std::string Minute(const google::protobuf::Timestamp& time) {
  const char* format = time.seconds() % 60 == 0 ? "%Y-%m-%d %H:%MZ" : "%Y-%m-%d %H:%M:%SZ";
  return absl::FormatTime(format, ToTime(time), absl::UTCTimeZone());
}

std::string FromTo(const google::protobuf::Timestamp& from, const google::protobuf::Timestamp& to) {
  const std::string end = Minute(to);
  const bool same_day = from.seconds() / 86'400 == to.seconds() / 86'400;
  return Minute(from) + " to " + (same_day ? end.substr(end.find(' ') + 1) : end);
}

std::string TimeSpan(const google::protobuf::Duration& span) {
  const int64_t seconds = span.seconds();
  if (span.nanos() == 0 && seconds != 0 && seconds % 86'400 == 0) return absl::StrCat(seconds / 86'400, "d");
  std::string text = Span(span);  // "2h0m0s"
  for (const std::string_view zero : {"m0s", "h0m"}) {
    if (text.ends_with(zero)) text.erase(text.size() - 2);
  }
  return text;
}

std::string Trimmed(std::string_view decimal) {
  std::string text(decimal);
  const size_t point = text.find('.');
  if (point == std::string::npos) return Grouped(std::string_view(text));
  const size_t last = std::max(text.find_last_not_of('0'), point + 2);
  if (last + 1 < text.size()) text.erase(last + 1);
  return Grouped(std::string_view(text));
}

std::string Amount(const v1::Money& money) { return Trimmed(money.amount()) + " " + money.currency(); }

std::string PerHour(const v1::UnitPrice& price) { return Trimmed(price.per_nt_s_hour()); }

std::string Percentage(int64_t permille) {
  const int64_t whole = permille / 10;
  const int64_t tenth = std::abs(permille % 10);
  return absl::StrCat(permille < 0 && whole == 0 ? "-" : "", whole, tenth == 0 ? "" : absl::StrCat(".", tenth), "%");
}

std::string Factor(int64_t permille) { return Thousandths(permille); }

std::string Rate(int64_t milli_nt_per_s) { return Grouped(std::string_view(Thousandths(milli_nt_per_s))); }

std::string Shortage(const v1::NotSellable& answer) {
  return absl::StrCat("At ", Minute(answer.tightest()), " ", InUnits(answer.scarce(), answer.asked()),
                      " are asked for, and ", InUnits(answer.scarce(), answer.room()), " are left.");
}

std::string Alternatives(const google::protobuf::RepeatedPtrField<v1::Alternative>& alternatives,
                         const google::protobuf::Timestamp* start, bool colour) {
  if (alternatives.empty()) return "";
  const std::string currency = " " + alternatives[0].price().currency();
  std::vector<Table::Column> columns = {
      {"when"}, {"nt/s", Align::kRight}, {"per nt/s-hour", Align::kPoint}, {"price" + currency, Align::kPoint}};
  if (start != nullptr) columns.push_back({"from"});
  Table table(columns);
  for (const v1::Alternative& one : alternatives) {
    std::vector<std::string> row = {WhenOf(one), Grouped(one.rate_nt_per_s()), PerHour(one.unit_price()),
                                    Trimmed(one.price().amount())};
    if (start != nullptr) {
      google::protobuf::Timestamp from = *start;
      from.set_seconds(from.seconds() + one.shift().seconds());
      row.push_back(Minute(from));
    }
    table.AddRow(std::move(row));
  }
  return table.Render(colour);
}

std::string Basis(const v1::PriceBasis& basis, const v1::UnitPrice& price, bool colour) {
  Table table({{"", Align::kLeft}, {price.currency() + " per nt/s-hour", Align::kPoint}, {""}});
  table.AddRow({"list price", PerHour(basis.floor()), "the tariff's, and the least"});
  table.AddRow({"displacement", PerHour(basis.displacement()),
                basis.demand_plan() == 0 ? "no forecast yet of what elastic traffic would have paid"
                                         : "what elastic traffic would have paid, by the forecast"});
  table.AddRow({"+ scarcity", PerHour(basis.scarcity()),
                Percentage(basis.utilisation_permille()) + " would be sold at " + Minute(basis.tightest())});
  table.AddRow({"x lead time", Factor(basis.lead_time_permille()), "for how long ahead it begins"});
  table.AddRow({"x term", Factor(basis.term_permille()), "for how long it is in all"});
  table.AddRule();
  table.AddRow({"unit price", PerHour(price), "the dearer of list price and displacement + scarcity, x factors"},
               Table::Emphasis::kStrong);
  return table.Render(colour);
}

std::string StepTable(const google::protobuf::RepeatedPtrField<v1::PricedStep>& steps, int64_t count, bool colour) {
  Table table({{"from"}, {"to"}, {"nt/s", Align::kRight}, {"per nt/s-hour", Align::kPoint}});
  const int shown = std::min(steps.size(), kShownSteps);
  for (int i = 0; i < shown; ++i) {
    const v1::PricedStep& step = steps[i];
    table.AddRow({Minute(step.from()), Minute(step.to()), Grouped(step.rate_nt_per_s()), PerHour(step.unit_price())});
  }
  const int64_t more = std::max<int64_t>(count, steps.size()) - shown;
  return table.Render(colour) + (more > 0 ? absl::StrCat("and ", more, " more (-o json)\n") : "");
}

std::string TokenPrices(const google::protobuf::RepeatedPtrField<v1::TokenPrice>& prices) {
  std::string text;
  for (const v1::TokenPrice& price : prices) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", price.kind(), " ",
                    Trimmed(Millionths(price.micros_per_million_tokens())));
  }
  return text.empty() ? "free of charge" : text;
}

}  // namespace penstock::cli
