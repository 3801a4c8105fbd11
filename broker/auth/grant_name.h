// Grant names: "grants/" and 83 characters that only this provider can make.
//
// A name carries what is needed to settle the grant even when its hold was lost in a power cut. It is the base64url
// form of 62 sealed bytes, which a Session speaks as they are; either form serves wherever a grant is named:
//
//   offset  bytes                               offset  bytes
//        0  1   layout version, 2                   25  4   pool
//        1  4   id of the signing key               29  1   served as (ServiceClass)
//        5  4   boot epoch                          30  4   tariff
//        9  8   sequence inside the epoch           34  4   posted price, 0: none
//       17  4   tenant                              38  8   issued, nanoseconds since 1970
//       21  4   key                                 46  16  HMAC-SHA256 of bytes 0..45, its first half
//
// Integers are big-endian. Every name has exactly one spelling.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "broker/auth/hmac.h"
#include "ledger/entry.h"

namespace penstock::auth {

struct SealedGrant {
  GrantId id;
  ledger::GrantTerms terms;
  Instant issued;
  friend bool operator==(const SealedGrant&, const SealedGrant&) = default;
};

constexpr size_t kGrantNameLength = 7 + 83;
constexpr size_t kSealedGrantBytes = 62;
using SealedBytes = std::array<uint8_t, kSealedGrantBytes>;

/// The sealed bytes of a grant, signed with the key of this id.
SealedBytes SealGrantBytes(const SealedGrant& grant, uint32_t key_id, const HmacKey& key);
/// As SigningKeyOf and OpenGrant below, for sealed bytes.
std::optional<uint32_t> SigningKeyOfBytes(std::string_view bytes);
std::optional<SealedGrant> OpenGrantBytes(std::string_view bytes, const HmacKey& key);

/// The name of a grant, signed with the key of this id.
std::string SealGrant(const SealedGrant& grant, uint32_t key_id, const HmacKey& key);

/// The id of the key that signed, if the text has the form of a grant name at all. Proves nothing yet.
std::optional<uint32_t> SigningKeyOf(std::string_view name);

/// What the name says; nothing unless this key signed exactly this text. Never fails on any bytes.
std::optional<SealedGrant> OpenGrant(std::string_view name, const HmacKey& key);

}  // namespace penstock::auth
