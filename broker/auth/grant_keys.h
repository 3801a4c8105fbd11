// The keys that sign grant names. They live in DATA_DIR/grant_keys (mode 0600), one a line, oldest first:
//
//   <id> <64 hex digits> <created, seconds since 1970>
//
// Ids are 1, 2, 3... and never reused. The newest key signs; names under the older ones still open.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admission/vocabulary/time.h"
#include "broker/auth/grant_name.h"
#include "broker/auth/hmac.h"

namespace penstock::auth {

constexpr size_t kGrantKeyBytes = 32;

/// Thread-safe: names can be sealed and opened while the keys are rotated.
class GrantKeys {
 public:
  /// Loads DATA_DIR/grant_keys. In a new directory, or when the file is empty, makes it with one key out of
  /// `random_bytes` (kGrantKeyBytes). DATA_LOSS when it is gone from a directory that was used, or names the line that
  /// cannot be read; FAILED_PRECONDITION says how to make the file private.
  static absl::StatusOr<std::unique_ptr<GrantKeys>> Load(const std::string& data_directory, bool is_new,
                                                         std::string_view random_bytes, Instant now);

  /// The name of a grant under the newest key.
  std::string Seal(const SealedGrant& grant) const;

  /// What the name says; nothing unless one of the keys signed exactly this text.
  std::optional<SealedGrant> Open(std::string_view name) const;

  /// The same two for the bytes that a name encodes.
  SealedBytes SealBytes(const SealedGrant& grant) const;
  std::optional<SealedGrant> OpenBytes(std::string_view bytes) const;

  /// A new key signs from here on; returns its id. Keys that were replaced more than `retention` ago are dropped, and
  /// with them all names they signed: no grant may still be settled that long after it was given. On an error
  /// nothing changes.
  absl::StatusOr<uint32_t> Rotate(std::string_view random_bytes, Instant now, Duration retention);

 private:
  struct Key {
    uint32_t id;
    std::string hex;
    int64_t created_unix_s;
    HmacKey hmac;
  };
  using Ring = std::vector<Key>;  // oldest first, never empty

  GrantKeys(std::string path, Ring ring);
  static absl::StatusOr<Ring> Parse(const std::string& path, std::string_view text);
  static std::string Format(const Ring& ring);
  static const HmacKey* Find(const Ring& ring, std::optional<uint32_t> id);
  std::shared_ptr<const Ring> Current() const;

  const std::string path_;
  std::mutex rotating_;         // held while the file is replaced
  mutable std::mutex reading_;  // held for a pointer's copy only
  std::shared_ptr<const Ring> ring_;
};

}  // namespace penstock::auth
