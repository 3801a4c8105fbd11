#include "admission/class_shares.h"

#include <bit>

namespace penstock::admission {
namespace {

/// As many seconds of burst as the pool has, rounded up.
RateTerms RateOf(WorkPerSecond rate, const PoolTerms& terms) {
  const Int128 burst = DivideRoundUp<Int128>(Int128{terms.burst.count()} * rate.count(), terms.capacity.count());
  return RateTerms{
      .quantity = rate.count(), .period = Seconds(1), .burst = std::max<int64_t>(AtMost(burst, INT64_MAX), 1)};
}

void SetLevel(LeakyLevel& level, bool& has, WorkPerSecond rate, const PoolTerms& terms, Instant now) {
  PENSTOCK_CHECK(rate >= WorkPerSecond::Zero());
  const bool had = has;
  has = rate > WorkPerSecond::Zero();
  if (!has) return;
  if (!had) level = LeakyLevel(RateOf(rate, terms));
  level.SetTerms(RateOf(rate, terms), now);
}

}  // namespace

void ClassShares::SetTerms(const PoolTerms& terms, Instant now) {
  for (size_t c = 0; c < kShareClassCount; ++c) {
    classes_[c].share.weight = static_cast<int32_t>(terms.classes[c].weight);
    SetLevel(classes_[c].floor, classes_[c].has_floor, terms.classes[c].floor, terms, now);
    SetLevel(classes_[c].cap, classes_[c].has_cap, terms.classes[c].cap, terms, now);
  }
}

size_t ClassShares::First() const {
  PENSTOCK_CHECK(!empty());
  auto first = static_cast<size_t>(std::countr_zero(competing_));
  for (uint32_t rest = competing_ & (competing_ - 1); rest != 0; rest &= rest - 1) {
    const auto c = static_cast<size_t>(std::countr_zero(rest));
    if (classes_[c].share.tag() < classes_[first].share.tag()) first = c;
  }
  return first;
}

int64_t ClassShares::ExpectedRate(size_t c, int64_t share) const {
  int64_t rate = share;
  if (classes_[c].has_floor) rate = std::max(rate, classes_[c].floor.terms().quantity);
  if (classes_[c].has_cap) rate = std::min(rate, classes_[c].cap.terms().quantity);
  return std::max<int64_t>(rate, 1);
}

void ClassShares::Start(size_t c, Charge& charge, DispatchReason& reason, std::optional<Instant> floor_from,
                        Instant now) {
  PENSTOCK_CHECK(Competes(c));
  Class& starting = classes_[c];
  time_.Follow(classes_[First()].share.tag());
  reason.class_tag = WholeUnits(starting.share.tag());
  reason.class_virtual_time = WholeUnits(time_.now());
  charge.class_mark = ChargeFlow(starting.share, charge.work);
  if (floor_from) {
    starting.floor.Take(charge.work.count(), *floor_from);
    charge.floor_work = charge.work;
  } else if (starting.has_floor) {
    charge.floor_work = FillFloor(starting, charge.work, now);
  }
  if (starting.has_cap) starting.cap.Take(charge.work.count(), now);
  ++starting.unsettled;
}

Work ClassShares::FillFloor(Class& of, Work work, Instant at) {
  const int64_t taken = std::min(work.count(), of.floor.Remaining(at));
  of.floor.Take(taken, at);
  return Work(taken);
}

void ClassShares::Release(size_t c, const Charge& charge) {
  Class& releasing = classes_[c];
  PENSTOCK_CHECK(releasing.unsettled > 0);
  if (--releasing.unsettled > 0 || charge.class_mark.stay == 0) return;
  const Tag tag = releasing.share.tag();
  time_.Follow(empty() ? tag : std::min(tag, classes_[First()].share.tag()));
}

void ClassShares::TrueUp(size_t c, Charge& charge, Work known, Instant now) {
  Class& of = classes_[c];
  TrueUpFlow(of.share, charge.class_mark, charge.work, known);
  const Work change = known - charge.work;
  if (of.has_cap && (charge.paced || change > Work::Zero())) of.cap.Adjust(change.count(), now);
  if (!of.has_floor) return;
  const Instant at = Competes(c) ? of.floor.at() : now;  // while it waits it loses none of its floor
  if (change > Work::Zero()) {
    charge.floor_work += FillFloor(of, change, at);
  } else if (known < charge.floor_work) {
    of.floor.GiveBack((charge.floor_work - known).count(), at);
    charge.floor_work = known;
  }
}

}  // namespace penstock::admission
