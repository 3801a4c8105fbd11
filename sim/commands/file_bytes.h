// The bytes of a file, as they are read.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "sim/traces/byte_source.h"

namespace penstock::sim {

/// NOT_FOUND and the like, with the path, when it cannot be opened or read.
absl::StatusOr<std::unique_ptr<ByteSource>> BytesOfFile(const std::string& path);

}  // namespace penstock::sim
