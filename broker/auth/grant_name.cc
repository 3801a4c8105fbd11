#include "broker/auth/grant_name.h"

#include <array>
#include <span>

#include "broker/auth/encoding.h"

namespace penstock::auth {
namespace {

constexpr std::string_view kPrefix = "grants/";
constexpr uint8_t kLayoutVersion = 2;
constexpr size_t kSignedBytes = 46;
constexpr size_t kMacBytes = 16;
using Bytes = SealedBytes;

static_assert(kSealedGrantBytes == kSignedBytes + kMacBytes);
static_assert(kGrantNameLength == kPrefix.size() + Base64UrlLength(kSignedBytes + kMacBytes));

class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}

  template <class T>
  void Put(T value) {
    for (size_t i = sizeof(T); i-- > 0;) out_[at_++] = static_cast<uint8_t>(value >> (8 * i));
  }

 private:
  Bytes& out_;
  size_t at_ = 0;
};

class Reader {
 public:
  explicit Reader(const Bytes& bytes) : bytes_(bytes) {}

  template <class T>
  T Get() {
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) value = value << 8 | bytes_[at_++];
    return static_cast<T>(value);
  }

 private:
  const Bytes& bytes_;
  size_t at_ = 0;
};

std::string_view SignedPart(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), kSignedBytes}; }

bool Unwrap(std::string_view name, Bytes& bytes) {
  if (name.size() != kGrantNameLength || !name.starts_with(kPrefix)) return false;
  return FromBase64Url(name.substr(kPrefix.size()), bytes) && bytes[0] == kLayoutVersion;
}

bool Take(std::string_view text, Bytes& bytes) {
  if (text.size() != bytes.size()) return false;
  std::copy(text.begin(), text.end(), bytes.begin());
  return bytes[0] == kLayoutVersion;
}

uint32_t SigningKey(const Bytes& bytes) {
  Reader reader(bytes);
  reader.Get<uint8_t>();
  return reader.Get<uint32_t>();
}

std::optional<SealedGrant> Open(const Bytes& bytes, const HmacKey& key) {
  const Mac mac = key.Sign(SignedPart(bytes));
  if (!EqualInConstantTime(mac.data(), bytes.data() + kSignedBytes, kMacBytes)) return std::nullopt;
  Reader reader(bytes);
  reader.Get<uint8_t>();   // version
  reader.Get<uint32_t>();  // key id
  SealedGrant grant;
  grant.id.epoch = reader.Get<uint32_t>();
  grant.id.sequence = reader.Get<uint64_t>();
  grant.terms.tenant.value = reader.Get<uint32_t>();
  grant.terms.key.value = reader.Get<uint32_t>();
  grant.terms.pool.value = reader.Get<uint32_t>();
  const auto served = reader.Get<uint8_t>();
  if (served >= kServiceClassCount) return std::nullopt;
  grant.terms.served = static_cast<ServiceClass>(served);
  grant.terms.tariff = reader.Get<uint32_t>();
  grant.terms.posted = reader.Get<uint32_t>();
  grant.issued = Instant(static_cast<int64_t>(reader.Get<uint64_t>()));
  return grant;
}

}  // namespace

SealedBytes SealGrantBytes(const SealedGrant& grant, uint32_t key_id, const HmacKey& key) {
  Bytes bytes{};
  Writer writer(bytes);
  writer.Put(kLayoutVersion);
  writer.Put(key_id);
  writer.Put(grant.id.epoch);
  writer.Put(grant.id.sequence);
  writer.Put(grant.terms.tenant.value);
  writer.Put(grant.terms.key.value);
  writer.Put(grant.terms.pool.value);
  writer.Put(static_cast<uint8_t>(grant.terms.served));
  writer.Put(grant.terms.tariff);
  writer.Put(grant.terms.posted);
  writer.Put(static_cast<uint64_t>(grant.issued.nanoseconds_since_epoch()));
  const Mac mac = key.Sign(SignedPart(bytes));
  std::copy_n(mac.begin(), kMacBytes, bytes.begin() + kSignedBytes);
  return bytes;
}

std::optional<uint32_t> SigningKeyOfBytes(std::string_view text) {
  Bytes bytes;
  return Take(text, bytes) ? std::optional(SigningKey(bytes)) : std::nullopt;
}

std::optional<SealedGrant> OpenGrantBytes(std::string_view text, const HmacKey& key) {
  Bytes bytes;
  return Take(text, bytes) ? Open(bytes, key) : std::nullopt;
}

std::string SealGrant(const SealedGrant& grant, uint32_t key_id, const HmacKey& key) {
  const Bytes bytes = SealGrantBytes(grant, key_id, key);
  return std::string(kPrefix) + ToBase64Url({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::optional<uint32_t> SigningKeyOf(std::string_view name) {
  Bytes bytes;
  return Unwrap(name, bytes) ? std::optional(SigningKey(bytes)) : std::nullopt;
}

std::optional<SealedGrant> OpenGrant(std::string_view name, const HmacKey& key) {
  Bytes bytes;
  return Unwrap(name, bytes) ? Open(bytes, key) : std::nullopt;
}

}  // namespace penstock::auth
