// Usage by grouping: what a request asks for, and its page of groups.
#pragma once

#include <optional>
#include <string>

#include "broker/rpc/billing_scope.h"
#include "ledger/usage_query.h"
#include "penstock/v1/billing.pb.h"

namespace penstock::rpc {

/// False: for the buckets as they are.
bool AsksForGroups(const v1::QueryUsageRequest& request);

struct UsagePage {
  ledger::UsageQuery query;
  std::optional<ledger::UsageGroup> after;  // the last group of the page before
  int64_t count = 0;
  std::string digest;  // of the question, in page tokens: a token of another one is refused
};
grpc::Status ReadUsagePage(const v1::QueryUsageRequest& request, const auth::Principal& principal, const Names& names,
                           UsagePage* page);

/// The fold must have seen everything.
void FillGroups(const ledger::UsageFold& fold, const UsagePage& page, const ledger::Books& books, const Names& names,
                v1::QueryUsageResponse* response);

}  // namespace penstock::rpc
