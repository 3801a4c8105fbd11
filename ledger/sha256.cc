#include "ledger/sha256.h"

// OpenSSL 3 marks its low-level digests as old, for they bypass its providers; SHA-256 itself is here to stay.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>

#include "admission/vocabulary/check.h"

namespace penstock::ledger {
namespace {

/// The low-level calls: EVP allocates and looks things up per digest, which costs as much as hashing an entry.
class Digester {
 public:
  Digester() { PENSTOCK_CHECK(SHA256_Init(&context_) == 1); }
  void Add(const void* bytes, size_t size) { PENSTOCK_CHECK(SHA256_Update(&context_, bytes, size) == 1); }
  Hash Finish() {
    Hash hash;
    PENSTOCK_CHECK(SHA256_Final(hash.data(), &context_) == 1);
    return hash;
  }

 private:
  SHA256_CTX context_;
};

}  // namespace

Hash Sha256(std::string_view bytes) {
  Digester digester;
  digester.Add(bytes.data(), bytes.size());
  return digester.Finish();
}

Hash Sha256OfPieces(const std::function<std::string_view()>& next) {
  Digester digester;
  for (std::string_view piece = next(); !piece.empty(); piece = next()) digester.Add(piece.data(), piece.size());
  return digester.Finish();
}

Hash ChainHash(const Hash& previous, std::string_view payload) {
  Digester digester;
  digester.Add(previous.data(), previous.size());
  digester.Add(payload.data(), payload.size());
  return digester.Finish();
}

Hash TaggedSha256(uint32_t tag, std::string_view bytes) {
  const std::array<uint8_t, 4> little_endian = {static_cast<uint8_t>(tag), static_cast<uint8_t>(tag >> 8),
                                                static_cast<uint8_t>(tag >> 16), static_cast<uint8_t>(tag >> 24)};
  Digester digester;
  digester.Add(little_endian.data(), little_endian.size());
  digester.Add(bytes.data(), bytes.size());
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
