// Places promised to those who were sent away: "come back in 3 s" is worth something only if there is room then.
//
//   1. a refusal by the pool's load promises its request id a place from its retry-after on, for as long as kLapse
//   2. while a tenant has promises out, its newcomers may fill its line only to half of what they may wait; those who
//      come back when told may use the rest (PoolState::MayStand). So the line is never idle for want of those who do
//      not come back, and who does come back gets in
//   3. retry-after = drain forecast of line and promises together, less half of what the request may wait
//   4. bounded: beyond kMaxPromises a refusal promises nothing
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/tiers.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "broker/core/digest_map.h"
#include "ledger/sha256.h"

namespace penstock::core {

constexpr size_t kMaxPromises = 65'536;
constexpr Duration kPromiseLapse = Seconds(30);
/// Who comes so much before the time is still in time: clocks and networks differ.
constexpr Duration kPromiseSlack = Milliseconds(250);

/// A tenant's request id, by a digest of both.
using RequestKey = ledger::BodyDigest;

class Promises {
 public:
  /// What is promised to requests of this tenant and class that have not come back yet.
  Work Promised(TenantId tenant, ServiceClass share_class) const;
  /// Promises a place from `due` on, in place of what this request was promised before; false when there are too many.
  bool Give(const RequestKey& request, TenantId tenant, ServiceClass share_class, Work work, Instant due, Instant now);
  /// The request has come back: true when it was promised a place from now on or earlier. It is spent either way.
  bool Redeem(const RequestKey& request, Instant now);
  size_t size() const { return promises_.size(); }

 private:
  struct Promise {
    TenantId tenant;
    ServiceClass share_class = ServiceClass::kDefault;
    Work work;
    Instant due;
    uint64_t number = 0;
  };
  struct Waiting {
    Work work;
    int64_t count = 0;
  };
  void Drop(const RequestKey& request);
  void ForgetLapsed(Instant now);

  DigestMap<Promise> promises_;
  absl::flat_hash_map<std::pair<TenantId, ServiceClass>, Waiting> by_tenant_;
  std::deque<std::pair<uint64_t, RequestKey>> order_;  // by number: as given
  uint64_t numbers_ = 0;
};

}  // namespace penstock::core
