#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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
    "Traffic: Azure LLM inference traces 2023, Azure/AzurePublicDataset, CC-BY 4.0; Patel et al., Splitwise, ISCA "
    "2024.";
constexpr std::string_view kMooncake =
    "Traffic: Mooncake conversation trace, kvcache-ai/Mooncake, Apache-2.0; FAST 2025.";
constexpr std::array<Shipped, 3> kShippedTraces = {{{"azure-conversation", ConversationTraceCsv, kAzure},
                                                    {"azure-code", CodeTraceCsv, kAzure},
                                                    {"mooncake-conversation", LongConversationTraceJsonl, kMooncake}}};

/// What is wrong with a trace, and which names would not have been files.
std::string NoTrace(const std::string& name, const absl::Status& status) {
  const auto named = [](std::string* out, const Shipped& shipped) { absl::StrAppend(out, std::string(shipped.name)); };
  const bool is_path = name.find_first_of("/.") != std::string::npos;
  return absl::StrCat(std::string(status.message()),
                      is_path ? "" : absl::StrCat("; built in are ", absl::StrJoin(kShippedTraces, ", ", named)));
}

void Attribute(std::string_view attribution, Scenario& scenario) {
  if (scenario.attribution.find(attribution) != std::string::npos) return;
  absl::StrAppend(&scenario.attribution, scenario.attribution.empty() ? "" : "\n", std::string(attribution));
}

TraceText TraceNamed(const std::string& name, const std::string& scenario_file, Scenario& scenario) {
  for (const Shipped& shipped : kShippedTraces) {
    if (shipped.name != name) continue;
    Attribute(shipped.attribution, scenario);
    return {
        name, [text = shipped.text]() -> absl::StatusOr<std::unique_ptr<ByteSource>> { return BytesOf(text()); }, {}};
  }
  const std::string path = config::ResolvePath(name, scenario_file);
  std::vector<std::string>& files = scenario.trace_files;
  if (std::find(files.begin(), files.end(), path) == files.end()) files.push_back(path);
  return {path, [path] { return BytesOfFile(path); }, {}};
}

constexpr double kMostCopies = 1'000;
constexpr double kMostRate = 1e6;  // requests per second

/// More of the same between two times.
struct MoreBetween {
  Duration from;
  Duration to;
  double times = 1;
};

