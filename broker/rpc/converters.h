// Protos stop here: wire messages <-> core values. Every bound on what a client may send is checked here.
#pragma once

#include <absl/status/statusor.h>
#include <grpcpp/support/status.h>

#include <optional>
#include <string>

#include "broker/auth/grant_keys.h"
#include "broker/auth/principal.h"
#include "broker/core/answer.h"
#include "broker/core/command.h"
#include "broker/rpc/names.h"
#include "ledger/statement.h"
#include "penstock/v1/admission.pb.h"
#include "penstock/v1/billing.pb.h"
#include "penstock/v1/operations.pb.h"

namespace penstock::rpc {

/// Either a command, or the status that says which field is wrong.
grpc::Status FromProto(const v1::AdmitRequest& request, const auth::Principal& principal, const Names& names,
                       core::Admit* admit);
grpc::Status FromProto(const v1::ProgressRequest& request, const auth::Principal& principal, const Names& names,
                       const auth::GrantKeys& keys, core::Progress* progress);
grpc::Status FromProto(const v1::CompleteRequest& request, const auth::Principal& principal, const Names& names,
                       const auth::GrantKeys& keys, core::Complete* complete);

void ToProto(const core::Granted& granted, const Names& names, const auth::GrantKeys& keys, v1::Grant* grant);
void ToProto(const core::Refused& refused, v1::Refusal* refusal);
void ToProto(const core::Forecasted& forecasted, const Names& names, const ledger::Tariff& tariff,
             v1::Forecast* forecast);
void ToProto(const core::Explanation& explanation, v1::Explanation* out);
void ToProto(const core::Progressed& progressed, v1::ProgressResponse* response);
void ToProto(const core::Completed& completed, const Names& names, v1::CompleteResponse* response);

v1::Tier ToProto(Tier tier);
v1::ServiceClass ToProto(ServiceClass service_class);
void ToProto(Instant instant, google::protobuf::Timestamp* out);
void ToProto(Duration duration, google::protobuf::Duration* out);
void ToProto(const TokenCounts& counts, google::protobuf::RepeatedPtrField<v1::TokenCount>* out);
void ToProto(const ledger::Statement& statement, const std::string& tenant, v1::Statement* out);

/// Nothing when it is not a moment this side of the year 2262.
std::optional<Instant> FromProto(const google::protobuf::Timestamp& timestamp);

}  // namespace penstock::rpc
