// A data directory copied as a whole, keys included: as a backup, or back from one.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <string>

#include "ledger/ledger.h"

namespace penstock::ledger {

/// Opens a data directory's journal for reading only.
using OpenForReading = std::function<absl::StatusOr<std::unique_ptr<Journal>>(const std::string& directory)>;

/// Copies `from`, which nobody may have open, to `to`, which must be absent or empty. The copy grows under a temporary
/// name (TO.partial), is synced, read whole by Verify, and only then gets its own: a crash leaves no half copy there.
/// Archived segments are not part of a data directory. FAILED_PRECONDITION when a daemon has `from`, or `to` is not
/// empty; what Verify says when the copy does not hold together (it is then removed).
absl::StatusOr<Verification> CopyVerified(const std::string& from, const std::string& to, const OpenForReading& open);

}  // namespace penstock::ledger
