// What becomes of reservations when somebody asks: amendments, cancellations, sell-backs, transfers, suspensions, and
// who approves what.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/engine.h"
#include "broker/core/reservation_charges.h"
#include "broker/market/reshape.h"

namespace penstock::core {
namespace {

using ledger::RateStep;
using ledger::ReservationCharge;
using ledger::ReservationEvent;
using ledger::ReservationRecord;
using ledger::ReservationState;
using market::PoolMarket;

/// What steps promise in all from a moment on, less `taken`, as steps that do not overlap.
std::vector<RateStep> Less(const std::vector<RateStep>& steps, const std::vector<RateStep>& taken, Instant from) {
  std::vector<Instant> edges = {from};
  for (const auto* list : {&steps, &taken}) {
    for (const RateStep& step : *list) {
      if (step.from > from) edges.push_back(step.from);
      if (step.to > from) edges.push_back(step.to);
    }
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  std::vector<RateStep> left;
  for (size_t i = 0; i + 1 < edges.size(); ++i) {
    const WorkPerSecond rate = ledger::RateAt(steps, edges[i]) - ledger::RateAt(taken, edges[i]);
    if (rate > WorkPerSecond::Zero()) left.push_back({edges[i], edges[i + 1], rate, 0});
  }
  market::Tidy(&left);
  return left;
}

/// What a tenant or operator asks for. (While one amendment waits for approval there is no other.)
ReservationEvent EventOf(ChangeReservation::What what) {
  switch (what) {
    case ChangeReservation::What::kAmend:
      return ReservationEvent::kAskAmend;
    case ChangeReservation::What::kCancel:
      return ReservationEvent::kCancel;
    case ChangeReservation::What::kSellBack:
      return ReservationEvent::kSellBack;
    case ChangeReservation::What::kTransfer:
      return ReservationEvent::kTransfer;
    case ChangeReservation::What::kSuspend:
      return ReservationEvent::kSuspend;
    case ChangeReservation::What::kResume:
      return ReservationEvent::kResume;
  }
  return ReservationEvent::kAskAmend;
}

}  // namespace

const ReservationRecord* Engine::OwnReservation(Ticket ticket, const MarketCaller& caller, uint32_t id, uint64_t etag) {
  const ReservationRecord* record = books().market().FindReservation(id);
  if (record == nullptr || record->tenant != caller.tenant) {
    Say(ticket, Error{ErrorReason::kUnknownReservation, "name", "this tenant has no such reservation"});
    return nullptr;
  }
  if (DeskOf(record->terms.pool) == nullptr) {
    Say(ticket, Error{ErrorReason::kMarketClosed, "pool", "its pool is not in the daemon's configuration now"});
    return nullptr;
  }
  if (etag != 0 && etag != record->version()) {
    Say(ticket, Error{ErrorReason::kStaleEtag, "etag",
                      absl::StrCat("the reservation has changed since, it is at etag ", record->version(),
                                   ": look at it again")});
    return nullptr;
  }
  return record;
}

bool Engine::MayHappen(Ticket ticket, const ReservationRecord& record, ReservationEvent event) {
  if (ledger::After(record.state, event, true)) return true;
  Say(ticket, Error{ErrorReason::kIllegalTransition, "state",
                    absl::StrCat("a reservation that is ", std::string(Name(record.state)), " cannot ",
                                 std::string(Name(event)))});
  return false;
}

/// Posts an event, puts its terms into the calendar in place of those before, and says what became of it.
void Engine::Change(Ticket ticket, const MarketCaller& caller, const ReservationRecord& record,
                    ledger::ReservationEntry entry) {
  entry.id = record.id;
  entry.tenant = record.tenant;
  entry.tariff = record.tariff;
  entry.at = now_;
  entry.by = caller.by;
  const bool asked = entry.event == ReservationEvent::kAskAmend;
  const ledger::ReservationTerms& after = entry.terms.empty() || asked ? record.terms : entry.terms.front();
  entry.state = ledger::After(record.state, entry.event, ledger::FirstOf(after.steps) <= now_).value();
  ReservationChanged answer{.id = record.id,
                            .version = record.version() + 1,
                            .state = entry.state,
                            .charge = SumOf(entry.charges),
                            .charges = entry.charges,
                            .terms = entry.terms};
  if (caller.validate_only) return Say(ticket, std::move(answer));
  const PoolId pool = record.terms.pool;
  MarketDesk& desk = *DeskOf(pool);
  const uint32_t id = record.id;
  const bool moves = !entry.terms.empty() && !asked;
  const bool ends = ledger::IsOver(entry.state);
  entry.request_id = caller.request_id;
  entry.body = caller.body;
  if (moves || ends) desk.market.Release(record.terms, now_);  // that change when it is posted
  if (moves && !ends) desk.market.Commit(entry.terms.front(), now_);
  ledger_->Post(std::move(entry));
  ends ? Unfollow(id) : Refollow(id);
  BalancePromises(pool);
  Say(ticket, std::move(answer), Release::kSynced);
}

void Engine::On(ChangeReservation& change) {
  if (AnswerKnown(change.ticket, change.caller)) return;
  const ReservationRecord* record = OwnReservation(change.ticket, change.caller, change.reservation, change.etag);
  if (record == nullptr || !MayHappen(change.ticket, *record, EventOf(change.what))) return;
  switch (change.what) {
    case ChangeReservation::What::kAmend:
      return Amend(change, *record);
    case ChangeReservation::What::kCancel:
      return Cancel(change, *record);
    case ChangeReservation::What::kSellBack:
      return SellBack(change, *record);
    case ChangeReservation::What::kTransfer: {
      ledger::ReservationTerms terms = record->terms;
      terms.project = ProjectId();
      if (!change.project.empty()) {
        const auto project = books().IdOf(ledger::NameKind::kProject, record->tenant.value, change.project);
        if (!project) {
          return Say(change.ticket,
                     Error{ErrorReason::kUnknownProject, "project", "this tenant has no such project"});
        }
        terms.project = ProjectId{*project};
      }
      if (terms.steps.empty()) {
        return Say(change.ticket, Error{ErrorReason::kIllegalTransition, "state", "all of it has been sold back"});
      }
      if (terms.project == record->terms.project) {
        return Say(change.ticket, Error{ErrorReason::kNothingToChange, "project", "it is that project's already"});
      }
      ledger::ReservationEntry entry;
      entry.event = ReservationEvent::kTransfer;
      entry.terms = {std::move(terms)};
      return Change(change.ticket, change.caller, *record, std::move(entry));
    }
    case ChangeReservation::What::kSuspend:
    case ChangeReservation::What::kResume: {
      ledger::ReservationEntry entry;
      entry.event = EventOf(change.what);
      entry.reason = std::move(change.reason);
      return Change(change.ticket, change.caller, *record, std::move(entry));
    }
  }
}

void Engine::Cancel(const ChangeReservation& change, const ReservationRecord& record) {
  const Instant first = ledger::FirstOf(record.terms.steps);
  const market::MarketTerms& terms = DeskOf(record.terms.pool)->market.terms();
  if (first <= now_) {
    return Say(change.ticket, Error{ErrorReason::kIllegalTransition, "state",
                                    "it has begun, and cannot be cancelled: sell back what is to come"});
  }
  const bool pending = record.state == ReservationState::kPending;
  if (!pending && now_ + terms.lock_time > first) {
    return Say(change.ticket, Error{ErrorReason::kReservationLocked, "name",
                                    "it begins too soon to be cancelled: sell it back instead"});
  }
  ledger::ReservationEntry entry;
  entry.event = ReservationEvent::kCancel;
  entry.charges = RefundOf(record.terms.steps, pending ? kWholePrice : terms.refund);
  Change(change.ticket, change.caller, record, std::move(entry));
}

void Engine::SellBack(const ChangeReservation& change, const ReservationRecord& record) {
  const Instant from = market::WholeMinute(now_);
  std::vector<RateStep> wanted;
  if (!change.steps.empty()) {
    const market::MarketTerms& terms = DeskOf(record.terms.pool)->market.terms();
    if (std::optional<Error> error = CheckSteps(terms, change.steps, from)) return Say(change.ticket, *error);
    wanted = Less(record.terms.steps, change.steps, from);
  }
  const market::Reshaped reshaped = market::Reshape(record.terms.steps, wanted, from);
  if (reshaped.gone.empty()) {
    return Say(change.ticket, Error{ErrorReason::kNothingToChange, "steps", "nothing of that is to come"});
  }
  if (!change.steps.empty() && ledger::QuantityOf(reshaped.gone) != ledger::QuantityOf(change.steps)) {
    return Say(change.ticket,
               Error{ErrorReason::kInvalidArgument, "steps", "that is more than the reservation has at some moment"});
  }
  const PoolMarket& market = DeskOf(record.terms.pool)->market;
  ReservationCharges charges;
  charges.SellBack(reshaped.gone, market.BidFor(reshaped.gone, PriceInputsOf(record.terms.pool, record.tenant)));
  ledger::ReservationEntry entry;
  entry.charges = charges.Take();
  entry.event = ReservationEvent::kSellBack;
  entry.terms = {record.terms};
  entry.terms.front().steps = reshaped.kept;
  Change(change.ticket, change.caller, record, std::move(entry));
}

void Engine::Amend(const ChangeReservation& change, const ReservationRecord& record) {
  const MarketDesk& desk = *DeskOf(record.terms.pool);
  const market::MarketTerms& terms = desk.market.terms();
  const Instant from = market::WholeMinute(now_);
  std::vector<RateStep> wanted = ledger::PartsOf(change.steps, from, Instant::Max());
  if (std::optional<Error> error = CheckSteps(terms, wanted, from)) return Say(change.ticket, *std::move(error));
  market::Reshaped reshaped = market::Reshape(record.terms.steps, wanted, from);
  ledger::ReservationTerms next = record.terms;
  next.overrun = change.overrun.value_or(next.overrun);
  if (!change.shape.empty()) next.shape = change.shape;
  if (reshaped.gone.empty() && reshaped.added.empty() && next.overrun == record.terms.overrun) {
    return Say(change.ticket, Error{ErrorReason::kNothingToChange, "steps", "those are its terms already"});
  }
  if (!reshaped.gone.empty() && now_ + terms.lock_time > ledger::FirstOf(reshaped.gone)) {
    return Say(change.ticket, Error{ErrorReason::kReservationLocked, "steps",
                                    "what would be given up begins too soon for that: sell it back instead"});
  }
  if (!reshaped.added.empty()) {
    if (!terms.open) {
      return Say(change.ticket, Error{ErrorReason::kMarketClosed, "pool", "this pool sells no throughput ahead now"});
    }
    if (!HasRoomFor(change.ticket, record, reshaped.added)) return;
    const auto basis = desk.market.AskFor(reshaped.added, PriceInputsOf(next.pool, record.tenant));
    market::SetUnitPrice(&reshaped.added, market::UnitPriceOf(basis));
    market::SetUnitPrice(&wanted, market::UnitPriceOf(basis));
  }
  ledger::ReservationEntry entry;
  ReservationCharges charges;
  charges.Buy(reshaped.added);
  charges.Refund(reshaped.gone, terms.refund);
  const std::vector<ReservationCharge> all = charges.Take();
  const bool asks = !terms.approval_above.IsZero() && SumOf(all) > terms.approval_above;
  if (asks) {
    next.steps = ledger::PartsOf(record.terms.steps, Instant(), from);  // the past stays
    next.steps.insert(next.steps.end(), wanted.begin(), wanted.end());
    entry.event = ReservationEvent::kAskAmend;
  } else {
    next.steps = market::StepsOf(reshaped);
    entry.event = ReservationEvent::kAmend;
    entry.charges = all;
  }
  if (next.steps.size() > ledger::kMaxSteps) {
    return Say(change.ticket, Error{ErrorReason::kInvalidArgument, "steps", "it would be in too many pieces"});
  }
  entry.terms = {std::move(next)};
  Change(change.ticket, change.caller, record, std::move(entry));
}

// Terms that were asked for hold their price until somebody decides, but no capacity.
void Engine::On(const DecideReservation& decide) {
  if (AnswerKnown(decide.ticket, decide.caller)) return;
  const ReservationRecord* record =
      OwnReservation(decide.ticket, decide.caller, decide.reservation, decide.etag);
  if (record == nullptr) return;
  const bool amends = record->state == ReservationState::kAmending;
  ledger::ReservationEntry entry;
  entry.reason = decide.reason;
  if (amends) {
    entry.event = decide.approve ? ReservationEvent::kAmend : ReservationEvent::kRejectAmend;
  } else {
    entry.event = decide.approve ? ReservationEvent::kApprove : ReservationEvent::kReject;
  }
  if (!MayHappen(decide.ticket, *record, entry.event)) return;
  if (!amends && !decide.approve) entry.charges = RefundOf(record->terms.steps, kWholePrice);
  if (amends && decide.approve) {
    const MarketDesk& desk = *DeskOf(record->terms.pool);
    const Instant from = market::WholeMinute(now_);
    ledger::ReservationTerms next = record->asked.front();
    const std::vector<RateStep> wanted = ledger::PartsOf(next.steps, from, Instant::Max());
    if (wanted.empty()) {
      return Say(decide.ticket, Error{ErrorReason::kNothingToChange, "name",
                                      "the time that the amendment asks for is over: reject it"});
    }
    const market::Reshaped reshaped = market::Reshape(record->terms.steps, wanted, from);
    if (!HasRoomFor(decide.ticket, *record, reshaped.added)) return;
    ReservationCharges charges;
    charges.Buy(reshaped.added);
    charges.Refund(reshaped.gone, desk.market.terms().refund);
    entry.charges = charges.Take();
    next.steps = market::StepsOf(reshaped);
    next.project = record->terms.project;
    entry.terms = {std::move(next)};
  }
  Change(decide.ticket, decide.caller, *record, std::move(entry));
}

}  // namespace penstock::core
