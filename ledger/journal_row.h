// A journal row's bytes, written and checked in one place for every storage (layout: journal.h). The count is
// little-endian, lengths are LEB128. A row's bytes vouch for themselves: decoding recomputes the whole chain.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/journal.h"
#include "ledger/sha256.h"

namespace penstock::ledger {

/// Overwrites `bytes` with the row of these payloads (at least one), which follows `before`; returns the head after it.
Head EncodeRow(const Head& before, const Batch& batch, std::string& bytes);

/// A row that was checked. The payloads point into the bytes it was decoded from.
struct Row {
  uint64_t first = 0;
  Hash before{};
  Hash after{};
  std::vector<std::string_view> payloads;

  uint64_t last() const { return first + payloads.size() - 1; }
  Head head() const { return Head{last(), after}; }
  /// Where reading may begin with this row: what it claims to follow, or the empty journal if it is the first.
  Head start() const { return first == 1 ? Head{} : Head{first - 1, before}; }
};

/// Checks count, lengths and every link of the chain. DATA_LOSS names the sequence and the byte offset in the row.
absl::StatusOr<Row> DecodeRow(uint64_t first, std::string_view bytes);

/// DATA_LOSS unless `row` is the one that comes after `before`: names the missing sequences, or the broken link.
absl::Status CheckFollows(const Head& before, const Row& row);

/// Visits the row's entries with sequence >= `from`, in order, until `visit` returns an error.
absl::Status VisitRow(const Row& row, uint64_t from, const Journal::Visitor& visit);

// ---- Dropping, as every storage does it.

/// FAILED_PRECONDITION unless `now` goes beyond what was dropped already, and ends where a row of the journal does.
absl::Status CheckDrop(const Journal& journal, const Dropped& now);

/// Passes on what `next` has, checked: the rows from the beginning to dropped.head. DATA_LOSS names what does not fit.
absl::Status FollowDropped(const Dropped& dropped, const Journal::RowSource& next, const Journal::RowVisitor& take);

/// What a journal keeps instead of the rows that were dropped. DATA_LOSS when the bytes are damaged.
std::string EncodeDropped(const Dropped& dropped);
absl::StatusOr<Dropped> DecodeDropped(std::string_view bytes);

}  // namespace penstock::ledger
