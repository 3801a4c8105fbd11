#include "broker/rpc/converters.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "broker/auth/encoding.h"
#include "broker/rpc/errors.h"

namespace penstock::rpc {
namespace {

using google::protobuf::RepeatedPtrField;

grpc::Status UnknownKind(const std::string& field, const std::string& kind) {
  std::string known;
  for (const std::string_view name : kTokenKindNames) known += (known.empty() ? "" : ", ") + std::string(name);
  return ToStatus(
      {core::ErrorReason::kUnknownTokenKind, field, "'" + kind + "' is not a token kind; known are " + known});
}

/// Reads counts; `estimated` may be null where estimates make no sense.
grpc::Status ReadCounts(const RepeatedPtrField<v1::TokenCount>& counts, const char* field, bool input_only,
                        TokenCounts* out, ByTokenKind<bool>* estimated) {
  ByTokenKind<bool> seen;
  const auto at = [&](int i, const char* part) { return absl::StrCat(field, "[", i, "].", part); };
  for (int i = 0; i < counts.size(); ++i) {
    const v1::TokenCount& count = counts[i];
    const std::optional<TokenKind> kind = TokenKindNamed(count.kind());
    if (!kind) return UnknownKind(at(i, "kind"), count.kind().substr(0, kMaxNameBytes));
    if (seen[*kind]) return InvalidField(at(i, "kind"), "'" + count.kind() + "' appears twice: add the counts up");
    if (count.tokens() < 0 || count.tokens() > kMaxTokensPerRequest) {
      return InvalidField(at(i, "tokens"),
                          absl::StrCat(count.tokens(), " is out of range: 0 to ", kMaxTokensPerRequest));
    }
    if (input_only && IsGenerated(*kind)) {
      return InvalidField(at(i, "kind"), "'" + count.kind() + "' is generated, not sent: state max_output_tokens");
    }
    seen[*kind] = true;
    (*out)[*kind] = Tokens(count.tokens());
    if (estimated != nullptr) (*estimated)[*kind] = count.estimated();
  }
  return grpc::Status::OK;
}

std::optional<Duration> FromProto(const google::protobuf::Duration& duration) {
  if (duration.seconds() < -1'000'000'000 || duration.seconds() > 1'000'000'000) return std::nullopt;
  if (duration.nanos() <= -1'000'000'000 || duration.nanos() >= 1'000'000'000) return std::nullopt;
  return Seconds(duration.seconds()) + Nanoseconds(duration.nanos());
}

grpc::Status ReadWait(const v1::AdmitRequest& request, core::Admit* admit) {
  const std::optional<Duration> wait = FromProto(request.max_wait());
  if (!wait) return InvalidField("max_wait", absl::StrCat("must be between 0 and ", kMaxWaitSeconds, " s"));
  admit->max_wait = *wait;
  return grpc::Status::OK;
}

core::Error Invalid(const char* field, std::string message) {
  return {core::ErrorReason::kInvalidArgument, field, std::move(message)};
}

/// The bytes of a body, for its digest: numbers as zigzag varints, texts with their length. Short, so that the usual
/// body fits one block of the hash.
class BodyBytes {
 public:
  BodyBytes& operator<<(int64_t number) {
    auto rest = static_cast<uint64_t>(number) << 1 ^ static_cast<uint64_t>(number >> 63);
    for (; rest >= 0x80; rest >>= 7) bytes_.push_back(static_cast<char>(rest | 0x80));
    bytes_.push_back(static_cast<char>(rest));
    return *this;
  }
  BodyBytes& operator<<(const std::string& text) {
    *this << static_cast<int64_t>(text.size());
    bytes_ += text;
    return *this;
  }
  BodyBytes& operator<<(const TokenCounts& counts) {
    for (TokenKind kind : kAllTokenKinds) *this << counts[kind].count();
    return *this;
  }
  ledger::BodyDigest Digest() const { return ledger::DigestOf(bytes_); }
  void Clear() { bytes_.clear(); }

