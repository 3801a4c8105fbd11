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
#include "broker/rpc/statements.h"
#include "broker/rpc/usage_groups.h"
#include "penstock/v1/billing.grpc.pb.h"

namespace penstock::rpc {
namespace {

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
    AskedPeriod asked;
    const grpc::Status status = Begin(*context, "/penstock.v1.Billing/PreviewStatement", *request, &asked);
    return status.ok() ? NewPreviewCall(surroundings_, asked, response) : new ReadingCall(status);
  }

  grpc::ServerUnaryReactor* CloseStatement(grpc::CallbackServerContext* context,
                                           const v1::CloseStatementRequest* request, v1::Statement* response) override {
    AskedPeriod asked;
    const grpc::Status status = Begin(*context, "/penstock.v1.Billing/CloseStatement", *request, &asked);
    return status.ok() ? NewCloseCall(surroundings_, asked, *request, response) : new ReadingCall(status);
  }

  grpc::ServerUnaryReactor* ListStatements(grpc::CallbackServerContext* context,
                                           const v1::ListStatementsRequest* request,
                                           v1::ListStatementsResponse* response) override {
    AskedPeriod asked;
    Page page;
    grpc::Status status = Begin(*context, "/penstock.v1.Billing/ListStatements", *request, &asked);
    if (status.ok()) status = ReadPage(*request, &page.skip, &page.count);
    return status.ok() ? NewListStatementsCall(surroundings_, asked, page, response) : new ReadingCall(status);
  }

  grpc::ServerUnaryReactor* GetStatement(grpc::CallbackServerContext* context, const v1::GetStatementRequest* request,
                                         v1::Statement* response) override {
    AskedPeriod asked;
    uint32_t id = 0;
    const grpc::Status status =
        BeginNamed(*context, "/penstock.v1.Billing/GetStatement", request->name(), &asked, &id);
    return status.ok() ? NewGetStatementCall(surroundings_, asked, id, response) : new ReadingCall(status);
  }

  grpc::ServerUnaryReactor* ExplainLine(grpc::CallbackServerContext* context, const v1::ExplainLineRequest* request,
                                        v1::ExplainLineResponse* response) override {
    AskedPeriod asked;
    Page page;
    uint32_t id = 0;
    grpc::Status status = BeginNamed(*context, "/penstock.v1.Billing/ExplainLine", request->name(), &asked, &id);
    if (status.ok()) status = ReadPage(*request, &page.skip, &page.count);
    if (!status.ok()) return new ReadingCall(status);
    return NewExplainLineCall(surroundings_, asked, id, request->line(), page, response);
  }

  grpc::ServerUnaryReactor* ListCredits(grpc::CallbackServerContext* context, const v1::ListCreditsRequest* request,
                                        v1::ListCreditsResponse* response) override {
    AskedPeriod asked;
    const grpc::Status status = Begin(*context, "/penstock.v1.Billing/ListCredits", *request, &asked);
    return status.ok() ? NewListCreditsCall(surroundings_, asked.tenant, response) : new ReadingCall(status);
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

  template <class Request>
  grpc::Status Begin(const grpc::CallbackServerContext& context, std::string_view method, const Request& request,
                     AskedPeriod* asked) const {
    BillingScope scope;
    const grpc::Status status = Begin(context, method, request, &scope);
    asked->tenant = scope.tenant;
    asked->tenant_name = scope.tenant_name;
    if constexpr (requires { request.from(); }) {
      if (request.has_from()) asked->from = scope.from;
      if (request.has_to()) asked->to = scope.to;
    }
    return status;
  }

  /// A request that names a statement is about its tenant.
  grpc::Status BeginNamed(const grpc::CallbackServerContext& context, std::string_view method, const std::string& name,
                          AskedPeriod* asked, uint32_t* id) const {
    const std::optional<StatementName> read = ReadStatementName(name);
    v1::ListCreditsRequest of_tenant;
    of_tenant.set_tenant(read ? read->tenant_name : "");
    const grpc::Status status = Begin(context, method, of_tenant, asked);
    if (!read && status.ok()) return InvalidField("name", "the form is tenants/{tenant}/statements/{number}");
    if (read) *id = read->id;
    return status;
  }

  const Surroundings surroundings_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewBillingService(const Surroundings& surroundings) {
  return std::make_unique<BillingService>(surroundings);
}

}  // namespace penstock::rpc
