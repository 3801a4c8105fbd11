// A statement: what a tenant owes for a period, line by line, from the meters. A pure function of books and tariff.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "ledger/books.h"
#include "ledger/journal.h"
#include "ledger/tariff.h"

namespace penstock::ledger {

enum class LineKind : uint8_t { kTokens, kDemand };

struct StatementLine {
  LineKind kind = LineKind::kTokens;
  std::string pool;
  std::string tariff;                            // version that the unit price comes from
  ServiceClass served = ServiceClass::kDefault;  // kTokens
  TokenKind token_kind = TokenKind::kInput;      // kTokens
  int64_t quantity = 0;                          // kTokens: tokens; kDemand: milli-nt of work in the peak window
  int64_t unit_price = 0;                        // pico-units per token, or per milli-nt
  Money exact;                                   // quantity x unit_price, what the postings add up to
  Money amount;                                  // rounded once, by the tariff's mode
  Instant peak_window;  // kDemand: start of the base window that set the peak (earliest on ties)
  Work highest_second;  // kDemand: of one tier in that window; informative
};

struct Statement {
  TenantId tenant;
  std::string tariff;  // version
  std::string currency;
  Instant from;             // aligned to hours
  Instant to;               // exclusive
  bool provisional = true;  // a preview: late completes may still land in it
  std::vector<StatementLine> lines;
  Money rounding;  // sum of (exact - amount): goes to the rounding account
  Money total;     // sum of amounts
  Head as_of;      // of the journal
};

/// A statement for [from, to), which must be whole hours (else it crashes), in the currency of the books. Lines are
/// ordered by pool name; in a pool by class, kind and pinned tariff, then its demand line. Zero quantities are left
/// out, and so is demand that has no price. Token lines are grouped by the tariff their grants pinned, so a tariff
/// change inside the period gives more lines. Demand is what `tariff` makes of the elastic and reserved work. Usage
/// that came too late to bill is not on it.
Statement PreviewStatement(const Books& books, TenantId tenant, Instant from, Instant to, const Tariff& tariff,
                           const Head& as_of);

}  // namespace penstock::ledger
