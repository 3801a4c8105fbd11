// Protos stop here: wire messages <-> core values. Every bound on what a client may send is checked here.
#pragma once

#include <absl/status/statusor.h>
#include <grpcpp/support/status.h>

#include <optional>
#include <string>
#include <vector>

#include "broker/auth/grant_keys.h"
#include "broker/auth/principal.h"
#include "broker/core/answer.h"
#include "broker/core/command.h"
#include "broker/core/decision_log.h"
#include "broker/rpc/names.h"
#include "ledger/signed_head.h"
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
void ToProto(const core::DuplicateHint& hint, v1::Duplicate* out);
void ToProto(const core::Decision& decision, const Names& names, const auth::GrantKeys& keys, v1::Decision* out);
void ToProto(const core::Progressed& progressed, v1::ProgressResponse* response);
void ToProto(const core::Completed& completed, const Names& names, v1::CompleteResponse* response);

// ---- What calls and sessions share.

/// What is wrong with a field, or nothing.
using Problem = std::optional<core::Error>;
constexpr const char* kOutcomeIsRequired = "is required: SUCCEEDED, FAILED or CANCELLED";

/// The tenant that a principal is confined to, if any.
std::optional<TenantId> Scope(const auth::Principal& principal, const Names& names);
/// A tenant principal may leave its own key out, and may name no other.
Problem ReadKey(const std::string& requested, const auth::Principal& principal, const Names& names, TenantId* tenant,
                KeyId* id);
Problem ReadPools(const google::protobuf::RepeatedPtrField<std::string>& requested, const Names& names,
                  std::vector<PoolId>* pools);
Problem ReadClass(v1::ServiceClass requested, std::optional<ServiceClass>* wanted);
std::optional<ledger::Outcome> FromProto(v1::CompleteRequest::Outcome outcome);
/// Bounds on texts, waits, labels and the output cap.
Problem CheckBounds(const core::Admit& admit);
/// The digest of the content; the core keeps a digest of it.
Problem ReadContent(const std::string& digest, core::Admit* admit);
core::Error UnknownGrant();
/// The digest of what a request id, or a grant's end, stands for: everything that changes the decision, however it
/// came.
ledger::BodyDigest BodyOf(const core::Admit& admit);
ledger::BodyDigest BodyOf(const core::Complete& complete);

v1::Refusal::Reason ToProto(core::RefusalReason reason);
v1::Tier ToProto(Tier tier);
v1::ServiceClass ToProto(ServiceClass service_class);
void ToProto(Instant instant, google::protobuf::Timestamp* out);
void ToProto(Duration duration, google::protobuf::Duration* out);
void ToProto(const TokenCounts& counts, google::protobuf::RepeatedPtrField<v1::TokenCount>* out);
void ToProto(const ledger::rating::Line& line, v1::StatementLine* row);
void ToProto(const ledger::SignedHead& head, v1::SignedHead* out);
void ToProto(const ledger::Statement& statement, const std::string& tenant, v1::Statement* out);

/// Nothing when it is not a moment this side of the year 2262.
std::optional<Instant> FromProto(const google::protobuf::Timestamp& timestamp);

}  // namespace penstock::rpc
