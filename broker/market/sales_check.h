// Follows a journal and checks that nothing is sold that is not there: after no entry that sells may a pool have less
// than nothing left at any moment of what it sold (DESIGN section 9, 2). Knows nothing of how a market decides.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <variant>
#include <vector>

#include "broker/market/pool_market.h"
#include "ledger/books.h"

namespace penstock::market {

/// `Calendar`: CapacityCalendar, or in tests one that is obviously right.
template <class Calendar>
class SalesCheck {
 public:
  /// Entries in order, each with the books before it. DATA_LOSS names the reservation, the moment and what is missing.
  absl::Status Observe(const ledger::Entry& entry, const ledger::Books& before) {
    if (const auto* plan = std::get_if<ledger::CapacityPlanEntry>(&entry)) SetCapacity(*plan);
    const auto* reservation = std::get_if<ledger::ReservationEntry>(&entry);
    return reservation == nullptr ? absl::OkStatus() : Sell(*reservation, before);
  }

 private:
  using Terms = ledger::ReservationTerms;

  struct Pool {
    Calendar calendar;
    ledger::CapacityPlanEntry plan;
  };

  void SetCapacity(const ledger::CapacityPlanEntry& plan) {
    Pool& pool = pools_[plan.pool];
    const auto apply = [&pool](const ledger::CapacityPlanEntry& of, bool add) {
      Amounts before;
      for (const ledger::CapacityStep& step : of.steps) {
        const Amounts now = ForSale(of, step);
        pool.calendar.AddSupply(step.from, add ? now - before : before - now);
        before = now;
      }
    };
    apply(pool.plan, false);
    pool.plan = plan;
    apply(pool.plan, true);
  }

  static Amounts TakenAt(const Terms* terms, Instant at) {
    Amounts sum;
    if (terms == nullptr) return sum;
    for (const ledger::RateStep& step : terms->steps) {
      if (step.from <= at && at < step.to) sum = sum + TakenBy(step.rate, terms->envelope);
    }
    return sum;
  }

  absl::Status Sell(const ledger::ReservationEntry& entry, const ledger::Books& books) {
    const ledger::ReservationRecord* record = books.market().FindReservation(entry.id);
    const Terms* before = record == nullptr || ledger::IsOver(record->state) ? nullptr : &record->terms;
    const bool stays = entry.terms.empty() || entry.event == ledger::ReservationEvent::kAskAmend;
    const Terms* after = ledger::IsOver(entry.state) ? nullptr : stays ? before : &entry.terms.front();
    if (before == after) return absl::OkStatus();
    Pool& pool = pools_[(after == nullptr ? before : after)->pool];
    pool.calendar.ForgetBefore(WindowStart(entry.at, Hours(1)));
    std::vector<Instant> edges = {entry.at};
    for (const Terms* terms : {before, after}) {
      if (terms == nullptr) continue;
      for (const ledger::RateStep& step : terms->steps) {
        const Instant from = std::max(step.from, entry.at);
        if (from >= step.to) continue;
        const Amounts amounts = TakenBy(step.rate, terms->envelope);
        terms == before ? pool.calendar.GiveBack(from, step.to, amounts) : pool.calendar.Take(from, step.to, amounts);
        edges.insert(edges.end(), {from, step.to});
      }
    }
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    for (size_t i = 0; i + 1 < edges.size(); ++i) {
      const Amounts more = TakenAt(after, edges[i]) - TakenAt(before, edges[i]);
      if (more.rate <= 0 && more.slots <= 0 && more.kv <= 0) continue;  // it sells nothing there
      const LeastPoints least = pool.calendar.TightestIn(edges[i], edges[i + 1]);
      const auto negative = [](int64_t sold, const LeastPoint& point) { return sold > 0 && point.amount < 0; };
      if (!negative(more.rate, least.rate) && !negative(more.slots, least.slots) && !negative(more.kv, least.kv)) continue;
      return absl::DataLossError(
          absl::StrCat("reservation ", entry.id, " sells what pool ", (after == nullptr ? before : after)->pool.value,
                       " does not have: ", least.rate.amount, " milli-nt/s, ", least.slots.amount, " slots, ",
                       least.kv.amount, " KV tokens are left at ", edges[i].nanoseconds_since_epoch(), " ns"));
    }
    return absl::OkStatus();
  }

  std::map<PoolId, Pool> pools_;
};

}  // namespace penstock::market
