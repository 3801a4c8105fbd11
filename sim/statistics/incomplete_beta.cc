#include "sim/statistics/incomplete_beta.h"

#include <cmath>

#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

/// log(Gamma(x)) by Stirling's series, x positive. Not std::lgamma: that writes a global sign.
double LogGamma(double x) {
  double product = 1;  // Gamma(x) = Gamma(x + n) / (x (x + 1) ... (x + n - 1))
  for (; x < 16; ++x) product *= x;
  const double r = 1 / (x * x);
  const double series =
      (1.0 / 12 - r * (1.0 / 360 - r * (1.0 / 1260 - r * (1.0 / 1680 - r * (1.0 / 1188 - r * 691.0 / 360360))))) / x;
  return (x - 0.5) * std::log(x) - x + 0.91893853320467274178 + series - std::log(product);
}

/// The continued fraction of I_x(a, b) (DLMF 8.17.22), by Lentz's method; quick for x below a / (a + b).
double BetaFraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  double c = 1;
  double d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < kTiny ? kTiny : d);
  double fraction = d;
  const auto advance = [&](double numerator) {
    d = 1 + numerator * d;
    d = 1 / (std::abs(d) < kTiny ? kTiny : d);
    c = 1 + numerator / c;
    if (std::abs(c) < kTiny) c = kTiny;
    fraction *= d * c;
  };
  for (int m = 1; m < 100'000; ++m) {
    advance(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)));
    advance(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)));
    if (std::abs(d * c - 1) < 1e-15) break;
  }
  return fraction;
}

}  // namespace

double IncompleteBeta(double a, double b, double x) {
  PENSTOCK_CHECK(a > 0 && b > 0 && x >= 0 && x <= 1);
  if (x == 0 || x == 1) return x;
  const double front = std::exp(LogGamma(a + b) - LogGamma(a) - LogGamma(b) + a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * BetaFraction(a, b, x) / a;
  return 1 - front * BetaFraction(b, a, 1 - x) / b;
}

double BinomialAtMost(int64_t k, int64_t trials, double p) {
  if (k < 0) return 0;
  if (k >= trials) return 1;
  return IncompleteBeta(static_cast<double>(trials - k), static_cast<double>(k) + 1, 1 - p);
}

}  // namespace penstock::sim
