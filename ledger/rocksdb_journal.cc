#include "ledger/rocksdb_journal.h"

#include <absl/strings/str_cat.h>
#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>

#include "ledger/head_mark.h"
#include "ledger/journal_directory.h"
#include "ledger/journal_row.h"
#include "ledger/rocksdb_projections.h"
#include "ledger/rocksdb_store.h"

namespace penstock::ledger {
namespace {

/// When the log is changed; less than RocksDB's write buffer, which would change it unasked.
constexpr size_t kLogBytes = size_t{48} << 20;

/// Rows in one write that removes them.
constexpr int kRemovedAtOnce = 10'000;

using Key = std::array<char, 8>;

Key KeyOf(uint64_t sequence) {
  Key key;
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<char>((sequence >> (56 - 8 * i)) & 0xff);
  return key;
}

rocksdb::Slice AsSlice(const Key& key) { return {key.data(), key.size()}; }

std::optional<uint64_t> SequenceOf(rocksdb::Slice key) {
  if (key.size() != sizeof(Key)) return std::nullopt;
  uint64_t sequence = 0;
  for (size_t i = 0; i < key.size(); ++i) sequence = sequence << 8 | static_cast<uint8_t>(key[i]);
  return sequence;
}

absl::Status Damaged(const JournalPaths& paths, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("journal ", paths.journal, ": ", what, ". Restore ", paths.directory,
                                          " from a backup, or run `penstock ledger verify --data ", paths.directory,
                                          "` to see what is intact"));
}

/// What opening says: it looks without touching.
absl::Status Refused(const absl::Status& damage) {
  return absl::Status(damage.code(), absl::StrCat(damage.message(), "; nothing was changed"));
}

absl::Status Missing(const JournalPaths& paths, uint64_t from, uint64_t to) {
  return Damaged(paths, absl::StrCat("sequences ", from, " to ", to, " are missing, though ", paths.head,
                                     " says that they were synced"));
}

/// Walks the rows in order, each checked in itself and against the one before it. What lies before the end of what was
/// dropped (left by a Drop or TakeBack that was not finished) is not looked at.
class RowWalk {
 public:
  /// From the row that holds `sequence`, or the nearest one before it.
  RowWalk(rocksdb::DB& db, const Head& dropped, uint64_t sequence) : rows_(db.NewIterator(Scan())) {
    rows_->SeekForPrev(AsSlice(KeyOf(sequence)));
    if (!rows_->status().ok()) return;
    if (rows_->Valid() && SequenceOf(rows_->key()).value_or(UINT64_MAX) > dropped.sequence + 1) return;
    rows_->Seek(AsSlice(KeyOf(dropped.sequence + 1)));
    end_ = dropped;
  }

  /// The next row, valid until the next call; nothing at the end of the journal.
  absl::StatusOr<std::optional<Row>> Next() {
    if (std::exchange(started_, true) && rows_->Valid()) rows_->Next();
    if (!rows_->Valid()) {
      if (rows_->status().ok()) return std::optional<Row>();
      return absl::DataLossError(
          absl::StrCat("unreadable from sequence ", end().sequence + 1, " on: ", rows_->status().ToString()));
    }
    const std::optional<uint64_t> first = SequenceOf(rows_->key());
    if (!first) return absl::DataLossError(absl::StrCat("a foreign key follows sequence ", end().sequence));
    absl::StatusOr<Row> row = DecodeRow(*first, rows_->value().ToStringView());
    if (!row.ok()) return row.status();
    if (absl::Status status = CheckFollows(end_.value_or(row->start()), *row); !status.ok()) return status;
    end_ = row->head();
    return std::optional<Row>(*std::move(row));
  }

  /// Of the row that Next gave.
  std::string_view bytes() const { return rows_->value().ToStringView(); }

  /// Where the rows read so far end.
  Head end() const { return end_.value_or(Head{}); }

 private:
  static rocksdb::ReadOptions Scan() {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    return options;
  }

