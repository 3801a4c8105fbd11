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
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(std::unique_ptr<Journal> journal, const Observer& observe,
                                                      size_t remembered_ends = kRememberedEnds);

  const Books& books() const { return books_; }

  /// Adds the entry to the batch in hand and applies it to the books, which keep a grant's strings: they are moved
  /// from, and get the memory of what they replaced. A contradiction is a bug of the caller: it crashes. In steady
  /// state it allocates nothing for grants and what happens to them (a new row of the meters, once per window or hour,
  /// does).
  template <EntryType E>
  void Post(E&& entry) {
    batch_.AddWritten([&entry](std::string* bytes) { Encode(entry, bytes); });
    Crash(books_.Apply(std::move(entry)));
  }
  template <EntryType E>
  void Post(const E& entry) {
    Post(E(entry));
  }
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
  /// Unless OK.
  static void Crash(const absl::Status& contradiction);
  Ledger(std::unique_ptr<Journal> journal, size_t remembered_ends)
      : journal_(std::move(journal)), books_(remembered_ends) {}
  std::unique_ptr<Journal> journal_;
  Books books_;
  Head written_;
  Batch batch_;
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
