#include "sim/arrival.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

class ListedArrivals final : public ArrivalSource {
 public:
  explicit ListedArrivals(std::vector<Arrival> arrivals) : arrivals_(std::move(arrivals)) {
    PENSTOCK_CHECK(std::is_sorted(arrivals_.begin(), arrivals_.end(),
                                  [](const Arrival& a, const Arrival& b) { return a.at < b.at; }));
  }
  std::optional<Arrival> Next() override {
    if (next_ == arrivals_.size()) return std::nullopt;
    return arrivals_[next_++];
  }

 private:
  std::vector<Arrival> arrivals_;
  size_t next_ = 0;
};

class Merge final : public ArrivalSource {
 public:
  explicit Merge(std::vector<std::unique_ptr<ArrivalSource>> sources) : sources_(std::move(sources)) {
    heads_.resize(sources_.size());
    for (size_t i = 0; i < sources_.size(); ++i) Advance(i);
  }
  std::optional<Arrival> Next() override {
    if (turns_.empty()) return std::nullopt;
    const size_t source = turns_.top().second;
    turns_.pop();
    Arrival next = *std::move(heads_[source]);
    Advance(source);
    return next;
  }

 private:
  using Turn = std::pair<Duration, size_t>;  // of the head of a source

  void Advance(size_t source) {
    heads_[source] = sources_[source]->Next();
    if (heads_[source]) turns_.emplace(heads_[source]->at, source);
  }

  std::vector<std::unique_ptr<ArrivalSource>> sources_;
  std::vector<std::optional<Arrival>> heads_;
  std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns_;
};

class LaterArrivals final : public ArrivalSource {
 public:
  LaterArrivals(std::unique_ptr<ArrivalSource> source, Duration by) : source_(std::move(source)), by_(by) {}
  std::optional<Arrival> Next() override {
    std::optional<Arrival> next = source_->Next();
    if (next) next->at += by_;
    return next;
  }

 private:
  std::unique_ptr<ArrivalSource> source_;
  const Duration by_;
};

}  // namespace

std::unique_ptr<ArrivalSource> Later(std::unique_ptr<ArrivalSource> source, Duration by) {
  return std::make_unique<LaterArrivals>(std::move(source), by);
}

std::unique_ptr<ArrivalSource> ArrivalsOf(std::vector<Arrival> arrivals) {
  return std::make_unique<ListedArrivals>(std::move(arrivals));
}

std::unique_ptr<ArrivalSource> MergedArrivals(std::vector<std::unique_ptr<ArrivalSource>> sources) {
  return std::make_unique<Merge>(std::move(sources));
}

}  // namespace penstock::sim
