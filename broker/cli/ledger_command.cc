// penstock ledger verify: does the journal of a data directory hold together, to the last entry, and its projections
// with it? penstock ledger stats: what is in there, and what it takes on disk. penstock ledger replay: do the arrivals
// of a boot give the same decisions again?
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/arrivals/replay.h"
#include "broker/auth/signing_key.h"
#include "broker/cli/answer_json.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/ledger_commands.h"
#include "broker/cli/server_commands.h"
#include "broker/cli/table.h"
#include "broker/config/moment.h"
#include "broker/core/past.h"
#include "broker/market/sales_check.h"
#include "ledger/archive.h"
#include "ledger/books_loader.h"
#include "ledger/books_rows.h"
#include "ledger/ledger.h"

namespace penstock::cli {
namespace {

struct DirectoryOptions {
  std::string data_dir;
  Output output = Output::kTable;
  uint32_t epoch = 0;  // of replay; 0: the newest in the arrival log
};

struct VerifyOptions : DirectoryOptions {
  std::string archive;     // of what was dropped; empty: not looked at
  std::string against;     // a signed head
  std::string public_key;  // PEM; empty: the data directory's own
};

int Broken(const absl::Status& status, const DirectoryOptions& options, Terminal& terminal) {
  if (options.output == Output::kJson) {
    terminal.out << Printed({{"verified", false}, {"error", status.message()}});
  }
  return FailLedger("verify", status, terminal);
}

/// Whether a head that was signed earlier lies on this journal's chain.
absl::StatusOr<ledger::SignedHead> CheckAgainst(const VerifyOptions& options, const ledger::Journal& journal) {
  const absl::StatusOr<ledger::SignedHead> head = ReadHeadFile(options.against);
  if (!head.ok()) return head.status();
  const absl::StatusOr<ledger::PublicKey> key = TrustedKey(options.public_key, options.data_dir);
  if (!key.ok()) return key.status();
  if (head->public_key != *key) {
    return absl::DataLossError(options.against + ": it was signed with another key (" +
                               ledger::ToHex(head->public_key) + ") than the one to trust (" + ledger::ToHex(*key) +
                               (options.public_key.empty() ? "): name a former key with --public-key" : ")"));
  }
  if (absl::Status lies = ledger::CheckLiesOn(journal, *head); !lies.ok()) {
    return absl::Status(lies.code(), options.against + ": " + std::string(lies.message()));
  }
  return head;
}

/// The journal, whole where it can be: every segment of the archive is read, and what was dropped comes from there.
absl::StatusOr<std::unique_ptr<ledger::Journal>> OpenWhole(const VerifyOptions& options, const Parts& parts) {
  auto journal = parts.journal(options.data_dir, /*read_only=*/true);
  if (!journal.ok() || options.archive.empty()) return journal;
  absl::StatusOr<std::vector<ledger::Segment>> segments = ledger::ListSegments(options.archive);
  if (!segments.ok()) return segments.status();
  if (absl::Status belong = ledger::CheckBelong(**journal, *segments); !belong.ok()) return belong;
  for (const ledger::Segment& segment : *segments) {
    if (absl::Status whole = ledger::CheckSegment(segment); !whole.ok()) return whole;
    if (segment.is_signed() && !auth::IsSigned(segment.after)) {
      return absl::DataLossError(segment.path + ": the signature does not fit");
    }
  }
  return ledger::WithArchive(*std::move(journal), *std::move(segments));
}

int VerifyData(const VerifyOptions& options, const Parts& parts, Terminal& terminal) {
  const auto journal = OpenWhole(options, parts);
  if (!journal.ok()) return Broken(journal.status(), options, terminal);
  market::SalesCheck<market::CapacityCalendar> sales;
  const absl::StatusOr<ledger::Verification> found = ledger::Verify(
      **journal, ledger::kRememberedEnds,
      [&sales](const ledger::Entry& entry, const ledger::Books& before) { return sales.Observe(entry, before); });
  if (!found.ok()) return Broken(found.status(), options, terminal);
  std::optional<ledger::SignedHead> witness;
  if (!options.against.empty()) {
    const absl::StatusOr<ledger::SignedHead> head = CheckAgainst(options, **journal);
    if (!head.ok()) return Broken(head.status(), options, terminal);
    witness = *head;
  }
  if (options.output == Output::kJson) {
    nlohmann::ordered_json posted = nlohmann::ordered_json::array();
    for (const ledger::CurrencyAccounts& one : found->books.accounts().currencies()) {
      posted.push_back({{"currency", one.currency}, {"amount", one.revenue.ToDecimal()}});
    }
    nlohmann::ordered_json json = {{"verified", true},
                                   {"entries", found->entries},
                                   {"head", ledger::ToHex(found->head.hash)},
                                   {"open_holds", found->open_holds},
                                   {"projections", {{"sequence", found->projected}, {"rows", found->rows}}},
                                   {"boot_epoch", found->books.epoch()},
                                   {"statements", found->statements},
                                   {"posted", posted}};
    if (found->dropped.segments > 0) {
      json["not_looked_at"] = {{"dropped_segments", found->dropped.segments},
                               {"dropped_up_to", found->dropped.head.sequence},
                               {"chain_only_up_to", found->applied - 1}};
    }
    if (witness) json["against"] = ToJson(*witness);
    terminal.out << Printed(json);
    return kOk;
  }
  Sheet sheet;
  if (found->dropped.segments == 0) {
    sheet.Add("verified", "yes: sequence, chain, every transition, every sum, every charge, every statement, every sale");
  } else {
    const std::string dropped = std::to_string(found->dropped.head.sequence);
    sheet.Add("verified", "in part: sequence and chain from " + std::to_string(found->dropped.head.sequence + 1) +
                              " on; transitions, sums and charges from " + std::to_string(found->applied) + " on");
    sheet.Add("not looked at", "sequences 1 to " + dropped + ": segments 1 to " +
                                   std::to_string(found->dropped.segments) +
                                   " were dropped; name their --archive to look at everything");
  }
  sheet.Add("entries", std::to_string(found->entries));
  sheet.Add("head", ledger::ToHex(found->head.hash));
  sheet.Add("boot epoch", std::to_string(found->books.epoch()));
  sheet.Add("open holds", std::to_string(found->open_holds));
  sheet.Add("statements", std::to_string(found->statements));
  for (const ledger::CurrencyAccounts& one : found->books.accounts().currencies()) {
    sheet.Add("posted", one.revenue.ToDecimal() + " " + one.currency);
  }
  sheet.Add("projections", found->projected == 0 ? "none"
                                                 : std::to_string(found->rows) +
                                                       " rows; the books' are what the entries up to sequence " +
                                                       std::to_string(found->projected) + " give");
  if (witness) {
    sheet.Add("signed head", "of sequence " + std::to_string(witness->head.sequence) + ", signed " +
                                 config::FormatInstant(witness->at) + ": everything up to it is unchanged");
  }
  terminal.out << sheet.Render(terminal.colour);
  return kOk;
}

/// Rows of one kind.
struct Extent {
  uint64_t rows = 0;
  uint64_t bytes = 0;  // of keys and values, before RocksDB compresses them
};

std::string NameOfKind(std::string_view key) {
  constexpr std::string_view kBooks[] = {"header", "names", "tariffs", "balances",     "epochs", "ended grants",
                                         "grants", "ends",  "buckets", "base windows", "seconds"};
  constexpr std::string_view kEngine[] = {"charges by key and day", "runs", "ended leases", "limits"};
  const auto kind = static_cast<uint8_t>(key.front());
  const auto engine = static_cast<uint8_t>(core::OwnRow::kCharged);
  if (kind < std::size(kBooks)) return std::string(kBooks[kind]);
  if (kind >= engine && kind - engine < static_cast<int>(std::size(kEngine))) {
    return std::string(kEngine[kind - engine]);
  }
  return "unknown";
}

uint64_t BytesIn(const std::string& directory) {
  uint64_t bytes = 0;
  std::error_code ignored;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory, ignored)) {
    if (file.is_regular_file(ignored)) bytes += file.file_size(ignored);
  }
  return bytes;
}