std::vector<MoreBetween> ReadBursts(Section& section, Scenario& scenario) {
  std::vector<MoreBetween> bursts;
  section.List(
      "bursts",
      [&](const Node& node, const std::string& path) {
        Section burst(section.source(), node, path, "{from_min: 10, to_min: 20, multiplier: 10}");
        MoreBetween read;
        read.from = ReadDuration(burst, kSpan<"from">, std::nullopt);
        read.to = ReadDuration(burst, kSpan<"to">, std::nullopt);
        read.times = ReadFactor(burst, "multiplier", std::nullopt, kMostCopies, "10");
        if (read.to <= read.from) ComplainOfDuration(burst, kSpan<"to">, "must be after `from`");
        if (read.from >= scenario.length) {
          scenario.warnings.push_back(
              absl::StrCat(path, ": begins after the end of the traffic, so that it sends nothing"));
        }
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
      Random volume_of_burst(start.Next());  // drawn before the place: arguments have no order of their own
      parts.push_back(WithVolume(From(start, burst.from, to - burst.from, tenant), copies * volume * (burst.times - 1),
                                 volume_of_burst));
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

/// The traces that were looked through: scenarios name the same one for many tenants.
using Surveys = std::map<std::string, absl::StatusOr<TraceSurvey>>;

void WarnOfBadRows(const std::string& name, const RowTally& tally, Scenario& scenario) {
  for (const std::string& bad : tally.messages) scenario.warnings.push_back(bad);
  if (tally.bad_rows == 0) return;
  scenario.warnings.push_back(absl::StrCat(name, ": ", tally.bad_rows, " bad rows left out, ", tally.rows, " taken"));
}

const absl::StatusOr<TraceSurvey>& SurveyOnce(const TraceText& text, Surveys& surveys, Scenario& scenario) {
  const auto found = surveys.find(text.name);
  if (found != surveys.end()) return found->second;
  const auto& survey = surveys.emplace(text.name, Survey(text)).first->second;
  if (survey.ok()) WarnOfBadRows(text.name, survey->tally, scenario);
  return survey;
}

/// How many times the trace's own traffic; `survey` is null when it could not be read.
double ReadCopies(Section& section, const TraceSurvey* survey) {
  const bool by_rate = section.Has("requests_per_s");
  const double rate = by_rate ? ReadPositive(section, "requests_per_s", std::nullopt, kMostRate, "25") : 0;
  const double copies = ReadPositive(section, "copies", 1.0, kMostCopies, "2");
  if (!by_rate || survey == nullptr) return copies;
  if (section.Has("copies")) section.Complain("copies", "says how much, as requests_per_s does; keep one of them");
  if (rate / survey->Rate() <= kMostCopies) return rate / survey->Rate();
  section.Complain("requests_per_s", absl::StrCat("is more than ", kMostCopies, " times the ", survey->Rate(),
                                                  " requests per second of the trace; take a generator"));
  return copies;
}

TrafficFactory ReadTrace(Section& section, const std::string& name, Surveys& surveys, Scenario& scenario) {
  TracePlan plan;
  plan.text = TraceNamed(name, section.source().file, scenario);
  plan.terms = ReadArrivalTerms(section);
  plan.goes_round = section.Choice({.name = "repeat", .choices = kNoYes, .otherwise = 1}) == 1;
  plan.begin = ReadOptionalDuration(section, kSpan<"begin">);
  if (!plan.goes_round && !plan.begin) plan.begin = Duration::Zero();
  plan.length = scenario.length;
  plan.bursts = ReadBursts(section, scenario);
  const absl::StatusOr<TraceSurvey>& survey = SurveyOnce(plan.text, surveys, scenario);
  if (!survey.ok()) {
    section.Complain("trace", NoTrace(name, survey.status()));
  } else if (survey->span <= Duration::Zero()) {
    section.Complain("trace", "has all its rows at one moment, so that it has no rate");
  }
  const bool good = survey.ok() && survey->span > Duration::Zero();
  plan.copies = ReadCopies(section, good ? &*survey : nullptr);
  if (!good) return {};
  plan.survey = *survey;
  return [plan](uint32_t tenant, double volume, const Streams& streams) { return plan.Make(tenant, volume, streams); };
}

/// `pools`, by preference; without it the first.
void ReadPools(Section& section, const Scenario& scenario, Client& client) {
  std::vector<size_t> pools;
  for (const std::string& name : section.Names("pools", "[chat]")) {
    if (const std::optional<size_t> pool = PoolNamed(scenario, name)) {
      pools.push_back(*pool);
    } else {
      section.Complain("pools", absl::StrCat("'", name, "' is no pool of this scenario"));
    }
  }
  if (!pools.empty()) client.pools = std::move(pools);
}

void ReadClient(Section& section, Scenario& scenario, Client& client) {
  client.tenant = section.EntityName("tenant", "acme");
  const auto& tenants = scenario.settings.tenants;
  const auto tenant =
      std::find_if(tenants.begin(), tenants.end(), [&](const auto& t) { return t.name == client.tenant; });
  const bool known = tenant != tenants.end();
  if (!known && !tenants.empty()) section.Complain("tenant", absl::StrCat("'", client.tenant, "' is no tenant here"));
  client.key = section.Has("key") ? section.EntityName("key", "prod") : known ? tenant->keys.front().name : "prod";
  if (known &&
      std::none_of(tenant->keys.begin(), tenant->keys.end(), [&](const auto& k) { return k.name == client.key; })) {
    section.Complain("key", absl::StrCat("'", client.tenant, "' has no key '", client.key, "'"));
  }
  if (section.Has("asks")) {
    constexpr std::array<std::string_view, 3> kClasses = {"flex", "default", "priority"};
    client.asks = ServiceClassNamed(kClasses[section.Choice({.name = "asks", .choices = kClasses, .otherwise = {}})]);
  }
  ReadPools(section, scenario, client);
  client.max_wait = ReadDuration(section, kSpan<"max_wait">, penstock::Seconds(30));
  client.retries =
      static_cast<int>(section.Integer({.name = "retries", .min = 0, .max = 1'000, .otherwise = 0, .example = "2"}));
  client.late = ReadDuration(section, kSpan<"late">, Duration::Zero());
}

}  // namespace

void ReadTraffic(Section& top, const ScenarioChanges& changes, Scenario& scenario) {
  Surveys surveys;
  bool any_trace = false;
  const auto read = [&](const Node& node, const std::string& path) {
    Section section(top.source(), node, path, "{tenant: acme, trace: azure-conversation, requests_per_s: 25}");
    ClientPlan plan;
    ReadClient(section, scenario, plan.client);
    if (section.Has("trace")) {
      any_trace = true;
      const std::string named = section.Text({.name = "trace", .otherwise = {}, .example = "azure-conversation"});
      plan.traffic = ReadTrace(section, changes.trace_file.value_or(named), surveys, scenario);
    } else {
      plan.traffic = ReadGenerator(section, scenario.length);
    }
    scenario.clients.push_back(std::move(plan));
  };
  top.List("traffic", read, false, "[{tenant: acme, trace: azure-conversation, requests_per_s: 25}]");
  if (changes.trace_file && !any_trace) {
    top.Complain("traffic", absl::StrCat("names no trace that ", *changes.trace_file, " could stand for (--trace)"));
  }
}

}  // namespace penstock::sim
