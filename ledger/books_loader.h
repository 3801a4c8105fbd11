// Books from their rows (ledger/books_rows.h).
//
// Add every row, then See the entries behind read_after() up to as_of(), then Finish.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/books.h"
#include "ledger/books_rows.h"
#include "ledger/row_codec.h"

namespace penstock::ledger {

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
  absl::Status AddMarket(std::string_view key, std::string_view value);
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
  absl::Status CheckPosted() const;

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
