// A journal that takes everything and keeps nothing, for measuring what stands before it.
#pragma once

#include "ledger/journal.h"

namespace penstock::core {

class NowhereJournal final : public ledger::Journal {
 public:
  absl::Status Append(const ledger::Batch& batch) override {
    head_.sequence += batch.size();
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> Sync() override { return head_.sequence; }
  ledger::Head head() const override { return head_; }
  absl::Status Read(uint64_t, const Visitor&) const override { return absl::OkStatus(); }

 private:
  ledger::Head head_;
};

}  // namespace penstock::core
