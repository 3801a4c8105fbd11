// The bytes of a file, as they are read; and writing one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sim/traces/byte_source.h"

namespace penstock::sim {

/// NOT_FOUND and the like, with the path, when it cannot be opened or read.
absl::StatusOr<std::unique_ptr<ByteSource>> BytesOfFile(const std::string& path);

/// SHA-256 in hexadecimal digits. NOT_FOUND and the like, as above.
absl::StatusOr<std::string> HashOfFile(const std::string& path);

/// In place of what is there. UNKNOWN, with the path and the reason, when it cannot be written.
absl::Status WriteFile(const std::string& path, std::string_view bytes);

}  // namespace penstock::sim
