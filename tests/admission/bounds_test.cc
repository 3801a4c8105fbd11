// The bounds hold for FairScheduler, and each way to be wrong is caught by the checks that are meant to catch it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "admission/fair_scheduler.h"
#include "tests/admission/bounds.h"
#include "tests/admission/broken_schedulers.h"

namespace penstock::admission {
namespace {

using Check = std::function<std::string(uint64_t seed)>;

struct NamedCheck {
  std::string name;
  Check check;
};

template <class S>
std::vector<NamedCheck> ChecksOf() {
  return {
      {"FairAtDispatchClasses", [](uint64_t seed) { return FairAtDispatch<S>(Level::kClasses, seed); }},
      {"FairAtDispatchTenants", [](uint64_t seed) { return FairAtDispatch<S>(Level::kTenants, seed); }},
      {"FairAtDispatchKeys", [](uint64_t seed) { return FairAtDispatch<S>(Level::kKeys, seed); }},
      {"FairAfterAbsence", FairAfterAbsence<S>},
      {"FairAtFinishClasses", [](uint64_t seed) { return FairAtFinish<S>(Level::kClasses, seed); }},
      {"FairAtFinishTenants", [](uint64_t seed) { return FairAtFinish<S>(Level::kTenants, seed); }},
      {"FairAtFinishKeys", [](uint64_t seed) { return FairAtFinish<S>(Level::kKeys, seed); }},
      {"DelayBound", DelayBound<S>},
      {"NobodyStarves", NobodyStarves<S>},
      {"ReclaimBound", ReclaimBound<S>},
      {"ContractRate", ContractRate<S>},
      {"CloseToFluid", CloseToFluid<S>},
  };
}

class Bound : public testing::TestWithParam<NamedCheck> {};

TEST_P(Bound, Holds) {
  for (const uint64_t seed : TestSeeds(60)) EXPECT_EQ(GetParam().check(seed), "") << "PENSTOCK_SEED=" << seed;
}

INSTANTIATE_TEST_SUITE_P(FairScheduler, Bound, testing::ValuesIn(ChecksOf<FairScheduler>()),
                         [](const auto& each) { return each.param.name; });

/// The checks that catch a scheduler with one of a few seeds; prints them, and what they say.
template <class S>
std::vector<std::string> Row(const char* name) {
  std::vector<std::string> caught;
  for (const NamedCheck& each : ChecksOf<S>()) {
    std::string verdict;
    for (uint64_t seed = 1; seed <= 4 && verdict.empty(); ++seed) verdict = each.check(seed);
    std::printf("%-16s %-22s %s\n", name, each.name.c_str(), verdict.empty() ? "-" : verdict.c_str());
    if (!verdict.empty()) caught.push_back(each.name);
  }
  return caught;
}

TEST(BrokenScheduler, OnePlainLineIsCaught) {
  const std::vector<std::string> caught = Row<FifoScheduler>("fifo");
  for (const char* check : {"FairAtDispatchClasses", "FairAtDispatchTenants", "FairAtDispatchKeys", "FairAfterAbsence",
                            "FairAtFinishTenants", "DelayBound", "NobodyStarves", "ReclaimBound", "CloseToFluid"}) {
    EXPECT_THAT(caught, testing::Contains(check));
  }
}

TEST(BrokenScheduler, StrictPriorityIsCaught) {
  const std::vector<std::string> caught = Row<StrictPriorityScheduler>("strict priority");
  for (const char* check : {"FairAtDispatchClasses", "NobodyStarves", "ReclaimBound", "CloseToFluid"}) {
    EXPECT_THAT(caught, testing::Contains(check));
  }
}

TEST(BrokenScheduler, NoLiftIsCaught) {
  const std::vector<std::string> caught = Row<UnliftedScheduler>("no lift");
  EXPECT_THAT(caught, testing::Contains("FairAfterAbsence"));
  EXPECT_THAT(caught, testing::Not(testing::Contains("FairAtDispatchTenants"))) << "its only fault is the lift";
}

TEST(BrokenScheduler, NoTrueUpIsCaught) {
  const std::vector<std::string> caught = Row<UntruedScheduler>("no true-up");
  for (const char* check : {"FairAtFinishClasses", "FairAtFinishTenants", "FairAtFinishKeys", "ContractRate"}) {
    EXPECT_THAT(caught, testing::Contains(check));
  }
  EXPECT_THAT(caught, testing::Not(testing::Contains("FairAtDispatchTenants"))) << "its only fault is the truth";
}

}  // namespace
}  // namespace penstock::admission
