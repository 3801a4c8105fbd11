// Budgets, alerts and raises over gRPC: who sees what, pages, and named errors.
#include <gmock/gmock.h>
#include <httplib.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "penstock/v1/budgets.grpc.pb.h"
#include "tests/broker/core/engine_fixture.h"
#include "tests/broker/rpc/broker_fixture.h"

namespace penstock::rpc {
namespace {

using core::BudgetTerms;

BudgetTerms Budget(const std::string& name, BudgetTerms::Period period, const std::string& amount, bool soft) {
  return {.name = name, .period = period, .amount = core::Usd(amount), .soft = soft, .alert_at = {50, 100}};
}

/// Takes POSTs and remembers them.
class Receiver {
 public:
  Receiver() {
    server_.Post("/hook", [this](const httplib::Request& request, httplib::Response&) {
      const std::lock_guard lock(mutex_);
      seen_.push_back(request);
      arrived_.notify_all();
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~Receiver() {
    while (!server_.is_running()) std::this_thread::yield();
    server_.stop();
    thread_.join();
  }
  std::string origin() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<httplib::Request> WaitFor(size_t n) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return seen_.size() >= n; });
    return seen_;
  }

 private:
  httplib::Server server_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<httplib::Request> seen_;
  int port_ = 0;
  std::thread thread_;
};

class BudgetsRpcTest : public BrokerTest {
 protected:
  // One completion costs 10 x 0.0000006 + 5 x 0.0000024 = 0.000018.
  void SetUp() override {
    TellAlertsTo({.origin = receiver_.origin(),
                  .path = "/hook",
                  .secret = "sixteen bytes at least",
                  .first_pause = Milliseconds(1),
                  .look_every = Milliseconds(1)});
    BrokerTest::SetUp();
    core::EngineSettings settings = core::SmallWorld();
    core::TenantSettings& shop = settings.tenants[1];
    shop.budgets = {Budget("total", BudgetTerms::Period::kTotal, "0.000036", true),
                    Budget("month", BudgetTerms::Period::kMonth, "1", false)};
    shop.keys[0].project = "search";
    shop.projects = {{.name = "search", .budgets = {Budget("total", BudgetTerms::Period::kTotal, "5", false)}}};
    shop.keys[0].budgets = {Budget("total", BudgetTerms::Period::kTotal, "2", false)};
    settings.tenants[2].budgets = {Budget("total", BudgetTerms::Period::kTotal, "9", false)};
    NextConfig(settings);
    v1::ReloadResponse reloaded;
    const auto stub = v1::Operations::NewStub(channel());
    ASSERT_TRUE(stub->Reload(Context(As::kOperator).get(), v1::ReloadRequest(), &reloaded).ok());
    budgets_ = v1::Budgets::NewStub(channel());
  }

  void Spend(const std::string& id) {
    v1::CompleteResponse response;
    ASSERT_TRUE(Complete(As::kShop, CompletionOf(NewGrant(id)), &response).ok());
  }

