// A daemon on a free loopback port that answers what a test tells it to and remembers what it was asked.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "penstock/rpc/error_details.pb.h"
#include "penstock/v1/admission.grpc.pb.h"
#include "penstock/v1/billing.grpc.pb.h"
#include "penstock/v1/budgets.grpc.pb.h"
#include "penstock/v1/operations.grpc.pb.h"
#include "penstock/v1/outcomes.grpc.pb.h"
#include "tests/broker/fake_market.h"

namespace penstock::cli {

template <class Request, class Response>
using Answer = std::function<grpc::Status(const Request&, Response&)>;

class FakeDaemon final : public v1::Admission::Service,
                         public v1::Billing::Service,
                         public v1::Budgets::Service,
                         public v1::Operations::Service,
                         public v1::Outcomes::Service {
 public:
  FakeDaemon() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(static_cast<v1::Admission::Service*>(this));
    builder.RegisterService(static_cast<v1::Billing::Service*>(this));
    builder.RegisterService(static_cast<v1::Budgets::Service*>(this));
    builder.RegisterService(static_cast<v1::Operations::Service*>(this));
    builder.RegisterService(static_cast<v1::Outcomes::Service*>(this));
    builder.RegisterService(&reservations);
    builder.RegisterService(&market);
    server_ = builder.BuildAndStart();
  }
  ~FakeDaemon() override { server_->Shutdown(); }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  /// The `authorization` metadata of the last call; empty: none.
  std::string authorization() const {
    const std::lock_guard lock(mutex_);
    return authorization_;
  }

  FakeReservations reservations;
  FakeMarket market;

  // What to answer. Unset: UNIMPLEMENTED.
  Answer<v1::AdmitRequest, v1::AdmitResponse> admit;
  Answer<v1::ProgressRequest, v1::ProgressResponse> progress;
  Answer<v1::CompleteRequest, v1::CompleteResponse> complete;
  Answer<v1::SessionRequest, v1::SessionResponse> session;  // message by message
  Answer<v1::ExplainRequest, v1::Decision> explain;
  Answer<v1::ReloadRequest, v1::ReloadResponse> reload;
  Answer<v1::ApproveRunRequest, v1::ApproveRunResponse> approve;
  Answer<v1::QueryUsageRequest, v1::QueryUsageResponse> usage;
  Answer<v1::QueryWindowsRequest, v1::QueryWindowsResponse> windows;
  Answer<v1::PreviewStatementRequest, v1::Statement> statement;
  Answer<v1::ListBudgetsRequest, v1::ListBudgetsResponse> budgets;
  Answer<v1::ListAlertsRequest, v1::ListAlertsResponse> alerts;
  Answer<v1::RequestRaiseRequest, v1::Raise> raise;
  Answer<v1::ListRaisesRequest, v1::ListRaisesResponse> raises;
  Answer<v1::DecideRaiseRequest, v1::Raise> approve_raise;
  Answer<v1::DecideRaiseRequest, v1::Raise> reject_raise;
  Answer<v1::ListPoolsRequest, v1::ListPoolsResponse> pools;
  Answer<v1::GetLedgerRequest, v1::LedgerStatus> ledger;
  Answer<v1::ReportOutcomeRequest, v1::OutcomeReport> report;
  Answer<v1::ReverseOutcomeRequest, v1::OutcomeReport> reverse;
  Answer<v1::QueryOutcomesRequest, v1::QueryOutcomesResponse> outcomes;

