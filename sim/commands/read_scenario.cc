#include "sim/commands/read_scenario.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/config/config.h"
#include "broker/config/read_file.h"
#include "broker/config/readers.h"
#include "broker/config/section.h"
#include "sim/commands/scenario_parts.h"
#include "sim/run/run.h"

namespace penstock::sim {
namespace {

using config::Section;

/// What only the whole can tell: clients are of tenants, tenants have the keys that clients use.
void CheckWhole(Section& top, const Scenario& scenario) {
  for (const BoughtWindow& window : scenario.purchases) {
    const auto& tenants = scenario.settings.tenants;
    const bool known =
        std::any_of(tenants.begin(), tenants.end(), [&](const auto& t) { return t.name == window.tenant; });
    if (!known) top.Complain("purchases", absl::StrCat("'", window.tenant, "' is no tenant of this scenario"));
  }
  if (!scenario.purchases.empty() && !scenario.settings.pools.empty() && !scenario.settings.pools[0].market.open) {
    top.Complain("purchases", "the first pool sells nothing ahead of time; give it a `market: {open: true}`");
  }
  if (scenario.clients.empty() && scenario.population.customers.empty()) {
    top.Complain("traffic", "nobody sends anything; write `traffic` or `population`");
  }
}

absl::StatusOr<Scenario> UnderTariffFile(const Scenario& scenario, const std::string& file) {
  const absl::StatusOr<config::TariffFile> read = config::LoadTariff(file);
  if (!read.ok()) return read.status();
  for (const core::PoolSettings& pool : scenario.settings.pools) {
    if (read->tariff.PricesOf(pool.name) != nullptr) continue;
    return absl::InvalidArgumentError(absl::StrCat(file, ": pools: has no prices for pool '", pool.name,
                                                   "' of the scenario ", scenario.name, "; add them"));
  }
  return UnderTariff(scenario, read->tariff);
}

absl::StatusOr<Scenario> Read(std::string_view text, const std::string& file, const ScenarioChanges& changes) {
  config::Problems problems;
  const std::optional<config::Node> root = config::ParseDocument(text, file, problems);
  if (!root) return problems.ToStatus();
  const config::Source source{file, *root, problems};
  Scenario scenario;
  scenario.text = text;
  {
    Section top(source, *root, "", "a line such as `scenario: free-flood`");
    scenario.name = top.EntityName("scenario", "free-flood");
    scenario.about = top.Text({.name = "about", .otherwise = "", .example = "what it shows"});
    scenario.length = ReadDuration(top, kSpan<"length">, std::nullopt);
    if (problems.none() && (scenario.length < Minutes(1) || scenario.length.count() % Minutes(1).count() != 0)) {
      ComplainOfDuration(top, kSpan<"length">, "must be whole minutes, one or more: bills go by the minute");
    }
    scenario.warm_up = ReadOptionalDuration(top, kSpan<"warm_up">);
    if (scenario.warm_up && *scenario.warm_up >= scenario.length) {
      ComplainOfDuration(top, kSpan<"warm_up">, "is as long as the traffic: no times would be left");
    }
    scenario.target_wait = ReadDuration(top, kSpan<"target_wait">, Seconds(2));
    ReadPopulation(top, changes, scenario);
    config::Config settings;
    const bool may_lack_tenants = top.Has("population");
    config::ReadEngine(top, may_lack_tenants ? config::EngineTenants::kMayBeLeftOut : config::EngineTenants::kRequired,
                       settings);
    scenario.settings = std::move(settings.engine);
    ReadHappenings(top, scenario);
    ReadFleets(top, scenario);
    ReadTraffic(top, changes, scenario);
    if (problems.none()) CheckWhole(top, scenario);
  }
  if (!problems.none()) return problems.ToStatus();
  if (!changes.tariff_file) return scenario;
  return UnderTariffFile(scenario, *changes.tariff_file);
}

}  // namespace

absl::StatusOr<Scenario> LoadScenario(const std::string& path, const ScenarioChanges& changes) {
  const absl::StatusOr<std::string> text = config::ReadFile(path, config::kMaxFileBytes);
  if (!text.ok()) return text.status();
  return Read(*text, path, changes);
}

absl::StatusOr<Scenario> ParseScenario(std::string_view text, const std::string& file_name,
                                       const ScenarioChanges& changes) {
  return Read(text, file_name, changes);
}

}  // namespace penstock::sim
