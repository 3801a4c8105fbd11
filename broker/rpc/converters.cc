#include "broker/rpc/converters.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "admission/vocabulary/bounds.h"
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
grpc::Status ReadCounts(const RepeatedPtrField<v1::TokenCount>& counts, const std::string& field, bool input_only,
                        TokenCounts* out, ByTokenKind<bool>* estimated) {
  ByTokenKind<bool> seen;
  for (int i = 0; i < counts.size(); ++i) {
    const v1::TokenCount& count = counts[i];
    const std::string where = absl::StrCat(field, "[", i, "]");
    const std::optional<TokenKind> kind = TokenKindNamed(count.kind());
    if (!kind) return UnknownKind(where + ".kind", count.kind().substr(0, kMaxNameBytes));
    if (seen[*kind]) return InvalidField(where + ".kind", "'" + count.kind() + "' appears twice: add the counts up");
    if (count.tokens() < 0 || count.tokens() > kMaxTokensPerRequest) {
      return InvalidField(where + ".tokens",
                          absl::StrCat(count.tokens(), " is out of range: 0 to ", kMaxTokensPerRequest));
    }
    if (input_only && IsGenerated(*kind)) {
      return InvalidField(where + ".kind", "'" + count.kind() + "' is generated, not sent: state max_output_tokens");
    }
    seen[*kind] = true;
    (*out)[*kind] = Tokens(count.tokens());
    if (estimated != nullptr) (*estimated)[*kind] = count.estimated();
  }
  return grpc::Status::OK;
}

grpc::Status CheckText(const std::string& text, const std::string& field, size_t max_bytes, bool required) {
  if (required && text.empty()) return InvalidField(field, "is required");
  if (text.size() > max_bytes)
    return InvalidField(field, absl::StrCat("is ", text.size(), " bytes; at most ", max_bytes));
  return grpc::Status::OK;
}

std::optional<Duration> FromProto(const google::protobuf::Duration& duration) {
  if (duration.seconds() < -1'000'000'000 || duration.seconds() > 1'000'000'000) return std::nullopt;
  if (duration.nanos() <= -1'000'000'000 || duration.nanos() >= 1'000'000'000) return std::nullopt;
  return Seconds(duration.seconds()) + Nanoseconds(duration.nanos());
}

std::optional<TenantId> Scope(const auth::Principal& principal, const Names& names) {
  return principal.role == auth::Role::kTenant ? names.Tenant("tenants/" + principal.tenant) : std::nullopt;
}

grpc::Status ReadKey(const v1::AdmitRequest& request, const auth::Principal& principal, const Names& names,
                     core::Admit* admit) {
  const bool own = principal.role == auth::Role::kTenant;
  const std::string own_key = "tenants/" + principal.tenant + "/keys/" + principal.key;
  const std::string& key = own && request.key().empty() ? own_key : request.key();
  if (key.empty()) return InvalidField("key", "is required: tenants/{tenant}/keys/{key}");
  if (own && key != own_key) {
    return ToStatus({core::ErrorReason::kPermissionDenied, "key", "a tenant asks for itself: leave it out"});
  }
  const auto found = names.Key(key);
  if (!found) {
    return ToStatus({core::ErrorReason::kUnknownKey, "key",
                     "there is no '" + key.substr(0, 160) + "'; the form is tenants/{tenant}/keys/{key}"});
  }
  admit->tenant = found->first;
  admit->key = found->second;
  return grpc::Status::OK;
}

grpc::Status ReadPools(const v1::AdmitRequest& request, const Names& names, core::Admit* admit) {
  if (request.pools().empty()) return InvalidField("pools", "name at least one candidate: pools/{pool}");
  if (request.pools_size() > static_cast<int>(kMaxCandidatePools)) {
    return InvalidField("pools", absl::StrCat("at most ", kMaxCandidatePools, " candidates"));
  }
  for (const std::string& name : request.pools()) {
    const std::optional<PoolId> pool = names.Pool(name);
    if (!pool) {
      return ToStatus({core::ErrorReason::kUnknownPool, "pools",
                       "there is no '" + name.substr(0, 160) + "'; the form is pools/{pool}"});
    }
    admit->pools.push_back(*pool);
  }
  return grpc::Status::OK;
}

