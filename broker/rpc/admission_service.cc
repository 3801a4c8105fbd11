#include "broker/rpc/admission_service.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "broker/rpc/authentication.h"
#include "broker/rpc/converters.h"
#include "broker/rpc/errors.h"
#include "broker/rpc/reading_call.h"
#include "broker/rpc/session.h"
#include "penstock/v1/admission.grpc.pb.h"

namespace penstock::rpc {
namespace {

/// A call that waits for the loop's answer. It lives from the RPC's start to its end and deletes itself.
class WaitingCall : public grpc::ServerUnaryReactor, public daemon::Caller {
 public:
  explicit WaitingCall(const Surroundings& surroundings)
      : surroundings_(surroundings), ticket_(surroundings.loop.NewTicket()) {}

  void OnDone() override { delete this; }
  /// Lets gRPC call OnDone and OnCancel where it is instead of handing each to another thread, as it does for its own
  /// default reactor. They only queue a command. (gRPC marks it as internal; without it all works, a fifth slower.)
  bool InternalInlineable() override { return true; }

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
  /// `under_way` counts the Admits that are; it outlives them.
  AdmitCall(const Surroundings& surroundings, std::atomic<int64_t>& under_way, grpc::CallbackServerContext* context,
            const v1::AdmitRequest& request, v1::AdmitResponse* response)
      : WaitingCall(surroundings),
        under_way_(under_way),
        context_(context),
        response_(response),
        explain_(request.explain()) {
    if (++under_way_ > surroundings.front_door.unary_admits) {
      Finish(TooManyWait());
      return;
    }
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
    --under_way_;
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
      ToProto(*forecasted, surroundings().names, surroundings().names.TariffOf(forecasted->tariff),
              response_->mutable_forecast());
      Explain(forecasted->explanation);
    }
    Finish(grpc::Status::OK);
  }

 private:
  void Explain(const core::Explanation& explanation) {
    if (explain_) ToProto(explanation, response_->mutable_explanation());
  }

  std::atomic<int64_t>& under_way_;
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

grpc::Status UnknownDecision() {
  return ToStatus({core::ErrorReason::kUnknownDecision, "",
                   "no decision about it is kept: only the last ones are, and a restart forgets them"});
}

class AdmissionService final : public v1::Admission::CallbackService {
 public:
  explicit AdmissionService(const Surroundings& surroundings) : surroundings_(surroundings) {}

  grpc::ServerUnaryReactor* Admit(grpc::CallbackServerContext* context, const v1::AdmitRequest* request,
                                  v1::AdmitResponse* response) override {
    return new AdmitCall(surroundings_, admits_under_way_, context, *request, response);
  }
  grpc::ServerUnaryReactor* Progress(grpc::CallbackServerContext* context, const v1::ProgressRequest* request,
                                     v1::ProgressResponse* response) override {
    return new ProgressCall(surroundings_, *context, *request, response);
  }
  grpc::ServerUnaryReactor* Complete(grpc::CallbackServerContext* context, const v1::CompleteRequest* request,
                                     v1::CompleteResponse* response) override {
    return new CompleteCall(surroundings_, *context, *request, response);
  }
  grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* Session(
      grpc::CallbackServerContext* context) override {
    return NewSession(surroundings_, context);
  }

  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context, const v1::ExplainRequest* request,
                                    v1::Decision* response) override {
    auth::Principal principal;
    grpc::Status status = Authenticate(*context, surroundings_.api_keys, "/penstock.v1.Admission/Explain", &principal);
    Asked asked;
    if (status.ok()) status = Read(*request, principal, &asked);
    if (!status.ok()) return new ReadingCall(status);
    return new ReadingCall(surroundings_.loop, [this, asked, response](const core::Engine& engine, uint64_t) {
      const core::Decision* decision =
          asked.grant ? engine.FindDecision(*asked.grant) : engine.FindDecision(asked.tenant, asked.request_id);
      const bool foreign = decision != nullptr && asked.own && decision->tenant != *asked.own;
      if (decision == nullptr || foreign) return UnknownDecision();
      ToProto(*decision, surroundings_.names, surroundings_.grant_keys, response);
      return grpc::Status::OK;
    });
  }

 private:
  /// What Explain is asked about.
  struct Asked {
    std::optional<TenantId> own;  // a tenant principal sees only its own
    std::optional<GrantId> grant;
    TenantId tenant;
    std::string request_id;
  };
  grpc::Status Read(const v1::ExplainRequest& request, const auth::Principal& principal, Asked* asked) const {
    asked->own = Scope(principal, surroundings_.names);
    if (request.has_grant()) {
      const std::optional<auth::SealedGrant> grant =
          request.grant().size() > kMaxGrantNameBytes ? std::nullopt : surroundings_.grant_keys.Open(request.grant());
      if (!grant) return ToStatus(UnknownGrant());
      asked->grant = grant->id;
      return grpc::Status::OK;
    }
    if (!request.has_request()) return InvalidField("decision", "say a grant, or a request");
    const v1::ExplainedRequest& of = request.request();
    if (of.request_id().empty() || of.request_id().size() > kMaxRequestIdBytes) {
      return InvalidField("request.request_id", "must have 1 to 64 bytes");
    }
    const std::optional<TenantId> tenant =
        of.tenant().empty() && asked->own ? asked->own : surroundings_.names.Tenant(of.tenant());
    if (!tenant) return InvalidField("request.tenant", "there is no such tenant; the form is tenants/{tenant}");
    asked->tenant = *tenant;
    asked->request_id = of.request_id();
    return grpc::Status::OK;
  }

  const Surroundings surroundings_;
  std::atomic<int64_t> admits_under_way_{0};
};

}  // namespace

std::unique_ptr<grpc::Service> NewAdmissionService(const Surroundings& surroundings) {
  return std::make_unique<AdmissionService>(surroundings);
}

}  // namespace penstock::rpc
