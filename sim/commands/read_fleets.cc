#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "broker/config/decimal.h"
#include "broker/config/readers.h"
#include "sim/commands/scenario_parts.h"
#include "sim/fleet/fixed_times.h"
#include "sim/fleet/fleet.h"
#include "sim/fleet/iteration_law.h"

namespace penstock::sim {
namespace {

using config::Node;
using config::Section;

constexpr std::array<std::string_view, 3> kModels = {"fluid", "iteration", "fixed"};
enum class Model : size_t { kFluid, kIteration, kFixed };

/// Milliseconds with up to six decimals: whole nanoseconds.
Duration ReadMilliseconds(Section& section, std::string_view name, std::optional<Duration> otherwise) {
  return Nanoseconds(section.DecimalNumber({.name = name,
                                            .decimals = 6,
                                            .min = 0,
                                            .max = Seconds(1'000).count(),
                                            .otherwise = otherwise ? std::optional(otherwise->count()) : std::nullopt,
                                            .example = "9.26",
                                            .why_no_finer = "it is kept in whole nanoseconds"}));
}

std::string KnownLaws() {
  return absl::StrJoin(CalibratedLaws(), "; ", [](std::string* out, const CalibratedLaw& row) {
    absl::StrAppend(out, std::string(row.model), " on ", std::string(row.hardware));
  });
}

IterationLaw ReadLaw(Section& section, std::string* description) {
  if (const Node* node = section.Optional("law")) {
    Section law(section.source(), *node, section.PathOf("law"), "{c0_ms: 6.42, d_ms: 0, k_ms: 0.0499, a_ms: 0.0196}");
    *description = "its own law";
    return {ReadMilliseconds(law, "c0_ms", std::nullopt), ReadMilliseconds(law, "d_ms", Duration::Zero()),
            ReadMilliseconds(law, "k_ms", Duration::Zero()), ReadMilliseconds(law, "a_ms", std::nullopt)};
  }
  const std::string model = section.Text({.name = "model", .otherwise = {}, .example = "Llama-3.1-8B"});
  const std::string hardware = section.Text({.name = "hardware", .otherwise = {}, .example = "1xH100 TRT-LLM"});
  *description = absl::StrCat(model, " on ", hardware);
  if (const IterationLaw* law = LawOf(model, hardware)) return *law;
  section.Complain("hardware", absl::StrCat("there is no calibrated law for it; known are: ", KnownLaws(),
                                            ". Or write your own as `law` (see `penstock sim calibrate`)"));
  return {Milliseconds(1), {}, {}, Microseconds(1)};
}

FleetTerms ReadReplicas(Section& section, FleetPlan& plan) {
  FleetTerms terms;
  plan.replicas = terms.replicas = static_cast<int>(
      section.Integer({.name = "replicas", .min = 1, .max = 100'000, .otherwise = {}, .example = "8"}));
  terms.replica.law = ReadLaw(section, &plan.description);
  terms.replica.max_sequences =
      section.Integer({.name = "max_sequences", .min = 1, .max = 8'192, .otherwise = 128, .example = "128"});
  terms.replica.step_token_budget = Tokens(
      section.Integer({.name = "step_tokens", .min = 2, .max = 1'000'000, .otherwise = 2'048, .example = "2048"}));
  if (terms.replica.step_token_budget.count() <= terms.replica.max_sequences) {
    section.Complain("step_tokens", "must be more than max_sequences, or prompts would never be computed");
  }
  const int64_t kv =
      section.Integer({.name = "kv_tokens", .min = 1, .max = 1'000'000'000'000, .otherwise = 0, .example = "500000"});
  if (kv > 0) terms.replica.kv_limit = Tokens(kv);
  plan.description =
      absl::StrCat(plan.replicas, plan.replicas == 1 ? " replica of " : " replicas of ", plan.description);
  return terms;
}

void ReadFixed(Section& section, FleetPlan& plan) {
  FixedTimesTerms times;
  times.start = ReadMilliseconds(section, "start_ms", Duration::Zero());
  times.per_input_token = ReadMilliseconds(section, "per_input_token_ms", Duration::Zero());
  times.per_output_token = ReadMilliseconds(section, "per_output_token_ms", std::nullopt);
  plan.description = "fixed times, whatever the load";
  plan.make = [times] { return std::make_unique<FixedTimes>(times, kWorldBegin); };
}

FleetPlan ReadFleet(const config::Source& source, const Node& node, const std::string& path, std::string* pool) {
  Section section(source, node, path, "{pool: chat, model: Llama-3.1-8B, hardware: 1xH100 TRT-LLM, replicas: 8}");
  FleetPlan plan;
  *pool = section.EntityName("pool", "chat");
  plan.replica_hour = config::ReadMoney(section, "replica_hour", "2.50");
  plan.joules_per_nt = ReadFactor(section, "joules_per_nt", 0, 1'000, "0.5");
  const auto model = static_cast<Model>(section.Choice({.name = "simulate", .choices = kModels, .otherwise = 0}));
  if (model == Model::kFixed) {
    ReadFixed(section, plan);
    return plan;
  }
  const FleetTerms terms = ReadReplicas(section, plan);
  if (model == Model::kIteration) {
    plan.make = [terms] { return std::make_unique<Fleet>(terms, kWorldBegin); };
  } else {
    plan.make = [terms] { return std::make_unique<FluidFleet>(terms, kWorldBegin); };
  }
  absl::StrAppend(&plan.description, " (", std::string(kModels[static_cast<size_t>(model)]), ")");
  return plan;
}

}  // namespace

void ReadFleets(Section& top, Scenario& scenario) {
  std::vector<std::pair<std::string, FleetPlan>> read;
  const auto one = [&](const Node& node, const std::string& path) {
    std::string pool;
    FleetPlan plan = ReadFleet(top.source(), node, path, &pool);
    if (std::any_of(read.begin(), read.end(), [&](const auto& other) { return other.first == pool; })) {
      top.Complain("fleets", absl::StrCat("says twice what the pool '", pool, "' runs on; keep one"));
    }
    read.emplace_back(std::move(pool), std::move(plan));
  };
  top.List("fleets", one, true, "[{pool: chat, model: Llama-3.1-8B, hardware: 1xH100 TRT-LLM, replicas: 8}]");
  for (const core::PoolSettings& pool : scenario.settings.pools) {
    const auto of_pool = std::find_if(read.begin(), read.end(), [&](const auto& f) { return f.first == pool.name; });
    if (of_pool == read.end()) {
      top.Complain("fleets", absl::StrCat("says nothing of the pool '", pool.name, "'; add what it runs on"));
      continue;
    }
    scenario.fleets.push_back(of_pool->second);
  }
  for (const auto& [pool, plan] : read) {
    const auto& pools = scenario.settings.pools;
    const bool known = std::any_of(pools.begin(), pools.end(), [&](const auto& p) { return p.name == pool; });
    if (!known && !pools.empty()) top.Complain("fleets", absl::StrCat("'", pool, "' is no pool of this scenario"));
  }
}

}  // namespace penstock::sim
