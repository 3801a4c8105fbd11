// The books as rows of a projection store, and back.
//
//   kind (1 byte) | key, big-endian              value
//   header                                       what there is one of; sizes; where to read on; a checksum
//   name          kind, id                       NameEntry
//   tariff        id                             TariffEntry
//   balance       tenant                         pending, posted, currency, from when windows are kept
//   epoch         epoch                          grants known, first word of ended bits
//   ended         epoch, chunk                   64 words of ended bits
//   grant         epoch, sequence                an open grant, as of a sequence; stays a while after it ended
//   end           number                         a remembered end that the journal alone would not give back
//   bucket, window, seconds                      the two meters; seconds before the watermark, by start
//   subscription  tenant                         SubscriptionEntry
//   credit        id                             what is left, CreditEntry
//   statement     id                             how it stands, StatementEntry
//   month         as a window's                  what is left of rolled up windows
//   key project   key                            project
//   cut name      id                             a run, or a value of a label
//   cut           bucket's key, cut name         the part of the bucket with that run or label
//   outcome name  id                             a kind of outcome
//   outcome       tenant, name, hour, cut name   accepted, rejected
//   report        id                             a remembered report of outcomes
//   alert         number                         AlertEntry
//   alerted       tenant, scope, subject, period the last thresholds of two periods
//   raise         id                             BudgetRaiseEntry and BudgetChangeEntry
//
// Remembered ends are not written: loading reads them from the journal, from a mark at or before the oldest of them.
// At the mark every open grant had a row, and rows stay until their grant's end is forgotten; so whatever ended behind
// the mark finds its grant among the rows or behind the mark as well.
//
// Loading: Add every row, then See the entries behind read_after() up to as_of(), then Finish.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/books.h"
#include "ledger/row_codec.h"

namespace penstock::ledger {

/// Rows of other owners begin with kFirstForeign or a higher byte.
enum class RowKind : uint8_t {
  kHeader,
  kName,
  kTariff,
  kBalance,
  kEpoch,
  kEnded,
  kGrant,
  kEnd,
  kBucket,
  kWindow,
  kSeconds,
  kSubscription,
  kCredit,
  kStatement,
  kMonth,
  kKeyProject,
  kCutName,
  kCut,
  kOutcomeName,
  kOutcome,
  kReport,
  kAlert,
  kAlerted,
  kRaise,
  kFirstForeign = 64,
};
constexpr RowKind KindOf(std::string_view key) {
  return key.empty() ? RowKind::kFirstForeign : static_cast<RowKind>(static_cast<uint8_t>(key.front()));
}
/// For people: "balance of tenant 3".
std::string DescribeRow(std::string_view key);

/// What a grant's row says.
struct GrantRow {
  OpenGrant open;
  uint64_t as_of = 0;  // the sequence it reflects
};
void WriteGrantRow(const OpenGrant& open, uint64_t as_of, std::string* bytes);
absl::StatusOr<GrantRow> ReadGrantRow(std::string_view value);
std::string GrantRowKey(GrantId id);

class BooksLoader {
 public:
  explicit BooksLoader(size_t remembered_ends) : books_(remembered_ends) {}

  /// In the order of their keys. DATA_LOSS names the row that does not fit; INVALID_ARGUMENT when the rows are of
  /// another format, or of books that remember another number of ends.
  absl::Status Add(std::string_view key, std::string_view value);
  /// Whether the header was among the rows: without it there is nothing.
  bool has_header() const { return has_header_; }
  /// The books will be those of the journal up to here.
  const Head& as_of() const { return as_of_; }
  uint64_t read_after() const { return read_after_; }

  /// Every entry from read_after() + 1 to as_of().sequence.
  absl::Status See(uint64_t sequence, const Entry& entry);
  /// Checks that nothing is missing, by count and by the sums of CheckInvariants.
  absl::StatusOr<Books> Finish();

 private:
  /// A grant that is read about.
  struct Given {
    GrantId id;
    GrantTerms terms;
    RequestFingerprint request;
    BodyDigest body{};
    PackedCounts so_far;
    Work attributed;
    uint64_t as_of = 0;
    bool ended = false;
  };
  absl::Status AddHeader(std::string_view value);
  absl::Status AddName(std::string_view value);
  absl::Status AddTariff(std::string_view value);
  absl::Status AddKeyProject(RowReader key, RowReader value);
  absl::Status AddGrant(std::string_view value);
  void BeginReading();
  /// nullptr when it has ended, or is not known.
  Given* FindGiven(GrantId id, bool* has_row);
  absl::Status AddEnded(RowReader key, RowReader value, RowKind kind);
  absl::Status AddMeter(RowReader key, RowReader value, RowKind kind);
  absl::Status AddAccount(RowReader value, RowKind kind);
  absl::Status AddCutName(RowReader key, RowReader value);
  absl::Status AddOutcomes(RowReader key, RowReader value, RowKind kind);
  absl::Status On(uint64_t sequence, const GrantEntry& grant);
  absl::Status On(uint64_t sequence, const ProgressEntry& progress);
  absl::Status On(uint64_t sequence, const SettleEntry& settle);
  absl::Status On(uint64_t sequence, const VoidEntry& gone);
  absl::Status On(uint64_t sequence, const ExpireEntry& expire);
  absl::Status On(uint64_t, const auto&) { return absl::OkStatus(); }
  absl::Status End(GrantId id, const auto& end_of);
  void Remember(uint64_t number, const RememberedEnds::Record& record, bool first);
  const RememberedEnds::Record* WrittenEnd(uint64_t number) const;
  absl::Status CheckCounts() const;

  Books books_;
  bool has_header_ = false;
  bool reading_ = false;
  Head as_of_;
  uint64_t read_after_ = 0;
  uint64_t ends_begin_ = 0;
  uint64_t ends_end_ = 0;
  uint64_t next_end_ = 0;  // the number of the next end that is read
  std::vector<uint64_t> counts_;
  std::vector<std::pair<uint64_t, RememberedEnds::Record>> written_ends_;  // by rising number
  // Many grants have rows, and ends come nearly in the order of their grants: neighbours in memory.
  std::vector<Given> with_row_;                // by rising id
  size_t next_with_row_ = 0;                   // the first that may not have been read about yet
  absl::flat_hash_map<GrantId, Given> given_;  // the open ones that have none
};

}  // namespace penstock::ledger