  v1::ListBudgetsResponse List(As as, const std::string& tenant = "", int page_size = 0,
                               const std::string& token = "") {
    v1::ListBudgetsRequest request;
    request.set_tenant(tenant);
    request.set_page_size(page_size);
    request.set_page_token(token);
    v1::ListBudgetsResponse response;
    const grpc::Status status = budgets_->ListBudgets(Context(as).get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  v1::RequestRaiseRequest Wish(const std::string& of, v1::BudgetPeriod period, const std::string& more) {
    v1::RequestRaiseRequest request;
    request.set_of(of);
    request.set_period(period);
    request.set_more(more);
    request.set_reason("launch");
    return request;
  }
  grpc::Status Ask(As as, const v1::RequestRaiseRequest& request, v1::Raise* raise) {
    return budgets_->RequestRaise(Context(as).get(), request, raise);
  }
  grpc::Status Approve(As as, const std::string& name, v1::Raise* raise) {
    v1::DecideRaiseRequest request;
    request.set_name(name);
    return budgets_->ApproveRaise(Context(as).get(), request, raise);
  }

  Receiver receiver_;
  std::unique_ptr<v1::Budgets::Stub> budgets_;
};

TEST_F(BudgetsRpcTest, ListsWhatIsSpentAndLeft) {
  Spend("r1");
  const v1::ListBudgetsResponse all = List(As::kShop);
  ASSERT_EQ(all.budgets_size(), 4);
  const v1::Budget& soft = all.budgets(0);
  EXPECT_EQ(soft.of(), "tenants/shop");
  EXPECT_EQ(soft.period(), v1::BUDGET_PERIOD_TOTAL);
  EXPECT_TRUE(soft.soft());
  EXPECT_EQ(soft.spent().amount(), "0.000018000000");
  EXPECT_EQ(soft.left().amount(), "0.000018000000");
  EXPECT_EQ(soft.amount().currency(), "USD");
  EXPECT_FALSE(soft.has_period_end());
  EXPECT_TRUE(all.budgets(1).has_period_end());
  EXPECT_EQ(all.budgets(2).of(), "tenants/shop/projects/search");
  EXPECT_EQ(all.budgets(3).of(), "tenants/shop/keys/prod");
  EXPECT_EQ(all.budgets(3).spent().amount(), "0.000018000000");
  EXPECT_EQ(List(As::kOperator).budgets_size(), 5);
  EXPECT_EQ(List(As::kOperator, "tenants/acme").budgets_size(), 1);
}

TEST_F(BudgetsRpcTest, PagesGoOnWhereTheLastOneEnded) {
  int seen = 0;
  std::string token;
  do {
    const v1::ListBudgetsResponse page = List(As::kOperator, "", 1, token);
    seen += page.budgets_size();
    token = page.next_page_token();
  } while (!token.empty());
  EXPECT_EQ(seen, 5);
}

TEST_F(BudgetsRpcTest, AlertsAreListedNewestFirstToTheirTenantOnly) {
  Spend("r1");
  Spend("r2");
  v1::ListAlertsRequest request;
  request.set_page_size(1);
  v1::ListAlertsResponse response;
  ASSERT_TRUE(budgets_->ListAlerts(Context(As::kShop).get(), request, &response).ok());
  ASSERT_EQ(response.alerts_size(), 1);
  EXPECT_EQ(response.alerts(0).name(), "alerts/2");
  EXPECT_EQ(response.alerts(0).of(), "tenants/shop");
  EXPECT_EQ(response.alerts(0).threshold_percent(), 100u);
  request.set_page_token(response.next_page_token());
  ASSERT_TRUE(budgets_->ListAlerts(Context(As::kShop).get(), request, &response).ok());
  ASSERT_EQ(response.alerts_size(), 1);
  EXPECT_EQ(response.alerts(0).threshold_percent(), 50u);
  EXPECT_EQ(response.next_page_token(), "");
  ASSERT_TRUE(budgets_->ListAlerts(Context(As::kAcme).get(), v1::ListAlertsRequest(), &response).ok());
  EXPECT_EQ(response.alerts_size(), 0);
  request.set_tenant("tenants/shop");
  EXPECT_EQ(ReasonOf(budgets_->ListAlerts(Context(As::kAcme).get(), request, &response)), "PERMISSION_DENIED");
}

TEST_F(BudgetsRpcTest, TheWebhookIsToldOfEachAlert) {
  Spend("r1");
  Spend("r2");
  const std::vector<httplib::Request> seen = receiver_.WaitFor(2);
  EXPECT_EQ(seen[0].get_header_value("Penstock-Id"), "alerts/1");
  EXPECT_THAT(
      seen[0].body,
      testing::MatchesRegex(R"(\{"name":"alerts/1","at":"[-0-9T:.+]+","of":"tenants/shop","period":"total","in":"",)"
                            R"("threshold_percent":50,"spent":"0.000018000000","amount":"0.000036000000",)"
                            R"("currency":"USD"\})"));
  EXPECT_EQ(seen[1].get_header_value("Penstock-Id"), "alerts/2");
  EXPECT_EQ(seen[1].get_header_value("Penstock-Signature"),
            http::SignatureOf("sixteen bytes at least", seen[1].get_header_value("Penstock-Timestamp"), seen[1].body));
}

TEST_F(BudgetsRpcTest, ARaiseIsAskedByTheTenantAndApprovedByAnOperatorOnce) {
  v1::Raise raise;
  ASSERT_TRUE(Ask(As::kShop, Wish("tenants/shop/projects/search", v1::BUDGET_PERIOD_TOTAL, "2.5"), &raise).ok());
  EXPECT_EQ(raise.name(), "raises/1");
  EXPECT_EQ(raise.state(), v1::Raise::OPEN);
  EXPECT_EQ(raise.from().amount(), "5.000000000000");
  EXPECT_EQ(raise.to().amount(), "7.500000000000");
  EXPECT_TRUE(raise.for_good()) << "a total has one period";
  EXPECT_EQ(ReasonOf(Approve(As::kShop, "raises/1", &raise)), "PERMISSION_DENIED");
  ASSERT_TRUE(Approve(As::kOperator, "raises/1", &raise).ok());
  EXPECT_EQ(raise.state(), v1::Raise::APPROVED);
  EXPECT_NE(raise.decided_by(), raise.asked_by());
  EXPECT_EQ(List(As::kShop).budgets(2).amount().amount(), "7.500000000000");
  EXPECT_EQ(ReasonOf(Approve(As::kOperator, "raises/1", &raise)), "RAISE_DECIDED");
  EXPECT_EQ(ReasonOf(Approve(As::kOperator, "raises/2", &raise)), "UNKNOWN_RAISE");
  EXPECT_EQ(ReasonOf(Approve(As::kOperator, "2", &raise)), "INVALID_ARGUMENT");
  v1::ListRaisesRequest request;
  v1::ListRaisesResponse response;
  ASSERT_TRUE(budgets_->ListRaises(Context(As::kOperator).get(), request, &response).ok());
  EXPECT_EQ(response.raises_size(), 1);
  request.set_open_only(true);
  ASSERT_TRUE(budgets_->ListRaises(Context(As::kOperator).get(), request, &response).ok());
  EXPECT_EQ(response.raises_size(), 0);
}

TEST_F(BudgetsRpcTest, WhatIsWrongWithAWishIsNamed) {
  v1::Raise raise;
  const auto reason = [&](As as, const v1::RequestRaiseRequest& request) { return ReasonOf(Ask(as, request, &raise)); };
  v1::RequestRaiseRequest wish = Wish("tenants/shop", v1::BUDGET_PERIOD_MONTH, "1");
  EXPECT_EQ(reason(As::kAcme, wish), "PERMISSION_DENIED");
  wish.set_total("5");
  EXPECT_EQ(reason(As::kShop, wish), "INVALID_ARGUMENT") << "both";
  wish.clear_more();
  wish.set_total("1");
  EXPECT_EQ(reason(As::kShop, wish), "INVALID_ARGUMENT") << "it has that";
  for (const char* more : {"", "0", "-1", "1e3", "1000000001"}) {
    EXPECT_EQ(reason(As::kShop, Wish("tenants/shop", v1::BUDGET_PERIOD_MONTH, more)), "INVALID_ARGUMENT") << more;
  }
  EXPECT_EQ(reason(As::kShop, Wish("tenants/shop", v1::BUDGET_PERIOD_UNSPECIFIED, "1")), "INVALID_ARGUMENT");
  EXPECT_EQ(reason(As::kShop, Wish("tenants/shop", v1::BUDGET_PERIOD_DAY, "1")), "UNKNOWN_BUDGET");
  EXPECT_EQ(reason(As::kOperator, Wish("tenants/shop/projects/none", v1::BUDGET_PERIOD_DAY, "1")), "UNKNOWN_BUDGET");
  wish = Wish("tenants/shop", v1::BUDGET_PERIOD_MONTH, "1");
  wish.clear_reason();
  EXPECT_EQ(reason(As::kShop, wish), "INVALID_ARGUMENT");
}

}  // namespace
}  // namespace penstock::rpc
