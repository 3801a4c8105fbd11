#include "ledger/rocksdb_projections.h"

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/rocksdb_store.h"

namespace penstock::ledger {
namespace {

class RocksDbProjections : public ProjectionStore {
 public:
  RocksDbProjections(std::string path, bool read_only, rocksdb::Env* env)
      : path_(std::move(path)), read_only_(read_only), env_(env) {
    std::error_code ignored;
    const bool exists = std::filesystem::exists(path_ + "/CURRENT", ignored);
    // What a Clear that was cut short left would be taken for logs of the new store.
    if (!exists && !read_only_) std::filesystem::remove_all(path_, ignored);
    if (exists || !read_only_) Open(/*create=*/!exists);
  }

  absl::Status Write(const RowBatch& batch) override {
    if (read_only_) return absl::FailedPreconditionError(absl::StrCat(path_, " is open for reading only"));
    if (!broken_.ok()) return broken_;
    write_.Clear();
    put_.clear();
    rocksdb::Status status;
    batch.ForEach([&](RowBatch::Change change, std::string_view key, std::string_view value) {
      if (!status.ok()) return;
      switch (change) {
        case RowBatch::Change::kPut:
          status = write_.Put(key, value);
          put_.push_back(key);
          break;
        case RowBatch::Change::kDelete:
          status = write_.Delete(key);
          break;
        case RowBatch::Change::kDeleteRange:
          status = DeleteEach(key, value);
          break;
      }
    });
    rocksdb::WriteOptions synced;
    synced.sync = true;
    if (status.ok()) status = db_->Write(synced, &write_);
    if (!status.ok()) broken_ = Named(FromRocksDb(status));  // it may have been written or not
    return broken_;
  }

  absl::Status Read(const Visitor& visit) const override {
    if (!broken_.ok()) return absl::DataLossError(broken_.message());
    if (!db_) return absl::OkStatus();
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> rows(db_->NewIterator(options));
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
      const absl::Status visited = visit(rows->key().ToStringView(), rows->value().ToStringView());
      if (!visited.ok()) return visited;
    }
    return rows->status().ok() ? absl::OkStatus() : absl::DataLossError(Named(FromRocksDb(rows->status())).message());
  }

  absl::Status Clear() override {
    if (read_only_) return absl::FailedPreconditionError(absl::StrCat(path_, " is open for reading only"));
    if (broken_.ok() && IsEmpty()) return absl::OkStatus();
    db_.reset();
    std::error_code failed;
    std::filesystem::remove_all(path_, failed);
    if (failed) return absl::InternalError(absl::StrCat("cannot remove ", path_, ": ", failed.message()));
    broken_ = absl::OkStatus();
    Open(/*create=*/true);
    return broken_;
  }

 private:
  /// A torn end of RocksDB's log is an older state, which is as good.
  void Open(bool create) {
    const StoreTerms terms{
        .path = path_, .of = StoreOf::kProjections, .replay = LogReplay::kUpToDamage, .create = create, .env = env_};
    absl::StatusOr<std::unique_ptr<rocksdb::DB>> db = read_only_ ? OpenStoreForReading(terms) : OpenStore(terms);
    if (!db.ok()) {
      broken_ = Named(db.status());
      return;
    }
    db_ = *std::move(db);
  }

  /// Deletes the rows from `from` to before `to` one by one, those of the batch in hand as well. RocksDB's own
  /// DeleteRange ends the process when its log cannot be changed after it (an assertion, on in Debian's build).
  rocksdb::Status DeleteEach(std::string_view from, std::string_view to) {
    rocksdb::Status status;
    for (const std::string_view key : put_) {
      if (status.ok() && key >= from && key < to) status = write_.Delete(key);
    }
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    const rocksdb::Slice end(to);
    options.iterate_upper_bound = &end;
    const std::unique_ptr<rocksdb::Iterator> rows(db_->NewIterator(options));
    for (rows->Seek(from); status.ok() && rows->Valid(); rows->Next()) status = write_.Delete(rows->key());
    return status.ok() ? rows->status() : status;
  }

  bool IsEmpty() const {
    const std::unique_ptr<rocksdb::Iterator> rows(db_->NewIterator(rocksdb::ReadOptions()));
    rows->SeekToFirst();
    return !rows->Valid() && rows->status().ok();
  }

  absl::Status Named(const absl::Status& status) const {
    return absl::Status(status.code(), absl::StrCat("projections ", path_, ": ", status.message()));
  }

  const std::string path_;
  const bool read_only_;
  rocksdb::Env* const env_;
  absl::Status broken_;
  std::unique_ptr<rocksdb::DB> db_;  // none when broken, or for a reader of nothing
  rocksdb::WriteBatch write_;
  std::vector<std::string_view> put_;  // keys of the batch in hand
};

}  // namespace

std::unique_ptr<ProjectionStore> OpenRocksDbProjections(const std::string& path, bool read_only, rocksdb::Env* env) {
  return std::make_unique<RocksDbProjections>(path, read_only, env);
}

}  // namespace penstock::ledger
