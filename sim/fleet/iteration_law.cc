#include "sim/fleet/iteration_law.h"

#include <array>

namespace penstock::sim {
namespace {

// Fitted to measured time per output token (and, for the last two, to replayed per-request latencies):
//   rows 1, 2  the silicon measurements of ai-dynamo/aiconfigurator @ 095f58a5 (Apache-2.0)
//   rows 3, 4  the vLLM 0.19 request logs of casys-kaist/LLMServingSim @ 5daddb21 (MIT); mean error of a request's
//              latency in replay on held-out requests 0.92 % and 0.54 %
// In milliseconds, as published: c0, d per decode, k per thousand KV tokens, a per prefill token. In nanoseconds here.
constexpr std::array<CalibratedLaw, 4> kLaws = {{
    {"Qwen3-32B",  // 9.26, 0.0608, 0.0253, 0.0288
     "4xH100 vLLM",
     {Nanoseconds(9'260'000), Nanoseconds(60'800), Nanoseconds(25'300), Nanoseconds(28'800)}},
    {"Llama-3.1-8B",  // 6.42, 0, 0.0499, 0.0196
     "1xH100 TRT-LLM",
     {Nanoseconds(6'420'000), Nanoseconds(0), Nanoseconds(49'900), Nanoseconds(19'600)}},
    {"Llama-3.1-8B",  // 10.58, 0.1227, 0.0764, 0.0468
     "1xRTX PRO 6000 vLLM 0.19",
     {Nanoseconds(10'580'000), Nanoseconds(122'700), Nanoseconds(76'400), Nanoseconds(46'800)}},
    {"Qwen3-32B",  // 20.0, 0.0025, 0.2084, 0.1336
     "2xRTX PRO 6000 vLLM 0.19",
     {Nanoseconds(20'000'000), Nanoseconds(2'500), Nanoseconds(208'400), Nanoseconds(133'600)}},
}};

}  // namespace

Duration IterationTimeRoundDown(const IterationLaw& law, const IterationLoad& load) {
  const Duration kv = Duration(DivideRoundDown((law.per_kv_ktoken * load.kv.count()).count(), int64_t{1'000}));
  return law.base + law.per_decode * load.decodes + kv + law.per_prefill_token * load.prefill.count();
}

std::span<const CalibratedLaw> CalibratedLaws() { return kLaws; }

const IterationLaw* LawOf(std::string_view model, std::string_view hardware) {
  for (const CalibratedLaw& row : kLaws) {
    if (row.model == model && row.hardware == hardware) return &row.law;
  }
  return nullptr;
}

}  // namespace penstock::sim
