#include "broker/auth/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>

#include "admission/vocabulary/check.h"

namespace penstock::auth {
namespace {

constexpr size_t kBlockBytes = 64;
using Block = std::array<uint8_t, kBlockBytes>;

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Digest = std::unique_ptr<EVP_MD_CTX, FreeDigest>;

Digest NewDigest() {
  Digest digest(EVP_MD_CTX_new());
  PENSTOCK_CHECK(digest != nullptr);
  return digest;
}

Digest Absorbed(const Block& key, uint8_t pad) {
  Block padded;
  std::transform(key.begin(), key.end(), padded.begin(), [pad](uint8_t b) { return static_cast<uint8_t>(b ^ pad); });
  Digest digest = NewDigest();
  PENSTOCK_CHECK(EVP_DigestInit_ex2(digest.get(), EVP_sha256(), nullptr) == 1);
  PENSTOCK_CHECK(EVP_DigestUpdate(digest.get(), padded.data(), padded.size()) == 1);
  OPENSSL_cleanse(padded.data(), padded.size());
  return digest;
}

Mac Continue(EVP_MD_CTX* scratch, const EVP_MD_CTX* from, const void* bytes, size_t size) {
  Mac mac;
  PENSTOCK_CHECK(EVP_MD_CTX_copy_ex(scratch, from) == 1);
  PENSTOCK_CHECK(EVP_DigestUpdate(scratch, bytes, size) == 1);
  PENSTOCK_CHECK(EVP_DigestFinal_ex(scratch, mac.data(), nullptr) == 1);
  return mac;
}

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
  Digest inner;
  Digest outer;
};

HmacKey::HmacKey(std::string_view key) {
  Block block = BlockOf(key);
  states_ = std::make_shared<const States>(block);
  OPENSSL_cleanse(block.data(), block.size());
}

Mac HmacKey::Sign(std::string_view message) const {
  thread_local const Digest scratch = NewDigest();
  const Mac inner = Continue(scratch.get(), states_->inner.get(), message.data(), message.size());
  return Continue(scratch.get(), states_->outer.get(), inner.data(), inner.size());
}

bool EqualInConstantTime(const uint8_t* a, const uint8_t* b, size_t size) { return CRYPTO_memcmp(a, b, size) == 0; }

}  // namespace penstock::auth
