// Student's t distribution: how far the mean of a few observations may be from the truth, in standard errors.
#pragma once

namespace penstock::sim {

/// P(T > t) for any t; `df` degrees of freedom, at least 1.
double StudentTTail(double t, double df);

/// The t that |T| exceeds with the chance 1 - confidence, 0 < confidence < 1: what an interval takes on either side.
/// Within 1e-9 of it, relatively.
double StudentTQuantile(double confidence, double df);

}  // namespace penstock::sim