  std::unique_ptr<rocksdb::Iterator> rows_;
  bool started_ = false;
  std::optional<Head> end_;
};

/// Walks from the row that the mark names to the end: what was synced must be there, what follows must be sound.
/// A crash leaves little to walk, for the mark moves with every sync.
absl::StatusOr<Head> CheckTail(rocksdb::DB& db, const JournalPaths& paths, const Head& dropped, const Head& mark) {
  RowWalk walk(db, dropped, std::max<uint64_t>(mark.sequence, 1));
  for (bool marked = mark.sequence <= dropped.sequence;;) {
    const absl::StatusOr<std::optional<Row>> row = walk.Next();
    if (!row.ok()) return Damaged(paths, row.status().message());
    if (!row->has_value()) break;
    if (marked || walk.end().sequence < mark.sequence) continue;
    if (walk.end() != mark) {
      return Damaged(paths, absl::StrCat("the row that ends with sequence ", walk.end().sequence, " has chain hash ",
                                         ToHex(walk.end().hash), ", but ", paths.head, " says ", ToHex(mark.hash),
                                         " at sequence ", mark.sequence));
    }
    marked = true;
  }
  if (walk.end().sequence < mark.sequence) return Missing(paths, walk.end().sequence + 1, mark.sequence);
  return walk.end();
}

/// Where the record of what was dropped lies: no row begins with sequence 0.
Key KeyOfDropped() { return KeyOf(0); }

absl::StatusOr<Dropped> ReadDropped(rocksdb::DB& db, const JournalPaths& paths) {
  std::string bytes;
  const rocksdb::Status read = db.Get(rocksdb::ReadOptions(), AsSlice(KeyOfDropped()), &bytes);
  if (read.IsNotFound()) return Dropped();
  if (!read.ok()) return Damaged(paths, FromRocksDb(read).message());
  absl::StatusOr<Dropped> dropped = DecodeDropped(bytes);
  return dropped.ok() ? dropped : Damaged(paths, dropped.status().message());
}

/// What an opening found, before anything was changed.
struct Finding {
  bool exists = false;  // RocksDB's files are there
  Dropped dropped;
  HeadMark mark;        // all zero for a new directory
  Head head;            // where the journal ends; when damaged, where it should
  absl::Status damage;  // what is broken (readers only: they look at the rest)
  std::unique_ptr<rocksdb::DB> db;
};

bool HasFiles(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored) && !std::filesystem::is_empty(path, ignored);
}

/// Without RocksDB's CURRENT file there is no journal: fine only if there never was anything in it.
absl::Status CheckAbsence(const JournalPaths& paths, const absl::StatusOr<HeadMark>& mark) {
  if (mark.ok() && mark->head.sequence > 0) {
    return Damaged(
        paths, absl::StrCat(paths.journal, "/CURRENT is missing, and with it sequences 1 to ", mark->head.sequence));
  }
  if (!mark.ok() && HasFiles(paths.journal)) {
    return Damaged(paths, absl::StrCat("CURRENT is missing; ", mark.status().message()));
  }
  return absl::OkStatus();
}

/// Opens what is there without changing it. A reader settles for what comes before the damage.
absl::Status OpenToLook(const JournalPaths& paths, const RocksDbJournalTerms& terms, Finding& found) {
  StoreTerms store{.path = paths.journal, .env = terms.env};
  store.replay = found.mark.clean ? LogReplay::kWhole : LogReplay::kTornTail;
  absl::StatusOr<std::unique_ptr<rocksdb::DB>> db = OpenStoreForReading(store);
  if (!db.ok() && absl::IsDataLoss(db.status())) {
    found.damage = Damaged(
        paths, absl::StrCat("cannot be read up to sequence ", found.mark.head.sequence, ": ", db.status().message()));
    if (!terms.read_only) return found.damage;
    store.replay = LogReplay::kUpToDamage;
    db = OpenStoreForReading(store);
    if (!db.ok()) return found.damage;
  }
  if (!db.ok()) return db.status();
  found.db = *std::move(db);
  return absl::OkStatus();
}

absl::StatusOr<Finding> Look(const JournalPaths& paths, const RocksDbJournalTerms& terms) {
  // The mark is read first: when a daemon runs meanwhile, the journal can only be ahead of it.
  const absl::StatusOr<HeadMark> mark = ReadHeadMark(paths.head);
  if (!mark.ok() && !absl::IsNotFound(mark.status()) && !absl::IsDataLoss(mark.status())) return mark.status();
  Finding found;
  std::error_code ignored;
  found.exists = std::filesystem::exists(paths.journal + "/CURRENT", ignored);
  if (!found.exists) {
    if (absl::Status status = CheckAbsence(paths, mark); !status.ok()) return status;
    return found;
  }
  if (mark.ok()) found.mark = *mark;
  if (absl::Status status = OpenToLook(paths, terms, found); !status.ok()) return status;
  absl::StatusOr<Dropped> dropped = ReadDropped(*found.db, paths);
  if (!dropped.ok()) return dropped.status();
  found.dropped = *dropped;
  absl::StatusOr<Head> head = CheckTail(*found.db, paths, found.dropped.head, found.mark.head);
  if (head.ok() && head->sequence > 0 && !mark.ok()) {
    head = Damaged(paths, absl::StrCat("it ends with sequence ", head->sequence, ", but ", mark.status().message()));
  }
  if (!head.ok() && !terms.read_only) return head.status();
  found.damage.Update(head.status());
  found.head = head.value_or(found.mark.head);
  return found;
}

