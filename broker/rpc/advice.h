// Advice: what a tenant should reserve, and when the next chunk of capacity pays. What it follows from is gathered
// between two commands, in slices; it is worked out on the worker's thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include <optional>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "broker/rpc/admission_service.h"
#include "ledger/money.h"

namespace penstock::v1 {
class Recommendation;
class ShadowPrice;
}  // namespace penstock::v1

namespace penstock::rpc {

constexpr int kMostAdviceWeeks = 12;            // of history
constexpr int64_t kMostAdviceWeeksAhead = 104;  // that the next chunk is judged for

struct AskedAdvice {
  TenantId tenant;
  PoolId pool;
  int weeks = 4;
};
grpc::ServerUnaryReactor* NewRecommendCall(const Surroundings& surroundings, const AskedAdvice& asked,
                                           v1::Recommendation* response);

/// Nothing: as configured.
struct AskedChunk {
  PoolId pool;
  std::optional<Work> work_per_second;
  std::optional<ledger::Money> price_per_hour;
  std::optional<Duration> lead_time;
  int64_t growth_millionths = 0;  // a week
};
grpc::ServerUnaryReactor* NewShadowPriceCall(const Surroundings& surroundings, const AskedChunk& asked,
                                             v1::ShadowPrice* response);

}  // namespace penstock::rpc
