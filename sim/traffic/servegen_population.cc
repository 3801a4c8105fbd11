#include "sim/traffic/servegen_population.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"
#include "sim/traces/shipped_traces.h"
#include "sim/traffic/servegen_arrivals.h"
#include "sim/traffic/volume.h"

namespace penstock::sim {
namespace {

constexpr int64_t kWindowsPerPeriod = kServeGenLengthWindow.count() / kServeGenWindow.count();
constexpr int64_t kWindowsPerDay = Days(1).count() / kServeGenWindow.count();
constexpr double kWindowSeconds = 600;

bool HasTokens(const std::optional<QuantileTable>& table) { return table && table->values.back() > 0; }

/// A window of no requests has tables of nothing but zeros.
bool IsUsable(const ServeGenLengths& lengths) {
  return HasTokens(lengths.output) && (HasTokens(lengths.input) || HasTokens(lengths.image));
}

std::optional<LengthLaw> LawOf(const std::optional<QuantileTable>& table) {
  return table ? std::optional<LengthLaw>(*table) : std::nullopt;
}

ServeGenSizes SizesOf(const ServeGenLengths& lengths) {
  return {LawOf(lengths.input), LawOf(lengths.image), LawOf(lengths.output), LawOf(lengths.reason_ratio)};
}

/// Requests of a client by period of 6 h.
std::map<int64_t, double> RequestsByPeriod(const ServeGenClient& client) {
  std::map<int64_t, double> requests;
  for (const ServeGenWindow& window : client.windows) {
    requests[window.number / kWindowsPerPeriod] += window.rate * kWindowSeconds;
  }
  return requests;
}

/// The mixture of several tables.
class Mixture {
 public:
  void Add(const std::optional<QuantileTable>& table, double weight) {
    if (!table) return;
    weight_ += weight;
    mean_ += weight * table->mean;
    for (size_t i = 0; i + 1 < kQuantiles.size(); ++i) {
      for (int point = 0; point < kPoints; ++point) {
        const double way = (point + 0.5) / kPoints;
        values_.emplace_back(table->values[i] + (table->values[i + 1] - table->values[i]) * way,
                             weight * (kQuantiles[i + 1] - kQuantiles[i]));
      }
    }
  }
  std::optional<LengthLaw> Law() const {
    if (weight_ <= 0) return std::nullopt;
    QuantileTable table = QuantilesOf(values_);
    table.mean = mean_ / weight_;
    return LengthLaw(table);
  }

