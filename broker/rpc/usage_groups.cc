#include "broker/rpc/usage_groups.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include "admission/vocabulary/bounds.h"
#include "ledger/row_codec.h"
#include "ledger/sha256.h"

namespace penstock::rpc {
namespace {

constexpr absl::string_view kLabel = "label:";
constexpr char kOneCut[] = "names a second run or label: a query has one run or label key, for grouping and filtering";

/// The run or label key that the query is about; an error when it is about another one already.
grpc::Status NameCut(const std::string& field, absl::string_view label, ledger::UsageQuery* query) {
  if (label.size() > kMaxLabelBytes) return InvalidField(field, "is longer than a label key may be");
  if (query->cut && query->cut->label != label) return InvalidField(field, kOneCut);
  if (!query->cut) query->cut = ledger::UsageCut{std::string(label), std::nullopt};
  return grpc::Status::OK;
}

grpc::Status ReadGrouping(const std::string& by, const auth::Principal& principal, ledger::UsageQuery* query) {
  absl::string_view label = by;
  if (absl::ConsumePrefix(&label, kLabel) && !label.empty()) {
    query->by_cut = true;
    return NameCut("group_by", label, query);
  }
  if (by == "run") {
    query->by_cut = true;
    return NameCut("group_by", "", query);
  }
  if (by == "tenant" && principal.role != auth::Role::kOperator) {
    return ToStatus({core::ErrorReason::kPermissionDenied, "group_by", "a tenant sees only itself"});
  }
  const auto flag = [&]() -> bool* {
    if (by == "tenant") return &query->by_tenant;
    if (by == "project") return &query->by_project;
    if (by == "key") return &query->by_key;
    if (by == "pool") return &query->by_pool;
    if (by == "class") return &query->by_class;
    return nullptr;
  }();
  if (flag == nullptr) {
    return InvalidField("group_by", "is not tenant, project, key, pool, class, run or label:{key}: '" +
                                        by.substr(0, kMaxLabelBytes) + "'");
  }
  *flag = true;
  return grpc::Status::OK;
}

std::optional<ledger::UsageSpan> FromProto(v1::UsageSpan span) {
  switch (span) {
    case v1::USAGE_SPAN_HOUR:
      return ledger::UsageSpan::kHour;
    case v1::USAGE_SPAN_DAY:
      return ledger::UsageSpan::kDay;
    case v1::USAGE_SPAN_MONTH:
      return ledger::UsageSpan::kMonth;
    case v1::USAGE_SPAN_UNSPECIFIED:
    case v1::USAGE_SPAN_WHOLE:
      return ledger::UsageSpan::kWhole;
    default:
      return std::nullopt;
  }
}

grpc::Status ReadCutFilter(const v1::QueryUsageRequest& request, ledger::UsageQuery* query) {
  if (!request.run().empty()) {
    if (request.run().size() > kMaxRunBytes) return InvalidField("run", "is longer than a run's name may be");
    if (const grpc::Status status = NameCut("run", "", query); !status.ok()) return status;
    query->cut->value = request.run();
  }
  if (!request.label().empty()) {
    const size_t equals = request.label().find('=');
    if (equals == 0 || equals == std::string::npos) return InvalidField("label", "must be {key}={value}");
    const absl::string_view text = request.label();
    if (const grpc::Status status = NameCut("label", text.substr(0, equals), query); !status.ok()) return status;
    query->cut->value = request.label().substr(equals + 1);
  }
  return grpc::Status::OK;
}

grpc::Status ReadFilters(const v1::QueryUsageRequest& request, const Names& names, ledger::UsageQuery* query) {
  if (!request.key().empty()) {
    const auto key = names.Key(request.key());
    if (!key || (query->tenant && key->first != *query->tenant)) {
      return InvalidField("key", "there is no such key of the tenant; the form is tenants/{tenant}/keys/{key}");
    }
    query->key = key->second;
  }
  if (!request.pool().empty()) {
    query->pool = names.Pool(request.pool());
    if (!query->pool) return InvalidField("pool", "there is no such pool; the form is pools/{pool}");
  }
  for (size_t i = 0; i < kServiceClassCount; ++i) {
    if (ToProto(static_cast<ServiceClass>(i)) == request.served()) query->served = static_cast<ServiceClass>(i);
  }
  if (request.served() != v1::SERVICE_CLASS_UNSPECIFIED && !query->served) {
    return InvalidField("served", "is not a class");
  }
  if (!request.project().empty()) {
    if (!query->tenant) return InvalidField("project", "is a tenant's: name the tenant as well");
    query->project = names.Project(*query->tenant, request.project());
    if (!query->project) return InvalidField("project", "the tenant has no project of that name");
  }
  return ReadCutFilter(request, query);
}

// ---- Page tokens.

std::string DigestOf(v1::QueryUsageRequest request) {
  request.clear_page_size();
  request.clear_page_token();
  const ledger::Hash hash = ledger::Sha256(request.SerializeAsString());
  return std::string(hash.begin(), hash.begin() + 8);
}

std::string TokenOf(const ledger::UsageGroup& group, const std::string& digest) {
  std::string bytes = digest;
  ledger::RowWriter writer(&bytes);
  writer.Unsigned(group.tenant.value)
      .At(group.start)
      .Unsigned(group.project.value)
      .Unsigned(group.key.value)
      .Unsigned(group.pool.value)
      .Byte(static_cast<uint8_t>(group.served))
      .Byte(group.cut ? 1 : 0)
      .Text(group.cut.value_or(""))
      .Text(group.currency);
  return absl::WebSafeBase64Escape(bytes);
}

std::optional<ledger::UsageGroup> GroupIn(const std::string& token, const std::string& digest) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(token, &bytes) || !bytes.starts_with(digest)) return std::nullopt;
  ledger::RowReader reader(std::string_view(bytes).substr(digest.size()));
  ledger::UsageGroup group;
  group.tenant.value = reader.Unsigned32();
  group.start = reader.At();
  group.project.value = reader.Unsigned32();
  group.key.value = reader.Unsigned32();
  group.pool.value = reader.Unsigned32();
  group.served = static_cast<ServiceClass>(reader.Byte());
  const bool has_cut = reader.Byte() != 0;
  const std::string_view cut = reader.Text();
  if (has_cut) group.cut = cut;
  group.currency = reader.Text();
  return reader.done() ? std::optional(group) : std::nullopt;
}

