#include "ledger/ended_grants.h"

#include <algorithm>
#include <utility>

#include "admission/vocabulary/check.h"

namespace penstock::ledger {

EndedGrant EndOf(const SettleEntry& settle) {
  return {.end = GrantEnd::kSettled,
          .billed = settle.billed,
          .terms = settle.terms,
          .at = settle.at,
          .body = settle.body,
          .tokens = settle.tokens + settle.unbilled,
          .work = settle.work,
          .charge = settle.charge,
          .request = {}};
}

EndedGrant EndOf(const VoidEntry& gone, const GrantTerms& terms) {
  EndedGrant ended;
  ended.end = GrantEnd::kVoided;
  ended.terms = terms;
  ended.at = gone.at;
  return ended;
}

EndedGrant EndOf(const ExpireEntry& expire, const GrantTerms& terms, const TokenCounts& so_far, Work attributed) {
  EndedGrant ended;
  ended.end = GrantEnd::kExpired;
  ended.terms = terms;
  ended.at = expire.at;
  ended.tokens = so_far;
  ended.work = attributed;
  return ended;
}

RememberedEnds::RememberedEnds(size_t bound) : bound_(bound) { PENSTOCK_CHECK(bound >= 1 && bound <= size_t{1} << 30); }

const RememberedEnds::Record& RememberedEnds::At(uint64_t number_or_place) const {
  return chunks_[(number_or_place / kChunk) & (chunks_.size() - 1)][number_or_place % kChunk];
}

uint32_t RememberedEnds::PlaceOf(GrantId id) const {
  return by_id_.Find(HashOf(id), [this, id](uint32_t place) { return At(place).request.grant == id; });
}

uint32_t RememberedEnds::PlaceOf(const RequestFingerprint& request) const {
  if (request.IsNone()) return HashIndex::kNone;
  return by_request_.Find(HashOf(request), [&](uint32_t place) { return At(place).ended.request == request; });
}

const EndedGrant* RememberedEnds::Find(GrantId id) const {
  const uint32_t place = PlaceOf(id);
  return place == HashIndex::kNone ? nullptr : &At(place).ended;
}

const RequestRecord* RememberedEnds::FindRequest(const RequestFingerprint& request) const {
  const uint32_t place = PlaceOf(request);
  return place == HashIndex::kNone ? nullptr : &At(place).request;
}

void RememberedEnds::Add(const RequestRecord& record, const EndedGrant& ended, bool first) {
  if (size() == bound_) ForgetOldest();
  const uint32_t place = PlaceOf(end_);
  const auto note = [place](uint32_t hash, uint32_t before, HashIndex* index) {
    before == HashIndex::kNone ? index->Insert(hash, place) : index->Move(hash, before, place);
  };
  note(HashOf(record.grant), first ? HashIndex::kNone : PlaceOf(record.grant), &by_id_);
  if (!ended.request.IsNone()) note(HashOf(ended.request), PlaceOf(ended.request), &by_request_);
  PushBack({ended, record});
}

void RememberedEnds::PushBack(Record record) {
  const uint64_t chunk = end_ / kChunk;
  if (end_ % kChunk == 0) {
    if (chunk - begin_ / kChunk == chunks_.size()) {
      std::vector<Chunk> larger(std::max<size_t>(2 * chunks_.size(), 1));
      for (uint64_t n = begin_ / kChunk; n < chunk; ++n) {
        larger[n & (larger.size() - 1)] = std::move(chunks_[n & (chunks_.size() - 1)]);
      }
      chunks_ = std::move(larger);
    }
    Chunk& fresh = chunks_[chunk & (chunks_.size() - 1)];
    if (!spare_.empty()) {
      fresh = std::move(spare_.back());
      spare_.pop_back();
    }
    fresh.reserve(kChunk);
  }
  chunks_[chunk & (chunks_.size() - 1)].push_back(record);
  ++end_;
}

void RememberedEnds::ForgetOldest() {
  const Record& oldest = At(begin_);
  const uint32_t place = PlaceOf(begin_);
  // Not there when a later end of the grant, or a later grant with the request id, took its place.
  by_id_.EraseIfThere(HashOf(oldest.request.grant), place);
  if (!oldest.ended.request.IsNone()) by_request_.EraseIfThere(HashOf(oldest.ended.request), place);
  ++begin_;
  if (size() > 2 * kAhead) {  // what goes next is long out of the cache
    const Record& soon = At(begin_ + 2 * kAhead);
    __builtin_prefetch(&soon.ended.at);
    __builtin_prefetch(&soon.ended.request);
    __builtin_prefetch(&soon.request);
    by_request_.Prefetch(HashOf(At(begin_ + kAhead).ended.request));
  }
  if (begin_ % kChunk != 0) return;
  Chunk& used_up = chunks_[(begin_ / kChunk - 1) & (chunks_.size() - 1)];
  used_up.clear();
  spare_.push_back(std::move(used_up));
}

void RememberedEnds::ForgetBefore(Instant horizon, size_t most) {
  for (; most > 0 && begin_ != end_ && At(begin_).ended.at < horizon; --most) ForgetOldest();
}

size_t RememberedEnds::bytes() const {
  size_t records = 0;
  for (const Chunk& chunk : chunks_) records += chunk.capacity();
  for (const Chunk& chunk : spare_) records += chunk.capacity();
  return records * sizeof(Record) + (chunks_.size() + spare_.capacity()) * sizeof(Chunk) + by_id_.bytes() +
         by_request_.bytes();
}

void RememberedEnds::StartAt(uint64_t number) {
  PENSTOCK_CHECK(begin_ == end_);
  begin_ = end_ = number - number % kChunk;
  while (end_ < number) PushBack({});  // room that nothing refers to
  begin_ = number;
}

bool operator==(const RememberedEnds& a, const RememberedEnds& b) {
  if (a.bound_ != b.bound_ || a.begin_ != b.begin_ || a.end_ != b.end_) return false;
  for (uint64_t n = a.begin_; n != a.end_; ++n) {
    if (!(a.At(n) == b.At(n))) return false;
  }
  return true;
}

bool EndedBits::Has(uint64_t sequence) const {
  if (sequence == 0 || sequence > known_) return false;
  const uint64_t index = sequence - 1;
  return index / kBits < first_word_ || (WordOf(index) >> (index % kBits) & 1) != 0;
}

void EndedBits::Set(uint64_t sequence) {
  PENSTOCK_CHECK(sequence >= 1);
  GrowTo(sequence);
  changed_ = true;
  const uint64_t index = sequence - 1;
  if (index / kBits < first_word_) return;
  NoteChunk(index / kBits / kChunkWords);
  WordOf(index) |= uint64_t{1} << (index % kBits);
  while (first_word_ < known_ / kBits && WordOf(first_word_ * kBits) == ~uint64_t{0}) {
    WordOf(first_word_ * kBits) = 0;
    ++first_word_;
  }
}

void EndedBits::GrowTo(uint64_t known) {
  if (known <= known_) return;
  known_ = known;
  changed_ = true;
  const uint64_t window = (known_ - 1) / kBits + 1 - std::min(first_word_, (known_ - 1) / kBits);
  if (window <= words_.size()) return;
  size_t size = std::max<size_t>(words_.size(), kChunkWords);
  while (size < window) size *= 2;
  std::vector<uint64_t> before(size);
  before.swap(words_);
  for (uint64_t n = first_word_; n < first_word_ + before.size(); ++n) {
    WordOf(n * kBits) = before[n & (before.size() - 1)];
  }
  // Twice as many as chunks can lie in the window, so that no two of those share a place.
  noted_.assign(2 * size / kChunkWords, 0);
  for (const uint64_t chunk : changed_chunks_) noted_[chunk & (noted_.size() - 1)] = chunk + 1;
}

void EndedBits::NoteChunk(uint64_t chunk) {
  uint64_t& noted = noted_[chunk & (noted_.size() - 1)];
  if (noted == chunk + 1) return;
  noted = chunk + 1;
  changed_chunks_.push_back(chunk);
}

void EndedBits::ForgetChanges() {
  for (const uint64_t chunk : changed_chunks_) noted_[chunk & (noted_.size() - 1)] = 0;
  changed_chunks_.clear();
  first_stored_chunk_ = first_chunk();
  changed_ = false;
}

EndedBits::Words EndedBits::WordsOf(uint64_t chunk) const {
  Words words{};
  for (uint64_t i = 0; i < kChunkWords; ++i) {
    const uint64_t word = chunk * kChunkWords + i;
    if (word >= first_word_ && word * kBits < known_) words[i] = WordOf(word * kBits);
  }
  return words;
}

EndedBits EndedBits::Restore(uint64_t known, uint64_t first_word) {
  EndedBits bits;
  bits.first_word_ = first_word;
  bits.GrowTo(known);
  bits.ForgetChanges();
  return bits;
}

void EndedBits::RestoreWords(uint64_t chunk, const Words& words) {
  for (uint64_t i = 0; i < kChunkWords; ++i) {
    const uint64_t word = chunk * kChunkWords + i;
    if (word >= first_word_ && word * kBits < known_) WordOf(word * kBits) = words[i];
  }
}

bool operator==(const EndedBits& a, const EndedBits& b) {
  if (a.known_ != b.known_ || a.first_word_ != b.first_word_) return false;
  for (uint64_t n = a.first_word_; n * EndedBits::kBits < a.known_; ++n) {
    if (a.WordOf(n * EndedBits::kBits) != b.WordOf(n * EndedBits::kBits)) return false;
  }
  return true;
}

}  // namespace penstock::ledger
