#include "broker/market/calendar.h"

#include <algorithm>

#include "admission/vocabulary/check.h"

namespace penstock::market {
namespace {

std::vector<Change> RoomChanges(const std::vector<Change>& supply, const std::vector<TakenWindow>& taken) {
  std::vector<Change> changes;
  changes.reserve(supply.size() + 2 * taken.size());
  changes = supply;
  for (const TakenWindow& window : taken) {
    PENSTOCK_CHECK(window.from < window.to && window.amounts.Covers({}));
    changes.push_back({window.from, Amounts{} - window.amounts});
    changes.push_back({window.to, window.amounts});
  }
  return changes;
}

}  // namespace

CapacityCalendar::CapacityCalendar(const std::vector<Change>& supply, const std::vector<TakenWindow>& taken)
    : supply_(supply), room_(RoomChanges(supply, taken)) {}

void CapacityCalendar::AddSupply(Instant from, const Amounts& change) {
  supply_.Add({from, change});
  room_.Add({from, change});
}

void CapacityCalendar::Take(Instant from, Instant to, const Amounts& amounts) {
  PENSTOCK_CHECK(from < to && amounts.Covers({}));
  room_.Add({from, Amounts{} - amounts});
  room_.Add({to, amounts});
}

void CapacityCalendar::GiveBack(Instant from, Instant to, const Amounts& amounts) {
  PENSTOCK_CHECK(from < to && amounts.Covers({}));
  room_.Add({from, amounts});
  room_.Add({to, Amounts{} - amounts});
}

void CapacityCalendar::ForgetBefore(Instant t) {
  supply_.ForgetBefore(t);
  room_.ForgetBefore(t);
}

void CapacityCalendar::ForEachStep(Instant from, Instant to, const StepVisitor& visit) const {
  PENSTOCK_CHECK(from < to);
  StepFunction::Step supply = supply_.StepAt(from);
  StepFunction::Step room = room_.StepAt(from);
  while (true) {
    const Instant next = std::min({supply.until, room.until, to});
    if (!visit(from, next, supply.value, supply.value - room.value) || next == to) return;
    if (supply.until == next) supply = supply_.StepAt(next);
    if (room.until == next) room = room_.StepAt(next);
    from = next;
  }
}

void CapacityCalendar::CheckInvariants() const {
  supply_.CheckInvariants();
  room_.CheckInvariants();
  PENSTOCK_CHECK(supply_.begin() == room_.begin());
  ForEachStep(supply_.begin(), Instant::Max(), [](Instant, Instant, const Amounts&, const Amounts& taken) {
    PENSTOCK_CHECK(taken.Covers({}));
    return true;
  });
}

}  // namespace penstock::market
