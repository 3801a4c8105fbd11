#include "sim/traffic/trace_replay.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::sim {

TraceReplay::TraceReplay(std::unique_ptr<TraceReader> reader, uint32_t tenant, const ReplayPace& pace,
                         const ArrivalTerms& terms)
    : reader_(std::move(reader)), tenant_(tenant), pace_(pace), terms_(terms) {
  PENSTOCK_CHECK(pace.speed > 0);
}

std::optional<Arrival> TraceReplay::Next() {
  if (ended_) return std::nullopt;
  const auto more = reader_->Next(&row_);
  if (!more.ok()) status_ = more.status();
  ended_ = !more.ok() || !*more;
  if (ended_) return std::nullopt;
  const Duration at =
      pace_.speed == 1 ? row_.offset : Duration(std::llround(static_cast<double>(row_.offset.count()) / pace_.speed));
  ended_ = pace_.length && at >= *pace_.length;
  if (ended_) return std::nullopt;
  const Tokens cached = std::max(row_.cached, ShareRoundDown(row_.context, terms_.cached_thousandths));
  Arrival arrival = ArrivalOf(at, tenant_, row_.context, cached, row_.generated, terms_);
  arrival.run = row_.run;
  return arrival;
}

}  // namespace penstock::sim
