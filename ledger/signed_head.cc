#include "ledger/signed_head.h"

#include <absl/strings/str_cat.h>

namespace penstock::ledger {

std::string StatementOf(const SignedHead& head) {
  return absl::StrCat("penstock head 1\njournal ", ToHex(head.journal), "\nsequence ", head.head.sequence, "\nhash ",
                      ToHex(head.head.hash), "\nat ", head.at.nanoseconds_since_epoch() / Seconds(1).count(), "\n");
}

absl::StatusOr<Hash> IdentityOf(const Journal& journal) {
  if (journal.dropped().segments > 0) return journal.dropped().identity;
  Hash identity{};
  bool found = false;
  const absl::Status read = journal.Read(1, [&](uint64_t, std::string_view payload) {
    identity = ChainHash(Hash{}, payload);
    found = true;
    return absl::CancelledError("far enough");
  });
  if (found) return identity;
  return read.ok() ? absl::NotFoundError("the journal is empty, so it has no identity yet") : read;
}

absl::Status CheckLiesOn(const Journal& journal, const SignedHead& head) {
  const absl::StatusOr<Hash> identity = IdentityOf(journal);
  if (!identity.ok() && !absl::IsNotFound(identity.status())) return identity.status();
  if (identity.ok() && *identity != head.journal) {
    return absl::DataLossError(absl::StrCat("the signed head is of journal ", ToHex(head.journal), ", this is journal ",
                                            ToHex(*identity), ": another one, or its first entry was changed"));
  }
  const uint64_t sequence = head.head.sequence;
  if (sequence > journal.head().sequence) {
    return absl::DataLossError(absl::StrCat("the signed head is at sequence ", sequence, ", but the journal ends at ",
                                            journal.head().sequence, ": its end was cut off, or it is an older copy"));
  }
  const Dropped dropped = journal.dropped();
  if (sequence < dropped.head.sequence) return CheckStillHere(dropped, sequence);
  const absl::StatusOr<Head> there = journal.HeadAt(sequence);
  if (!there.ok()) return absl::DataLossError(there.status().message());
  if (*there == head.head) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("at sequence ", sequence, " the journal has chain hash ", ToHex(there->hash),
                                          ", the signed head says ", ToHex(head.head.hash),
                                          ": an entry at or before it was changed"));
}

}  // namespace penstock::ledger
