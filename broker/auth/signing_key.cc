#include "broker/auth/signing_key.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <optional>
#include <utility>
#include <vector>

#include "admission/vocabulary/check.h"
#include "broker/auth/encoding.h"
#include "broker/auth/secret_file.h"

namespace penstock::auth {
namespace {

constexpr absl::string_view kRemedy =
    "restore it from a backup; or, to go on with a new key, put an empty file there, mode 600 (heads that were signed "
    "before are then checked with the old public key)";

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using OwnedKey = std::unique_ptr<EVP_PKEY, FreeKey>;
using OwnedContext = std::unique_ptr<EVP_MD_CTX, FreeKey>;
using OwnedBio = std::unique_ptr<BIO, FreeKey>;

const uint8_t* Bytes(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

OwnedKey PublicOf(const ledger::PublicKey& key) {
  OwnedKey made(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  PENSTOCK_CHECK(made != nullptr);
  return made;
}

std::string PathIn(const std::string& data_directory) { return data_directory + "/signing_key"; }

std::string Format(std::string_view private_key, const ledger::PublicKey& public_key) {
  const std::string_view bytes(reinterpret_cast<const char*>(public_key.data()), public_key.size());
  return absl::StrCat("ed25519 ", ToHex(private_key), " ", ToHex(bytes), "\n");
}

}  // namespace

struct SigningKey::Key {
  OwnedKey pair;
};

SigningKey::SigningKey(std::string_view private_key) {
  PENSTOCK_CHECK(private_key.size() == kSigningKeyBytes);
  OwnedKey pair(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Bytes(private_key), private_key.size()));
  size_t size = public_key_.size();
  PENSTOCK_CHECK(pair != nullptr && EVP_PKEY_get_raw_public_key(pair.get(), public_key_.data(), &size) == 1);
  key_ = std::make_shared<const Key>(std::move(pair));
}

absl::StatusOr<SigningKey> SigningKey::Parse(const std::string& path, std::string_view text) {
  const std::vector<std::string> fields =
      absl::StrSplit(absl::StripSuffix(absl::string_view(text.data(), text.size()), "\n"), ' ');
  if (fields.size() == 3) {
    const std::optional<std::string> private_key = FromHex(fields[1]);
    if (private_key && private_key->size() == kSigningKeyBytes) {
      SigningKey key(*private_key);
      if (text == Format(*private_key, key.public_key_)) return key;
    }
  }
  return absl::DataLossError(absl::StrCat(
      path, " is not \"ed25519\", a private key and the public key that belongs to it, in hex; ", kRemedy));
}

absl::StatusOr<SigningKey> SigningKey::Read(const std::string& data_directory) {
  const std::string path = PathIn(data_directory);
  absl::StatusOr<std::string> text = ReadSecretFile(path);
  if (!text.ok()) return text.status();
  return Parse(path, *text);
}

absl::StatusOr<SigningKey> SigningKey::Load(const std::string& data_directory, bool is_new,
                                            std::string_view random_bytes) {
  const std::string path = PathIn(data_directory);
  absl::StatusOr<std::string> text = ReadSecretFile(path);
  const bool absent = absl::IsNotFound(text.status());
  if (absent && !is_new) {
    return absl::DataLossError(absl::StrCat(path, " is missing though the journal beside it is not: ", kRemedy));
  }
  if (!absent && !text.ok()) return text.status();
  if (!absent && !text->empty()) return Parse(path, *text);
  SigningKey key(random_bytes);
  const std::string line = Format(random_bytes, key.public_key_);
  const absl::Status written = absent ? CreateSecretFile(path, line) : ReplaceSecretFile(path, line);
  if (!written.ok()) return written;
  return key;
}

ledger::SignedHead SigningKey::Sign(const ledger::Hash& journal, const ledger::Head& head, Instant at) const {
  const Instant second(at.nanoseconds_since_epoch() - at.nanoseconds_since_epoch() % Seconds(1).count());
  ledger::SignedHead made{.journal = journal, .head = head, .at = second, .public_key = public_key_, .signature = {}};
  const std::string statement = ledger::StatementOf(made);
  const OwnedContext context(EVP_MD_CTX_new());
  size_t size = made.signature.size();
  PENSTOCK_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->pair.get()) == 1);
  PENSTOCK_CHECK(EVP_DigestSign(context.get(), made.signature.data(), &size, Bytes(statement), statement.size()) == 1);
  PENSTOCK_CHECK(size == made.signature.size());
  return made;
}

bool IsSigned(const ledger::SignedHead& head) {
  const std::string statement = ledger::StatementOf(head);
  const OwnedKey key = PublicOf(head.public_key);
  const OwnedContext context(EVP_MD_CTX_new());
  PENSTOCK_CHECK(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  return EVP_DigestVerify(context.get(), head.signature.data(), head.signature.size(), Bytes(statement),
                          statement.size()) == 1;
}

std::string ToPem(const ledger::PublicKey& key) {
  const OwnedKey made = PublicOf(key);
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  PENSTOCK_CHECK(PEM_write_bio_PUBKEY(bio.get(), made.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);  // NOLINT: OpenSSL's type
  return std::string(text, static_cast<size_t>(size));
}

absl::StatusOr<ledger::PublicKey> FromPem(std::string_view pem) {
  const OwnedBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const OwnedKey key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  ledger::PublicKey bytes{};
  size_t size = bytes.size();
  if (key == nullptr || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(key.get(), bytes.data(), &size) != 1 || size != bytes.size()) {
    return absl::InvalidArgumentError("not the PEM of an Ed25519 public key");
  }
  return bytes;
}

}  // namespace penstock::auth
