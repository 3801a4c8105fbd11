#include "admission/waiting_room.h"

namespace penstock::admission {

Place WaitingRoom::Enter(const Offer& offer, Instant now) {
  const Place place = places_.Take();
  Waiting& waiting = places_[place];
  PENSTOCK_CHECK(!waiting.taken && offer.kv_tokens >= 0 && offer.kv_tokens <= UINT32_MAX);
  waiting.request = offer.request;
  waiting.work = offer.work.count();
  waiting.since = now;
  waiting.kv_tokens = static_cast<uint32_t>(offer.kv_tokens);
  waiting.key = offer.key;
  waiting.key_weight = static_cast<uint32_t>(offer.key_weight) & 0xffffff;
  waiting.share_class = static_cast<uint32_t>(offer.share_class) & 7;
  waiting.taken = true;
  ++waiting.generation;
  if (offer.reserved) {
    waiting.reserved = reserved_.Take();
    reserved_[waiting.reserved] = ReservedPart{.tokens = offer.tokens, .group = kNoCell};
  }
  return place;
}

void WaitingRoom::Leave(Place place) {
  Waiting& waiting = places_[place];
  PENSTOCK_CHECK(waiting.taken && !waiting.in_share && !waiting.in_contract);
  if (waiting.reserved != kNoCell) reserved_.Free(waiting.reserved);
  waiting.reserved = kNoCell;
  waiting.taken = waiting.departed = waiting.shed = false;
  if (waiting.generation == UINT32_MAX) {
    ++retired_;
  } else {
    places_.Free(place);
  }
}

Place WaitingRoom::Find(WaitingId id) const {
  const auto place = static_cast<Place>(id);
  if (place >= places_.extent()) return kNoPlace;
  const Waiting& waiting = places_[place];
  return waiting.taken && waiting.generation == id >> 32 ? place : kNoPlace;
}

void WaitingRoom::Append(Line& line, Link Waiting::*link, Place place) {
  (places_[place].*link) = Link{.previous = line.last, .next = kNoPlace};
  if (line.empty()) {
    line.first = place;
  } else {
    (places_[line.last].*link).next = place;
  }
  line.last = place;
}

void WaitingRoom::Remove(Line& line, Link Waiting::*link, Place place) {
  const Link here = places_[place].*link;
  if (line.first == place) {
    line.first = here.next;  // which keeps a stale `previous`: the next cache line is not needed yet
    if (line.first == kNoPlace) line.last = kNoPlace;
    return;
  }
  Place& from_previous = (places_[here.previous].*link).next;
  Place& from_next = here.next == kNoPlace ? line.last : (places_[here.next].*link).previous;
  PENSTOCK_CHECK(from_previous == place && from_next == place);
  from_previous = here.next;
  from_next = here.previous;
}

}  // namespace penstock::admission
