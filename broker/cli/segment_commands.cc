// penstock ledger archive, drop, unarchive: finished segments of the journal as files, and out of it.
#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "broker/auth/signing_key.h"
#include "broker/cli/answer_json.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/ledger_commands.h"
#include "broker/cli/server_commands.h"
#include "broker/cli/table.h"
#include "ledger/archive.h"

namespace penstock::cli {
namespace {

struct SegmentOptions {
  std::string data_dir;
  std::string archive;
  uint64_t segment_entries = ledger::kSegmentEntries;
  ledger::DropTerms drop;
  Output output = Output::kTable;
};

/// Segments are signed where the data directory has a key.
absl::StatusOr<ledger::HeadSigner> SignerOf(const std::string& data_dir) {
  absl::StatusOr<auth::SigningKey> key = auth::SigningKey::Read(data_dir);
  if (absl::IsNotFound(key.status())) return ledger::HeadSigner();
  if (!key.ok()) return key.status();
  return [key = *std::move(key)](const ledger::Hash& journal, const ledger::Head& head) {
    return key.Sign(journal, head, Now());
  };
}

nlohmann::ordered_json Described(const ledger::Segment& segment) {
  nlohmann::ordered_json json = {{"segment", segment.number},
                                 {"first", segment.first()},
                                 {"last", segment.last()},
                                 {"hash", ledger::ToHex(segment.after.head.hash)},
                                 {"file", segment.path}};
  if (segment.is_signed()) json["signed_head"] = ToJson(segment.after);
  return json;
}

int RunArchive(const SegmentOptions& options, const Parts& parts, Terminal& terminal) {
  const auto journal = parts.journal(options.data_dir, /*read_only=*/true);
  if (!journal.ok()) return FailLedger("archive", journal.status(), terminal);
  const absl::StatusOr<ledger::HeadSigner> signer = SignerOf(options.data_dir);
  if (!signer.ok()) return FailLedger("archive", signer.status(), terminal);
  const auto written = ledger::Archive(**journal, options.archive, options.segment_entries, *signer);
  if (!written.ok()) return FailLedger("archive", written.status(), terminal);
  if (options.output == Output::kJson) {
    nlohmann::ordered_json json = {{"archived", nlohmann::ordered_json::array()}};
    for (const ledger::Segment& segment : *written) json["archived"].push_back(Described(segment));
    terminal.out << Printed(json);
    return kOk;
  }
  if (written->empty()) {
    terminal.out << "Nothing to archive: every finished segment is in " << options.archive << ".\n";
    return kOk;
  }
  Table table({{"segment", Table::Align::kRight},
               {"first", Table::Align::kRight},
               {"last", Table::Align::kRight},
               {"signed"},
               {"file"}});
  for (const ledger::Segment& segment : *written) {
    table.AddRow({std::to_string(segment.number), std::to_string(segment.first()), std::to_string(segment.last()),
                  segment.is_signed() ? "yes" : "no", segment.path});
  }
  terminal.out << table.Render(terminal.colour);
  return kOk;
}

int RunDrop(const SegmentOptions& options, const Parts& parts, Terminal& terminal) {
  const auto journal = parts.journal(options.data_dir, /*read_only=*/false);
  if (!journal.ok()) return FailLedger("drop", journal.status(), terminal);
  const auto result = ledger::DropArchived(**journal, options.archive, options.drop);
  if (!result.ok()) return FailLedger("drop", result.status(), terminal);
  const uint64_t begins = result->dropped.head.sequence + 1;
  if (options.output == Output::kJson) {
    terminal.out << Printed({{"dropped_now", result->segments},
                             {"dropped_segments", result->dropped.segments},
                             {"journal_begins_at", begins},
                             {"held_back", result->held_back}});
    return kOk;
  }
  terminal.out << "Dropped " << result->segments << " segments; " << result->dropped.segments
               << " are dropped in all, and the journal begins at sequence " << begins << ".\n";
  if (!result->held_back.empty()) terminal.out << "No more, because " << result->held_back << ".\n";
  return kOk;
}

int RunUnarchive(const SegmentOptions& options, const Parts& parts, Terminal& terminal) {
  const auto journal = parts.journal(options.data_dir, /*read_only=*/false);
  if (!journal.ok()) return FailLedger("unarchive", journal.status(), terminal);
  const absl::StatusOr<uint64_t> segments = ledger::Unarchive(**journal, options.archive);
  if (!segments.ok()) return FailLedger("unarchive", segments.status(), terminal);
  if (options.output == Output::kJson) {
    terminal.out << Printed({{"taken_back", *segments}});
  } else {
    terminal.out << "Took back " << *segments << " segments: the journal begins at sequence 1.\n";
  }
  return kOk;
}

}  // namespace

void AddSegmentCommands(CLI::App& ledger, Invocation& invocation, const Parts& parts) {
  auto of_archive = std::make_shared<SegmentOptions>();
  CLI::App* archive = ledger.add_subcommand(
      "archive", "Write the journal's finished segments that are not archived yet as files; run it again at any time");
  AddDirectory(*archive, &of_archive->data_dir);
  archive->add_option("--to", of_archive->archive, "The archive's directory; made if absent")->required();
  archive->add_option("--segment-entries", of_archive->segment_entries, "A segment ends with the row that reaches it")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40))
      ->capture_default_str();
  AddOutputFlag(*archive, of_archive->output);
  OnRun(*archive, invocation,
        [of_archive, &parts](Terminal& terminal) { return RunArchive(*of_archive, parts, terminal); });

  auto of_drop = std::make_shared<SegmentOptions>();
  CLI::App* drop = ledger.add_subcommand(
      "drop", "Remove archived segments from the journal, as far as opening it does not need them");
  AddDirectory(*drop, &of_drop->data_dir);
  drop->add_option("--archive", of_drop->archive, "Where they were archived; each is read whole first")->required();
  drop->add_option("--before", of_drop->drop.before, "Only segments that end before this sequence");
  drop->add_option("--keep", of_drop->drop.keep, "Not the newest so many of the archive");
  AddOutputFlag(*drop, of_drop->output);
  OnRun(*drop, invocation, [of_drop, &parts](Terminal& terminal) { return RunDrop(*of_drop, parts, terminal); });

  auto of_unarchive = std::make_shared<SegmentOptions>();
  CLI::App* unarchive = ledger.add_subcommand("unarchive", "Put dropped segments back into the journal");
  AddDirectory(*unarchive, &of_unarchive->data_dir);
  unarchive->add_option("--archive", of_unarchive->archive, "Where they were archived")->required();
  AddOutputFlag(*unarchive, of_unarchive->output);
  OnRun(*unarchive, invocation,
        [of_unarchive, &parts](Terminal& terminal) { return RunUnarchive(*of_unarchive, parts, terminal); });
}

}  // namespace penstock::cli
