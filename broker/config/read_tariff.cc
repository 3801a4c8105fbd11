#include <absl/strings/str_cat.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "broker/config/decimal.h"
#include "broker/config/readers.h"

namespace penstock::config {
namespace {

using ledger::PoolPrices;
using ledger::RoundingMode;
using ledger::Tariff;

constexpr int64_t kMaxPriceMicros = 1'000'000'000'000;    // a million currency units per million tokens
constexpr int64_t kMaxDemandThousandths = 1'000'000'000;  // a million currency units per million nt per minute
constexpr int64_t kMaxRoundingPico = 1'000'000'000'000'000;

// The number written as digits in text[at, at + count), or -1.
int Digits(std::string_view text, size_t at, size_t count) {
  const Decimal number = ParseDecimal(text.substr(std::min(at, text.size()), count), 0);
  return number.form == Decimal::Form::kExact ? static_cast<int>(number.scaled) : -1;
}

// "2026-01-31T12:00:00Z", or "2026-01-31" for its first moment.
std::optional<Instant> ParseInstant(std::string_view text) {
  const bool date_only = text.size() == 10;
  if (!date_only && (text.size() != 20 || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z')) {
    return std::nullopt;
  }
  if (text[4] != '-' || text[7] != '-') return std::nullopt;
  const int year = Digits(text, 0, 4);
  const int month = Digits(text, 5, 2);
  const int day = Digits(text, 8, 2);
  const int hour = date_only ? 0 : Digits(text, 11, 2);
  const int minute = date_only ? 0 : Digits(text, 14, 2);
  const int second = date_only ? 0 : Digits(text, 17, 2);
  if (year < 1970 || year > 2200 || month < 0 || day < 0) return std::nullopt;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return Instant() + Days(days) + Seconds(hour * 3'600 + minute * 60 + second);
}

Instant ReadEffective(Section& section) {
  const std::string text = section.Text({.name = "effective", .otherwise = {}, .example = "2026-01-01T00:00:00Z"});
  const std::optional<Instant> effective = ParseInstant(text);
  if (!effective && !text.empty()) {
    section.Complain("effective", absl::StrCat(Quoted(text),
                                               " is not a moment in UTC from 1970 to 2200; write it like "
                                               "2026-01-01T00:00:00Z or 2026-01-01"));
  }
  return effective.value_or(Instant());
}

std::string ReadCurrency(Section& section) {
  const std::string currency = section.Text({.name = "currency", .otherwise = {}, .example = "EUR"});
  const bool capitals = std::all_of(currency.begin(), currency.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!currency.empty() && (currency.size() != 3 || !capitals)) {
    section.Complain("currency", absl::StrCat(Quoted(currency),
                                              " is not a currency code; write three capitals (ISO "
                                              "4217), for example EUR"));
  }
  return currency;
}

void ReadRounding(Section& tariff, Tariff& result) {
  constexpr std::string_view kModes[] = {"half_even", "half_up", "up", "down"};
  const Node* node = tariff.Required("rounding", "{to: \"0.01\", mode: half_even}");
  if (node == nullptr) return;
  Section section(tariff.source(), *node, tariff.PathOf("rounding"), "rounding: {to: \"0.01\", mode: half_even}");
  result.rounding_unit =
      ledger::Money::FromPico(section.DecimalNumber({.name = "to",
                                                     .decimals = 12,
                                                     .min = 1,
                                                     .max = kMaxRoundingPico,
                                                     .otherwise = {},
                                                     .example = "\"0.01\"",
                                                     .why_no_finer = "money is whole in pico-units"}));
  result.rounding = static_cast<RoundingMode>(section.Choice({.name = "mode", .choices = kModes, .otherwise = 0}));
}

// Currency units per million tokens with six decimals are pico-units per token.
ledger::TokenPrices ReadClassPrices(Section& classes, size_t index) {
  ledger::TokenPrices prices{};
  const std::string_view name = kServiceClassNames[index];
  const Node* node = classes.Optional(name);
  if (node == nullptr) return prices;
  Section section(classes.source(), *node, classes.PathOf(name), "{input: \"0.60\", output: \"2.40\"}");
  for (const TokenKind kind : kAllTokenKinds) {
    prices[kind] = section.DecimalNumber({.name = Name(kind),
                                          .decimals = 6,
                                          .min = 0,
                                          .max = kMaxPriceMicros,
                                          .otherwise = 0,
                                          .example = "\"0.60\"",
                                          .why_no_finer = "a price per million tokens must be whole in pico-units per "
                                                          "token"});
  }
  return prices;
}

// A price per (million nt in a minute) with three decimals is a whole number of pico-units per milli-nt in the window.
int64_t ReadDemand(Section& pool) {
  constexpr int64_t kPicoPerMilliNt = 1'000'000'000'000 / (1'000'000 * kMilliNtPerNt) / 1'000;
  static_assert(kPicoPerMilliNt == 1 && ledger::kBaseWindow == Minutes(1));
  const Node* node = pool.Optional("demand");
  if (node == nullptr) return 0;
  Section section(pool.source(), *node, pool.PathOf("demand"), "demand: {price_per_million_nt_per_minute: \"0.50\"}");
  return section.DecimalNumber({.name = "price_per_million_nt_per_minute",
                                .decimals = 3,
                                .min = 0,
                                .max = kMaxDemandThousandths,
                                .otherwise = {},
                                .example = "\"0.50\"",
                                .why_no_finer = "a demand price must be whole in pico-units per milli-nt"}) *
         kPicoPerMilliNt;
}

PoolPrices ReadPoolPrices(const Source& source, const Member& member, const std::string& path) {
  Section section(source, member.value, path, "{prices: {default: {input: \"0.60\", output: \"2.40\"}}}");
  PoolPrices prices;
  prices.pool = member.key;
  prices.by_class = {};
  prices.demand_price = ReadDemand(section);
  const Node* node = section.Required("prices", "{default: {input: \"0.60\", output: \"2.40\"}}");
  if (node == nullptr) return prices;
  Section classes(source, *node, section.PathOf("prices"), "prices: {default: {input: \"0.60\", output: \"2.40\"}}");
  for (size_t i = 0; i < kServiceClassCount; ++i) prices.by_class[i] = ReadClassPrices(classes, i);
  return prices;
}

void ReadPoolList(Section& tariff, std::vector<PoolPrices>& pools) {
  const Node* node = tariff.Required("pools", "{chat: {prices: {default: {input: \"0.60\", output: \"2.40\"}}}}");
  if (node == nullptr) return;
  if (node->kind != Node::Kind::kMap) {
    tariff.Complain("pools", "must be a map of pool names, for example `pools: {chat: {prices: ...}}`");
    return;
  }
  for (const Member& member : node->members) {
    const std::string path = absl::StrCat(tariff.PathOf("pools"), ".", member.key);
    if (!CheckName(tariff.source(), member.place, tariff.PathOf("pools"), member.key)) continue;
    pools.push_back(ReadPoolPrices(tariff.source(), member, path));
  }
}

}  // namespace

Tariff ReadTariff(const Source& source, const Node& node, const std::string& path) {
  Section section(source, node, path, "{version: v1, currency: EUR, effective: 2026-01-01, ...}");
  Tariff tariff;
  tariff.version = section.EntityName("version", "two-meters-1");
  tariff.currency = ReadCurrency(section);
  tariff.effective = ReadEffective(section);
  ReadRounding(section, tariff);
  ReadPoolList(section, tariff.pools);
  return tariff;
}

}  // namespace penstock::config
