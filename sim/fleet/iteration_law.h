// The iteration-time law: how long one step of a continuously batching engine takes.
//
//   time = c0 + d x decodes + k x KV tokens / 1000 + a x prefill tokens
//
// Integer nanoseconds throughout, so that event times are the same with every compiler.
#pragma once

#include <span>
#include <string_view>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"

namespace penstock::sim {

struct IterationLaw {
  Duration base;               // c0: per iteration, whatever it does
  Duration per_decode;         // d: per sequence that makes a token
  Duration per_kv_ktoken;      // k: per thousand context tokens of the sequences that make a token
  Duration per_prefill_token;  // a: per prompt token computed
};

/// What one iteration computes.
struct IterationLoad {
  int64_t decodes = 0;
  Tokens kv;       // context of the decoding sequences at the start of the iteration
  Tokens prefill;  // prompt tokens computed in it
};

/// Rounded down to whole nanoseconds.
Duration IterationTimeRoundDown(const IterationLaw& law, const IterationLoad& load);

struct CalibratedLaw {
  std::string_view model;
  std::string_view hardware;
  IterationLaw law;
};

/// The laws that were calibrated against measurements.
std::span<const CalibratedLaw> CalibratedLaws();

/// The calibrated law of a model on some hardware, or nullptr. Both names as CalibratedLaws() spells them.
const IterationLaw* LawOf(std::string_view model, std::string_view hardware);

}  // namespace penstock::sim
