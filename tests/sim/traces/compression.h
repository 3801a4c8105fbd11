// Compresses in tests, and hands bytes out in small pieces.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "sim/traces/byte_source.h"

namespace penstock::sim {

std::string Gzipped(std::string_view text);
std::string Zstandardised(std::string_view text);

/// At most `piece` bytes at a time. The text must outlive the source.
std::unique_ptr<ByteSource> InPieces(std::string_view text, size_t piece);

/// All bytes of the source, or its error.
absl::StatusOr<std::string> ReadAll(ByteSource& source);

}  // namespace penstock::sim
