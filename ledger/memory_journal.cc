#include <absl/strings/str_cat.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "ledger/journal.h"
#include "ledger/journal_row.h"

namespace penstock::ledger {
namespace {

struct StoredRow {
  uint64_t first;
  std::string bytes;
};

class MemoryProjections : public ProjectionStore {
 public:
  absl::Status Write(const RowBatch& batch) override {
    batch.ForEach([this](RowBatch::Change change, std::string_view key, std::string_view value) {
      switch (change) {
        case RowBatch::Change::kPut:
          rows_.insert_or_assign(std::string(key), std::string(value));
          break;
        case RowBatch::Change::kDelete:
          rows_.erase(std::string(key));
          break;
        case RowBatch::Change::kDeleteRange:
          if (key < value) rows_.erase(rows_.lower_bound(std::string(key)), rows_.lower_bound(std::string(value)));
          break;
      }
    });
    return absl::OkStatus();
  }

  absl::Status Read(const Visitor& visit) const override {
    for (const auto& [key, value] : rows_) {
      if (absl::Status status = visit(key, value); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Clear() override {
    rows_.clear();
    return absl::OkStatus();
  }

 private:
  std::map<std::string, std::string> rows_;
};

class MemoryJournal : public Journal {
 public:
  absl::Status Append(const Batch& batch) override {
    if (batch.empty()) return absl::OkStatus();
    StoredRow row{head_.sequence + 1, {}};
    head_ = EncodeRow(head_, batch, row.bytes);
    rows_.push_back(std::move(row));
    appended_.store(head_.sequence, std::memory_order_release);
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Sync() override { return appended_.load(std::memory_order_acquire); }

  Head head() const override { return head_; }
  Head synced() const override { return head_; }  // as durable as it gets

  absl::Status Read(uint64_t first, const Visitor& visit) const override {
    first = std::max<uint64_t>(first, 1);
    return Walk(first, [&](const Row& row, std::string_view) { return VisitRow(row, first, visit); });
  }

  absl::StatusOr<Head> HeadAt(uint64_t sequence) const override {
    if (sequence == dropped_.head.sequence) return dropped_.head;
    if (sequence == 0) return Head();
    if (sequence <= head_.sequence && sequence > dropped_.head.sequence) {
      const absl::StatusOr<Row> row = DecodeRow(RowOf(sequence)->first, RowOf(sequence)->bytes);
      if (!row.ok()) return row.status();
      if (row->last() == sequence) return row->head();
    }
    return absl::NotFoundError(absl::StrCat("no row ends with sequence ", sequence));
  }

  ProjectionStore* projections() override { return &projections_; }

  Dropped dropped() const override { return dropped_; }

  absl::Status ReadRows(uint64_t first, const RowVisitor& visit) const override {
    return Walk(first, [&](const Row& row, std::string_view bytes) {
      return row.first < first ? absl::OkStatus() : visit(row.first, bytes);
    });
  }

  absl::Status Drop(const Dropped& now) override {
    if (absl::Status fits = CheckDrop(*this, now); !fits.ok()) return fits;
    std::erase_if(rows_, [&](const StoredRow& row) { return row.first <= now.head.sequence; });
    dropped_ = now;
    return absl::OkStatus();
  }

  absl::Status TakeBack(const RowSource& next) override {
    std::vector<StoredRow> rows;
    const absl::Status led = FollowDropped(dropped_, next, [&rows](uint64_t first, std::string_view bytes) {
      rows.push_back({first, std::string(bytes)});
      return absl::OkStatus();
    });
    if (!led.ok()) return led;
    rows_.insert(rows_.begin(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    dropped_ = {};
    return absl::OkStatus();
  }

 private:
  /// The rows from the one that holds `first` on, each checked in itself and against the one before it.
  absl::Status Walk(uint64_t first, const auto& visit) const {
    if (absl::Status here = CheckStillHere(dropped_, first); !here.ok()) return here;
    if (first > head_.sequence) return absl::OkStatus();
    auto at = RowOf(first);
    Head before = dropped_.head;
    for (const auto start = at; at != rows_.end(); ++at) {
      const absl::StatusOr<Row> row = DecodeRow(at->first, at->bytes);
      if (!row.ok()) return row.status();
      if (at == start && at != rows_.begin()) before = row->start();
      if (absl::Status status = CheckFollows(before, *row); !status.ok()) return status;
      if (absl::Status status = visit(*row, at->bytes); !status.ok()) return status;
      before = row->head();
    }
    return absl::OkStatus();
  }

  /// The row that holds the sequence; there must be one.
  std::vector<StoredRow>::const_iterator RowOf(uint64_t sequence) const {
    const auto after = std::partition_point(rows_.begin(), rows_.end(),
                                            [sequence](const StoredRow& row) { return row.first <= sequence; });
    return after == rows_.begin() ? after : after - 1;
  }

  std::vector<StoredRow> rows_;
  MemoryProjections projections_;
  Dropped dropped_;
  Head head_;
  std::atomic<uint64_t> appended_ = 0;  // for Sync, on any thread
};

}  // namespace

std::unique_ptr<Journal> NewMemoryJournal() { return std::make_unique<MemoryJournal>(); }

}  // namespace penstock::ledger
