// Everyone who waits: a place per request in one slab, reused, and linked into lines without allocation.
//
//   1. WaitingId = generation << 32 | place; a place's generation grows at every reuse and a place whose generations
//   are
//      used up is retired, so no id is ever given twice, and 0 never
//   2. a place stands in at most one line per link: `share` (or the line of the departed), `contract`
//   3. a place is one cache line; what only contracts need lies apart and only for reserved requests
#pragma once

#include <cstddef>
#include <cstdint>

#include "admission/scheduler.h"
#include "admission/slab.h"

namespace penstock::admission {

/// Index of a place in the room; valid while the request waits.
using Place = uint32_t;
constexpr Place kNoPlace = UINT32_MAX;

struct Link {
  Place previous = kNoPlace;  // of a line's first: anything
  Place next = kNoPlace;
};

/// One who waits.
struct alignas(64) Waiting {
  uint64_t request = 0;
  int64_t work = 0;  // milli-nt
  Instant since;
  uint32_t kv_tokens = 0;
  KeyId key;
  Link share;
  Link contract;
  uint32_t flow = 0;            // of its tenant in its class, while it stands at the share level
  uint32_t reserved = kNoCell;  // in WaitingRoom::ReservedPart, or kNoCell
  uint32_t generation = 0;
  uint32_t key_weight : 24 = 1;
  uint32_t share_class : 3 = 0;
  bool taken : 1 = false;
  bool in_share : 1 = false;     // stands at the share level
  bool in_contract : 1 = false;  // stands in its tenant's contract line
  bool departed : 1 = false;     // out of both lines, to be handed out by PopDeparture
  bool shed : 1 = false;         // why it departed
};
static_assert(sizeof(Waiting) == 64);

/// What only contracts look at.
struct ReservedPart {
  PackedCounts tokens;
  uint32_t group = kNoCell;  // its tenant's, in Contracts
  ContractId owed = 0;       // Departure::owed
};

/// A first-in-first-out line of places.
struct Line {
  Place first = kNoPlace;
  Place last = kNoPlace;
  bool empty() const { return first == kNoPlace; }
};

class WaitingRoom {
 public:
  Place Enter(const Offer& offer, Instant now);
  /// The place must be out of all lines.
  void Leave(Place place);

  WaitingId IdOf(Place place) const { return uint64_t{places_[place].generation} << 32 | place; }
  /// kNoPlace when nobody waits under that id (any more).
  Place Find(WaitingId id) const;
  Waiting& operator[](Place place) { return places_[place]; }
  const Waiting& operator[](Place place) const { return places_[place]; }
  ReservedPart& ReservedPartOf(Place place) { return reserved_[places_[place].reserved]; }
  const ReservedPart& ReservedPartOf(Place place) const { return reserved_[places_[place].reserved]; }
  size_t size() const { return places_.used() - retired_; }
  void Prefetch(Place place) const { StartToLoad(&places_[place]); }

  void Append(Line& line, Link Waiting::*link, Place place);
  void Remove(Line& line, Link Waiting::*link, Place place);

  size_t MemoryBytes() const { return places_.MemoryBytes() + reserved_.MemoryBytes(); }

 private:
  Slab<Waiting> places_;
  Slab<ReservedPart> reserved_;
  size_t retired_ = 0;
};

}  // namespace penstock::admission
