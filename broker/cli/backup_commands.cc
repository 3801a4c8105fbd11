// penstock ledger backup, restore: a data directory copied whole. penstock ledger export: its entries as JSON lines.
#include "ledger/backup.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "broker/cli/answer_json.h"
#include "broker/cli/arguments.h"
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
  std::string tenant;  // and the following: empty: all
  std::string since;
  std::string until;
};

/// Which entries an export is about. Sees every entry from the first on, because ends of grants do not say whose they
/// are.
class Wanted {
 public:
  explicit Wanted(const ExportOptions& options) : options_(options) {
    if (!options.since.empty()) since_ = AtOf(options.since);
    if (!options.until.empty()) until_ = AtOf(options.until);
  }
  bool operator()(uint64_t sequence, const ledger::Entry& entry) {
    const std::optional<TenantId> tenant = std::visit([this](const auto& e) { return TenantOf(e); }, entry);
    const bool in_time = std::visit(
        [this](const auto& e) {
          if constexpr (requires { e.at; }) return e.at >= since_ && e.at < until_;
          return options_.since.empty() && options_.until.empty();
        },
        entry);
    return sequence >= options_.from && in_time && (options_.tenant.empty() || (tenant && tenant == tenant_));
  }

  bool knows_tenant() const { return tenant_.has_value(); }

 private:
  static Instant AtOf(const std::string& text) {
    const google::protobuf::Timestamp time = *ParseMoment(text);  // checked by IsMoment
    return Instant(time.seconds() * Seconds(1).count() + time.nanos());
  }
  std::optional<TenantId> TenantOf(const ledger::NameEntry& name) {
    const bool is_it = name.kind == ledger::NameKind::kTenant && name.name == options_.tenant;
    if (is_it) tenant_ = TenantId{name.id};
    return is_it ? tenant_ : std::nullopt;
  }
  std::optional<TenantId> TenantOf(const ledger::GrantEntry& grant) {
    return open_[grant.id] = grant.terms.tenant;
  }
  std::optional<TenantId> TenantOf(const ledger::SettleEntry& settle) {
    open_.erase(settle.id);
    return settle.terms.tenant;
  }
  std::optional<TenantId> TenantOf(const ledger::ProgressEntry& progress) const { return OfGrant(progress.id); }
  std::optional<TenantId> TenantOf(const ledger::VoidEntry& gone) { return Ended(gone.id); }
  std::optional<TenantId> TenantOf(const ledger::ExpireEntry& expired) { return Ended(expired.id); }
  std::optional<TenantId> TenantOf(const ledger::AlertEntry& alert) const { return alert.budget.tenant; }
  std::optional<TenantId> TenantOf(const ledger::BudgetRaiseEntry& raise) {
    raises_.push_back(raise.budget.tenant);
    return raise.budget.tenant;
  }
  std::optional<TenantId> TenantOf(const ledger::BudgetChangeEntry& change) const {
    return change.id - 1 < raises_.size() ? std::optional(raises_[change.id - 1]) : std::nullopt;
  }
  std::optional<TenantId> TenantOf(const ledger::QuoteEntry& quote) { return quotes_[quote.id] = quote.tenant; }
  std::optional<TenantId> TenantOf(const ledger::QuoteEndEntry& end) const { return Find(quotes_, end.id); }
  std::optional<TenantId> TenantOf(const ledger::BidEntry& bid) { return bids_[bid.id] = bid.tenant; }
  std::optional<TenantId> TenantOf(const ledger::BidEndEntry& end) const { return Find(bids_, end.id); }
  std::optional<TenantId> TenantOf(const ledger::ReservationEntry& entry) {
    return reservations_[entry.id] = entry.tenant;
  }
  std::optional<TenantId> TenantOf(const ledger::DeliveryEntry& delivery) const {
    return Find(reservations_, delivery.reservation);
  }
  template <class E>
  std::optional<TenantId> TenantOf(const E& e) const {
    if constexpr (requires { TenantId(e.tenant); }) return e.tenant;
    return std::nullopt;
  }
  template <class Key>
  static std::optional<TenantId> Find(const std::map<Key, TenantId>& of, Key id) {
    const auto found = of.find(id);
    return found == of.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<TenantId> OfGrant(GrantId id) const { return Find(open_, id); }
  std::optional<TenantId> Ended(GrantId id) {
    const std::optional<TenantId> tenant = OfGrant(id);
    open_.erase(id);
    return tenant;
  }

  const ExportOptions& options_;
  Instant since_;
  Instant until_ = Instant::Max();
  std::optional<TenantId> tenant_;
  std::map<GrantId, TenantId> open_;
  std::map<uint64_t, TenantId> quotes_;
  std::map<uint64_t, TenantId> bids_;
  std::map<uint32_t, TenantId> reservations_;
  std::vector<TenantId> raises_;  // by id - 1
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
  Wanted wanted(options);
  const uint64_t first = options.tenant.empty() ? options.from : 1;
  bool found = options.tenant.empty();
  const absl::Status read = journal->Read(first, [&](uint64_t sequence, std::string_view payload) {
    if (sequence > options.to) return absl::CancelledError("far enough");
    const absl::StatusOr<ledger::Entry> entry = ledger::Decode(payload);
    if (!entry.ok()) return entry.status();
    const bool is_wanted = wanted(sequence, *entry);
    found = found || wanted.knows_tenant();
    if (!is_wanted) return absl::OkStatus();
    nlohmann::ordered_json line = {{"sequence", sequence}};
    line.update(ToJson(*entry));
    out << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
    return out.good() ? absl::OkStatus() : absl::InternalError("cannot write the lines");
  });
  if (!read.ok() && !absl::IsCancelled(read)) return read;
  if (found) return absl::OkStatus();
  return absl::NotFoundError("no tenant '" + options.tenant + "' has a name in what was read");
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
  lines->add_option("--tenant", of_export->tenant, "Only this tenant's, by name: what is behind its statements");
  lines->add_option("--since", of_export->since, "Only what happened from then on, UTC")->check(IsMoment());
  lines->add_option("--until", of_export->until, "And before then")->check(IsMoment());
  OnRun(*lines, invocation, [of_export, &parts](Terminal& terminal) { return RunExport(*of_export, parts, terminal); });
}

}  // namespace penstock::cli
