// Requests that stand in line, of all pools: by number, by name (tenant and request id) and by ticket.
//
// There may be millions of them, and each is looked at twice, when it comes and when it goes. So it is packed:
//
//   1. a record is Fixed, then varints: work, max wait, output asked for, the mask of the kinds in its estimate and
//   their
//      counts, the forecast from the line, the range if that is not the default one for this forecast, position, the
//      place of its rare part if it has one, and the request id. 96 bytes is usual
//   2. records of equal size (in steps of 16 bytes) share a slab: a number is size class << 28 | place in its slab
//   3. what few requests have lies apart (Rare): run, labels, content, candidates that were passed over
//   4. the name's fingerprint is not kept but for the 32 bits that the index needs: tenant and request id are compared
//   5. once the slabs and indexes have grown, nothing is allocated
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admission/limits.h"
#include "admission/scheduler.h"
#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/inline_text.h"
#include "broker/core/answer.h"
#include "broker/core/command.h"
#include "broker/core/duplicates.h"
#include "broker/core/promises.h"
#include "broker/core/runs.h"
#include "ledger/hash_index.h"

namespace penstock::core {

/// A request that is decided about, or stood in line.
struct Waiting {
  Ticket ticket = 0;
  RequestKey name{};  // tenant and request id; not known of one that stood in line, for it takes a hash
  TenantId tenant;
  KeyId key;
  ledger::BodyDigest body{};
  PackedCounts estimate;  // held input and predicted output
  Tokens max_output;      // asked for, and within the key's ceiling
  Work work;              // of the estimate
  Instant since;
  Duration max_wait;
  admission::WaitingId place = 0;
  ServiceClass share_class = ServiceClass::kDefault;
  bool validate_only = false;
  bool at_ceiling = false;   // asked for more output than its key's policy allows
  bool in_run = false;       // `run` says which
  bool has_content = false;  // `content` says which
  RunKey run{};
  ContentKey content{};
  std::optional<DuplicateHint> duplicate;
  Explanation explanation;
  // What the client wrote, for the journal.
  InlineText<kMaxRequestIdBytes> request_id;
  std::string run_name;
  std::vector<ledger::Label> labels;

  admission::Usage usage() const { return {.requests = 1, .tokens = estimate, .work = work}; }
};

class WaitingRequests {
 public:
  using Number = uint32_t;
  static constexpr Number kNone = UINT32_MAX;

  /// Takes over the request's run and labels. It is not validated only, and its explanation is that of its estimate.
  Number Add(Waiting& waiting, PoolId pool);
  /// Gives the request back, all but its name, and forgets it.
  Waiting Take(Number number);

  Number FindRequest(const RequestKey& name, TenantId tenant, std::string_view request_id) const;
  Number FindTicket(Ticket ticket) const;
  /// All of a pool, by number. Takes time: collects and sorts.
  std::vector<Number> AllOf(PoolId pool) const;
  size_t size() const { return by_name_.size(); }

  PoolId PoolOf(Number number) const { return PoolId{At(number).pool}; }
  TenantId TenantOf(Number number) const { return At(number).tenant; }
  KeyId KeyOf(Number number) const { return At(number).key; }
  Ticket TicketOf(Number number) const { return At(number).ticket; }
  const ledger::BodyDigest& BodyOf(Number number) const { return At(number).body; }
  ServiceClass ShareClassOf(Number number) const { return static_cast<ServiceClass>(At(number).share_class); }
  admission::WaitingId PlaceOf(Number number) const { return At(number).place; }

  void SetTicket(Number number, Ticket ticket);
  void SetPlace(Number number, admission::WaitingId place) { At(number).place = place; }
  void SetGate(Number number, admission::Gate gate) { At(number).gate = static_cast<uint32_t>(gate) & 7; }

  /// Starts to load what the functions above will look at.
  void PrefetchRequest(const RequestKey& name) const { by_name_.Prefetch(HashOf(name)); }
  void Prefetch(Number number) const;
  /// Once the record has come.
  void PrefetchIndexes(Number number) const;

  /// Bytes held, by what for.
  struct Memory {
    size_t records = 0;
    size_t by_name = 0;
    size_t by_ticket = 0;
    size_t rare = 0;
  };
  Memory MemoryBytes() const;

  void CheckInvariants() const;

 private:
  /// The first part of a record. While it is free, `ticket` is the number of the next free one of its size.
  struct Fixed {
    uint64_t ticket;
    admission::WaitingId place;
    Instant since;
    ledger::BodyDigest body;
    TenantId tenant;
    KeyId key;
    uint32_t hash;  // of its name
    uint32_t pool : 20;
    uint32_t share_class : 3;
    uint32_t gate : 3;
    uint32_t at_ceiling : 1;
    uint32_t promised : 1;
    uint32_t default_range : 1;
    uint32_t has_rare : 1;
  };
  static_assert(sizeof(Fixed) == 56);

  struct Rare {
    bool in_run = false;
    bool has_content = false;
    RunKey run{};
    ContentKey content{};
    std::optional<DuplicateHint> duplicate;
    decltype(Explanation::candidates) candidates{};
    std::string run_name;
    std::vector<ledger::Label> labels;
  };

  /// Records of one size: chunks that stay where they are, free ones linked.
  struct Slab {
    std::vector<std::unique_ptr<std::byte[]>> chunks;
    uint32_t used = 0;  // places ever used
    uint32_t first_free = kNone;
  };
  static constexpr size_t kStep = 16;
  static constexpr size_t kMostVarints = 3 * 10 + 2 * 5 + 1 + 5 * kTokenKindCount + 3 * 10 + 10;
  static constexpr size_t kMostBytes = sizeof(Fixed) + kMostVarints + 1 + kMaxRequestIdBytes;
  static constexpr size_t kSizes = (kMostBytes + kStep - 1) / kStep + 1;
  static constexpr uint32_t kPlaceBits = 27;
  static constexpr uint32_t kChunk = 64;  // records
  static_assert(kSizes <= size_t{1} << (32 - kPlaceBits));

  static uint32_t HashOf(const RequestKey& name);
  static uint32_t HashOf(Ticket ticket);
  static bool NeedsRare(const Waiting& waiting);
  uint32_t KeepRare(Waiting& waiting);
  void GiveBackRare(uint32_t place, Waiting* waiting);

  std::byte* BytesOf(Number number) const {
    const size_t size = (number >> kPlaceBits) * kStep;
    const uint32_t place = number & ((1U << kPlaceBits) - 1);
    return slabs_[number >> kPlaceBits].chunks[place / kChunk].get() + place % kChunk * size;
  }
  Fixed& At(Number number) { return *static_cast<Fixed*>(static_cast<void*>(BytesOf(number))); }
  const Fixed& At(Number number) const { return *static_cast<const Fixed*>(static_cast<void*>(BytesOf(number))); }
  std::string_view RequestIdOf(Number number) const;
  Number NewRecord(size_t bytes);
  void Free(Number number);

  std::array<Slab, kSizes> slabs_;  // by size / kStep
  std::deque<Rare> rare_;
  std::vector<uint32_t> free_rare_;
  ledger::HashIndex by_name_{ledger::HashIndex::Fullness::kThreeQuarters};
  ledger::HashIndex by_ticket_{ledger::HashIndex::Fullness::kThreeQuarters};
};

}  // namespace penstock::core
