#include "broker/auth/grant_keys.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <utility>

#include "admission/vocabulary/check.h"
#include "broker/auth/encoding.h"
#include "broker/auth/secret_file.h"

namespace penstock::auth {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

// What to do about keys that are gone or unreadable.
constexpr absl::string_view kRemedy =
    "restore it from a backup; or, to go on with a new key, put an empty file there, mode 600 (then grants that are "
    "open now cannot be completed any more)";

int64_t UnixSeconds(Instant now) { return DivideRoundDown(now.nanoseconds_since_epoch(), kNanosecondsPerSecond); }

}  // namespace

GrantKeys::GrantKeys(std::string path, Ring ring)
    : path_(std::move(path)), ring_(std::make_shared<const Ring>(std::move(ring))) {}

absl::StatusOr<std::unique_ptr<GrantKeys>> GrantKeys::Load(const std::string& data_directory, bool is_new,
                                                           std::string_view random_bytes, Instant now) {
  PENSTOCK_CHECK(random_bytes.size() == kGrantKeyBytes);
  const std::string path = data_directory + "/grant_keys";
  absl::StatusOr<std::string> text = ReadSecretFile(path);
  const bool absent = absl::IsNotFound(text.status());
  if (absent && !is_new) {
    return absl::DataLossError(absl::StrCat(path, " is missing though the journal beside it is not: ", kRemedy));
  }
  if (absent || (text.ok() && text->empty())) {
    const Ring first = {{1, ToHex(random_bytes), UnixSeconds(now), HmacKey(random_bytes)}};
    const absl::Status status = absent ? CreateSecretFile(path, Format(first)) : ReplaceSecretFile(path, Format(first));
    if (!status.ok()) return status;
    return std::unique_ptr<GrantKeys>(new GrantKeys(path, first));
  }
  if (!text.ok()) return text.status();
  absl::StatusOr<Ring> ring = Parse(path, *text);
  if (!ring.ok()) return ring.status();
  return std::unique_ptr<GrantKeys>(new GrantKeys(path, *std::move(ring)));
}

absl::StatusOr<GrantKeys::Ring> GrantKeys::Parse(const std::string& path, std::string_view text) {
  Ring ring;
  int line_number = 0;
  const auto damaged = [&](std::string_view what) {
    return absl::DataLossError(
        absl::StrCat(path, ":", line_number, ": ", absl::string_view(what.data(), what.size()), "; ", kRemedy));
  };
  for (const absl::string_view line : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++line_number;
    if (line.empty()) continue;
    const std::vector<std::string> fields = absl::StrSplit(line, ' ');
    if (fields.size() != 3) return damaged("expected three fields: id, key, created");
    uint32_t id = 0;
    int64_t created = 0;
    if (!absl::SimpleAtoi(fields[0], &id) || id <= (ring.empty() ? 0 : ring.back().id)) {
      return damaged("the id is not a number above the one before");
    }
    const std::optional<std::string> bytes = FromHex(fields[1]);
    if (!bytes || bytes->size() != kGrantKeyBytes) return damaged("the key is not 64 hex digits");
    if (!absl::SimpleAtoi(fields[2], &created)) return damaged("the creation time is not a number");
    ring.push_back({id, fields[1], created, HmacKey(*bytes)});
  }
  if (ring.empty()) return damaged("there is no key");
  return ring;
}

std::string GrantKeys::Format(const Ring& ring) {
  std::string text;
  for (const Key& key : ring) absl::StrAppend(&text, key.id, " ", key.hex, " ", key.created_unix_s, "\n");
  return text;
}

std::shared_ptr<const GrantKeys::Ring> GrantKeys::Current() const {
  const std::lock_guard lock(reading_);
  return ring_;
}

std::string GrantKeys::Seal(const SealedGrant& grant) const {
  const std::shared_ptr<const Ring> ring = Current();
  return SealGrant(grant, ring->back().id, ring->back().hmac);
}

SealedBytes GrantKeys::SealBytes(const SealedGrant& grant) const {
  const std::shared_ptr<const Ring> ring = Current();
  return SealGrantBytes(grant, ring->back().id, ring->back().hmac);
}

const HmacKey* GrantKeys::Find(const Ring& ring, std::optional<uint32_t> id) {
  for (auto key = ring.rbegin(); id && key != ring.rend(); ++key) {
    if (key->id == *id) return &key->hmac;
  }
  return nullptr;
}

std::optional<SealedGrant> GrantKeys::Open(std::string_view name) const {
  const std::shared_ptr<const Ring> ring = Current();
  const HmacKey* key = Find(*ring, SigningKeyOf(name));
  return key == nullptr ? std::nullopt : OpenGrant(name, *key);
}

std::optional<SealedGrant> GrantKeys::OpenBytes(std::string_view bytes) const {
  const std::shared_ptr<const Ring> ring = Current();
  const HmacKey* key = Find(*ring, SigningKeyOfBytes(bytes));
  return key == nullptr ? std::nullopt : OpenGrantBytes(bytes, *key);
}

absl::StatusOr<uint32_t> GrantKeys::Rotate(std::string_view random_bytes, Instant now, Duration retention) {
  PENSTOCK_CHECK(random_bytes.size() == kGrantKeyBytes);
  const std::lock_guard rotating(rotating_);
  const std::shared_ptr<const Ring> old = Current();
  const int64_t oldest_replacement = UnixSeconds(now - retention);
  Ring ring;
  for (size_t i = 0; i + 1 < old->size(); ++i) {
    if ((*old)[i + 1].created_unix_s >= oldest_replacement) ring.push_back((*old)[i]);
  }
  ring.push_back(old->back());  // replaced only now
  const uint32_t id = CheckedAdd(old->back().id, 1U);
  ring.push_back({id, ToHex(random_bytes), UnixSeconds(now), HmacKey(random_bytes)});
  if (absl::Status status = ReplaceSecretFile(path_, Format(ring)); !status.ok()) return status;
  const std::lock_guard lock(reading_);
  ring_ = std::make_shared<const Ring>(std::move(ring));
  return id;
}

}  // namespace penstock::auth
