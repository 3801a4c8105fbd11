#include "broker/core/waiting_requests.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/start_to_load.h"

namespace penstock::core {
namespace {

std::byte* PutVarint(std::byte* at, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = static_cast<std::byte>(value | 0x80);
  *at++ = static_cast<std::byte>(value);
  return at;
}
std::byte* PutVarint(std::byte* at, Duration value) { return PutVarint(at, static_cast<uint64_t>(value.count())); }

uint64_t GetVarint(const std::byte** at) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<uint64_t>(*(*at)++);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}
Duration GetDuration(const std::byte** at) { return Duration(static_cast<int64_t>(GetVarint(at))); }

bool IsDefault(const WaitRange& range, Duration line_forecast) {
  const WaitRange usual = DefaultWaitRange(line_forecast);
  return range.low == usual.low && range.expected == usual.expected && range.high == usual.high;
}

/// The first candidate took it.
constexpr decltype(Explanation::candidates) kFirstOne = {CandidateVerdict::kChosen};

}  // namespace

uint32_t WaitingRequests::HashOf(const RequestKey& name) {
  uint32_t hash = 0;
  std::memcpy(&hash, name.data(), sizeof(hash));
  return hash;
}

uint32_t WaitingRequests::HashOf(Ticket ticket) {
  constexpr uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;  // x 2^64
  return static_cast<uint32_t>(ticket * kGoldenRatio >> 32);
}

bool WaitingRequests::NeedsRare(const Waiting& waiting) {
  return waiting.in_run || waiting.has_content || !waiting.run_name.empty() || !waiting.labels.empty() ||
         waiting.explanation.candidates != kFirstOne;
}

uint32_t WaitingRequests::KeepRare(Waiting& waiting) {
  if (free_rare_.empty()) {
    free_rare_.push_back(static_cast<uint32_t>(rare_.size()));
    rare_.emplace_back();
  }
  const uint32_t place = free_rare_.back();
  free_rare_.pop_back();
  rare_[place] = {.in_run = waiting.in_run,
                  .has_content = waiting.has_content,
                  .run = waiting.run,
                  .content = waiting.content,
                  .duplicate = waiting.duplicate,
                  .candidates = waiting.explanation.candidates,
                  .run_name = std::move(waiting.run_name),
                  .labels = std::move(waiting.labels)};
  return place;
}

void WaitingRequests::GiveBackRare(uint32_t place, Waiting* waiting) {
  Rare& rare = rare_[place];
  waiting->in_run = rare.in_run;
  waiting->has_content = rare.has_content;
  waiting->run = rare.run;
  waiting->content = rare.content;
  waiting->duplicate = rare.duplicate;
  waiting->explanation.candidates = rare.candidates;
  waiting->run_name = std::move(rare.run_name);
  waiting->labels = std::move(rare.labels);
  free_rare_.push_back(place);
}

WaitingRequests::Number WaitingRequests::NewRecord(size_t bytes) {
  const size_t size = (bytes + kStep - 1) / kStep;
  PENSTOCK_CHECK(size < kSizes);
  Slab& slab = slabs_[size];
  const auto of_size = static_cast<uint32_t>(size) << kPlaceBits;
  if (slab.first_free != kNone) {
    const Number number = of_size | slab.first_free;
    slab.first_free = static_cast<uint32_t>(At(number).ticket);
    return number;
  }
  PENSTOCK_CHECK(slab.used + 1 < 1U << kPlaceBits);
  if (slab.used % kChunk == 0) slab.chunks.push_back(std::make_unique<std::byte[]>(kChunk * size * kStep));
  return of_size | slab.used++;
}

void WaitingRequests::Free(Number number) {
  Slab& slab = slabs_[number >> kPlaceBits];
  At(number).ticket = slab.first_free;
  slab.first_free = number & ((1U << kPlaceBits) - 1);
}

