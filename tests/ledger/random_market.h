// What may happen on the market next, of everything that the books accept.
#pragma once

#include <optional>

#include "admission/vocabulary/time.h"
#include "ledger/books.h"
#include "ledger/entry.h"
#include "tests/ledger/random.h"

namespace penstock::ledger {

/// Plans, prices, quotes, reservations with all that may befall them, deliveries, bids. Nothing when what was drawn
/// cannot happen now.
std::optional<Entry> SomeMarketEntry(const Books& books, Instant now, Random* random);

/// What a change from these steps to those has to post, from `from` on: purchases, or what is given back at this part
/// (thousandths) of the price that was paid.
std::vector<ReservationCharge> ChargesFor(const std::vector<RateStep>& before, const std::vector<RateStep>& after,
                                          Instant from, ReservationCharge::Kind given_back, int64_t part = 1'000);

}  // namespace penstock::ledger
