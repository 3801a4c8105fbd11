#include "broker/cli/demo/figures.h"

#include <algorithm>

namespace penstock::cli::demo {

Row RowOf(Tier tier) {
  switch (tier) {
    case Tier::kFree:
      return Row::kFree;
    case Tier::kElastic:
      return Row::kElastic;
    case Tier::kReserved:
      return Row::kReserved;
  }
  return Row::kElastic;
}

Row RowOf(ServiceClass served) { return served == ServiceClass::kSpillover ? Row::kSpillover : RowOf(TierOf(served)); }

void Throughput::Note(Instant now, Work total) {
  total_ = total;
  samples_.push_back({now, total});
  while (samples_.size() > 2 && samples_[1].at + Seconds(1) <= now) samples_.pop_front();
  const Duration span = now - samples_.front().at;
  if (span <= Duration::Zero()) return;
  const Int128 work = (total - samples_.front().total).count();
  last_ = CheckedNarrow(work * Seconds(1).count() / std::max(span, Seconds(1)).count());
  peak_ = std::max(peak_, last_);
}

}  // namespace penstock::cli::demo
