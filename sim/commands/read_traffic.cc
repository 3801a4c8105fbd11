#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/config/readers.h"
#include "sim/commands/file_bytes.h"
#include "sim/commands/read_generators.h"
#include "sim/commands/scenario_parts.h"
#include "sim/traces/shipped_traces.h"
#include "sim/traffic/trace_arrivals.h"
#include "sim/traffic/volume.h"

namespace penstock::sim {
namespace {

using config::Node;
using config::Section;

constexpr std::array<std::string_view, 2> kNoYes = {"no", "yes"};

struct Shipped {
  std::string_view name;
  std::string_view (*text)();
  std::string_view attribution;
};
constexpr std::string_view kAzure =
    "Traffic: Azure LLM inference traces 2023, Azure/AzurePublicDataset, CC-BY 4.0; Patel et al., Splitwise, ISCA 2024.";
constexpr std::string_view kMooncake = "Traffic: Mooncake conversation trace, kvcache-ai/Mooncake, Apache-2.0; FAST 2025.";
constexpr std::array<Shipped, 3> kShippedTraces = {{{"azure-conversation", ConversationTraceCsv, kAzure},
                                              {"azure-code", CodeTraceCsv, kAzure},
                                              {"mooncake-conversation", LongConversationTraceJsonl, kMooncake}}};

void Attribute(std::string_view attribution, Scenario& scenario) {
  if (scenario.attribution.find(attribution) != std::string::npos) return;
  absl::StrAppend(&scenario.attribution, scenario.attribution.empty() ? "" : "\n", std::string(attribution));
}

TraceText TraceNamed(const std::string& name, const std::string& scenario_file, Scenario& scenario) {
  for (const Shipped& shipped : kShippedTraces) {
    if (shipped.name != name) continue;
    Attribute(shipped.attribution, scenario);
    return {name, [text = shipped.text]() -> absl::StatusOr<std::unique_ptr<ByteSource>> { return BytesOf(text()); }, {}};
  }
  const std::string path = config::ResolvePath(name, scenario_file);
  return {path, [path] { return BytesOfFile(path); }, {}};
}

/// More of the same between two times.
struct MoreBetween {
  Duration from;
  Duration to;
  double times = 1;
};

std::vector<MoreBetween> ReadBursts(Section& section) {
  std::vector<MoreBetween> bursts;
  section.List(
      "bursts",
      [&](const Node& node, const std::string& path) {
        Section burst(section.source(), node, path, "{from_min: 10, to_min: 20, multiplier: 10}");
        MoreBetween read;
        read.from = ReadDuration(burst, "from", std::nullopt);
        read.to = ReadDuration(burst, "to", std::nullopt);
        read.times = ReadFactor(burst, "multiplier", std::nullopt, 10'000, "10");
        if (read.to <= read.from) burst.Complain("", "must end after it begins");
        if (read.times < 1) burst.Complain("multiplier", "must be 1 or more: a burst adds to the usual traffic");
        bursts.push_back(read);
      },
      false, "[{from_min: 10, to_min: 20, multiplier: 10}]");
  return bursts;
}

/// A trace from a place of its own for every seed, unless the scenario says where it begins.
struct TracePlan {
  TraceText text;
  TraceSurvey survey;
  ArrivalTerms terms;
  std::optional<Duration> begin;
  bool goes_round = true;
  Duration length;
  double copies = 1;
  std::vector<MoreBetween> bursts;

  std::unique_ptr<ArrivalSource> Make(uint32_t tenant, double volume, const Streams& streams) const {
    Random start = streams.Of(tenant, Purpose::kArrivals);
    std::vector<std::unique_ptr<ArrivalSource>> parts;
    parts.push_back(WithVolume(From(start, {}, length, tenant), copies * volume, streams.Of(tenant, Purpose::kVolume)));
    for (const MoreBetween& burst : bursts) {
      const Duration to = std::min(burst.to, length);
      if (burst.from >= to) continue;
      parts.push_back(WithVolume(From(start, burst.from, to - burst.from, tenant), copies * volume * (burst.times - 1),
                                 Random(start.Next())));
    }
    return MergedArrivals(std::move(parts));
  }

 private:
  /// A stretch of the trace that is moved to `at`.
  std::unique_ptr<ArrivalSource> From(Random& start, Duration at, Duration span, uint32_t tenant) const {
    const Duration drawn(start.Below(std::max<int64_t>(survey.span.count(), 1)));
    const TraceStretch stretch{begin && at == Duration::Zero() ? *begin : drawn, span, goes_round};
    return Later(TraceArrivals(text, survey, stretch, tenant, terms), at);
  }
};

absl::StatusOr<TraceSurvey> SurveyOnce(const TraceText& text) {
  // Scenarios name the same trace for many tenants.
  static std::map<std::string, TraceSurvey> known;
  const auto found = known.find(text.name);
  if (found != known.end()) return found->second;
  absl::StatusOr<TraceSurvey> survey = Survey(text);
  if (survey.ok()) known.emplace(text.name, *survey);
  return survey;
}

TrafficFactory ReadTrace(Section& section, const std::string& name, Scenario& scenario) {
  TracePlan plan;
  plan.text = TraceNamed(name, section.source().file, scenario);
  plan.terms = ReadArrivalTerms(section);
  plan.goes_round = section.Choice({.name = "repeat", .choices = kNoYes, .otherwise = 1}) == 1;
  if (section.Has("begin_min") || section.Has("begin_s")) plan.begin = ReadDuration(section, "begin", std::nullopt);
  if (!plan.goes_round && !plan.begin) plan.begin = Duration::Zero();
  plan.length = scenario.length;
  plan.bursts = ReadBursts(section);
  const bool by_rate = section.Has("requests_per_s");
  const double rate = by_rate ? ReadFactor(section, "requests_per_s", std::nullopt, 1e6, "25") : 0;
  plan.copies = ReadFactor(section, "copies", 1.0, 1e6, "2");
  if (by_rate && section.Has("copies")) section.Complain("copies", "says how much, as requests_per_s does; keep one of them");
  const absl::StatusOr<TraceSurvey> survey = SurveyOnce(plan.text);
  if (!survey.ok()) {
    section.Complain("trace", survey.status().message());
    return {};
  }
  plan.survey = *survey;
  for (const std::string& bad : survey->tally.messages) scenario.warnings.push_back(bad);
  if (survey->tally.bad_rows > 0) {
    scenario.warnings.push_back(absl::StrCat(plan.text.name, ": ", survey->tally.bad_rows, " bad rows left out, ",
                                             survey->tally.rows, " taken"));
  }
  if (by_rate) plan.copies = rate / survey->Rate();
  return [plan](uint32_t tenant, double volume, const Streams& streams) { return plan.Make(tenant, volume, streams); };
}

void ReadClient(Section& section, Scenario& scenario, Client& client) {
  client.tenant = section.EntityName("tenant", "acme");
  const auto& tenants = scenario.settings.tenants;
  const auto tenant = std::find_if(tenants.begin(), tenants.end(), [&](const auto& t) { return t.name == client.tenant; });
  const bool known = tenant != tenants.end();
  if (!known && !tenants.empty()) section.Complain("tenant", absl::StrCat("'", client.tenant, "' is no tenant here"));
  client.key = section.Has("key") ? section.EntityName("key", "prod") : known ? tenant->keys.front().name : "prod";
  if (known && std::none_of(tenant->keys.begin(), tenant->keys.end(), [&](const auto& k) { return k.name == client.key; })) {
    section.Complain("key", absl::StrCat("'", client.tenant, "' has no key '", client.key, "'"));
  }
  if (section.Has("asks")) {
    constexpr std::array<std::string_view, 3> kClasses = {"flex", "default", "priority"};
    client.asks = ServiceClassNamed(kClasses[section.Choice({.name = "asks", .choices = kClasses, .otherwise = {}})]);
  }
  client.max_wait = ReadDuration(section, "max_wait", penstock::Seconds(30));
  client.retries = static_cast<int>(
      section.Integer({.name = "retries", .min = 0, .max = 1'000, .otherwise = 0, .example = "2"}));
  client.late = ReadDuration(section, "late", Duration::Zero());
}

}  // namespace

void ReadTraffic(Section& top, const ScenarioChanges& changes, Scenario& scenario) {
  const auto read = [&](const Node& node, const std::string& path) {
    Section section(top.source(), node, path, "{tenant: acme, trace: azure-conversation, requests_per_s: 25}");
    ClientPlan plan;
    ReadClient(section, scenario, plan.client);
    if (section.Has("trace")) {
      const std::string named = section.Text({.name = "trace", .otherwise = {}, .example = "azure-conversation"});
      plan.traffic = ReadTrace(section, changes.trace_file.value_or(named), scenario);
    } else {
      plan.traffic = ReadGenerator(section, scenario.length);
    }
    scenario.clients.push_back(std::move(plan));
  };
  top.List("traffic", read, false, "[{tenant: acme, trace: azure-conversation, requests_per_s: 25}]");
}

}  // namespace penstock::sim
