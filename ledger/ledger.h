// The ledger: books kept in memory, journal kept on a store. One thread owns it; only SyncJournal may run elsewhere.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ledger/books.h"
#include "ledger/entry.h"
#include "ledger/journal.h"

namespace penstock::ledger {

class Ledger {
 public:
  /// Replays the whole journal into fresh books, calling `observe` (may be null) for each entry after it was applied.
  /// DATA_LOSS with the sequence when the journal is broken or contradicts itself.
  using Observer = std::function<void(const Entry&)>;
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(std::unique_ptr<Journal> journal, const Observer& observe);

  const Books& books() const { return books_; }

  /// Applies the entry to the books and adds it to the batch in hand. A contradiction is a bug of the caller: it
  /// crashes.
  void Post(const Entry& entry);

  /// Writes the batch in hand as one row; nothing to do is OK. After an error the daemon must stop.
  absl::Status WriteBatch();
  bool HasUnwritten() const { return !batch_.empty(); }

  /// The sequence of the newest posted entry, written or not.
  uint64_t posted_sequence() const { return written_.sequence + batch_.size(); }
  /// Where the written journal ends.
  Head head() const { return written_; }

  /// Makes written rows durable; returns the sequence covered. Thread-safe against everything else here.
  absl::StatusOr<uint64_t> SyncJournal() { return journal_->Sync(); }

 private:
  explicit Ledger(std::unique_ptr<Journal> journal) : journal_(std::move(journal)) {}
  std::unique_ptr<Journal> journal_;
  Books books_;
  Head written_;
  std::vector<std::string> batch_;
};

/// What `penstock ledger verify` found.
struct Verification {
  uint64_t entries = 0;
  Head head;
  uint64_t open_holds = 0;
  Money posted;
  Books books;
};

/// Reads the journal from the first entry, checks sequence, chain, every transition, the sums of CheckInvariants, and
/// that re-rating every settlement under its pinned tariff gives the posted charge. DATA_LOSS says where it breaks.
absl::StatusOr<Verification> Verify(const Journal& journal);

}  // namespace penstock::ledger
