#include "broker/auth/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>

#include "admission/vocabulary/check.h"

namespace penstock::auth {
namespace {

constexpr size_t kBlockBytes = 64;
using Block = std::array<uint8_t, kBlockBytes>;

// OpenSSL's plain SHA-256: its state is a value, so going on from a stored one is a copy of 112 bytes. EVP contexts do
// the same hashing behind allocations and indirect calls that cost more than the two short hashes of a code.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

SHA256_CTX Absorbed(const Block& key, uint8_t pad) {
  Block padded;
  std::transform(key.begin(), key.end(), padded.begin(), [pad](uint8_t b) { return static_cast<uint8_t>(b ^ pad); });
  SHA256_CTX digest;
  PENSTOCK_CHECK(SHA256_Init(&digest) == 1 && SHA256_Update(&digest, padded.data(), padded.size()) == 1);
  OPENSSL_cleanse(padded.data(), padded.size());
  return digest;
}

Mac Continue(SHA256_CTX from, const void* bytes, size_t size) {
  Mac mac;
  PENSTOCK_CHECK(SHA256_Update(&from, bytes, size) == 1 && SHA256_Final(mac.data(), &from) == 1);
  return mac;
}

#pragma GCC diagnostic pop

Block BlockOf(std::string_view key) {
  Block block{};
  if (key.size() <= kBlockBytes) {
    std::copy(key.begin(), key.end(), block.begin());
  } else {
    PENSTOCK_CHECK(EVP_Digest(key.data(), key.size(), block.data(), nullptr, EVP_sha256(), nullptr) == 1);
  }
  return block;
}

}  // namespace

// RFC 2104: H(key ^ outer, H(key ^ inner, message)); both prefixes fill exactly one block of the hash.
struct HmacKey::States {
  explicit States(const Block& key) : inner(Absorbed(key, 0x36)), outer(Absorbed(key, 0x5c)) {}
  ~States() {
    OPENSSL_cleanse(&inner, sizeof inner);
    OPENSSL_cleanse(&outer, sizeof outer);
  }
  States(const States&) = delete;
  States& operator=(const States&) = delete;
  SHA256_CTX inner;
  SHA256_CTX outer;
};

HmacKey::HmacKey(std::string_view key) {
  Block block = BlockOf(key);
  states_ = std::make_shared<const States>(block);
  OPENSSL_cleanse(block.data(), block.size());
}

Mac HmacKey::Sign(std::string_view message) const {
  const Mac inner = Continue(states_->inner, message.data(), message.size());
  return Continue(states_->outer, inner.data(), inner.size());
}

bool EqualInConstantTime(const uint8_t* a, const uint8_t* b, size_t size) { return CRYPTO_memcmp(a, b, size) == 0; }

}  // namespace penstock::auth
