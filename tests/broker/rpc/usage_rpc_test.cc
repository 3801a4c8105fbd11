// Usage by grouping, and outcomes, over gRPC.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "penstock/v1/outcomes.grpc.pb.h"
#include "tests/broker/core/engine_fixture.h"
#include "tests/broker/rpc/broker_fixture.h"

namespace penstock::rpc {
namespace {

class UsageRpcTest : public BrokerTest {
 protected:
  /// A request of 10 input and 5 output tokens, through the gateway.
  void Use(const std::string& tenant, const std::string& id, const std::string& run, const std::string& team) {
    v1::AdmitRequest request = AdmitFor(tenant, id);
    request.set_run(run);
    if (!team.empty()) (*request.mutable_labels())["team"] = team;
    v1::AdmitResponse admitted;
    ASSERT_TRUE(Admit(As::kGateway, request, &admitted).ok());
    v1::CompleteResponse completed;
    ASSERT_TRUE(Complete(As::kGateway, CompletionOf(admitted.grant().name()), &completed).ok());
  }

  grpc::Status Ask(As as, const v1::QueryUsageRequest& request, v1::QueryUsageResponse* response) const {
    return v1::Billing::NewStub(channel())->QueryUsage(Context(as).get(), request, response);
  }
  std::vector<v1::UsageGroup> GroupsOf(As as, v1::QueryUsageRequest request) const {
    std::vector<v1::UsageGroup> groups;
    while (true) {
      v1::QueryUsageResponse response;
      const grpc::Status status = Ask(as, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      groups.insert(groups.end(), response.groups().begin(), response.groups().end());
      if (response.next_page_token().empty()) return groups;
      request.set_page_token(response.next_page_token());
    }
  }
  /// The field that is wrong with it.
  std::string WrongIn(As as, const v1::QueryUsageRequest& request) const {
    v1::QueryUsageResponse response;
    const grpc::Status status = Ask(as, request, &response);
    EXPECT_EQ(ReasonOf(status), "INVALID_ARGUMENT");
    return status.error_message().substr(0, status.error_message().find(':'));
  }

  grpc::Status Report(As as, const v1::ReportOutcomeRequest& request, v1::OutcomeReport* report) const {
    return v1::Outcomes::NewStub(channel())->ReportOutcome(Context(as).get(), request, report);
  }
  static v1::ReportOutcomeRequest Resolved(const std::string& id, int64_t accepted, const std::string& run = "") {
    v1::ReportOutcomeRequest request;
    request.set_tenant("tenants/shop");
    request.set_request_id(id);
    request.set_outcome("resolved");
    request.set_accepted(accepted);
    request.set_run(run);
    return request;
  }
};

TEST_F(UsageRpcTest, GroupsByLabelAndRunForTheTenant) {
  Use("shop", "r1", "run-1", "search");
  Use("shop", "r2", "run-1", "ranking");
  Use("shop", "r3", "", "");
  Use("acme", "r4", "run-1", "search");
  v1::QueryUsageRequest request;
  request.add_group_by("label:team");
  const std::vector<v1::UsageGroup> groups = GroupsOf(As::kShop, request);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_TRUE(groups[0].no_value());
  EXPECT_EQ(groups[1].value(), "ranking");
  EXPECT_EQ(groups[2].value(), "search");
  EXPECT_EQ(groups[2].requests(), 1);
  EXPECT_EQ(groups[2].work_milli_nt(), 30'000);
  EXPECT_EQ(groups[2].charge().currency(), "USD");
  request.clear_group_by();
  request.set_run("run-1");
  ASSERT_EQ(GroupsOf(As::kShop, request).size(), 1u);
  EXPECT_EQ(GroupsOf(As::kShop, request)[0].requests(), 2);
}

TEST_F(UsageRpcTest, OperatorsSeeAllTenantsAPageAtATime) {
  Use("shop", "r1", "run-1", "search");
  Use("shop", "r2", "run-2", "");
  Use("acme", "r3", "run-3", "");
  v1::QueryUsageRequest request;
  request.set_page_size(1);
  request.add_group_by("tenant");
  request.add_group_by("run");
  request.set_by(v1::USAGE_SPAN_MONTH);
  const std::vector<v1::UsageGroup> groups = GroupsOf(As::kOperator, request);
  std::vector<std::string> found;
  for (const v1::UsageGroup& group : groups) {
    EXPECT_TRUE(group.has_start());
    found.push_back(group.tenant() + " " + group.value());
  }
  EXPECT_THAT(found, testing::ElementsAre("tenants/shop run-1", "tenants/shop run-2", "tenants/acme run-3"));
  v1::QueryUsageResponse response;
  EXPECT_EQ(ReasonOf(Ask(As::kShop, request, &response)), "PERMISSION_DENIED");
  request.clear_group_by();
  request.set_tenant("tenants/acme");
  EXPECT_EQ(ReasonOf(Ask(As::kShop, request, &response)), "PERMISSION_DENIED");
}

TEST_F(UsageRpcTest, ProjectsAreThoseOfTheKeys) {
  core::EngineSettings settings = core::SmallWorld();
  for (core::TenantSettings& tenant : settings.tenants) {
    if (tenant.name == "shop") tenant.keys.at(0).project = "chatbot";
  }
  NextConfig(settings);
  v1::ReloadResponse reloaded;
  ASSERT_TRUE(v1::Operations::NewStub(channel())->Reload(Context(As::kOperator).get(), {}, &reloaded).ok());
  Use("shop", "r1", "", "");
  v1::QueryUsageRequest request;
  request.add_group_by("project");
  request.set_project("chatbot");
  ASSERT_EQ(GroupsOf(As::kShop, request).size(), 1u);
  EXPECT_EQ(GroupsOf(As::kShop, request)[0].project(), "chatbot");
  request.set_project("nothing");
  EXPECT_EQ(WrongIn(As::kShop, request), "project");
}

TEST_F(UsageRpcTest, BadQuestionsAreNamed) {
  const auto wrong = [this](auto change) {
    v1::QueryUsageRequest request;
    request.set_by(v1::USAGE_SPAN_DAY);
    change(request);
    return WrongIn(As::kShop, request);
  };
  EXPECT_EQ(wrong([](auto& r) { r.add_group_by("colour"); }), "group_by");
  EXPECT_EQ(wrong([](auto& r) { r.add_group_by("label:"); }), "group_by");
  EXPECT_EQ(wrong([](auto& r) {
              r.add_group_by("run");
              r.add_group_by("label:team");
            }),
            "group_by");
  EXPECT_EQ(wrong([](auto& r) {
              r.add_group_by("run");
              r.set_label("team=search");
            }),
            "label");
  EXPECT_EQ(wrong([](auto& r) { r.set_label("team"); }), "label");
  EXPECT_EQ(wrong([](auto& r) { r.set_run(std::string(129, 'x')); }), "run");
  EXPECT_EQ(wrong([](auto& r) { r.set_by(static_cast<v1::UsageSpan>(9)); }), "by");
  EXPECT_EQ(wrong([](auto& r) { r.set_key("tenants/acme/keys/prod"); }), "key");
  EXPECT_EQ(wrong([](auto& r) { r.set_pool("pools/none"); }), "pool");
  EXPECT_EQ(wrong([](auto& r) { r.set_served(static_cast<v1::ServiceClass>(99)); }), "served");
  EXPECT_EQ(wrong([](auto& r) { r.set_page_size(-1); }), "page_size");
  EXPECT_EQ(wrong([](auto& r) { r.set_page_token("??"); }), "page_token");
  EXPECT_EQ(wrong([](auto& r) { r.mutable_from()->set_seconds(1); }), "from");
}

TEST_F(UsageRpcTest, APageTokenIsOfItsQuestion) {
  Use("shop", "r1", "run-1", "search");
  Use("shop", "r2", "run-2", "search");
  v1::QueryUsageRequest request;
  request.set_page_size(1);
  request.add_group_by("run");
  v1::QueryUsageResponse response;
  ASSERT_TRUE(Ask(As::kShop, request, &response).ok());
  ASSERT_FALSE(response.next_page_token().empty());
  request.set_page_token(response.next_page_token());
  request.set_by(v1::USAGE_SPAN_DAY);
  EXPECT_EQ(WrongIn(As::kShop, request), "page_token");
}

// ---- Outcomes.

TEST_F(UsageRpcTest, AReportIsAnsweredOnceAndAgain) {
  v1::OutcomeReport report;
  ASSERT_TRUE(Report(As::kGateway, Resolved("r1", 3, "run-1"), &report).ok());
  EXPECT_EQ(report.name(), "outcomes/1");
  EXPECT_EQ(report.tenant(), "tenants/shop");
  EXPECT_EQ(report.accepted(), 3);
  EXPECT_FALSE(report.repeated());
  ASSERT_TRUE(Report(As::kShop, Resolved("r1", 3, "run-1"), &report).ok());
  EXPECT_TRUE(report.repeated());
  EXPECT_EQ(ReasonOf(Report(As::kShop, Resolved("r1", 4, "run-1"), &report)), "REQUEST_ID_REUSED");
  EXPECT_EQ(ReasonOf(Report(As::kAcme, Resolved("r2", 4), &report)), "PERMISSION_DENIED");
}

TEST_F(UsageRpcTest, AReportIsReversedByItsName) {
  v1::OutcomeReport report;
  ASSERT_TRUE(Report(As::kShop, Resolved("r1", 3), &report).ok());
  v1::ReverseOutcomeRequest reverse;
  reverse.set_request_id("r2");
  reverse.set_report(report.name());
  const auto stub = v1::Outcomes::NewStub(channel());
  EXPECT_EQ(ReasonOf(stub->ReverseOutcome(Context(As::kAcme).get(), reverse, &report)), "UNKNOWN_OUTCOME");
  ASSERT_TRUE(stub->ReverseOutcome(Context(As::kShop).get(), reverse, &report).ok());
  EXPECT_EQ(report.reverses(), "outcomes/1");
  EXPECT_EQ(report.accepted(), -3);
  reverse.set_request_id("r3");
  EXPECT_EQ(ReasonOf(stub->ReverseOutcome(Context(As::kShop).get(), reverse, &report)), "OUTCOME_REVERSED");
  reverse.set_report("outcomes/01");
  EXPECT_EQ(ReasonOf(stub->ReverseOutcome(Context(As::kShop).get(), reverse, &report)), "INVALID_ARGUMENT");
}

TEST_F(UsageRpcTest, OutcomesAreShownWithWhatTheirRunsUsed) {
  Use("shop", "r1", "run-1", "search");
  Use("shop", "r2", "run-1", "search");
  Use("shop", "r3", "run-2", "");
  v1::OutcomeReport report;
  v1::ReportOutcomeRequest resolved = Resolved("r1", 2, "run-1");
  (*resolved.mutable_labels())["team"] = "search";
  ASSERT_TRUE(Report(As::kShop, resolved, &report).ok());
  ASSERT_TRUE(Report(As::kShop, Resolved("r2", 1), &report).ok());
  v1::QueryOutcomesRequest request;
  v1::QueryOutcomesResponse response;
  const auto stub = v1::Outcomes::NewStub(channel());
  ASSERT_TRUE(stub->QueryOutcomes(Context(As::kShop).get(), request, &response).ok());
  ASSERT_EQ(response.rows_size(), 1);
  EXPECT_EQ(response.rows(0).accepted(), 3);
  EXPECT_EQ(response.rows(0).attributed(), 2);
  EXPECT_EQ(response.rows(0).requests(), 2) << "those of run-1";
  EXPECT_EQ(response.rows(0).tokens_per_outcome(), 15);
  request.set_label("team");
  response.Clear();
  ASSERT_TRUE(stub->QueryOutcomes(Context(As::kShop).get(), request, &response).ok());
  ASSERT_EQ(response.rows_size(), 2);
  EXPECT_EQ(response.rows(0).value(), "");
  EXPECT_EQ(response.rows(0).accepted(), 1);
  EXPECT_FALSE(response.rows(0).has_charge_per_outcome());
  EXPECT_EQ(response.rows(1).value(), "search");
  EXPECT_EQ(response.rows(1).accepted(), 2);
  EXPECT_EQ(response.rows(1).tokens_per_outcome(), 15);
}

TEST_F(UsageRpcTest, BadReportsAreNamed) {
  const auto wrong = [this](auto change) {
    v1::ReportOutcomeRequest request = Resolved("r1", 1);
    change(request);
    v1::OutcomeReport report;
    const grpc::Status status = Report(As::kShop, request, &report);
    EXPECT_EQ(ReasonOf(status), "INVALID_ARGUMENT") << status.error_message();
    return status.error_message().substr(0, status.error_message().find(':'));
  };
  EXPECT_EQ(wrong([](auto& r) { r.clear_request_id(); }), "request_id");
  EXPECT_EQ(wrong([](auto& r) { r.clear_outcome(); }), "outcome");
  EXPECT_EQ(wrong([](auto& r) { r.set_accepted(0); }), "accepted");
  EXPECT_EQ(wrong([](auto& r) { r.set_accepted(-1); }), "accepted");
  EXPECT_EQ(wrong([](auto& r) { r.set_rejected(1'000'000'001); }), "rejected");
  EXPECT_EQ(wrong([](auto& r) { r.set_run(std::string(129, 'x')); }), "run");
  EXPECT_EQ(wrong([](auto& r) { (*r.mutable_labels())[""] = "x"; }), "labels");
  EXPECT_EQ(wrong([](auto& r) { r.mutable_happened()->set_seconds(1); }), "happened");
}

}  // namespace
}  // namespace penstock::rpc
