// What the commands under `penstock ledger` share, and where each registers. They look after a data directory; the
// daemon that runs on it must be stopped for those that change something, and its lock sees to it.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "admission/vocabulary/time.h"
#include "broker/cli/table.h"
#include "broker/cli/terminal.h"
#include "ledger/journal.h"
#include "ledger/signed_head.h"

namespace CLI {
class App;
}

namespace penstock::cli {

struct Invocation;
struct Parts;

void AddHeadCommands(CLI::App& ledger, Invocation& invocation, const Parts& parts);     // head, public-key
void AddSegmentCommands(CLI::App& ledger, Invocation& invocation, const Parts& parts);  // archive, drop, unarchive
void AddBackupCommands(CLI::App& ledger, Invocation& invocation, const Parts& parts);   // backup, restore, export

/// DIR, also as --data DIR; required unless `optional`.
void AddDirectory(CLI::App& command, std::string* directory, bool optional = false);

/// Says what went wrong and picks the exit status: a ledger that does not hold together is a refusal.
int FailLedger(std::string_view command, const absl::Status& status, Terminal& terminal);

/// A signed head as `penstock ledger head -o json` prints it, and back. Reading checks form and signature, not whose
/// key it is: INVALID_ARGUMENT or DATA_LOSS.
nlohmann::ordered_json ToJson(const ledger::SignedHead& head);
absl::StatusOr<ledger::SignedHead> ReadHeadFile(const std::string& path);

/// The key that heads must be signed with: of the PEM file when one is named, else the data directory's own.
absl::StatusOr<ledger::PublicKey> TrustedKey(const std::string& pem_file, const std::string& data_directory);

/// The time on the wall.
Instant Now();

}  // namespace penstock::cli