 private:
  std::string bytes_;
};

BodyBytes& EmptyBody() {
  thread_local BodyBytes body;
  body.Clear();
  return body;
}

std::optional<auth::SealedGrant> OpenName(const std::string& name, const auth::GrantKeys& keys) {
  return name.size() > kMaxGrantNameBytes ? std::nullopt : keys.Open(name);
}

void ToProto(const ledger::Money& money, const std::string& currency, v1::Money* out) {
  out->set_currency(currency);
  out->set_amount(money.ToDecimal());
}

v1::Explanation::Gate ToProto(admission::Gate gate) {
  switch (gate) {
    case admission::Gate::kOpen:
      return v1::Explanation::GATE_UNSPECIFIED;
    case admission::Gate::kSlots:
      return v1::Explanation::SLOTS;
    case admission::Gate::kPace:
      return v1::Explanation::PACE;
    case admission::Gate::kKvTokens:
      return v1::Explanation::KV_TOKENS;
    case admission::Gate::kClassCap:
      return v1::Explanation::CLASS_CAP;
    case admission::Gate::kHoldback:
      return v1::Explanation::HOLDBACK;
    case admission::Gate::kOthersFirst:
      return v1::Explanation::OTHERS_FIRST;
  }
  return v1::Explanation::GATE_UNSPECIFIED;
}

v1::Explanation::Candidate ToProto(core::CandidateVerdict verdict) {
  switch (verdict) {
    case core::CandidateVerdict::kNotConsidered:
      return v1::Explanation::CANDIDATE_UNSPECIFIED;
    case core::CandidateVerdict::kChosen:
      return v1::Explanation::CHOSEN;
    case core::CandidateVerdict::kNotAllowed:
      return v1::Explanation::CANDIDATE_NOT_ALLOWED;
    case core::CandidateVerdict::kTooDear:
      return v1::Explanation::TOO_DEAR;
    case core::CandidateVerdict::kLimited:
      return v1::Explanation::LIMITED;
    case core::CandidateVerdict::kOverBudget:
      return v1::Explanation::OVER_BUDGET;
    case core::CandidateVerdict::kWaitTooLong:
      return v1::Explanation::CANDIDATE_WAIT_TOO_LONG;
  }
  return v1::Explanation::CANDIDATE_UNSPECIFIED;
}

}  // namespace

v1::Refusal::Reason ToProto(core::RefusalReason reason) {
  switch (reason) {
    case core::RefusalReason::kRateLimit:
      return v1::Refusal::RATE_LIMIT;
    case core::RefusalReason::kParallelLimit:
      return v1::Refusal::PARALLEL_LIMIT;
    case core::RefusalReason::kReservationUsed:
      return v1::Refusal::RESERVATION_USED;
    case core::RefusalReason::kNotAllowed:
      return v1::Refusal::NOT_ALLOWED;
    case core::RefusalReason::kWaitExpired:
      return v1::Refusal::WAIT_EXPIRED;
    case core::RefusalReason::kQueueFull:
      return v1::Refusal::QUEUE_FULL;
    case core::RefusalReason::kInputTooLarge:
      return v1::Refusal::INPUT_TOO_LARGE;
    case core::RefusalReason::kBudgetUsed:
      return v1::Refusal::BUDGET_USED;
    case core::RefusalReason::kRunBound:
      return v1::Refusal::RUN_BOUND;
    case core::RefusalReason::kDuplicate:
      return v1::Refusal::DUPLICATE;
    case core::RefusalReason::kWaitTooLong:
      return v1::Refusal::WAIT_TOO_LONG;
    case core::RefusalReason::kShed:
      return v1::Refusal::SHED;
    case core::RefusalReason::kTooLarge:
      return v1::Refusal::TOO_LARGE;
  }
  return v1::Refusal::REASON_UNSPECIFIED;
}

core::Error UnknownGrant() {
  return {core::ErrorReason::kUnknownGrant, "grant",
          "this is not a grant of this provider: pass it exactly as Admit answered it"};
}

std::optional<TenantId> Scope(const auth::Principal& principal, const Names& names) {
  return principal.role == auth::Role::kTenant ? names.Tenant("tenants/" + principal.tenant) : std::nullopt;
}

Problem ReadKey(const std::string& requested, const auth::Principal& principal, const Names& names, TenantId* tenant,
                KeyId* id) {
  const bool own = principal.role == auth::Role::kTenant;
  const std::string own_key = own ? "tenants/" + principal.tenant + "/keys/" + principal.key : "";
  const std::string& key = own && requested.empty() ? own_key : requested;
  if (key.empty()) return Invalid("key", "is required: tenants/{tenant}/keys/{key}");
  if (own && key != own_key) {
    return core::Error{core::ErrorReason::kPermissionDenied, "key", "a tenant asks for itself: leave it out"};
  }
  const auto found = names.Key(key);
  if (!found) {
    return core::Error{core::ErrorReason::kUnknownKey, "key",
                       "there is no '" + key.substr(0, 160) + "'; the form is tenants/{tenant}/keys/{key}"};
  }
  *tenant = found->first;
  *id = found->second;
  return std::nullopt;
}

Problem ReadPools(const RepeatedPtrField<std::string>& requested, const Names& names, std::vector<PoolId>* pools) {
  if (requested.empty()) return Invalid("pools", "name at least one candidate: pools/{pool}");
  if (requested.size() > static_cast<int>(kMaxCandidatePools)) {
    return Invalid("pools", absl::StrCat("at most ", kMaxCandidatePools, " candidates"));
  }
  for (const std::string& name : requested) {
    const std::optional<PoolId> pool = names.Pool(name);
    if (!pool) {
      return core::Error{core::ErrorReason::kUnknownPool, "pools",
                         "there is no '" + name.substr(0, 160) + "'; the form is pools/{pool}"};
    }
    pools->push_back(*pool);
  }
  return std::nullopt;
}

Problem ReadClass(v1::ServiceClass requested, std::optional<ServiceClass>* wanted) {
  switch (requested) {
    case v1::SERVICE_CLASS_UNSPECIFIED:
      return std::nullopt;
    case v1::SERVICE_CLASS_FREE:
      *wanted = ServiceClass::kFree;
      return std::nullopt;
    case v1::SERVICE_CLASS_FLEX:
      *wanted = ServiceClass::kFlex;
      return std::nullopt;
    case v1::SERVICE_CLASS_DEFAULT:
      *wanted = ServiceClass::kDefault;
      return std::nullopt;
    case v1::SERVICE_CLASS_PRIORITY:
      *wanted = ServiceClass::kPriority;
      return std::nullopt;
    default:
      return Invalid("service_class", "only flex, default and priority can be asked for");
  }
}

std::optional<ledger::Outcome> FromProto(v1::CompleteRequest::Outcome outcome) {
  switch (outcome) {
    case v1::CompleteRequest::SUCCEEDED:
      return ledger::Outcome::kSucceeded;
    case v1::CompleteRequest::FAILED:
      return ledger::Outcome::kFailed;
    case v1::CompleteRequest::CANCELLED:
      return ledger::Outcome::kCancelled;
    default:
      return std::nullopt;
  }
}

Problem CheckBounds(const core::Admit& admit) {
  const auto too_long = [](const char* field, const std::string& text, size_t most) {
    return Invalid(field, absl::StrCat("is ", text.size(), " bytes; at most ", most));
  };
  if (!admit.validate_only && admit.request_id.empty()) return Invalid("request_id", "is required");
  if (admit.request_id.size() > kMaxRequestIdBytes) return too_long("request_id", admit.request_id, kMaxRequestIdBytes);
  if (admit.run.size() > kMaxRunBytes) return too_long("run", admit.run, kMaxRunBytes);
  if (admit.max_output < Tokens(1) || admit.max_output > Tokens(kMaxTokensPerRequest)) {
    return Invalid("max_output_tokens", absl::StrCat("must be 1 to ", kMaxTokensPerRequest));
  }
  if (admit.max_wait < Duration::Zero() || admit.max_wait > Seconds(kMaxWaitSeconds)) {
    return Invalid("max_wait", absl::StrCat("must be between 0 and ", kMaxWaitSeconds, " s"));
  }
  if (admit.depth < 0 || admit.depth > kMaxRunDepth) {
    return Invalid("depth", absl::StrCat("must be 0 to ", kMaxRunDepth));
  }
  if (admit.labels.size() > kMaxLabels) return Invalid("labels", absl::StrCat("at most ", kMaxLabels));
  for (const auto& [key, value] : admit.labels) {
    if (key.empty() || key.size() > kMaxLabelBytes || value.size() > kMaxLabelBytes) {
      return Invalid("labels",
                     absl::StrCat("keys and values have at most ", kMaxLabelBytes, " bytes, keys at least 1"));
    }
  }
  return std::nullopt;
}

Problem ReadContent(const std::string& digest, core::Admit* admit) {
  if (digest.empty()) return std::nullopt;
  if (digest.size() < kMinContentDigestBytes || digest.size() > kMaxContentDigestBytes) {
    return Invalid("content_digest", absl::StrCat("is ", digest.size(), " bytes; ", kMinContentDigestBytes, " to ",
                                                  kMaxContentDigestBytes, " are taken"));
  }
  admit->content = ledger::DigestOf(digest);
  return std::nullopt;
}

ledger::BodyDigest BodyOf(const core::Admit& admit) {
  int64_t estimated = 0;
  for (TokenKind kind : kAllTokenKinds) estimated = estimated * 2 + (admit.estimated[kind] ? 1 : 0);
  BodyBytes& body = EmptyBody();
  body << int64_t{admit.key.value} << admit.max_output.count() << admit.max_wait.count()
       << (admit.wanted ? static_cast<int64_t>(*admit.wanted) : -1) << admit.input << estimated << admit.run
       << static_cast<int64_t>(admit.pools.size());
  for (const PoolId pool : admit.pools) body << int64_t{pool.value};
  for (const auto& [key, value] : admit.labels) body << key << value;
  // What most requests leave out adds nothing.
  if (admit.depth != 0 || admit.content) {
    body << admit.depth;
    if (admit.content) body << std::string(admit.content->begin(), admit.content->end());
  }
  return body.Digest();
}

ledger::BodyDigest BodyOf(const core::Complete& complete) {
  const auto at = [](const std::optional<Instant>& instant) {
    return instant ? instant->nanoseconds_since_epoch() : int64_t{-1};
  };
  BodyBytes& body = EmptyBody();
  body << static_cast<int64_t>(complete.outcome) << complete.tokens << at(complete.first_token_at)
       << at(complete.ended_at);
  return body.Digest();
}

grpc::Status FromProto(const v1::AdmitRequest& request, const auth::Principal& principal, const Names& names,
                       core::Admit* admit) {
  admit->request_id = request.request_id();
  admit->run = request.run();
  admit->depth = request.depth();
  admit->max_output = Tokens(request.max_output_tokens());
  admit->validate_only = request.validate_only();
  admit->labels.assign(request.labels().begin(), request.labels().end());
  std::sort(admit->labels.begin(), admit->labels.end());  // the order of a wire map means nothing
  if (const grpc::Status s = ReadWait(request, admit); !s.ok()) return s;
  if (const Problem p = CheckBounds(*admit)) return ToStatus(*p);
  if (const Problem p = ReadContent(request.content_digest(), admit)) return ToStatus(*p);
  if (const Problem p = ReadKey(request.key(), principal, names, &admit->tenant, &admit->key)) return ToStatus(*p);
  if (const Problem p = ReadPools(request.pools(), names, &admit->pools)) return ToStatus(*p);
  if (const Problem p = ReadClass(request.service_class(), &admit->wanted)) return ToStatus(*p);
  if (const grpc::Status s = ReadCounts(request.input(), "input", true, &admit->input, &admit->estimated); !s.ok())
    return s;
  admit->body = BodyOf(*admit);
  return grpc::Status::OK;
}

grpc::Status FromProto(const v1::ProgressRequest& request, const auth::Principal& principal, const Names& names,
                       const auth::GrantKeys& keys, core::Progress* progress) {
  const std::optional<auth::SealedGrant> grant = OpenName(request.grant(), keys);
  if (!grant) return ToStatus(UnknownGrant());
  progress->grant = grant->id;
  progress->on_behalf_of = Scope(principal, names);
  return ReadCounts(request.tokens(), "tokens", false, &progress->so_far, nullptr);
}

grpc::Status FromProto(const v1::CompleteRequest& request, const auth::Principal& principal, const Names& names,
                       const auth::GrantKeys& keys, core::Complete* complete) {
  const std::optional<auth::SealedGrant> grant = OpenName(request.grant(), keys);
  if (!grant) return ToStatus(UnknownGrant());
  if (const grpc::Status s = ReadCounts(request.tokens(), "tokens", false, &complete->tokens, nullptr); !s.ok())
    return s;
  const std::optional<ledger::Outcome> outcome = FromProto(request.outcome());
  if (!outcome) return InvalidField("outcome", kOutcomeIsRequired);
  complete->outcome = *outcome;
  if (request.has_first_token_time()) {
    complete->first_token_at = FromProto(request.first_token_time());
    if (!complete->first_token_at) return InvalidField("first_token_time", "is not a valid time");
  }
  if (request.has_end_time()) {
    complete->ended_at = FromProto(request.end_time());
    if (!complete->ended_at) return InvalidField("end_time", "is not a valid time");
  }
  complete->grant = grant->id;
  complete->terms = grant->terms;
  complete->issued = grant->issued;
  complete->on_behalf_of = Scope(principal, names);
  complete->body = BodyOf(*complete);
  return grpc::Status::OK;
}

void ToProto(const core::Granted& granted, const Names& names, const auth::GrantKeys& keys, v1::Grant* grant) {
  grant->set_name(keys.Seal({.id = granted.id, .terms = granted.terms, .issued = granted.issued}));
  grant->set_pool(names.NameOf(granted.terms.pool));
  grant->set_served(ToProto(granted.terms.served));
  grant->set_tier(ToProto(TierOf(granted.terms.served)));
  const ledger::Tariff& tariff = names.TariffOf(granted.terms.tariff);
  grant->set_tariff_version(tariff.version);
  grant->set_currency(tariff.currency);
  for (TokenKind kind : kAllTokenKinds) {
    if (granted.prices[kind] == 0) continue;
    v1::TokenPrice* price = grant->add_prices();
    price->set_kind(std::string(Name(kind)));
    price->set_micros_per_million_tokens(granted.prices[kind]);
  }
  grant->set_output_cap(granted.output_cap.count());
  ToProto(granted.lease_deadline, grant->mutable_lease_deadline());
  ToProto(granted.settle_deadline, grant->mutable_settle_deadline());
  ToProto(granted.waited, grant->mutable_waited());
  ToProto(granted.hold, tariff.currency, grant->mutable_hold());
  if (granted.duplicate) ToProto(*granted.duplicate, grant->mutable_duplicate());
}

void ToProto(const core::DuplicateHint& hint, v1::Duplicate* out) {
  out->set_in_flight(hint.in_flight);
  if (!hint.in_flight) ToProto(hint.finished_ago, out->mutable_finished_ago());
}

void ToProto(const core::Refused& refused, v1::Refusal* refusal) {
  refusal->set_whose(IsYours(refused.reason) ? v1::Refusal::YOURS : v1::Refusal::POOL);
  refusal->set_reason(ToProto(refused.reason));
  ToProto(refused.retry_after, refusal->mutable_retry_after());
  refusal->set_limit(refused.limit.str());
  refusal->set_message(core::MessageOf(refused));
  refusal->set_promised(refused.promised);
  refusal->set_asked(refused.asked);
  refusal->set_remaining(refused.remaining);
  if (refused.duplicate) ToProto(*refused.duplicate, refusal->mutable_duplicate());
}

void ToProto(const core::Forecasted& forecasted, const Names& names, const ledger::Tariff& tariff,
             v1::Forecast* forecast) {
  forecast->set_pool(names.NameOf(forecasted.pool));
  forecast->set_service_class(ToProto(forecasted.share_class));
  ToProto(forecasted.explanation.forecast_wait.expected, forecast->mutable_wait());
  ToProto(forecasted.expected_cost, tariff.currency, forecast->mutable_expected_cost());
  ToProto(forecasted.max_cost, tariff.currency, forecast->mutable_max_cost());
  forecast->set_tariff_version(tariff.version);
}

void ToProto(const core::Explanation& explanation, v1::Explanation* out) {
  out->set_estimated_work_milli_nt(explanation.estimated_work.count());
  out->set_predicted_output_tokens(explanation.predicted_output.count());
  out->set_position(explanation.position);
  ToProto(explanation.forecast_wait.expected, out->mutable_forecast_wait());
  ToProto(explanation.forecast_wait.low, out->mutable_forecast_wait_low());
  ToProto(explanation.forecast_wait.high, out->mutable_forecast_wait_high());
  ToProto(explanation.line_forecast, out->mutable_line_forecast());
  out->set_gate(ToProto(explanation.gate));
  out->set_promised(explanation.promised);
  size_t candidates = explanation.candidates.size();
  while (candidates > 0 && explanation.candidates[candidates - 1] == core::CandidateVerdict::kNotConsidered) {
    --candidates;
  }
  for (size_t i = 0; i < candidates; ++i) out->add_candidates(ToProto(explanation.candidates[i]));
  const admission::DispatchReason& reason = explanation.dispatch;
  out->set_contract(reason.contract);
  if (reason.contract != 0) {
    ToProto(reason.eligible_at, out->mutable_eligible_since());
    ToProto(reason.contract_deadline, out->mutable_contract_deadline());
  }
  out->set_by_floor(reason.by_floor);
  out->set_class_tag(reason.class_tag);
  out->set_class_virtual_time(reason.class_virtual_time);
  out->set_tenant_tag(reason.tenant_tag);
  out->set_tenant_virtual_time(reason.tenant_virtual_time);
  out->set_key_tag(reason.key_tag);
  out->set_key_virtual_time(reason.key_virtual_time);
}

void ToProto(const core::Decision& decision, const Names& names, const auth::GrantKeys& keys, v1::Decision* out) {
  out->set_key(names.NameOf(decision.key));
  if (decision.pool.value != 0) out->set_pool(names.NameOf(decision.pool));
  out->set_stood_as(ToProto(decision.stood_as));
  ToProto(decision.came, out->mutable_came());
  ToProto(decision.decided, out->mutable_decided());
  ToProto(decision.decided - decision.came, out->mutable_waited());
  if (decision.grant.epoch != 0) {
    const ledger::GrantTerms terms{decision.tenant, decision.key, decision.pool, decision.served, decision.tariff};
    out->set_grant(keys.Seal({.id = decision.grant, .terms = terms, .issued = decision.decided}));
    out->set_served(ToProto(decision.served));
    out->set_output_cap(decision.output_cap.count());
    out->set_capped_by(decision.capped_by.str());
    ToProto(decision.hold, names.TariffOf(decision.tariff).currency, out->mutable_hold());
  } else {
    ToProto(decision.refusal, out->mutable_refusal());
  }
  ToProto(decision.explanation, out->mutable_explanation());
  for (std::string& remedy : core::Remedies(decision)) *out->add_remedies() = std::move(remedy);
}

void ToProto(const core::Progressed& progressed, v1::ProgressResponse* response) {
  ToProto(progressed.lease_deadline, response->mutable_lease_deadline());
  ToProto(progressed.settle_deadline, response->mutable_settle_deadline());
  response->set_output_cap(progressed.output_cap.count());
  response->set_stop(progressed.stop);
  response->set_wait_for_approval(progressed.wait_for_approval);
  response->set_bound(progressed.bound.str());
}

void ToProto(const core::Completed& completed, const Names& names, v1::CompleteResponse* response) {
  ToProto(completed.charge, names.TariffOf(completed.terms.tariff).currency, response->mutable_charge());
  response->set_billed(completed.billed);
  response->set_work_milli_nt(completed.work.count());
  response->set_sequence(completed.sequence);
  response->set_repeated(completed.repeated);
}

v1::Tier ToProto(Tier tier) {
  switch (tier) {
    case Tier::kFree:
      return v1::TIER_FREE;
    case Tier::kElastic:
      return v1::TIER_ELASTIC;
    case Tier::kReserved:
      return v1::TIER_RESERVED;
  }
  return v1::TIER_UNSPECIFIED;
}

v1::ServiceClass ToProto(ServiceClass service_class) {
  switch (service_class) {
    case ServiceClass::kFree:
      return v1::SERVICE_CLASS_FREE;
    case ServiceClass::kFlex:
      return v1::SERVICE_CLASS_FLEX;
    case ServiceClass::kDefault:
      return v1::SERVICE_CLASS_DEFAULT;
    case ServiceClass::kPriority:
      return v1::SERVICE_CLASS_PRIORITY;
    case ServiceClass::kSpillover:
      return v1::SERVICE_CLASS_SPILLOVER;
    case ServiceClass::kReserved:
      return v1::SERVICE_CLASS_RESERVED;
  }
  return v1::SERVICE_CLASS_UNSPECIFIED;
}

void ToProto(Instant instant, google::protobuf::Timestamp* out) {
  const int64_t ns = instant.nanoseconds_since_epoch();
  const int64_t seconds = DivideRoundDown<int64_t>(ns, 1'000'000'000);
  out->set_seconds(seconds);
  out->set_nanos(static_cast<int32_t>(ns - seconds * 1'000'000'000));
}

void ToProto(Duration duration, google::protobuf::Duration* out) {
  out->set_seconds(duration.count() / 1'000'000'000);
  out->set_nanos(static_cast<int32_t>(duration.count() % 1'000'000'000));
}

std::optional<Instant> FromProto(const google::protobuf::Timestamp& timestamp) {
  if (timestamp.seconds() < 0 || timestamp.seconds() > 9'000'000'000) return std::nullopt;
  if (timestamp.nanos() < 0 || timestamp.nanos() >= 1'000'000'000) return std::nullopt;
  return Instant() + Seconds(timestamp.seconds()) + Nanoseconds(timestamp.nanos());
}

void ToProto(const TokenCounts& counts, RepeatedPtrField<v1::TokenCount>* out) {
  for (TokenKind kind : kAllTokenKinds) {
    if (counts[kind] == Tokens::Zero()) continue;
    v1::TokenCount* count = out->Add();
    count->set_kind(std::string(Name(kind)));
    count->set_tokens(counts[kind].count());
  }
}

void ToProto(const ledger::rating::Line& line, v1::StatementLine* row) {
  using ledger::rating::LineKind;
  row->set_description(line.description);
  if (!line.pool.empty()) row->set_pool("pools/" + line.pool);
  row->set_exact(line.exact.ToDecimal());
  row->set_amount(line.amount.ToDecimal());
  if (line.reservation != 0) {
    row->set_reservation(line.reservation);
    row->set_effective(line.effective.ToDecimal());
  }
  const int64_t quantity = CheckedNarrow(line.quantity);
  if (line.kind == LineKind::kTokens) {
    v1::TokenMeter* tokens = row->mutable_tokens();
    tokens->set_served(ToProto(line.served));
    tokens->set_kind(std::string(Name(line.token_kind)));
    tokens->set_tokens(quantity);
    tokens->set_micros_per_million_tokens(static_cast<int64_t>(line.unit_price.pico()));
  } else if (line.kind == LineKind::kDemand) {
    v1::DemandMeter* demand = row->mutable_demand();
    if (!line.windows.empty()) ToProto(line.windows.front(), demand->mutable_peak_window());
    ToProto(ledger::kBaseWindow * line.window_count, demand->mutable_window_length());
    demand->set_work_milli_nt(quantity);
    demand->set_pico_units_per_milli_nt(static_cast<int64_t>(line.unit_price.pico()));
    demand->set_highest_second_milli_nt(line.highest_second.count());
    if (line.parts > 1) demand->set_parts(line.parts);
    if (line.windows.size() < 2) return;
    for (const Instant window : line.windows) ToProto(window, demand->add_windows());
  } else {
    v1::ChargeMeter* charge = row->mutable_charge();
    charge->set_kind(std::string(Name(line.kind)));
    charge->set_quantity(quantity);
    charge->set_unit(std::string(UnitOf(line.kind)));
    charge->set_unit_price(line.unit_price.ToDecimal());
  }
}

void ToProto(const ledger::SignedHead& head, v1::SignedHead* out) {
  out->set_journal(ledger::ToHex(head.journal));
  out->set_sequence(head.head.sequence);
  out->set_hash(ledger::ToHex(head.head.hash));
  out->set_at_unix_s(head.at.nanoseconds_since_epoch() / Seconds(1).count());
  out->set_public_key(ledger::ToHex(head.public_key));
  out->set_signature(auth::ToHex({reinterpret_cast<const char*>(head.signature.data()), head.signature.size()}));
}

void ToProto(const ledger::Statement& statement, const std::string& tenant, v1::Statement* out) {
  out->set_tenant(tenant);
  out->set_tariff_version(statement.tariff);
  out->set_currency(statement.currency);
  ToProto(statement.from, out->mutable_from());
  ToProto(statement.to, out->mutable_to());
  out->set_provisional(statement.provisional);
  for (const ledger::rating::Line& line : statement.bill.lines) ToProto(line, out->add_lines());
  out->set_rounding(statement.bill.rounding.ToDecimal());
  out->set_total(statement.bill.total.ToDecimal());
  out->set_as_of_sequence(statement.as_of.sequence);
  out->set_as_of_head(ledger::ToHex(statement.as_of.hash));
  if (statement.id == 0) return;
  const auto name_of = [&](uint32_t id) { return id == 0 ? "" : absl::StrCat(tenant, "/statements/", id); };
  out->set_name(name_of(statement.id));
  out->set_replaces(name_of(statement.replaces));
  out->set_replaced_by(name_of(statement.replaced_by));
  out->set_late_work(statement.late);
  ToProto(statement.closed_at, out->mutable_closed_at());
  out->set_posted(statement.bill.posted.ToDecimal());
}

}  // namespace penstock::rpc