grpc::Status ReadWait(const v1::AdmitRequest& request, core::Admit* admit) {
  const std::optional<Duration> wait = FromProto(request.max_wait());
  if (!wait || *wait < Duration::Zero() || *wait > Seconds(kMaxWaitSeconds)) {
    return InvalidField("max_wait", absl::StrCat("must be between 0 and ", kMaxWaitSeconds, " s"));
  }
  admit->max_wait = *wait;
  return grpc::Status::OK;
}

grpc::Status ReadClass(const v1::AdmitRequest& request, core::Admit* admit) {
  switch (request.service_class()) {
    case v1::SERVICE_CLASS_UNSPECIFIED:
      return grpc::Status::OK;
    case v1::SERVICE_CLASS_FREE:
      admit->wanted = ServiceClass::kFree;
      return grpc::Status::OK;
    case v1::SERVICE_CLASS_FLEX:
      admit->wanted = ServiceClass::kFlex;
      return grpc::Status::OK;
    case v1::SERVICE_CLASS_DEFAULT:
      admit->wanted = ServiceClass::kDefault;
      return grpc::Status::OK;
    case v1::SERVICE_CLASS_PRIORITY:
      admit->wanted = ServiceClass::kPriority;
      return grpc::Status::OK;
    default:
      return InvalidField("service_class", "only flex, default and priority can be asked for");
  }
}

grpc::Status ReadLabels(const v1::AdmitRequest& request, core::Admit* admit) {
  if (request.labels_size() > static_cast<int>(kMaxLabels)) {
    return InvalidField("labels", absl::StrCat("at most ", kMaxLabels));
  }
  for (const auto& [key, value] : request.labels()) {
    if (key.empty() || key.size() > kMaxLabelBytes || value.size() > kMaxLabelBytes) {
      return InvalidField("labels",
                          absl::StrCat("keys and values have at most ", kMaxLabelBytes, " bytes, keys at least 1"));
    }
    admit->labels.emplace_back(key, value);
  }
  std::sort(admit->labels.begin(), admit->labels.end());  // the order of a wire map means nothing
  return grpc::Status::OK;
}

void AppendCounts(const TokenCounts& counts, std::string* body) {
  for (TokenKind kind : kAllTokenKinds) absl::StrAppend(body, counts[kind].count(), ",");
}

/// The digest of what a request id stands for: everything that changes the decision.
ledger::BodyDigest BodyOf(const core::Admit& admit) {
  std::string body = absl::StrCat(admit.key.value, "|", admit.max_output.count(), "|", admit.max_wait.count(), "|",
                                  admit.wanted ? static_cast<int>(*admit.wanted) : -1, "|", admit.run, "|");
  for (const PoolId pool : admit.pools) absl::StrAppend(&body, pool.value, ",");
  AppendCounts(admit.input, &body);
  for (TokenKind kind : kAllTokenKinds) body += admit.estimated[kind] ? '1' : '0';
  for (const auto& [key, value] : admit.labels) absl::StrAppend(&body, key.size(), ":", key, value.size(), ":", value);
  return ledger::DigestOf(body);
}

ledger::BodyDigest BodyOf(const v1::CompleteRequest& request, const TokenCounts& tokens) {
  std::string body = absl::StrCat(static_cast<int>(request.outcome()), "|", request.first_token_time().seconds(), ".",
                                  request.first_token_time().nanos(), "|", request.end_time().seconds(), ".",
                                  request.end_time().nanos(), "|");
  AppendCounts(tokens, &body);
  return ledger::DigestOf(body);
}

std::optional<auth::SealedGrant> OpenName(const std::string& name, const auth::GrantKeys& keys) {
  return name.size() > kMaxGrantNameBytes ? std::nullopt : keys.Open(name);
}

grpc::Status UnknownGrant() {
  return ToStatus({core::ErrorReason::kUnknownGrant, "grant",
                   "this is not a grant of this provider: pass the name exactly as Admit answered it"});
}

