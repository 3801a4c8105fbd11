// The figures that the simulator and the planning rules are checked against. Mean service time is 1 unless said; loads
// are in Erlangs (arrivals per mean service time). A test compares them with tests/data/vectors/queueing.yaml, where
// their sources are.
#pragma once

#include <array>

namespace penstock::sim::closed_forms {

/// One server, Poisson arrivals, first come first served.
struct SingleServer {
  double load = 0;
  double mm1_wait = 0;         // mean, before service
  double mm1_p99_sojourn = 0;  // wait and service
  double md1_wait = 0;         // service always 1
  double mg1_wait = 0;         // service with a squared coefficient of variation of 4
  double ps_slowdown = 0;      // all share the server: sojourn / own service time, the same for every size
};
inline constexpr std::array<SingleServer, 4> kSingleServer = {{
    {0.5, 1, 9.2103, 0.5, 2.5, 2},
    {0.8, 4, 23.0259, 2, 10, 5},
    {0.9, 9, 46.0517, 4.5, 22.5, 10},
    {0.95, 19, 92.1034, 9.5, 47.5, 20},
}};

struct ManyServers {
  double load = 0;
  int servers = 0;
  double chance = 0;  // Erlang B: to be lost; Erlang C: to have to wait
};
inline constexpr std::array<ManyServers, 5> kErlangB = {{
    {1, 1, 0.5},
    {10, 10, 0.214582343},
    {10, 15, 0.036496945},
    {90, 100, 0.026957380},
    {1000, 1000, 0.024811918},
}};
inline constexpr std::array<ManyServers, 3> kErlangC = {{
    {8, 10, 0.409180151},
    {18, 20, 0.550769},
    {90, 100, 0.216940481},
}};

/// Three classes on one server, the first goes first, nobody is interrupted; exponential service (Cobham 1954).
inline constexpr std::array<double, 3> kCobhamLoad = {0.2, 0.3, 0.4};
inline constexpr std::array<double, 3> kCobhamWait = {1.125, 2.25, 18.0};
inline constexpr double kCobhamConservation = 8.1;  // sum of load x wait: the same for every order of service

/// Requests that take several units at once, or are lost (Kaufman 1981, Roberts 1981).
struct SharedUnits {
  double load = 0;
  int units = 0;
  double blocking = 0;
};
inline constexpr int kKaufmanRobertsUnits = 20;
inline constexpr std::array<SharedUnits, 3> kKaufmanRoberts = {{
    {6, 1, 0.047394769},
    {1, 5, 0.300641898},
    {2, 2, 0.101383253},
}};

/// Two classes of the same size, servers held back from the cheap one.
struct TrunkReservation {
  int servers = 0;
  std::array<double, 2> load{};    // dear, cheap
  std::array<double, 2> reward{};  // likewise
  int best_held_back = 0;
  double revenue = 0;  // per mean service time, with the best
  double revenue_at_0 = 0;
};
inline constexpr std::array<TrunkReservation, 2> kTrunkReservation = {{
    {10, {5, 10}, {10, 1}, 4, 49.861634, 35.379567},
    {100, {60, 60}, {3, 1}, 5, 211.555867, 192.895203},
}};

struct Littlewood {
  double mean = 0;
  double sd = 0;
  double fare_ratio = 0;
  double protection = 0;
};
inline constexpr Littlewood kLittlewood = {50, 15, 0.4, 53.800207};

/// Fiig et al. 2010.
inline constexpr std::array<double, 6> kEmsrFare = {1200, 1000, 800, 600, 400, 200};
inline constexpr std::array<double, 6> kEmsrMean = {31.2, 10.9, 14.8, 19.9, 26.9, 36.3};
inline constexpr std::array<double, 6> kEmsrSd = {11.2, 6.6, 7.7, 8.9, 10.4, 12.0};
inline constexpr std::array<double, 5> kEmsrProtection = {20.3649, 35.4047, 54.3390, 80.0735, 117.4358};

/// How much to reserve for normal demand of mean 100 and deviation 30.
struct Newsvendor {
  double price_ratio = 0;  // reserved / on demand
  double reserve = 0;
  double cost = 0;
};
inline constexpr double kNewsvendorMean = 100;
inline constexpr double kNewsvendorSd = 30;
inline constexpr std::array<Newsvendor, 3> kNewsvendor = {{
    {0.6, 92.3996, 71.5903},
    {0.5, 100, 61.9683},
    {0.3, 115.7320, 40.4308},
}};

/// The same for lognormal demand of mean 1 at one price ratio: spiky buyers save less.
inline constexpr double kSpikyPriceRatio = 0.6;
inline constexpr std::array<double, 3> kSpikySigma = {0.25, 0.5, 1.0};
inline constexpr std::array<double, 3> kSpikyCost = {0.6926, 0.7744, 0.8950};

/// What a firm and a shifting peak pay: demand 100 - p in one half of the cycle, 60 - p in the other, running cost 10.
inline constexpr double kPeakChoke = 100;
inline constexpr double kOffPeakChoke = 60;
inline constexpr double kPeakRunningCost = 10;
struct PeakLoadPricing {
  double capacity_cost = 0;
  const char* peak = nullptr;
  std::array<double, 2> price{};  // at the peak, off it
  double capacity = 0;
};
inline constexpr std::array<PeakLoadPricing, 2> kPeakLoadPricing = {{
    {30, "firm peak", {40, 10}, 60},
    {60, "shifting peak", {60, 20}, 40},
}};

/// One buyer whose demand is 10 - p, at a cost of 2.
inline constexpr double kMonopolyChoke = 10;
inline constexpr double kMonopolyCost = 2;
inline constexpr double kMonopolyPrice = 6;
inline constexpr double kMonopolyProfit = 16;
inline constexpr double kMonopolyWelfare = 24;
inline constexpr double kTwoPartPrice = 2;
inline constexpr double kTwoPartFee = 32;

/// Two markets of constant elasticity that buy 1 at a price of 1.
inline constexpr std::array<double, 2> kRamseyElasticity = {1.5, 3.0};
inline constexpr double kRamseyCost = 1;
inline constexpr double kRamseyProfit = 0.2;
inline constexpr std::array<double, 2> kRamseyPrice = {1.173637, 1.079883};

/// The part of the gain of serving by value that 2, 3 and 4 priority classes have; values and supply are uniform.
inline constexpr std::array<double, 3> kPriorityClassShare = {0.75, 0.8889, 0.9375};

/// Time per output token of B requests at once with I tokens in and O out: c0 + B x (d + k x (I + O/2)/1000 + a x I/O),
/// in milliseconds. The last two rows are not the laws that sim/fleet ships for that hardware: see there.
struct FluidCapacity {
  const char* model = nullptr;
  const char* hardware = nullptr;
  double c0 = 0;
  double d = 0;
  double k = 0;
  double a = 0;
};
inline constexpr std::array<FluidCapacity, 4> kFluidCapacity = {{
    {"Qwen3-32B", "4xH100 vLLM", 9.26, 0.0608, 0.0253, 0.0288},
    {"Llama-3.1-8B", "1xH100 TRT-LLM", 6.42, 0, 0.0499, 0.0196},
    {"Llama-3.1-8B", "1xRTX PRO 6000 vLLM 0.19", 10.58, 0.1227, 0.0764, 0.0468},
    {"Qwen3-32B", "2xRTX PRO 6000 vLLM 0.19", 20.0, 0.0025, 0.2084, 0.1336},
}};

}  // namespace penstock::sim::closed_forms
