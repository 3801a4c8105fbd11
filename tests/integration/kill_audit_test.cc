// The auditor notices what it is there for: a record that says otherwise than the journal is a contradiction.
#include "tests/integration/kill_audit.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "penstock/v1/admission.grpc.pb.h"
#include "tests/integration/daemon_process.h"
#include "tests/integration/pairs.h"

namespace penstock::integration {
namespace {

using testing::HasSubstr;

class KillAudit : public testing::Test {
 protected:
  /// Three pairs of tenant audit, with a true record of them; then the daemon stops.
  void SetUp() override {
    ASSERT_TRUE(daemon_.Start()) << daemon_.output();
    const auto stub = v1::Admission::NewStub(daemon_.Channel());
    for (const std::string id : {"a", "b", "c"}) {
      grpc::ClientContext asking;
      daemon_.Authorise(asking);
      v1::AdmitResponse admitted;
      ASSERT_TRUE(stub->Admit(&asking, AdmitOf("tenants/audit/keys/prod", "pools/chat", id), &admitted).ok());
      grpc::ClientContext ending;
      daemon_.Authorise(ending);
      v1::CompleteResponse completed;
      ASSERT_TRUE(stub->Complete(&ending, CompletionOf(admitted.grant().name(), 10), &completed).ok());
      lines_.push_back("ask " + id + " audit");
      lines_.push_back("grant " + id + " " + admitted.grant().name());
      lines_.push_back("settle " + admitted.grant().name() + " " + std::to_string(completed.sequence()) + " " +
                       completed.charge().amount());
    }
    ASSERT_EQ(daemon_.Stop(), 0) << daemon_.output();
  }

  std::string Compare() {
    std::ofstream file(daemon_.path("record"), std::ios::trunc);
    for (const std::string& line : lines_) file << line << "\n";
    file.close();
    return CompareWithJournal(daemon_.path("record"), daemon_.data_dir(), &counts_);
  }

  DaemonProcess daemon_;
  std::vector<std::string> lines_;
  AuditCounts counts_;
};

TEST_F(KillAudit, ATrueRecordAgrees) {
  EXPECT_EQ(Compare(), "");
  EXPECT_EQ(counts_.settled, 3u);
}

TEST_F(KillAudit, AnotherChargeIsNoticed) {
  lines_.back() += "1";
  EXPECT_THAT(Compare(), HasSubstr("charged c another sum"));
}

TEST_F(KillAudit, AnotherPlaceInTheJournalIsNoticed) {
  const size_t at = lines_.back().find(' ', lines_.back().find(' ') + 1);
  lines_.back().insert(at + 1, "9");
  EXPECT_THAT(Compare(), HasSubstr("another sequence"));
}

TEST_F(KillAudit, ASettlementThatTheJournalDoesNotHaveIsNoticed) {
  lines_.insert(lines_.end(), {"ask d audit", "grant d a-grant", "settle a-grant 0 0.000001"});
  EXPECT_THAT(Compare(), HasSubstr("not in the journal"));
}

TEST_F(KillAudit, ASettlementThatNobodyWasToldOfIsNoticed) {
  lines_.resize(lines_.size() - 3);
  EXPECT_THAT(Compare(), HasSubstr("other settlements"));
}

TEST_F(KillAudit, AGrantThatNeverEndedIsNoticed) {
  lines_.pop_back();
  EXPECT_THAT(Compare(), HasSubstr("never settled"));
}

}  // namespace
}  // namespace penstock::integration
