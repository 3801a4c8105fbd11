// Admission over real gRPC: what clients get right, and a named error for everything they can get wrong.
#include <gmock/gmock.h>

#include <functional>
#include <thread>

#include "tests/broker/rpc/broker_fixture.h"

namespace penstock::rpc {
namespace {

using AdmissionTest = BrokerTest;
using testing::HasSubstr;

v1::LedgerStatus LedgerOf(const std::shared_ptr<grpc::Channel>& channel, std::unique_ptr<grpc::ClientContext> context) {
  v1::LedgerStatus status;
  EXPECT_TRUE(v1::Operations::NewStub(channel)->GetLedger(context.get(), v1::GetLedgerRequest(), &status).ok());
  return status;
}

TEST_F(AdmissionTest, ARequestIsGrantedMeteredAndBilled) {
  v1::AdmitRequest request = AdmitFor("shop", "r1");
  request.set_explain(true);
  v1::AdmitResponse admitted;
  ASSERT_TRUE(Admit(As::kGateway, request, &admitted).ok());
  ASSERT_TRUE(admitted.has_grant());
  EXPECT_EQ(admitted.grant().tier(), v1::TIER_ELASTIC);
  EXPECT_EQ(admitted.grant().currency(), "USD");
  EXPECT_EQ(admitted.grant().output_cap(), 100);
  EXPECT_EQ(admitted.grant().hold().amount(), "0.000246000000");
  EXPECT_EQ(admitted.explanation().predicted_output_tokens(), 50);
  v1::CompleteResponse completed;
  ASSERT_TRUE(Complete(As::kGateway, CompletionOf(admitted.grant().name()), &completed).ok());
  EXPECT_EQ(completed.charge().amount(), "0.000018000000");
  EXPECT_FALSE(completed.repeated());
  v1::PreviewStatementRequest ask;
  ask.set_tenant("tenants/shop");
  v1::Statement bill;
  ASSERT_TRUE(v1::Billing::NewStub(channel())->PreviewStatement(Context(As::kOperator).get(), ask, &bill).ok());
  // 18 micro-dollars of tokens; 30 nt in the peak minute at 500 pico-dollars per milli-nt.
  EXPECT_EQ(bill.total(), "0.000033000000") << bill.DebugString();
}

TEST_F(AdmissionTest, RepeatingACompleteGivesTheStoredAnswer) {
  const std::string grant = NewGrant("r1");
  v1::CompleteResponse first, second;
  ASSERT_TRUE(Complete(As::kGateway, CompletionOf(grant), &first).ok());
  ASSERT_TRUE(Complete(As::kGateway, CompletionOf(grant), &second).ok());
  EXPECT_TRUE(second.repeated());
  EXPECT_EQ(first.charge().amount(), second.charge().amount());
}

TEST_F(AdmissionTest, ProgressKeepsAGrantAlive) {
  v1::ProgressRequest request;
  request.set_grant(NewGrant("r1"));
  v1::TokenCount* output = request.add_tokens();
  output->set_kind("output");
  output->set_tokens(100);
  v1::ProgressResponse response;
  ASSERT_TRUE(v1::Admission::NewStub(channel())->Progress(Context(As::kGateway).get(), request, &response).ok());
  EXPECT_TRUE(response.stop()) << "it has reached its cap";
}

TEST_F(AdmissionTest, LeavingTheLineFreesItAtOnce) {
  for (int i = 0; i < 4; ++i) NewGrant("r" + std::to_string(i));
  auto context = Context(As::kGateway);
  v1::AdmitResponse response;
  std::thread waiting([&] {
    const grpc::Status status =
        v1::Admission::NewStub(channel())->Admit(context.get(), AdmitFor("shop", "waits"), &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  });
  const auto stub = v1::Operations::NewStub(channel());
  v1::GetPoolRequest request;
  request.set_name("pools/chat");
  const auto of_default = [&](const v1::Pool& pool) { return pool.classes(2); };
  v1::Pool pool;
  do {
    ASSERT_TRUE(stub->GetPool(Context(As::kOperator).get(), request, &pool).ok());
  } while (of_default(pool).waiting() != 1);
  context->TryCancel();
  waiting.join();
  do {
    ASSERT_TRUE(stub->GetPool(Context(As::kOperator).get(), request, &pool).ok());
  } while (of_default(pool).waiting() != 0);
  EXPECT_EQ(of_default(pool).cancelled(), 1);
}

struct BadAdmit {
  const char* name;
  std::function<void(v1::AdmitRequest&)> spoil;
  const char* reason;
  const char* says;
};

class BadAdmitTest : public BrokerTest, public testing::WithParamInterface<BadAdmit> {};

TEST_P(BadAdmitTest, IsANamedErrorAndChangesNothing) {
  const uint64_t before = LedgerOf(channel(), Context(As::kOperator)).entries();
  v1::AdmitRequest request = AdmitFor("shop", "bad");
  GetParam().spoil(request);
  v1::AdmitResponse response;
  const grpc::Status status = Admit(As::kGateway, request, &response);
  EXPECT_EQ(ReasonOf(status), GetParam().reason) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr(GetParam().says));
  EXPECT_EQ(LedgerOf(channel(), Context(As::kOperator)).entries(), before);
  EXPECT_EQ(LedgerOf(channel(), Context(As::kOperator)).open_holds(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    EveryField, BadAdmitTest,
    testing::Values(
        BadAdmit{"no_request_id", [](auto& r) { r.clear_request_id(); }, "INVALID_ARGUMENT", "request_id"},
        BadAdmit{"long_request_id", [](auto& r) { r.set_request_id(std::string(65, 'x')); }, "INVALID_ARGUMENT", "64"},
        BadAdmit{"unknown_tenant", [](auto& r) { r.set_key("tenants/nobody/keys/prod"); }, "UNKNOWN_KEY", "nobody"},
        BadAdmit{"unknown_key", [](auto& r) { r.set_key("tenants/shop/keys/dev"); }, "UNKNOWN_KEY", "dev"},
        BadAdmit{"no_key", [](auto& r) { r.clear_key(); }, "INVALID_ARGUMENT", "key"},
        BadAdmit{"unknown_pool", [](auto& r) { r.set_pools(0, "pools/chta"); }, "UNKNOWN_POOL", "chta"},
        BadAdmit{"no_pool", [](auto& r) { r.clear_pools(); }, "INVALID_ARGUMENT", "pools"},
        BadAdmit{"nine_pools",
                 [](auto& r) {
                   for (int i = 0; i < 8; ++i) r.add_pools("pools/chat");
                 },
                 "INVALID_ARGUMENT", "8"},
        BadAdmit{"unknown_kind", [](auto& r) { r.mutable_input(0)->set_kind("inptu"); }, "UNKNOWN_TOKEN_KIND", "inptu"},
        BadAdmit{"kind_not_in_pool", [](auto& r) { r.mutable_input(0)->set_kind("image"); }, "UNKNOWN_TOKEN_KIND",
                 "chat"},
        BadAdmit{"output_as_input", [](auto& r) { r.mutable_input(0)->set_kind("output"); }, "INVALID_ARGUMENT",
                 "max_output_tokens"},
        BadAdmit{"negative_count", [](auto& r) { r.mutable_input(0)->set_tokens(-1); }, "INVALID_ARGUMENT", "-1"},
        BadAdmit{"absurd_count", [](auto& r) { r.mutable_input(0)->set_tokens(INT64_MAX); }, "INVALID_ARGUMENT",
                 "1000000000"},
        BadAdmit{"kind_twice", [](auto& r) { *r.add_input() = r.input(0); }, "INVALID_ARGUMENT", "twice"},
        BadAdmit{"no_output", [](auto& r) { r.set_max_output_tokens(0); }, "INVALID_ARGUMENT", "max_output_tokens"},
        BadAdmit{"negative_wait", [](auto& r) { r.mutable_max_wait()->set_seconds(-1); }, "INVALID_ARGUMENT",
                 "max_wait"},
        BadAdmit{"absurd_wait", [](auto& r) { r.mutable_max_wait()->set_seconds(INT64_MAX); }, "INVALID_ARGUMENT",
                 "3600"},
        BadAdmit{"answer_class", [](auto& r) { r.set_service_class(v1::SERVICE_CLASS_RESERVED); }, "INVALID_ARGUMENT",
                 "service_class"},
        BadAdmit{"long_run", [](auto& r) { r.set_run(std::string(129, 'x')); }, "INVALID_ARGUMENT", "run"},
        BadAdmit{"long_label", [](auto& r) { (*r.mutable_labels())["k"] = std::string(65, 'x'); }, "INVALID_ARGUMENT",
                 "labels"}),
    [](const auto& tested) { return std::string(tested.param.name); });

struct BadComplete {
  const char* name;
  std::function<void(v1::CompleteRequest&)> spoil;
  const char* reason;
};

class BadCompleteTest : public BrokerTest, public testing::WithParamInterface<BadComplete> {};

TEST_P(BadCompleteTest, IsANamedErrorAndTheGrantStaysOpen) {
  const std::string grant = NewGrant("r1");
  const uint64_t before = LedgerOf(channel(), Context(As::kOperator)).entries();
  v1::CompleteRequest request = CompletionOf(grant);
  GetParam().spoil(request);
  v1::CompleteResponse response;
  const grpc::Status status = Complete(As::kGateway, request, &response);
  EXPECT_EQ(ReasonOf(status), GetParam().reason) << status.error_message();
  EXPECT_EQ(LedgerOf(channel(), Context(As::kOperator)).entries(), before);
  EXPECT_TRUE(Complete(As::kGateway, CompletionOf(grant), &response).ok()) << "it can still be settled";
}

INSTANTIATE_TEST_SUITE_P(
    EveryField, BadCompleteTest,
    testing::Values(
        BadComplete{"no_grant", [](auto& r) { r.clear_grant(); }, "UNKNOWN_GRANT"},
        BadComplete{"garbled_grant", [](auto& r) { r.mutable_grant()->back() ^= 1; }, "UNKNOWN_GRANT"},
        BadComplete{"endless_grant", [](auto& r) { r.set_grant(std::string(10'000, 'x')); }, "UNKNOWN_GRANT"},
        BadComplete{"no_outcome", [](auto& r) { r.clear_outcome(); }, "INVALID_ARGUMENT"},
        BadComplete{"negative_count", [](auto& r) { r.mutable_tokens(1)->set_tokens(-5); }, "INVALID_ARGUMENT"},
        BadComplete{"unknown_kind", [](auto& r) { r.mutable_tokens(1)->set_kind("thoughts"); }, "UNKNOWN_TOKEN_KIND"},
        BadComplete{"absurd_time", [](auto& r) { r.mutable_end_time()->set_seconds(-1); }, "INVALID_ARGUMENT"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST_F(AdmissionTest, AFinishedGrantWithAnotherBodyIsAnError) {
  const std::string grant = NewGrant("r1");
  v1::CompleteResponse response;
  ASSERT_TRUE(Complete(As::kGateway, CompletionOf(grant), &response).ok());
  v1::CompleteRequest other = CompletionOf(grant);
  other.mutable_tokens(1)->set_tokens(6);
  EXPECT_EQ(ReasonOf(Complete(As::kGateway, other, &response)), "GRANT_ENDED");
}

TEST_F(AdmissionTest, TheSameRequestIdWithAnotherBodyIsAnError) {
  NewGrant("r1");
  v1::AdmitRequest other = AdmitFor("shop", "r1");
  other.set_max_output_tokens(99);
  v1::AdmitResponse response;
  EXPECT_EQ(ReasonOf(Admit(As::kGateway, other, &response)), "REQUEST_ID_REUSED");
}

TEST_F(AdmissionTest, MoreAdmitsThanTheFrontDoorHoldsAreOverloaded) {
  Start(1'000, {.unary_admits = 1});
  for (int i = 0; i < 4; ++i) {
    v1::AdmitResponse response;  // the call before may still be on its way out
    while (ReasonOf(Admit(As::kGateway, AdmitFor("shop", "r" + std::to_string(i)), &response)) == "OVERLOADED") {
    }
  }
  auto context = Context(As::kGateway);
  std::thread waiting([&] {
    v1::AdmitResponse response;
    v1::Admission::NewStub(channel())->Admit(context.get(), AdmitFor("shop", "waits"), &response);
  });
  while (PoolNow().classes(2).waiting() != 1) {
  }
  v1::AdmitResponse response;
  const grpc::Status status = Admit(As::kGateway, AdmitFor("shop", "one more"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "OVERLOADED");
  context->TryCancel();
  waiting.join();
}

TEST_F(AdmissionTest, AnOversizedMessageIsRefused) {
  v1::AdmitRequest request = AdmitFor("shop", "r1");
  request.set_run(std::string(100'000, 'x'));
  v1::AdmitResponse response;
  EXPECT_EQ(Admit(As::kGateway, request, &response).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(AdmissionTest, NamesSignedBeforeARotationStayGood) {
  const std::string before = NewGrant("r1");
  v1::RotateGrantKeyResponse rotated;
  ASSERT_TRUE(v1::Operations::NewStub(channel())
                  ->RotateGrantKey(Context(As::kOperator).get(), v1::RotateGrantKeyRequest(), &rotated)
                  .ok());
  EXPECT_EQ(rotated.key_id(), 2u);
  const std::string after = NewGrant("r2");
  v1::CompleteResponse response;
  EXPECT_TRUE(Complete(As::kGateway, CompletionOf(before), &response).ok());
  EXPECT_TRUE(Complete(As::kGateway, CompletionOf(after), &response).ok());
}

TEST_F(AdmissionTest, ADrainedBrokerGivesNoNewGrants) {
  const std::string grant = NewGrant("r1");
  std::thread drain([this] { EXPECT_TRUE(broker().Drain(Seconds(10)).ok()); });
  v1::AdmitResponse response;
  int asked = 0;
  grpc::Status status;
  do {
    status = Admit(As::kGateway, AdmitFor("tramp", "after" + std::to_string(asked++)), &response);
    if (status.ok() && response.has_grant()) {
      v1::CompleteResponse completed;
      EXPECT_TRUE(Complete(As::kGateway, CompletionOf(response.grant().name()), &completed).ok());
    }
  } while (status.ok());
  EXPECT_EQ(ReasonOf(status), "DRAINING");
  v1::CompleteResponse completed;
  EXPECT_TRUE(Complete(As::kGateway, CompletionOf(grant), &completed).ok()) << "settlements go on";
  drain.join();
}

}  // namespace
}  // namespace penstock::rpc
