#include "broker/core/promises.h"

#include "admission/vocabulary/check.h"

namespace penstock::core {

Work Promises::Promised(TenantId tenant, ServiceClass share_class) const {
  const auto found = by_tenant_.find({tenant, share_class});
  return found == by_tenant_.end() ? Work::Zero() : found->second.work;
}

bool Promises::Give(const RequestKey& request, TenantId tenant, ServiceClass share_class, Work work, Instant due,
                    Instant now) {
  Drop(request);
  ForgetLapsed(now);
  if (promises_.size() >= kMaxPromises) return false;
  promises_[request] = Promise{tenant, share_class, work, due, ++numbers_};
  order_.emplace_back(numbers_, request);
  Waiting& waiting = by_tenant_[{tenant, share_class}];
  waiting.work += work;
  ++waiting.count;
  return true;
}

bool Promises::Redeem(const RequestKey& request, Instant now) {
  if (promises_.empty()) return false;
  ForgetLapsed(now);
  const auto found = promises_.find(request);
  if (found == promises_.end()) return false;
  const bool in_time = now + kPromiseSlack >= found->second.due && now <= found->second.due + kPromiseLapse;
  Drop(request);
  return in_time;
}

void Promises::Drop(const RequestKey& request) {
  const auto found = promises_.find(request);
  if (found == promises_.end()) return;
  const auto of_tenant = by_tenant_.find({found->second.tenant, found->second.share_class});
  PENSTOCK_CHECK(of_tenant != by_tenant_.end());
  of_tenant->second.work -= found->second.work;
  if (--of_tenant->second.count == 0) by_tenant_.erase(of_tenant);
  promises_.erase(found);
}

// The oldest few: what is spent already, and what nobody came back for.
void Promises::ForgetLapsed(Instant now) {
  for (int inspected = 0; inspected < 4 && !order_.empty(); ++inspected) {
    const auto [number, request] = order_.front();
    const auto found = promises_.find(request);
    const bool spent = found == promises_.end() || found->second.number != number;
    if (!spent && now <= found->second.due + kPromiseLapse) {
      // Later ones may be due earlier: look at them too, by and by.
      order_.pop_front();
      order_.emplace_back(number, request);
      continue;
    }
    if (!spent) Drop(request);
    order_.pop_front();
  }
}

}  // namespace penstock::core
