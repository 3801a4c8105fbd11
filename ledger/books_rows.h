// The books as rows of a projection store (ledger/books_loader.h is the way back).
//
//   kind (1 byte) | key, big-endian              value
//   header                                       what there is one of; sizes; where to read on; a checksum
//   name          kind, id                       NameEntry
//   tariff        id                             TariffEntry
//   balance       tenant                         pending, posted, bought, currency, from when windows are kept
//   epoch         epoch                          grants known, first word of ended bits
//   ended         epoch, chunk                   64 words of ended bits
//   grant         epoch, sequence                an open grant, as of a sequence; stays a while after it ended
//   end           number                         a remembered end that the journal alone would not give back
//   bucket, window, seconds                      the two meters; seconds before the watermark, by start
//   subscription  tenant                         SubscriptionEntry
//   credit        id                             what is left, CreditEntry
//   statement     id                             how it stands, StatementEntry
//   month         as a window's                  what is left of rolled up windows
//   key project   key                            project
//   cut name      id                             a run, or a value of a label
//   cut           bucket's key, cut name         the part of the bucket with that run or label
//   outcome name  id                             a kind of outcome
//   outcome       tenant, name, hour, cut name   accepted, rejected
//   report        id                             a remembered report of outcomes
//   alert         number                         AlertEntry
//   alerted       tenant, scope, subject, period the last thresholds of two periods
//   raise         id                             BudgetRaiseEntry and BudgetChangeEntry
//   what is bought ahead of time: ledger/market_rows.cc says
//
// Remembered ends are not written: loading reads them from the journal, from a mark at or before the oldest of them.
// At the mark every open grant had a row, and rows stay until their grant's end is forgotten; so whatever ended behind
// the mark finds its grant among the rows or behind the mark as well.
#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ledger/books.h"
#include "ledger/row_codec.h"

namespace penstock::ledger {

/// Rows of other owners begin with kFirstForeign or a higher byte.
enum class RowKind : uint8_t {
  kHeader,
  kName,
  kTariff,
  kBalance,
  kEpoch,
  kEnded,
  kGrant,
  kEnd,
  kBucket,
  kWindow,
  kSeconds,
  kSubscription,
  kCredit,
  kStatement,
  kMonth,
  kKeyProject,
  kCutName,
  kCut,
  kOutcomeName,
  kOutcome,
  kReport,
  kAlert,
  kAlerted,
  kRaise,
  kCapacityPlan,
  kDemandPlan,
  kPrice,
  kQuote,
  kBid,
  kReservation,
  kReservationChange,
  kDelivery,
  kPosting,
  kFirstForeign = 64,
};
constexpr RowKind KindOf(std::string_view key) {
  return key.empty() ? RowKind::kFirstForeign : static_cast<RowKind>(static_cast<uint8_t>(key.front()));
}
/// For people: "balance of tenant 3".
std::string DescribeRow(std::string_view key);

/// What a grant's row says.
struct GrantRow {
  OpenGrant open;
  uint64_t as_of = 0;  // the sequence it reflects
};
void WriteGrantRow(const OpenGrant& open, uint64_t as_of, std::string* bytes);
absl::StatusOr<GrantRow> ReadGrantRow(std::string_view value);
std::string GrantRowKey(GrantId id);

/// What there must be of each kind, as the header says.
struct RowCount {
  std::string_view of;
  uint64_t count = 0;
};
constexpr size_t kRowCounts = 33;
std::array<RowCount, kRowCounts> RowCountsOf(const Books& books, size_t epochs);

/// Of the rows as a whole; others are refused.
constexpr uint64_t kRowFormat = 3;
/// Ends the header and what nothing else would check.
constexpr size_t kChecksumBytes = 8;
std::string_view ChecksumOf(const Hash& hash);

}  // namespace penstock::ledger
