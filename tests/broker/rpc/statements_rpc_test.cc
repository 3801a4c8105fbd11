// Closing, correcting, listing and explaining statements over real gRPC. What is billed happened in 2023.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "ledger/money.h"
#include "tests/broker/core/engine_fixture.h"
#include "tests/broker/rpc/broker_fixture.h"

namespace penstock::rpc {
namespace {

using testing::HasSubstr;

constexpr int64_t kNovember = 1'698'796'800;  // 2023-11-01T00:00:00Z
constexpr int64_t kDecember = 1'701'388'800;

class StatementsTest : public BrokerTest {
 protected:
  void SetUp() override {
    core::EngineWorld past;
    for (int i = 0; i < 5; ++i) {
      past.CompleteNow(past.GrantNow(past.Request("shop", "r" + std::to_string(i))), 10, 50 + i);
      past.Advance(Minutes(1));
    }
    StartOn(past.journal().Handle());
    billing_ = v1::Billing::NewStub(channel());
  }
  void TearDown() override {
    billing_.reset();
    BrokerTest::TearDown();
  }

  grpc::Status Close(v1::Statement* statement, int64_t from = 0, int64_t to = 0, bool even_if_equal = false) {
    v1::CloseStatementRequest request;
    request.set_tenant("tenants/shop");
    if (from > 0) request.mutable_from()->set_seconds(from);
    if (to > 0) request.mutable_to()->set_seconds(to);
    request.set_even_if_equal(even_if_equal);
    return billing_->CloseStatement(Context(As::kOperator).get(), request, statement);
  }
  v1::Statement Get(const std::string& name, As as = As::kShop) {
    v1::GetStatementRequest request;
    request.set_name(name);
    v1::Statement statement;
    EXPECT_TRUE(billing_->GetStatement(Context(as).get(), request, &statement).ok()) << name;
    return statement;
  }

