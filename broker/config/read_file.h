// A whole file as text.
#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <string>

namespace penstock::config {

/// At most one byte more than `limit`, so that an excess is seen. Regular files only.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit);

}  // namespace penstock::config
