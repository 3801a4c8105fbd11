// Small files that hold keys: private to their owner, replaced as a whole or not at all.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>

namespace penstock::auth {

/// The contents. NOT_FOUND when there is none; FAILED_PRECONDITION when others than its owner may read or write it
/// (says which chmod helps), or when it is not a regular file of at most 1 MiB.
absl::StatusOr<std::string> ReadSecretFile(const std::string& path);

/// Puts `contents` there with mode 0600, durably: a temporary file beside it, fsync, rename, fsync of the directory.
/// After a crash the file has its old or its new contents.
absl::Status ReplaceSecretFile(const std::string& path, std::string_view contents);

/// As ReplaceSecretFile, but ALREADY_EXISTS when there is such a file.
absl::Status CreateSecretFile(const std::string& path, std::string_view contents);

}  // namespace penstock::auth
