// The keys of a tenant in a class, fairly queued among each other (share_law.h), where a tenant has several that wait
// at once. A tenant with one needs none of this: tenant_lines.h.
//
//   1. a group is one tenant in one class; a key's flow in it competes exactly while its line is not empty
//   2. the competing flows of a group are an intrusive pairing heap: amortised O(log n), no allocation for a group
//   3. a flow's state lives until its line is empty, its dispatches are released, and virtual time has passed its tag.
//      Idle ones form a first-in-first-out line, and each new flow of the group inspects two of them for reuse
#pragma once

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "admission/share_law.h"
#include "admission/slab.h"
#include "admission/waiting_room.h"

namespace penstock::admission {

class KeyLines {
 public:
  using Group = uint32_t;

  /// `room` holds the places and must outlive this.
  explicit KeyLines(WaitingRoom* room) : room_(*room) {}

  Group AddGroup();
  /// Forgets up to two flows of a group without lines and dispatches, and with its last flow the group; true then.
  bool ForgetIdle(Group group);

  /// Puts a line that `key` had to itself under the group's care.
  void Adopt(Group group, KeyId key, int32_t weight, const Line& line);
  void Append(Group group, Place place);
  /// Takes a place out of its key's line, wherever it stands.
  void Remove(Group group, Place place);
  /// The head of the line of the key that is next, kNoPlace when nobody waits.
  Place First(Group group) const;
  /// Nobody waits but the first.
  bool IsAlone(Group group) const;

  /// Takes a place out of its line to run, charged to its key; unsettled until Release.
  ShareMark Start(Group group, Place place);
  /// For charges whose mark has a stay.
  void Release(Group group, KeyId key);
  /// Moves the key's tag. Of a key whose state is gone nothing is asked any more.
  void TrueUp(Group group, KeyId key, const ShareMark& mark, Work charged, Work known);

  Tag virtual_time(Group group) const { return groups_[group].time.now(); }
  Tag TagOf(Group group, Place place) const { return flows_[Find(group, room_[place].key)].share.tag(); }
  size_t FlowCount() const { return flows_.used(); }
  size_t MemoryBytes() const;
  void CheckInvariants() const;

 private:
  using Flow = uint32_t;

  struct KeyFlow {
    ShareFlow share;
    KeyId key;
    Line line;
    uint32_t unsettled = 0;
    Flow child = kNoCell;     // pairing heap
    Flow next = kNoCell;      // sibling
    Flow previous = kNoCell;  // sibling, or the parent of a first child
    Flow next_idle = kNoCell;
    bool queued = false;  // in the line of the idle, or passed over there
    bool Busy() const { return !line.empty() || unsettled > 0; }
  };
  struct KeyGroup {
    VirtualTime time;
    Flow root = kNoCell;
    Flow oldest_idle = kNoCell;
    Flow newest_idle = kNoCell;
    uint32_t flows = 0;
  };

  Flow Find(Group group, KeyId key) const;
  Flow FlowOf(Group group, KeyId key, int32_t weight);
  void Join(KeyGroup& group, Flow flow);
  void Leave(KeyGroup& group, Flow flow);
  void BecomeIdle(KeyGroup& group, Flow flow);
  /// Looks at the oldest idle flow and forgets it if it may, or if `anyway`.
  void InspectIdle(Group group, bool anyway);

  bool Less(Flow a, Flow b) const;
  /// Melds two roots; either may be kNoCell.
  Flow Meld(Flow a, Flow b);
  /// Melds siblings into one root, in two passes.
  Flow MeldSiblings(Flow first);

  WaitingRoom& room_;
  absl::flat_hash_map<std::pair<Group, KeyId>, Flow> flow_of_;
  Slab<KeyFlow> flows_;
  Slab<KeyGroup> groups_;
  uint64_t stays_ = 0;
};

}  // namespace penstock::admission
