// penstock ledger backup, restore: a data directory copied whole. penstock ledger export: its entries as JSON lines.
#include "ledger/backup.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "broker/cli/answer_json.h"
#include "broker/cli/command_line.h"
#include "broker/cli/entry_json.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/ledger_commands.h"
#include "broker/cli/server_commands.h"
#include "broker/cli/table.h"
#include "ledger/archive.h"

namespace penstock::cli {
namespace {

struct CopyOptions {
  std::string from;
  std::string to;
  Output output = Output::kTable;
};

struct ExportOptions {
  std::string data_dir;
  std::string archive;
  std::string format = "jsonl";
  uint64_t from = 1;
  uint64_t to = UINT64_MAX;
};

int RunCopy(const char* command, const CopyOptions& options, const Parts& parts, Terminal& terminal) {
  const auto open = [&parts](const std::string& directory) { return parts.journal(directory, /*read_only=*/true); };
  const absl::StatusOr<ledger::Verification> found = ledger::CopyVerified(options.from, options.to, open);
  if (!found.ok()) return FailLedger(command, found.status(), terminal);
  if (options.output == Output::kJson) {
    terminal.out << Printed({{"copied_to", options.to},
                             {"verified", true},
                             {"entries", found->entries},
                             {"head", ledger::ToHex(found->head.hash)},
                             {"dropped_segments", found->dropped.segments}});
    return kOk;
  }
  terminal.out << "Copied " << options.from << " to " << options.to << " and verified the copy: " << found->entries
               << " entries, head " << ledger::ToHex(found->head.hash) << ".\n";
  if (found->dropped.segments > 0) {
    terminal.out << "Segments 1 to " << found->dropped.segments
                 << " were dropped from it: keep their archive as well.\n";
  }
  terminal.out << "It holds the keys that sign grants and heads: keep it private.\n";
  return kOk;
}

absl::Status WriteLines(const ExportOptions& options, const Parts& parts, std::ostream& out) {
  auto opened = parts.journal(options.data_dir, /*read_only=*/true);
  if (!opened.ok()) return opened.status();
  std::unique_ptr<ledger::Journal> journal = *std::move(opened);
  if (!options.archive.empty()) {
    absl::StatusOr<std::vector<ledger::Segment>> segments = ledger::ListSegments(options.archive);
    if (!segments.ok()) return segments.status();
    if (absl::Status belong = ledger::CheckBelong(*journal, *segments); !belong.ok()) return belong;
    journal = ledger::WithArchive(std::move(journal), *std::move(segments));
  }
  const absl::Status read = journal->Read(options.from, [&](uint64_t sequence, std::string_view payload) {
    if (sequence > options.to) return absl::CancelledError("far enough");
    const absl::StatusOr<ledger::Entry> entry = ledger::Decode(payload);
    if (!entry.ok()) return entry.status();
    nlohmann::ordered_json line = {{"sequence", sequence}};
    line.update(ToJson(*entry));
    out << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
    return out.good() ? absl::OkStatus() : absl::InternalError("cannot write the lines");
  });
  return absl::IsCancelled(read) ? absl::OkStatus() : read;
}

int RunExport(const ExportOptions& options, const Parts& parts, Terminal& terminal) {
  const absl::Status written = WriteLines(options, parts, terminal.out);
  return written.ok() ? kOk : FailLedger("export", written, terminal);
}

}  // namespace

void AddBackupCommands(CLI::App& ledger, Invocation& invocation, const Parts& parts) {
  auto of_backup = std::make_shared<CopyOptions>();
  CLI::App* backup = ledger.add_subcommand("backup", "Copy a data directory whole, keys included, and verify the copy");
  AddDirectory(*backup, &of_backup->from);
  backup->add_option("--to", of_backup->to, "Where to; absent or empty")->required();
  AddOutputFlag(*backup, of_backup->output);
  OnRun(*backup, invocation,
        [of_backup, &parts](Terminal& terminal) { return RunCopy("backup", *of_backup, parts, terminal); });

  auto of_restore = std::make_shared<CopyOptions>();
  CLI::App* restore = ledger.add_subcommand("restore", "Make a data directory from a backup, once it is verified");
  restore->add_option("BACKUP", of_restore->from, "What `penstock ledger backup` made")->required();
  restore->add_option("--to", of_restore->to, "The data directory; absent or empty")->required();
  AddOutputFlag(*restore, of_restore->output);
  OnRun(*restore, invocation,
        [of_restore, &parts](Terminal& terminal) { return RunCopy("restore", *of_restore, parts, terminal); });

  auto of_export = std::make_shared<ExportOptions>();
  CLI::App* lines = ledger.add_subcommand("export", "The journal's entries as JSON lines on stdout");
  AddDirectory(*lines, &of_export->data_dir);
  lines->add_option("-o,--format", of_export->format, "jsonl")->check(CLI::IsMember({"jsonl"}))->capture_default_str();
  lines->add_option("--from", of_export->from, "First sequence")->check(CLI::PositiveNumber)->capture_default_str();
  lines->add_option("--to", of_export->to, "Last sequence; without it, to the end");
  lines->add_option("--archive", of_export->archive, "Where dropped segments are read from");
  OnRun(*lines, invocation, [of_export, &parts](Terminal& terminal) { return RunExport(*of_export, parts, terminal); });
}

}  // namespace penstock::cli
