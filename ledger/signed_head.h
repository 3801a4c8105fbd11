// A journal's head that leaves the house: whoever keeps one can later prove that the journal still contains everything
// up to it, unchanged. Signing is not done here (broker/auth/signing_key.h); what is signed is.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <string>

#include "admission/vocabulary/time.h"
#include "ledger/journal.h"

namespace penstock::ledger {

/// Ed25519, RFC 8032.
using PublicKey = std::array<uint8_t, 32>;
using Signature = std::array<uint8_t, 64>;

struct SignedHead {
  Hash journal{};  // IdentityOf the journal
  Head head;       // durable when it was signed
  Instant at;      // a whole second
  PublicKey public_key{};
  Signature signature{};  // of StatementOf, by the key above
  friend bool operator==(const SignedHead&, const SignedHead&) = default;
};

/// What is signed: five lines, so that others can check it without this program.
///
///   penstock head 1
///   journal <64 hex digits>
///   sequence <decimal>
///   hash <64 hex digits>
///   at <seconds since 1970>
std::string StatementOf(const SignedHead& head);

/// The chain hash after the journal's first entry: no other journal has it. NOT_FOUND while it is empty. Also known
/// when that entry was dropped.
absl::StatusOr<Hash> IdentityOf(const Journal& journal);

/// Whether the head lies on this journal's chain; the signature is not looked at. DATA_LOSS says how it contradicts the
/// journal: another journal, cut short before it, another hash there; FAILED_PRECONDITION when it lies in what was
/// dropped. Reads one row; the chain itself is for Verify.
absl::Status CheckLiesOn(const Journal& journal, const SignedHead& head);

}  // namespace penstock::ledger
