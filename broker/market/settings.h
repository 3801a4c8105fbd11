// What a pool sells ahead of time, and how its prices move. Factors are in thousandths.
#pragma once

#include <cstdint>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "ledger/market_terms.h"
#include "ledger/money.h"

namespace penstock::market {

/// A point of a price curve: from this use of the capacity on, linear to the next point.
struct CurvePoint {
  int64_t utilisation = 0;  // thousandths
  int64_t factor = 0;       // thousandths of the price it bends
  friend bool operator==(const CurvePoint&, const CurvePoint&) = default;
};

/// How the posted elastic price of a pool moves: thousandths of the tariff's flat prices.
struct PostedPriceTerms {
  std::vector<CurvePoint> curve;  // convex, rising; empty: no price is posted
  int64_t floor = 500;
  int64_t cap = 3'000;
  int64_t step = 50;  // a change is a multiple of this, and at most `most_steps` of them
  int64_t most_steps = 4;
  Duration least_between = Hours(1);  // between changes
  Duration notice = Minutes(5);       // published so long before it holds
  int64_t lock_premium = 100;         // thousandths that a locked price is dearer
  int64_t cap_premium = 250;          // thousandths above the posted price at which it can be capped
  Duration longest_lock = Days(7);
  friend bool operator==(const PostedPriceTerms&, const PostedPriceTerms&) = default;
};

/// A factor that holds from some time on; of several the last that fits.
struct TimeFactor {
  Duration from;
  int64_t factor = 1'000;  // thousandths
  friend bool operator==(const TimeFactor&, const TimeFactor&) = default;
};

/// What a pool sells ahead of time.
struct MarketTerms {
  bool open = false;                          // nothing is sold otherwise
  int64_t margin = 50;                        // thousandths of the capacity that are never sold
  Duration burst = Seconds(2);                // what a sold rate earns in this time may come at once
  ledger::Envelope envelope;                  // of who does not say
  std::vector<ledger::CapacityStep> planned;  // ascending: what the capacity will be; else as it is
  Duration shortest = Minutes(1);             // of a step
  Duration furthest = Days(366);              // that a step may end ahead
  Duration quote_holds = Minutes(10);
  Duration lock_time = Hours(24);     // so long before the first step nothing can be cancelled or made less any more
  int64_t refund = 900;               // thousandths of the price that a cancellation gives back
  ledger::Money approval_above;       // dearer purchases and amendments wait for approval; zero: none does
  std::vector<CurvePoint> scarcity;   // by what is sold at the tightest moment: factor on the list price
  std::vector<TimeFactor> lead_time;  // by how long ahead it begins
  std::vector<TimeFactor> term;       // by how long it is promised in all
  int64_t least_spread = 100;         // thousandths: bid = ask less this when all is sold
  int64_t most_spread = 500;          // and less this when nothing is
  PostedPriceTerms posted;
  Work chunk;                 // what the next chunk of capacity carries in a second; zero: unknown
  ledger::Money chunk_price;  // for an hour
  Duration chunk_lead_time;
  friend bool operator==(const MarketTerms&, const MarketTerms&) = default;
};

}  // namespace penstock::market
