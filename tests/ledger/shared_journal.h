// A handle on a journal that a test keeps while ledgers and engines come and go.
#pragma once

#include <memory>
#include <utility>

#include "ledger/journal.h"

namespace penstock::ledger {

class SharedJournal final : public Journal {
 public:
  explicit SharedJournal(std::shared_ptr<Journal> journal) : journal_(std::move(journal)) {}
  absl::Status Append(const Batch& batch) override { return journal_->Append(batch); }
  absl::StatusOr<uint64_t> Sync() override { return journal_->Sync(); }
  Head head() const override { return journal_->head(); }
  Head synced() const override { return journal_->synced(); }
  absl::Status Read(uint64_t first, const Visitor& visit) const override { return journal_->Read(first, visit); }
  absl::StatusOr<Head> HeadAt(uint64_t sequence) const override { return journal_->HeadAt(sequence); }
  ProjectionStore* projections() override { return journal_->projections(); }

 private:
  std::shared_ptr<Journal> journal_;
};

}  // namespace penstock::ledger
