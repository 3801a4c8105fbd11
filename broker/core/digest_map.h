// Maps by a digest: it is uniform already, so its first bytes are its hash, and two of them are compared as two
// numbers.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ledger/sha256.h"

namespace penstock::core {

struct DigestHash {
  size_t operator()(const ledger::BodyDigest& digest) const {
    uint64_t first = 0;
    std::memcpy(&first, digest.data(), sizeof(first));
    return first;
  }
};

struct DigestEqual {
  bool operator()(const ledger::BodyDigest& a, const ledger::BodyDigest& b) const {
    uint64_t first[2];
    uint64_t second[2];
    std::memcpy(first, a.data(), sizeof(first));
    std::memcpy(second, b.data(), sizeof(second));
    return first[0] == second[0] && first[1] == second[1];
  }
};

template <class Value>
using DigestMap = absl::flat_hash_map<ledger::BodyDigest, Value, DigestHash, DigestEqual>;

}  // namespace penstock::core