class RocksDbJournal : public Journal {
 public:
  RocksDbJournal(JournalPaths paths, rocksdb::Env* env, std::optional<DirectoryLock> lock,
                 std::optional<HeadMarkFile> mark, Finding found)
      : paths_(std::move(paths)),
        env_(env),
        lock_(std::move(lock)),
        mark_(std::move(mark)),
        db_(std::move(found.db)),
        damage_(std::move(found.damage)),
        synced_(found.head),
        head_(found.head),
        durable_(mark_ ? found.head : found.mark.head),
        dropped_(found.dropped) {
    if (!mark_) broken_ = absl::FailedPreconditionError(paths_.journal + " is open for reading only");
  }

  ~RocksDbJournal() override {
    projections_.reset();
    if (mark_ && broken_.ok()) CloseInOrder();
  }

  absl::Status Append(const Batch& batch) override {
    const std::lock_guard appending(append_mutex_);
    Head after;
    {
      const std::lock_guard lock(mutex_);
      if (!broken_.ok() || batch.empty()) return broken_;
      after = head_;
    }
    const Key key = KeyOf(after.sequence + 1);
    after = EncodeRow(after, batch, row_);
    write_.Clear();
    rocksdb::Status status = write_.Put(AsSlice(key), row_);
    if (status.ok()) status = db_->Write(rocksdb::WriteOptions(), &write_);
    if (!status.ok()) return Break(absl::StrCat("cannot append up to sequence ", after.sequence), FromRocksDb(status));
    const std::lock_guard lock(mutex_);
    head_ = after;
    log_bytes_ += row_.size();
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Sync() override {
    const std::lock_guard one_at_a_time(sync_mutex_);
    Head reached;
    bool log_is_full = false;
    {
      const std::lock_guard lock(mutex_);
      if (!broken_.ok()) return broken_;
      reached = head_;
      log_is_full = log_bytes_ >= kLogBytes;
    }
    if (reached == synced_) return reached.sequence;
    absl::Status status = FromRocksDb(db_->SyncWAL());
    if (status.ok()) status = mark_->Write(HeadMark{reached, false});
    if (status.ok() && log_is_full) status = ChangeLog();
    if (!status.ok()) return Break(absl::StrCat("cannot sync up to sequence ", reached.sequence), status);
    synced_ = reached;
    const std::lock_guard lock(mutex_);
    durable_ = reached;
    return reached.sequence;
  }

  Head head() const override {
    const std::lock_guard lock(mutex_);
    return head_;
  }

  Head synced() const override {
    const std::lock_guard lock(mutex_);
    return durable_;
  }

  absl::Status Read(uint64_t first, const Visitor& visit) const override {
    first = std::max<uint64_t>(first, 1);
    return Walk(first, [&](const Row& row, std::string_view) { return VisitRow(row, first, visit); });
  }

  absl::StatusOr<Head> HeadAt(uint64_t sequence) const override {
    if (sequence == dropped_.head.sequence) return dropped_.head;
    if (sequence == 0) return Head();
    if (db_ && sequence > dropped_.head.sequence) {
      RowWalk walk(*db_, dropped_.head, sequence);
      const absl::StatusOr<std::optional<Row>> row = walk.Next();
      if (!row.ok()) return Damaged(paths_, row.status().message());
      if (row->has_value() && (*row)->last() == sequence) return (*row)->head();
    }
    return absl::NotFoundError(absl::StrCat("journal ", paths_.journal, ": no row ends with sequence ", sequence));
  }

  ProjectionStore* projections() override {
    if (!projections_) projections_ = OpenRocksDbProjections(paths_.projections, /*read_only=*/!mark_, env_);
    return projections_.get();
  }

  Dropped dropped() const override { return dropped_; }

  absl::Status ReadRows(uint64_t first, const RowVisitor& visit) const override {
    return Walk(first, [&](const Row& row, std::string_view bytes) {
      return row.first < first ? absl::OkStatus() : visit(row.first, bytes);
    });
  }

  absl::Status Drop(const Dropped& now) override {
    if (absl::Status synced = Sync().status(); !synced.ok()) return synced;
    if (absl::Status fits = CheckDrop(*this, now); !fits.ok()) return fits;
    const rocksdb::Status status = db_->Put(Synced(), AsSlice(KeyOfDropped()), EncodeDropped(now));
    if (!status.ok()) return Break("cannot drop", FromRocksDb(status));
    dropped_ = now;
    return RemoveDropped();
  }

  absl::Status TakeBack(const RowSource& next) override {
    if (absl::Status synced = Sync().status(); !synced.ok()) return synced;
    const absl::Status led = FollowDropped(dropped_, next, [this](uint64_t first, std::string_view bytes) {
      const absl::Status put = FromRocksDb(db_->Put(rocksdb::WriteOptions(), AsSlice(KeyOf(first)), bytes));
      return put.ok() ? put : Break("cannot take back", put);
    });
    if (!led.ok()) return led;
    // The record goes last: until then the rows before it are nothing.
    const rocksdb::Status status = db_->Delete(Synced(), AsSlice(KeyOfDropped()));
    if (!status.ok()) return Break("cannot take back", FromRocksDb(status));
    dropped_ = {};
    return absl::OkStatus();
  }

 private:
  static rocksdb::WriteOptions Synced() {
    rocksdb::WriteOptions options;
    options.sync = true;
    return options;
  }

  /// What the record says is dropped is nothing any more, so its rows may go bit by bit; after a crash the next drop
  /// finds those that stayed. (RocksDB's own removal of a range aborts where the disk fails at a change of logs.)
  absl::Status RemoveDropped() {
    const Key end = KeyOf(dropped_.head.sequence + 1);
    const rocksdb::Slice upper = AsSlice(end);
    rocksdb::ReadOptions scan;
    scan.fill_cache = false;
    scan.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> rows(db_->NewIterator(scan));
    rocksdb::WriteBatch part;
    rocksdb::Status status;
    for (rows->Seek(AsSlice(KeyOf(1))); rows->Valid() && status.ok(); rows->Next()) {
      status = part.Delete(rows->key());
      if (!status.ok() || part.Count() < kRemovedAtOnce) continue;
      status = db_->Write(rocksdb::WriteOptions(), &part);
      part.Clear();
    }
    if (status.ok()) status = rows->status();
    if (status.ok()) status = db_->Write(rocksdb::WriteOptions(), &part);
    if (!status.ok()) return Break("cannot remove what was dropped", FromRocksDb(status));
    // Gives the room back; what is not given back now is when RocksDB compacts.
    const Key begin = KeyOf(1);
    const rocksdb::Slice lower = AsSlice(begin);
    db_->CompactRange(rocksdb::CompactRangeOptions(), &lower, &upper).PermitUncheckedError();
    return absl::OkStatus();
  }

  /// The rows from the one that holds `first` on.
  absl::Status Walk(uint64_t first, const auto& visit) const {
    if (absl::Status here = CheckStillHere(dropped_, first); !here.ok()) return here;
    const Head target = head();
    if (!db_) return absl::OkStatus();
    RowWalk walk(*db_, dropped_.head, first);
    while (true) {
      const absl::StatusOr<std::optional<Row>> row = walk.Next();
      if (!row.ok()) return Damaged(paths_, row.status().message());
      if (!row->has_value()) break;
      if (absl::Status status = visit(**row, walk.bytes()); !status.ok()) return status;
    }
    if (!damage_.ok()) return damage_;
    if (walk.end().sequence < target.sequence) return Missing(paths_, walk.end().sequence + 1, target.sequence);
    return absl::OkStatus();
  }

  /// Remembers the first error for every later call: after it, memory is ahead of the disk.
  absl::Status Break(absl::string_view what, const absl::Status& cause) {
    const std::lock_guard lock(mutex_);
    if (broken_.ok()) {
      broken_ = absl::Status(cause.code(), absl::StrCat("journal ", paths_.journal, ": ", what, ": ", cause.message()));
    }
    return broken_;
  }

  /// Starts a new log behind a synced one: a power cut that kept some of the new and lost the end of the old would
  /// leave a gap. RocksDB's own change, when its write buffer is full, does not sync; so this comes first. Appending
  /// waits for one sync, once in kLogBytes.
  absl::Status ChangeLog() {
    const std::lock_guard appending(append_mutex_);
    if (rocksdb::Status status = db_->SyncWAL(); !status.ok()) return FromRocksDb(status);
    rocksdb::FlushOptions options;
    options.wait = false;
    options.allow_write_stall = true;
    if (rocksdb::Status status = db_->Flush(options); !status.ok()) return FromRocksDb(status);
    const std::lock_guard lock(mutex_);
    log_bytes_ = 0;
    return absl::OkStatus();
  }

  /// Moves the log into a table file, so that the next opening replays nothing and tolerates nothing.
  void CloseInOrder() {
    if (!Sync().ok() || !db_->Flush(rocksdb::FlushOptions()).ok() || !db_->Close().ok()) return;
    // When this fails the mark stays unclean, and the next opening checks as after a crash.
    if (mark_->Write(HeadMark{head_, true}).ok()) mark_->Sync().IgnoreError();
  }

  const JournalPaths paths_;
  rocksdb::Env* const env_;
  std::unique_ptr<ProjectionStore> projections_;
  const std::optional<DirectoryLock> lock_;
  std::optional<HeadMarkFile> mark_;       // none for readers; after opening under sync_mutex_
  const std::unique_ptr<rocksdb::DB> db_;  // none for a reader of a directory without a journal
  const absl::Status damage_;

  // Locked in this order: sync_mutex_, append_mutex_, mutex_.
  std::mutex sync_mutex_;
  Head synced_;  // under sync_mutex_

  std::mutex append_mutex_;  // the next two are under it
  rocksdb::WriteBatch write_{0, 0, /*protection_bytes_per_key=*/8, 0};
  std::string row_;

  mutable std::mutex mutex_;  // the next four are under it
  absl::Status broken_;
  Head head_;
  Head durable_;
  size_t log_bytes_ = 0;  // appended since the log was changed

  Dropped dropped_;  // the owner's thread only
};

absl::StatusOr<std::unique_ptr<Journal>> OpenReader(const JournalPaths& paths, const RocksDbJournalTerms& terms) {
  if (absl::Status status = CheckReadableDirectory(paths.directory); !status.ok()) return status;
  absl::StatusOr<Finding> found = Look(paths, terms);
  if (!found.ok()) return Refused(found.status());
  if (!found->exists) return absl::NotFoundError(paths.directory + " holds no journal: is this the data directory?");
  return std::make_unique<RocksDbJournal>(paths, terms.env, std::nullopt, std::nullopt, *std::move(found));
}

absl::StatusOr<std::unique_ptr<Journal>> OpenWriter(const JournalPaths& paths, const RocksDbJournalTerms& terms) {
  if (absl::Status status = PrepareDirectory(paths.directory); !status.ok()) return status;
  absl::StatusOr<DirectoryLock> lock = DirectoryLock::Take(paths);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<Finding> found = Look(paths, terms);
  if (!found.ok()) return Refused(found.status());
  found->db.reset();

  // Unclean from here on, and marked before RocksDB creates anything: files without a mark are a sign of loss.
  absl::StatusOr<HeadMarkFile> mark = HeadMarkFile::Open(paths.head, terms.mark_guard);
  if (!mark.ok()) return mark.status();
  absl::Status marked = mark->Write(HeadMark{found->mark.head, false});
  if (marked.ok()) marked = mark->Sync();
  if (!marked.ok()) return marked;

  const LogReplay replay = found->mark.clean ? LogReplay::kWhole : LogReplay::kTornTail;
  absl::StatusOr<std::unique_ptr<rocksdb::DB>> db =
      OpenStore(StoreTerms{.path = paths.journal, .replay = replay, .create = !found->exists, .env = terms.env});
  if (!db.ok()) return absl::Status(db.status().code(), absl::StrCat(paths.journal, ": ", db.status().message()));
  found->db = *std::move(db);
  // Recovery made durable what the log held, so the mark may now cover it.
  absl::StatusOr<Head> head = CheckTail(*found->db, paths, found->dropped.head, found->head);
  if (!head.ok()) return head.status();
  marked = mark->Write(HeadMark{*head, false});
  if (marked.ok())
    marked = mark->Sync();  // and with it that DIR has a journal folder: RocksDB syncs only what is in it
  if (!marked.ok()) return marked;
  return std::make_unique<RocksDbJournal>(paths, terms.env, *std::move(lock), *std::move(mark), *std::move(found));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> OpenRocksDbJournal(const RocksDbJournalTerms& terms) {
  const JournalPaths paths(terms.directory);
  return terms.read_only ? OpenReader(paths, terms) : OpenWriter(paths, terms);
}

}  // namespace penstock::ledger
