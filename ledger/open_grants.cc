#include "ledger/open_grants.h"

#include <algorithm>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::ledger {

uint32_t OpenGrants::SlotOf(GrantId id) const {
  return by_id_.Find(HashOf(id), [this, id](uint32_t slot) { return slots_[slot].record.grant == id; });
}

const OpenGrant* OpenGrants::Find(GrantId id) const {
  const uint32_t slot = SlotOf(id);
  return slot == HashIndex::kNone ? nullptr : &slots_[slot].open;
}

OpenGrant* OpenGrants::Find(GrantId id) {
  const uint32_t slot = SlotOf(id);
  return slot == HashIndex::kNone ? nullptr : &slots_[slot].open;
}

const RequestRecord* OpenGrants::FindRequest(const RequestFingerprint& request) const {
  if (request.IsNone()) return nullptr;
  const uint32_t slot =
      by_request_.Find(HashOf(request), [&](uint32_t candidate) { return slots_[candidate].open.request == request; });
  return slot == HashIndex::kNone ? nullptr : &slots_[slot].record;
}

void OpenGrants::Add(GrantEntry&& grant, const RequestFingerprint& request) {
  uint32_t place = first_free_;
  if (place == HashIndex::kNone) {
    place = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    first_free_ = slots_[place].next_free;
  }
  Slot& slot = slots_[place];
  slot.used = true;
  slot.record = {grant.id, grant.body};
  slot.open.so_far = {};
  slot.open.attributed = {};
  slot.open.attributed_until = grant.at;
  slot.open.request = request;
  slot.open.grant = std::move(grant);
  slot.has_row = false;
  NoteChange(place);
  by_id_.Insert(HashOf(slot.record.grant), place);
  if (!request.IsNone()) by_request_.Insert(HashOf(request), place);
}

bool OpenGrants::Remove(GrantId id) {
  const uint32_t place = SlotOf(id);
  PENSTOCK_CHECK(place != HashIndex::kNone);
  Slot& slot = slots_[place];
  by_id_.Erase(HashOf(id), place);
  if (!slot.open.request.IsNone()) by_request_.Erase(HashOf(slot.open.request), place);
  slot.used = false;  // the next grant here overwrites the rest
  slot.next_free = first_free_;
  first_free_ = place;
  return slot.has_row;
}

void OpenGrants::NoteChange(uint32_t place) {
  if (slots_[place].changed) return;
  slots_[place].changed = true;
  changed_.push_back(place);
}

void OpenGrants::ForgetChanges() {
  for (const uint32_t place : changed_) {
    slots_[place].changed = false;
    slots_[place].has_row = slots_[place].used;
  }
  changed_.clear();
}

std::vector<const OpenGrant*> OpenGrants::InOrder() const {
  std::vector<const OpenGrant*> all;
  all.reserve(size());
  for (const Slot& slot : slots_) {
    if (slot.used) all.push_back(&slot.open);
  }
  std::sort(all.begin(), all.end(), [](const OpenGrant* a, const OpenGrant* b) { return a->grant.id < b->grant.id; });
  return all;
}

bool operator==(const OpenGrants& a, const OpenGrants& b) {
  const std::vector<const OpenGrant*> of_a = a.InOrder();
  const std::vector<const OpenGrant*> of_b = b.InOrder();
  return std::equal(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(),
                    [](const OpenGrant* x, const OpenGrant* y) { return *x == *y; });
}

}  // namespace penstock::ledger
