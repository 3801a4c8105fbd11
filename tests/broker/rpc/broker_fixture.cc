#include "tests/broker/rpc/broker_fixture.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "broker/auth/random_bytes.h"
#include "broker/core/engine.h"
#include "penstock/rpc/error_details.pb.h"
#include "tests/broker/core/engine_fixture.h"

namespace penstock::rpc {

namespace {

/// Empty when there is none of ours.
penstock::rpc::ErrorInfo InfoOf(const grpc::Status& status) {
  penstock::rpc::Status details;
  penstock::rpc::ErrorInfo info;
  if (!details.ParseFromString(status.error_details()) || details.details().empty()) return {};
  if (details.details(0).type_url() != "type.googleapis.com/google.rpc.ErrorInfo") return {};
  const bool ours = info.ParseFromString(details.details(0).value()) && info.domain() == "penstock";
  return ours ? info : penstock::rpc::ErrorInfo();
}

}  // namespace

std::string ReasonOf(const grpc::Status& status) { return InfoOf(status).reason(); }

std::string FieldOf(const grpc::Status& status) {
  const penstock::rpc::ErrorInfo info = InfoOf(status);
  const auto field = info.metadata().find("field");
  return field == info.metadata().end() ? "" : field->second;
}

core::EngineSettings BrokerTest::Settings() const { return core::SmallWorld(); }

void BrokerTest::StartOn(std::unique_ptr<ledger::Journal> journal) {
  journal_ = std::move(journal);
  Start();
}

void BrokerTest::Start(size_t command_queue, FrontDoor front_door) {
  if (broker_ != nullptr) TearDown();
  std::string pattern = std::filesystem::temp_directory_path() / "penstock-rpc-XXXXXX";
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  data_dir_ = pattern;
  for (const char* name : {"/grant_keys", "/signing_key"}) {
    if (journal_ == nullptr) continue;  // an old journal without its keys: empty files ask for new ones
    const std::string keys = data_dir_ + name;
    std::ofstream(keys).close();
    std::filesystem::permissions(keys, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  const auth::HmacKey hash_key(auth::RandomBytes(auth::kHashKeyBytes));
  std::vector<auth::ApiKeyRecord> records;
  const auto add = [&](As as, auth::Role role, const std::string& tenant) {
    const auth::NewApiKey made = auth::MakeApiKey(auth::RandomBytes(auth::kApiKeyRandomBytes));
    secrets_[as] = made.secret;
    records.push_back({made.id, role, tenant, tenant.empty() ? "" : "prod", auth::HashOf(made.secret, hash_key)});
  };
  add(As::kGateway, auth::Role::kGateway, "");
  add(As::kShop, auth::Role::kTenant, "shop");
  add(As::kAcme, auth::Role::kTenant, "acme");
  add(As::kOperator, auth::Role::kOperator, "");
  secrets_[As::kStranger] = auth::MakeApiKey(auth::RandomBytes(auth::kApiKeyRandomBytes)).secret;
  hash_key_ = hash_key;
  records_ = records;
  BrokerTerms terms{.engine = Settings(),
                    .journal = journal_ != nullptr ? std::move(journal_) : ledger::NewMemoryJournal(),
                    .scheduling = core::FairScheduling(),
                    .data_dir = data_dir_,
                    .api_keys = auth::ApiKeys(hash_key, records),
                    .server = {.listen = "127.0.0.1:0", .tls_certificate = "", .tls_key = ""},
                    .command_queue = command_queue,
                    .front_door = front_door,
                    .read_config = [this]() -> absl::StatusOr<BrokerTerms::Fresh> {
                      if (!next_config_.ok()) return next_config_.status();
                      return BrokerTerms::Fresh{*next_config_, *hash_key_, records_, "what is new\n"};
                    },
                    .on_fatal = [](const absl::Status&) { std::abort(); },
                    .webhook = webhook_,
                    .on_webhook = [](const std::string&) {}};
  if (terms.webhook) terms.webhook->cursor_file = data_dir_ + "/webhook_cursor";
  auto broker = Broker::Start(std::move(terms));
  ASSERT_TRUE(broker.ok()) << broker.status();
  broker_ = *std::move(broker);
  channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(broker_->port()), grpc::InsecureChannelCredentials());
}

void BrokerTest::NextConfigForgets(As as) {
  const std::string id = secrets_.at(as).substr(4, 8);
  std::erase_if(records_, [&](const auth::ApiKeyRecord& record) { return record.id == id; });
}

void BrokerTest::TearDown() {
  channel_.reset();
  broker_.reset();
  std::filesystem::remove_all(data_dir_);
}

std::unique_ptr<grpc::ClientContext> BrokerTest::Context(As as) const {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  if (as != As::kNobody) context->AddMetadata("authorization", "Bearer " + secrets_.at(as));
  return context;
}

v1::AdmitRequest BrokerTest::AdmitFor(const std::string& tenant, const std::string& id) const {
  v1::AdmitRequest request;
  request.set_request_id(id);
  request.set_key("tenants/" + tenant + "/keys/prod");
  request.add_pools("pools/chat");
  v1::TokenCount* input = request.add_input();
  input->set_kind("input");
  input->set_tokens(10);
  request.set_max_output_tokens(100);
  request.mutable_max_wait()->set_seconds(5);
  return request;
}

grpc::Status BrokerTest::Admit(As as, const v1::AdmitRequest& request, v1::AdmitResponse* response) const {
  return v1::Admission::NewStub(channel_)->Admit(Context(as).get(), request, response);
}

grpc::Status BrokerTest::Complete(As as, const v1::CompleteRequest& request, v1::CompleteResponse* response) const {
  return v1::Admission::NewStub(channel_)->Complete(Context(as).get(), request, response);
}

v1::CompleteRequest BrokerTest::CompletionOf(const std::string& grant) const {
  v1::CompleteRequest request;
  request.set_grant(grant);
  request.set_outcome(v1::CompleteRequest::SUCCEEDED);
  v1::TokenCount* input = request.add_tokens();
  input->set_kind("input");
  input->set_tokens(10);
  v1::TokenCount* output = request.add_tokens();
  output->set_kind("output");
  output->set_tokens(5);
  return request;
}

std::string BrokerTest::NewGrant(const std::string& id) const {
  v1::AdmitResponse response;
  const grpc::Status status = Admit(As::kGateway, AdmitFor("shop", id), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.has_grant()) << response.DebugString();
  return response.grant().name();
}

v1::Pool BrokerTest::PoolNow() const {
  v1::GetPoolRequest request;
  request.set_name("pools/chat");
  v1::Pool pool;
  EXPECT_TRUE(v1::Operations::NewStub(channel_)->GetPool(Context(As::kOperator).get(), request, &pool).ok());
  return pool;
}

v1::LedgerStatus BrokerTest::LedgerNow() const {
  v1::LedgerStatus status;
  const auto stub = v1::Operations::NewStub(channel_);
  EXPECT_TRUE(stub->GetLedger(Context(As::kOperator).get(), v1::GetLedgerRequest(), &status).ok());
  return status;
}

}  // namespace penstock::rpc
