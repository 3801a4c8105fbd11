// The registry of token kinds, and counts by kind.
//
// Counts of different kinds never overlap: `input` is the uncached part of the prompt, `output` the visible part of the
// answer, `reasoning` the hidden part. A request's generated tokens are output + reasoning.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "admission/vocabulary/work.h"

namespace penstock {

enum class TokenKind : uint8_t { kInput, kCachedInput, kCacheWrite, kOutput, kReasoning, kImage, kAudio };
constexpr size_t kTokenKindCount = 7;

constexpr std::array<std::string_view, kTokenKindCount> kTokenKindNames = {
    "input", "cached_input", "cache_write", "output", "reasoning", "image", "audio"};

constexpr std::string_view Name(TokenKind kind) { return kTokenKindNames[static_cast<size_t>(kind)]; }

/// The kind of that name, or nothing.
constexpr std::optional<TokenKind> TokenKindNamed(std::string_view name) {
  for (size_t i = 0; i < kTokenKindCount; ++i) {
    if (kTokenKindNames[i] == name) return static_cast<TokenKind>(i);
  }
  return std::nullopt;
}

/// True for what the model generates, false for what the caller sends.
constexpr bool IsGenerated(TokenKind kind) { return kind == TokenKind::kOutput || kind == TokenKind::kReasoning; }

/// A value for each token kind, indexed by kind.
template <class T>
class ByTokenKind {
 public:
  constexpr T& operator[](TokenKind kind) { return values_[static_cast<size_t>(kind)]; }
  constexpr const T& operator[](TokenKind kind) const { return values_[static_cast<size_t>(kind)]; }
  friend constexpr bool operator==(const ByTokenKind&, const ByTokenKind&) = default;

 private:
  std::array<T, kTokenKindCount> values_{};
};

using TokenCounts = ByTokenKind<Tokens>;

/// The counts of one request in half the room: they are bounded by kMaxTokensPerRequest.
class PackedCounts {
 public:
  constexpr PackedCounts() = default;
  constexpr explicit PackedCounts(const TokenCounts& counts);
  constexpr operator TokenCounts() const;
  constexpr Tokens operator[](TokenKind kind) const { return Tokens(values_[static_cast<size_t>(kind)]); }
  friend constexpr bool operator==(const PackedCounts&, const PackedCounts&) = default;

 private:
  std::array<int32_t, kTokenKindCount> values_{};
};

/// Every kind once, in order: for (TokenKind kind : kAllTokenKinds).
constexpr std::array<TokenKind, kTokenKindCount> kAllTokenKinds = {
    TokenKind::kInput,     TokenKind::kCachedInput, TokenKind::kCacheWrite, TokenKind::kOutput,
    TokenKind::kReasoning, TokenKind::kImage,       TokenKind::kAudio};

constexpr PackedCounts::PackedCounts(const TokenCounts& counts) {
  for (TokenKind kind : kAllTokenKinds) {
    const int64_t count = counts[kind].count();
    PENSTOCK_CHECK(count >= 0 && count <= INT32_MAX);
    values_[static_cast<size_t>(kind)] = static_cast<int32_t>(count);
  }
}

constexpr PackedCounts::operator TokenCounts() const {
  TokenCounts counts;
  for (TokenKind kind : kAllTokenKinds) counts[kind] = (*this)[kind];
  return counts;
}

constexpr TokenCounts operator+(TokenCounts a, const TokenCounts& b) {
  for (TokenKind kind : kAllTokenKinds) a[kind] += b[kind];
  return a;
}

constexpr TokenCounts operator-(TokenCounts a, const TokenCounts& b) {
  for (TokenKind kind : kAllTokenKinds) a[kind] -= b[kind];
  return a;
}

/// Output plus reasoning.
constexpr Tokens Generated(const TokenCounts& counts) {
  return counts[TokenKind::kOutput] + counts[TokenKind::kReasoning];
}

constexpr Tokens Total(const TokenCounts& counts) {
  Tokens sum;
  for (TokenKind kind : kAllTokenKinds) sum += counts[kind];
  return sum;
}

/// Burndown rates of a pool: milli-nt per token of each kind. A kind at rate 0 is one the pool does not have.
using BurndownRates = ByTokenKind<int64_t>;

/// sum of tokens x burndown rate.
constexpr Work WorkOf(const TokenCounts& counts, const BurndownRates& rates) {
  Work work;
  for (TokenKind kind : kAllTokenKinds) work += Work(CheckedMul(counts[kind].count(), rates[kind]));
  return work;
}

}  // namespace penstock
