// Session over real gRPC: what a stream promises about order, waiting, bounds and its end, and a named error for
// everything a client can get wrong.
#include <gmock/gmock.h>

#include <deque>
#include <functional>
#include <thread>

#include "broker/auth/encoding.h"
#include "tests/broker/core/engine_fixture.h"
#include "tests/broker/rpc/broker_fixture.h"

namespace penstock::rpc {
namespace {

using testing::HasSubstr;

constexpr uint32_t kShop = 7;  // a route

/// A client's end of one stream.
class Stream {
 public:
  Stream(const std::shared_ptr<grpc::Channel>& channel, std::unique_ptr<grpc::ClientContext> context)
      : context_(std::move(context)), stub_(v1::Admission::NewStub(channel)), stream_(stub_->Session(context_.get())) {}
  ~Stream() {
    if (!ended_) Break();
  }

  bool Send(const v1::SessionRequest& request) { return stream_->Write(request); }
  void HalfClose() { stream_->WritesDone(); }

  const v1::SessionOpened& Opened() {
    while (!opened_.has_value() && Read()) {
    }
    return *opened_;
  }
  v1::SessionRouteAnswer NextRoute() {
    while (routes_.empty() && Read()) {
    }
    return Pop(routes_);
  }
  v1::SessionAnswer Next() {
    while (answers_.empty() && Read()) {
    }
    return Pop(answers_);
  }
  bool HasNext() {
    while (answers_.empty() && Read()) {
    }
    return !answers_.empty();
  }
  void Break() {
    context_->TryCancel();
    End();
  }
  grpc::Status End() {
    while (Read()) {
    }
    ended_ = true;
    return stream_->Finish();
  }

