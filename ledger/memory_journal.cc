#include <algorithm>
#include <atomic>
#include <utility>

#include "ledger/journal.h"
#include "ledger/journal_row.h"

namespace penstock::ledger {
namespace {

struct StoredRow {
  uint64_t first;
  std::string bytes;
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

  absl::Status Read(uint64_t first, const Visitor& visit) const override {
    if (first > head_.sequence) return absl::OkStatus();
    auto at =
        std::partition_point(rows_.begin(), rows_.end(), [first](const StoredRow& row) { return row.first <= first; });
    if (at != rows_.begin()) --at;
    Head before;
    for (const auto start = at; at != rows_.end(); ++at) {
      const absl::StatusOr<Row> row = DecodeRow(at->first, at->bytes);
      if (!row.ok()) return row.status();
      if (at == start) before = row->start();
      if (absl::Status status = CheckFollows(before, *row); !status.ok()) return status;
      if (absl::Status status = VisitRow(*row, first, visit); !status.ok()) return status;
      before = row->head();
    }
    return absl::OkStatus();
  }

 private:
  std::vector<StoredRow> rows_;
  Head head_;
  std::atomic<uint64_t> appended_ = 0;  // for Sync, on any thread
};

}  // namespace

std::unique_ptr<Journal> NewMemoryJournal() { return std::make_unique<MemoryJournal>(); }

}  // namespace penstock::ledger
