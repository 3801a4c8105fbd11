// The windows that a pool's demand charges can look at. A bill comes out the same when the others are left out, and
// rating a few windows minute by minute is much faster than rating a week.
#pragma once

#include <span>
#include <vector>

#include "admission/vocabulary/time.h"
#include "admission/vocabulary/work.h"
#include "ledger/tariff.h"

namespace penstock::sim {

class RatedWindows {
 public:
  /// Work of all customers by window from `start` on. Prices (nullptr: none) and calendar must outlive this.
  RatedWindows(const ledger::PoolPrices* prices, const ledger::Calendar& calendar, Instant start, Duration window,
               std::span<const Work> everyone);

  /// A customer's own work, zero in windows that no charge looks at; laid evenly over minutes it gives the same demand:
  /// to within a milli-nt a minute, since minutes of nearly equal windows may change places.
  std::vector<Work> Kept(std::span<const Work> own) const;
  /// The same of the pool's work.
  std::vector<Work> KeptOfEveryone(std::span<const Work> everyone) const;

 private:
  using Mask = std::vector<bool>;
  struct Rule {
    size_t highest = 0;  // so many of the customer's own highest windows, of those that count
    Mask counts;         // empty: all
  };
  void Add(const ledger::DemandCharge& charge, const ledger::Calendar& calendar, std::span<const Work> everyone);
  Mask CountedBy(const ledger::DemandCharge& charge, const ledger::Calendar& calendar, size_t windows) const;
  void KeepPeaks(const ledger::DemandCharge& charge, const ledger::Calendar& calendar, std::span<const Work> everyone,
                 const Mask& counts);

  Instant start_;
  Duration window_;
  int64_t minutes_;  // in a window
  bool all_ = false;
  std::vector<Rule> rules_;
  Mask peaks_;  // of the pool; empty: no charge looks at them
};

}  // namespace penstock::sim
