// A journal that keeps its chain and nothing else: a long run's head is that of a journal that keeps all, and takes no
// memory.
#pragma once

#include <string>

#include "ledger/journal.h"
#include "ledger/journal_row.h"

namespace penstock::sim {

class ChainJournal final : public ledger::Journal {
 public:
  absl::Status Append(const ledger::Batch& batch) override {
    if (batch.empty()) return absl::OkStatus();
    row_.clear();
    head_ = ledger::EncodeRow(head_, batch, row_);
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> Sync() override { return head_.sequence; }
  ledger::Head head() const override { return head_; }
  ledger::Head synced() const override { return head_; }
  /// An engine opens it while it is empty; after that there is nothing to read.
  absl::Status Read(uint64_t /*first*/, const Visitor& /*visit*/) const override { return absl::OkStatus(); }

 private:
  ledger::Head head_;
  std::string row_;  // used again
};

}  // namespace penstock::sim
