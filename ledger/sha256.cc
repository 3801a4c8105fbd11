#include "ledger/sha256.h"

#include <openssl/evp.h>

#include <algorithm>

#include "admission/vocabulary/check.h"

namespace penstock::ledger {
namespace {

/// One context per thread, set up once: a fetch or an allocation per digest would cost more than the hashing.
class Digester {
 public:
  Digester() {
    PENSTOCK_CHECK(context_ != nullptr);
    PENSTOCK_CHECK(EVP_DigestInit_ex2(context_, EVP_sha256(), nullptr) == 1);
  }
  ~Digester() { EVP_MD_CTX_free(context_); }
  Digester(const Digester&) = delete;
  Digester& operator=(const Digester&) = delete;

  void Start() { PENSTOCK_CHECK(EVP_DigestInit_ex2(context_, nullptr, nullptr) == 1); }
  void Add(const void* bytes, size_t size) { PENSTOCK_CHECK(EVP_DigestUpdate(context_, bytes, size) == 1); }
  Hash Finish() {
    Hash hash;
    PENSTOCK_CHECK(EVP_DigestFinal_ex(context_, hash.data(), nullptr) == 1);
    return hash;
  }

 private:
  EVP_MD_CTX* context_ = EVP_MD_CTX_new();
};

Digester& StartedDigester() {
  thread_local Digester digester;
  digester.Start();
  return digester;
}

}  // namespace

Hash Sha256(std::string_view bytes) {
  Digester& digester = StartedDigester();
  digester.Add(bytes.data(), bytes.size());
  return digester.Finish();
}

Hash ChainHash(const Hash& previous, std::string_view payload) {
  Digester& digester = StartedDigester();
  digester.Add(previous.data(), previous.size());
  digester.Add(payload.data(), payload.size());
  return digester.Finish();
}

BodyDigest DigestOf(std::string_view bytes) {
  const Hash hash = Sha256(bytes);
  BodyDigest digest;
  std::copy_n(hash.begin(), digest.size(), digest.begin());
  return digest;
}

std::string ToHex(const Hash& hash) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * hash.size());
  for (const uint8_t byte : hash) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  return hex;
}

}  // namespace penstock::ledger
