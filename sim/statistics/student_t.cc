#include "sim/statistics/student_t.h"

#include "admission/vocabulary/check.h"
#include "sim/statistics/incomplete_beta.h"

namespace penstock::sim {

double StudentTTail(double t, double df) {
  PENSTOCK_CHECK(df >= 1);
  // Whichever keeps its digits: the one near the centre, the other in the tail.
  const double square = t * t;
  const double both_tails = square < 1 ? 1 - IncompleteBeta(0.5, df / 2, square / (df + square))
                                       : IncompleteBeta(df / 2, 0.5, df / (df + square));
  return t >= 0 ? both_tails / 2 : 1 - both_tails / 2;
}

double StudentTQuantile(double confidence, double df) {
  PENSTOCK_CHECK(confidence > 0 && confidence < 1);
  const double tail = (1 - confidence) / 2;
  double low = 0;
  double high = 1;
  for (; StudentTTail(high, df) > tail; high *= 2) low = high;
  while (high - low > 1e-10 * high) {
    const double middle = (low + high) / 2;
    (StudentTTail(middle, df) > tail ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace penstock::sim