void ToProto(const ledger::Money& money, const std::string& currency, v1::Money* out) {
  out->set_currency(currency);
  out->set_amount(money.ToDecimal());
}

std::string Decimal(Int128 value) {
  if (value == 0) return "0";
  const bool negative = value < 0;
  std::string digits;
  for (Int128 rest = negative ? -value : value; rest > 0; rest /= 10)
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
  if (negative) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

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
  }
  return v1::Refusal::REASON_UNSPECIFIED;
}

}  // namespace

grpc::Status FromProto(const v1::AdmitRequest& request, const auth::Principal& principal, const Names& names,
                       core::Admit* admit) {
  if (const grpc::Status s =
          CheckText(request.request_id(), "request_id", kMaxRequestIdBytes, !request.validate_only());
      !s.ok())
    return s;
  if (const grpc::Status s = CheckText(request.run(), "run", kMaxRunBytes, false); !s.ok()) return s;
  if (const grpc::Status s = ReadKey(request, principal, names, admit); !s.ok()) return s;
  if (const grpc::Status s = ReadPools(request, names, admit); !s.ok()) return s;
  if (const grpc::Status s = ReadCounts(request.input(), "input", true, &admit->input, &admit->estimated); !s.ok())
    return s;
  if (request.max_output_tokens() < 1 || request.max_output_tokens() > kMaxTokensPerRequest) {
    return InvalidField("max_output_tokens", absl::StrCat("must be 1 to ", kMaxTokensPerRequest));
  }
  if (const grpc::Status s = ReadWait(request, admit); !s.ok()) return s;
  if (const grpc::Status s = ReadClass(request, admit); !s.ok()) return s;
  if (const grpc::Status s = ReadLabels(request, admit); !s.ok()) return s;
  admit->max_output = Tokens(request.max_output_tokens());
  admit->request_id = request.request_id();
  admit->run = request.run();
  admit->validate_only = request.validate_only();
  admit->body = BodyOf(*admit);
  return grpc::Status::OK;
}

grpc::Status FromProto(const v1::ProgressRequest& request, const auth::Principal& principal, const Names& names,
                       const auth::GrantKeys& keys, core::Progress* progress) {
  const std::optional<auth::SealedGrant> grant = OpenName(request.grant(), keys);
  if (!grant) return UnknownGrant();
  progress->grant = grant->id;
  progress->on_behalf_of = Scope(principal, names);
  return ReadCounts(request.tokens(), "tokens", false, &progress->so_far, nullptr);
}

grpc::Status FromProto(const v1::CompleteRequest& request, const auth::Principal& principal, const Names& names,
                       const auth::GrantKeys& keys, core::Complete* complete) {
  const std::optional<auth::SealedGrant> grant = OpenName(request.grant(), keys);
  if (!grant) return UnknownGrant();
  if (const grpc::Status s = ReadCounts(request.tokens(), "tokens", false, &complete->tokens, nullptr); !s.ok())
    return s;
  switch (request.outcome()) {
    case v1::CompleteRequest::SUCCEEDED:
      complete->outcome = ledger::Outcome::kSucceeded;
      break;
    case v1::CompleteRequest::FAILED:
      complete->outcome = ledger::Outcome::kFailed;
      break;
    case v1::CompleteRequest::CANCELLED:
      complete->outcome = ledger::Outcome::kCancelled;
      break;
    default:
      return InvalidField("outcome", "is required: SUCCEEDED, FAILED or CANCELLED");
  }
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
  complete->body = BodyOf(request, complete->tokens);
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
  if (const ledger::TokenPrices* prices = names.PricesOf(granted.terms)) {
    for (TokenKind kind : kAllTokenKinds) {
      if ((*prices)[kind] == 0) continue;
      v1::TokenPrice* price = grant->add_prices();
      price->set_kind(std::string(Name(kind)));
      price->set_micros_per_million_tokens((*prices)[kind]);
    }
  }
  grant->set_output_cap(granted.output_cap.count());
  ToProto(granted.lease_deadline, grant->mutable_lease_deadline());
  ToProto(granted.settle_deadline, grant->mutable_settle_deadline());
  ToProto(granted.waited, grant->mutable_waited());
  ToProto(granted.hold, tariff.currency, grant->mutable_hold());
}

