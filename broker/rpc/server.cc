#include "broker/rpc/server.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/service_type.h>

#include <chrono>
#include <utility>
#include <vector>

#include "admission/vocabulary/bounds.h"
#include "broker/rpc/billing_service.h"
#include "broker/rpc/budgets_service.h"
#include "broker/rpc/market_service.h"
#include "broker/rpc/operations_service.h"
#include "broker/rpc/outcomes_service.h"
#include "broker/rpc/reservations_service.h"

namespace penstock::rpc {
namespace {

class GrpcServer final : public Server {
 public:
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerTerms& terms, const Surroundings& surroundings) {
    std::unique_ptr<GrpcServer> server(new GrpcServer);
    server->services_.push_back(NewAdmissionService(surroundings));
    server->services_.push_back(NewBillingService(surroundings));
    server->services_.push_back(NewBudgetsService(surroundings));
    server->services_.push_back(NewMarketService(surroundings));
    server->services_.push_back(NewOperationsService(surroundings));
    server->services_.push_back(NewOutcomesService(surroundings));
    server->services_.push_back(NewReservationsService(surroundings));
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.AddListeningPort(terms.listen, Credentials(terms), &server->port_);
    for (const auto& service : server->services_) builder.RegisterService(service.get());
    server->server_ = builder.BuildAndStart();
    if (server->server_ == nullptr || server->port_ == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", terms.listen, ": is the port taken? Choose another `listen`, or port 0"));
    }
    return server;
  }

  int port() const override { return port_; }
  void TurnAway() override { server_->GetHealthCheckService()->SetServingStatus(false); }
  void Shutdown(Duration grace) override {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::nanoseconds(grace.count()));
    server_->Wait();
  }

 private:
  GrpcServer() = default;

  static std::shared_ptr<grpc::ServerCredentials> Credentials(const ServerTerms& terms) {
    if (terms.tls_certificate.empty()) return grpc::InsecureServerCredentials();
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back({terms.tls_key, terms.tls_certificate});
    return grpc::SslServerCredentials(options);
  }

  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> StartServer(const ServerTerms& terms, const Surroundings& surroundings) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  return GrpcServer::Start(terms, surroundings);
}

}  // namespace penstock::rpc
