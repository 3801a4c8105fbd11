#include "sim/traffic/volume.h"

#include <cmath>
#include <utility>

#include "admission/vocabulary/check.h"
#include "sim/distributions.h"
#include "sim/traffic/delayed_arrivals.h"

namespace penstock::sim {
namespace {

class Volume final : public ArrivalSource {
 public:
  Volume(std::unique_ptr<ArrivalSource> source, double volume, Random random)
      : source_(std::move(source)),
        whole_(static_cast<int64_t>(volume)),
        rest_(volume - std::floor(volume)),
        random_(random) {
    PENSTOCK_CHECK(volume >= 0 && volume < 1e6);
  }

  std::optional<Arrival> Next() override {
    while (true) {
      if (!ended_ && !ahead_) Advance();
      if (!copies_.empty() && (ended_ || copies_.NextTime() <= ahead_->at)) return copies_.Pop();
      if (ended_) return std::nullopt;
      Arrival next = *std::exchange(ahead_, std::nullopt);
      if (AddCopies(next)) return next;
    }
  }

 private:
  void Advance() {
    ahead_ = source_->Next();
    ended_ = !ahead_.has_value();
  }

  /// True when the request itself is there.
  bool AddCopies(const Arrival& request) {
    const uint64_t own = random_.Next();
    Random of_request(own);
    const int64_t count = whole_ + (Uniform(of_request) < rest_ ? 1 : 0);
    for (int64_t copy = 1; copy < count; ++copy) {
      Arrival later = request;
      later.at += Duration(of_request.Below(kCopyScatter.count()));
      copies_.Add(std::move(later));
    }
    return count > 0;
  }

  std::unique_ptr<ArrivalSource> source_;
  int64_t whole_;
  double rest_;
  Random random_;
  std::optional<Arrival> ahead_;  // of the source, not yet counted
  bool ended_ = false;
  DelayedArrivals copies_;
};

}  // namespace

std::unique_ptr<ArrivalSource> WithVolume(std::unique_ptr<ArrivalSource> source, double volume, Random random) {
  return std::make_unique<Volume>(std::move(source), volume, random);
}

}  // namespace penstock::sim