 private:
  template <class Request, class Response>
  grpc::Status Give(const Answer<Request, Response>& answer, grpc::ServerContext* context, const Request* request,
                    Response* response) {
    const auto credential = context->client_metadata().find("authorization");
    const std::lock_guard lock(mutex_);
    authorization_ = credential == context->client_metadata().end()
                         ? ""
                         : std::string(credential->second.data(), credential->second.size());
    return answer ? answer(*request, *response) : grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "not in this test");
  }

  grpc::Status Admit(grpc::ServerContext* c, const v1::AdmitRequest* q, v1::AdmitResponse* a) override {
    return Give(admit, c, q, a);
  }
  grpc::Status Progress(grpc::ServerContext* c, const v1::ProgressRequest* q, v1::ProgressResponse* a) override {
    return Give(progress, c, q, a);
  }
  grpc::Status Complete(grpc::ServerContext* c, const v1::CompleteRequest* q, v1::CompleteResponse* a) override {
    return Give(complete, c, q, a);
  }
  grpc::Status Session(grpc::ServerContext* c,
                       grpc::ServerReaderWriter<v1::SessionResponse, v1::SessionRequest>* stream) override {
    v1::SessionRequest request;
    while (stream->Read(&request)) {
      v1::SessionResponse response;
      if (grpc::Status status = Give(session, c, &request, &response); !status.ok()) return status;
      stream->Write(response);
    }
    return grpc::Status::OK;
  }
  grpc::Status QueryUsage(grpc::ServerContext* c, const v1::QueryUsageRequest* q, v1::QueryUsageResponse* a) override {
    return Give(usage, c, q, a);
  }
  grpc::Status QueryWindows(grpc::ServerContext* c, const v1::QueryWindowsRequest* q,
                            v1::QueryWindowsResponse* a) override {
    return Give(windows, c, q, a);
  }
  grpc::Status PreviewStatement(grpc::ServerContext* c, const v1::PreviewStatementRequest* q,
                                v1::Statement* a) override {
    return Give(statement, c, q, a);
  }
  grpc::Status Explain(grpc::ServerContext* c, const v1::ExplainRequest* q, v1::Decision* a) override {
    return Give(explain, c, q, a);
  }
  grpc::Status Reload(grpc::ServerContext* c, const v1::ReloadRequest* q, v1::ReloadResponse* a) override {
    return Give(reload, c, q, a);
  }
  grpc::Status ApproveRun(grpc::ServerContext* c, const v1::ApproveRunRequest* q, v1::ApproveRunResponse* a) override {
    return Give(approve, c, q, a);
  }
  grpc::Status ListBudgets(grpc::ServerContext* c, const v1::ListBudgetsRequest* q,
                           v1::ListBudgetsResponse* a) override {
    return Give(budgets, c, q, a);
  }
  grpc::Status ListAlerts(grpc::ServerContext* c, const v1::ListAlertsRequest* q, v1::ListAlertsResponse* a) override {
    return Give(alerts, c, q, a);
  }
  grpc::Status RequestRaise(grpc::ServerContext* c, const v1::RequestRaiseRequest* q, v1::Raise* a) override {
    return Give(raise, c, q, a);
  }
  grpc::Status ListRaises(grpc::ServerContext* c, const v1::ListRaisesRequest* q, v1::ListRaisesResponse* a) override {
    return Give(raises, c, q, a);
  }
  grpc::Status ApproveRaise(grpc::ServerContext* c, const v1::DecideRaiseRequest* q, v1::Raise* a) override {
    return Give(approve_raise, c, q, a);
  }
  grpc::Status RejectRaise(grpc::ServerContext* c, const v1::DecideRaiseRequest* q, v1::Raise* a) override {
    return Give(reject_raise, c, q, a);
  }
  grpc::Status ListPools(grpc::ServerContext* c, const v1::ListPoolsRequest* q, v1::ListPoolsResponse* a) override {
    return Give(pools, c, q, a);
  }
  grpc::Status GetLedger(grpc::ServerContext* c, const v1::GetLedgerRequest* q, v1::LedgerStatus* a) override {
    return Give(ledger, c, q, a);
  }

  grpc::Status ReportOutcome(grpc::ServerContext* c, const v1::ReportOutcomeRequest* q, v1::OutcomeReport* a) override {
    return Give(report, c, q, a);
  }
  grpc::Status ReverseOutcome(grpc::ServerContext* c, const v1::ReverseOutcomeRequest* q,
                              v1::OutcomeReport* a) override {
    return Give(reverse, c, q, a);
  }
  grpc::Status QueryOutcomes(grpc::ServerContext* c, const v1::QueryOutcomesRequest* q,
                             v1::QueryOutcomesResponse* a) override {
    return Give(outcomes, c, q, a);
  }

  mutable std::mutex mutex_;
  std::string authorization_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

inline grpc::Status NamedError(grpc::StatusCode code, const std::string& reason, const std::string& message,
                               const std::string& field = "") {
  rpc::ErrorInfo error_info;
  error_info.set_reason(reason);
  error_info.set_domain("penstock");
  if (!field.empty()) (*error_info.mutable_metadata())["field"] = field;
  rpc::Status details;
  details.set_code(code);
  details.add_details()->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  error_info.SerializeToString(details.mutable_details(0)->mutable_value());
  return {code, message, details.SerializeAsString()};
}

}  // namespace penstock::cli
