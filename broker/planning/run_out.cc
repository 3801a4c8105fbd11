#include "broker/planning/run_out.h"

#include <algorithm>
#include <vector>

#include "admission/vocabulary/check.h"

namespace penstock::planning {
namespace {

constexpr Duration kFarthest = Days(3'652);

}  // namespace

std::optional<Instant> RunsOut(std::span<const ledger::Money> spent, const ledger::Money& left, Instant now,
                               Instant end) {
  PENSTOCK_CHECK(spent.size() <= kHoursOfHistory);
  if (left <= ledger::Money()) return now;
  ledger::Money sum;
  for (const ledger::Money& hour : spent) sum += hour;
  if (sum <= ledger::Money()) return std::nullopt;
  const Instant last = std::min(end, now + kFarthest);
  const Instant this_hour = WindowStart(now, Hours(1));
  const auto hours = static_cast<int64_t>(spent.size());

  if (spent.size() < kHoursOfHistory) {
    // Whole hours until sum / hours per hour have used it up.
    const ledger::PicoCount needed = (left.pico() * hours + sum.pico() - 1) / sum.pico();
    if (needed > (last - this_hour).count() / Hours(1).count() + 1) return std::nullopt;
    const Instant at = this_hour + Hours(1) * (static_cast<int64_t>(needed) - 1);
    return std::max(at, now) < last ? std::optional(std::max(at, now)) : std::nullopt;
  }

  const ledger::PicoCount weeks = (left.pico() - 1) / sum.pico();  // that leave something
  if (weeks > kFarthest.count() / Days(7).count()) return std::nullopt;
  ledger::Money rest = left - sum * static_cast<int64_t>(weeks);
  Instant hour = this_hour + Days(7) * static_cast<int64_t>(weeks);
  for (const ledger::Money& spends : spent) {
    rest -= spends;
    if (rest <= ledger::Money()) break;
    hour = hour + Hours(1);
  }
  return std::max(hour, now) < last ? std::optional(std::max(hour, now)) : std::nullopt;
}

}  // namespace penstock::planning
