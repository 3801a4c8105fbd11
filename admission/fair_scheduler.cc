#include "admission/fair_scheduler.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "admission/vocabulary/bounds.h"

namespace penstock::admission {
namespace {

constexpr Duration kShortestRetry = Milliseconds(1);

size_t IndexOf(ServiceClass service_class) { return static_cast<size_t>(service_class); }

/// Where an offer stands at the share level, or would: a reserved one always as spillover.
size_t ShareClassOf(const Offer& offer) {
  return IndexOf(offer.reserved ? ServiceClass::kSpillover : offer.share_class);
}

RateTerms PaceOf(const PoolTerms& terms) {
  return RateTerms{.quantity = terms.capacity.count(), .period = Seconds(1), .burst = terms.burst.count()};
}

bool HasGate(const ClassTerms& terms) {
  return terms.max_in_flight > 0 || terms.holdback_slots > 0 || terms.holdback_kv > 0 ||
         terms.cap > WorkPerSecond::Zero() || terms.floor > WorkPerSecond::Zero();
}

void CheckTerms(const PoolTerms& terms) {
  PENSTOCK_CHECK(terms.capacity.count() > 0 && terms.burst.count() > 0 && terms.max_in_flight > 0);
  PENSTOCK_CHECK(terms.kv_tokens >= 0);
  for (const ClassTerms& of_class : terms.classes) {
    PENSTOCK_CHECK(of_class.weight >= 1 && of_class.weight <= kMaxWeight);
    PENSTOCK_CHECK(of_class.max_in_flight >= 0 && of_class.holdback_slots >= 0 && of_class.max_waiting >= 0);
    PENSTOCK_CHECK(of_class.holdback_kv >= 0);
    PENSTOCK_CHECK(of_class.codel_target >= Duration::Zero() && of_class.codel_interval >= Duration::Zero());
  }
}

/// Nanoseconds for some work at a rate, cut off at kLongestWait.
Duration DrainTime(Int128 work, int64_t rate) {
  return Duration(AtMost(DivideRoundUp<Int128>(work * Seconds(1).count(), rate), kLongestWait.count()));
}

template <class Visit>
void ForEachBit(uint32_t bits, Visit visit) {
  for (; bits != 0; bits &= bits - 1) visit(static_cast<size_t>(std::countr_zero(bits)));
}

}  // namespace

FairScheduler::FairScheduler(const PoolTerms& terms, Instant now)
    : lines_{TenantLines(&room_), TenantLines(&room_), TenantLines(&room_), TenantLines(&room_), TenantLines(&room_)} {
  SetTerms(terms, now);
}

void FairScheduler::SetTerms(const PoolTerms& terms, Instant now) {
  CheckTerms(terms);
  terms_ = terms;
  pace_.SetTerms(PaceOf(terms), now);
  classes_.SetTerms(terms, now);
  gated_ = 0;
  for (size_t c = 0; c < kShareClassCount; ++c) gated_ |= HasGate(terms.classes[c]) ? 1U << c : 0;
  ForEachBit(backlogged_ & ~gated_, [this](size_t c) { classes_.Join(c); });
}

ContractId FairScheduler::AddContract(const ContractTerms& terms, Instant now) { return contracts_.Add(terms, now); }

void FairScheduler::SetContract(ContractId id, const ContractTerms& terms, Instant now) {
  contracts_.Set(id, terms, now);
}

void FairScheduler::RemoveContract(ContractId id, Instant now) {
  const TenantId tenant = contracts_.TermsOf(id).tenant;
  contracts_.Remove(id, now);
  if (contracts_.OverrunOf(tenant)) return;
  for (Place place = contracts_.LineOf(tenant); place != kNoPlace;) {
    const Place next = room_[place].contract.next;
    if (!room_[place].in_share) Depart(place, /*shed=*/false);
    place = next;
  }
}

// ---- lines

Enqueued FairScheduler::Enqueue(const Offer& offer, Instant now) {
  PENSTOCK_CHECK(offer.work >= Work::Zero() && offer.kv_tokens >= 0);
  PENSTOCK_CHECK(offer.tenant_weight >= 1 && offer.tenant_weight <= kMaxWeight);
  PENSTOCK_CHECK(offer.key_weight >= 1 && offer.key_weight <= kMaxWeight);
  const size_t c = ShareClassOf(offer);
  PENSTOCK_CHECK(c < kShareClassCount);
  lines_[c].Prefetch(offer.tenant);
  const std::optional<Overrun> overrun = OverrunFor(offer);
  if (!CouldFit(offer.kv_tokens, overrun.has_value(), c)) return Refuse(EnqueueRefusal::kTooLarge, kShortestRetry);
  Duration contract_wait;
  if (overrun) contract_wait = contracts_.WaitBehindLine(offer.tenant, offer.work, offer.tokens, now);
  if (overrun == Overrun::kRefuse && contract_wait > Duration::Zero()) {
    return Refuse(EnqueueRefusal::kContractExhausted, contract_wait);
  }
  const int64_t room = terms_.classes[c].max_waiting;
  const bool in_profile = overrun && contract_wait == Duration::Zero();
  if (sums_[c].waiting >= (in_profile || offer.promised ? 2 * room : room)) {
    return Refuse(EnqueueRefusal::kQueueFull, DrainTime(sums_[c].waiting_work, ExpectedRate(c)));
  }
  const Place place = room_.Enter(offer, now);
  room_[place].share_class = static_cast<uint32_t>(c) & 7;
  deadlines_.Push(place, offer.deadline);
  ++sums_[c].waiting;
  sums_[c].waiting_work += offer.work.count();
  if (offer.reserved) contracts_.Append(offer.tenant, place);
  const bool spills = !overrun || (overrun == Overrun::kSpill && CouldFit(offer.kv_tokens, false, c));
  if (spills) JoinShare(offer, c, place, now);
  PrefetchNext(/*position_has_come=*/true);
  return Enqueued{.id = room_.IdOf(place), .refusal = std::nullopt, .retry_after = Duration::Zero()};
}

std::optional<Overrun> FairScheduler::OverrunFor(const Offer& offer) const {
  if (!offer.reserved) return std::nullopt;
  return contracts_.OverrunOf(offer.tenant);
}

Enqueued FairScheduler::Refuse(EnqueueRefusal refusal, Duration retry_after) const {
  return Enqueued{.id = 0, .refusal = refusal, .retry_after = std::max(retry_after, kShortestRetry)};
}

void FairScheduler::JoinShare(const Offer& offer, size_t share_class, Place place, Instant now) {
  const bool joins = lines_[share_class].empty();
  lines_[share_class].Append(offer.tenant, offer.tenant_weight, place);
  if (!joins) return;
  backlogged_ |= 1U << share_class;
  if (ClassGate(share_class, now) == Gate::kOpen) classes_.Join(share_class);
}

void FairScheduler::LeaveShare(Place place) {
  const size_t c = room_[place].share_class;
  lines_[c].Remove(place);
  if (!lines_[c].empty()) return;
  backlogged_ &= ~(1U << c);
  classes_.Leave(c);
}

void FairScheduler::LeaveLines(Place place) {
  const Waiting& waiting = room_[place];
  if (waiting.in_share) LeaveShare(place);
  if (waiting.in_contract) contracts_.Leave(place);
  deadlines_.Remove(place);
  --sums_[waiting.share_class].waiting;
  sums_[waiting.share_class].waiting_work -= waiting.work;
}

void FairScheduler::Depart(Place place, bool shed) {
  LeaveLines(place);
  room_[place].departed = true;
  room_[place].shed = shed;
  room_.Append(departed_, &Waiting::share, place);
  ++departed_count_;
}

bool FairScheduler::Cancel(WaitingId id, Instant) {
  const Place place = room_.Find(id);
  if (place == kNoPlace) return false;
  if (room_[place].departed) {
    room_.Remove(departed_, &Waiting::share, place);
    --departed_count_;
  } else {
    LeaveLines(place);
  }
  room_.Leave(place);
  return true;
}

void FairScheduler::ExpireDue(Instant now) {
  while (!deadlines_.empty() && deadlines_.TopAt() <= now) {
    const Place place = deadlines_.Top();
    if (room_[place].in_contract) room_.ReservedPartOf(place).owed = contracts_.OwedTo(place, now);
    Depart(place, /*shed=*/false);
  }
}

std::optional<Departure> FairScheduler::PopDeparture(Instant now) {
  ExpireDue(now);
  if (departed_.empty()) return std::nullopt;
  const Place place = departed_.first;
  const Departure departure{.request = room_[place].request,
                            .why = room_[place].shed ? Departure::Why::kShed : Departure::Why::kDeadline,
                            .owed = room_[place].reserved == kNoCell ? 0 : room_.ReservedPartOf(place).owed};
  room_.Remove(departed_, &Waiting::share, place);
  --departed_count_;
  room_.Leave(place);
  return departure;
}

// ---- gates and choice

bool FairScheduler::CouldFit(int64_t kv_tokens, bool reserved, size_t share_class) const {
  if (kv_tokens > UINT32_MAX) return false;
  const int64_t held_back = reserved ? 0 : terms_.classes[share_class].holdback_kv;
  return !HasKvGate() || kv_tokens + held_back <= terms_.kv_tokens;
}

bool FairScheduler::CouldFit(const Choice& choice) const {
  return CouldFit(room_[choice.place].kv_tokens, choice.reserved, choice.share_class);
}

Gate FairScheduler::ClassGate(size_t share_class, Instant now) {
  if ((gated_ >> share_class & 1) == 0) return Gate::kOpen;
  const ClassTerms& terms = terms_.classes[share_class];
  if (terms.max_in_flight > 0 && sums_[share_class].in_flight >= terms.max_in_flight) return Gate::kClassCap;
  if (terms.holdback_slots > 0 && total_in_flight_ + terms.holdback_slots >= terms_.max_in_flight) {
    return Gate::kHoldback;
  }
  const Waiting& head = room_[lines_[share_class].First()];
  if (classes_.HasCap(share_class) && classes_.CapWait(share_class, head.work, now) > Duration::Zero()) {
    return Gate::kClassCap;
  }
  // Whom not even an empty pool could hold is let through, to be given up.
  const bool kv_held_back =
      terms.holdback_kv > 0 && HasKvGate() && kv_in_use_ + head.kv_tokens + terms.holdback_kv > terms_.kv_tokens;
  return kv_held_back && CouldFit(head.kv_tokens, false, share_class) ? Gate::kHoldback : Gate::kOpen;
}

FairScheduler::Choice FairScheduler::Choose(Instant now) {
  contracts_.Ripen(now);
  const Place place = contracts_.First();
  if (place != kNoPlace) return Choice{.place = place, .reserved = true};
  return ChooseShared(now);
}

FairScheduler::Choice FairScheduler::ChooseShared(Instant now) {
  ForEachBit(backlogged_ & gated_,
             [&](size_t c) { ClassGate(c, now) == Gate::kOpen ? classes_.Join(c) : classes_.Leave(c); });
  if (classes_.empty()) return Choice{};
  size_t chosen = kShareClassCount;
  Instant earliest = Instant::Max();
  ForEachBit(backlogged_ & gated_, [&](size_t c) {
    if (!classes_.Competes(c) || !classes_.HasFloor(c)) return;
    const Waiting& head = room_[lines_[c].First()];
    const Instant from = std::max(classes_.FloorFrom(c, head.work), head.since);
    if (from > now || from >= earliest) return;
    chosen = c;
    earliest = from;
  });
  if (chosen < kShareClassCount) {
    return Choice{.place = lines_[chosen].First(), .share_class = chosen, .floor_from = earliest};
  }
  chosen = classes_.First();
  return Choice{.place = lines_[chosen].First(), .share_class = chosen, .floor_from = std::nullopt};
}

bool FairScheduler::Sheds(const Choice& choice, Instant now) {
  const ClassTerms& terms = terms_.classes[choice.share_class];
  if (terms.codel_target <= Duration::Zero() || terms.codel_interval <= Duration::Zero()) return false;
  if (contracts_.HasContract(choice.place)) return false;
  return lines_[choice.share_class].ShedsFirst(terms.codel_target, terms.codel_interval, now);
}

void FairScheduler::GiveUp(const Choice& choice) {
  const bool elsewhere = !choice.reserved && contracts_.HasContract(choice.place) &&
                         CouldFit(room_[choice.place].kv_tokens, true, choice.share_class);
  elsewhere ? LeaveShare(choice.place) : Depart(choice.place, /*shed=*/false);
}

// ---- dispatch

std::optional<Dispatch> FairScheduler::PopDispatch(Instant now) {
  ExpireDue(now);
  while (SlotIsFree()) {
    const Choice choice = Choose(now);
    if (choice.place == kNoPlace) break;
    if (!CouldFit(choice)) {
      GiveUp(choice);
      continue;
    }
    if (!KvIsFree(choice.place) || PacedAt(choice.place, now) > now) break;
    if (choice.reserved || !Sheds(choice, now)) return Run(choice, now);
    Depart(choice.place, /*shed=*/true);
  }
  return std::nullopt;
}

std::optional<Dispatch> FairScheduler::Run(const Choice& choice, Instant now) {
  std::optional<Dispatch> running(std::in_place);
  Dispatch& dispatch = *running;
  const Place place = choice.place;
  const Waiting& waiting = room_[place];
  Charge& charge = dispatch.charge;
  dispatch.request = waiting.request;
  charge.key = waiting.key;
  charge.work = Work(waiting.work);
  charge.kv_tokens = waiting.kv_tokens;
  charge.paced = true;
  if (choice.reserved) {
    charge.served = ServiceClass::kReserved;
    charge.tenant = contracts_.TenantOf(place);
    const Contracts::Started started = contracts_.Start();
    charge.contract = dispatch.reason.contract = started.id;
    charge.contract_amount = started.amount;
    dispatch.reason.eligible_at = started.eligible_at;
    dispatch.reason.contract_deadline = started.deadline;
  } else {
    const size_t c = choice.share_class;
    charge.served = static_cast<ServiceClass>(c);
    dispatch.reason.by_floor = choice.floor_from.has_value();
    classes_.Start(c, charge, dispatch.reason, choice.floor_from, now);
    lines_[c].Start(place, charge, dispatch.reason);
    if (lines_[c].empty()) {
      backlogged_ &= ~(1U << c);
      classes_.Leave(c);
    } else {
      lines_[c].PrefetchFirst();
      likely_next_ = static_cast<uint32_t>(c);
    }
  }
  pace_.Take(waiting.work, now);
  kv_in_use_ += waiting.kv_tokens;
  ++total_in_flight_;
  ++sums_[IndexOf(charge.served)].in_flight;
  LeaveLines(place);
  room_.Leave(place);
  return running;
}

void FairScheduler::PrefetchNext(bool position_has_come) const {
  if (lines_[likely_next_].empty()) return;
  const Place place = lines_[likely_next_].First();
  if (position_has_come) return deadlines_.PrefetchEntry(place);
  room_.Prefetch(place);
  deadlines_.PrefetchPosition(place);
}

void FairScheduler::Expect(TenantId tenant, ServiceClass share_class) {
  PENSTOCK_CHECK(IndexOf(share_class) < kShareClassCount);
  lines_[IndexOf(share_class)].Prefetch(tenant);
}

std::optional<uint64_t> FairScheduler::LikelyNext() {
  if (lines_[likely_next_].empty()) return std::nullopt;
  const Place place = lines_[likely_next_].First();
  if (std::exchange(looked_at_, place) == place) return room_[place].request;
  room_.Prefetch(place);
  deadlines_.PrefetchPosition(place);
  return std::nullopt;
}

void FairScheduler::TrueUp(Charge& charge, Work work, const PackedCounts& tokens, int64_t kv_tokens, Instant now) {
  PENSTOCK_CHECK(work >= Work::Zero() && kv_tokens >= 0);
  const int64_t change = (work - charge.work).count();
  if (charge.paced || change > 0) pace_.Adjust(change, now);
  if (charge.served == ServiceClass::kReserved) {
    if (contracts_.Exists(charge.contract)) {
      const int64_t amount = contracts_.AmountOf(charge.contract, work, tokens);
      const int64_t contract_change = CheckedSub(amount, charge.contract_amount);
      if (charge.paced || contract_change > 0) contracts_.Adjust(charge.contract, contract_change, now);
      charge.contract_amount = amount;
    }
  } else {
    lines_[IndexOf(charge.served)].TrueUp(charge, work);
    classes_.TrueUp(IndexOf(charge.served), charge, work, now);
  }
  kv_in_use_ += kv_tokens - charge.kv_tokens;
  PENSTOCK_CHECK(kv_in_use_ >= 0);
  charge.work = work;
  charge.kv_tokens = kv_tokens;
}

void FairScheduler::Release(const Charge& charge, Instant) {
  PrefetchNext(/*position_has_come=*/false);
  const size_t c = IndexOf(charge.served);
  PENSTOCK_CHECK(sums_[c].in_flight > 0 && total_in_flight_ > 0 && kv_in_use_ >= charge.kv_tokens);
  --sums_[c].in_flight;
  --total_in_flight_;
  kv_in_use_ -= charge.kv_tokens;
  if (charge.served == ServiceClass::kReserved) return;
  lines_[c].Release(charge);
  classes_.Release(c, charge);
}

void FairScheduler::OccupySlot(const Charge& charge, Instant) {
  const size_t c = IndexOf(charge.served);
  PENSTOCK_CHECK(charge.kv_tokens >= 0);
  ++sums_[c].in_flight;
  ++total_in_flight_;
  kv_in_use_ += charge.kv_tokens;
  if (charge.served == ServiceClass::kReserved) return;
  lines_[c].Occupy(charge.tenant);
  classes_.Occupy(c);
}

// ---- forecasts

Instant FairScheduler::NextWake(Instant now) {
  if (!departed_.empty()) return now;
  Instant wake = SlotIsFree() ? NextDispatch(now) : Instant::Max();
  if (!deadlines_.empty()) wake = std::min(wake, deadlines_.TopAt());
  return std::max(wake, now);
}

Instant FairScheduler::NextDispatch(Instant now) {
  const Choice choice = Choose(now);
  Instant wake = contracts_.NextEligible();
  if (choice.place != kNoPlace) {
    if (!CouldFit(choice)) return now;
    if (KvIsFree(choice.place)) wake = std::min(wake, PacedAt(choice.place, now));
  }
  if (choice.reserved || wake <= now) return wake;
  // Caps and floors that open change who is chosen.
  ForEachBit(backlogged_ & gated_, [&](size_t c) {
    const Waiting& head = room_[lines_[c].First()];
    if (classes_.HasCap(c)) {
      if (const Duration wait = classes_.CapWait(c, head.work, now); wait > Duration::Zero()) {
        wake = std::min(wake, now + wait);
      }
    }
    if (classes_.HasFloor(c) && classes_.Competes(c) && choice.share_class != c) {
      if (const Instant from = classes_.FloorFrom(c, head.work); from > now) wake = std::min(wake, from);
    }
  });
  return wake;
}

Gate FairScheduler::GateOf(ServiceClass share_class, Instant now) {
  const size_t c = IndexOf(share_class);
  if (sums_[c].waiting == 0) return Gate::kOpen;
  if (!SlotIsFree()) return Gate::kSlots;
  const Choice choice = Choose(now);
  const size_t chosen = choice.reserved ? IndexOf(ServiceClass::kSpillover) : choice.share_class;
  if (choice.place == kNoPlace || chosen != c) {
    if (lines_[c].empty()) return Gate::kClassCap;  // its contracts allow no more, and it may not spill
    const Gate gate = ClassGate(c, now);
    return gate == Gate::kOpen ? Gate::kOthersFirst : gate;
  }
  if (!KvIsFree(choice.place)) return Gate::kKvTokens;
  return PacedAt(choice.place, now) > now ? Gate::kPace : Gate::kOpen;
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
  return classes_.ExpectedRate(share_class, CheckedNarrow(share));
}

Duration FairScheduler::ForecastShare(const Offer& offer, size_t share_class, Work promised) const {
  const TenantLines::Outlook outlook = lines_[share_class].OutlookFor(offer.tenant, offer.tenant_weight);
  const Int128 rate = Int128{ExpectedRate(share_class)} * outlook.own_weight / outlook.all_weights;
  return DrainTime(outlook.ahead + promised.count(), std::max<int64_t>(CheckedNarrow(rate), 1));
}

Duration FairScheduler::ForecastWait(const Offer& offer, Work promised, Instant now) {
  const size_t c = ShareClassOf(offer);
  Duration line = ForecastShare(offer, c, promised);
  const std::optional<Overrun> overrun = OverrunFor(offer);
  if (overrun) {
    const Duration in_contract = contracts_.WaitBehindLine(offer.tenant, offer.work, offer.tokens, now);
    line = overrun == Overrun::kSpill ? std::min(line, in_contract) : in_contract;
  }
  // Slots come back at the pace of the pool: one request like this one later, if it may take none now.
  const ClassTerms& terms = terms_.classes[c];
  const bool at_cap = terms.max_in_flight > 0 && sums_[c].in_flight >= terms.max_in_flight;
  const bool held_back = terms.holdback_slots > 0 && total_in_flight_ + terms.holdback_slots >= terms_.max_in_flight;
  const bool blocked = !overrun && (at_cap || held_back);
  const bool kv_full = HasKvGate() && kv_in_use_ + offer.kv_tokens > terms_.kv_tokens;
  if (!SlotIsFree() || blocked || kv_full) line = line + DrainTime(offer.work.count(), terms_.capacity.count());
  return std::min(std::max(line, pace_.WaitFor(offer.work.count(), now)), kLongestWait);
}

FairScheduler::Memory FairScheduler::MemoryBytes() const {
  Memory memory{.places = room_.MemoryBytes(), .deadlines = deadlines_.MemoryBytes()};
  for (const TenantLines& lines : lines_) memory.flows += lines.MemoryBytes();
  return memory;
}

void FairScheduler::CheckInvariants() const {
  contracts_.CheckInvariants();
  deadlines_.CheckInvariants();
  int64_t waiting = 0;
  int64_t in_flight = 0;
  for (const Sums& sums : sums_) {
    PENSTOCK_CHECK(sums.waiting >= 0 && sums.waiting_work >= 0 && sums.in_flight >= 0);
    waiting += sums.waiting;
    in_flight += sums.in_flight;
  }
  for (size_t c = 0; c < kShareClassCount; ++c) {
    lines_[c].CheckInvariants();
    const bool backlogged = (backlogged_ >> c & 1) != 0;
    PENSTOCK_CHECK(backlogged == !lines_[c].empty() && (backlogged || !classes_.Competes(c)));
    PENSTOCK_CHECK((gated_ >> c & 1) != 0 || classes_.Competes(c) == backlogged);
    PENSTOCK_CHECK(sums_[c].waiting_work >= lines_[c].waiting_work());
  }
  PENSTOCK_CHECK(in_flight == total_in_flight_ && kv_in_use_ >= 0);
  PENSTOCK_CHECK(static_cast<size_t>(waiting) == deadlines_.size());
  PENSTOCK_CHECK(deadlines_.size() + departed_count_ == room_.size());
}

}  // namespace penstock::admission