 private:
  static constexpr int kPoints = 4;  // that stand for what lies between two quantiles
  std::vector<std::pair<double, double>> values_;
  double weight_ = 0;
  double mean_ = 0;
};

struct SizesMixture {
  Mixture input, image, output, reason_ratio;
};

/// Tokens by kind of a mean request.
std::array<double, kTokenKindCount> MeanTokens(const ServeGenSizes& sizes, const ArrivalTerms& terms) {
  std::array<double, kTokenKindCount> tokens{};
  const auto at = [&](TokenKind kind) -> double& { return tokens[static_cast<size_t>(kind)]; };
  const double text = sizes.input ? sizes.input->mean() : 0;
  const double output = sizes.output->mean();
  const double cached = terms.cached_thousandths / 1e3;
  const double reasoning = sizes.reason_ratio ? sizes.reason_ratio->mean() : terms.reasoning_thousandths / 1e3;
  at(TokenKind::kImage) = sizes.image ? sizes.image->mean() : 0;
  at(TokenKind::kInput) = text * (1 - cached);
  at(TokenKind::kCachedInput) = text * cached;
  at(TokenKind::kOutput) = output * (1 - reasoning);
  at(TokenKind::kReasoning) = output * reasoning;
  return tokens;
}

}  // namespace

absl::StatusOr<ServeGenPopulation> ServeGenPopulation::Of(ServeGenTables tables) {
  ServeGenPopulation population;
  population.model_ = tables.model;
  int64_t windows = 0;
  bool borrowers = false;
  for (const ServeGenClient& client : tables.clients) {
    population.periods_.push_back(PeriodsOf(client));
    borrowers = borrowers || population.periods_.back().empty();
    if (!client.windows.empty()) windows = std::max(windows, client.windows.back().number + 1);
  }
  if (borrowers) population.pool_ = PooledPeriods(tables);
  if (borrowers && population.pool_.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no client of '", tables.model, "' has lengths; pass tables that belong together"));
  }
  const int64_t days = DivideRoundUp(windows, kWindowsPerDay);
  population.span_ = Days(days);
  for (size_t i = 0; i < tables.clients.size(); ++i) {
    ServeGenClient& client = tables.clients[i];
    double sum = 0;
    for (const ServeGenWindow& window : client.windows) sum += window.rate;
    const double mean = sum / static_cast<double>(std::max<int64_t>(1, days * kWindowsPerDay));
    population.clients_.push_back({std::move(client.name), mean, population.periods_[i].empty()});
    population.windows_.push_back(std::move(client.windows));
  }
  return population;
}

absl::StatusOr<ServeGenPopulation> ServeGenPopulation::Load(NamedBytes rates, NamedBytes lengths,
                                                            std::string_view model) {
  auto tables = ReadServeGenTables(std::move(rates), std::move(lengths), model);
  if (!tables.ok()) return tables.status();
  return Of(*std::move(tables));
}

absl::StatusOr<ServeGenPopulation> ServeGenPopulation::Shipped(std::string_view model) {
  return Load({"servegen_rates.csv.zst", BytesOf(ServeGenRatesCsvZst())},
              {"servegen_lengths.csv.zst", BytesOf(ServeGenLengthsCsvZst())}, model);
}

std::vector<ServeGenPopulation::Period> ServeGenPopulation::PeriodsOf(const ServeGenClient& client) {
  std::vector<Period> periods;
  for (const ServeGenLengths& lengths : client.lengths) {
    if (IsUsable(lengths)) periods.push_back({lengths.number, SizesOf(lengths)});
  }
  return periods;
}

std::vector<ServeGenPopulation::Period> ServeGenPopulation::PooledPeriods(const ServeGenTables& tables) {
  std::map<int64_t, SizesMixture> mixtures;
  for (const ServeGenClient& client : tables.clients) {
    const std::map<int64_t, double> requests = RequestsByPeriod(client);
    for (const ServeGenLengths& lengths : client.lengths) {
      const auto found = requests.find(lengths.number);
      if (found == requests.end() || !IsUsable(lengths)) continue;
      SizesMixture& mixture = mixtures[lengths.number];
      mixture.input.Add(lengths.input, found->second);
      mixture.image.Add(lengths.image, found->second);
      mixture.output.Add(lengths.output, found->second);
      mixture.reason_ratio.Add(lengths.reason_ratio, found->second);
    }
  }
  std::vector<Period> periods;
  for (const auto& [number, mixture] : mixtures) {
    periods.push_back(
        {number, {mixture.input.Law(), mixture.image.Law(), mixture.output.Law(), mixture.reason_ratio.Law()}});
  }
  return periods;
}

/// The last that has begun, or the first.
const ServeGenSizes* ServeGenPopulation::At(const std::vector<Period>& periods, int64_t number) {
  const auto after = std::upper_bound(periods.begin(), periods.end(), number,
                                      [](int64_t n, const Period& period) { return n < period.number; });
  return after == periods.begin() ? &after->sizes : &std::prev(after)->sizes;
}

const ServeGenSizes& ServeGenPopulation::SizesAt(size_t client, int64_t window) const {
  const std::vector<Period>& own = periods_[client];
  return *At(own.empty() ? pool_ : own, window / kWindowsPerPeriod);
}

double ServeGenPopulation::RateAt(size_t client, int64_t window) const {
  const std::vector<ServeGenWindow>& windows = windows_[client];
  const auto found = std::lower_bound(windows.begin(), windows.end(), window,
                                      [](const ServeGenWindow& w, int64_t number) { return w.number < number; });
  return found != windows.end() && found->number == window ? found->rate : 0;
}

double ServeGenPopulation::TotalRateAt(int64_t window) const {
  double rate = 0;
  for (size_t i = 0; i < clients_.size(); ++i) rate += RateAt(i, window);
  return rate;
}

LoadProfile ServeGenPopulation::ProfileOf(size_t client, const ServeGenSlice& slice, Duration window,
                                          const ArrivalTerms& terms) const {
  PENSTOCK_CHECK(window > Duration::Zero() && slice.from < slice.to);
  const auto count = static_cast<size_t>(DivideRoundUp((slice.to - slice.from).count(), window.count()));
  LoadProfile profile;
  profile.window = window;
  profile.requests.assign(count, 0);
  for (std::vector<double>& tokens : profile.tokens_of_kind) tokens.assign(count, 0);
  for (const ServeGenWindow& active : windows_[client]) {
    const Duration begin = std::max(slice.from, Duration(active.number * kServeGenWindow.count()));
    const Duration end = std::min(slice.to, Duration((active.number + 1) * kServeGenWindow.count()));
    if (begin >= end) continue;
    const auto mean = MeanTokens(SizesAt(client, active.number), terms);
    for (Duration at = begin; at < end;) {
      const int64_t into = DivideRoundDown((at - slice.from).count(), window.count());
      const Duration until = std::min(end, slice.from + Duration((into + 1) * window.count()));
      const double requests = active.rate * slice.scale * static_cast<double>((until - at).count()) / 1e9;
      profile.requests[static_cast<size_t>(into)] += requests;
      for (size_t kind = 0; kind < kTokenKindCount; ++kind) {
        profile.tokens_of_kind[kind][static_cast<size_t>(into)] += requests * mean[kind];
      }
      at = until;
    }
  }
  return profile;
}

std::unique_ptr<ArrivalSource> ServeGenPopulation::ArrivalsOf(size_t client, uint32_t tenant,
                                                              const ServeGenSlice& slice, double volume,
                                                              const ArrivalTerms& terms, const Streams& streams) const {
  PENSTOCK_CHECK(client < clients_.size());
  std::unique_ptr<ArrivalSource> base = ServeGenArrivals(*this, client, tenant, slice, terms, streams);
  if (volume == 1) return base;
  return WithVolume(std::move(base), volume, streams.Of(tenant, Purpose::kVolume));
}

std::unique_ptr<ArrivalSource> ServeGenPopulation::AllArrivals(const ServeGenSlice& slice, double volume,
                                                               const ArrivalTerms& terms,
                                                               const Streams& streams) const {
  std::vector<std::unique_ptr<ArrivalSource>> sources;
  for (size_t i = 0; i < clients_.size(); ++i) {
    sources.push_back(ArrivalsOf(i, static_cast<uint32_t>(i), slice, volume, terms, streams));
  }
  return MergedArrivals(std::move(sources));
}

}  // namespace penstock::sim
