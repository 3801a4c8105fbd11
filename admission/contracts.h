// The guarantee level: contracts, each a leaky level, and the reserved requests that wait for them.
//
//   1. a tenant's reserved requests stand in one line, first in first out, whether it has contracts right now or not.
//      Its head goes on the contract that lets it go first: the one with the earliest eligible instant, ties to the
//      older contract
//   2. a head is eligible on a contract at the first instant at which its amount conforms, given what went before it
//      and when it came. An eligible instant does not depend on when it is asked for
//   3. its deadline is the instant at which the contract's level would be empty again if it went when it was eligible:
//      max(eligible, the contract's last deadline) + amount / rate, rounded up, and trued up with the level
//   4. among the heads whose eligible instant has come the earliest deadline is next, ties go to the older contract
//   5. only what was served inside a contract is taken from its level, and as of the eligible instant: what waits for a
//      slot, for pace or for other contracts loses none of its rate meanwhile. So the level of a contract with a line
//      stands at the last eligible instant; without a line its unused rate is gone
// Hence a backlogged contract gets >= R t - (max(burst, largest) + R x longest wait of an eligible request) in any t.
#pragma once

#include <array>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "admission/slab.h"
#include "admission/tagged_heap.h"
#include "admission/waiting_room.h"

namespace penstock::admission {

class Contracts {
 public:
  /// `room` holds the places and must outlive this.
  explicit Contracts(WaitingRoom* room) : room_(*room) {}

  ContractId Add(const ContractTerms& terms, Instant now);
  /// Keeps what was used; tenant and kind stay the same.
  void Set(ContractId id, const ContractTerms& terms, Instant now);
  /// Who waits in its tenant's line stays there.
  void Remove(ContractId id, Instant now);
  bool Exists(ContractId id) const { return slot_of_.contains(id); }
  const ContractTerms& TermsOf(ContractId id) const { return contracts_[SlotOf(id)].terms; }

  /// The most lenient policy of the tenant's contracts; nothing when it has none.
  std::optional<Overrun> OverrunOf(TenantId tenant) const;
  /// The first of a tenant's reserved requests, or kNoPlace; the next ones follow Waiting::contract.
  Place LineOf(TenantId tenant) const;
  bool HasContract(Place place) const;
  /// The contract that the first of a line was eligible on by `now`; 0: it is not the first, or was not.
  ContractId OwedTo(Place place, Instant now) const;
  TenantId TenantOf(Place place) const { return groups_[room_.ReservedPartOf(place).group].tenant; }

  /// Stands at the end of its tenant's line. The place was entered as reserved.
  void Append(TenantId tenant, Place place);
  /// Takes a place out of its tenant's line, wherever it stands.
  void Leave(Place place);

  /// Heads that are eligible by `now` may go. Then First() is the one that is next, kNoPlace when there is none, and
  /// NextEligible() when the next one will be, if nothing else happens.
  void Ripen(Instant now);
  Place First() const { return ready_.empty() ? kNoPlace : groups_[ready_.Top()].line.first; }
  Instant NextEligible() const;

  /// What the first takes when it goes.
  struct Started {
    ContractId id = 0;
    int64_t amount = 0;
    Instant eligible_at;
    Instant deadline;
  };
  /// Takes the first out of its line to run inside its contract.
  Started Start();

  /// What a truth comes to in a contract's unit.
  int64_t AmountOf(ContractId id, Work work, const PackedCounts& tokens) const;
  /// Corrects what is taken from a contract's level, either way.
  void Adjust(ContractId id, int64_t change, Instant now);
  /// How long until the offer would conform behind those who wait in its tenant's line; the tenant has a contract.
  /// Exact for one contract; of several in one unit the others are taken to serve what conforms to them right now.
  Duration WaitBehindLine(TenantId tenant, Work work, const PackedCounts& tokens, Instant now) const;

  void CheckInvariants() const;

 private:
  static constexpr size_t kUnits = kTokenKindCount + 1;  // work last
  using Amounts = std::array<Int128, kUnits>;

  struct Contract {
    ContractId id = 0;
    ContractTerms terms;
    LeakyLevel level;
    uint32_t next = kNoCell;  // of the same tenant, younger
  };
  /// A tenant with contracts, or with reserved requests in line.
  struct Group {
    TenantId tenant;
    Line line;
    Amounts waiting{};          // of its line, by unit
    uint32_t oldest = kNoCell;  // contract
    uint32_t chosen = kNoCell;  // contract that its head will go on, while it stands in a heap
    Instant eligible_at;        // of its head on that contract
    Instant deadline;
  };

  static size_t UnitOf(const ContractTerms& terms);
  static int64_t AmountIn(size_t unit, Work work, const PackedCounts& tokens);
  uint32_t SlotOf(ContractId id) const;
  uint32_t GroupOf(TenantId tenant);
  /// Keeps the heaps after a group's line, its contracts or one of their levels changed; forgets it when it is empty.
  void Refresh(uint32_t group);
  void Choose(Group& group);
  void Count(Group& group, Place place, int sign);
  void Unlink(Place place);

  WaitingRoom& room_;
  ContractId last_id_ = 0;
  absl::flat_hash_map<ContractId, uint32_t> slot_of_;
  absl::flat_hash_map<TenantId, uint32_t> group_of_;
  Slab<Contract> contracts_;
  Slab<Group> groups_;
  TaggedHeap pending_;  // groups whose head is not eligible yet, by eligible instant and contract
  TaggedHeap ready_;    // groups whose head is, by deadline and contract
  Instant ripe_until_;
};

}  // namespace penstock::admission
