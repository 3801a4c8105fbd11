// The guarantee level: contracts, each a leaky level, and who waits for them.
//
//   1. the head of a contract's line is eligible at the first instant at which its amount conforms, given who went
//      before it and when it came. An eligible time does not depend on when it is asked for
//   2. among the heads the earliest eligible time is next, ties go to the older contract; inside a contract first in,
//      first out
//   3. only what was served inside a contract is taken from its level, and as of the eligible time: what waits for a
//      slot, for pace or for other contracts loses none of its rate meanwhile. So the level of a contract with a line
//      stands at the last eligible time; without a line its unused rate is gone
// Hence a backlogged contract gets >= R t - (max(burst, largest) + R x longest wait of an eligible request) in any t.
#pragma once

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "admission/tagged_heap.h"
#include "admission/waiting_room.h"

namespace penstock::admission {

class Contracts {
 public:
  /// `room` holds the places and must outlive this.
  explicit Contracts(WaitingRoom* room) : room_(*room) {}

  ContractId Add(const ContractTerms& terms, Instant now);
  /// Keeps what was used and who waits.
  void Set(ContractId id, const ContractTerms& terms, Instant now);
  /// Its line must be empty.
  void Remove(ContractId id);
  bool Exists(ContractId id) const { return slot_of_.contains(id); }
  const ContractTerms& TermsOf(ContractId id) const { return At(id).terms; }

  /// Stands at the end of its contract's line.
  void Append(Place place);
  /// Takes a place out of its contract's line, wherever it stands.
  void Leave(Place place);
  /// Takes the first out of its line to run inside its contract; returns since when it was eligible.
  Instant Start(Place place);
  /// The head of a contract's line, or kNoPlace.
  Place HeadOf(ContractId id) const { return At(id).line.first; }

  bool empty() const { return heads_.empty(); }
  /// The head that is next, and since or from when it is eligible. Not when empty.
  Place First() const { return contracts_[heads_.Top()].line.first; }
  Instant FirstEligibleAt() const { return heads_.TopKey().at; }

  /// Corrects what is taken from a contract's level, either way.
  void Adjust(ContractId id, int64_t change, Instant now);
  /// How long until `amount` would conform behind those who wait in its line.
  Duration WaitBehindLine(ContractId id, int64_t amount, Instant now) const;

  void CheckInvariants() const;

 private:
  struct Contract {
    ContractId id = 0;
    ContractTerms terms;
    LeakyLevel level;
    Line line;
    Int128 waiting_amount = 0;
  };
  struct Eligible {
    Instant at;
    ContractId id = 0;
    friend auto operator<=>(const Eligible&, const Eligible&) = default;
  };

  Contract& At(ContractId id) { return contracts_[SlotOf(id)]; }
  const Contract& At(ContractId id) const { return contracts_[SlotOf(id)]; }
  uint32_t SlotOf(ContractId id) const;
  /// Keeps heads_ after a line's head or a level changed.
  void Refresh(uint32_t slot);
  void Unlink(Place place);

  WaitingRoom& room_;
  ContractId last_id_ = 0;
  absl::flat_hash_map<ContractId, uint32_t> slot_of_;
  std::vector<Contract> contracts_;  // by slot
  std::vector<uint32_t> free_;
  TaggedHeap<Eligible> heads_;  // by slot
};

}  // namespace penstock::admission
