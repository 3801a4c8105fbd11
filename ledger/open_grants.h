// Open grants by id and by request id. A slab whose slots are used again: its memory is that of the most grants that
// were ever open at once, and an open grant's address stays the same until it ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "ledger/entry.h"
#include "ledger/hash_index.h"
#include "ledger/request_record.h"

namespace penstock::ledger {

/// A grant whose hold is open.
struct OpenGrant {
  GrantEntry grant;          // deadlines, output cap and hold as moved by progress
  TokenCounts so_far;        // last reported
  Work attributed;           // metered by progress reports so far
  Instant attributed_until;  // the latest report's `at`; the grant's own before any
  RequestFingerprint request;
  friend bool operator==(const OpenGrant&, const OpenGrant&) = default;
};

class OpenGrants {
 public:
  /// nullptr when it is not open.
  const OpenGrant* Find(GrantId id) const;
  OpenGrant* Find(GrantId id);
  const RequestRecord* FindRequest(const RequestFingerprint& request) const;
  /// Something about it will be asked soon.
  void Prefetch(GrantId id) const { by_id_.Prefetch(HashOf(id)); }
  void Prefetch(const RequestFingerprint& request) const { by_request_.Prefetch(HashOf(request)); }

  /// Neither the grant nor the request may be open.
  void Add(GrantEntry&& grant, const RequestFingerprint& request);
  /// It must be open. True when it has a row (see ForgetChanges).
  bool Remove(GrantId id);
  /// It was changed through Find.
  void NoteChange(GrantId id) { NoteChange(SlotOf(id)); }

  size_t size() const { return by_id_.size(); }
  /// All of them by id: collected and sorted at each call.
  std::vector<const OpenGrant*> InOrder() const;

  /// Grants added or changed since ForgetChanges; those that ended meanwhile count as well.
  size_t changed() const { return changed_.size(); }
  /// Calls visit(open) for those that are still open.
  template <class Visit>
  void ForEachChanged(const Visit& visit) const {
    for (const uint32_t place : changed_) {
      if (slots_[place].used) visit(slots_[place].open);
    }
  }
  /// Every change has its row now, and every open grant has one.
  void ForgetChanges();

  friend bool operator==(const OpenGrants& a, const OpenGrants& b);

 private:
  struct Slot {
    OpenGrant open;
    RequestRecord record;
    bool used = false;
    bool changed = false;  // it is in changed_, perhaps for the grant that was here before
    bool has_row = false;
    uint32_t next_free = HashIndex::kNone;  // while it is not used
  };
  uint32_t SlotOf(GrantId id) const;
  void NoteChange(uint32_t place);

  std::deque<Slot> slots_;
  std::vector<uint32_t> changed_;
  uint32_t first_free_ = HashIndex::kNone;
  HashIndex by_id_;
  HashIndex by_request_;  // of those that have one
};

}  // namespace penstock::ledger