WaitingRequests::Number WaitingRequests::Add(Waiting& waiting, PoolId pool) {
  const Explanation& why = waiting.explanation;
  PENSTOCK_CHECK(!waiting.validate_only && pool.value < 1U << 20);
  PENSTOCK_CHECK(why.estimated_work == waiting.work && why.predicted_output == waiting.estimate[TokenKind::kOutput]);
  const std::string_view id = waiting.request_id.view();
  const bool default_range = IsDefault(why.forecast_wait, why.line_forecast);
  const bool has_rare = NeedsRare(waiting);

  std::array<std::byte, kMostBytes> varints;
  std::byte* at = varints.data();
  at = PutVarint(at, static_cast<uint64_t>(waiting.work.count()));
  at = PutVarint(at, waiting.max_wait);
  at = PutVarint(at, static_cast<uint64_t>(waiting.max_output.count()));
  std::byte& kinds = *at++;
  kinds = std::byte{0};
  for (TokenKind kind : kAllTokenKinds) {
    const auto count = static_cast<uint64_t>(waiting.estimate[kind].count());
    if (count == 0) continue;
    kinds |= std::byte{1} << static_cast<int>(kind);
    at = PutVarint(at, count);
  }
  at = PutVarint(at, why.line_forecast);
  if (!default_range) {
    for (const Duration wait : {why.forecast_wait.low, why.forecast_wait.expected, why.forecast_wait.high})
      at = PutVarint(at, wait);
  }
  at = PutVarint(at, static_cast<uint64_t>(why.position));
  *at++ = static_cast<std::byte>(id.size());
  std::memcpy(at, id.data(), id.size());
  at += id.size();
  const Fixed fixed{.ticket = waiting.ticket,
                    .place = waiting.place,
                    .since = waiting.since,
                    .body = waiting.body,
                    .tenant = waiting.tenant,
                    .key = waiting.key,
                    .hash = HashOf(waiting.name),
                    .pool = pool.value & 0xfffff,
                    .share_class = static_cast<uint32_t>(waiting.share_class) & 7,
                    .gate = static_cast<uint32_t>(why.gate) & 7,
                    .at_ceiling = waiting.at_ceiling,
                    .promised = why.promised,
                    .default_range = default_range,
                    .has_rare = has_rare};
  if (has_rare) at = PutVarint(at, KeepRare(waiting));

  const auto size = static_cast<size_t>(at - varints.data());
  const Number number = NewRecord(sizeof(Fixed) + size);
  std::byte* record = BytesOf(number);
  std::memcpy(record + sizeof(Fixed), varints.data(), size);
  new (record) Fixed(fixed);
  by_name_.Insert(fixed.hash, number);
  by_ticket_.Insert(HashOf(fixed.ticket), number);
  return number;
}

Waiting WaitingRequests::Take(Number number) {
  const Fixed& fixed = At(number);
  Waiting waiting;
  waiting.ticket = fixed.ticket;
  waiting.tenant = fixed.tenant;
  waiting.key = fixed.key;
  waiting.body = fixed.body;
  waiting.since = fixed.since;
  waiting.place = fixed.place;
  waiting.share_class = static_cast<ServiceClass>(fixed.share_class);
  waiting.at_ceiling = fixed.at_ceiling;
  const std::byte* at = BytesOf(number) + sizeof(Fixed);
  waiting.work = Work(static_cast<int64_t>(GetVarint(&at)));
  waiting.max_wait = GetDuration(&at);
  waiting.max_output = Tokens(static_cast<int64_t>(GetVarint(&at)));
  const std::byte kinds = *at++;
  TokenCounts estimate;
  for (TokenKind kind : kAllTokenKinds) {
    if ((kinds >> static_cast<int>(kind) & std::byte{1}) == std::byte{0}) continue;
    estimate[kind] = Tokens(static_cast<int64_t>(GetVarint(&at)));
  }
  waiting.estimate = PackedCounts(estimate);
  Explanation& why = waiting.explanation;
  why.estimated_work = waiting.work;
  why.predicted_output = estimate[TokenKind::kOutput];
  why.line_forecast = GetDuration(&at);
  why.forecast_wait = DefaultWaitRange(why.line_forecast);
  if (!fixed.default_range) {
    why.forecast_wait.low = GetDuration(&at);
    why.forecast_wait.expected = GetDuration(&at);
    why.forecast_wait.high = GetDuration(&at);
  }
  why.position = static_cast<int64_t>(GetVarint(&at));
  why.gate = static_cast<admission::Gate>(fixed.gate);
  why.promised = fixed.promised;
  why.candidates = kFirstOne;
  const auto id_bytes = static_cast<size_t>(*at++);
  waiting.request_id.Append({reinterpret_cast<const char*>(at), id_bytes});
  at += id_bytes;
  if (fixed.has_rare) GiveBackRare(static_cast<uint32_t>(GetVarint(&at)), &waiting);

  by_name_.Erase(fixed.hash, number);
  by_ticket_.Erase(HashOf(fixed.ticket), number);
  Free(number);
  return waiting;
}

