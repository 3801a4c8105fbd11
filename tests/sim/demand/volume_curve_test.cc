#include "sim/demand/volume_curve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace penstock::sim {
namespace {

constexpr double kReference = 2'000;

DemandTerms Terms(VolumeModel model, double elasticity) {
  DemandTerms terms;
  terms.volume = model;
  terms.elasticity = elasticity;
  terms.reference_price = static_cast<int64_t>(kReference);
  return terms;
}

/// By the trapezoid rule.
double AreaUnder(const VolumeCurve& curve, double from, double to) {
  constexpr int kSteps = 200'000;
  const double step = (to - from) / kSteps;
  double sum = (curve.VolumeAt(from) + curve.VolumeAt(std::nextafter(to, from))) / 2;
  for (int i = 1; i < kSteps; ++i) sum += curve.VolumeAt(from + i * step);
  return sum * step;
}

TEST(VolumeCurve, IsOneAtTheReferencePrice) {
  for (const double elasticity : {0.3, 1.0, 2.5}) {
    EXPECT_DOUBLE_EQ(VolumeCurve(Terms(VolumeModel::kConstantElasticity, elasticity)).VolumeAt(kReference), 1);
    EXPECT_NEAR(VolumeCurve(Terms(VolumeModel::kLogit, elasticity)).VolumeAt(kReference), 1, 1e-12);
  }
  EXPECT_EQ(VolumeCurve(Terms(VolumeModel::kFixed, 1)).VolumeAt(50 * kReference), 1);
}

TEST(VolumeCurve, HasTheElasticityThatItWasGivenAtTheReferencePrice) {
  for (const VolumeModel model : {VolumeModel::kConstantElasticity, VolumeModel::kLogit}) {
    for (const double elasticity : {0.3, 1.0, 2.5}) {
      const VolumeCurve curve(Terms(model, elasticity));
      const double up = curve.VolumeAt(kReference * 1.0001);
      const double down = curve.VolumeAt(kReference * 0.9999);
      EXPECT_NEAR(-(std::log(up) - std::log(down)) / 0.0002, elasticity, 1e-4);
    }
  }
}

TEST(VolumeCurve, HalvesWhenThePriceDoublesAtElasticityOne) {
  const VolumeCurve curve(Terms(VolumeModel::kConstantElasticity, 1));
  EXPECT_DOUBLE_EQ(curve.VolumeAt(2 * kReference), 0.5);
  EXPECT_DOUBLE_EQ(curve.VolumeAt(kReference / 2), 2);
}

TEST(VolumeCurve, EndsAtTheChokePriceAndAtMostVolume) {
  const VolumeCurve curve(Terms(VolumeModel::kConstantElasticity, 1));
  EXPECT_GT(curve.VolumeAt(9.99 * kReference), 0);
  EXPECT_EQ(curve.VolumeAt(10 * kReference), 0);
  EXPECT_EQ(curve.VolumeAt(0), 4);
  EXPECT_EQ(curve.VolumeAt(-kReference), 4);
  EXPECT_EQ(curve.VolumeAt(std::numeric_limits<double>::infinity()), 0);
}

TEST(VolumeCurve, SurplusIsTheAreaUnderTheCurve) {
  for (const double elasticity : {0.3, 1.0, 2.5}) {
    const VolumeCurve choked(Terms(VolumeModel::kConstantElasticity, elasticity));
    const VolumeCurve logit(Terms(VolumeModel::kLogit, elasticity));
    for (const double price : {-500.0, 100.0, 2'000.0, 7'000.0}) {
      const double area = AreaUnder(choked, price, 10 * kReference);
      EXPECT_NEAR(choked.SurplusAt(price), area, 1e-4 * area) << elasticity << " " << price;
      const double share = AreaUnder(logit, price, price + 100 * kReference / elasticity);
      EXPECT_NEAR(logit.SurplusAt(price), share, 1e-4 * share) << elasticity << " " << price;
    }
  }
  EXPECT_EQ(VolumeCurve(Terms(VolumeModel::kFixed, 1)).SurplusAt(3 * kReference), 7 * kReference);
  EXPECT_EQ(VolumeCurve(Terms(VolumeModel::kConstantElasticity, 0)).SurplusAt(3 * kReference), 7 * kReference);
}

TEST(VolumeCurve, NeverRisesWithThePrice) {
  for (const VolumeModel model : {VolumeModel::kFixed, VolumeModel::kConstantElasticity, VolumeModel::kLogit}) {
    const VolumeCurve curve(Terms(model, 1.7));
    for (double price = -3 * kReference; price < 12 * kReference; price += 37) {
      EXPECT_GE(curve.VolumeAt(price), curve.VolumeAt(price + 37));
      EXPECT_GE(curve.SurplusAt(price), curve.SurplusAt(price + 37));
    }
  }
}

}  // namespace
}  // namespace penstock::sim
