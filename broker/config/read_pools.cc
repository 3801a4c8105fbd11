#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "broker/config/readers.h"

namespace penstock::config {
namespace {

constexpr int64_t kDefaultMaxWaiting = 10'000;
constexpr int64_t kDefaultLeaseSeconds = 300;
constexpr int64_t kDefaultSettleSeconds = 1'800;
constexpr int64_t kDefaultPredictedOutput = 256;
constexpr int64_t kMaxEstimatorErrorThousandths = 1'000;
constexpr int64_t kMaxCodelMs = 3'600'000;
// By ServiceClass, kFree..kSpillover.
constexpr int64_t kDefaultWeights[kShareClassCount] = {1, 2, 10, 20, 10};

BurndownRates ReadBurndown(Section& pool) {
  BurndownRates rates;
  constexpr std::string_view kExample = "{input: 1, cached_input: 0.1, output: 4}";
  const Node* node = pool.Required("burndown", kExample);
  if (node == nullptr) return rates;
  Section section(pool.source(), *node, pool.PathOf("burndown"), "burndown: {input: 1, cached_input: 0.1, output: 4}");
  for (const TokenKind kind : kAllTokenKinds) {
    const std::string_view name = Name(kind);
    const bool needed = kind == TokenKind::kInput || kind == TokenKind::kOutput;
    if (!section.Has(name) && !needed) continue;
    rates[kind] =
        section.DecimalNumber({.name = name,
                               .decimals = 3,
                               .min = 1,
                               .max = kMaxBurndownRate,
                               .otherwise = {},
                               .example = IsGenerated(kind) ? "4" : "1",
                               .why_no_finer = "burndown rates are whole thousandths",
                               .range_note = needed ? "" : "; leave the kind out if the pool does not have it"});
  }
  return rates;
}

admission::ClassTerms ReadClass(Section& classes, size_t index) {
  const std::string_view name = kServiceClassNames[index];
  admission::ClassTerms terms{.weight = kDefaultWeights[index], .max_waiting = kDefaultMaxWaiting};
  const Node* node = classes.Optional(name);
  if (node == nullptr) return terms;
  Section section(classes.source(), *node, classes.PathOf(name), "{weight: 10}");
  terms.weight =
      section.Integer({.name = "weight", .min = 1, .max = kMaxWeight, .otherwise = terms.weight, .example = "10"});
  terms.max_in_flight =
      section.Integer({.name = "max_in_flight", .min = 1, .max = kMaxInFlight, .otherwise = 0, .example = "16"});
  terms.holdback_slots =
      section.Integer({.name = "holdback_slots", .min = 0, .max = kMaxInFlight, .otherwise = 0, .example = "8"});
  terms.holdback_kv = section.Integer(
      {.name = "holdback_kv_tokens", .min = 0, .max = kMaxKvTokens, .otherwise = 0, .example = "50000"});
  terms.floor = NormalizedTokensPerSecond(section.Integer(
      {.name = "floor_nt_per_s", .min = 1, .max = kMaxRateNtPerSecond, .otherwise = 0, .example = "1000"}));
  terms.cap = NormalizedTokensPerSecond(section.Integer(
      {.name = "cap_nt_per_s", .min = 1, .max = kMaxRateNtPerSecond, .otherwise = 0, .example = "20000"}));
  if (terms.cap > WorkPerSecond::Zero() && terms.floor > terms.cap) {
    section.Complain("floor_nt_per_s", "is more than cap_nt_per_s; lower it, or raise the cap");
  }
  const int64_t target =
      section.Integer({.name = "codel_target_ms", .min = 1, .max = kMaxCodelMs, .otherwise = 0, .example = "500"});
  const int64_t interval = section.Integer(
      {.name = "codel_interval_ms", .min = 1, .max = kMaxCodelMs, .otherwise = target * 10, .example = "5000"});
  terms.codel_target = Milliseconds(target);
  terms.codel_interval = Milliseconds(interval);
  if (target == 0 && interval > 0) {
    section.Complain("codel_interval_ms", "does nothing without codel_target_ms; add that, or remove it");
  }
  terms.max_waiting = section.Integer(
      {.name = "max_waiting", .min = 1, .max = kMaxWaiting, .otherwise = terms.max_waiting, .example = "10000"});
  return terms;
}

void ReadClasses(Section& pool, admission::PoolTerms& terms) {
  static const Node kNone{.kind = Node::Kind::kMap, .place = {}, .text = {}, .items = {}, .members = {}};
  const Node* node = pool.Optional("classes");
  Section section(pool.source(), node == nullptr ? kNone : *node, pool.PathOf("classes"),
                  "classes: {free: {weight: 1}, priority: {weight: 20}}");
  for (size_t i = 0; i < kShareClassCount; ++i) terms.classes[i] = ReadClass(section, i);
  if (Find(section.node(), "reserved") != nullptr && section.Has("reserved")) {
    section.Complain("reserved",
                     "is no class of the shared queue: a reservation is served by its own rate, before it; "
                     "remove it (beyond the reservation, class spillover counts)");
  }
}

admission::PoolTerms ReadTerms(Section& pool) {
  admission::PoolTerms terms;
  const int64_t capacity = pool.Integer(
      {.name = "capacity_nt_per_s", .min = 1, .max = kMaxRateNtPerSecond, .otherwise = {}, .example = "50000"});
  terms.capacity = NormalizedTokensPerSecond(capacity);
  terms.burst = NormalizedTokens(
      pool.Integer({.name = "burst_nt", .min = 1, .max = kMaxBurstNt, .otherwise = capacity, .example = "50000"}));
  terms.max_in_flight =
      pool.Integer({.name = "max_in_flight", .min = 1, .max = kMaxInFlight, .otherwise = {}, .example = "64"});
  terms.kv_tokens =
      pool.Integer({.name = "kv_tokens", .min = 1, .max = kMaxKvTokens, .otherwise = 0, .example = "1500000"});
  ReadClasses(pool, terms);
  return terms;
}

core::PoolSettings ReadPool(const Source& source, const Node& node, const std::string& path) {
  Section pool(source, node, path, "{name: chat, model: llama-3.1-8b, capacity_nt_per_s: 50000, ...}");
  core::PoolSettings settings;
  settings.name = pool.EntityName("name", "chat");
  settings.model = pool.Text({.name = "model", .otherwise = {}, .example = "llama-3.1-8b"});
  settings.terms = ReadTerms(pool);
  settings.burndown = ReadBurndown(pool);
  settings.predicted_output = Tokens(pool.Integer({.name = "predicted_output_tokens",
                                                   .min = 1,
                                                   .max = kMaxTokensPerRequest,
                                                   .otherwise = kDefaultPredictedOutput,
                                                   .example = "256"}));
  settings.estimator_error_thousandths = pool.DecimalNumber({.name = "estimator_error_percent",
                                                             .decimals = 1,
                                                             .min = 0,
                                                             .max = kMaxEstimatorErrorThousandths,
                                                             .otherwise = 0,
                                                             .example = "5",
                                                             .why_no_finer = "the error is kept in thousandths"});
  const int64_t lease = pool.Integer(
      {.name = "lease_s", .min = 1, .max = kMaxLeaseSeconds, .otherwise = kDefaultLeaseSeconds, .example = "300"});
  const int64_t settle = pool.Integer({.name = "settle_within_s",
                                       .min = 1,
                                       .max = kMaxLeaseSeconds,
                                       .otherwise = std::max(lease, kDefaultSettleSeconds),
                                       .example = "1800"});
  settings.lease = Seconds(lease);
  settings.settle_within = Seconds(settle);
  ReadMarket(pool, settings);
  return settings;
}

}  // namespace

void ReadPools(Section& top, std::vector<core::PoolSettings>& pools) {
  const auto read = [&](const Node& node, const std::string& path) {
    pools.push_back(ReadPool(top.source(), node, path));
  };
  top.List("pools", read, true, "[{name: chat, model: llama-3.1-8b, ...}]");
}

}  // namespace penstock::config
