#include "admission/contracts.h"

#include <algorithm>

namespace penstock::admission {
namespace {

void CheckTerms(const ContractTerms& terms) {
  PENSTOCK_CHECK(terms.rate.quantity > 0 && terms.rate.period > Duration::Zero() && terms.rate.burst > 0);
}

/// Instant, then contract: ties go to the older one.
Uint128 KeyOf(Instant at, ContractId id) {
  PENSTOCK_CHECK(at >= Instant());
  return Uint128{static_cast<uint64_t>(at.nanoseconds_since_epoch())} << 32 | id;
}

}  // namespace

ContractId Contracts::Add(const ContractTerms& terms, Instant now) {
  CheckTerms(terms);
  const uint32_t slot = contracts_.Take();
  contracts_[slot] = Contract{.id = ++last_id_, .terms = terms, .level = LeakyLevel(terms.rate)};
  contracts_[slot].level.SetTerms(terms.rate, now);
  slot_of_.emplace(last_id_, slot);
  const uint32_t group = GroupOf(terms.tenant);
  uint32_t* end = &groups_[group].oldest;
  while (*end != kNoCell) end = &contracts_[*end].next;
  *end = slot;
  Refresh(group);
  return last_id_;
}

void Contracts::Set(ContractId id, const ContractTerms& terms, Instant now) {
  CheckTerms(terms);
  Contract& contract = contracts_[SlotOf(id)];
  PENSTOCK_CHECK(contract.terms.tenant == terms.tenant && contract.terms.kind == terms.kind);
  contract.level.SetTerms(terms.rate, now);
  contract.terms = terms;
  Refresh(GroupOf(terms.tenant));
}

void Contracts::Remove(ContractId id, Instant now) {
  const uint32_t slot = SlotOf(id);
  const uint32_t group = GroupOf(contracts_[slot].terms.tenant);
  uint32_t* at = &groups_[group].oldest;
  while (*at != slot) at = &contracts_[*at].next;
  *at = contracts_[slot].next;
  slot_of_.erase(id);
  contracts_.Free(slot);
  Ripen(now);
  Refresh(group);
}

std::optional<Overrun> Contracts::OverrunOf(TenantId tenant) const {
  const auto found = group_of_.find(tenant);
  if (found == group_of_.end()) return std::nullopt;
  std::optional<Overrun> overrun;
  for (uint32_t c = groups_[found->second].oldest; c != kNoCell; c = contracts_[c].next) {
    overrun = std::min(overrun.value_or(Overrun::kRefuse), contracts_[c].terms.overrun);
  }
  return overrun;
}

Place Contracts::LineOf(TenantId tenant) const {
  const auto found = group_of_.find(tenant);
  return found == group_of_.end() ? kNoPlace : groups_[found->second].line.first;
}

bool Contracts::HasContract(Place place) const {
  return room_[place].in_contract && groups_[room_.ReservedPartOf(place).group].oldest != kNoCell;
}

ContractId Contracts::OwedTo(Place place, Instant now) const {
  const Group& group = groups_[room_.ReservedPartOf(place).group];
  const bool owed = group.line.first == place && group.chosen != kNoCell && group.eligible_at <= now;
  return owed ? contracts_[group.chosen].id : 0;
}

void Contracts::Append(TenantId tenant, Place place) {
  const uint32_t group = GroupOf(tenant);
  Group& of = groups_[group];
  room_[place].in_contract = true;
  room_.ReservedPartOf(place).group = group;
  room_.Append(of.line, &Waiting::contract, place);
  Count(of, place, 1);
  if (of.line.first == place) Refresh(group);
}

void Contracts::Leave(Place place) {
  const uint32_t group = room_.ReservedPartOf(place).group;
  const bool was_head = groups_[group].line.first == place;
  Unlink(place);
  if (was_head) Refresh(group);
}

void Contracts::Ripen(Instant now) {
  ripe_until_ = std::max(ripe_until_, now);
  while (!pending_.empty() && groups_[pending_.Top()].eligible_at <= now) {
    const uint32_t group = pending_.Top();
    pending_.Remove(group);
    ready_.Push(group, KeyOf(groups_[group].deadline, contracts_[groups_[group].chosen].id));
  }
}

Instant Contracts::NextEligible() const {
  return pending_.empty() ? Instant::Max() : groups_[pending_.Top()].eligible_at;
}

Contracts::Started Contracts::Start() {
  const uint32_t group = ready_.Top();
  const Group& of = groups_[group];
  Contract& contract = contracts_[of.chosen];
  const Place place = of.line.first;
  const Work work(room_[place].work);
  const Started started{.id = contract.id,
                        .amount = AmountIn(UnitOf(contract.terms), work, room_.ReservedPartOf(place).tokens),
                        .eligible_at = of.eligible_at,
                        .deadline = of.deadline};
  Unlink(place);
  contract.level.Take(started.amount, started.eligible_at);
  Refresh(group);
  return started;
}

int64_t Contracts::AmountOf(ContractId id, Work work, const PackedCounts& tokens) const {
  return AmountIn(UnitOf(TermsOf(id)), work, tokens);
}

void Contracts::Adjust(ContractId id, int64_t change, Instant now) {
  Contract& contract = contracts_[SlotOf(id)];
  const uint32_t group = GroupOf(contract.terms.tenant);
  contract.level.Adjust(change, groups_[group].line.empty() ? now : contract.level.at());
  Refresh(group);
}

Duration Contracts::WaitBehindLine(TenantId tenant, Work work, const PackedCounts& tokens, Instant now) const {
  const Group& group = groups_[group_of_.at(tenant)];
  const auto room_of = [now](LeakyLevel level) { return level.Remaining(now); };
  Amounts room{};  // by unit, what all its contracts could take at once
  for (uint32_t c = group.oldest; c != kNoCell; c = contracts_[c].next) {
    room[UnitOf(contracts_[c].terms)] += room_of(contracts_[c].level);
  }
  Duration shortest = kLongestWait;
  for (uint32_t c = group.oldest; c != kNoCell; c = contracts_[c].next) {
    LeakyLevel after = contracts_[c].level;
    const size_t unit = UnitOf(contracts_[c].terms);
    const Int128 others_take = room[unit] - room_of(after);
    after.Take(AtMost(std::max<Int128>(group.waiting[unit] - others_take, 0), INT64_MAX), after.at());
    shortest = std::min(shortest, after.WaitFor(AmountIn(unit, work, tokens), now));
  }
  return shortest;
}

size_t Contracts::UnitOf(const ContractTerms& terms) {
  return terms.kind ? static_cast<size_t>(*terms.kind) : kUnits - 1;
}

/// A request without tokens of the kind counts one: it takes a turn too.
int64_t Contracts::AmountIn(size_t unit, Work work, const PackedCounts& tokens) {
  if (unit == kUnits - 1) return work.count();
  return std::max<int64_t>(tokens[static_cast<TokenKind>(unit)].count(), 1);
}

uint32_t Contracts::SlotOf(ContractId id) const {
  const auto found = slot_of_.find(id);
  PENSTOCK_CHECK(found != slot_of_.end());
  return found->second;
}

uint32_t Contracts::GroupOf(TenantId tenant) {
  const auto found = group_of_.find(tenant);
  if (found != group_of_.end()) return found->second;
  const uint32_t group = groups_.Take();
  groups_[group] = Group{.tenant = tenant};
  group_of_.emplace(tenant, group);
  return group;
}

void Contracts::Refresh(uint32_t group) {
  Group& of = groups_[group];
  const bool waits = !of.line.empty() && of.oldest != kNoCell;
  if (waits) Choose(of);
  const bool ready = waits && of.eligible_at <= ripe_until_;
  const bool pending = waits && !ready;
  if (!pending && pending_.Contains(group)) pending_.Remove(group);
  if (!ready && ready_.Contains(group)) ready_.Remove(group);
  if (waits) {
    const Uint128 key = KeyOf(ready ? of.deadline : of.eligible_at, contracts_[of.chosen].id);
    TaggedHeap& heap = ready ? ready_ : pending_;
    heap.Contains(group) ? heap.Update(group, key) : heap.Push(group, key);
  }
  if (of.line.empty() && of.oldest == kNoCell) {
    group_of_.erase(of.tenant);
    groups_.Free(group);
  }
}

void Contracts::Choose(Group& group) {
  const Waiting& head = room_[group.line.first];
  const PackedCounts& tokens = room_.ReservedPartOf(group.line.first).tokens;
  group.chosen = kNoCell;
  for (uint32_t c = group.oldest; c != kNoCell; c = contracts_[c].next) {
    Contract& contract = contracts_[c];
    const Instant from = std::max(head.since, contract.level.at());
    const Instant at = from + contract.level.WaitFor(AmountIn(UnitOf(contract.terms), Work(head.work), tokens), from);
    if (group.chosen != kNoCell && at >= group.eligible_at) continue;
    group.chosen = c;
    group.eligible_at = at;
  }
  LeakyLevel after = contracts_[group.chosen].level;
  after.Take(AmountIn(UnitOf(contracts_[group.chosen].terms), Work(head.work), tokens), group.eligible_at);
  group.deadline = group.eligible_at + after.TimeToEmpty(group.eligible_at);
}

void Contracts::Count(Group& group, Place place, int sign) {
  const PackedCounts& tokens = room_.ReservedPartOf(place).tokens;
  for (size_t unit = 0; unit < kUnits; ++unit) {
    group.waiting[unit] += sign * AmountIn(unit, Work(room_[place].work), tokens);
  }
}

void Contracts::Unlink(Place place) {
  Waiting& waiting = room_[place];
  PENSTOCK_CHECK(waiting.in_contract);
  waiting.in_contract = false;
  Group& group = groups_[room_.ReservedPartOf(place).group];
  room_.Remove(group.line, &Waiting::contract, place);
  Count(group, place, -1);
}

void Contracts::CheckInvariants() const {
  pending_.CheckInvariants();
  ready_.CheckInvariants();
  size_t waiting = 0;
  for (const auto& [tenant, slot] : group_of_) {
    const Group& group = groups_[slot];
    PENSTOCK_CHECK(group.tenant == tenant && !(group.line.empty() && group.oldest == kNoCell));
    const bool waits = !group.line.empty() && group.oldest != kNoCell;
    PENSTOCK_CHECK(waits == (pending_.Contains(slot) || ready_.Contains(slot)));
    if (waits) ++waiting;
    for (const Int128 amount : group.waiting) PENSTOCK_CHECK(group.line.empty() ? amount == 0 : amount >= 0);
  }
  PENSTOCK_CHECK(waiting == pending_.size() + ready_.size());
  PENSTOCK_CHECK(slot_of_.size() == contracts_.used() && group_of_.size() == groups_.used());
}

}  // namespace penstock::admission
