#include "ledger/ledger.h"

#include <absl/memory/memory.h>
#include <absl/strings/str_cat.h>

namespace penstock::ledger {
namespace {

absl::Status AtSequence(uint64_t sequence, const absl::Status& status) {
  return absl::DataLossError(absl::StrCat("journal sequence ", sequence, ": ", status.message()));
}

/// Reads every entry into the books. DATA_LOSS names the sequence.
absl::Status Replay(const Journal& journal, const Ledger::Observer& observe, Books* books) {
  uint64_t expected = 1;
  absl::Status read = journal.Read(1, [&](uint64_t sequence, std::string_view payload) {
    if (sequence != expected) {
      return AtSequence(sequence, absl::DataLossError(absl::StrCat("expected sequence ", expected)));
    }
    ++expected;
    const absl::StatusOr<Entry> entry = Decode(payload);
    if (!entry.ok()) return AtSequence(sequence, entry.status());
    if (absl::Status applied = books->Apply(*entry); !applied.ok()) return AtSequence(sequence, applied);
    if (observe) observe(*entry);
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  if (journal.head().sequence + 1 != expected) {
    return absl::DataLossError(
        absl::StrCat("journal ends at sequence ", expected - 1, ", its head says ", journal.head().sequence));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(std::unique_ptr<Journal> journal, const Observer& observe,
                                                     size_t remembered_ends) {
  std::unique_ptr<Ledger> ledger = absl::WrapUnique(new Ledger(std::move(journal), remembered_ends));
  if (absl::Status replayed = Replay(*ledger->journal_, observe, &ledger->books_); !replayed.ok()) return replayed;
  ledger->written_ = ledger->journal_->head();
  return ledger;
}

void Ledger::Post(const Entry& entry) {
  std::visit([this](const auto& e) { Post(e); }, entry);
}

void Ledger::Crash(const absl::Status& contradiction) {
  if (!contradiction.ok()) CheckFailed(std::string(contradiction.message()).c_str(), __FILE__, __LINE__);
}

absl::Status Ledger::WriteBatch() {
  if (batch_.empty()) return absl::OkStatus();
  if (absl::Status appended = journal_->Append(batch_); !appended.ok()) return appended;
  batch_.Clear();
  written_ = journal_->head();
  return absl::OkStatus();
}

absl::StatusOr<Verification> Verify(const Journal& journal) {
  Verification found;
  // Apply re-rates: it refuses a settlement whose charge is not what its pinned tariff makes of its tokens.
  if (absl::Status replayed = Replay(journal, nullptr, &found.books); !replayed.ok()) return replayed;
  if (absl::Status sums = found.books.CheckInvariants(); !sums.ok()) return sums;
  found.head = journal.head();
  found.entries = found.head.sequence;
  found.open_holds = found.books.open_count();
  found.posted = found.books.revenue();
  return found;
}

}  // namespace penstock::ledger
