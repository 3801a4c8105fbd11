// What is kept of a client's request id: a fingerprint, and the grant that it stands for.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "admission/vocabulary/ids.h"
#include "ledger/sha256.h"

namespace penstock::ledger {

/// The first 128 bits of the SHA-256 of tenant and request id; all zero for a grant without a request id.
struct RequestFingerprint {
  std::array<uint8_t, 16> bytes{};
  bool IsNone() const { return *this == RequestFingerprint(); }
  friend bool operator==(const RequestFingerprint& a, const RequestFingerprint& b) {
    return std::bit_cast<std::array<uint64_t, 2>>(a.bytes) == std::bit_cast<std::array<uint64_t, 2>>(b.bytes);
  }
};

inline uint32_t HashOf(const RequestFingerprint& request) {
  uint32_t hash = 0;
  std::memcpy(&hash, request.bytes.data(), sizeof(hash));
  return hash;
}

/// The grant a tenant's request id stands for, and the body that the id came with.
struct RequestRecord {
  GrantId grant;
  BodyDigest body{};
  friend bool operator==(const RequestRecord&, const RequestRecord&) = default;
};

}  // namespace penstock::ledger
