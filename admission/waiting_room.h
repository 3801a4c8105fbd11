// Everyone who waits: a place per request in one slab, reused, and linked into lines without allocation.
//
//   1. WaitingId = generation << kIndexBits | index of the place; a place's generation grows at every reuse and a place
//      whose generations are used up is retired, so no id is ever given twice, and 0 never
//   2. a place stands in at most one line per link: `share` (or the line of the expired), `contract`
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "admission/scheduler.h"

namespace penstock::admission {

/// Index of a place in the room; valid while the request waits.
using Place = uint32_t;
constexpr Place kNoPlace = UINT32_MAX;

struct Link {
  Place previous = kNoPlace;
  Place next = kNoPlace;
};

/// One who waits.
struct Waiting {
  Offer offer;
  Instant since;
  Link share;
  Link contract;
  uint32_t flow = 0;         // of its tenant in its class, while it stands at the share level
  bool in_share = false;     // stands at the share level
  bool in_contract = false;  // stands in its contract's line
  bool expired = false;      // out of both lines, to be handed out by PopExpired
};

/// A first-in-first-out line of places.
struct Line {
  Place first = kNoPlace;
  Place last = kNoPlace;
  int64_t count = 0;
  bool empty() const { return count == 0; }
};

class WaitingRoom {
 public:
  Place Enter(const Offer& offer, Instant now);
  /// The place must be out of all lines.
  void Leave(Place place);

  WaitingId IdOf(Place place) const;
  /// kNoPlace when nobody waits under that id (any more).
  Place Find(WaitingId id) const;
  Waiting& operator[](Place place) { return entries_[place].waiting; }
  const Waiting& operator[](Place place) const { return entries_[place].waiting; }
  size_t size() const { return entries_.size() - free_.size() - retired_; }

  void Append(Line& line, Link Waiting::*link, Place place);
  void Remove(Line& line, Link Waiting::*link, Place place);

 private:
  struct Entry {
    Waiting waiting;
    uint64_t generation = 0;
    bool taken = false;
  };
  std::vector<Entry> entries_;
  std::vector<Place> free_;
  size_t retired_ = 0;
};

}  // namespace penstock::admission
