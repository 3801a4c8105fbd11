#include "sim/traffic/observed_load.h"

#include "admission/vocabulary/check.h"

namespace penstock::sim {

LoadProfile ObservedLoad(ArrivalSource& source, Duration window, Duration length) {
  PENSTOCK_CHECK(window > Duration::Zero() && length.count() % window.count() == 0);
  const auto windows = static_cast<size_t>(length.count() / window.count());
  LoadProfile load;
  load.window = window;
  load.requests.resize(windows);
  while (const std::optional<Arrival> arrival = source.Next()) {
    if (arrival->at >= length) continue;
    const auto at = static_cast<size_t>(arrival->at.count() / window.count());
    load.requests[at] += 1;
    for (TokenKind kind : kAllTokenKinds) {
      const int64_t tokens = arrival->tokens[kind].count();
      if (tokens == 0) continue;
      std::vector<double>& of_kind = load.tokens_of_kind[static_cast<size_t>(kind)];
      of_kind.resize(windows);  // a kind that never comes stays empty
      of_kind[at] += static_cast<double>(tokens);
    }
  }
  return load;
}

}  // namespace penstock::sim
