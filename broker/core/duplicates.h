// Identical requests: has this content been asked for lately? Kept per tenant for keys whose policy asks for it, by a
// digest that the client makes of the content (we never see it). Bounded: the oldest are forgotten beyond kMaxContents.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "broker/core/digest_map.h"
#include "ledger/sha256.h"

namespace penstock::core {

constexpr size_t kMaxContents = 65'536;

/// A tenant's content, by a digest of the tenant and the client's own digest.
using ContentKey = ledger::BodyDigest;

/// What is known of an identical request.
struct DuplicateHint {
  bool in_flight = false;  // waiting or running
  Duration finished_ago;   // else: since it finished
  friend bool operator==(const DuplicateHint&, const DuplicateHint&) = default;
};

class Duplicates {
 public:
  /// An identical request in flight, or finished within the window.
  std::optional<DuplicateHint> Find(const ContentKey& content, Duration window, Instant now) const;
  /// A request with this content stands in line or runs.
  void Begin(const ContentKey& content, Instant now);
  /// It ran and has an answer.
  void Finish(const ContentKey& content, Instant now);
  /// It never ran, or has no answer that another could use.
  void Forget(const ContentKey& content);
  size_t size() const { return seen_.size(); }

 private:
  struct Seen {
    int64_t in_flight = 0;
    std::optional<Instant> finished;
  };
  DigestMap<Seen> seen_;
  std::deque<ContentKey> order_;  // each once, by first appearance
};

}  // namespace penstock::core
