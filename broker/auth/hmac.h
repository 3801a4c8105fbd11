// HMAC-SHA256 under a key that is used many times: the key's two hash states are computed once, so that a code costs
// two short hashes and no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace penstock::auth {

using Mac = std::array<uint8_t, 32>;

/// Immutable and thread-safe; copies share the key.
class HmacKey {
 public:
  /// `key`: any length; 32 random bytes are right.
  explicit HmacKey(std::string_view key);

  Mac Sign(std::string_view message) const;

 private:
  struct States;
  std::shared_ptr<const States> states_;
};

/// Whether the bytes are equal, in time that depends on `size` only.
bool EqualInConstantTime(const uint8_t* a, const uint8_t* b, size_t size);

}  // namespace penstock::auth
