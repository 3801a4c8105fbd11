// How this room writes values: one list of fields per type serves both directions, `code` is a Writer or a Reader. The
// lists name every member by a structured binding, so a member that is added elsewhere does not compile until it is
// listed here.
//
// Integers are LEB128 varints (signed ones zigzag), Instants count from the coder's origin, tickets from the ticket
// before. What is read is bounded: enums and counts beyond their range, and what is cut off, make ok() false.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "admission/limits.h"
#include "admission/scheduler.h"
#include "admission/vocabulary/quantity.h"
#include "broker/core/command.h"
#include "broker/core/settings.h"
#include "ledger/row_codec.h"

namespace penstock::arrivals {

template <class T, class Named>
concept Is = std::same_as<std::remove_const_t<T>, Named>;

/// The number of values of an enum.
template <class E>
constexpr uint8_t kValues = 0;
template <>
inline constexpr uint8_t kValues<Tier> = kTierCount;
template <>
inline constexpr uint8_t kValues<ServiceClass> = kServiceClassCount;
template <>
inline constexpr uint8_t kValues<TokenKind> = kTokenKindCount;
template <>
inline constexpr uint8_t kValues<admission::Measure> = 4;
template <>
inline constexpr uint8_t kValues<Overrun> = 3;
template <>
inline constexpr uint8_t kValues<core::BudgetTerms::Period> = 3;
template <>
inline constexpr uint8_t kValues<ledger::BudgetScope> = 4;
template <>
inline constexpr uint8_t kValues<core::DuplicatePolicy> = 3;
template <>
inline constexpr uint8_t kValues<ledger::Outcome> = 3;
template <>
inline constexpr uint8_t kValues<ledger::rating::Credit::Kind> = 2;
template <>
inline constexpr uint8_t kValues<core::ChangeReservation::What> = 6;

/// What Instants and tickets count from.
struct Origin {
  Instant instant;
  core::Ticket ticket = 0;
};

inline uint64_t Bits(int64_t n) { return static_cast<uint64_t>(n); }

class Writer {
 public:
  Writer(std::string* out, Origin* origin) : out_(out), origin_(*origin) {}

  template <class... T>
  void operator()(const T&... values) {
    (Put(values), ...);
  }
  void Ticket(core::Ticket ticket) {
    out_.Signed(static_cast<int64_t>(ticket - origin_.ticket));
    origin_.ticket = ticket;
  }
  void Mask(const ByTokenKind<bool>& table) {
    static_assert(kTokenKindCount <= 8, "a mask of one byte");
    uint8_t mask = 0;
    for (const TokenKind kind : kAllTokenKinds) {
      if (table[kind]) mask = static_cast<uint8_t>(mask | 1U << static_cast<unsigned>(kind));
    }
    out_.Byte(mask);
  }

 private:
  void Put(bool b) { out_.Byte(b ? 1 : 0); }
  void Put(std::signed_integral auto n) { out_.Signed(n); }
  void Put(std::unsigned_integral auto n) { out_.Unsigned(n); }
  template <class E>
  requires std::is_enum_v<E>
  void Put(E e) {
    static_assert(kValues<E> > 0, "say how many values it has");
    out_.Byte(static_cast<uint8_t>(e));
  }
  void Put(const std::string& text) { out_.Text(text); }
  void Put(Instant at) {
    out_.Signed(
        static_cast<int64_t>(Bits(at.nanoseconds_since_epoch()) - Bits(origin_.instant.nanoseconds_since_epoch())));
  }
  template <class Unit>
  void Put(Quantity<Unit> quantity) {
    out_.Signed(quantity.count());
  }
  template <class Tag>
  void Put(Id<Tag> id) {
    out_.Unsigned(id.value);
  }
  void Put(GrantId id) { out_.Id(id); }
  void Put(const ledger::Money& money) { out_.Amount(money); }
  void Put(const TokenCounts& counts) { out_.Counts(counts); }
  void Put(const ledger::BodyDigest& digest) { out_.Fixed(digest); }
  template <class T>
  void Put(const ByTokenKind<T>& table) {
    for (const TokenKind kind : kAllTokenKinds) Put(table[kind]);
  }
  template <class T, size_t N>
  void Put(const std::array<T, N>& table) {
    for (const T& value : table) Put(value);
  }
  template <class T>
  void Put(const std::optional<T>& value) {
    Put(value.has_value());
    if (value) Put(*value);
  }
  template <class T>
  void Put(const std::vector<T>& list) {
    out_.Unsigned(list.size());
    for (const T& value : list) Put(value);
  }
  template <class T>
  void Put(const std::map<std::string, T>& map) {
    out_.Unsigned(map.size());
    for (const auto& [name, value] : map) (*this)(name, value);
  }
  template <class A, class B>
  void Put(const std::pair<A, B>& pair) {
    (*this)(pair.first, pair.second);
  }
  template <class T>
  requires std::is_class_v<T>
  void Put(const T& value) { Fields(value, *this); }

