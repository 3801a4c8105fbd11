// The standard normal distribution, seen from above: chances and quantiles of its upper tail, which is where they are
// small and precise.
#pragma once

namespace penstock::planning {

double NormalDensity(double z);

/// P(Z > z).
double NormalTail(double z);

/// The z with P(Z > z) = p, for 0 < p < 1; within 1e-12 of it, relative to p.
double NormalTailQuantile(double p);

/// E[(Z - z)+]: the unit loss function.
double NormalLoss(double z);

}  // namespace penstock::planning
