// The law of start-time fair queueing, in integers. Every level of the share queue keeps it; they differ in how they
// find the least tag: classes look at all five (class_shares.h), tenants use an indexed heap (tenant_lines.h), keys a
// pairing heap (key_lines.h).
//
//   1. a flow has one tag: the start tag of what it would dispatch next. Dispatching work moves it on by
//      ChargeOf(work, weight); nothing but lifting, charging and truing up moves it
//   2. the competing flow with the least tag is next, ties go to the lower flow number
//   3. virtual time never goes backwards. A dispatch takes it to the least competing tag. When a flow's last unsettled
//      dispatch is released, it goes to the flow's tag, but never past a competing tag: where nobody waits, debts end
//      with the work that made them
//   4. a flow that joins the competition is lifted to virtual time: no credit for having been away. A debt stays
//   5. a true-up moves the tag by what the same work would have been charged differently at the same weight. A refund
//      counts only within the stay (the time since the last lift) that paid: what was lifted over is forgotten already
//
// While two flows compete: |S1/w1 - S2/w2| <= c1max/w1 + c2max/w2 over dispatched work S with largest request cmax.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "admission/scheduler.h"
#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/checked.h"

namespace penstock::admission {

/// Virtual time, in kTagScale-ths of a milli-nt at weight 1. A century at 40 million nt/s and weight 1 comes to
/// 4e10 x 3.2e9 x 2^20 = 1.3e26 of the 7.9e28 that 96 bits hold, so tags never wrap.
using Tag = Uint128;
constexpr int64_t kTagScale = int64_t{1} << 20;
constexpr int kTagBits = 96;
static_assert(Tag{40'000'000'000} * 100 * 366 * 86'400 * kTagScale < (Tag{1} << kTagBits) / 500);

/// A whole number below 2^96 in 12 bytes. Written and read in the same two parts: a load that spans two stores waits
/// for both to reach the cache.
class Packed96 {
 public:
  Packed96() = default;
  explicit Packed96(Uint128 value) {
    PENSTOCK_CHECK(value >> kTagBits == 0);
    const auto low = static_cast<uint64_t>(value);
    std::memcpy(low_.data(), &low, sizeof(low));
    high_ = static_cast<uint32_t>(value >> 64);
  }
  Uint128 value() const {
    uint64_t low = 0;
    std::memcpy(&low, low_.data(), sizeof(low));
    return Uint128{high_} << 64 | low;
  }

 private:
  std::array<uint32_t, 2> low_{};  // a uint64_t would be aligned to 8 bytes
  uint32_t high_ = 0;
};

/// What some work costs a flow of some weight, in tag units: rounded up, at least 1.
inline Tag ChargeOf(Work work, int32_t weight) {
  PENSTOCK_CHECK(weight >= 1 && work >= Work::Zero());
  const auto count = static_cast<uint64_t>(work.count());
  const auto divisor = static_cast<uint32_t>(weight);
  if (count == 0) return 1;
  if (count < uint64_t{1} << 43) return (count * kTagScale + divisor - 1) / divisor;  // 64 bits do: below 8.8e9 nt
  return (Tag{count} * kTagScale + divisor - 1) / divisor;
}

/// Whole milli-nt at weight 1, rounded down: for `explain`.
constexpr int64_t WholeUnits(Tag tag) { return static_cast<int64_t>(tag / kTagScale); }

/// A flow's standing at its level.
struct ShareFlow {
  Packed96 packed_tag;
  int32_t weight = 1;
  uint64_t stay = 0;  // a fresh number at each lift; 0 only before the first

  Tag tag() const { return packed_tag.value(); }
  void SetTag(Tag tag) { packed_tag = Packed96(tag); }
};

/// Virtual time of one level, and what the law says about tags. The owner keeps the order of the competing flows.
class VirtualTime {
 public:
  Tag now() const { return now_; }

  /// Something is dispatched, or settled, while `tag` is the least that competes.
  void Follow(Tag tag) {
    if (tag > now_) now_ = tag;
  }

  /// Raises a tag that virtual time has passed. `stays` numbers the stays and is shared by all whose marks could meet.
  void Lift(ShareFlow& flow, uint64_t& stays) const {
    if (flow.stay != 0 && flow.tag() >= now_) return;
    if (flow.tag() < now_) flow.SetTag(now_);
    flow.stay = ++stays;
  }

 private:
  Tag now_ = 0;
};

/// Moves the flow on by what it dispatches.
inline ShareMark ChargeFlow(ShareFlow& flow, Work work) {
  flow.SetTag(flow.tag() + ChargeOf(work, flow.weight));
  return ShareMark{.stay = flow.stay, .weight = flow.weight};
}

/// The charge that `mark` stands for becomes that of `known`. A mark without a stay pays but is not refunded.
inline void TrueUpFlow(ShareFlow& flow, const ShareMark& mark, Work charged, Work known) {
  const int32_t weight = mark.stay == 0 ? flow.weight : mark.weight;
  const Tag before = ChargeOf(charged, weight);
  const Tag after = ChargeOf(known, weight);
  if (after >= before) {
    flow.SetTag(flow.tag() + (after - before));
  } else if (mark.stay == flow.stay) {
    PENSTOCK_CHECK(flow.tag() >= before - after);
    flow.SetTag(flow.tag() - (before - after));
  }
}

}  // namespace penstock::admission
