#include "broker/core/duplicates.h"

namespace penstock::core {

std::optional<DuplicateHint> Duplicates::Find(const ContentKey& content, Duration window, Instant now) const {
  const auto found = seen_.find(content);
  if (found == seen_.end()) return std::nullopt;
  const Seen& seen = found->second;
  if (seen.in_flight > 0) return DuplicateHint{.in_flight = true, .finished_ago = {}};
  if (!seen.finished || now - *seen.finished >= window) return std::nullopt;
  return DuplicateHint{.in_flight = false, .finished_ago = now - *seen.finished};
}

void Duplicates::Begin(const ContentKey& content, Instant) {
  const auto [found, is_new] = seen_.try_emplace(content);
  ++found->second.in_flight;
  if (!is_new) return;
  order_.push_back(content);
  // What is in flight stays; it is bounded by the lines and slots of the pools.
  for (size_t inspected = 0; inspected < 2 && seen_.size() > kMaxContents; ++inspected) {
    const ContentKey oldest = order_.front();
    order_.pop_front();
    const auto at = seen_.find(oldest);
    if (at->second.in_flight > 0) {
      order_.push_back(oldest);
    } else {
      seen_.erase(at);
    }
  }
}

void Duplicates::Finish(const ContentKey& content, Instant now) {
  const auto found = seen_.find(content);
  if (found == seen_.end() || found->second.in_flight == 0) return;
  --found->second.in_flight;
  found->second.finished = now;
}

void Duplicates::Forget(const ContentKey& content) {
  const auto found = seen_.find(content);
  if (found != seen_.end() && found->second.in_flight > 0) --found->second.in_flight;
}

}  // namespace penstock::core
