// Explain, Reload and ApproveRun over real gRPC.
#include <gmock/gmock.h>

#include "penstock/v1/admission.grpc.pb.h"
#include "penstock/v1/operations.grpc.pb.h"
#include "tests/broker/core/engine_fixture.h"
#include "tests/broker/rpc/broker_fixture.h"

namespace penstock::rpc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class ExplainTest : public BrokerTest {
 protected:
  grpc::Status Explain(As as, const v1::ExplainRequest& request, v1::Decision* decision) {
    return v1::Admission::NewStub(channel())->Explain(Context(as).get(), request, decision);
  }
  static v1::ExplainRequest About(const std::string& grant) {
    v1::ExplainRequest request;
    request.set_grant(grant);
    return request;
  }
  static v1::ExplainRequest About(const std::string& tenant, const std::string& request_id) {
    v1::ExplainRequest request;
    request.mutable_request()->set_tenant(tenant);
    request.mutable_request()->set_request_id(request_id);
    return request;
  }
  grpc::Status Reload(v1::ReloadResponse* response) {
    return v1::Operations::NewStub(channel())->Reload(Context(As::kOperator).get(), v1::ReloadRequest(), response);
  }
};

TEST_F(ExplainTest, AGrantIsExplainedByItsName) {
  const std::string grant = NewGrant("r1");
  v1::Decision decision;
  ASSERT_TRUE(Explain(As::kOperator, About(grant), &decision).ok());
  EXPECT_EQ(decision.grant(), grant);
  EXPECT_EQ(decision.key(), "tenants/shop/keys/prod");
  EXPECT_EQ(decision.pool(), "pools/chat");
  EXPECT_EQ(decision.served(), v1::SERVICE_CLASS_DEFAULT);
  EXPECT_EQ(decision.output_cap(), 100);
  EXPECT_THAT(decision.explanation().candidates(), ElementsAre(v1::Explanation::CHOSEN));
  EXPECT_EQ(decision.explanation().predicted_output_tokens(), 50);
  EXPECT_THAT(decision.remedies(), IsEmpty()) << "it did not have to wait";
}

TEST_F(ExplainTest, AReservedGrantNamesItsContract) {
  v1::AdmitResponse response;
  ASSERT_TRUE(Admit(As::kAcme, AdmitFor("acme", "r1"), &response).ok());
  v1::Decision decision;
  ASSERT_TRUE(Explain(As::kAcme, About(response.grant().name()), &decision).ok());
  EXPECT_EQ(decision.served(), v1::SERVICE_CLASS_RESERVED);
  EXPECT_EQ(decision.explanation().contract(), 1u);
  EXPECT_TRUE(decision.explanation().has_contract_deadline());
}

TEST_F(ExplainTest, ARefusalIsExplainedByItsRequestIdAndSaysWhatWouldHaveHelped) {
  for (int i = 0; i < 4; ++i) NewGrant("r" + std::to_string(i));
  v1::AdmitRequest request = AdmitFor("shop", "late");
  request.mutable_max_wait()->set_seconds(0);
  v1::AdmitResponse response;
  ASSERT_TRUE(Admit(As::kGateway, request, &response).ok());
  ASSERT_TRUE(response.has_refusal());
  v1::Decision decision;
  ASSERT_TRUE(Explain(As::kOperator, About("tenants/shop", "late"), &decision).ok());
  EXPECT_THAT(decision.grant(), IsEmpty());
  EXPECT_EQ(decision.refusal().reason(), response.refusal().reason());
  EXPECT_EQ(decision.explanation().gate(), v1::Explanation::SLOTS);
  EXPECT_THAT(decision.remedies(), Not(IsEmpty()));
}

TEST_F(ExplainTest, ATenantSeesItsOwnDecisionsOnly) {
  const std::string grant = NewGrant("r1");
  v1::Decision decision;
  EXPECT_EQ(ReasonOf(Explain(As::kAcme, About(grant), &decision)), "UNKNOWN_DECISION");
  EXPECT_EQ(ReasonOf(Explain(As::kAcme, About("tenants/shop", "r1"), &decision)), "UNKNOWN_DECISION");
  EXPECT_TRUE(Explain(As::kShop, About("", "r1"), &decision).ok());
}

TEST_F(ExplainTest, WhatIsNotADecisionIsANamedError) {
  v1::Decision decision;
  EXPECT_EQ(ReasonOf(Explain(As::kOperator, v1::ExplainRequest(), &decision)), "INVALID_ARGUMENT");
  EXPECT_EQ(ReasonOf(Explain(As::kOperator, About("grants/forged"), &decision)), "UNKNOWN_GRANT");
  EXPECT_EQ(ReasonOf(Explain(As::kOperator, About("tenants/shop", "never"), &decision)), "UNKNOWN_DECISION");
  EXPECT_EQ(ReasonOf(Explain(As::kOperator, About("tenants/nobody", "r1"), &decision)), "INVALID_ARGUMENT");
  EXPECT_EQ(ReasonOf(Explain(As::kOperator, About("tenants/shop", std::string(65, 'x')), &decision)),
            "INVALID_ARGUMENT");
}

