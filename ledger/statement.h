// A statement: what a tenant owes for a period, line by line: the rating of what the books metered. A pure function of
// books, tariff and subscription.
#pragma once

#include <string>

#include "admission/vocabulary/ids.h"
#include "admission/vocabulary/time.h"
#include "ledger/books.h"
#include "ledger/journal.h"
#include "ledger/rating/rate.h"
#include "ledger/tariff.h"

namespace penstock::ledger {

struct Statement {
  TenantId tenant;
  std::string tariff;  // version
  std::string currency;
  Instant from;             // aligned to hours
  Instant to;               // exclusive
  bool provisional = true;  // a preview: late completes may still land in it
  rating::Bill bill;
  Head as_of;  // of the journal
};

/// What the meters hold of a tenant in [from, to), and before that what the tariff looks back on. Tokens come by the
/// hour (of their settlement), work by the base window. The books must outlive it.
rating::Usage UsageOf(const Books& books, TenantId tenant, Instant from, Instant to, const Tariff& tariff);

/// A statement for [from, to), which must be whole hours (else it crashes), in the currency of the books. Token lines
/// are grouped by the tariff their grants pinned, so a tariff change inside the period gives more lines; everything
/// else is what `tariff` makes of it. Usage that came too late to bill is not on it.
Statement PreviewStatement(const Books& books, TenantId tenant, Instant from, Instant to, const Tariff& tariff,
                           const rating::Subscription& subscription, const Head& as_of);

}  // namespace penstock::ledger
