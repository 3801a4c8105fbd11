// Reports of outcomes: counted, answered again, reversed, refused; and all of it after a restart.
#include <gtest/gtest.h>

#include <string>

#include "tests/broker/core/engine_fixture.h"

namespace penstock::core {
namespace {

class OutcomesOnEngine : public testing::Test {
 protected:
  ReportOutcome Report(const std::string& id, int64_t accepted, const std::string& name = "resolved") const {
    ReportOutcome report;
    report.tenant = world_.TenantNamed("shop");
    report.request_id = id;
    report.body = ledger::DigestOf(name + std::to_string(accepted));
    report.name = name;
    report.accepted = accepted;
    return report;
  }
  ReportOutcome Reversal(const std::string& id, uint64_t of) const {
    ReportOutcome report;
    report.tenant = world_.TenantNamed("shop");
    report.request_id = id;
    report.reverses = of;
    return report;
  }
  OutcomeReported Reported(const ReportOutcome& report) {
    const Outcome outcome = world_.Ask(report);
    if (const auto* error = std::get_if<Error>(&outcome)) ADD_FAILURE() << error->message;
    return std::get<OutcomeReported>(outcome);
  }
  ErrorReason ErrorOf(const ReportOutcome& report) { return std::get<Error>(world_.Ask(report)).reason; }
  int64_t Accepted() const {
    int64_t sum = 0;
    for (const auto& [key, count] : world_.engine().books().outcomes().rows()) sum += key.cut == 0 ? count.accepted : 0;
    return sum;
  }

  mutable EngineWorld world_;
};

TEST_F(OutcomesOnEngine, AReportIsAnsweredOnceItIsDurable) {
  const OutcomeReported reported = Reported(Report("r1", 3));
  EXPECT_EQ(world_.last_release(), Release::kSynced);
  EXPECT_EQ(reported.report.id, 1u);
  EXPECT_EQ(reported.name, "resolved");
  EXPECT_EQ(reported.report.count.accepted, 3);
  EXPECT_EQ(reported.report.happened, world_.now());
  EXPECT_FALSE(reported.repeated);
  EXPECT_EQ(Accepted(), 3);
}

TEST_F(OutcomesOnEngine, TheSameRequestIsAnsweredAgainAlsoAfterARestart) {
  Reported(Report("r1", 3));
  for (int round = 0; round < 2; ++round) {
    const OutcomeReported again = Reported(Report("r1", 3));
    EXPECT_TRUE(again.repeated);
    EXPECT_EQ(again.report.id, 1u);
    EXPECT_EQ(ErrorOf(Report("r1", 4)), ErrorReason::kRequestIdReused);
    EXPECT_EQ(Accepted(), 3);
    world_.Restart(Minutes(1));
  }
}

TEST_F(OutcomesOnEngine, AReportIsReversedOnce) {
  Reported(Report("r1", 3));
  Reported(Report("r2", 4));
  world_.Restart(Minutes(1));
  const OutcomeReported reversal = Reported(Reversal("r3", 1));
  EXPECT_EQ(reversal.report.count.accepted, -3);
  EXPECT_EQ(reversal.report.reverses, 1u);
  EXPECT_EQ(Accepted(), 4);
  EXPECT_EQ(ErrorOf(Reversal("r4", 1)), ErrorReason::kOutcomeReversed);
  EXPECT_EQ(ErrorOf(Reversal("r5", 3)), ErrorReason::kOutcomeReversed);
  EXPECT_EQ(ErrorOf(Reversal("r6", 99)), ErrorReason::kUnknownOutcome);
  EXPECT_TRUE(Reported(Reversal("r3", 1)).repeated);
  EXPECT_EQ(Reported(Report("r1", 3)).report.reversed_by, 3u);
}

TEST_F(OutcomesOnEngine, AReversalIsTheTenantsOwn) {
  Reported(Report("r1", 3));
  ReportOutcome foreign = Reversal("r2", 1);
  foreign.tenant = world_.TenantNamed("acme");
  EXPECT_EQ(ErrorOf(foreign), ErrorReason::kUnknownOutcome);
}

TEST_F(OutcomesOnEngine, LateReportsCountWhenTheyHappenedWithinBounds) {
  ReportOutcome late = Report("r1", 3);
  late.happened = world_.now() - Days(40);
  EXPECT_EQ(Reported(late).report.happened, world_.now() - Days(40));
  late.request_id = "r2";
  late.happened = world_.now() - Days(63);
  EXPECT_EQ(ErrorOf(late), ErrorReason::kInvalidArgument);
  late.happened = world_.now() + Nanoseconds(1);
  EXPECT_EQ(ErrorOf(late), ErrorReason::kInvalidArgument);
}

TEST_F(OutcomesOnEngine, ATenantHasSoManyNames) {
  for (size_t n = 0; n < ledger::kMaxOutcomeNames; ++n) {
    Reported(Report("r" + std::to_string(n), 1, "name-" + std::to_string(n)));
  }
  EXPECT_EQ(ErrorOf(Report("one more", 1, "one more")), ErrorReason::kTooManyOutcomeNames);
  EXPECT_FALSE(Reported(Report("a known one", 1, "name-7")).repeated);
}

}  // namespace
}  // namespace penstock::core