TEST_F(ExplainTest, AReloadAppliesNewLimitsAndNewTenantsWhileGrantsRun) {
  const std::string grant = NewGrant("before");
  core::EngineSettings next = core::SmallWorld();
  next.tenants[1].limits.max_parallel = 1;
  core::TenantSettings bakery{.name = "bakery", .tier = Tier::kElastic};
  bakery.keys.push_back({.name = "prod"});
  next.tenants.push_back(bakery);
  NextConfig(next);
  v1::ReloadResponse reloaded;
  ASSERT_TRUE(Reload(&reloaded).ok());
  EXPECT_THAT(reloaded.summary(), HasSubstr("new"));

  v1::AdmitResponse response;
  ASSERT_TRUE(Admit(As::kGateway, AdmitFor("shop", "second"), &response).ok());
  EXPECT_EQ(response.refusal().reason(), v1::Refusal::PARALLEL_LIMIT) << "the running one counts";
  ASSERT_TRUE(Admit(As::kGateway, AdmitFor("bakery", "first"), &response).ok());
  EXPECT_TRUE(response.has_grant());
  v1::CompleteResponse completed;
  EXPECT_TRUE(Complete(As::kGateway, CompletionOf(grant), &completed).ok());
}

TEST_F(ExplainTest, AReloadChangesWhatStatementsKnowOfASubscription) {
  core::EngineSettings next = core::SmallWorld();
  next.tenants[1].subscription.minimum = *ledger::Money::FromDecimal("5");
  NextConfig(next);
  v1::ReloadResponse reloaded;
  ASSERT_TRUE(Reload(&reloaded).ok());
  v1::PreviewStatementRequest ask;
  ask.set_tenant("tenants/shop");
  v1::Statement bill;
  ASSERT_TRUE(v1::Billing::NewStub(channel())->PreviewStatement(Context(As::kOperator).get(), ask, &bill).ok());
  EXPECT_EQ(bill.total(), "5.000000000000") << "nothing was used: the true-up of this month's minimum";
}

TEST_F(ExplainTest, AConfigurationThatIsRefusedChangesNothing) {
  v1::ReloadResponse reloaded;
  NextConfig(absl::InvalidArgumentError("penstock.yaml:3:1: unknown key"));
  grpc::Status status = Reload(&reloaded);
  EXPECT_EQ(ReasonOf(status), "CONFIG_REFUSED");
  EXPECT_THAT(status.error_message(), HasSubstr("penstock.yaml:3:1"));

  core::EngineSettings dearer = core::SmallWorld();
  dearer.tariff.pools[0].by_class[2][TokenKind::kOutput] += 1;
  dearer.tenants.clear();
  NextConfig(dearer);
  status = Reload(&reloaded);
  EXPECT_EQ(ReasonOf(status), "CONFIG_REFUSED");
  EXPECT_THAT(status.error_message(), HasSubstr("test-1"));
  EXPECT_FALSE(NewGrant("still works").empty());
}

TEST_F(ExplainTest, ARunThatIsOutOfRequestsGoesOnOnceItIsApproved) {
  core::EngineSettings next = core::SmallWorld();
  next.tenants[1].runs = {.max_spend = {}, .max_requests = 1, .max_wall_time = {}, .max_depth = 0};
  NextConfig(next);
  v1::ReloadResponse reloaded;
  ASSERT_TRUE(Reload(&reloaded).ok());
  v1::AdmitRequest request = AdmitFor("shop", "one");
  request.set_run("agent-7");
  v1::AdmitResponse response;
  ASSERT_TRUE(Admit(As::kGateway, request, &response).ok());
  ASSERT_TRUE(response.has_grant());
  request.set_request_id("two");
  ASSERT_TRUE(Admit(As::kGateway, request, &response).ok());
  EXPECT_EQ(response.refusal().reason(), v1::Refusal::RUN_BOUND);
  EXPECT_EQ(response.refusal().limit(), "run.max_requests");

  v1::ApproveRunRequest approve;
  approve.set_tenant("tenants/shop");
  approve.set_run("agent-7");
  v1::ApproveRunResponse approved;
  const auto operations = v1::Operations::NewStub(channel());
  ASSERT_TRUE(operations->ApproveRun(Context(As::kOperator).get(), approve, &approved).ok());
  request.set_request_id("three");
  ASSERT_TRUE(Admit(As::kGateway, request, &response).ok());
  EXPECT_TRUE(response.has_grant());
  approve.set_run("agent-8");
  EXPECT_EQ(ReasonOf(operations->ApproveRun(Context(As::kOperator).get(), approve, &approved)), "UNKNOWN_RUN");
}

}  // namespace
}  // namespace penstock::rpc
