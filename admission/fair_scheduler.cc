#include "admission/fair_scheduler.h"

#include <algorithm>

#include "admission/vocabulary/bounds.h"

namespace penstock::admission {
namespace {

constexpr Duration kShortestRetry = Milliseconds(1);

/// Where an offer stands at the share level, or would: a reserved one always as spillover.
ServiceClass ShareClassOf(const Offer& offer) {
  return offer.contract != 0 ? ServiceClass::kSpillover : offer.share_class;
}

size_t IndexOf(ServiceClass service_class) { return static_cast<size_t>(service_class); }

RateTerms PaceOf(const PoolTerms& terms) {
  return RateTerms{.quantity = terms.capacity.count(), .period = Seconds(1), .burst = terms.burst.count()};
}

void CheckTerms(const PoolTerms& terms) {
  PENSTOCK_CHECK(terms.capacity.count() > 0 && terms.burst.count() > 0 && terms.max_in_flight > 0);
  for (const ClassTerms& of_class : terms.classes) {
    PENSTOCK_CHECK(of_class.weight >= 1 && of_class.weight <= kMaxWeight);
    PENSTOCK_CHECK(of_class.max_in_flight >= 0 && of_class.holdback_slots >= 0 && of_class.max_waiting >= 0);
  }
}

/// Nanoseconds for some work at a rate, cut off at kLongestWait.
Duration DrainTime(Int128 work, int64_t rate) {
  return Duration(AtMost(DivideRoundUp<Int128>(work * Seconds(1).count(), rate), kLongestWait.count()));
}

}  // namespace

FairScheduler::FairScheduler(const PoolTerms& terms, Instant now)
    : lines_{TenantLines(&room_), TenantLines(&room_), TenantLines(&room_), TenantLines(&room_), TenantLines(&room_)} {
  for (size_t c = 0; c < kShareClassCount; ++c) {
    const ShareQueue::Flow flow = classes_.AddFlow(1);
    PENSTOCK_CHECK(flow == c);
  }
  SetTerms(terms, now);
}

void FairScheduler::SetTerms(const PoolTerms& terms, Instant now) {
  CheckTerms(terms);
  terms_ = terms;
  pace_.SetTerms(PaceOf(terms), now);
  for (uint32_t c = 0; c < kShareClassCount; ++c) classes_.SetWeight(c, terms.classes[c].weight);
  RefreshClasses();
}

ContractId FairScheduler::AddContract(const ContractTerms& terms, Instant now) { return contracts_.Add(terms, now); }

void FairScheduler::SetContract(ContractId id, const ContractTerms& terms, Instant now) {
  contracts_.Set(id, terms, now);
}

void FairScheduler::RemoveContract(ContractId id, Instant now) {
  for (Place place = contracts_.HeadOf(id); place != kNoPlace; place = contracts_.HeadOf(id)) {
    contracts_.Leave(place);
    room_[place].offer.contract = 0;
    if (!room_[place].in_share) deadlines_.Update(place, std::min(now, room_[place].offer.deadline));
  }
  contracts_.Remove(id);
}

Enqueued FairScheduler::Enqueue(const Offer& offer, Instant now) {
  PENSTOCK_CHECK(offer.work >= Work::Zero() && offer.contract_amount >= 0);
  PENSTOCK_CHECK(offer.tenant_weight >= 1 && offer.tenant_weight <= kMaxWeight);
  const size_t c = IndexOf(ShareClassOf(offer));
  PENSTOCK_CHECK(c < kShareClassCount);
  const bool reserved = offer.contract != 0;
  const Duration contract_wait =
      reserved ? contracts_.WaitBehindLine(offer.contract, offer.contract_amount, now) : Duration::Zero();
  const Overrun overrun = reserved ? contracts_.TermsOf(offer.contract).overrun : Overrun::kSpill;
  if (overrun == Overrun::kRefuse && contract_wait > Duration::Zero()) {
    return Refuse(EnqueueRefusal::kContractExhausted, contract_wait);
  }
  const int64_t room = terms_.classes[c].max_waiting;
  const bool in_profile = reserved && contract_wait == Duration::Zero();
  if (sums_[c].waiting >= (in_profile ? 2 * room : room)) {
    return Refuse(EnqueueRefusal::kQueueFull, DrainTime(sums_[c].waiting_work, ExpectedRate(c)));
  }
  const Place place = room_.Enter(offer, now);
  room_[place].offer.share_class = ShareClassOf(offer);
  deadlines_.Push(place, offer.deadline);
  ++sums_[c].waiting;
  sums_[c].waiting_work += offer.work.count();
  if (reserved) contracts_.Append(place);
  if (overrun == Overrun::kSpill) lines_[c].Append(place);
  RefreshClasses();
  return Enqueued{.id = room_.IdOf(place), .refusal = std::nullopt, .retry_after = Duration::Zero()};
}

Enqueued FairScheduler::Refuse(EnqueueRefusal refusal, Duration retry_after) const {
  return Enqueued{.id = 0, .refusal = refusal, .retry_after = std::max(retry_after, kShortestRetry)};
}

bool FairScheduler::Cancel(WaitingId id, Instant) {
  const Place place = room_.Find(id);
  if (place == kNoPlace) return false;
  if (room_[place].expired) {
    room_.Remove(expired_, &Waiting::share, place);
  } else {
    LeaveLines(place);
  }
  room_.Leave(place);
  RefreshClasses();
  return true;
}

void FairScheduler::LeaveLines(Place place) {
  const Waiting& waiting = room_[place];
  const size_t c = IndexOf(waiting.offer.share_class);
  if (waiting.in_share) lines_[c].Remove(place);
  if (waiting.in_contract) contracts_.Leave(place);
  deadlines_.Remove(place);
  --sums_[c].waiting;
  sums_[c].waiting_work -= waiting.offer.work.count();
}

void FairScheduler::ExpireDue(Instant now) {
  if (deadlines_.empty() || deadlines_.TopKey() > now) return;
  while (!deadlines_.empty() && deadlines_.TopKey() <= now) {
    const Place place = deadlines_.Top();
    LeaveLines(place);
    room_[place].expired = true;
    room_.Append(expired_, &Waiting::share, place);
  }
  RefreshClasses();
}

std::optional<uint64_t> FairScheduler::PopExpired(Instant now) {
  ExpireDue(now);
  if (expired_.empty()) return std::nullopt;
  const Place place = expired_.first;
  const uint64_t request = room_[place].offer.request;
  room_.Remove(expired_, &Waiting::share, place);
  room_.Leave(place);
  return request;
}

std::optional<Dispatch> FairScheduler::PopDispatch(Instant now) {
  ExpireDue(now);
  if (!SlotIsFree()) return std::nullopt;
  if (!contracts_.empty() && contracts_.FirstEligibleAt() <= now) {
    const Place place = contracts_.First();
    if (PacedAt(place, now) > now) return std::nullopt;
    return DispatchReserved(place, now);
  }
  if (classes_.empty()) return std::nullopt;
  const size_t c = classes_.First();
  const Place place = lines_[c].First();
  if (PacedAt(place, now) > now) return std::nullopt;
  return DispatchShared(c, place, now);
}

Dispatch FairScheduler::DispatchReserved(Place place, Instant now) {
  const Offer& offer = room_[place].offer;
  Dispatch dispatch;
  dispatch.charge.served = ServiceClass::kReserved;
  dispatch.charge.contract = offer.contract;
  dispatch.charge.contract_amount = offer.contract_amount;
  dispatch.reason.eligible_at = contracts_.Start(place);
  LeaveLines(place);
  return Finish(place, dispatch, now);
}

Dispatch FairScheduler::DispatchShared(size_t share_class, Place place, Instant now) {
  TenantLines& lines = lines_[share_class];
  Dispatch dispatch;
  dispatch.charge.served = static_cast<ServiceClass>(share_class);
  dispatch.reason.start_tag = lines.TagOf(place);
  const Work work = room_[place].offer.work;
  dispatch.charge.tenant_mark = lines.Start(place);
  dispatch.charge.class_mark = classes_.Charge(static_cast<ShareQueue::Flow>(share_class), work);
  dispatch.reason.virtual_time = lines.virtual_time();
  LeaveLines(place);
  return Finish(place, dispatch, now);
}

Dispatch FairScheduler::Finish(Place place, Dispatch dispatch, Instant now) {
  const Offer& offer = room_[place].offer;
  dispatch.request = offer.request;
  dispatch.charge.tenant = offer.tenant;
  dispatch.charge.work = offer.work;
  dispatch.charge.paced = true;
  pace_.Take(offer.work.count(), now);
  ++total_in_flight_;
  ++sums_[IndexOf(dispatch.charge.served)].in_flight;
  room_.Leave(place);
  RefreshClasses();
  return dispatch;
}

void FairScheduler::TrueUp(Charge& charge, Work work, int64_t contract_amount, Instant now) {
  PENSTOCK_CHECK(work >= Work::Zero() && contract_amount >= 0);
  const int64_t change = (work - charge.work).count();
  if (charge.paced || change > 0) pace_.Adjust(change, now);
  if (charge.served == ServiceClass::kReserved) {
    const int64_t contract_change = CheckedSub(contract_amount, charge.contract_amount);
    const bool counts = charge.paced || contract_change > 0;
    if (counts && contracts_.Exists(charge.contract)) contracts_.Adjust(charge.contract, contract_change, now);
  } else {
    const size_t c = IndexOf(charge.served);
    lines_[c].TrueUp(charge, work);
    classes_.TrueUp(static_cast<ShareQueue::Flow>(c), charge.class_mark, charge.work, work);
  }
  charge.work = work;
  charge.contract_amount = contract_amount;
}

void FairScheduler::Release(const Charge& charge, Instant) {
  const size_t c = IndexOf(charge.served);
  PENSTOCK_CHECK(sums_[c].in_flight > 0 && total_in_flight_ > 0);
  --sums_[c].in_flight;
  --total_in_flight_;
  if (charge.served != ServiceClass::kReserved) {
    lines_[c].Release(charge);
    classes_.Finish(static_cast<ShareQueue::Flow>(c), charge.class_mark, charge.work);
  }
  RefreshClasses();
}

void FairScheduler::OccupySlot(const Charge& charge, Instant) {
  ++sums_[IndexOf(charge.served)].in_flight;
  ++total_in_flight_;
  if (charge.served != ServiceClass::kReserved) lines_[IndexOf(charge.served)].Occupy(charge.tenant);
  RefreshClasses();
}

bool FairScheduler::IsBlocked(size_t share_class) const {
  const ClassTerms& terms = terms_.classes[share_class];
  const bool at_cap = terms.max_in_flight > 0 && sums_[share_class].in_flight >= terms.max_in_flight;
  const bool in_holdback = terms.holdback_slots > 0 && total_in_flight_ + terms.holdback_slots >= terms_.max_in_flight;
  return at_cap || in_holdback;
}

bool FairScheduler::MayCompete(size_t share_class) const {
  return !lines_[share_class].empty() && !IsBlocked(share_class);
}

void FairScheduler::RefreshClasses() {
  for (uint32_t c = 0; c < kShareClassCount; ++c) MayCompete(c) ? classes_.Join(c) : classes_.Leave(c);
}

Instant FairScheduler::NextWake(Instant now) {
  if (!expired_.empty()) return now;
  Instant wake = SlotIsFree() ? NextDispatch(now) : Instant::Max();
  if (!deadlines_.empty()) wake = std::min(wake, deadlines_.TopKey());
  return std::max(wake, now);
}

Instant FairScheduler::NextDispatch(Instant now) {
  const Instant eligible_at = contracts_.empty() ? Instant::Max() : contracts_.FirstEligibleAt();
  if (!classes_.empty()) {
    const Instant shared_at = PacedAt(lines_[classes_.First()].First(), now);
    if (shared_at < eligible_at) return shared_at;
  }
  return contracts_.empty() ? Instant::Max() : std::max(eligible_at, PacedAt(contracts_.First(), now));
}

Standing FairScheduler::StandingOf(ServiceClass share_class) const {
  const Sums& sums = sums_[IndexOf(share_class)];
  return Standing{
      .waiting = sums.waiting, .waiting_work = Work(AtMost(sums.waiting_work, INT64_MAX)), .in_flight = sums.in_flight};
}

int64_t FairScheduler::ExpectedRate(size_t share_class) const {
  int64_t weights = 0;
  for (size_t c = 0; c < kShareClassCount; ++c) {
    if (c == share_class || !lines_[c].empty()) weights += terms_.classes[c].weight;
  }
  const Int128 share = Int128{terms_.capacity.count()} * terms_.classes[share_class].weight / weights;
  return std::max<int64_t>(CheckedNarrow(share), 1);
}

Duration FairScheduler::ForecastShare(const Offer& offer) const {
  const size_t c = IndexOf(ShareClassOf(offer));
  const TenantLines::Outlook outlook = lines_[c].OutlookFor(offer.tenant, offer.tenant_weight);
  const Int128 rate = Int128{ExpectedRate(c)} * outlook.own_weight / outlook.all_weights;
  return DrainTime(outlook.ahead, std::max<int64_t>(CheckedNarrow(rate), 1));
}

Duration FairScheduler::ForecastWait(const Offer& offer, Instant now) {
  Duration line = ForecastShare(offer);
  if (offer.contract != 0) {
    const Duration in_contract = contracts_.WaitBehindLine(offer.contract, offer.contract_amount, now);
    const bool spills = contracts_.TermsOf(offer.contract).overrun == Overrun::kSpill;
    line = spills ? std::min(line, in_contract) : in_contract;
  }
  // Slots come back at the pace of the pool: one request like this one later, if it may take none now.
  const bool blocked = offer.contract == 0 && IsBlocked(IndexOf(offer.share_class));
  if (!SlotIsFree() || blocked) line = line + DrainTime(offer.work.count(), terms_.capacity.count());
  return std::min(std::max(line, pace_.WaitFor(offer.work.count(), now)), kLongestWait);
}

void FairScheduler::CheckInvariants() const {
  classes_.CheckInvariants();
  contracts_.CheckInvariants();
  deadlines_.CheckInvariants();
  int64_t waiting = 0;
  int64_t in_flight = 0;
  for (size_t c = 0; c < kServiceClassCount; ++c) {
    PENSTOCK_CHECK(sums_[c].waiting >= 0 && sums_[c].waiting_work >= 0 && sums_[c].in_flight >= 0);
    waiting += sums_[c].waiting;
    in_flight += sums_[c].in_flight;
  }
  for (uint32_t c = 0; c < kShareClassCount; ++c) {
    lines_[c].CheckInvariants();
    PENSTOCK_CHECK(classes_.Competes(c) == MayCompete(c));
    PENSTOCK_CHECK(sums_[c].waiting_work >= lines_[c].waiting_work());
  }
  PENSTOCK_CHECK(in_flight == total_in_flight_);
  PENSTOCK_CHECK(static_cast<size_t>(waiting) == deadlines_.size());
  PENSTOCK_CHECK(deadlines_.size() + static_cast<size_t>(expired_.count) == room_.size());
}

}  // namespace penstock::admission