struct Stats {
  uint64_t entries = 0;
  uint64_t journal_bytes = 0;
  uint64_t projection_bytes = 0;
  uint64_t reflected = 0;
  std::map<std::string, Extent> rows;
  uint64_t tenants = 0;
  std::optional<Instant> first_window;
  Instant last_window;

  /// At the rate so far; nothing while that is less than a day.
  std::optional<uint64_t> BytesPerTenantMonth() const {
    if (!first_window || tenants == 0 || last_window - *first_window < Days(1)) return std::nullopt;
    const auto minutes = static_cast<uint64_t>((last_window - *first_window).count() / Minutes(1).count());
    return (journal_bytes + projection_bytes) / tenants * (30 * 24 * 60) / minutes;
  }
};

absl::StatusOr<Stats> Measure(const std::string& directory, const Parts& parts) {
  const auto journal = parts.journal(directory, /*read_only=*/true);
  if (!journal.ok()) return journal.status();
  Stats stats;
  stats.entries = (*journal)->head().sequence;
  stats.journal_bytes = BytesIn(directory + "/journal");
  stats.projection_bytes = BytesIn(directory + "/projections");
  const ledger::ProjectionStore* projections = (*journal)->projections();
  if (projections == nullptr) return stats;
  const absl::Status read = projections->Read([&stats](std::string_view key, std::string_view value) {
    Extent& extent = stats.rows[NameOfKind(key)];
    ++extent.rows;
    extent.bytes += key.size() + value.size();
    if (ledger::KindOf(key) == ledger::RowKind::kHeader) {
      ledger::BooksLoader header(ledger::kRememberedEnds);
      if (header.Add(key, value).ok()) stats.reflected = header.as_of().sequence;
    } else if (ledger::KindOf(key) == ledger::RowKind::kBalance) {
      ++stats.tenants;
    } else if (ledger::KindOf(key) == ledger::RowKind::kWindow) {
      const std::string_view start = key.substr(key.size() - sizeof(uint64_t));
      const Instant at(static_cast<int64_t>(ledger::RowReader(start).Big64()));
      stats.first_window = std::min(stats.first_window.value_or(at), at);
      stats.last_window = std::max(stats.last_window, at);
    }
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  return stats;
}

int ShowStats(const DirectoryOptions& options, const Parts& parts, Terminal& terminal) {
  const absl::StatusOr<Stats> stats = Measure(options.data_dir, parts);
  if (!stats.ok()) return FailLedger("stats", stats.status(), terminal);
  const std::optional<uint64_t> per_month = stats->BytesPerTenantMonth();
  if (options.output == Output::kJson) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::object();
    for (const auto& [kind, extent] : stats->rows) rows[kind] = {{"rows", extent.rows}, {"bytes", extent.bytes}};
    nlohmann::ordered_json json = {{"entries", stats->entries},
                                   {"journal_bytes", stats->journal_bytes},
                                   {"projection_bytes", stats->projection_bytes},
                                   {"reflected", stats->reflected},
                                   {"projections", rows},
                                   {"tenants", stats->tenants}};
    if (per_month) json["bytes_per_tenant_month"] = *per_month;
    terminal.out << Printed(json);
    return kOk;
  }
  Sheet sheet;
  sheet.Add("entries", std::to_string(stats->entries));
  sheet.Add("journal", std::to_string(stats->journal_bytes) + " bytes on disk");
  sheet.Add("projections", std::to_string(stats->projection_bytes) + " bytes on disk, up to sequence " +
                               std::to_string(stats->reflected));
  sheet.Add("tenants", std::to_string(stats->tenants));
  sheet.Add("per tenant and month",
            per_month ? std::to_string(*per_month) + " bytes at the rate so far" : "not known before a day has passed");
  terminal.out << sheet.Render(terminal.colour) << "\n";
  Table table({{"rows of"}, {"count", Table::Align::kRight}, {"bytes", Table::Align::kRight}});
  for (const auto& [kind, extent] : stats->rows) {
    table.AddRow({kind, std::to_string(extent.rows), std::to_string(extent.bytes)});
  }
  terminal.out << table.Render(terminal.colour);
  return kOk;
}

absl::StatusOr<arrivals::Replayed> ReplayData(const DirectoryOptions& options, const Parts& parts) {
  const auto journal = parts.journal(options.data_dir, /*read_only=*/true);
  if (!journal.ok()) return journal.status();
  const absl::StatusOr<std::vector<arrivals::LogFile>> files = arrivals::ListLog(options.data_dir);
  if (!files.ok()) return files.status();
  if (files->empty()) {
    return absl::NotFoundError("there is no arrival log in " + options.data_dir +
                               ": the daemon keeps one unless arrival_log.max_bytes is 0");
  }
  absl::StatusOr<arrivals::LogReader> log =
      arrivals::LogReader::Open(options.data_dir, options.epoch == 0 ? files->back().epoch : options.epoch);
  if (!log.ok()) return log.status();
  return arrivals::Replay(*std::move(log), **journal, parts.scheduling);
}

nlohmann::ordered_json ReplayJson(const arrivals::Replayed& replayed) {
  nlohmann::ordered_json json = {{"epoch", replayed.epoch},
                                 {"same", replayed.same()},
                                 {"reproducible", replayed.from_the_beginning},
                                 {"commands", replayed.commands},
                                 {"admits", replayed.admits},
                                 {"decisions_equal", replayed.decisions},
                                 {"orderly_end", replayed.stopped},
                                 {"cut_bytes", replayed.cut_bytes}};
  if (replayed.from_the_beginning) {
    json["journal"] = {{"equal", !replayed.difference && !replayed.other_head},
                       {"sequence", replayed.head.sequence},
                       {"head", ledger::ToHex(replayed.head.hash)},
                       {"unlogged_entries", replayed.unlogged_entries}};
  }
  if (replayed.other_head) json["journal"]["difference"] = *replayed.other_head;
  if (replayed.difference) {
    const arrivals::Difference& first = *replayed.difference;
    json["difference"] = {{"command", first.command}, {"asked", first.asked}, {"then", first.then}, {"now", first.now}};
  }
  return json;
}

Sheet ReplaySheet(const arrivals::Replayed& replayed) {
  Sheet sheet;
  sheet.Add("epoch", std::to_string(replayed.epoch));
  sheet.Add("commands", std::to_string(replayed.commands) + ", " + std::to_string(replayed.admits) + " of them Admit");
  if (replayed.from_the_beginning) {
    sheet.Add("decisions equal", std::to_string(replayed.decisions));
  } else {
    sheet.Add("decisions", "cannot be reproduced: the beginning of this boot's log was dropped to keep its bound");
  }
  if (const auto& first = replayed.difference) {
    sheet.Add("first difference", "command " + std::to_string(first->command) + " (" + first->asked + ")");
    sheet.Add("decided then", first->then);
    sheet.Add("decided now", first->now);
  }
  if (replayed.from_the_beginning && !replayed.difference) {
    sheet.Add("journal", replayed.other_head ? "differs: " + *replayed.other_head
                                             : "equal up to sequence " + std::to_string(replayed.head.sequence) + ", " +
                                                   ledger::ToHex(replayed.head.hash));
    if (replayed.unlogged_entries > 0) {
      sheet.Add("after the log", std::to_string(replayed.unlogged_entries) +
                                     " entries whose commands were not yet written when the daemon ended");
    }
  }
  sheet.Add("end of the log", replayed.stopped ? "an orderly stop" : "the daemon was killed, or runs on");
  if (replayed.cut_bytes > 0) sheet.Add("torn", std::to_string(replayed.cut_bytes) + " bytes at the end, left out");
  return sheet;
}

int ShowReplay(const DirectoryOptions& options, const Parts& parts, Terminal& terminal) {
  const absl::StatusOr<arrivals::Replayed> replayed = ReplayData(options, parts);
  if (!replayed.ok()) {
    terminal.err << "penstock ledger replay: " << replayed.status().message() << "\n";
    return replayed.status().code() == absl::StatusCode::kDataLoss ? kRefused : ExitCodeOf(replayed.status());
  }
  if (options.output == Output::kJson) {
    terminal.out << Printed(ReplayJson(*replayed));
  } else {
    terminal.out << ReplaySheet(*replayed).Render(terminal.colour);
  }
  return replayed->same() ? kOk : kRefused;
}

}  // namespace

