// The ledger: books kept in memory, journal kept on a store, and rows of the books written back beside it now and then,
// so that opening is loading them and replaying what came after. One thread owns it; what may run elsewhere says so.
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

/// Whoever keeps state of its own that follows from the journal, with rows of its own beside those of the books. Their
/// keys begin with RowKind::kFirstForeign or a higher byte.
class Follower {
 public:
  virtual ~Follower() = default;

  /// Begins anew: the books are as of some sequence, and these were its rows then, in the order of their keys. (Both
  /// empty: everything will be observed.) DATA_LOSS when they make no sense: then it is called again with nothing.
  struct Row {
    std::string key;
    std::string value;
  };
  virtual absl::Status Begin(const Books& books, const std::vector<Row>& rows) = 0;

  /// An entry after that, once the books have it.
  virtual void See(const Entry& entry) = 0;
};

/// What a follower began with when a ledger was opened: with it, the same opening can be had again from the entries.
struct FollowerStart {
  uint64_t sequence = 0;  // what the rows reflected; 0: there were none
  std::vector<Follower::Row> rows;
};

/// How a ledger was opened.
struct Opening {
  uint64_t loaded = 0;    // the sequence that the projections reflected; 0: there were none
  uint64_t replayed = 0;  // entries after it
  uint64_t reread = 0;    // entries before it that remembered ends were read from
  std::string warning;    // why projections that are there were not used
};

class Ledger {
 public:
  /// Loads the projections and replays the entries after them; where there are none, or they are damaged or of another
  /// journal, replays the whole journal. `follower` (may be null) goes along. DATA_LOSS with the sequence when the
  /// journal is broken or contradicts itself, or when its beginning was dropped and the projections cannot stand in.
  ///
  /// With `then`, it is opened as it was when it gave that FollowerStart: from the entries alone, whatever projections
  /// there are by now.
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(std::unique_ptr<Journal> journal, Follower* follower,
                                                      size_t remembered_ends = kRememberedEnds,
                                                      const FollowerStart* then = nullptr);
  /// What the follower of Open began with; once.
  FollowerStart TakeFollowerStart() { return std::move(follower_start_); }

  const Opening& opening() const { return opening_; }
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
  /// The same of what was synced, or a little before: a head that may be signed.
  Head synced() const { return journal_->synced(); }
  /// IdentityOf the journal (ledger/signed_head.h); all zero while nothing is written.
  const Hash& identity() const { return identity_; }

  /// Makes written rows durable; returns the sequence covered. Thread-safe against everything else here.
  absl::StatusOr<uint64_t> SyncJournal() { return journal_->Sync(); }

  // ---- Writing back. What was taken must be written, in order, or nothing may be any more.

  /// Whether the journal keeps projections.
  bool keeps_projections() const { return journal_->projections() != nullptr; }
  const ProjectionStore& projections() const { return *journal_->projections(); }
  /// Entries and rows (about) that TakeChanges would cover.
  uint64_t unreflected_entries() const { return written_.sequence - taken_; }
  size_t changed_rows() const { return books_.changed_rows(); }
  /// Appends what changed since the last time, as of head(); nothing may be unwritten. The owner adds its own rows.
  void TakeChanges(RowBatch* rows);
  /// Syncs the journal, so that no projection is ever durable ahead of what it reflects, and then writes the rows.
  /// Thread-safe against everything here but itself and WriteAll.
  absl::Status WriteChanges(const RowBatch& rows);
  /// Replaces whatever projections there are by all rows: after an opening that could not use them. `add_own` adds the
  /// owner's rows. Takes time.
  absl::Status WriteAll(const std::function<void(RowBatch*)>& add_own);

 private:
  /// Unless OK.
  static void Crash(const absl::Status& contradiction);
  absl::Status Load(Follower* follower);
  absl::Status ReplayAll(Follower* follower, const FollowerStart& then);
  Ledger(std::unique_ptr<Journal> journal, size_t remembered_ends)
      : journal_(std::move(journal)), books_(remembered_ends) {}
  std::unique_ptr<Journal> journal_;
  Books books_;
  Opening opening_;
  FollowerStart follower_start_;
  Hash identity_{};
  Head written_;
  uint64_t taken_ = 0;  // the sequence of the last TakeChanges
  Batch batch_;
};

/// What `penstock ledger verify` found.
struct Verification {
  uint64_t entries = 0;  // ever, those that were dropped included
  Dropped dropped;       // not looked at: only that what follows fits to its end
  uint64_t applied = 1;  // from this sequence on every transition, sum and charge was checked, not only the chain
  Head head;
  uint64_t open_holds = 0;
  uint64_t statements = 0;
  uint64_t projected = 0;  // the sequence of the projections that were compared; 0: there are none
  uint64_t rows = 0;       // of them
  Books books;
};

/// Sees each entry before it is applied, and the books as they are then (at the first call those of what was dropped). An
/// error ends the verification, which says at which entry.
using VerifyObserver = std::function<absl::Status(const Entry& entry, const Books& before)>;

/// Reads the journal from the first entry, checks sequence, chain, every transition, the sums of CheckInvariants, and
/// that re-rating every settlement under its pinned tariff gives the posted charge and rating every closed period gives
/// its statement; compares the projections row by row
/// with what the entries give (rows of others than the books are only counted). DATA_LOSS says where it breaks.
///
/// Where the journal's beginning was dropped, entries up to what the projections reflect are read, but cannot be
/// applied to anything; with its archive (ledger/archive.h) it is whole again.
absl::StatusOr<Verification> Verify(Journal& journal, size_t remembered_ends = kRememberedEnds,
                                    const VerifyObserver& observe = nullptr);

}  // namespace penstock::ledger
