#include "admission/contracts.h"

#include <algorithm>

namespace penstock::admission {
namespace {

void CheckTerms(const ContractTerms& terms) {
  PENSTOCK_CHECK(terms.rate.quantity > 0 && terms.rate.period > Duration::Zero() && terms.rate.burst > 0);
}

}  // namespace

ContractId Contracts::Add(const ContractTerms& terms, Instant now) {
  CheckTerms(terms);
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(contracts_.size()));
    contracts_.emplace_back();
  }
  const uint32_t slot = free_.back();
  free_.pop_back();
  contracts_[slot] = Contract{.id = ++last_id_, .terms = terms, .level = LeakyLevel(terms.rate), .line = {}};
  contracts_[slot].level.SetTerms(terms.rate, now);
  slot_of_.emplace(last_id_, slot);
  return last_id_;
}

void Contracts::Set(ContractId id, const ContractTerms& terms, Instant now) {
  CheckTerms(terms);
  Contract& contract = At(id);
  contract.terms = terms;
  contract.level.SetTerms(terms.rate, now);
  Refresh(SlotOf(id));
}

void Contracts::Remove(ContractId id) {
  const uint32_t slot = SlotOf(id);
  PENSTOCK_CHECK(contracts_[slot].line.empty());
  slot_of_.erase(id);
  free_.push_back(slot);
}

void Contracts::Append(Place place) {
  Waiting& waiting = room_[place];
  waiting.in_contract = true;
  const uint32_t slot = SlotOf(waiting.offer.contract);
  Contract& contract = contracts_[slot];
  room_.Append(contract.line, &Waiting::contract, place);
  contract.waiting_amount += waiting.offer.contract_amount;
  if (contract.line.first == place) Refresh(slot);
}

void Contracts::Leave(Place place) {
  const uint32_t slot = SlotOf(room_[place].offer.contract);
  const bool was_head = contracts_[slot].line.first == place;
  Unlink(place);
  if (was_head) Refresh(slot);
}

Instant Contracts::Start(Place place) {
  const uint32_t slot = heads_.Top();
  const Instant eligible_at = heads_.TopKey().at;
  PENSTOCK_CHECK(contracts_[slot].line.first == place);
  Unlink(place);
  contracts_[slot].level.Take(room_[place].offer.contract_amount, eligible_at);
  Refresh(slot);
  return eligible_at;
}

void Contracts::Unlink(Place place) {
  Waiting& waiting = room_[place];
  PENSTOCK_CHECK(waiting.in_contract);
  waiting.in_contract = false;
  Contract& contract = At(waiting.offer.contract);
  room_.Remove(contract.line, &Waiting::contract, place);
  contract.waiting_amount -= waiting.offer.contract_amount;
}

void Contracts::Adjust(ContractId id, int64_t change, Instant now) {
  const uint32_t slot = SlotOf(id);
  Contract& contract = contracts_[slot];
  contract.level.Adjust(change, contract.line.empty() ? now : contract.level.at());
  Refresh(slot);
}

Duration Contracts::WaitBehindLine(ContractId id, int64_t amount, Instant now) const {
  const Contract& contract = At(id);
  LeakyLevel after = contract.level;
  after.Take(AtMost(contract.waiting_amount, INT64_MAX), after.at());
  return after.WaitFor(amount, now);
}

uint32_t Contracts::SlotOf(ContractId id) const {
  const auto found = slot_of_.find(id);
  PENSTOCK_CHECK(found != slot_of_.end());
  return found->second;
}

void Contracts::Refresh(uint32_t slot) {
  Contract& contract = contracts_[slot];
  if (contract.line.empty()) {
    if (heads_.Contains(slot)) heads_.Remove(slot);
    return;
  }
  const Waiting& head = room_[contract.line.first];
  const Instant from = std::max(head.since, contract.level.at());
  const Eligible eligible{.at = from + contract.level.WaitFor(head.offer.contract_amount, from), .id = contract.id};
  heads_.Contains(slot) ? heads_.Update(slot, eligible) : heads_.Push(slot, eligible);
}

void Contracts::CheckInvariants() const {
  heads_.CheckInvariants();
  size_t with_line = 0;
  for (uint32_t slot = 0; slot < contracts_.size(); ++slot) {
    const Contract& contract = contracts_[slot];
    if (!Exists(contract.id) || SlotOf(contract.id) != slot) continue;
    PENSTOCK_CHECK(heads_.Contains(slot) == !contract.line.empty());
    PENSTOCK_CHECK(!contract.line.empty() || contract.waiting_amount == 0);
    if (!contract.line.empty()) ++with_line;
  }
  PENSTOCK_CHECK(with_line == heads_.size());
}

}  // namespace penstock::admission