std::string_view WaitingRequests::RequestIdOf(Number number) const {
  const std::byte* at = BytesOf(number) + sizeof(Fixed);
  for (int skipped = 0; skipped < 3; ++skipped) GetVarint(&at);
  int more = std::popcount(static_cast<unsigned>(*at++)) + 2;  // the counts, line forecast and position
  if (!At(number).default_range) more += 3;
  for (; more > 0; --more) GetVarint(&at);
  const auto bytes = static_cast<size_t>(*at++);
  return {reinterpret_cast<const char*>(at), bytes};
}

WaitingRequests::Number WaitingRequests::FindRequest(const RequestKey& name, TenantId tenant,
                                                     std::string_view request_id) const {
  return by_name_.Find(HashOf(name),
                       [&](Number number) { return At(number).tenant == tenant && RequestIdOf(number) == request_id; });
}

WaitingRequests::Number WaitingRequests::FindTicket(Ticket ticket) const {
  return by_ticket_.Find(HashOf(ticket), [&](Number number) { return At(number).ticket == ticket; });
}

void WaitingRequests::SetTicket(Number number, Ticket ticket) {
  Fixed& fixed = At(number);
  by_ticket_.Erase(HashOf(fixed.ticket), number);
  fixed.ticket = ticket;
  by_ticket_.Insert(HashOf(ticket), number);
}

std::vector<WaitingRequests::Number> WaitingRequests::AllOf(PoolId pool) const {
  std::vector<Number> all;
  by_name_.ForEach([&](Number number) {
    if (At(number).pool == pool.value) all.push_back(number);
  });
  std::sort(all.begin(), all.end());
  return all;
}

void WaitingRequests::Prefetch(Number number) const {
  const std::byte* record = BytesOf(number);
  StartToLoad(record);
  StartToLoad(record + 64);
}

void WaitingRequests::CheckInvariants() const {
  PENSTOCK_CHECK(by_ticket_.size() == by_name_.size());
  by_ticket_.ForEach([&](Number number) { PENSTOCK_CHECK(FindTicket(At(number).ticket) == number); });
  by_name_.ForEach([&](Number number) {
    PENSTOCK_CHECK(by_name_.Find(At(number).hash, [&](Number other) { return other == number; }) == number);
  });
}

void WaitingRequests::PrefetchIndexes(Number number) const {
  by_name_.Prefetch(At(number).hash);
  by_ticket_.Prefetch(HashOf(At(number).ticket));
}

WaitingRequests::Memory WaitingRequests::MemoryBytes() const {
  Memory memory{.by_name = by_name_.bytes(), .by_ticket = by_ticket_.bytes(), .rare = rare_.size() * sizeof(Rare)};
  for (size_t size = 0; size < kSizes; ++size) memory.records += slabs_[size].chunks.size() * kChunk * size * kStep;
  return memory;
}

}  // namespace penstock::core
