#include "admission/waiting_room.h"

namespace penstock::admission {
namespace {

constexpr int kIndexBits = 26;  // 67 million at once; leaves 2.7e11 generations a place
constexpr uint64_t kIndexMask = (uint64_t{1} << kIndexBits) - 1;
constexpr uint64_t kLastGeneration = (uint64_t{1} << (64 - kIndexBits)) - 1;

}  // namespace

Place WaitingRoom::Enter(const Offer& offer, Instant now) {
  if (free_.empty()) {
    PENSTOCK_CHECK(entries_.size() < kIndexMask);
    free_.push_back(static_cast<Place>(entries_.size()));
    entries_.emplace_back();
  }
  const Place place = free_.back();
  free_.pop_back();
  Entry& entry = entries_[place];
  PENSTOCK_CHECK(!entry.taken);
  entry.waiting = Waiting{.offer = offer, .since = now, .share = {}, .contract = {}};
  entry.taken = true;
  ++entry.generation;
  return place;
}

void WaitingRoom::Leave(Place place) {
  Entry& entry = entries_[place];
  PENSTOCK_CHECK(entry.taken && !entry.waiting.in_share && !entry.waiting.in_contract);
  entry.taken = false;
  if (entry.generation == kLastGeneration) {
    ++retired_;
  } else {
    free_.push_back(place);
  }
}

WaitingId WaitingRoom::IdOf(Place place) const { return entries_[place].generation << kIndexBits | place; }

Place WaitingRoom::Find(WaitingId id) const {
  const uint64_t index = id & kIndexMask;
  if (index >= entries_.size()) return kNoPlace;
  const Entry& entry = entries_[index];
  if (!entry.taken || entry.generation != id >> kIndexBits) return kNoPlace;
  return static_cast<Place>(index);
}

void WaitingRoom::Append(Line& line, Link Waiting::*link, Place place) {
  (entries_[place].waiting.*link) = Link{.previous = line.last, .next = kNoPlace};
  if (line.last == kNoPlace) {
    line.first = place;
  } else {
    (entries_[line.last].waiting.*link).next = place;
  }
  line.last = place;
  ++line.count;
}

void WaitingRoom::Remove(Line& line, Link Waiting::*link, Place place) {
  PENSTOCK_CHECK(line.count > 0);
  Link& here = entries_[place].waiting.*link;
  Place& from_previous = here.previous == kNoPlace ? line.first : (entries_[here.previous].waiting.*link).next;
  Place& from_next = here.next == kNoPlace ? line.last : (entries_[here.next].waiting.*link).previous;
  PENSTOCK_CHECK(from_previous == place && from_next == place);
  from_previous = here.next;
  from_next = here.previous;
  here = Link{};
  --line.count;
}

}  // namespace penstock::admission
