#include "ledger/row_codec.h"

#include "admission/vocabulary/checked.h"

namespace penstock::ledger {

RowWriter& RowWriter::Amount(const Money& money) {
  const auto pico = static_cast<Int128>(money.pico());
  return Unsigned(static_cast<uint64_t>(pico)).Signed(static_cast<int64_t>(pico >> 64));
}

Money RowReader::Amount() {
  const uint64_t low = Unsigned();
  const int64_t high = Signed();
  const Int128 pico = Int128{high} * (Int128{1} << 64) + low;
  // Money is a sign and 127 bits: the one number that fits the integer but not Money is no amount.
  if (pico == -(Int128{1} << 126) * 2) ok_ = false;
  return ok_ ? Money::FromPico(PicoCount(pico)) : Money();
}

RowWriter& RowWriter::Counts(const TokenCounts& counts) {
  static_assert(kTokenKindCount <= 8, "a mask of one byte");
  uint8_t mask = 0;
  for (TokenKind kind : kAllTokenKinds) {
    if (counts[kind] != Tokens::Zero()) mask = static_cast<uint8_t>(mask | 1U << static_cast<unsigned>(kind));
  }
  Byte(mask);
  for (TokenKind kind : kAllTokenKinds) {
    if (counts[kind] != Tokens::Zero()) Signed(counts[kind].count());
  }
  return *this;
}

TokenCounts RowReader::Counts() {
  TokenCounts counts;
  const uint8_t mask = Byte();
  if (mask >> kTokenKindCount != 0) ok_ = false;
  for (TokenKind kind : kAllTokenKinds) {
    if ((mask >> static_cast<unsigned>(kind) & 1U) != 0) counts[kind] = Tokens(Signed());
  }
  return counts;
}

uint64_t RowReader::Unsigned() {
  uint64_t n = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = Byte();
    n |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return n;
  }
  ok_ = false;
  return 0;
}

uint32_t RowReader::Unsigned32() {
  const uint64_t n = Unsigned();
  if (n > UINT32_MAX) ok_ = false;
  return static_cast<uint32_t>(n);
}

uint64_t RowReader::Big(size_t bytes) {
  uint64_t n = 0;
  for (const char byte : Take(bytes)) n = n << 8 | static_cast<uint8_t>(byte);
  return n;
}

std::string_view RowReader::Take(size_t size) {
  if (size > rest_.size()) {
    ok_ = false;
    rest_ = {};
  }
  const std::string_view taken = rest_.substr(0, ok_ ? size : 0);
  rest_.remove_prefix(taken.size());
  return taken;
}

}  // namespace penstock::ledger
