// Walks every RPC that the server has with every role there is, and holds what happens against the one table.
#include <google/protobuf/descriptor.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/rpc_method.h>

#include <set>

#include "broker/auth/authorisation.h"
#include "tests/broker/rpc/broker_fixture.h"

namespace penstock::rpc {
namespace {

using AuthorisationTest = BrokerTest;

/// Every method of our services, from their descriptors: "/penstock.v1.Admission/Admit".
std::vector<std::string> MethodsOfServer() {
  std::vector<std::string> methods;
  for (const char* service : {"penstock.v1.Admission", "penstock.v1.Billing", "penstock.v1.Budgets", "penstock.v1.Market",
                              "penstock.v1.Operations", "penstock.v1.Outcomes", "penstock.v1.Reservations"}) {
    const google::protobuf::ServiceDescriptor* descriptor =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
    for (int i = 0; descriptor != nullptr && i < descriptor->method_count(); ++i) {
      methods.push_back("/" + std::string(service) + "/" + descriptor->method(i)->name());
    }
  }
  return methods;
}

/// Calls a method with an empty request; only the status matters.
grpc::Status CallEmpty(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* context,
                       const std::string& method) {
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  grpc::ByteBuffer response;
  grpc::Slice nothing("");
  const grpc::ByteBuffer request(&nothing, 1);
  grpc::Status status;
  const auto call = stub.PrepareUnaryCall(context, method, request, &queue);
  call->StartCall();
  call->Finish(&response, &status, &queue);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return status;
}

TEST_F(AuthorisationTest, TheTableHasEveryMethodOfTheServerAndNoOther) {
  const std::vector<std::string> server = MethodsOfServer();
  ASSERT_FALSE(server.empty());
  const auto table = auth::AllMethods();
  EXPECT_EQ(std::set<std::string>(server.begin(), server.end()), std::set<std::string>(table.begin(), table.end()));
}

TEST_F(AuthorisationTest, EveryMethodTurnsAwayWhoHasNoKeyOrAnUnknownOne) {
  for (const std::string& method : MethodsOfServer()) {
    EXPECT_EQ(ReasonOf(CallEmpty(channel(), Context(As::kNobody).get(), method)), "NO_API_KEY") << method;
    EXPECT_EQ(ReasonOf(CallEmpty(channel(), Context(As::kStranger).get(), method)), "UNKNOWN_API_KEY") << method;
  }
}

TEST_F(AuthorisationTest, EveryMethodLetsInExactlyTheRolesOfTheTable) {
  const std::pair<As, auth::Role> callers[] = {
      {As::kGateway, auth::Role::kGateway}, {As::kShop, auth::Role::kTenant}, {As::kOperator, auth::Role::kOperator}};
  for (const std::string& method : MethodsOfServer()) {
    for (const auto& [as, role] : callers) {
      const grpc::Status status = CallEmpty(channel(), Context(as).get(), method);
      const bool let_in = status.error_code() != grpc::StatusCode::UNAUTHENTICATED &&
                          status.error_code() != grpc::StatusCode::PERMISSION_DENIED;
      EXPECT_EQ(let_in, auth::Allowed(method, role))
          << method << " as " << auth::Name(role) << ": " << status.error_message();
    }
  }
}

TEST_F(AuthorisationTest, ATenantAsksForItselfOnly) {
  v1::AdmitResponse response;
  EXPECT_EQ(ReasonOf(Admit(As::kAcme, AdmitFor("shop", "r1"), &response)), "PERMISSION_DENIED");
  v1::AdmitRequest own = AdmitFor("shop", "r1");
  own.clear_key();
  EXPECT_TRUE(Admit(As::kShop, own, &response).ok());
  EXPECT_TRUE(response.has_grant());
}

TEST_F(AuthorisationTest, ATenantSettlesItsOwnGrantsOnly) {
  const std::string grant = NewGrant("r1");
  v1::CompleteResponse response;
  EXPECT_EQ(ReasonOf(Complete(As::kAcme, CompletionOf(grant), &response)), "FOREIGN_GRANT");
  EXPECT_TRUE(Complete(As::kShop, CompletionOf(grant), &response).ok());
}

TEST_F(AuthorisationTest, ATenantSeesItsOwnBillOnly) {
  v1::PreviewStatementRequest request;
  v1::Statement statement;
  const auto stub = v1::Billing::NewStub(channel());
  request.set_tenant("tenants/shop");
  EXPECT_EQ(ReasonOf(stub->PreviewStatement(Context(As::kAcme).get(), request, &statement)), "PERMISSION_DENIED");
  EXPECT_TRUE(stub->PreviewStatement(Context(As::kShop).get(), request, &statement).ok());
  request.clear_tenant();
  EXPECT_TRUE(stub->PreviewStatement(Context(As::kAcme).get(), request, &statement).ok());
  EXPECT_EQ(statement.tenant(), "tenants/acme");
}

}  // namespace
}  // namespace penstock::rpc
