// Grants that have ended. How they ended is remembered for a while, in a queue bounded in number; that they ended is
// remembered for ever, in one bit each, and no bit at all before the oldest grant that has not.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "admission/vocabulary/token_kinds.h"
#include "ledger/entry.h"
#include "ledger/hash_index.h"
#include "ledger/request_record.h"

namespace penstock::ledger {

/// How a grant ended.
enum class GrantEnd : uint8_t { kSettled, kVoided, kExpired };
struct EndedGrant {
  GrantEnd end = GrantEnd::kSettled;
  bool billed = true;
  GrantTerms terms;
  Instant at;
  BodyDigest body{};   // of the Complete, for kSettled
  TokenCounts tokens;  // as reported: billed and unbilled ones
  Work work;
  Money charge;
  RequestFingerprint request;  // of its Admit, when known
  friend bool operator==(const EndedGrant&, const EndedGrant&) = default;
};

/// What a settlement, void or expiry leaves of a grant, but for the request, which no entry of them names.
EndedGrant EndOf(const SettleEntry& settle);
EndedGrant EndOf(const VoidEntry& gone, const GrantTerms& terms);
EndedGrant EndOf(const ExpireEntry& expire, const GrantTerms& terms, const TokenCounts& so_far, Work attributed);

class RememberedEnds {
 public:
  struct Record {
    EndedGrant ended;
    RequestRecord request;  // names the grant also when it had no request id
    friend bool operator==(const Record&, const Record&) = default;
  };

  explicit RememberedEnds(size_t bound);

  /// The latest end of the grant, while remembered. Valid until the next change.
  const EndedGrant* Find(GrantId id) const;
  /// The latest grant with that request, while its end is remembered.
  const RequestRecord* FindRequest(const RequestFingerprint& request) const;

  /// Forgets the oldest end first when there are `bound` of them. The record is that of the grant's request. `first`:
  /// it is known that no end of the grant is remembered yet.
  void Add(const RequestRecord& record, const EndedGrant& ended, bool first);
  /// An end with that request will be added soon.
  void Prefetch(const RequestFingerprint& request) const { by_request_.Prefetch(HashOf(request)); }
  /// Forgets ends before the horizon, oldest first, at most `most` of them and none behind a later one.
  void ForgetBefore(Instant horizon, size_t most);

  /// Remembered ends, a grant that expired and was settled after that counted twice.
  size_t size() const { return static_cast<size_t>(end_ - begin_); }
  /// What they take in memory, free room included.
  size_t bytes() const;

  /// Ends are numbered from 0 as they are added; those from begin() to before end() are remembered.
  uint64_t begin() const { return begin_; }
  uint64_t end() const { return end_; }
  size_t bound() const { return bound_; }
  const Record& RecordOf(uint64_t number) const { return At(number); }
  /// The next end added, which must be the first one, gets this number.
  void StartAt(uint64_t number);

  friend bool operator==(const RememberedEnds& a, const RememberedEnds& b);

 private:
  using Chunk = std::vector<Record>;  // up to kChunk records
  static constexpr uint64_t kChunk = 256;
  static constexpr uint64_t kAhead = 4;

  // Records are numbered; the indexes keep the low 31 bits of the number, which is enough to find one of the queue.
  static uint32_t PlaceOf(uint64_t number) { return static_cast<uint32_t>(number & 0x7fffffff); }
  const Record& At(uint64_t number_or_place) const;
  uint32_t PlaceOf(GrantId id) const;
  uint32_t PlaceOf(const RequestFingerprint& request) const;
  void PushBack(Record record);
  void ForgetOldest();

  size_t bound_;
  std::vector<Chunk> chunks_;  // a ring: records n with equal n / kChunk at n / kChunk modulo its size, a power of two
  std::vector<Chunk> spare_;   // empty, with their memory
  uint64_t begin_ = 0;         // the oldest record's number
  uint64_t end_ = 0;           // the next record's
  HashIndex by_id_;            // the latest of each grant
  HashIndex by_request_;       // the latest of each request
};

/// Which grants of one epoch have ended, exactly and for ever.
class EndedBits {
 public:
  /// Grants known so far: ended or given, and all before those.
  uint64_t known() const { return known_; }
  bool Has(uint64_t sequence) const;
  /// One more is known, and has not ended.
  void Extend() { GrowTo(known_ + 1); }
  void Set(uint64_t sequence);

  // Bits in chunks, for rows. A chunk of which every grant has ended has no row.
  static constexpr uint64_t kBits = 64;
  static constexpr uint64_t kChunkWords = 64;
  using Words = std::array<uint64_t, kChunkWords>;
  uint64_t first_word() const { return first_word_; }
  uint64_t first_chunk() const { return first_word_ / kChunkWords; }
  /// One behind the last.
  uint64_t end_chunk() const { return (known_ + kBits * kChunkWords - 1) / (kBits * kChunkWords); }
  /// Zero before first_word().
  Words WordsOf(uint64_t chunk) const;
  /// Empty bits of which so many are known, and all before that word have ended; then word by word.
  static EndedBits Restore(uint64_t known, uint64_t first_word);
  void RestoreWords(uint64_t chunk, const Words& words);

  /// Chunks with bits set since ForgetChanges, some perhaps twice.
  const std::vector<uint64_t>& changed_chunks() const { return changed_chunks_; }
  /// A grant ended or became known since.
  bool changed() const { return changed_; }
  /// The first chunk that may have had a row then.
  uint64_t first_stored_chunk() const { return first_stored_chunk_; }
  void ForgetChanges();

  friend bool operator==(const EndedBits& a, const EndedBits& b);

 private:
  void GrowTo(uint64_t known);
  void NoteChunk(uint64_t chunk);
  uint64_t& WordOf(uint64_t index) { return words_[(index / kBits) & (words_.size() - 1)]; }
  const uint64_t& WordOf(uint64_t index) const { return words_[(index / kBits) & (words_.size() - 1)]; }

  uint64_t known_ = 0;
  uint64_t first_word_ = 0;      // all grants of the words before it have ended
  std::vector<uint64_t> words_;  // a ring of a power of two; words outside [first_word_, known_ / 64] are zero

  bool changed_ = false;
  uint64_t first_stored_chunk_ = 0;
  std::vector<uint64_t> changed_chunks_;
  std::vector<uint64_t> noted_;  // a ring: chunk number + 1 where it is among changed_chunks_
};

}  // namespace penstock::ledger