void Fill(const ledger::UsageGroup& group, const ledger::Bucket& bucket, const ledger::UsageQuery& query,
          const ledger::Books& books, const Names& names, v1::UsageGroup* out) {
  if (query.by != ledger::UsageSpan::kWhole) ToProto(group.start, out->mutable_start());
  if (query.by_tenant) out->set_tenant(names.NameOf(group.tenant));
  if (group.project != ProjectId()) {
    out->set_project(books.NameOf(ledger::NameKind::kProject, group.project.value).name);
  }
  if (query.by_key) out->set_key(names.NameOf(group.key));
  if (query.by_pool) out->set_pool(names.NameOf(group.pool));
  if (query.by_class) out->set_served(ToProto(group.served));
  if (query.by_cut) out->set_no_value(!group.cut);
  out->set_value(group.cut.value_or(""));
  out->set_requests(bucket.requests);
  ToProto(bucket.tokens, out->mutable_tokens());
  out->set_work_milli_nt(bucket.work.count());
  out->mutable_charge()->set_currency(group.currency);
  out->mutable_charge()->set_amount(bucket.charge.ToDecimal());
  out->set_unbilled_requests(bucket.unbilled_requests);
  ToProto(bucket.unbilled_tokens, out->mutable_unbilled_tokens());
  out->set_unbilled_work_milli_nt(bucket.unbilled_work.count());
}

}  // namespace

bool AsksForGroups(const v1::QueryUsageRequest& request) {
  return request.group_by_size() > 0 || request.by() != v1::USAGE_SPAN_UNSPECIFIED || !request.key().empty() ||
         !request.pool().empty() || request.served() != v1::SERVICE_CLASS_UNSPECIFIED || !request.project().empty() ||
         !request.run().empty() || !request.label().empty();
}

grpc::Status ReadUsagePage(const v1::QueryUsageRequest& request, const auth::Principal& principal, const Names& names,
                           UsagePage* page) {
  BillingScope scope;
  ledger::UsageQuery& query = page->query;
  const bool all_tenants = principal.role == auth::Role::kOperator && request.tenant().empty();
  grpc::Status status = all_tenants ? grpc::Status::OK : ReadTenant(request.tenant(), principal, names, &scope);
  if (status.ok()) status = ReadRange(request, &scope);
  if (status.ok()) status = ReadPageSize(request, &page->count);
  if (!status.ok()) return status;
  if (!all_tenants) query.tenant = scope.tenant;
  query.from = scope.from;
  query.to = scope.to;
  const std::optional<ledger::UsageSpan> by = FromProto(request.by());
  if (!by) return InvalidField("by", "is not an hour, a day, a month or the whole range");
  query.by = *by;
  query.calendar = names.CurrentTariff().calendar;
  for (const std::string& grouping : request.group_by()) {
    if (status = ReadGrouping(grouping, principal, &query); !status.ok()) return status;
  }
  if (status = ReadFilters(request, names, &query); !status.ok()) return status;
  page->digest = DigestOf(request);
  if (request.page_token().empty()) return grpc::Status::OK;
  page->after = GroupIn(request.page_token(), page->digest);
  if (!page->after) return InvalidField("page_token", "is not one that this service gave for this question");
  return grpc::Status::OK;
}

void FillGroups(const ledger::UsageFold& fold, const UsagePage& page, const ledger::Books& books, const Names& names,
                v1::QueryUsageResponse* response) {
  for (const auto& [group, bucket] : fold.groups()) {
    Fill(group, bucket, page.query, books, names, response->add_groups());
  }
  if (fold.more()) response->set_next_page_token(TokenOf(fold.groups().rbegin()->first, page.digest));
}

}  // namespace penstock::rpc
