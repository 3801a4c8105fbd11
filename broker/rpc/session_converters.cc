#include "broker/rpc/session_converters.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "admission/vocabulary/bounds.h"
#include "broker/rpc/errors.h"

namespace penstock::rpc {
namespace {

using Counts = google::protobuf::RepeatedField<int64_t>;

static_assert(static_cast<size_t>(v1::TOKEN_POSITION_INPUT) == static_cast<size_t>(TokenKind::kInput));
static_assert(static_cast<size_t>(v1::TOKEN_POSITION_CACHED_INPUT) == static_cast<size_t>(TokenKind::kCachedInput));
static_assert(static_cast<size_t>(v1::TOKEN_POSITION_CACHE_WRITE) == static_cast<size_t>(TokenKind::kCacheWrite));
static_assert(static_cast<size_t>(v1::TOKEN_POSITION_OUTPUT) == static_cast<size_t>(TokenKind::kOutput));
static_assert(static_cast<size_t>(v1::TOKEN_POSITION_REASONING) == static_cast<size_t>(TokenKind::kReasoning));
static_assert(static_cast<size_t>(v1::TOKEN_POSITION_IMAGE) == static_cast<size_t>(TokenKind::kImage));
static_assert(static_cast<size_t>(v1::TOKEN_POSITION_AUDIO) == static_cast<size_t>(TokenKind::kAudio));
static_assert(v1::TokenPosition_ARRAYSIZE == kTokenKindCount);

core::Error Invalid(std::string field, std::string message) {
  return {core::ErrorReason::kInvalidArgument, std::move(field), std::move(message)};
}

Problem ReadCounts(const Counts& counts, const char* field, TokenCounts* out) {
  if (counts.size() > static_cast<int>(kTokenKindCount)) {
    return core::Error{core::ErrorReason::kUnknownTokenKind, field,
                       absl::StrCat("has ", counts.size(), " positions; there are ", kTokenKindCount)};
  }
  for (int i = 0; i < counts.size(); ++i) {
    if (counts[i] < 0 || counts[i] > kMaxTokensPerRequest) {
      return Invalid(absl::StrCat(field, "[", i, "]"),
                     absl::StrCat(counts[i], " is out of range: 0 to ", kMaxTokensPerRequest));
    }
    (*out)[kAllTokenKinds[static_cast<size_t>(i)]] = Tokens(counts[i]);
  }
  return std::nullopt;
}

Problem ReadInput(const v1::SessionAdmit& wire, core::Admit* admit) {
  if (Problem p = ReadCounts(wire.input(), "input", &admit->input)) return p;
  for (int i = 0; i < wire.input_size(); ++i) {
    const TokenKind kind = kAllTokenKinds[static_cast<size_t>(i)];
    if (IsGenerated(kind) && wire.input(i) != 0) {
      return Invalid(absl::StrCat("input[", i, "]"), "is generated, not sent: state max_output_tokens");
    }
  }
  if (wire.estimated() == 0) return std::nullopt;
  if (wire.estimated() >> kTokenKindCount != 0) {
    return Invalid("estimated", absl::StrCat("has bits beyond the ", kTokenKindCount, " positions"));
  }
  for (TokenKind kind : kAllTokenKinds)
    admit->estimated[kind] = (wire.estimated() >> static_cast<unsigned>(kind) & 1) != 0;
  return std::nullopt;
}

Problem ReadLabels(const v1::SessionAdmit& wire, core::Admit* admit) {
  if (wire.labels().empty()) return std::nullopt;
  for (const v1::SessionLabel& label : wire.labels()) admit->labels.emplace_back(label.key(), label.value());
  std::sort(admit->labels.begin(), admit->labels.end());  // their order means nothing
  const auto twice = std::adjacent_find(admit->labels.begin(), admit->labels.end(),
                                        [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice == admit->labels.end()) return std::nullopt;
  return Invalid("labels", "'" + twice->first.substr(0, kMaxLabelBytes) + "' appears twice");
}

Problem CheckWait(int64_t nanoseconds) {
  if (nanoseconds >= 0 && nanoseconds <= Seconds(kMaxWaitSeconds).count()) return std::nullopt;
  return Invalid("max_wait_ns", absl::StrCat("must be between 0 and ", Seconds(kMaxWaitSeconds).count()));
}

Problem ReadInstant(int64_t nanoseconds, const char* field, std::optional<Instant>* out) {
  if (nanoseconds < 0) return Invalid(field, "is not a valid time");
  if (nanoseconds > 0) *out = Instant(nanoseconds);
  return std::nullopt;
}

// A unary name is text; sealed bytes begin with their layout version.
std::optional<auth::SealedGrant> Open(const std::string& grant, const auth::GrantKeys& keys) {
  if (grant.size() == auth::kSealedGrantBytes) return keys.OpenBytes(grant);
  return grant.size() > kMaxGrantNameBytes ? std::nullopt : keys.Open(grant);
}

Int128 PicoOf(const ledger::Money& money) { return static_cast<Int128>(money.pico()); }

void Fill(const core::Granted& granted, const AskedFor& asked, const Names& names, const auth::GrantKeys& keys,
          v1::SessionGrant* out) {
  const auth::SealedBytes sealed = keys.SealBytes({.id = granted.id, .terms = granted.terms, .issued = granted.issued});
  out->set_grant(sealed.data(), sealed.size());
  const std::vector<PoolId>& pools = asked.route->pools;
  out->set_pool(static_cast<uint32_t>(std::find(pools.begin(), pools.end(), granted.terms.pool) - pools.begin()));
  out->set_served(ToProto(granted.terms.served));
  out->set_tier(ToProto(TierOf(granted.terms.served)));
  out->set_output_cap(granted.output_cap.count());
  out->set_lease_deadline_ns(granted.lease_deadline.nanoseconds_since_epoch());
  out->set_settle_deadline_ns(granted.settle_deadline.nanoseconds_since_epoch());
  out->set_waited_ns(granted.waited.count());
  if (granted.duplicate) ToProto(*granted.duplicate, out->mutable_duplicate());
  if (asked.with_terms) ToProto(granted, names, keys, out->mutable_terms());
}

void Fill(const core::Refused& refused, v1::SessionRefusal* out) {
  out->set_whose(core::IsYours(refused.reason) ? v1::Refusal::YOURS : v1::Refusal::POOL);
  out->set_reason(ToProto(refused.reason));
  out->set_retry_after_ns(refused.retry_after.count());
  out->set_limit(refused.limit.str());
  out->set_message(core::MessageOf(refused));
  out->set_promised(refused.promised);
  out->set_asked(refused.asked);
  out->set_remaining(refused.remaining);
  if (refused.duplicate) ToProto(*refused.duplicate, out->mutable_duplicate());
}

void Fill(const core::Progressed& progressed, v1::SessionProgressed* out) {
  out->set_lease_deadline_ns(progressed.lease_deadline.nanoseconds_since_epoch());
  out->set_settle_deadline_ns(progressed.settle_deadline.nanoseconds_since_epoch());
  out->set_output_cap(progressed.output_cap.count());
  out->set_stop(progressed.stop);
  out->set_wait_for_approval(progressed.wait_for_approval);
  if (!progressed.bound.empty()) out->set_bound(progressed.bound.str());
}

void Fill(const core::Completed& completed, v1::SessionCompleted* out) {
  constexpr int64_t kPicoPerUnit = 1'000'000'000'000;
  const Int128 pico = PicoOf(completed.charge);
  out->set_charge_units(static_cast<int64_t>(pico / kPicoPerUnit));
  out->set_charge_pico(static_cast<int64_t>(pico % kPicoPerUnit));
  out->set_billed(completed.billed);
  out->set_work_milli_nt(completed.work.count());
  out->set_sequence(completed.sequence);
  out->set_repeated(completed.repeated);
}

}  // namespace

Problem FromProto(const v1::SessionRoute& wire, const auth::Principal& principal, const Names& names, Route* route) {
  if (Problem p = ReadKey(wire.key(), principal, names, &route->tenant, &route->key)) return p;
  if (Problem p = ReadPools(wire.pools(), names, &route->pools)) return p;
  if (Problem p = ReadClass(wire.service_class(), &route->wanted)) return p;
  route->max_wait = Duration(wire.max_wait_ns());
  return CheckWait(wire.max_wait_ns());
}

Problem FromProto(const v1::SessionAdmit& wire, const Route& route, core::Admit* admit) {
  admit->tenant = route.tenant;
  admit->key = route.key;
  admit->pools = route.pools;
  admit->wanted = route.wanted;
  admit->request_id = wire.request_id();
  admit->run = wire.run();
  admit->depth = wire.depth();
  admit->max_output = Tokens(wire.max_output_tokens());
  admit->max_wait = wire.has_max_wait_ns() ? Duration(wire.max_wait_ns()) : route.max_wait;
  admit->validate_only = wire.validate_only();
  if (Problem p = CheckWait(admit->max_wait.count())) return p;
  if (Problem p = ReadInput(wire, admit)) return p;
  if (Problem p = ReadClass(wire.service_class(), &admit->wanted)) return p;
  if (Problem p = ReadLabels(wire, admit)) return p;
  if (Problem p = CheckBounds(*admit)) return p;
  if (Problem p = ReadContent(wire.content_digest(), admit)) return p;
  admit->body = BodyOf(*admit);
  return std::nullopt;
}

Problem FromProto(const v1::SessionProgress& wire, const auth::GrantKeys& keys, core::Progress* progress) {
  const std::optional<auth::SealedGrant> grant = Open(wire.grant(), keys);
  if (!grant) return UnknownGrant();
  progress->grant = grant->id;
  return ReadCounts(wire.tokens(), "tokens", &progress->so_far);
}

Problem FromProto(const v1::SessionComplete& wire, const auth::GrantKeys& keys, core::Complete* complete) {
  const std::optional<auth::SealedGrant> grant = Open(wire.grant(), keys);
  if (!grant) return UnknownGrant();
  if (Problem p = ReadCounts(wire.tokens(), "tokens", &complete->tokens)) return p;
  const std::optional<ledger::Outcome> outcome = FromProto(wire.outcome());
  if (!outcome) return Invalid("outcome", kOutcomeIsRequired);
  if (Problem p = ReadInstant(wire.first_token_time_ns(), "first_token_time_ns", &complete->first_token_at)) return p;
  if (Problem p = ReadInstant(wire.end_time_ns(), "end_time_ns", &complete->ended_at)) return p;
  complete->outcome = *outcome;
  complete->grant = grant->id;
  complete->terms = grant->terms;
  complete->issued = grant->issued;
  complete->body = BodyOf(*complete);
  return std::nullopt;
}

void ToProto(const core::Error& error, const char* prefix, v1::SessionError* out) {
  const Meaning meaning = MeaningOf(error.reason);
  out->set_code(static_cast<uint32_t>(meaning.code));
  out->set_reason(meaning.reason);
  out->set_field(error.field.empty() || *prefix == '\0' ? error.field : absl::StrCat(prefix, ".", error.field));
  out->set_message(error.message);
}

void ToProto(const core::Outcome& outcome, const AskedFor& asked, const Names& names, const auth::GrantKeys& keys,
             v1::SessionAnswer* answer) {
  const auto explain = [&](const core::Explanation& explanation) {
    if (asked.explain) ToProto(explanation, answer->mutable_explanation());
  };
  if (const auto* granted = std::get_if<core::Granted>(&outcome)) {
    Fill(*granted, asked, names, keys, answer->mutable_grant());
    explain(granted->explanation);
  } else if (const auto* completed = std::get_if<core::Completed>(&outcome)) {
    Fill(*completed, answer->mutable_completed());
  } else if (const auto* progressed = std::get_if<core::Progressed>(&outcome)) {
    Fill(*progressed, answer->mutable_progressed());
  } else if (const auto* refused = std::get_if<core::Refused>(&outcome)) {
    Fill(*refused, answer->mutable_refusal());
    explain(refused->explanation);
  } else if (const auto* forecasted = std::get_if<core::Forecasted>(&outcome)) {
    ToProto(*forecasted, names, names.TariffOf(forecasted->tariff), answer->mutable_forecast());
    explain(forecasted->explanation);
  } else if (const auto* error = std::get_if<core::Error>(&outcome)) {
    ToProto(*error, asked.field, answer->mutable_error());
  }
}

}  // namespace penstock::rpc