  ledger::RowWriter out_;
  Origin& origin_;
};

class Reader {
 public:
  Reader(ledger::RowReader* in, Origin* origin) : in_(*in), origin_(*origin) {}

  template <class... T>
  void operator()(T&... values) {
    (Get(values), ...);
  }
  void Ticket(core::Ticket& ticket) {
    ticket = origin_.ticket + Bits(in_.Signed());
    origin_.ticket = ticket;
  }
  void Mask(ByTokenKind<bool>& table) {
    const uint8_t mask = in_.Byte();
    if (mask >> kTokenKindCount != 0) ok_ = false;
    for (const TokenKind kind : kAllTokenKinds) table[kind] = (mask >> static_cast<unsigned>(kind) & 1U) != 0;
  }
  void Refuse() { ok_ = false; }
  bool ok() const { return ok_ && in_.ok(); }

 private:
  void Get(bool& b) {
    const uint8_t byte = in_.Byte();
    if (byte > 1) ok_ = false;
    b = byte == 1;
  }
  template <std::signed_integral T>
  void Get(T& n) {
    static_assert(sizeof(T) == sizeof(int64_t));
    n = in_.Signed();
  }
  void Get(uint64_t& n) { n = in_.Unsigned(); }
  void Get(uint32_t& n) { n = in_.Unsigned32(); }
  template <class E>
  requires std::is_enum_v<E>
  void Get(E& e) {
    const uint8_t byte = in_.Byte();
    if (byte >= kValues<E>) ok_ = false;
    e = static_cast<E>(byte < kValues<E> ? byte : 0);
  }
  void Get(std::string& text) { text = in_.Text(); }
  void Get(Instant& at) {
    at = Instant(static_cast<int64_t>(Bits(in_.Signed()) + Bits(origin_.instant.nanoseconds_since_epoch())));
  }
  template <class Unit>
  void Get(Quantity<Unit>& quantity) {
    quantity = Quantity<Unit>(in_.Signed());
  }
  template <class Tag>
  void Get(Id<Tag>& id) {
    id.value = in_.Unsigned32();
  }
  void Get(GrantId& id) { id = in_.Id(); }
  void Get(ledger::Money& money) { money = in_.Amount(); }
  void Get(TokenCounts& counts) { counts = in_.Counts(); }
  void Get(ledger::BodyDigest& digest) { digest = in_.Fixed<ledger::BodyDigest>(); }
  template <class T>
  void Get(ByTokenKind<T>& table) {
    for (const TokenKind kind : kAllTokenKinds) Get(table[kind]);
  }
  template <class T, size_t N>
  void Get(std::array<T, N>& table) {
    for (T& value : table) Get(value);
  }
  template <class T>
  void Get(std::optional<T>& value) {
    bool there = false;
    Get(there);
    if (there) Get(value.emplace());
  }
  // Every element takes a byte at least, so a count that lies ends with the bytes.
  template <class T>
  void Get(std::vector<T>& list) {
    list.clear();
    for (uint64_t left = in_.Unsigned(); left > 0 && ok(); --left) Get(list.emplace_back());
  }
  template <class T>
  void Get(std::map<std::string, T>& map) {
    for (uint64_t left = in_.Unsigned(); left > 0 && ok(); --left) {
      std::string name;
      Get(name);
      Get(map[name]);
    }
  }
  template <class A, class B>
  void Get(std::pair<A, B>& pair) {
    (*this)(pair.first, pair.second);
  }
  template <class T>
  requires std::is_class_v<T>
  void Get(T& value) { Fields(value, *this); }

  ledger::RowReader& in_;
  Origin& origin_;
  bool ok_ = true;
};

}  // namespace penstock::arrivals

// Of commands and of settings.
namespace penstock::ledger {

using arrivals::Is;

void Fields(Is<RateStep> auto& step, auto& code) {
  auto& [from, to, rate, unit_price] = step;
  code(from, to, rate, unit_price);
}

void Fields(Is<HourDemand> auto& hour, auto& code) {
  auto& [mean, deviation] = hour;
  code(mean, deviation);
}

void Fields(Is<Envelope> auto& envelope, auto& code) {
  auto& [mean_work, mean_residence, largest_context] = envelope;
  code(mean_work, mean_residence, largest_context);
}

}  // namespace penstock::ledger
