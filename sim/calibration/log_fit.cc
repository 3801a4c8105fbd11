#include "sim/calibration/log_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "sim/calibration/downhill_simplex.h"

namespace penstock::sim {
namespace {

constexpr size_t kFewestRequests = 12;
constexpr size_t kMostOverlaps = 1'000;  // requests whose overlaps make the first guess
constexpr int kLastRounds = 3;           // of the search by replay, from the best of the starts
constexpr int kStepsPerRound = 60;
constexpr size_t kParts = 8;           // of the log, each left out once for the standard errors
constexpr double kLeastBaseMs = 0.01;  // an iteration takes time, whatever it does
// A wait for the first token may be next to nothing; errors are relative to this much more.
constexpr double kFirstTokenGraceSeconds = 0.2;
constexpr double kWeightOfFirstToken = 0.3;

double Seconds(Duration d) { return static_cast<double>(d.count()) / 1e9; }

/// The part of [from, to] that lies within [begin, end].
struct Overlap {
  double from = 0;  // where it begins and ends, as shares of [from, to]
  double to = 0;
  double share() const { return to - from; }
};

Overlap OverlapOf(Duration from, Duration to, Duration begin, Duration end) {
  const double length = std::max(Seconds(to - from), 1e-9);
  const auto place = [&](Duration at) { return std::clamp(Seconds(at - from) / length, 0.0, 1.0); };
  return {place(begin), place(end)};
}

/// What was decoded and prefilled while a request decoded.
Observation LifeOf(const MeasuredRequest& request, std::span<const MeasuredRequest> log) {
  Observation life;
  life.terms[0] = static_cast<double>(request.output.count() - 1);
  for (const MeasuredRequest& other : log) {
    const Overlap decode = OverlapOf(other.first_token, other.last_token, request.first_token, request.last_token);
    const auto later_tokens = static_cast<double>(other.output.count() - 1);
    const double tokens = later_tokens * decode.share();
    const double context = static_cast<double>(other.input.count()) + 1 + later_tokens * (decode.from + decode.to) / 2;
    const Overlap prefill = OverlapOf(other.scheduled, other.first_token, request.first_token, request.last_token);
    life.terms[1] += tokens;
    life.terms[2] += tokens * context / 1'000;
    life.terms[3] += static_cast<double>(other.input.count()) * prefill.share();
  }
  life.value = 1'000 * Seconds(request.last_token - request.first_token);
  life.weight = 1 / (life.value * life.value);
  return life;
}

struct Guess {
  Coefficients coefficients = {};
  double kv_ktokens_per_decode = 0;  // what a decoding sequence has as context
};

absl::StatusOr<Guess> GuessFromOverlaps(std::span<const MeasuredRequest> log, HeldOut held_out) {
  std::vector<Observation> lives;
  const size_t stride = log.size() / kMostOverlaps + 1;
  for (size_t i = 0; i < log.size(); ++i) {
    if (!held_out(i) && i / held_out.out_of % stride == 0) lives.push_back(LifeOf(log[i], log));
  }
  const auto solution = NonNegativeLeastSquares(lives);
  if (!solution.ok()) return solution.status();
  double decodes = 0;
  double kv_ktokens = 0;
  for (const Observation& life : lives) {
    decodes += life.terms[1];
    kv_ktokens += life.terms[2];
  }
  return Guess{solution->coefficients, kv_ktokens / decodes};
}

/// Contexts hardly differ between the iterations of most logs, so that d and k can stand in for each other: the search
/// starts from several ways to share between them what a decoding sequence costs.
std::vector<Coefficients> StartsFrom(const Guess& guess) {
  const Coefficients& g = guess.coefficients;
  const double per_decode = g[1] + g[2] * guess.kv_ktokens_per_decode;
  std::vector<Coefficients> starts = {g};
  for (const double share_of_kv : {0.1, 0.3, 0.5, 0.7, 0.9}) {
    starts.push_back(
        {g[0], per_decode * (1 - share_of_kv), per_decode * share_of_kv / guess.kv_ktokens_per_decode, g[3]});
  }
  return starts;
}

Coefficients AtLeastSomeBase(Coefficients coefficients) {
  coefficients[0] = std::max(coefficients[0], kLeastBaseMs);
  return coefficients;
}

/// Relative errors of a replay, three for each request that counts: first token, latency, decode.
class Residuals {
 public:
  using Counts = std::function<bool(size_t request)>;

  Residuals(std::span<const MeasuredRequest> log, const ReplicaTerms& terms, Counts counts)
      : log_(log), terms_(terms), counts_(std::move(counts)) {}

  std::vector<double> At(const Coefficients& coefficients) const {
    ReplicaTerms terms = terms_;
    terms.law = LawOfCoefficients(AtLeastSomeBase(coefficients));
    const std::vector<ReplayedRequest> replayed = ReplayLog(log_, terms);
    std::vector<double> residuals;
    for (size_t i = 0; i < log_.size(); ++i) {
      if (!counts_(i)) continue;
      const MeasuredRequest& m = log_[i];
      const ReplayedRequest& r = replayed[i];
      const double first = Seconds(m.first_token - m.arrival);
      residuals.push_back(kWeightOfFirstToken * Seconds(r.first_token - m.first_token) /
                          (first + kFirstTokenGraceSeconds));
      residuals.push_back(Seconds(r.last_token - m.last_token) / Seconds(m.last_token - m.arrival));
      residuals.push_back(Seconds(r.last_token - r.first_token) / Seconds(m.last_token - m.first_token) - 1);
    }
    return residuals;
  }

