#include "broker/rpc/billing_service.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>

#include "broker/rpc/authentication.h"
#include "broker/rpc/billing_scope.h"
#include "broker/rpc/converters.h"
#include "broker/rpc/errors.h"
#include "broker/rpc/reading_call.h"
#include "broker/rpc/usage_groups.h"
#include "penstock/v1/billing.grpc.pb.h"

namespace penstock::rpc {
namespace {

/// The first whole hour of the billing month.
Instant MonthOf(Instant t, const ledger::Calendar& calendar) {
  return WindowStart(calendar.MonthStart(calendar.MonthAt(t)), Hours(1));
}

void Fill(const ledger::BucketKey& key, const ledger::Bucket& bucket, const Names& names, v1::UsageBucket* out) {
  const ledger::Tariff& tariff = names.TariffOf(key.tariff);
  ToProto(key.hour, out->mutable_hour());
  out->set_key(names.NameOf(key.key));
  out->set_pool(names.NameOf(key.pool));
  out->set_served(ToProto(key.served));
  out->set_requests(bucket.requests);
  ToProto(bucket.tokens, out->mutable_tokens());
  out->set_work_milli_nt(bucket.work.count());
  out->mutable_charge()->set_currency(tariff.currency);
  out->mutable_charge()->set_amount(bucket.charge.ToDecimal());
  out->set_unbilled_requests(bucket.unbilled_requests);
  out->set_tariff_version(tariff.version);
}

void Fill(const ledger::WindowKey& key, const ledger::Window& window, const Names& names, v1::UsageWindow* out) {
  ToProto(key.start, out->mutable_start());
  ToProto(ledger::kBaseWindow, out->mutable_length());
  out->set_pool(names.NameOf(key.pool));
  out->set_tier(ToProto(key.tier));
  out->set_work_milli_nt(window.work.count());
  out->set_highest_second_milli_nt(window.highest_second.count());
}

/// Copies the rows of one page of the tenant for which `wanted` holds; returns the token of the next page, empty at the
/// end. Rows are ordered by tenant first, so other tenants' rows are not looked at.
template <class Rows, class Wanted, class Add>
std::string CopyPage(const Rows& rows, TenantId tenant, int64_t skip, int64_t count, const Wanted& wanted,
                     const Add& add) {
  int64_t seen = 0;
  for (auto next = rows.lower_bound(typename Rows::key_type{.tenant = tenant}); next != rows.end(); ++next) {
    const auto& [key, row] = *next;
    if (key.tenant != tenant) break;
    if (!wanted(key)) continue;
    if (seen >= skip + count) return absl::StrCat(seen);
    if (seen++ >= skip) add(key, row);
  }
  return "";
}

class BillingService final : public v1::Billing::CallbackService {
 public:
  explicit BillingService(const Surroundings& surroundings) : surroundings_(surroundings) {}

  grpc::ServerUnaryReactor* QueryUsage(grpc::CallbackServerContext* context, const v1::QueryUsageRequest* request,
                                       v1::QueryUsageResponse* response) override {
    if (AsksForGroups(*request)) return QueryGroups(*context, *request, response);
    BillingScope scope;
    int64_t skip = 0;
    int64_t count = 0;
    grpc::Status status = Begin(*context, "/penstock.v1.Billing/QueryUsage", *request, &scope);
    if (status.ok()) status = ReadPage(*request, &skip, &count);
    if (!status.ok()) return new ReadingCall(status);
    const auto read = [this, scope, skip, count, response](const core::Engine& engine, uint64_t) {
      const auto wanted = [&](const ledger::BucketKey& key) { return key.hour >= scope.from && key.hour < scope.to; };
      response->set_next_page_token(CopyPage(engine.books().meters().buckets(), scope.tenant, skip, count, wanted,
                                             [&](const auto& key, const auto& bucket) {
                                               Fill(key, bucket, surroundings_.names, response->add_buckets());
                                             }));
      response->set_as_of_sequence(engine.ledger().posted_sequence());
      return grpc::Status::OK;
    };
    return new ReadingCall(surroundings_.loop, read);
  }

