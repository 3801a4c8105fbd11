// The key that signs journal heads (ledger/signed_head.h): Ed25519. It lives in DATA_DIR/signing_key (mode 0600), one
// line:
//
//   ed25519 <64 hex digits: the private key> <64 hex digits: its public key>
//
// The public key is what an outside witness needs; it is printed as PEM, which OpenSSL reads.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>

#include "ledger/signed_head.h"

namespace penstock::auth {

constexpr size_t kSigningKeyBytes = 32;

/// Immutable and thread-safe; copies share the key.
class SigningKey {
 public:
  /// Loads DATA_DIR/signing_key. In a new directory, or when the file is empty, makes it out of `random_bytes`
  /// (kSigningKeyBytes). DATA_LOSS when it is gone from a directory that was used, or is damaged; FAILED_PRECONDITION
  /// says how to make the file private.
  static absl::StatusOr<SigningKey> Load(const std::string& data_directory, bool is_new, std::string_view random_bytes);
  /// For those who make nothing: NOT_FOUND when there is none, else as above.
  static absl::StatusOr<SigningKey> Read(const std::string& data_directory);

  const ledger::PublicKey& public_key() const { return public_key_; }

  /// At the second in which `at` lies. Ed25519 is deterministic: the same three give the same signature.
  ledger::SignedHead Sign(const ledger::Hash& journal, const ledger::Head& head, Instant at) const;

 private:
  struct Key;
  explicit SigningKey(std::string_view private_key);
  static absl::StatusOr<SigningKey> Parse(const std::string& path, std::string_view text);

  std::shared_ptr<const Key> key_;
  ledger::PublicKey public_key_{};
};

/// Whether the statement was signed by `head.public_key`. Whose key that is the caller must know.
bool IsSigned(const ledger::SignedHead& head);

/// SubjectPublicKeyInfo.
std::string ToPem(const ledger::PublicKey& key);
/// INVALID_ARGUMENT unless the text is the PEM of an Ed25519 public key.
absl::StatusOr<ledger::PublicKey> FromPem(std::string_view pem);

}  // namespace penstock::auth
