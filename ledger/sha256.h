// SHA-256, and the digests that the journal and the dedupe tables keep.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace penstock::ledger {

using Hash = std::array<uint8_t, 32>;
/// The first half of a SHA-256: names a request body for dedupe.
using BodyDigest = std::array<uint8_t, 16>;

Hash Sha256(std::string_view bytes);
/// Of what `next` gives, piece by piece until an empty one.
Hash Sha256OfPieces(const std::function<std::string_view()>& next);
/// The chain: SHA-256(previous || payload).
Hash ChainHash(const Hash& previous, std::string_view payload);
/// SHA-256(tag as 4 little-endian bytes || bytes): for names that are someone's own.
Hash TaggedSha256(uint32_t tag, std::string_view bytes);
BodyDigest DigestOf(std::string_view bytes);
std::string ToHex(const Hash& hash);

}  // namespace penstock::ledger
