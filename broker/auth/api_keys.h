// API keys: how callers prove who they are.
//
// A secret is "psk_<id>_<random>": the id is eight hex digits (not secret, fit for logs), the random part 32 bytes in
// base64url (43 characters). The configuration keeps only HMAC-SHA256(hash key, secret) in hex; the hash key is a file
// of its own (`hash_key_file`), so a leaked configuration proves nothing and cannot be searched offline.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/auth/hmac.h"
#include "broker/auth/principal.h"
#include "broker/auth/published.h"

namespace penstock::auth {

/// What the configuration keeps of a key.
struct ApiKeyRecord {
  std::string id;  // eight lower-case hex digits, unique
  Role role = Role::kTenant;
  std::string tenant;  // exactly for Role::kTenant
  std::string key;     // exactly for Role::kTenant: the tenant's key that its requests count against
  std::string hash;    // 64 lower-case hex digits
};

struct NewApiKey {
  std::string id;
  std::string secret;  // shown once, kept nowhere
};

constexpr size_t kApiKeyRandomBytes = 36;
constexpr size_t kHashKeyBytes = 32;

/// Makes a key out of kApiKeyRandomBytes random bytes.
NewApiKey MakeApiKey(std::string_view random_bytes);

bool IsApiKeyId(std::string_view text);
bool IsApiKeyHash(std::string_view text);

/// The hash that the configuration keeps.
std::string HashOf(std::string_view secret, const HmacKey& hash_key);

/// Reads a hash key file: 64 hex digits (32 bytes) and a line end. The errors say what to do.
absl::StatusOr<HmacKey> LoadHashKey(const std::string& path);

/// Writes a new hash key file (0600) from 32 random bytes; ALREADY_EXISTS when there is one.
absl::Status CreateHashKey(const std::string& path, std::string_view random_bytes);

/// The keys of a daemon. Thread-safe.
class ApiKeys {
 public:
  /// The records must be well-formed and their ids unique: broker/config sees to that, and it is checked.
  ApiKeys(HmacKey hash_key, const std::vector<ApiKeyRecord>& records);
  /// From here on only these are good.
  void Replace(HmacKey hash_key, const std::vector<ApiKeyRecord>& records);

  /// Who this secret belongs to, or nothing. One keyed hash, compared in constant time.
  std::optional<Principal> Authenticate(std::string_view secret) const;

 private:
  struct Entry {
    Principal principal;
    Mac hash{};
  };
  struct Keys {
    HmacKey hash_key;
    absl::flat_hash_map<uint32_t, Entry> entries;  // by id
  };
  static std::unique_ptr<const Keys> Read(HmacKey hash_key, const std::vector<ApiKeyRecord>& records);
  std::unique_ptr<Published<Keys>> keys_;  // behind a pointer, so that ApiKeys can be moved while nobody reads
};

}  // namespace penstock::auth