 private:
  std::span<const MeasuredRequest> log_;
  const ReplicaTerms& terms_;
  Counts counts_;
};

double SumOfSquares(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum;
}

Lowest LowestFrom(const std::vector<Coefficients>& starts, const std::function<double(const Coefficients&)>& cost) {
  Lowest best;
  int evaluations = 0;
  for (const Coefficients& start : starts) {
    const Lowest found = WalkDownhill(cost, start, 1, kStepsPerRound);
    evaluations += found.evaluations;
    if (&start == &starts.front() || found.cost < best.cost) best = found;
  }
  Lowest lowest = WalkDownhill(cost, best.at, kLastRounds, kStepsPerRound);
  lowest.evaluations += evaluations;
  return lowest;
}

/// Tokens of context, in thousands, of a decoding sequence: over all iterations of the log.
double MeanContextKtokens(std::span<const MeasuredRequest> log) {
  double contexts = 0;
  double tokens = 0;
  for (const MeasuredRequest& request : log) {
    const auto later_tokens = static_cast<double>(request.output.count() - 1);
    contexts += later_tokens * (static_cast<double>(request.input.count()) + 1 + later_tokens / 2);
    tokens += later_tokens;
  }
  return contexts / tokens / 1'000;
}

/// Covariance, by the jackknife, of two figures that were found without each part.
double JackknifeCovariance(const std::vector<double>& a, const std::vector<double>& b) {
  const auto count = static_cast<double>(a.size());
  double mean_a = 0;
  double mean_b = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    mean_a += a[i] / count;
    mean_b += b[i] / count;
  }
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum * (count - 1) / count;
}

}  // namespace

IterationLaw LawOfCoefficients(const Coefficients& milliseconds) {
  const auto nanoseconds = [&](size_t term) { return Nanoseconds(std::llround(milliseconds[term] * 1e6)); };
  return {nanoseconds(0), nanoseconds(1), nanoseconds(2), nanoseconds(3)};
}

Coefficients CoefficientsOf(const IterationLaw& law) {
  const auto milliseconds = [](Duration d) { return static_cast<double>(d.count()) / 1e6; };
  return {milliseconds(law.base), milliseconds(law.per_decode), milliseconds(law.per_kv_ktoken),
          milliseconds(law.per_prefill_token)};
}

absl::StatusOr<LogFit> FitLog(std::span<const MeasuredRequest> log, ReplicaTerms terms, HeldOut held_out) {
  if (log.size() < kFewestRequests) {
    return absl::InvalidArgumentError("a log of fewer than 12 requests says too little; record a longer run");
  }
  const auto guess = GuessFromOverlaps(log, held_out);
  if (!guess.ok()) return guess.status();
  const Residuals residuals(log, terms, [&](size_t i) { return !held_out(i); });
  const auto cost = [&](const Coefficients& at) { return SumOfSquares(residuals.At(at)); };
  const Lowest lowest = LowestFrom(StartsFrom(*guess), cost);
  LogFit fit;
  fit.law = LawOfCoefficients(AtLeastSomeBase(lowest.at));
  fit.replays = lowest.evaluations;
  terms.law = fit.law;
  const std::vector<ReplayedRequest> replayed = ReplayLog(log, terms);
  fit.fitted = Compare(log, replayed, [&](size_t i) { return !held_out(i); });
  fit.held_out = Compare(log, replayed, held_out);
  return fit;
}

LawErrors ErrorsOf(const IterationLaw& law, std::span<const MeasuredRequest> log, const ReplicaTerms& terms,
                   HeldOut held_out) {
  LawErrors errors;
  errors.context_ktokens = MeanContextKtokens(log);
  std::array<std::vector<double>, kLawTerms> found;
  std::vector<double> per_sequence;
  const std::vector<Coefficients> starts = StartsFrom({CoefficientsOf(law), errors.context_ktokens});
  for (size_t part = 0; part < kParts; ++part) {
    const Residuals residuals(log, terms, [&](size_t i) { return !held_out(i) && i * kParts / log.size() != part; });
    const auto cost = [&](const Coefficients& at) { return SumOfSquares(residuals.At(at)); };
    const Coefficients at = LowestFrom(starts, cost).at;
    for (size_t term = 0; term < kLawTerms; ++term) found[term].push_back(at[term]);
    per_sequence.push_back(at[1] + at[2] * errors.context_ktokens);
  }
  for (size_t term = 0; term < kLawTerms; ++term) {
    errors.standard_errors[term] = std::sqrt(JackknifeCovariance(found[term], found[term]));
  }
  const double both = errors.standard_errors[1] * errors.standard_errors[2];
  errors.correlation_d_k = both > 0 ? JackknifeCovariance(found[1], found[2]) / both : 0;
  const Coefficients whole = CoefficientsOf(law);
  errors.per_sequence = whole[1] + whole[2] * errors.context_ktokens;
  errors.per_sequence_error = std::sqrt(JackknifeCovariance(per_sequence, per_sequence));
  return errors;
}

}  // namespace penstock::sim
