#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sim/commands/scenario_parts.h"
#include "sim/traffic/servegen_population.h"

namespace penstock::sim {
namespace {

using config::Node;
using config::Section;

constexpr std::array<std::string_view, 4> kModels = {"m-large", "m-small", "deepseek-r1", "mm-image"};
constexpr std::array<std::string_view, 3> kWho = {"all", "even", "odd"};
constexpr std::array<std::string_view, 3> kVolumes = {"fixed", "constant_elasticity", "logit"};

void ReadPlans(Section& section, DemandTerms& terms) {
  for (const std::string& name : section.Names("plans", "[flex, default, priority]")) {
    const std::optional<ServiceClass> plan = ServiceClassNamed(name);
    const bool is_elastic =
        plan == ServiceClass::kFlex || plan == ServiceClass::kDefault || plan == ServiceClass::kPriority;
    if (is_elastic) {
      terms.plans.push_back(*plan);
    } else {
      section.Complain("plans", absl::StrCat("'", name, "' is no elastic class; there are flex, default and priority"));
    }
  }
}

DemandTerms ReadDemand(Section& population) {
  DemandTerms terms;
  terms.reference_price = 1;
  const Node* node = population.Optional("demand");
  if (node == nullptr) return terms;
  Section section(population.source(), *node, population.PathOf("demand"),
                  "{volume: constant_elasticity, elasticity: 1.2, reference_price: 0.150}");
  terms.volume = static_cast<VolumeModel>(section.Choice({.name = "volume", .choices = kVolumes, .otherwise = 0}));
  // "0.150" currency units per million nt are 150 pico-units per milli-nt.
  terms.reference_price = section.DecimalNumber({.name = "reference_price",
                                                 .decimals = 3,
                                                 .min = 1,
                                                 .max = 1'000'000'000,
                                                 .otherwise = {},
                                                 .example = "0.150",
                                                 .why_no_finer = "it is kept in pico-units per milli-nt"});
  const auto number = [&](std::string_view name, double otherwise, double max) {
    return ReadFactor(section, name, otherwise, max, "1.0");
  };
  terms.elasticity = number("elasticity", terms.elasticity, 20);
  terms.choke = number("choke", terms.choke, 1'000);
  terms.most_volume = number("most_volume", terms.most_volume, 100);
  ReadPlans(section, terms);
  constexpr std::array<std::string_view, 2> kAnswers = {"no", "yes"};
  terms.may_reserve = section.Choice({.name = "may_reserve", .choices = kAnswers, .otherwise = 0}) == 1;
  terms.speed_value = number("speed_value", 0, 100);
  terms.speed_value_of_spiky = number("speed_value_of_spiky", 0, 100);
  terms.taste_noise = number("taste_noise", terms.taste_noise, 100);
  terms.shiftable = number("shiftable", 0, 1);
  terms.longest_shift = ReadDuration(section, kSpan<"longest_shift">, terms.longest_shift);
  terms.shift_cost = number("shift_cost", terms.shift_cost, 100);
  terms.churn_per_period = number("churn_per_period", 0, 1);
  terms.churn_by_price = number("churn_by_price", 0, 1);
  if (terms.choke <= 1) section.Complain("choke", "must be more than 1: nobody would buy at the reference price");
  if (terms.most_volume <= 1) section.Complain("most_volume", "must be more than 1: it bounds what a low price brings");
  if (terms.volume == VolumeModel::kLogit && terms.elasticity <= 0) {
    section.Complain("elasticity",
                     "of a logit must be more than 0; write `volume: fixed` for customers that do not care");
  }
  return terms;
}

/// Whose days they are: which, and of whom.
struct Part {
  int64_t from_day = 0;
  size_t who = 0;
  double scale = 1;
};

Part ReadPart(Section& section, const Part& otherwise) {
  Part part;
  part.from_day =
      section.Integer({.name = "from_day", .min = 0, .max = 13, .otherwise = otherwise.from_day, .example = "7"});
  part.who = section.Choice({.name = "clients", .choices = kWho, .otherwise = otherwise.who});
  part.scale = ReadPositive(section, "scale", otherwise.scale, 1'000, "0.003");
  return part;
}

/// Days or clients that nothing is fitted to; a week later unless it says otherwise.
Part ReadHoldOut(Section& population, Part part) {
  part.from_day += 7;
  const Node* node = population.Optional("hold_out");
  if (node == nullptr) return part;
  Section section(population.source(), *node, population.PathOf("hold_out"), "{from_day: 7, clients: all}");
  return ReadPart(section, part);
}

bool Takes(size_t who, size_t client) { return who == 0 || (who == 1) == (client % 2 == 0); }

}  // namespace

void ReadPopulation(Section& top, const ScenarioChanges& changes, Scenario& scenario) {
  const Node* node = top.Optional("population");
  if (node == nullptr) return;
  Section section(top.source(), *node, top.PathOf("population"), "{servegen: m-large, scale: 0.003}");
  const size_t model = section.Choice({.name = "servegen", .choices = kModels, .otherwise = {}});
  Part part = ReadPart(section, Part());
  const Part hold_out = ReadHoldOut(section, part);
  if (changes.hold_out) part = hold_out;
  const ServeGenSlice slice{
      .from = Days(part.from_day), .to = Days(part.from_day) + scenario.length, .scale = part.scale};
  if (scenario.length.count() % kServeGenWindow.count() != 0) {
    section.Complain("servegen", "needs a `length` of whole ten minutes, which is what its rates are given for");
  }
  const ArrivalTerms terms = ReadArrivalTerms(section);
  scenario.population.demand = ReadDemand(section);
  scenario.population.flex_wait = ReadDuration(section, kSpan<"flex_wait">, Hours(1));
  scenario.population.elastic_wait = ReadDuration(section, kSpan<"elastic_wait">, penstock::Seconds(30));
  if (!top.source().problems.none()) return;

  absl::StatusOr<ServeGenPopulation> loaded = ServeGenPopulation::Shipped(kModels[model]);
  if (!loaded.ok()) return section.Complain("servegen", loaded.status().ToString());
  const auto population = std::make_shared<const ServeGenPopulation>(*std::move(loaded));
  if (slice.to > population->span()) {
    return section.Complain("servegen",
                            absl::StrCat("has ", population->span().count() / penstock::Days(1).count(),
                                         " days in all; begin at an earlier from_day or take a shorter length"));
  }
  for (size_t client = 0; client < population->clients().size(); ++client) {
    if (!Takes(part.who, client)) continue;
    scenario.population.customers.push_back(absl::StrCat("client-", population->clients()[client].name));
    scenario.population.traffic.push_back(
        [population, client, slice, terms](uint32_t tenant, double volume, const Streams& streams) {
          return population->ArrivalsOf(client, tenant, slice, volume, terms, streams);
        });
  }
  scenario.attribution = absl::StrCat(
      "Traffic: ServeGen ", std::string(kModels[model]),
      " client rates and lengths, alibaba/ServeGen (Apache-2.0); requests are drawn from them, prices are assumed.");
}

}  // namespace penstock::sim