  std::unique_ptr<v1::Billing::Stub> billing_;
};

ledger::Money Sum(const v1::Statement& statement) {
  ledger::Money sum;
  for (const v1::StatementLine& line : statement.lines()) sum += *ledger::Money::FromDecimal(line.amount());
  return sum;
}

TEST_F(StatementsTest, TheOldestOpenMonthIsClosedAndStaysAsItIs) {
  v1::Statement closed;
  const grpc::Status status = Close(&closed);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(closed.name(), "tenants/shop/statements/1");
  EXPECT_EQ(closed.from().seconds(), kNovember);
  EXPECT_EQ(closed.to().seconds(), kDecember);
  EXPECT_FALSE(closed.provisional());
  EXPECT_GT(closed.lines_size(), 1);
  EXPECT_EQ(Sum(closed).ToDecimal(), closed.total());
  v1::Statement kept = Get("tenants/shop/statements/1");
  EXPECT_EQ(kept.total(), closed.total());
  EXPECT_EQ(kept.lines_size(), closed.lines_size());
  EXPECT_GE(kept.signed_head().sequence(), kept.as_of_sequence());
  EXPECT_EQ(kept.signed_head().signature().size(), 128u);

  v1::Statement next;
  ASSERT_TRUE(Close(&next).ok());
  EXPECT_EQ(next.from().seconds(), kDecember);
  EXPECT_EQ(next.lines_size(), 0);
  v1::ListStatementsRequest request;
  request.set_page_size(1);
  v1::ListStatementsResponse list;
  ASSERT_TRUE(billing_->ListStatements(Context(As::kShop).get(), request, &list).ok());
  ASSERT_EQ(list.statements_size(), 1);
  EXPECT_EQ(list.statements(0).total(), closed.total());
  request.set_page_token(list.next_page_token());
  v1::ListStatementsResponse rest;
  ASSERT_TRUE(billing_->ListStatements(Context(As::kShop).get(), request, &rest).ok());
  EXPECT_EQ(rest.statements(0).name(), "tenants/shop/statements/2");
  EXPECT_EQ(rest.next_page_token(), "");
}

TEST_F(StatementsTest, ACorrectionReplacesAndNothingToCorrectIsSaid) {
  v1::Statement first;
  ASSERT_TRUE(Close(&first).ok());
  v1::Statement again;
  grpc::Status status = Close(&again, kNovember, kDecember);
  EXPECT_EQ(ReasonOf(status), "NOTHING_TO_CORRECT");
  ASSERT_TRUE(Close(&again, kNovember, kDecember, /*even_if_equal=*/true).ok());
  EXPECT_EQ(again.replaces(), first.name());
  EXPECT_EQ(again.total(), first.total());
  EXPECT_EQ(Get(first.name()).replaced_by(), again.name());
}

TEST_F(StatementsTest, WhatCannotBeClosedIsRefusedByName) {
  v1::Statement closed;
  EXPECT_EQ(ReasonOf(Close(&closed, kNovember)), "INVALID_ARGUMENT");
  EXPECT_EQ(ReasonOf(Close(&closed, kNovember, 4'102'444'800)), "PERIOD_NOT_CLOSABLE") << "an open future";
  EXPECT_EQ(ReasonOf(Close(&closed, kNovember + 1, kDecember)), "INVALID_ARGUMENT") << "no whole hour";
  v1::CloseStatementRequest request;
  request.set_tenant("tenants/tramp");
  EXPECT_EQ(ReasonOf(billing_->CloseStatement(Context(As::kOperator).get(), request, &closed)), "PERIOD_NOT_CLOSABLE");
  request.set_tenant("tenants/shop");
  request.set_tariff_version("nonsense");
  EXPECT_EQ(ReasonOf(billing_->CloseStatement(Context(As::kOperator).get(), request, &closed)), "INVALID_ARGUMENT");
  request.clear_tariff_version();
  request.set_validate_only(true);
  ASSERT_TRUE(billing_->CloseStatement(Context(As::kOperator).get(), request, &closed).ok());
  EXPECT_EQ(closed.name(), "");
  EXPECT_TRUE(closed.provisional());
  ASSERT_TRUE(Close(&closed).ok()) << "validating closed nothing";
  EXPECT_EQ(ReasonOf(Close(&closed, kNovember + 3'600, kDecember + 3'600)), "PERIOD_NOT_CLOSABLE");
}

TEST_F(StatementsTest, ALineIsExplainedByHoursAndWindowsThatAddUp) {
  v1::Statement closed;
  ASSERT_TRUE(Close(&closed).ok());
  for (int i = 1; i <= closed.lines_size(); ++i) {
    v1::ExplainLineRequest request;
    request.set_name(closed.name());
    request.set_line(i);
    v1::ExplainLineResponse answer;
    ASSERT_TRUE(billing_->ExplainLine(Context(As::kShop).get(), request, &answer).ok());
    const v1::StatementLine& line = closed.lines(i - 1);
    EXPECT_EQ(answer.line().SerializeAsString(), line.SerializeAsString());
    EXPECT_GT(answer.basis_size(), 0);
    int64_t tokens = 0;
    for (const v1::UsageBucket& bucket : answer.buckets()) {
      for (const v1::TokenCount& count : bucket.tokens()) {
        if (count.kind() == line.tokens().kind()) tokens += count.tokens();
      }
    }
    int64_t work = 0;
    for (const v1::UsageWindow& window : answer.windows()) work += window.work_milli_nt();
    EXPECT_EQ(tokens, line.tokens().tokens());  // zero for both where the line is of another meter
    EXPECT_EQ(work, line.demand().work_milli_nt());
  }
  v1::ExplainLineRequest request;
  v1::ExplainLineResponse answer;
  request.set_name(closed.name());
  request.set_line(99);
  EXPECT_EQ(ReasonOf(billing_->ExplainLine(Context(As::kShop).get(), request, &answer)), "INVALID_ARGUMENT");
  request.set_name("tenants/shop/statements/7");
  EXPECT_EQ(ReasonOf(billing_->ExplainLine(Context(As::kShop).get(), request, &answer)), "UNKNOWN_STATEMENT");
  request.set_name("statement 7");
  EXPECT_EQ(ReasonOf(billing_->ExplainLine(Context(As::kShop).get(), request, &answer)), "INVALID_ARGUMENT");
}

TEST_F(StatementsTest, ATenantSeesItsOwnOnly) {
  v1::Statement closed;
  ASSERT_TRUE(Close(&closed).ok());
  v1::GetStatementRequest request;
  request.set_name(closed.name());
  v1::Statement statement;
  EXPECT_EQ(ReasonOf(billing_->GetStatement(Context(As::kAcme).get(), request, &statement)), "PERMISSION_DENIED");
  request.set_name("tenants/acme/statements/1");
  EXPECT_EQ(ReasonOf(billing_->GetStatement(Context(As::kAcme).get(), request, &statement)), "UNKNOWN_STATEMENT");
  v1::ListCreditsResponse credits;
  EXPECT_TRUE(billing_->ListCredits(Context(As::kAcme).get(), v1::ListCreditsRequest(), &credits).ok());
  EXPECT_EQ(credits.credits_size(), 0);
}

}  // namespace
}  // namespace penstock::rpc
