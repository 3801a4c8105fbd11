#include "sim/replay/recording.h"

#include <algorithm>

namespace penstock::sim {

Duration Recording::length() const { return std::max(end - begin, Seconds(1)); }

CollectorTerms CollectingOf(const Recording& recording, Duration target_wait) {
  CollectorTerms terms;
  terms.length = recording.length();
  terms.target_wait = target_wait;
  terms.tenant_of_client = recording.tenant_of_client;
  terms.tenants = recording.settings.tenants;
  for (const core::PoolSettings& pool : recording.settings.pools) terms.burndown.push_back(pool.burndown);
  return terms;
}

RunFigures FiguresOfThen(const Recording& recording, Duration target_wait) {
  Collector collector(CollectingOf(recording, target_wait));
  std::vector<const Try*> granted(recording.requests.size());
  Arrival arrival;
  for (const RecordedRequest& request : recording.requests) {
    arrival.tenant = request.client;
    collector.OnArrival(arrival);
  }
  for (const Try& made : recording.tries) {
    collector.OnAnswer(made, arrival);
    if (made.end == Try::End::kGranted) granted[made.request] = &made;
  }
  for (size_t i = 0; i < recording.requests.size(); ++i) {
    const RecordedRequest& request = recording.requests[i];
    if (!request.measured()) continue;
    const Duration at = granted[i]->at + granted[i]->waited;
    collector.OnFinish({.request = i,
                        .client = request.client,
                        .pool = request.pool,
                        .served = *granted[i]->served,
                        .tokens = request.tokens,
                        .came = request.came,
                        .granted = at,
                        .first_token = at + request.took.first_token.value_or(request.took.end),
                        .ended = at + request.took.end});
  }
  RunFigures figures;
  figures.length = figures.ran = recording.length();
  collector.Fill(Duration::Zero(), &figures);
  return figures;
}

}  // namespace penstock::sim
