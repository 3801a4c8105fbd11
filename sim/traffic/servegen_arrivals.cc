#include "sim/traffic/servegen_arrivals.h"

#include <algorithm>
#include <cmath>

#include "admission/vocabulary/check.h"
#include "sim/traffic/gap_law.h"

namespace penstock::sim {
namespace {

constexpr double kWindowSeconds = 600;

/// The nearest whole number of tokens.
Tokens TokensOf(double length) { return Tokens(static_cast<int64_t>(length + 0.5)); }

class Source final : public ArrivalSource {
 public:
  Source(const ServeGenPopulation& population, size_t client, uint32_t tenant, const ServeGenSlice& slice,
         const ArrivalTerms& terms, const Streams& streams)
      : population_(population),
        windows_(population.WindowsOf(client)),
        client_(client),
        tenant_(tenant),
        slice_(slice),
        terms_(terms),
        times_(streams.Of(tenant, Purpose::kArrivals)),
        lengths_(streams.Of(tenant, Purpose::kLengths)) {
    const auto earlier = [](const ServeGenWindow& window, int64_t number) { return window.number < number; };
    next_ = static_cast<size_t>(
        std::lower_bound(windows_.begin(), windows_.end(), slice.from.count() / kServeGenWindow.count(), earlier) -
        windows_.begin());
  }

  std::optional<Arrival> Next() override {
    while (true) {
      if (law_) second_ += law_->Next(times_);
      while (!law_ || second_ >= kWindowSeconds) {
        if (!Enter()) return std::nullopt;
      }
      // Rounded down: within the window whatever the fraction.
      const Duration at = start_ + Duration(static_cast<int64_t>(second_ * 1e9));
      return Draw(at);
    }
  }

 private:
  /// Into the next active window, to its first request, which may lie beyond its end; false at the end of the slice.
  bool Enter() {
    law_.reset();
    if (next_ == windows_.size()) return false;
    const ServeGenWindow& window = windows_[next_];
    const Duration since_start = Duration(window.number * kServeGenWindow.count());
    if (since_start >= slice_.to) return false;
    ++next_;
    start_ = since_start - slice_.from;
    sizes_ = &population_.SizesAt(client_, window.number);
    law_.emplace(window.family, window.shape, window.rate * slice_.scale);
    second_ = law_->First(times_);
    return true;
  }

  Arrival Draw(Duration at) {
    const Tokens image = sizes_->image ? TokensOf(sizes_->image->Draw(lengths_)) : Tokens(0);
    const Tokens text = sizes_->input ? TokensOf(sizes_->input->Draw(lengths_)) : Tokens(0);
    const Tokens output = std::max(Tokens(1), TokensOf(sizes_->output->Draw(lengths_)));
    const Tokens prompt = image > Tokens(0) ? text : std::max(Tokens(1), text);
    Arrival arrival = ArrivalOf(at, tenant_, prompt, output, terms_);
    arrival.tokens[TokenKind::kImage] = image;
    if (sizes_->reason_ratio) {
      const double ratio = std::min(1.0, sizes_->reason_ratio->Draw(lengths_));
      const Tokens reasoning = std::min(output, TokensOf(static_cast<double>(output.count()) * ratio));
      arrival.tokens[TokenKind::kReasoning] = reasoning;
      arrival.tokens[TokenKind::kOutput] = output - reasoning;
    }
    return arrival;
  }

  const ServeGenPopulation& population_;
  const std::vector<ServeGenWindow>& windows_;
  size_t client_;
  uint32_t tenant_;
  ServeGenSlice slice_;
  ArrivalTerms terms_;
  Random times_;
  Random lengths_;
  size_t next_ = 0;  // window to enter
  // Of the window that we are in:
  std::optional<GapLaw> law_;
  const ServeGenSizes* sizes_ = nullptr;
  Duration start_;     // in the slice
  double second_ = 0;  // since its start, of the last request
};

}  // namespace

std::unique_ptr<ArrivalSource> ServeGenArrivals(const ServeGenPopulation& population, size_t client, uint32_t tenant,
                                                const ServeGenSlice& slice, const ArrivalTerms& terms,
                                                const Streams& streams) {
  PENSTOCK_CHECK(slice.from >= Duration::Zero() && slice.from < slice.to && slice.scale > 0);
  PENSTOCK_CHECK(slice.from.count() % kServeGenWindow.count() == 0 && slice.to.count() % kServeGenWindow.count() == 0);
  return std::make_unique<Source>(population, client, tenant, slice, terms, streams);
}

}  // namespace penstock::sim
