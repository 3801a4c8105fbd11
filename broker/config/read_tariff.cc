#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "broker/config/tariff_readers.h"

namespace penstock::config {
namespace {

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

using ledger::PoolPrices;
using ledger::RoundingMode;
using ledger::Tariff;

constexpr int64_t kMaxPriceMicros = 1'000'000'000'000;  // a million currency units per million tokens
constexpr int64_t kMaxRoundingPico = 1'000'000'000'000'000;

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

// Spillover may be priced as a multiple of the default class.
void ReadSpilloverFactor(Section& pool, Section& classes, PoolPrices& prices) {
  if (!pool.Has("spillover_factor")) return;
  const ledger::Ratio factor = ReadRatio(pool, "spillover_factor", "3/2", std::nullopt);
  if (classes.Has("spillover")) {
    pool.Complain("spillover_factor", "is given, and so are prices for spillover; keep one of them");
    return;
  }
  const auto index = [](ServiceClass c) { return static_cast<size_t>(c); };
  for (const TokenKind kind : kAllTokenKinds) {
    const int64_t flat = prices.by_class[index(ServiceClass::kDefault)][kind];
    const std::optional<Int128> multiple = ledger::WholeTimes(flat, factor);
    if (multiple) {
      prices.by_class[index(ServiceClass::kSpillover)][kind] = static_cast<int64_t>(*multiple);
    } else {
      pool.Complain("spillover_factor", absl::StrCat("makes a price of ", Abseil(Name(kind)),
                                                     " tokens that is not whole in pico-units per token; change the "
                                                     "factor or the price of the default class"));
    }
  }
}

PoolPrices ReadPoolPrices(Section& tariff, const Member& member, const std::string& path,
                          const ledger::Calendar& calendar) {
  Section section(tariff.source(), member.value, path, "{prices: {default: {input: \"0.60\", output: \"2.40\"}}}");
  PoolPrices prices;
  prices.pool = member.key;
  prices.by_class = {};
  const Node* node = section.Required("prices", "{default: {input: \"0.60\", output: \"2.40\"}}");
  if (node != nullptr) {
    Section classes(section.source(), *node, section.PathOf("prices"),
                    "prices: {default: {input: \"0.60\", output: \"2.40\"}}");
    for (size_t i = 0; i < kServiceClassCount; ++i) prices.by_class[i] = ReadClassPrices(classes, i);
    ReadSpilloverFactor(section, classes, prices);
  } else {
    section.Has("spillover_factor");
  }
  ReadCharges(section, calendar, prices);
  prices.service_level = ReadServiceLevel(section);
  return prices;
}

std::vector<PoolPrices> ReadPoolList(Section& tariff, const ledger::Calendar& calendar) {
  std::vector<PoolPrices> pools;
  const Node* node = tariff.Required("pools", "{chat: {prices: {default: {input: \"0.60\", output: \"2.40\"}}}}");
  if (node == nullptr) return pools;
  if (node->kind != Node::Kind::kMap) {
    tariff.Complain("pools", "must be a map of pool names, for example `pools: {chat: {prices: ...}}`");
    return pools;
  }
  for (const Member& member : node->members) {
    const std::string path = absl::StrCat(tariff.PathOf("pools"), ".", member.key);
    if (!CheckName(tariff.source(), member.place, tariff.PathOf("pools"), member.key)) continue;
    pools.push_back(ReadPoolPrices(tariff, member, path, calendar));
  }
  return pools;
}

}  // namespace

TariffFile ReadTariff(const Source& source, const Node& node, const std::string& path) {
  Section section(source, node, path, "{version: v1, currency: EUR, effective: 2026-01-01, ...}");
  TariffFile file;
  Tariff& tariff = file.tariff;
  tariff.version = section.EntityName("version", "two-meters-1");
  tariff.currency = ReadCurrency(section);
  tariff.effective = ReadMoment(section, "effective", "2026-01-01T00:00:00Z", std::nullopt);
  ReadRounding(section, tariff);
  tariff.calendar = ReadCalendar(section, tariff.effective);
  tariff.pools = ReadPoolList(section, tariff.calendar);
  ReadSeatsAndOutcomes(section, tariff);
  file.subscriptions = ReadSubscriptions(section, tariff);
  if (source.problems.none()) {  // the last word; what the readers let through is a bug of theirs
    const absl::Status sound = ledger::CheckTariff(tariff);
    if (!sound.ok()) source.problems.Add(source.file, node.place, path, std::string(sound.message()));
  }
  return file;
}

}  // namespace penstock::config
