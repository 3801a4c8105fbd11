#include "sim/traffic/trace_arrivals.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"
#include "sim/traffic/trace_replay.h"

namespace penstock::sim {
namespace {

class Replayed final : public ArrivalSource {
 public:
  Replayed(TraceText trace, const TraceSurvey& survey, const TraceStretch& stretch, uint32_t tenant,
           const ArrivalTerms& terms)
      : trace_(std::move(trace)),
        period_(survey.span + Duration(std::llround(1e9 / survey.Rate()))),
        stretch_(stretch),
        tenant_(tenant),
        terms_(terms),
        shift_(Duration::Zero() - Duration(stretch.begin.count() % period_.count())) {
    Open();
  }

  std::optional<Arrival> Next() override {
    while (!ended_) {
      std::optional<Arrival> next = lap_->Next();
      if (!next) {
        PENSTOCK_CHECK(lap_->status().ok());
        ended_ = !stretch_.goes_round;
        shift_ += period_;
        Open();
        continue;
      }
      next->at += shift_;
      if (next->at >= stretch_.length) break;
      if (next->at >= Duration::Zero()) return next;
    }
    ended_ = true;
    return std::nullopt;
  }

 private:
  void Open() {
    absl::StatusOr<std::unique_ptr<ByteSource>> bytes = trace_.open();
    PENSTOCK_CHECK(bytes.ok());
    auto reader = std::make_unique<TraceReader>(*std::move(bytes), trace_.name, trace_.options);
    lap_ = std::make_unique<TraceReplay>(std::move(reader), tenant_, ReplayPace(), terms_);
  }

  const TraceText trace_;
  const Duration period_;
  const TraceStretch stretch_;
  const uint32_t tenant_;
  const ArrivalTerms terms_;
  Duration shift_;
  std::unique_ptr<TraceReplay> lap_;  // through the trace
  bool ended_ = false;
};

}  // namespace

double TraceSurvey::Rate() const {
  return static_cast<double>(tally.rows) / (static_cast<double>(span.count()) / 1e9);
}

absl::StatusOr<TraceSurvey> Survey(const TraceText& trace) {
  absl::StatusOr<std::unique_ptr<ByteSource>> bytes = trace.open();
  if (!bytes.ok()) return bytes.status();
  TraceReader reader(*std::move(bytes), trace.name, trace.options);
  TraceSurvey survey;
  TraceRow row;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(&row);
    if (!more.ok()) return more.status();
    if (!*more) break;
    survey.span = row.offset;
  }
  survey.tally = reader.tally();
  if (survey.tally.rows < 2 || survey.span <= Duration::Zero()) {
    return absl::InvalidArgumentError(
        absl::StrCat(trace.name, ": has no two rows at different times, so it has no rate; take a longer trace"));
  }
  return survey;
}

std::unique_ptr<ArrivalSource> TraceArrivals(const TraceText& trace, const TraceSurvey& survey,
                                             const TraceStretch& stretch, uint32_t tenant, const ArrivalTerms& terms) {
  return std::make_unique<Replayed>(trace, survey, stretch, tenant, terms);
}

}  // namespace penstock::sim
