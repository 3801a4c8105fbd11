// How projection rows are written: keys big-endian, so that their bytes sort like their numbers; values as LEB128
// varints, signed ones zigzag, money as two of them, token counts behind a bit mask of those that are not zero.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "admission/vocabulary/token_kinds.h"
#include "ledger/money.h"

namespace penstock::ledger {

/// Appends to a string.
class RowWriter {
 public:
  explicit RowWriter(std::string* out) : out_(*out) {}

  RowWriter& Byte(uint8_t byte) {
    out_.push_back(static_cast<char>(byte));
    return *this;
  }
  RowWriter& Big32(uint32_t n) { return Big(n, 4); }
  RowWriter& Big64(uint64_t n) { return Big(n, 8); }
  RowWriter& Unsigned(uint64_t n) {
    char bytes[10];
    size_t size = 0;
    for (; n >= 0x80; n >>= 7) bytes[size++] = static_cast<char>(n | 0x80);
    bytes[size++] = static_cast<char>(n);
    out_.append(bytes, size);
    return *this;
  }
  RowWriter& Signed(int64_t n) { return Unsigned(static_cast<uint64_t>(n) << 1 ^ static_cast<uint64_t>(n >> 63)); }
  RowWriter& At(Instant at) { return Signed(at.nanoseconds_since_epoch()); }
  RowWriter& Amount(const Money& money);
  RowWriter& Counts(const TokenCounts& counts);
  RowWriter& Id(GrantId id) { return Unsigned(id.epoch).Unsigned(id.sequence); }
  /// The size is known to the reader.
  template <class Bytes>
  RowWriter& Fixed(const Bytes& bytes) {
    out_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return *this;
  }
  RowWriter& Text(std::string_view text) {
    Unsigned(text.size());
    out_.append(text);
    return *this;
  }

 private:
  RowWriter& Big(uint64_t n, size_t bytes) {
    char big[8];
    for (size_t i = 0; i < bytes; ++i) big[i] = static_cast<char>(n >> (8 * (bytes - 1 - i)) & 0xff);
    out_.append(big, bytes);
    return *this;
  }
  std::string& out_;
};

/// Takes the same off the front of its bytes. What is not there reads as zero, and then ok() is false.
class RowReader {
 public:
  explicit RowReader(std::string_view bytes) : rest_(bytes) {}

  uint8_t Byte() { return static_cast<uint8_t>(Big(1)); }
  uint32_t Big32() { return static_cast<uint32_t>(Big(4)); }
  uint64_t Big64() { return Big(8); }
  uint64_t Unsigned();
  uint32_t Unsigned32();
  int64_t Signed() {
    const uint64_t n = Unsigned();
    return static_cast<int64_t>(n >> 1 ^ (~(n & 1) + 1));
  }
  Instant At() { return Instant(Signed()); }
  Money Amount();
  TokenCounts Counts();
  GrantId Id() {
    const uint32_t epoch = Unsigned32();
    return {epoch, Unsigned()};
  }
  template <class Bytes>
  Bytes Fixed() {
    Bytes bytes{};
    const std::string_view taken = Take(bytes.size());
    for (size_t i = 0; i < taken.size(); ++i) bytes[i] = static_cast<uint8_t>(taken[i]);
    return bytes;
  }
  std::string_view Text() { return Take(Unsigned()); }
  /// What has not been read.
  std::string_view Rest() { return Take(rest_.size()); }

  /// Everything so far was there.
  bool ok() const { return ok_; }
  /// And nothing is left.
  bool done() const { return ok_ && rest_.empty(); }

 private:
  uint64_t Big(size_t bytes);
  std::string_view Take(size_t size);
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace penstock::ledger
