#include "sim/traffic/request_terms.h"

#include <bit>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

Tokens ShareRoundDown(Tokens whole, int thousandths) {
  PENSTOCK_CHECK(thousandths >= 0 && thousandths <= 1'000);
  return Tokens(DivideRoundDown((whole * thousandths).count(), int64_t{1'000}));
}

int64_t MaxOutputTokens(Tokens generated, const ArrivalTerms& terms) {
  if (generated.count() <= terms.usual_max_output_tokens) return terms.usual_max_output_tokens;
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(generated.count())));
}

Arrival ArrivalOf(Duration at, uint32_t tenant, Tokens prompt, Tokens cached, Tokens generated,
                  const ArrivalTerms& terms) {
  PENSTOCK_CHECK(cached <= prompt);
  Arrival arrival;
  arrival.at = at;
  arrival.tenant = tenant;
  const Tokens reasoning = ShareRoundDown(generated, terms.reasoning_thousandths);
  arrival.tokens[TokenKind::kInput] = prompt - cached;
  arrival.tokens[TokenKind::kCachedInput] = cached;
  arrival.tokens[TokenKind::kOutput] = generated - reasoning;
  arrival.tokens[TokenKind::kReasoning] = reasoning;
  arrival.max_output_tokens = MaxOutputTokens(generated, terms);
  return arrival;
}

Arrival ArrivalOf(Duration at, uint32_t tenant, Tokens prompt, Tokens generated, const ArrivalTerms& terms) {
  return ArrivalOf(at, tenant, prompt, ShareRoundDown(prompt, terms.cached_thousandths), generated, terms);
}

}  // namespace penstock::sim