 private:
  bool Read() {
    v1::SessionResponse response;
    if (!stream_->Read(&response)) return false;
    if (response.has_opened()) opened_ = response.opened();
    routes_.insert(routes_.end(), response.routes().begin(), response.routes().end());
    answers_.insert(answers_.end(), response.answers().begin(), response.answers().end());
    return true;
  }
  template <class T>
  static T Pop(std::deque<T>& queue) {
    if (queue.empty()) {
      ADD_FAILURE() << "the stream ended";
      return T();
    }
    T front = queue.front();
    queue.pop_front();
    return front;
  }

  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<v1::Admission::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::SessionRequest, v1::SessionResponse>> stream_;
  std::optional<v1::SessionOpened> opened_;
  std::deque<v1::SessionRouteAnswer> routes_;
  std::deque<v1::SessionAnswer> answers_;
  bool ended_ = false;
};

v1::SessionRoute RouteTo(uint32_t number, const std::string& tenant) {
  v1::SessionRoute route;
  route.set_route(number);
  if (!tenant.empty()) route.set_key("tenants/" + tenant + "/keys/prod");
  route.add_pools("pools/chat");
  route.set_max_wait_ns(5'000'000'000);
  return route;
}

v1::SessionAdmit& AddAdmit(v1::SessionRequest& request, uint64_t item, const std::string& id, uint32_t route = kShop) {
  v1::SessionItem& added = *request.add_items();
  added.set_item(item);
  v1::SessionAdmit& admit = *added.mutable_admit();
  admit.set_route(route);
  admit.set_request_id(id);
  admit.add_input(10);
  admit.set_max_output_tokens(100);
  return admit;
}

v1::SessionComplete& AddComplete(v1::SessionRequest& request, uint64_t item, const std::string& grant) {
  v1::SessionItem& added = *request.add_items();
  added.set_item(item);
  v1::SessionComplete& complete = *added.mutable_complete();
  complete.set_grant(grant);
  complete.set_outcome(v1::CompleteRequest::SUCCEEDED);
  for (const int64_t tokens : {10, 0, 0, 5}) complete.add_tokens(tokens);
  return complete;
}

v1::SessionProgress& AddProgress(v1::SessionRequest& request, uint64_t item, const std::string& grant) {
  v1::SessionItem& added = *request.add_items();
  added.set_item(item);
  v1::SessionProgress& progress = *added.mutable_progress();
  progress.set_grant(grant);
  for (const int64_t tokens : {10, 0, 0, 1}) progress.add_tokens(tokens);
  return progress;
}

class SessionTest : public BrokerTest {
 protected:
  /// A stream with the shop's route bound.
  std::unique_ptr<Stream> Open(As as = As::kGateway) {
    auto stream = std::make_unique<Stream>(channel(), Context(as));
    v1::SessionRequest request;
    *request.add_routes() = RouteTo(kShop, as == As::kGateway ? "shop" : "");
    EXPECT_TRUE(stream->Send(request));
    EXPECT_FALSE(stream->NextRoute().has_error());
    return stream;
  }
  std::string GrantOn(Stream& stream, const std::string& id) {
    v1::SessionRequest request;
    AddAdmit(request, 1'000, id);
    EXPECT_TRUE(stream.Send(request));
    const v1::SessionAnswer answer = stream.Next();
    EXPECT_TRUE(answer.has_grant()) << answer.DebugString();
    return answer.grant().grant();
  }
  int64_t Waiting() const { return PoolNow().classes(2).waiting(); }
};

std::string NameOf(const std::string& sealed) { return "grants/" + auth::ToBase64Url(sealed); }

TEST_F(SessionTest, ItOpensWithItsBounds) {
  Stream stream(channel(), Context(As::kGateway));
  EXPECT_EQ(stream.Opened().max_unanswered(), 65'536u);
  EXPECT_EQ(stream.Opened().max_waiting_admits(), 32'768u);
  EXPECT_EQ(stream.Opened().max_items_per_message(), 1'024u);
  EXPECT_EQ(stream.Opened().currency(), "USD");
  stream.HalfClose();
  EXPECT_TRUE(stream.End().ok());
}

TEST_F(SessionTest, ARequestIsGrantedAndSettled) {
  const auto stream = Open();
  v1::SessionRequest request;
  v1::SessionAdmit& admit = AddAdmit(request, 42, "r1");
  admit.set_explain(true);
  admit.set_with_terms(true);
  ASSERT_TRUE(stream->Send(request));
  const v1::SessionAnswer admitted = stream->Next();
  EXPECT_EQ(admitted.item(), 42u);
  ASSERT_TRUE(admitted.has_grant()) << admitted.DebugString();
  EXPECT_EQ(admitted.grant().pool(), 0u);
  EXPECT_EQ(admitted.grant().tier(), v1::TIER_ELASTIC);
  EXPECT_EQ(admitted.grant().output_cap(), 100);
  EXPECT_EQ(admitted.grant().settle_deadline_ns() - admitted.grant().lease_deadline_ns(), 540'000'000'000);
  EXPECT_EQ(admitted.grant().terms().hold().amount(), "0.000246000000");
  EXPECT_EQ(admitted.grant().terms().name(), NameOf(admitted.grant().grant()));
  EXPECT_EQ(admitted.explanation().predicted_output_tokens(), 50);
  v1::SessionRequest end;
  AddComplete(end, 43, admitted.grant().grant());
  ASSERT_TRUE(stream->Send(end));
  const v1::SessionAnswer completed = stream->Next();
  EXPECT_EQ(completed.item(), 43u);
  EXPECT_EQ(completed.completed().charge_units(), 0);
  EXPECT_EQ(completed.completed().charge_pico(), 18'000'000);
  EXPECT_TRUE(completed.completed().billed());
  EXPECT_LE(completed.completed().sequence(), LedgerNow().durable_entries());
}

TEST_F(SessionTest, OnDemandAnAnswerOnlySaysWhatItWouldCost) {
  const auto stream = Open();
  v1::SessionRequest request;
  AddAdmit(request, 1, "").set_validate_only(true);
  ASSERT_TRUE(stream->Send(request));
  EXPECT_EQ(stream->Next().forecast().max_cost().amount(), "0.000246000000");
  EXPECT_EQ(LedgerNow().open_holds(), 0u);
}

TEST_F(SessionTest, AnAdmitThatWaitsDoesNotHoldUpOthers) {
  const auto stream = Open();
  std::vector<std::string> grants;
  for (int i = 0; i < 4; ++i) grants.push_back(GrantOn(*stream, "r" + std::to_string(i)));
  v1::SessionRequest request;
  AddAdmit(request, 1, "waits");
  AddProgress(request, 2, grants[0]);
  ASSERT_TRUE(stream->Send(request));
  const v1::SessionAnswer progressed = stream->Next();
  EXPECT_EQ(progressed.item(), 2u);
  EXPECT_TRUE(progressed.has_progressed());
  v1::SessionRequest end;
  AddComplete(end, 3, grants[0]);
  ASSERT_TRUE(stream->Send(end));
  std::map<uint64_t, v1::SessionAnswer> both;
  for (int i = 0; i < 2; ++i) {
    const v1::SessionAnswer answer = stream->Next();
    both[answer.item()] = answer;
  }
  EXPECT_TRUE(both[1].has_grant());
  EXPECT_GT(both[1].grant().waited_ns(), 0);
  EXPECT_TRUE(both[3].has_completed());
}

TEST_F(SessionTest, AnswersAboutOneGrantComeInOrder) {
  const auto stream = Open();
  const std::string grant = GrantOn(*stream, "r1");
  v1::SessionRequest request;
  AddProgress(request, 1, grant);
  AddComplete(request, 2, grant);
  AddProgress(request, 3, grant);
  AddComplete(request, 4, grant).set_tokens(3, 6);
  AddComplete(request, 5, grant);
  ASSERT_TRUE(stream->Send(request));
  std::vector<v1::SessionAnswer> answers;
  for (uint64_t i = 1; i <= 5; ++i) {
    answers.push_back(stream->Next());
    EXPECT_EQ(answers.back().item(), i);
  }
  EXPECT_TRUE(answers[0].has_progressed());
  EXPECT_TRUE(answers[1].has_completed());
  EXPECT_EQ(answers[2].error().reason(), "GRANT_ENDED");
  EXPECT_EQ(answers[3].error().reason(), "GRANT_ENDED");
  EXPECT_TRUE(answers[4].completed().repeated());
}

TEST_F(SessionTest, WhoLeavesTheLineIsToldSo) {
  const auto stream = Open();
  for (int i = 0; i < 4; ++i) GrantOn(*stream, "r" + std::to_string(i));
  v1::SessionRequest request;
  AddAdmit(request, 77, "waits");
  request.add_leave(77);
  request.add_leave(78);  // there is none
  ASSERT_TRUE(stream->Send(request));
  const v1::SessionAnswer answer = stream->Next();
  EXPECT_EQ(answer.item(), 77u);
  EXPECT_EQ(answer.error().reason(), "ABANDONED");
  EXPECT_EQ(Waiting(), 0);
}

TEST_F(SessionTest, ABrokenStreamLeavesTheLine) {
  auto stream = Open();
  for (int i = 0; i < 4; ++i) GrantOn(*stream, "r" + std::to_string(i));
  v1::SessionRequest request;
  for (uint64_t i = 0; i < 3; ++i) AddAdmit(request, i, "waits" + std::to_string(i));
  ASSERT_TRUE(stream->Send(request));
  while (Waiting() != 3) {
  }
  stream->Break();
  while (Waiting() != 0) {
  }
  EXPECT_EQ(PoolNow().classes(2).cancelled(), 3);
  EXPECT_EQ(PoolNow().in_flight(), 4) << "what was delivered stays";
}

TEST_F(SessionTest, AGrantThatCouldNotBeDeliveredIsVoided) {
  // A client that reads nothing, and whose HTTP/2 window does not grow by itself: what goes there fills the pipe.
  grpc::ChannelArguments narrow;
  narrow.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  const auto pipe = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(broker().port()),
                                              grpc::InsecureChannelCredentials(), narrow);
  auto stream = std::make_unique<Stream>(pipe, Context(As::kGateway));
  v1::SessionRequest nowhere;
  *nowhere.add_routes() = RouteTo(kShop, "shop");
  for (uint64_t i = 0; i < 1'000; ++i) AddAdmit(nowhere, i, "", /*route=*/9);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(stream->Send(nowhere));
  v1::SessionRequest request;
  AddAdmit(request, 1, "r1");
  ASSERT_TRUE(stream->Send(request));
  while (PoolNow().in_flight() != 1) {
  }
  stream->Break();
  while (PoolNow().in_flight() != 0) {
  }
  EXPECT_EQ(LedgerNow().open_holds(), 0u);
}

TEST_F(SessionTest, TooManyUnansweredItemsStopTheReading) {
  Start(1'000, {.unanswered = 5, .waiting_admits = 5, .items_per_message = 1});
  const auto stream = Open();
  std::vector<std::string> grants;
  for (int i = 0; i < 4; ++i) grants.push_back(GrantOn(*stream, "r" + std::to_string(i)));
  for (uint64_t i = 0; i < 4; ++i) {
    v1::SessionRequest request;
    AddAdmit(request, i, "waits" + std::to_string(i));
    ASSERT_TRUE(stream->Send(request));
  }
  v1::SessionRequest wrong;  // would be answered at once, if it were read
  AddAdmit(wrong, 99, "", /*route=*/9);
  ASSERT_TRUE(stream->Send(wrong));
  while (Waiting() != 4) {
  }
  EXPECT_EQ(Waiting(), 4);
  v1::CompleteResponse completed;
  ASSERT_TRUE(Complete(As::kGateway, CompletionOf(NameOf(grants[0])), &completed).ok());
  const v1::SessionAnswer first = stream->Next();
  EXPECT_EQ(first.item(), 0u);
  EXPECT_TRUE(first.has_grant());
  EXPECT_EQ(stream->Next().item(), 99u);
}

TEST_F(SessionTest, TooManyWaitingAdmitsAreOverloadedAndKeepNoCompleteOut) {
  Start(1'000, {.waiting_admits = 2});
  const auto stream = Open();
  std::vector<std::string> grants;
  for (int i = 0; i < 4; ++i) grants.push_back(GrantOn(*stream, "r" + std::to_string(i)));
  v1::SessionRequest request;
  for (uint64_t i = 0; i < 3; ++i) AddAdmit(request, i, "waits" + std::to_string(i));
  ASSERT_TRUE(stream->Send(request));
  const v1::SessionAnswer refused = stream->Next();
  EXPECT_EQ(refused.item(), 2u);
  EXPECT_EQ(refused.error().reason(), "OVERLOADED");
  v1::SessionRequest end;
  AddComplete(end, 10, grants[0]);
  ASSERT_TRUE(stream->Send(end));
  EXPECT_THAT((std::vector<uint64_t>{stream->Next().item(), stream->Next().item()}),
              testing::UnorderedElementsAre(0u, 10u));
}

TEST_F(SessionTest, AFullCommandQueueIsAnItemError) {
  Start(/*command_queue=*/2);
  const auto stream = Open();
  v1::SessionRequest request;
  for (uint64_t i = 0; i < 3; ++i) AddAdmit(request, i, "r" + std::to_string(i));
  ASSERT_TRUE(stream->Send(request));
  int overloaded = 0;
  for (int i = 0; i < 3; ++i) overloaded += stream->Next().error().reason() == "OVERLOADED" ? 1 : 0;
  EXPECT_GE(overloaded, 1);
}

TEST_F(SessionTest, AMessageWithTooManyItemsEndsTheStreamAndItsWaiting) {
  const auto stream = Open();
  for (int i = 0; i < 4; ++i) GrantOn(*stream, "r" + std::to_string(i));
  v1::SessionRequest request;
  AddAdmit(request, 1, "waits");
  ASSERT_TRUE(stream->Send(request));
  v1::SessionRequest many;
  for (uint64_t i = 0; i < 1'025; ++i) AddAdmit(many, i, "");
  ASSERT_TRUE(stream->Send(many));
  const grpc::Status status = stream->End();
  EXPECT_EQ(ReasonOf(status), "INVALID_ARGUMENT");
  EXPECT_THAT(status.error_message(), HasSubstr("1025"));
  EXPECT_EQ(Waiting(), 0);
}

TEST_F(SessionTest, ADrainSendsAwayWhoWaitsAndEndsTheStream) {
  const auto stream = Open();
  for (int i = 0; i < 4; ++i) GrantOn(*stream, "r" + std::to_string(i));
  v1::SessionRequest request;
  AddAdmit(request, 1, "waits");
  ASSERT_TRUE(stream->Send(request));
  while (Waiting() != 1) {
  }
  std::thread drain([this] { EXPECT_TRUE(broker().Drain(Duration::Zero()).ok()); });
  EXPECT_EQ(stream->Next().error().reason(), "DRAINING");
  EXPECT_FALSE(stream->HasNext());
  EXPECT_FALSE(stream->End().ok());
  drain.join();
}

TEST_F(SessionTest, AfterTheLastMessageTheAnswersStillCome) {
  const auto stream = Open();
  v1::SessionRequest request;
  for (uint64_t i = 0; i < 3; ++i) AddAdmit(request, i, "r" + std::to_string(i));
  ASSERT_TRUE(stream->Send(request));
  stream->HalfClose();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(stream->Next().has_grant());
  EXPECT_FALSE(stream->HasNext());
  EXPECT_TRUE(stream->End().ok());
}

// For the sanitizers: the last answer and the half-close meet on different threads, and the one that ends the stream
// deletes it.
TEST_F(SessionTest, StreamsThatEndWhileTheirLastAnswerIsHandedOverEndWell) {
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([this, client] {
      for (int i = 0; i < 50; ++i) {
        const auto stream = Open();
        v1::SessionRequest request;
        AddAdmit(request, 1, std::to_string(client) + "/" + std::to_string(i)).set_validate_only(true);
        EXPECT_TRUE(stream->Send(request));
        stream->HalfClose();
        EXPECT_TRUE(stream->Next().has_forecast());
        EXPECT_TRUE(stream->End().ok());
      }
    });
  }
  for (std::thread& client : clients) client.join();
}

TEST_F(SessionTest, AGrantFromASessionCanBeCompletedByAUnaryCall) {
  const auto stream = Open();
  v1::CompleteResponse response;
  EXPECT_TRUE(Complete(As::kGateway, CompletionOf(NameOf(GrantOn(*stream, "r1"))), &response).ok());
  EXPECT_EQ(response.charge().amount(), "0.000018000000");
}

TEST_F(SessionTest, AGrantFromAUnaryCallCanBeCompletedByASession) {
  const auto stream = Open();
  v1::SessionRequest request;
  AddComplete(request, 1, NewGrant("r1"));
  ASSERT_TRUE(stream->Send(request));
  EXPECT_TRUE(stream->Next().has_completed());
}

TEST_F(SessionTest, ARetryOnTheOtherKindOfCallGetsTheSameGrantAndTheSameSettlement) {
  const std::string name = NewGrant("r1");
  const auto stream = Open();
  EXPECT_EQ(NameOf(GrantOn(*stream, "r1")), name);
  v1::CompleteResponse completed;
  ASSERT_TRUE(Complete(As::kGateway, CompletionOf(name), &completed).ok());
  v1::SessionRequest again;
  AddComplete(again, 1, name);
  ASSERT_TRUE(stream->Send(again));
  EXPECT_TRUE(stream->Next().completed().repeated());
}

TEST_F(SessionTest, AForeignRouteIsRefused) {
  const auto stream = Open(As::kShop);
  EXPECT_FALSE(GrantOn(*stream, "r1").empty());
  v1::SessionRequest request;
  *request.add_routes() = RouteTo(8, "acme");
  ASSERT_TRUE(stream->Send(request));
  const v1::SessionRouteAnswer answer = stream->NextRoute();
  EXPECT_EQ(answer.route(), 8u);
  EXPECT_EQ(answer.error().reason(), "PERMISSION_DENIED");
}

TEST_F(SessionTest, AForeignGrantIsRefused) {
  const auto stream = Open(As::kAcme);
  v1::SessionRequest request;
  AddComplete(request, 1, NewGrant("r1"));
  AddProgress(request, 2, request.items(0).complete().grant());
  ASSERT_TRUE(stream->Send(request));
  for (uint64_t item = 1; item <= 2; ++item) {
    const v1::SessionAnswer answer = stream->Next();
    EXPECT_EQ(answer.item(), item);
    EXPECT_EQ(answer.error().reason(), "FOREIGN_GRANT");
    EXPECT_EQ(answer.error().code(), static_cast<uint32_t>(grpc::StatusCode::PERMISSION_DENIED));
  }
}

TEST_F(SessionTest, EndsWhenItsApiKeyGoesWithAReload) {
  const auto stream = Open();
  const std::string grant = GrantOn(*stream, "before");
  NextConfig(core::SmallWorld());
  NextConfigForgets(As::kGateway);
  v1::ReloadResponse reloaded;
  const auto operations = v1::Operations::NewStub(channel());
  ASSERT_TRUE(operations->Reload(Context(As::kOperator).get(), v1::ReloadRequest(), &reloaded).ok());
  const uint64_t entries = LedgerNow().entries();
  v1::SessionRequest request;
  AddAdmit(request, 9, "after");
  stream->Send(request);
  const grpc::Status end = stream->End();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ReasonOf(end), "UNKNOWN_API_KEY");
  EXPECT_EQ(LedgerNow().entries(), entries) << "nothing of the message was taken";
}

struct BadRoute {
  const char* name;
  std::function<void(v1::SessionRoute&)> spoil;
  const char* reason;
  const char* field;
};

class BadRouteTest : public SessionTest, public testing::WithParamInterface<BadRoute> {};

TEST_P(BadRouteTest, IsANamedErrorAndTheStreamGoesOn) {
  const auto stream = Open();
  v1::SessionRequest request;
  *request.add_routes() = RouteTo(8, "shop");
  GetParam().spoil(*request.mutable_routes(0));
  AddAdmit(request, 1, "r1", /*route=*/9);
  ASSERT_TRUE(stream->Send(request));
  const v1::SessionRouteAnswer answer = stream->NextRoute();
  EXPECT_EQ(answer.error().reason(), GetParam().reason) << answer.DebugString();
  EXPECT_EQ(answer.error().field(), GetParam().field);
  const v1::SessionAnswer unbound = stream->Next();
  EXPECT_EQ(unbound.error().reason(), "INVALID_ARGUMENT");
  EXPECT_EQ(unbound.error().field(), "admit.route");
  EXPECT_FALSE(GrantOn(*stream, "r2").empty());
}

INSTANTIATE_TEST_SUITE_P(
    EveryField, BadRouteTest,
    testing::Values(BadRoute{"zero", [](auto& r) { r.set_route(0); }, "INVALID_ARGUMENT", "route"},
                    BadRoute{"too_high", [](auto& r) { r.set_route(65'536); }, "INVALID_ARGUMENT", "route"},
                    BadRoute{"bound_twice", [](auto& r) { r.set_route(kShop); }, "INVALID_ARGUMENT", "route"},
                    BadRoute{"unknown_key", [](auto& r) { r.set_key("tenants/shop/keys/dev"); }, "UNKNOWN_KEY", "key"},
                    BadRoute{"no_key", [](auto& r) { r.clear_key(); }, "INVALID_ARGUMENT", "key"},
                    BadRoute{"unknown_pool", [](auto& r) { r.set_pools(0, "pools/chta"); }, "UNKNOWN_POOL", "pools"},
                    BadRoute{"no_pool", [](auto& r) { r.clear_pools(); }, "INVALID_ARGUMENT", "pools"},
                    BadRoute{"answer_class", [](auto& r) { r.set_service_class(v1::SERVICE_CLASS_RESERVED); },
                             "INVALID_ARGUMENT", "service_class"},
                    BadRoute{"absurd_wait", [](auto& r) { r.set_max_wait_ns(INT64_MAX); }, "INVALID_ARGUMENT",
                             "max_wait_ns"}),
    [](const auto& tested) { return std::string(tested.param.name); });

struct BadItem {
  const char* name;
  std::function<void(v1::SessionItem&)> spoil;  // an Admit for the shop
  const char* reason;
  const char* field;
};

class BadItemTest : public SessionTest, public testing::WithParamInterface<BadItem> {};

TEST_P(BadItemTest, IsANamedErrorAndChangesNothing) {
  const auto stream = Open();
  const uint64_t before = LedgerNow().entries();
  v1::SessionRequest request;
  AddAdmit(request, 5, "r1");
  GetParam().spoil(*request.mutable_items(0));
  ASSERT_TRUE(stream->Send(request));
  const v1::SessionAnswer answer = stream->Next();
  EXPECT_EQ(answer.item(), 5u);
  EXPECT_EQ(answer.error().reason(), GetParam().reason) << answer.DebugString();
  EXPECT_EQ(answer.error().field(), GetParam().field);
  EXPECT_EQ(LedgerNow().entries(), before);
  EXPECT_FALSE(GrantOn(*stream, "r2").empty()) << "the stream goes on";
}

v1::SessionComplete& CompleteOf(v1::SessionItem& item) {
  v1::SessionRequest request;
  AddComplete(request, item.item(), std::string(58, '\1'));
  item = request.items(0);
  return *item.mutable_complete();
}

INSTANTIATE_TEST_SUITE_P(
    EveryField, BadItemTest,
    testing::Values(
        BadItem{"nothing_asked", [](auto& i) { i.clear_admit(); }, "INVALID_ARGUMENT", ""},
        BadItem{"two_asked", [](auto& i) { i.mutable_complete(); }, "INVALID_ARGUMENT", ""},
        BadItem{"unknown_route", [](auto& i) { i.mutable_admit()->set_route(9); }, "INVALID_ARGUMENT", "admit.route"},
        BadItem{"no_request_id", [](auto& i) { i.mutable_admit()->clear_request_id(); }, "INVALID_ARGUMENT",
                "admit.request_id"},
        BadItem{"long_request_id", [](auto& i) { i.mutable_admit()->set_request_id(std::string(65, 'x')); },
                "INVALID_ARGUMENT", "admit.request_id"},
        BadItem{"negative_count", [](auto& i) { i.mutable_admit()->set_input(0, -1); }, "INVALID_ARGUMENT",
                "admit.input[0]"},
        BadItem{"absurd_count", [](auto& i) { i.mutable_admit()->set_input(0, INT64_MAX); }, "INVALID_ARGUMENT",
                "admit.input[0]"},
        BadItem{"output_as_input",
                [](auto& i) {
                  for (const int64_t tokens : {0, 0, 7}) i.mutable_admit()->add_input(tokens);
                },
                "INVALID_ARGUMENT", "admit.input[3]"},
        BadItem{"kind_not_in_pool",
                [](auto& i) {
                  for (const int64_t tokens : {0, 0, 0, 0, 7}) i.mutable_admit()->add_input(tokens);
                },
                "UNKNOWN_TOKEN_KIND", "admit.input"},
        BadItem{"too_many_kinds",
                [](auto& i) {
                  for (int k = 0; k < 7; ++k) i.mutable_admit()->add_input(0);
                },
                "UNKNOWN_TOKEN_KIND", "admit.input"},
        BadItem{"estimated_nothing", [](auto& i) { i.mutable_admit()->set_estimated(1 << 7); }, "INVALID_ARGUMENT",
                "admit.estimated"},
        BadItem{"no_output", [](auto& i) { i.mutable_admit()->set_max_output_tokens(0); }, "INVALID_ARGUMENT",
                "admit.max_output_tokens"},
        BadItem{"negative_wait", [](auto& i) { i.mutable_admit()->set_max_wait_ns(-1); }, "INVALID_ARGUMENT",
                "admit.max_wait_ns"},
        BadItem{"absurd_wait", [](auto& i) { i.mutable_admit()->set_max_wait_ns(INT64_MAX); }, "INVALID_ARGUMENT",
                "admit.max_wait_ns"},
        BadItem{"answer_class", [](auto& i) { i.mutable_admit()->set_service_class(v1::SERVICE_CLASS_RESERVED); },
                "INVALID_ARGUMENT", "admit.service_class"},
        BadItem{"long_run", [](auto& i) { i.mutable_admit()->set_run(std::string(129, 'x')); }, "INVALID_ARGUMENT",
                "admit.run"},
        BadItem{"empty_label", [](auto& i) { i.mutable_admit()->add_labels()->set_value("x"); }, "INVALID_ARGUMENT",
                "admit.labels"},
        BadItem{"label_twice",
                [](auto& i) {
                  for (int k = 0; k < 2; ++k) i.mutable_admit()->add_labels()->set_key("team");
                },
                "INVALID_ARGUMENT", "admit.labels"},
        BadItem{"garbled_grant", [](auto& i) { CompleteOf(i); }, "UNKNOWN_GRANT", "complete.grant"},
        BadItem{"no_grant", [](auto& i) { CompleteOf(i).clear_grant(); }, "UNKNOWN_GRANT", "complete.grant"},
        BadItem{"endless_grant", [](auto& i) { CompleteOf(i).set_grant(std::string(10'000, 'x')); }, "UNKNOWN_GRANT",
                "complete.grant"}),
    [](const auto& tested) { return std::string(tested.param.name); });

struct BadEnd {
  const char* name;
  std::function<void(v1::SessionComplete&)> spoil;
  const char* reason;
  const char* field;
};

class BadEndTest : public SessionTest, public testing::WithParamInterface<BadEnd> {};

TEST_P(BadEndTest, IsANamedErrorAndTheGrantStaysOpen) {
  const auto stream = Open();
  const std::string grant = GrantOn(*stream, "r1");
  v1::SessionRequest request;
  GetParam().spoil(AddComplete(request, 1, grant));
  AddComplete(request, 2, grant);
  ASSERT_TRUE(stream->Send(request));
  const v1::SessionAnswer answer = stream->Next();
  EXPECT_EQ(answer.item(), 1u);
  EXPECT_EQ(answer.error().reason(), GetParam().reason);
  EXPECT_EQ(answer.error().field(), GetParam().field);
  EXPECT_TRUE(stream->Next().has_completed());
}

INSTANTIATE_TEST_SUITE_P(
    EveryField, BadEndTest,
    testing::Values(
        BadEnd{"no_outcome", [](auto& c) { c.clear_outcome(); }, "INVALID_ARGUMENT", "complete.outcome"},
        BadEnd{"negative_count", [](auto& c) { c.set_tokens(3, -5); }, "INVALID_ARGUMENT", "complete.tokens[3]"},
        BadEnd{"unknown_kind", [](auto& c) { c.set_tokens(2, 1); }, "UNKNOWN_TOKEN_KIND", "complete.tokens"},
        BadEnd{"absurd_begin", [](auto& c) { c.set_first_token_time_ns(-1); }, "INVALID_ARGUMENT",
               "complete.first_token_time_ns"},
        BadEnd{"absurd_end", [](auto& c) { c.set_end_time_ns(-1); }, "INVALID_ARGUMENT", "complete.end_time_ns"}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace penstock::rpc
