// A whole broker on a free loopback port, with one API key per role, for tests over real gRPC.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "broker/core/settings.h"
#include "broker/rpc/broker.h"
#include "penstock/v1/admission.grpc.pb.h"
#include "penstock/v1/billing.grpc.pb.h"
#include "penstock/v1/operations.grpc.pb.h"

namespace penstock::rpc {

/// Who a test calls as.
enum class As { kNobody, kStranger, kGateway, kShop, kAcme, kOperator };

/// The machine-readable reason of an error, from google.rpc.ErrorInfo; empty if there is none.
std::string ReasonOf(const grpc::Status& status);
/// The field that it is about, from the metadata of the same.
std::string FieldOf(const grpc::Status& status);

class BrokerTest : public testing::Test {
 protected:
  void SetUp() override { Start(); }
  void TearDown() override;
  /// What the broker is started with.
  virtual core::EngineSettings Settings() const;

  void Start(size_t command_queue = 1'000, FrontDoor front_door = {});
  /// With what happened before in this journal.
  void StartOn(std::unique_ptr<ledger::Journal> journal);
  Broker& broker() { return *broker_; }
  /// What the configuration will say when it is read again; the callers' keys stay.
  void NextConfig(absl::StatusOr<core::EngineSettings> settings) { next_config_ = std::move(settings); }
  /// Nor will it know this caller's key.
  void NextConfigForgets(As as);
  std::shared_ptr<grpc::Channel> channel() const { return channel_; }
  /// Before Start: where alerts are told; the cursor lies in the data directory.
  void TellAlertsTo(const http::WebhookTerms& webhook) { webhook_ = webhook; }

  /// A context with the caller's credentials and a deadline.
  std::unique_ptr<grpc::ClientContext> Context(As as) const;

  v1::AdmitRequest AdmitFor(const std::string& tenant, const std::string& id) const;
  grpc::Status Admit(As as, const v1::AdmitRequest& request, v1::AdmitResponse* response) const;
  grpc::Status Complete(As as, const v1::CompleteRequest& request, v1::CompleteResponse* response) const;
  /// A completion of ten input and five output tokens.
  v1::CompleteRequest CompletionOf(const std::string& grant) const;
  /// A grant for the shop, through the gateway.
  std::string NewGrant(const std::string& id) const;
  /// The pool, and the ledger, as an operator sees them.
  v1::Pool PoolNow() const;
  v1::LedgerStatus LedgerNow() const;

 private:
  std::unique_ptr<ledger::Journal> journal_;  // for the next Start; nullptr: an empty one
  std::string data_dir_;
  std::optional<auth::HmacKey> hash_key_;
  std::vector<auth::ApiKeyRecord> records_;
  absl::StatusOr<core::EngineSettings> next_config_ = absl::NotFoundError("no configuration");
  std::map<As, std::string> secrets_;
  std::optional<http::WebhookTerms> webhook_;
  std::unique_ptr<Broker> broker_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace penstock::rpc