void AddDirectory(CLI::App& command, std::string* directory, bool optional) {
  CLI::Option* option = command.add_option("DIR,--data", *directory, "The daemon's data_dir; stop the daemon first");
  if (!optional) option->required();
}

int FailLedger(std::string_view command, const absl::Status& status, Terminal& terminal) {
  terminal.err << "penstock ledger " << command << ": " << status.message() << "\n";
  return absl::IsDataLoss(status) ? kRefused : ExitCodeOf(status);
}

void AddLedgerCommand(CLI::App& app, Invocation& invocation, const Parts& parts) {
  CLI::App* ledger = app.add_subcommand("ledger", "Look after a data directory");
  ledger->require_subcommand(1);
  CLI::App* verify = ledger->add_subcommand("verify",
                                            "Read the whole journal and check it, and the projections against it: exit "
                                            "0 if all holds together, 1 with the place if it does not");
  auto options = std::make_shared<VerifyOptions>();
  AddDirectory(*verify, &options->data_dir);
  verify->add_option("--archive", options->archive,
                     "Where segments were archived: they are read, too, and stand in for those that were dropped");
  verify->add_option("--against", options->against,
                     "A head that `penstock ledger head -o json` printed earlier: it must lie on this journal's chain");
  verify->add_option("--public-key", options->public_key,
                     "PEM: the key that the head must be signed with, when it is not DIR's own");
  AddOutputFlag(*verify, options->output);
  OnRun(*verify, invocation, [options, &parts](Terminal& terminal) { return VerifyData(*options, parts, terminal); });

  CLI::App* stats = ledger->add_subcommand("stats", "Entries, rows by kind, and what they take on disk");
  auto of_stats = std::make_shared<DirectoryOptions>();
  AddDirectory(*stats, &of_stats->data_dir);
  AddOutputFlag(*stats, of_stats->output);
  OnRun(*stats, invocation, [of_stats, &parts](Terminal& terminal) { return ShowStats(*of_stats, parts, terminal); });

  CLI::App* replay = ledger->add_subcommand("replay",
                                            "Feed the recorded arrivals of a boot to an engine opened as it was then: "
                                            "exit 0 if every decision and the journal come out the same, 1 with the "
                                            "first difference if not, or if the log's beginning was dropped");
  auto of_replay = std::make_shared<DirectoryOptions>();
  AddDirectory(*replay, &of_replay->data_dir);
  replay->add_option("--epoch", of_replay->epoch, "Which boot; the newest unless said otherwise");
  AddOutputFlag(*replay, of_replay->output);
  OnRun(*replay, invocation,
        [of_replay, &parts](Terminal& terminal) { return ShowReplay(*of_replay, parts, terminal); });
  AddHeadCommands(*ledger, invocation, parts);
  AddSegmentCommands(*ledger, invocation, parts);
  AddBackupCommands(*ledger, invocation, parts);
}

}  // namespace penstock::cli
