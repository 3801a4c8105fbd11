#include "broker/rpc/admission_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "broker/rpc/authentication.h"
#include "broker/rpc/converters.h"
#include "broker/rpc/errors.h"
#include "penstock/v1/admission.grpc.pb.h"

namespace penstock::rpc {
namespace {

/// A call that waits for the loop's answer. It lives from the RPC's start to its end and deletes itself.
class WaitingCall : public grpc::ServerUnaryReactor, public daemon::Caller {
 public:
  explicit WaitingCall(const Surroundings& surroundings)
      : surroundings_(surroundings), ticket_(surroundings.loop.NewTicket()) {}

  void OnDone() override { delete this; }

 protected:
  const Surroundings& surroundings() const { return surroundings_; }
  core::Ticket ticket() const { return ticket_; }

  void Submit(core::Command command) {
    if (!surroundings_.loop.Submit(std::move(command), ticket_, this)) Finish(Overloaded());
  }

 private:
  const Surroundings& surroundings_;
  const core::Ticket ticket_;
};

class AdmitCall final : public WaitingCall {
 public:
  AdmitCall(const Surroundings& surroundings, grpc::CallbackServerContext* context, const v1::AdmitRequest& request,
            v1::AdmitResponse* response)
      : WaitingCall(surroundings), context_(context), response_(response), explain_(request.explain()) {
    auth::Principal principal;
    grpc::Status status = Authenticate(*context, surroundings.api_keys, "/penstock.v1.Admission/Admit", &principal);
    core::Admit admit;
    if (status.ok()) status = FromProto(request, principal, surroundings.names, &admit);
    if (!status.ok()) {
      Finish(status);
      return;
    }
    // There is no use in waiting longer than the call itself.
    const auto left =
        std::chrono::duration_cast<std::chrono::nanoseconds>(context->deadline() - std::chrono::system_clock::now());
    admit.max_wait = std::clamp(Nanoseconds(left.count()), Duration::Zero(), admit.max_wait);
    admit.ticket = ticket();
    Submit(std::move(admit));
  }

  void OnCancel() override { surroundings().loop.Tell(core::Abandon{ticket()}); }

  void OnDone() override {
    if (granted_ && context_->IsCancelled()) surroundings().loop.Tell(core::Undeliverable{ticket(), grant_});
    WaitingCall::OnDone();
  }

  void Answer(core::Outcome outcome) override {
    if (const auto* error = std::get_if<core::Error>(&outcome)) return Finish(ToStatus(*error));
    if (const auto* granted = std::get_if<core::Granted>(&outcome)) {
      granted_ = true;
      grant_ = granted->id;
      ToProto(*granted, surroundings().names, surroundings().grant_keys, response_->mutable_grant());
      Explain(granted->explanation);
    } else if (const auto* refused = std::get_if<core::Refused>(&outcome)) {
      ToProto(*refused, response_->mutable_refusal());
      Explain(refused->explanation);
    } else if (const auto* forecasted = std::get_if<core::Forecasted>(&outcome)) {
      ToProto(*forecasted, surroundings().names, surroundings().names.CurrentTariff(), response_->mutable_forecast());
      Explain(forecasted->explanation);
    }
    Finish(grpc::Status::OK);
  }

 private:
  void Explain(const core::Explanation& explanation) {
    if (explain_) ToProto(explanation, response_->mutable_explanation());
  }

  grpc::CallbackServerContext* const context_;
  v1::AdmitResponse* const response_;
  const bool explain_;
  bool granted_ = false;
  GrantId grant_;
};

class ProgressCall final : public WaitingCall {
 public:
  ProgressCall(const Surroundings& surroundings, const grpc::CallbackServerContext& context,
               const v1::ProgressRequest& request, v1::ProgressResponse* response)
      : WaitingCall(surroundings), response_(response) {
    auth::Principal principal;
    grpc::Status status = Authenticate(context, surroundings.api_keys, "/penstock.v1.Admission/Progress", &principal);
    core::Progress progress;
    if (status.ok()) {
      status = FromProto(request, principal, surroundings.names, surroundings.grant_keys, &progress);
    }
    if (!status.ok()) {
      Finish(status);
      return;
    }
    progress.ticket = ticket();
    Submit(std::move(progress));
  }

  void Answer(core::Outcome outcome) override {
    if (const auto* error = std::get_if<core::Error>(&outcome)) return Finish(ToStatus(*error));
    ToProto(std::get<core::Progressed>(outcome), response_);
    Finish(grpc::Status::OK);
  }

 private:
  v1::ProgressResponse* const response_;
};

class CompleteCall final : public WaitingCall {
 public:
  CompleteCall(const Surroundings& surroundings, const grpc::CallbackServerContext& context,
               const v1::CompleteRequest& request, v1::CompleteResponse* response)
      : WaitingCall(surroundings), response_(response) {
    auth::Principal principal;
    grpc::Status status = Authenticate(context, surroundings.api_keys, "/penstock.v1.Admission/Complete", &principal);
    core::Complete complete;
    if (status.ok()) {
      status = FromProto(request, principal, surroundings.names, surroundings.grant_keys, &complete);
    }
    if (!status.ok()) {
      Finish(status);
      return;
    }
    complete.ticket = ticket();
    Submit(std::move(complete));
  }

  void Answer(core::Outcome outcome) override {
    if (const auto* error = std::get_if<core::Error>(&outcome)) return Finish(ToStatus(*error));
    ToProto(std::get<core::Completed>(outcome), surroundings().names, response_);
    Finish(grpc::Status::OK);
  }

 private:
  v1::CompleteResponse* const response_;
};

class AdmissionService final : public v1::Admission::CallbackService {
 public:
  explicit AdmissionService(const Surroundings& surroundings) : surroundings_(surroundings) {}

  grpc::ServerUnaryReactor* Admit(grpc::CallbackServerContext* context, const v1::AdmitRequest* request,
                                  v1::AdmitResponse* response) override {
    return new AdmitCall(surroundings_, context, *request, response);
  }
  grpc::ServerUnaryReactor* Progress(grpc::CallbackServerContext* context, const v1::ProgressRequest* request,
                                     v1::ProgressResponse* response) override {
    return new ProgressCall(surroundings_, *context, *request, response);
  }
  grpc::ServerUnaryReactor* Complete(grpc::CallbackServerContext* context, const v1::CompleteRequest* request,
                                     v1::CompleteResponse* response) override {
    return new CompleteCall(surroundings_, *context, *request, response);
  }

 private:
  const Surroundings surroundings_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewAdmissionService(const Surroundings& surroundings) {
  return std::make_unique<AdmissionService>(surroundings);
}

}  // namespace penstock::rpc
