// Statements on the wire: previews, closing a period, and what is behind a line. What they follow from is gathered
// between two commands; rating runs on the worker's thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include <optional>
#include <string>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "broker/rpc/admission_service.h"
#include "ledger/meters.h"

namespace penstock::v1 {
class CloseStatementRequest;
class ExplainLineResponse;
class ListCreditsResponse;
class ListStatementsResponse;
class Statement;
class UsageBucket;
class UsageWindow;
}  // namespace penstock::v1

namespace penstock::rpc {

/// A statement's period as it was asked for; nothing: left out.
struct AskedPeriod {
  TenantId tenant;
  std::string tenant_name;  // "tenants/{tenant}"
  std::optional<Instant> from;
  std::optional<Instant> to;
};

/// "tenants/{tenant}/statements/{number}".
struct StatementName {
  std::string tenant_name;
  uint32_t id = 0;
};
std::optional<StatementName> ReadStatementName(const std::string& name);

/// One page of a list.
struct Page {
  int64_t skip = 0;
  int64_t count = 0;
};

grpc::ServerUnaryReactor* NewPreviewCall(const Surroundings& surroundings, const AskedPeriod& asked,
                                         v1::Statement* response);
grpc::ServerUnaryReactor* NewCloseCall(const Surroundings& surroundings, const AskedPeriod& asked,
                                       const v1::CloseStatementRequest& request, v1::Statement* response);
grpc::ServerUnaryReactor* NewListStatementsCall(const Surroundings& surroundings, const AskedPeriod& asked, Page page,
                                                v1::ListStatementsResponse* response);
grpc::ServerUnaryReactor* NewGetStatementCall(const Surroundings& surroundings, const AskedPeriod& asked, uint32_t id,
                                              v1::Statement* response);
/// `line` counts from 1.
grpc::ServerUnaryReactor* NewExplainLineCall(const Surroundings& surroundings, const AskedPeriod& asked, uint32_t id,
                                             int line, Page page, v1::ExplainLineResponse* response);
grpc::ServerUnaryReactor* NewListCreditsCall(const Surroundings& surroundings, TenantId tenant,
                                             v1::ListCreditsResponse* response);

void Fill(const ledger::BucketKey& key, const ledger::Bucket& bucket, const Names& names, v1::UsageBucket* out);
void Fill(const ledger::WindowKey& key, const ledger::Window& window, const Names& names, v1::UsageWindow* out);

}  // namespace penstock::rpc
