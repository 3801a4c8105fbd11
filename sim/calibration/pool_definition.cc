#include "sim/calibration/pool_definition.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace penstock::sim {
namespace {

/// Milli-nt as nt, without zeros that say nothing.
std::string Rate(int64_t milli) {
  std::string text = absl::StrFormat("%d.%03d", milli / 1'000, milli % 1'000);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

/// A comment must not end where a name has a line break.
std::string OneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 32; }, '?');
  return text;
}

std::string Comment(const PoolDefinition& pool) {
  const IterationLaw& law = pool.fleet.replica.law;
  const auto ms = [](Duration d) { return static_cast<double>(d.count()) / 1e6; };
  std::string text = absl::StrFormat(
      "# An element of `pools:`. %s on %s, %d replica%s,\n"
      "# calibrated by penstock sim calibrate from %s.\n"
      "#\n"
      "# An iteration takes %.4g ms + %.4g ms per decoding sequence + %.4g ms per 1,000 KV tokens\n"
      "# + %.4g ms per prefill token. At %.1f sequences a replica, of %.0f input and %.0f output tokens, that is\n"
      "# %.2f ms per output token and %.2f requests/s in all; a token of output then costs as much time as\n"
      "# %s of input.\n",
      OneLine(pool.model), OneLine(pool.hardware), pool.fleet.replicas, pool.fleet.replicas == 1 ? "" : "s",
      OneLine(pool.profile), ms(law.base), ms(law.per_decode), ms(law.per_kv_ktoken), ms(law.per_prefill_token),
      pool.calibration.batch, pool.mix.input, pool.mix.output, pool.calibration.time_per_output_token_ms,
      pool.calibration.requests_per_second, Rate(pool.calibration.burndown[TokenKind::kOutput]));
  if (pool.energy) {
    absl::StrAppendFormat(&text,
                          "# Energy at a batch of %d: %.3g J per input token, %.3g J per output token\n"
                          "# (boards at their rated power).\n",
                          pool.energy->batch, pool.energy->joules_per_input_token,
                          pool.energy->joules_per_output_token);
  }
  return text;
}

}  // namespace

std::string PoolNameOf(const std::string& model) {
  std::string name = model.substr(model.rfind('/') + 1);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!allowed) c = '-';
  }
  return name.empty() ? "pool" : name;
}

std::string PoolYaml(const PoolDefinition& pool) {
  const Calibration& calibration = pool.calibration;
  const double slots = std::ceil(1.2 * calibration.batch * pool.fleet.replicas);
  const auto rate = [&](TokenKind kind) { return Rate(calibration.burndown[kind]); };
  std::string text = Comment(pool);
  absl::StrAppendFormat(&text, "- name: %s\n  model: %s\n  capacity_nt_per_s: %d\n  max_in_flight: %d\n", pool.name,
                        PoolNameOf(pool.model), calibration.capacity_nt_per_second, static_cast<int64_t>(slots));
  if (pool.fleet.replica.kv_limit) {
    absl::StrAppendFormat(&text, "  kv_tokens: %d\n", pool.fleet.replica.kv_limit->count() * pool.fleet.replicas);
  }
  absl::StrAppendFormat(&text, "  burndown: {input: %s, cached_input: %s, output: %s, reasoning: %s}\n",
                        rate(TokenKind::kInput), rate(TokenKind::kCachedInput), rate(TokenKind::kOutput),
                        rate(TokenKind::kReasoning));
  absl::StrAppendFormat(&text, "  predicted_output_tokens: %d\n", std::max<int64_t>(1, std::llround(pool.mix.output)));
  return text;
}

}  // namespace penstock::sim
