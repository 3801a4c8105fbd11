#include "sim/commands/read_generators.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "sim/commands/scenario_parts.h"
#include "sim/traffic/agent_loops.h"
#include "sim/traffic/generators.h"
#include "sim/traffic/volume.h"

namespace penstock::sim {
namespace {

using config::Section;

constexpr double kMostPerSecond = 1e6;
constexpr double kMostTokens = 1e6;
constexpr double kLeastShape = 0.05;

double ReadRate(Section& section) {
  return ReadPositive(section, "requests_per_s", std::nullopt, kMostPerSecond, "25");
}

double ReadTokens(Section& section, std::string_view name, double otherwise) {
  const double tokens = ReadFactor(section, name, otherwise, kMostTokens, "800");
  if (tokens < 1) section.Complain(name, "must be 1 or more: there is no request without tokens");
  return std::max(tokens, 1.0);
}

/// Lognormal sizes about their means; a spread of 0 is always the mean.
SizeLaw ReadSizes(Section& section) {
  LognormalSizes law;
  law.mean_prompt = ReadTokens(section, "prompt_tokens", 1'000);
  law.mean_generated = ReadTokens(section, "output_tokens", 200);
  law.sigma_prompt = law.sigma_generated = ReadFactor(section, "spread", 1.0, 5, "1.0");
  if (law.sigma_prompt > 0) return SizesOf(law);
  return AlwaysSize(Tokens(static_cast<int64_t>(law.mean_prompt)), Tokens(static_cast<int64_t>(law.mean_generated)));
}

/// Of any process that ArrivalsOf knows.
template <class Process>
TrafficFactory Sending(const Process& process, Duration length, SizeLaw sizes, const ArrivalTerms& terms) {
  return [=](uint32_t tenant, double volume, const Streams& streams) {
    return WithVolume(ArrivalsOf(process, Sender{tenant, length, sizes, terms}, streams), volume,
                      streams.Of(tenant, Purpose::kVolume));
  };
}

DiurnalProcess ReadDiurnal(Section& section) {
  DiurnalProcess process;
  process.requests_per_second = ReadRate(section);
  process.swing = ReadFactor(section, "swing", process.swing, 1, "0.5");
  process.peak = ReadDuration(section, kSpan<"peak">, process.peak);
  process.weekend = ReadFactor(section, "weekend", process.weekend, 100, "0.6");
  return process;
}

AgentLoops ReadAgents(Section& section) {
  AgentLoops loops;
  loops.runs_per_second = ReadPositive(section, "runs_per_s", std::nullopt, kMostPerSecond, "0.1");
  const auto count = [&](std::string_view name, int64_t otherwise) {
    return section.Integer({.name = name, .min = 0, .max = 1'000'000'000, .otherwise = otherwise, .example = "20"});
  };
  loops.most_runs = count("most_runs", loops.most_runs);
  loops.requests_per_run = count("requests_per_run", loops.requests_per_run);
  loops.first_prompt = Tokens(static_cast<int64_t>(ReadTokens(section, "first_prompt_tokens", 4'000)));
  loops.mean_new_tokens = ReadTokens(section, "new_tokens", loops.mean_new_tokens);
  loops.mean_generated = ReadTokens(section, "output_tokens", loops.mean_generated);
  loops.mean_step = ReadDuration(section, kSpan<"step">, loops.mean_step);
  loops.longest_context = Tokens(static_cast<int64_t>(ReadTokens(section, "longest_context_tokens", 128'000)));
  if (loops.mean_step <= Duration::Zero()) ComplainOfDuration(section, kSpan<"step">, "must be more than 0");
  if (loops.longest_context < loops.first_prompt) {
    section.Complain("longest_context_tokens",
                     "is less than first_prompt_tokens: not even the first request would fit");
  }
  return loops;
}

constexpr std::array<std::string_view, 5> kGenerators = {"poisson", "gamma", "weibull", "diurnal", "agents"};

/// Which of them the client has; a problem unless it is exactly one.
std::optional<std::string_view> GeneratorOf(Section& client) {
  std::optional<std::string_view> found;
  for (const std::string_view kind : kGenerators) {
    if (!client.Has(kind)) continue;
    if (found) client.Complain(kind, "is a second source of traffic; write it as another element with the same tenant");
    found = kind;
  }
  if (!found) {
    client.Complain("", "sends nothing; give it one of `trace`, `poisson`, `gamma`, `weibull`, `diurnal`, `agents`");
  }
  return found;
}

}  // namespace

TrafficFactory ReadGenerator(Section& client, Duration length) {
  const ArrivalTerms terms = ReadArrivalTerms(client);
  const std::optional<std::string_view> kind = GeneratorOf(client);
  if (!kind) return {};
  Section section(client.source(), *client.Optional(*kind), client.PathOf(*kind),
                  "{requests_per_s: 25, prompt_tokens: 1000}");
  if (kind == "agents") {
    const AgentLoops loops = ReadAgents(section);
    return [=](uint32_t tenant, double volume, const Streams& streams) {
      return WithVolume(ArrivalsOf(loops, tenant, length, terms, streams), volume,
                        streams.Of(tenant, Purpose::kVolume));
    };
  }
  SizeLaw sizes = ReadSizes(section);
  if (kind == "diurnal") return Sending(ReadDiurnal(section), length, std::move(sizes), terms);
  const double rate = ReadRate(section);
  if (kind == "poisson") return Sending(PoissonProcess{rate}, length, std::move(sizes), terms);
  const double shape = ReadFactor(section, "shape", std::nullopt, 100, "0.5");
  if (shape < kLeastShape) section.Complain("shape", "must be 0.05 or more; below 1 the traffic is bursty");
  if (kind == "gamma") return Sending(GammaProcess{rate, shape}, length, std::move(sizes), terms);
  return Sending(WeibullProcess{rate, shape}, length, std::move(sizes), terms);
}

}  // namespace penstock::sim