  grpc::ServerUnaryReactor* QueryWindows(grpc::CallbackServerContext* context, const v1::QueryWindowsRequest* request,
                                         v1::QueryWindowsResponse* response) override {
    BillingScope scope;
    int64_t skip = 0;
    int64_t count = 0;
    grpc::Status status = Begin(*context, "/penstock.v1.Billing/QueryWindows", *request, &scope);
    if (status.ok()) status = ReadPage(*request, &skip, &count);
    if (!status.ok()) return new ReadingCall(status);
    const auto read = [this, scope, skip, count, response](const core::Engine& engine, uint64_t) {
      const auto wanted = [&](const ledger::WindowKey& key) { return key.start >= scope.from && key.start < scope.to; };
      response->set_next_page_token(CopyPage(engine.books().meters().windows(), scope.tenant, skip, count, wanted,
                                             [&](const auto& key, const auto& window) {
                                               Fill(key, window, surroundings_.names, response->add_windows());
                                             }));
      response->set_as_of_sequence(engine.ledger().posted_sequence());
      return grpc::Status::OK;
    };
    return new ReadingCall(surroundings_.loop, read);
  }

  grpc::ServerUnaryReactor* PreviewStatement(grpc::CallbackServerContext* context,
                                             const v1::PreviewStatementRequest* request,
                                             v1::Statement* response) override {
    BillingScope scope;
    const grpc::Status status = Begin(*context, "/penstock.v1.Billing/PreviewStatement", *request, &scope);
    if (!status.ok()) return new ReadingCall(status);
    const bool has_from = request->has_from();
    const auto read = [scope, has_from, response](const core::Engine& engine, uint64_t) {
      const Instant newest = engine.books().newest();
      const ledger::Tariff& tariff = engine.tariff().tariff;
      const Instant last = scope.to == Instant::Max() ? newest : scope.to - Nanoseconds(1);
      const Instant from = has_from ? scope.from : MonthOf(last, tariff.calendar);
      const Instant next_hour = WindowStart(newest, Hours(1)) + Hours(1);
      const Instant to = scope.to == Instant::Max() ? std::max(next_hour, from + Hours(1)) : scope.to;
      const ledger::Statement statement = ledger::PreviewStatement(
          engine.books(), scope.tenant, from, to, tariff, engine.SubscriptionOf(scope.tenant), engine.ledger().head());
      ToProto(statement, scope.tenant_name, response);
      return grpc::Status::OK;
    };
    return new ReadingCall(surroundings_.loop, read);
  }

 private:
  grpc::ServerUnaryReactor* QueryGroups(const grpc::CallbackServerContext& context,
                                        const v1::QueryUsageRequest& request, v1::QueryUsageResponse* response) {
    auth::Principal principal;
    grpc::Status status = Authenticate(context, surroundings_.api_keys, "/penstock.v1.Billing/QueryUsage", &principal);
    UsagePage page;
    if (status.ok()) status = ReadUsagePage(request, principal, surroundings_.names, &page);
    if (!status.ok()) return new ReadingCall(status);
    const auto fold = std::make_shared<ledger::UsageFold>(page.query, page.after, static_cast<size_t>(page.count));
    return new SlicedCall(surroundings_.loop, [this, fold, page, response](const core::Engine& engine) {
      if (response->as_of_sequence() == 0) response->set_as_of_sequence(engine.ledger().posted_sequence());
      if (!fold->Step(engine.books(), kRowsPerSlice)) return false;
      FillGroups(*fold, page, engine.books(), surroundings_.names, response);
      return true;
    });
  }

  template <class Request>
  grpc::Status Begin(const grpc::CallbackServerContext& context, std::string_view method, const Request& request,
                     BillingScope* scope) const {
    auth::Principal principal;
    const grpc::Status status = Authenticate(context, surroundings_.api_keys, method, &principal);
    return status.ok() ? ReadScope(request, principal, surroundings_.names, scope) : status;
  }

  const Surroundings surroundings_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewBillingService(const Surroundings& surroundings) {
  return std::make_unique<BillingService>(surroundings);
}

}  // namespace penstock::rpc
