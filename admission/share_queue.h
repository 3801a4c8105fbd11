// One level of start-time fair queueing: who of several flows is next, in proportion to weights.
//
//   1. a flow has one tag: the start tag of what it would dispatch next. Dispatching work moves it on by
//      ChargeOf(work, weight); nothing but lifting, charging and truing up moves it
//   2. the competing flow with the least tag is next, ties go to the lower flow number
//   3. virtual time never goes backwards. It follows the start tags that are dispatched, and the ends of work that is
//      finished, but that never past a competing tag: where nobody waits, debts end with the work that made them
//   4. a flow that joins the competition is lifted to virtual time: no credit for having been away. A debt stays
//   5. a true-up moves the tag by what the same work would have been charged differently at the same weight. A refund
//      counts only within the stay (the time since the last lift) that paid: what was lifted over is forgotten already
//
// While two flows compete: |S1/w1 - S2/w2| <= c1max/w1 + c2max/w2 over dispatched work S with largest request cmax.
#pragma once

#include <cstdint>
#include <vector>

#include "admission/scheduler.h"
#include "admission/tagged_heap.h"
#include "admission/vocabulary/work.h"

namespace penstock::admission {

/// Tag units per milli-nt at weight 1. With work below 2^53 and weights of at least 1, 2^54 requests fit into a tag.
constexpr int64_t kTagScale = int64_t{1} << 20;

/// What some work costs a flow of some weight, in tag units: rounded up, at least 1.
constexpr Int128 ChargeOf(Work work, int64_t weight) {
  const Int128 charge = DivideRoundUp<Int128>(Int128{work.count()} * kTagScale, weight);
  return charge > 0 ? charge : 1;
}

class ShareQueue {
 public:
  /// Small and dense: numbers of removed flows are used again.
  using Flow = uint32_t;

  /// A new flow without credit or debt; it does not compete yet.
  Flow AddFlow(int64_t weight);
  /// Forgets a flow that does not compete.
  void RemoveFlow(Flow flow);
  /// Holds for what is dispatched from now on.
  void SetWeight(Flow flow, int64_t weight);

  /// Joins the competition (lifted) or leaves it (the tag stays). No effect when it is so already.
  void Join(Flow flow);
  void Leave(Flow flow);

  bool empty() const { return competing_.empty(); }
  /// The competing flow that is next. Not when empty.
  Flow First() const { return competing_.Top(); }

  /// The flow dispatches work: it was first when it was chosen, and may have left since.
  ShareMark Charge(Flow flow, Work work);
  /// The charge that `mark` stands for becomes that of `known`. A mark without a stay pays but is not refunded.
  void TrueUp(Flow flow, const ShareMark& mark, Work charged, Work known);
  /// The work that the flow was charged with is finished.
  void Finish(Flow flow, const ShareMark& mark, Work work);
  /// Raises a tag that virtual time has passed.
  void Lift(Flow flow);

  Int128 virtual_time() const { return virtual_time_; }
  Int128 TagOf(Flow flow) const { return flows_[flow].tag; }
  int64_t WeightOf(Flow flow) const { return flows_[flow].weight; }
  bool Competes(Flow flow) const { return competing_.Contains(flow); }
  /// The weights of the competing flows together.
  int64_t CompetingWeight() const { return competing_weight_; }

  void CheckInvariants() const;

 private:
  struct State {
    Int128 tag = 0;
    int64_t weight = 1;
    uint64_t stay = 0;
  };

  std::vector<State> flows_;
  std::vector<Flow> free_;
  TaggedHeap<Int128> competing_;
  Int128 virtual_time_ = 0;
  int64_t competing_weight_ = 0;
  uint64_t stays_ = 0;
};

}  // namespace penstock::admission
