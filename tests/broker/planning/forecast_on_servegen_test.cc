// The demand forecast against the seasonal-naive one (what the hour a day, or a week, before brought) on real clients
// that it was not tuned on: tests/data/servegen_hourly.csv, fourteen days. It was tuned on the even clients of m-large,
// which are not in that file.
//
// Two ways to put its mean absolute error into proportion, since fourteen days are few and the second week is wilder
// than the first (a seasonal-naive forecast has 1.5 to 2.2 times the error there):
//   relative   over the seasonal-naive error in the same hours
//   MASE       over the seasonal-naive error in the hours before them (in-sample; Hyndman and Koehler 2006)
// Hours are forecast one by one, from the hour before and from 24 hours before.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "broker/planning/demand_forecast.h"

namespace penstock::planning {
namespace {

constexpr size_t kHours = 336;
using Series = std::vector<double>;  // requests per hour
using Clients = std::vector<Series>;

/// The clients of each model.
std::map<std::string, Clients> Read() {
  std::ifstream file(PENSTOCK_SOURCE_DIR "/tests/data/servegen_hourly.csv");
  std::map<std::string, Clients> models;
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    Series hours;
    std::vector<std::string> cells(1);
    for (const char c : line) {
      if (c == ',') {
        cells.emplace_back();
      } else {
        cells.back() += c;
      }
    }
    for (size_t i = 2; i < cells.size(); ++i) hours.push_back(cells[i].empty() ? 0 : std::stod(cells[i]));
    EXPECT_EQ(hours.size(), kHours);
    models[cells[0]].push_back(std::move(hours));
  }
  return models;
}

Series PoolOf(const Clients& clients) {
  Series pool(kHours);
  for (const Series& client : clients) {
    for (size_t h = 0; h < kHours; ++h) pool[h] += client[h];
  }
  return pool;
}

struct Forecast {
  double mean = 0;
  double sd = 0;
};

/// The forecast of every hour, made this many hours before it; hours that nothing came before stay 0.
std::vector<Forecast> ForecastsOf(const Series& series, size_t ahead) {
  constexpr double kPerRequest = 3'600'000;  // milli-nt: a request an hour is 1 nt/s
  DemandForecast forecast;
  std::vector<Forecast> forecasts(kHours);
  for (size_t h = 0; h + ahead < kHours; ++h) {
    forecast.Observe(static_cast<int64_t>(h), Work(std::llround(series[h] * kPerRequest)));
    const ledger::HourDemand of = forecast.Of(static_cast<int64_t>(h + ahead));
    forecasts[h + ahead] = {static_cast<double>(of.mean.count()) / 1'000,
                            static_cast<double>(of.deviation.count()) / 1'000};
  }
  return forecasts;
}

double NaiveError(const Series& series, size_t season, size_t from, size_t to) {
  double sum = 0;
  for (size_t h = from; h < to; ++h) sum += std::abs(series[h] - series[h - season]);
  return sum / static_cast<double>(to - from);
}

struct Errors {
  double ours = 0;
  double naive = 0;      // in the same hours
  double in_sample = 0;  // in the hours before
};

Errors ErrorsOf(const Series& series, size_t ahead, size_t season, size_t test_from) {
  const std::vector<Forecast> forecasts = ForecastsOf(series, ahead);
  Errors errors;
  for (size_t h = test_from; h < kHours; ++h) errors.ours += std::abs(forecasts[h].mean - series[h]);
  errors.ours /= static_cast<double>(kHours - test_from);
  errors.naive = NaiveError(series, season, test_from, kHours);
  errors.in_sample = NaiveError(series, season, season, test_from);
  return errors;
}

/// Of the clients for which a figure exists: those that a seasonal-naive forecast is sometimes wrong about.
struct Figure {
  double median = 0;
  double share_below_1 = 0;
  double all = 0;   // sum of errors over sum of errors: large clients count for what they are
  double pool = 0;  // of the clients as one pool
};

Figure FigureOf(const Clients& clients, const Series& pool, size_t ahead, size_t season, size_t test_from,
                double Errors::*scale) {
  Figure figure;
  std::vector<double> ratios;
  double ours = 0;
  double scales = 0;
  for (const Series& client : clients) {
    const Errors errors = ErrorsOf(client, ahead, season, test_from);
    ours += errors.ours;
    scales += errors.*scale;
    if (errors.*scale > 0) ratios.push_back(errors.ours / errors.*scale);
  }
  std::sort(ratios.begin(), ratios.end());
  figure.median = ratios[ratios.size() / 2];
  const auto below = std::lower_bound(ratios.begin(), ratios.end(), 1.0) - ratios.begin();
  figure.share_below_1 = static_cast<double>(below) / static_cast<double>(ratios.size());
  figure.all = ours / scales;
  const Errors errors = ErrorsOf(pool, ahead, season, test_from);
  figure.pool = errors.ours / errors.*scale;
  return figure;
}

class ForecastOnServegen : public testing::Test {
 protected:
  static constexpr std::array<size_t, 2> kAhead = {1, 24};

  template <class Expectation>
  void ForAll(const char* what, size_t season, size_t test_from, double Errors::*scale, const Expectation& expect) {
    std::printf("%s, season %zu h, hours %zu to 335\n", what, season, test_from);
    std::printf("  %-8s %5s   %6s %8s %6s %6s\n", "model", "ahead", "median", "below 1", "all", "pool");
    for (const auto& [model, clients] : models_) {
      const Series pool = PoolOf(clients);
      for (const size_t ahead : kAhead) {
        const Figure figure = FigureOf(clients, pool, ahead, season, test_from, scale);
        std::printf("  %-8s %3zu h   %6.2f %6.0f %% %6.2f %6.2f\n", model.c_str(), ahead, figure.median,
                    figure.share_below_1 * 100, figure.all, figure.pool);
        SCOPED_TRACE(testing::Message() << model << ", " << ahead << " h ahead");
        expect(figure);
      }
    }
  }

  const std::map<std::string, Clients> models_ = Read();
};

TEST_F(ForecastOnServegen, TheDataIsWhole) {
  ASSERT_EQ(models_.size(), 2U);
  EXPECT_EQ(models_.at("m-large").size(), 81U);
  EXPECT_EQ(models_.at("m-small").size(), 43U);
}

TEST_F(ForecastOnServegen, BeatsYesterdaysHourOnClientsAndPoolsInTheSecondWeek) {
  ForAll("relative error", 24, 168, &Errors::naive, [](const Figure& figure) {
    EXPECT_LT(figure.median, 1);
    EXPECT_LT(figure.all, 1);
    EXPECT_LT(figure.pool, 1);
    EXPECT_GT(figure.share_below_1, 0.5);
  });
}

TEST_F(ForecastOnServegen, BeatsLastWeeksHourInTheLastFourDays) {
  ForAll("relative error", 168, 240, &Errors::naive, [](const Figure& figure) {
    EXPECT_LT(figure.median, 1);
    EXPECT_LT(figure.all, 1);
    EXPECT_LT(figure.pool, 1);
  });
}

TEST_F(ForecastOnServegen, MaseAgainstLastWeeksHour) {
  ForAll("MASE", 168, 240, &Errors::in_sample, [](const Figure& figure) {
    EXPECT_LT(figure.median, 1);
    EXPECT_LT(figure.all, 1);
    EXPECT_GT(figure.share_below_1, 0.5);
  });
}

// Not promised of everything: 24 hours ahead m-small and both pools stay above 1, as yesterday's hour itself does.
TEST_F(ForecastOnServegen, MaseAgainstYesterdaysHour) {
  ForAll("MASE", 24, 240, &Errors::in_sample, [](const Figure& figure) {
    EXPECT_LT(figure.median, 1);
    EXPECT_GT(figure.share_below_1, 0.5);
  });
}

TEST_F(ForecastOnServegen, DeviationsAreAboutAsWideAsPoolsAreOff) {
  for (const auto& [model, clients] : models_) {
    const Series pool = PoolOf(clients);
    for (const size_t ahead : kAhead) {
      const std::vector<Forecast> forecasts = ForecastsOf(pool, ahead);
      int inside = 0;
      double bias = 0;
      double sum = 0;
      for (size_t h = 168; h < kHours; ++h) {
        constexpr double kEighty = 1.2815515655446004;
        if (std::abs(pool[h] - forecasts[h].mean) <= kEighty * forecasts[h].sd) ++inside;
        bias += forecasts[h].mean - pool[h];
        sum += pool[h];
      }
      std::printf("%s, %zu h ahead: %.0f %% within 1.28 sd (80 %% if normal), bias %+.1f %%\n", model.c_str(), ahead,
                  inside / 1.68, 100 * bias / sum);
      EXPECT_GE(inside, 168 * 65 / 100);
      EXPECT_LT(std::abs(bias / sum), 0.1);
    }
  }
}

}  // namespace
}  // namespace penstock::planning
