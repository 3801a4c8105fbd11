// A statement: what a tenant owes for a period, line by line: the rating of what the books metered.
//
// Gathering looks at the books; rating is a pure function of what was gathered and may run on any thread. A closed
// statement is an entry of the journal, and CheckStatement says whether it is what rating makes of the books.
#pragma once

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "ledger/books.h"
#include "ledger/journal.h"
#include "ledger/rating/rate.h"
#include "ledger/tariff.h"

namespace penstock::ledger {

/// A period can be closed this long after its end: when its windows have passed the watermark.
constexpr Duration kCloseAfter = kWatermark;

/// What a statement follows from.
struct StatementInput {
  TenantId tenant;
  const Tariff* tariff = nullptr;  // of the books, or whatever else outlives this
  Instant from;                    // whole hours
  Instant to;                      // exclusive
  rating::Usage usage;
  rating::Subscription subscription;
  std::vector<uint32_t> credits;  // ids of the subscription's credits in the books, in its order
  uint32_t replaces = 0;          // the standing statement of this period; 0: none
};

/// Of all that a bill follows from: another input has another one, as good as always. The same on every machine.
uint64_t FingerprintOf(const StatementInput& input);

struct Statement {
  uint32_t id = 0;  // 0: a preview
  TenantId tenant;
  std::string tariff;  // version
  std::string currency;
  Instant from;
  Instant to;  // exclusive
  bool provisional = true;  // a preview: late completes may still land in it
  uint32_t replaces = 0;
  uint32_t replaced_by = 0;
  bool late = false;  // work was reported in the period after it was closed: a correction may differ
  Instant closed_at;
  rating::Bill bill;
  Head as_of;  // of the journal
};

/// What the meters hold of a tenant in [from, to), and before that what the tariff looks back on. Tokens come by the
/// hour (of their settlement), work by the base window.
rating::Usage UsageOf(const Books& books, TenantId tenant, Instant from, Instant to, const Tariff& tariff);

/// All that a statement for [from, to) follows from, on these terms. Must be whole hours, else it crashes; the tariff
/// must be in the tenant's currency.
StatementInput GatherStatement(const Books& books, TenantId tenant, Instant from, Instant to, const Tariff& tariff,
                               const rating::Subscription& subscription);
/// The same on the terms that the books know: the tenant's subscription, and its credits as they would be without the
/// statement of this period that stands.
StatementInput GatherStatement(const Books& books, TenantId tenant, Instant from, Instant to, const Tariff& tariff);

/// Token lines are grouped by the tariff their grants pinned, so a tariff change inside the period gives more lines;
/// everything else is what the input's tariff makes of it. Usage that came too late to bill is not on it.
Statement PreviewStatement(const StatementInput& input, const Head& as_of);

/// Whether this period of the tenant can be closed now, or closed once more in place of the statement that stands.
/// FAILED_PRECONDITION says why not: it is not over long enough, overlaps a closed one, or is
/// rolled up.
absl::Status CheckPeriod(const Books& books, TenantId tenant, const Tariff& tariff, Instant from, Instant to, Instant now);
/// FAILED_PRECONDITION when windows that the period needs are rolled up.
absl::Status CheckKept(const Books& books, TenantId tenant, const Tariff& tariff, Instant from);

/// The entry that closes the period; without id and time.
StatementEntry RateStatement(const StatementInput& input, uint32_t tariff);

/// A closed one without its lines, which would have to be decoded.
Statement SummaryOf(const Books& books, const StatementRecord& record, const Head& as_of);
/// A closed one.
Statement ClosedStatement(const Books& books, const StatementRecord& record, const Head& as_of);

/// Before the entry is applied: DATA_LOSS names the line that differs from what rating makes of the books.
absl::Status CheckStatement(const Books& books, const StatementEntry& entry);

}  // namespace penstock::ledger
