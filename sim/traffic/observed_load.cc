#include "sim/traffic/observed_load.h"

#include "admission/vocabulary/check.h"

namespace penstock::sim {

LoadProfile ObservedLoad(ArrivalSource& source, Duration window, Duration length) {
  PENSTOCK_CHECK(window > Duration::Zero() && length.count() % window.count() == 0);
  const auto windows = static_cast<size_t>(length.count() / window.count());
  LoadProfile load;
  load.window = window;
  load.requests.resize(windows);
  for (TokenKind kind : kAllTokenKinds) load.tokens_of_kind[static_cast<size_t>(kind)].resize(windows);
  while (const std::optional<Arrival> arrival = source.Next()) {
    if (arrival->at >= length) continue;
    const auto at = static_cast<size_t>(arrival->at.count() / window.count());
    load.requests[at] += 1;
    for (TokenKind kind : kAllTokenKinds) {
      load.tokens_of_kind[static_cast<size_t>(kind)][at] += static_cast<double>(arrival->tokens[kind].count());
    }
  }
  return load;
}

}  // namespace penstock::sim
