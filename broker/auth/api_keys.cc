#include "broker/auth/api_keys.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "admission/vocabulary/check.h"
#include "broker/auth/encoding.h"
#include "broker/auth/secret_file.h"

namespace penstock::auth {
namespace {

constexpr std::string_view kPrefix = "psk_";
constexpr size_t kIdDigits = 8;
constexpr size_t kIdBytes = 4;
constexpr size_t kSecretLength = kPrefix.size() + kIdDigits + 1 + Base64UrlLength(kApiKeyRandomBytes - kIdBytes);

std::optional<uint32_t> IdFromHex(std::string_view text) {
  if (text.size() != kIdDigits) return std::nullopt;
  const std::optional<std::string> bytes = FromHex(text);
  if (!bytes) return std::nullopt;
  uint32_t id = 0;
  for (const char c : *bytes) id = id << 8 | static_cast<uint8_t>(c);
  return id;
}

std::optional<uint32_t> IdInSecret(std::string_view secret) {
  if (secret.size() != kSecretLength || !secret.starts_with(kPrefix)) return std::nullopt;
  if (secret[kPrefix.size() + kIdDigits] != '_') return std::nullopt;
  return IdFromHex(secret.substr(kPrefix.size(), kIdDigits));
}

std::string_view AsText(const Mac& mac) { return {reinterpret_cast<const char*>(mac.data()), mac.size()}; }

}  // namespace

NewApiKey MakeApiKey(std::string_view random_bytes) {
  PENSTOCK_CHECK(random_bytes.size() == kApiKeyRandomBytes);
  std::string id = ToHex(random_bytes.substr(0, kIdBytes));
  std::string secret = absl::StrCat("psk_", id, "_", ToBase64Url(random_bytes.substr(kIdBytes)));
  return {.id = std::move(id), .secret = std::move(secret)};
}

bool IsApiKeyId(std::string_view text) { return IdFromHex(text).has_value(); }

bool IsApiKeyHash(std::string_view text) { return text.size() == 2 * sizeof(Mac) && FromHex(text).has_value(); }

std::string HashOf(std::string_view secret, const HmacKey& hash_key) { return ToHex(AsText(hash_key.Sign(secret))); }

absl::StatusOr<HmacKey> LoadHashKey(const std::string& path) {
  absl::StatusOr<std::string> text = ReadSecretFile(path);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(absl::StrCat(path, " does not exist; `penstock keys new` makes it"));
  }
  if (!text.ok()) return text.status();
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  const std::optional<std::string> bytes = FromHex(*text);
  if (!bytes || bytes->size() != kHashKeyBytes) {
    return absl::DataLossError(
        absl::StrCat(path,
                     " is not a hash key: it must hold 64 hex digits (0-9, a-f) and "
                     "nothing else; restore it from a backup, or move it away, make all keys "
                     "anew with `penstock keys new` and put their hashes into the configuration"));
  }
  return HmacKey(*bytes);
}

absl::Status CreateHashKey(const std::string& path, std::string_view random_bytes) {
  PENSTOCK_CHECK(random_bytes.size() == kHashKeyBytes);
  return CreateSecretFile(path, ToHex(random_bytes) + "\n");
}

std::unique_ptr<const ApiKeys::Keys> ApiKeys::Read(HmacKey hash_key, const std::vector<ApiKeyRecord>& records) {
  auto keys = std::make_unique<Keys>(Keys{.hash_key = std::move(hash_key), .entries = {}});
  for (const ApiKeyRecord& record : records) {
    const std::optional<uint32_t> id = IdFromHex(record.id);
    const std::optional<std::string> hash = FromHex(record.hash);
    PENSTOCK_CHECK(id.has_value() && hash.has_value() && hash->size() == sizeof(Mac));
    Entry entry{.principal = {record.role, record.id, record.tenant, record.key}, .hash = {}};
    std::copy(hash->begin(), hash->end(), entry.hash.begin());
    PENSTOCK_CHECK(keys->entries.emplace(*id, std::move(entry)).second);
  }
  return keys;
}

ApiKeys::ApiKeys(HmacKey hash_key, const std::vector<ApiKeyRecord>& records)
    : keys_(std::make_unique<Published<Keys>>(Read(std::move(hash_key), records))) {}

void ApiKeys::Replace(HmacKey hash_key, const std::vector<ApiKeyRecord>& records) {
  keys_->Publish(Read(std::move(hash_key), records));
}

std::optional<Principal> ApiKeys::Authenticate(std::string_view secret) const {
  const std::optional<uint32_t> id = IdInSecret(secret);
  if (!id) return std::nullopt;
  const Keys& keys = keys_->Get();
  const auto found = keys.entries.find(*id);
  if (found == keys.entries.end()) return std::nullopt;
  const Mac hash = keys.hash_key.Sign(secret);
  if (!EqualInConstantTime(hash.data(), found->second.hash.data(), hash.size())) return std::nullopt;
  return found->second.principal;
}

}  // namespace penstock::auth