void ToProto(const core::Refused& refused, v1::Refusal* refusal) {
  refusal->set_whose(IsYours(refused.reason) ? v1::Refusal::YOURS : v1::Refusal::POOL);
  refusal->set_reason(ToProto(refused.reason));
  ToProto(refused.retry_after, refusal->mutable_retry_after());
  refusal->set_limit(refused.limit);
  refusal->set_message(refused.message);
}

void ToProto(const core::Forecasted& forecasted, const Names& names, const ledger::Tariff& tariff,
             v1::Forecast* forecast) {
  forecast->set_pool(names.NameOf(forecasted.pool));
  forecast->set_service_class(ToProto(forecasted.share_class));
  ToProto(forecasted.explanation.forecast_wait, forecast->mutable_wait());
  ToProto(forecasted.expected_cost, tariff.currency, forecast->mutable_expected_cost());
  ToProto(forecasted.max_cost, tariff.currency, forecast->mutable_max_cost());
  forecast->set_tariff_version(tariff.version);
}

void ToProto(const core::Explanation& explanation, v1::Explanation* out) {
  out->set_estimated_work_milli_nt(explanation.estimated_work.count());
  out->set_predicted_output_tokens(explanation.predicted_output.count());
  out->set_position(explanation.position);
  ToProto(explanation.forecast_wait, out->mutable_forecast_wait());
  out->set_start_tag(Decimal(explanation.dispatch.start_tag));
  out->set_virtual_time(Decimal(explanation.dispatch.virtual_time));
  if (explanation.dispatch.eligible_at > Instant()) {
    ToProto(explanation.dispatch.eligible_at, out->mutable_eligible_since());
  }
}

void ToProto(const core::Progressed& progressed, v1::ProgressResponse* response) {
  ToProto(progressed.lease_deadline, response->mutable_lease_deadline());
  ToProto(progressed.settle_deadline, response->mutable_settle_deadline());
  response->set_output_cap(progressed.output_cap.count());
  response->set_stop(progressed.stop);
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

void ToProto(const ledger::Statement& statement, const std::string& tenant, v1::Statement* out) {
  out->set_tenant(tenant);
  out->set_tariff_version(statement.tariff);
  out->set_currency(statement.currency);
  ToProto(statement.from, out->mutable_from());
  ToProto(statement.to, out->mutable_to());
  out->set_provisional(statement.provisional);
  for (const ledger::StatementLine& line : statement.lines) {
    v1::StatementLine* row = out->add_lines();
    row->set_pool("pools/" + line.pool);
    row->set_exact(line.exact.ToDecimal());
    row->set_amount(line.amount.ToDecimal());
    if (line.kind == ledger::LineKind::kTokens) {
      const std::string kind(Name(line.token_kind));
      row->set_description(kind + " tokens, " + std::string(Name(line.served)));
      v1::TokenMeter* tokens = row->mutable_tokens();
      tokens->set_served(ToProto(line.served));
      tokens->set_kind(kind);
      tokens->set_tokens(line.quantity);
      tokens->set_micros_per_million_tokens(line.unit_price);
    } else {
      row->set_description("billing demand: work of the highest minute");
      v1::DemandMeter* demand = row->mutable_demand();
      ToProto(line.peak_window, demand->mutable_peak_window());
      ToProto(ledger::kBaseWindow, demand->mutable_window_length());
      demand->set_work_milli_nt(line.quantity);
      demand->set_pico_units_per_milli_nt(line.unit_price);
      demand->set_highest_second_milli_nt(line.highest_second.count());
    }
  }
  out->set_rounding(statement.rounding.ToDecimal());
  out->set_total(statement.total.ToDecimal());
  out->set_as_of_sequence(statement.as_of.sequence);
  out->set_as_of_head(ledger::ToHex(statement.as_of.hash));
}

}  // namespace penstock::rpc
