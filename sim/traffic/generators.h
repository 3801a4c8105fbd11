// Traffic by formula: renewal processes and days with a rhythm. All stream, and all depend on the streams of their
// tenant only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sim/arrival.h"
#include "sim/random.h"
#include "sim/traces/trace_row.h"
#include "sim/traffic/request_terms.h"

namespace penstock::sim {

struct RequestSize {
  Tokens prompt;     // at least 1
  Tokens generated;  // at least 1
};
/// Draws a size; must take the same count of numbers each time if sizes are to stay what they are when others change.
using SizeLaw = std::function<RequestSize(Random&)>;

SizeLaw AlwaysSize(Tokens prompt, Tokens generated);
/// Of rows drawn from a trace, which must have some.
SizeLaw SizesOfRows(std::vector<TraceRow> rows);
struct LognormalSizes {
  double mean_prompt = 1'000;   // tokens
  double sigma_prompt = 1;      // deviation of the logarithm
  double mean_generated = 200;  // tokens
  double sigma_generated = 1;
};
SizeLaw SizesOf(const LognormalSizes& law);

/// Who sends, for how long, and what.
struct Sender {
  uint32_t tenant = 0;
  Duration length;  // requests come in [0, length)
  SizeLaw sizes;
  ArrivalTerms terms;
};

/// Requests that do not know of each other.
struct PoissonProcess {
  double requests_per_second = 1;
};
/// Independent gaps with a coefficient of variation of 1 / sqrt(shape): bursty below shape 1, regular above.
struct GammaProcess {
  double requests_per_second = 1;
  double shape = 1;
};
/// Independent gaps with long tails below shape 1.
struct WeibullProcess {
  double requests_per_second = 1;
  double shape = 1;
};
/// A Poisson process whose rate follows the day (a sine) and the week.
struct DiurnalProcess {
  double requests_per_second = 1;  // mean of a working day
  double swing = 0.5;              // 0 to 1: the rate at the peak is 1 + swing times the mean, in the trough 1 - swing
  Duration peak = Hours(15);       // time of day
  double weekend = 1;              // times the rate of a working day
  int first_weekday = 0;           // of time 0: 0 is Monday, 6 Sunday
};
/// Requests per second at that time.
double RateAt(const DiurnalProcess& process, Duration at);

std::unique_ptr<ArrivalSource> ArrivalsOf(const PoissonProcess& process, Sender sender, const Streams& streams);
std::unique_ptr<ArrivalSource> ArrivalsOf(const GammaProcess& process, Sender sender, const Streams& streams);
std::unique_ptr<ArrivalSource> ArrivalsOf(const WeibullProcess& process, Sender sender, const Streams& streams);
std::unique_ptr<ArrivalSource> ArrivalsOf(const DiurnalProcess& process, Sender sender, const Streams& streams);

}  // namespace penstock::sim
