// The engine: Command + now -> Effects. Deterministic and single-threaded; the daemon and the simulator both drive it.
//
// Invariants (CheckInvariants, DESIGN section 9):
//   1. a grant is running exactly while its hold is open in the books, and holds a slot until its lease deadline or
//   end;
//   2. a hold ends exactly once: settled, voided or expired;
//   3. what limits and lines hold for a request is given back when it is refused, and trued up when it ends;
//   4. the same commands with the same `now` give the same journal, byte for byte.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "admission/tagged_heap.h"
#include "broker/core/account_state.h"
#include "broker/core/answer.h"
#include "broker/core/command.h"
#include "broker/core/decision_log.h"
#include "broker/core/duplicates.h"
#include "broker/core/market_desk.h"
#include "broker/core/pool_state.h"
#include "broker/core/promises.h"
#include "broker/core/runs.h"
#include "broker/core/settings.h"
#include "broker/core/waiting_requests.h"
#include "ledger/ledger.h"

namespace penstock::core {

/// The production scheduler.
SchedulerFactory FairScheduling();

class Past;

class Engine {
 public:
  /// Opens the journal, replays it, binds the settings' names, pins the tariff, and starts a new epoch. The entries
  /// this posts are durable before it returns. FAILED_PRECONDITION when the settings contradict the journal (a tariff
  /// version whose prices changed); DATA_LOSS when the journal is broken. `then` opens it as an earlier engine was
  /// opened: see Ledger::Open.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(const EngineSettings& settings,
                                                      std::unique_ptr<ledger::Journal> journal,
                                                      const SchedulerFactory& scheduling, Instant now,
                                                      const ledger::FollowerStart* then = nullptr);

  /// Applies one command, whose texts it takes over. `now` never runs backwards: an older one counts as the last.
  void Apply(Command command, Instant now, Effects* effects);

  /// Hints without effect, for who has several commands to apply: what a command will look at can be on its way from
  /// memory before it is applied. Call it with the steps 0 to kExpectSteps - 1 in order, a command or two apart, and
  /// apply the same command after that. Steps may be left out. (Step 0 keeps what it worked out in the command.)
  static constexpr size_t kExpectSteps = 5;
  void Expect(Command& command, size_t step);
  /// The same for the `next` of `count` commands, each found by `at(i)`: call it before each is applied.
  template <class At>
  void ExpectAhead(size_t next, size_t count, const At& at) {
    constexpr size_t kApart = 2;
    if (count == 1) return;
    for (size_t step = 0; step < kExpectSteps; ++step) {
      const size_t ahead = (kExpectSteps - step) * kApart;
      for (size_t i = next == 0 ? 0 : next + ahead; i <= next + ahead && i < count; ++i) Expect(at(i), step);
    }
  }

  /// When something is due without any command; Instant::Max() if nothing.
  Instant NextWake() const;

  /// Ends the epoch in the journal. After this only the ledger may be used.
  void PostStop(Instant now);

  /// Rows that TakeChanges would write now, about.
  size_t changed_rows() const;
  /// Appends to `rows` what changed since the last call, of the books and of what limits, budgets and runs count: see
  /// Ledger::TakeChanges. Between two commands, when everything is written.
  void TakeChanges(ledger::RowBatch* rows);

  ledger::Ledger& ledger() { return *ledger_; }
  const ledger::Ledger& ledger() const { return *ledger_; }
  const ledger::Books& books() const { return ledger_->books(); }
  const AccountState& accounts() const { return accounts_; }
  /// The last decision about a grant, or about a tenant's request id; nullptr when it is not kept any more.
  const Decision* FindDecision(GrantId grant) const { return decisions_.Find(grant); }
  const Decision* FindDecision(TenantId tenant, std::string_view request_id) const {
    return decisions_.Find(RequestKeyOf(tenant, request_id));
  }
  const std::vector<std::unique_ptr<PoolState>>& pools() const { return pools_; }
  const PoolState* FindPool(PoolId id) const;
  uint32_t epoch() const { return books().epoch(); }
  bool draining() const { return draining_; }
  /// The time of the last command.
  Instant now() const { return now_; }
  const WaitingRequests& waiting() const { return waiting_; }
  /// The tariff in force, and that of a tenant, whose contract may pin another.
  const ledger::TariffEntry& tariff() const { return books().tariffs()[tariff_ - 1]; }
  const ledger::TariffEntry& TariffOf(TenantId tenant) const { return books().tariffs()[TariffIdOf(tenant) - 1]; }
  /// The one that was in force for the tenant then, as far as the journal knows.
  const ledger::TariffEntry& TariffAt(TenantId tenant, Instant at) const;

  // ---- The market (broker/market/).

  /// nullptr: this pool never sold anything ahead.
  const market::PoolMarket* MarketOf(PoolId pool) const;
  market::PriceInputs PriceInputsOf(PoolId pool, TenantId tenant) const;
  /// Why steps cannot be sold in a pool with a market; nothing: they can. Beside the calendar: while a pool reports less
  /// capacity than it should have, nothing within the hour may rely on what is missing.
  std::optional<market::Shortage> ShortageNow(PoolId pool, const std::vector<ledger::RateStep>& steps,
                                              const ledger::Envelope& envelope) const;
  /// Measured, of this hour and the one before.
  SpeedFigures FiguresOf(PoolId pool, ServiceClass served) const { return FindPool(pool)->figures(served).Sum(); }
  /// The price that is posted in a pool now for who pays by this tariff, and the one that is published next; nullptr:
  /// none, the tariff's flat prices hold. None at all while the settings post no price.
  const ledger::PriceEntry* PostedNow(PoolId pool, uint32_t tariff) const;
  const ledger::PriceEntry* PostedNext(PoolId pool, uint32_t tariff) const;
  /// What elastic requests of this tenant pin now: the id of a PriceEntry; 0: the tariff's flat prices.
  uint32_t PostedFor(TenantId tenant, PoolId pool, ServiceClass served, uint32_t tariff) const;

  /// Crashes when an invariant does not hold. For tests; O(everything).
  void CheckInvariants() const;

 private:
  /// A grant whose hold is open.
  struct Running {
    GrantId id;
    ledger::GrantTerms terms;
    admission::Charge charge;
    PackedCounts charged;  // what its limits are charged now
    Work charged_work;     // likewise
    Work outstanding;      // counted in the pool's reclaim bound
    Tokens max_output;     // asked for: progress may extend the output cap so far
    ledger::Money hold;    // also in budgets and run
    Instant given;
    Instant lease_deadline;
    Instant settle_deadline;
    Ticket answered = 0;  // the newest ticket that carries this grant
    RunKey run{};
    ContentKey content{};
    bool holds_slot = true;
    bool of_earlier_boot = false;
    bool money_bound = false;  // by a hard budget or its run: charged no more than its hold
    bool in_run = false;
    bool has_content = false;
  };
  using Slot = uint32_t;  // of running_

  /// What money allows a request to generate.
  struct Affordable {
    Tokens cap;
    bool bound = false;   // by a budget or the run
    InlineText<80> by{};  // which, if it made the cap less than was asked for or allows nothing
    Duration again{};     // when nothing is left: until there is, if that is known
    bool by_run = false;
    bool nothing = false;
  };

  explicit Engine(std::unique_ptr<ledger::Ledger> ledger) : ledger_(std::move(ledger)) {}
  absl::Status CheckSettings(const EngineSettings& settings) const;
  absl::Status CheckTariff(const ledger::Tariff& tariff, const EngineSettings& settings) const;
  absl::Status CheckAccount(const TenantSettings& tenant, const EngineSettings& settings) const;
  void Bind(const EngineSettings& settings, Instant budgets_since);
  uint32_t BindName(ledger::NameKind kind, uint32_t owner, const std::string& name);
  void BindProject(TenantId tenant, KeyId key, const std::string& name);
  void BindProjects(const EngineSettings& settings, Instant budgets_since);
  void ApplyRaises();
  void PostAlerts();
  std::optional<Error> CheckRaise(const AskRaise& ask) const;
  absl::Status CheckProjects(const TenantSettings& tenant) const;
  void BindPools(const EngineSettings& settings);
  void BindReservations(TenantId tenant, const std::vector<ReservationSettings>& reservations);
  PoolSet PoolsNamed(const std::vector<std::string>& names) const;
  uint32_t PinTariff(const ledger::Tariff& tariff);
  void BindTariffs(const EngineSettings& settings);
  void SwitchTariff();
  void RollUpSome();
  void BindSubscription(TenantId tenant, const ledger::rating::Subscription& subscription);
  uint32_t TariffIdOf(TenantId tenant) const {
    const uint32_t pinned = accounts_.PinnedTariff(tenant);
    return pinned == 0 ? tariff_ : pinned;
  }
  void Recall(Past& past);
  void ResumeOpenGrants(const Past& past);

  void ExpectAdmit(Admit& admit, size_t step);
  void ExpectGrant(GrantId id, bool ends, size_t step);
  /// Likewise for the request that is likely to be dispatched next: one step further at each call.
  void ExpectDispatch();

  void On(Admit& admit);
  void On(const Abandon& abandon);
  void On(const Undeliverable& undeliverable);
  void On(const Progress& progress);
  void On(const Complete& complete);
  void On(const SetCapacity& set);
  void On(const SetPlan& plan);
  void On(const ApproveRun& approve);
  void On(const CloseStatement& close);
  void On(ReportOutcome& report);
  void On(const AskRaise& ask);
  void On(const DecideRaise& decide);
  void On(AskQuote& ask);
  void On(const WithdrawQuote& withdraw);
  void On(const AcceptQuote& accept);
  void On(ChangeReservation& change);
  void On(const DecideReservation& decide);
  void On(PlaceBid& place);
  void On(const WithdrawBid& withdraw);
  void On(const PinPrice& pin);
  MarketDesk* DeskOf(PoolId pool);
  const MarketDesk* FindDesk(PoolId pool) const;
  bool AnswerKnown(Ticket ticket, const MarketCaller& caller);
  MarketDesk* OpenDesk(PoolId pool, TenantId tenant, Error* error);
  std::optional<Error> CheckSteps(const market::MarketTerms& terms, const std::vector<ledger::RateStep>& steps,
                                  Instant from) const;
  std::optional<Error> TermsOf(const Wish& wish, TenantId tenant, const MarketDesk& desk,
                               ledger::ReservationTerms* terms) const;
  bool HasRoom(Ticket ticket, const ledger::ReservationTerms& wish, TenantId tenant);
  bool HasRoomFor(Ticket ticket, const ledger::ReservationRecord& record, const std::vector<ledger::RateStep>& added);
  const ledger::QuoteRecord* OpenQuote(Ticket ticket, const MarketCaller& caller, uint64_t id);
  uint32_t Buy(Ticket ticket, const MarketCaller& caller, ledger::ReservationEntry entry, MarketDesk& desk);
  const ledger::ReservationRecord* OwnReservation(Ticket ticket, const MarketCaller& caller, uint32_t id,
                                                  uint64_t etag);
  bool MayHappen(Ticket ticket, const ledger::ReservationRecord& record, ledger::ReservationEvent event);
  void Change(Ticket ticket, const MarketCaller& caller, const ledger::ReservationRecord& record,
              ledger::ReservationEntry entry);
  void Amend(const ChangeReservation& change, const ledger::ReservationRecord& record);
  void Cancel(const ChangeReservation& change, const ledger::ReservationRecord& record);
  void SellBack(const ChangeReservation& change, const ledger::ReservationRecord& record);
  uint32_t FillBid(uint64_t id);
  void LookAtBids();

  Instant NextEdge(const ledger::ReservationRecord& record, Instant t) const;
  // Whoever calls these has what is promised balanced afterwards: once, however many reservations it was.
  void Follow(uint32_t id);
  void Refollow(uint32_t id);
  void Unfollow(uint32_t id);
  void FollowCalendar();
  void OnEdge(uint32_t id, Instant at);
  void PostEvent(const ledger::ReservationRecord& record, ledger::ReservationEntry entry);
  void Promise(uint32_t id, Instant at);
  void SetPromise(uint32_t id, const ledger::ReservationRecord& record, WorkPerSecond rate);
  void Guarantee(uint32_t id, const ledger::ReservationRecord& record, WorkPerSecond rate);
  /// Cuts and restores what is guaranteed as the pool's capacity allows: linear in what promises there, constant while
  /// nothing is missing.
  void BalancePromises(PoolId pool);
  void BalanceAllPromises();
  void NoteUnserved(PoolId pool, admission::ContractId contract);
  void DeliverUntil(uint32_t id, Instant until);
  void PostServiceCredits(uint32_t id, Instant day);

  const ledger::PriceEntry* PinNow(TenantId tenant, PoolId pool, uint32_t tariff) const;
  void NotePin(const ledger::PriceEntry& pin);
  void MarketMinute();
  void MeasureUse(const PoolState& pool, MarketDesk& desk);
  void FindPosted(PoolId id, MarketDesk& desk);
  void PostPrice(const PoolState& pool, MarketDesk& desk);
  void ExpireQuotes();
  void TakeDemand(const SetPlan::Demand& demand);
  static WorkPerSecond StandingIn(const PoolSettings& pool, const EngineSettings& settings);
  void BindMarkets(const EngineSettings& settings);
  void ResumeReservations();

  void On(const Reconfigure& reconfigure);
  void On(const Drain& drain);
  void On(const Tick&) {}

  /// Charged to grants of a key that were given on a day; what budgets count.
  struct Charged {
    ledger::Money amount;
    bool noted = false;  // in charged_changes_
  };
  struct KeyDay {
    KeyId key;
    Instant day;
    friend bool operator==(const KeyDay&, const KeyDay&) = default;
    template <class H>
    friend H AbslHashValue(H h, const KeyDay& k) {
      return H::combine(std::move(h), k.key, k.day.nanoseconds_since_epoch());
    }
  };
  void NoteCharge(const KeyDay& when, Charged* charged);
  void TakeOwnChanges(ledger::RowBatch* rows);

  /// True when the request id was known and the answer has been said.
  bool AnswerKnownRequest(const Admit& admit, const RequestKey& name);
  std::optional<Error> CheckAdmit(const Admit& admit) const;
  /// The refusal by policy, guardrails or duplicates, before any pool is looked at.
  std::optional<Refused> CheckPolicy(const Admit& admit, const Tenant& tenant, const Key& key, Waiting* waiting) const;
  struct Choice {
    PoolState* pool = nullptr;   // the first candidate that fits; nullptr: none, and
    PoolState* asked = nullptr;  // the one whose refusal is
    Refused refused;             // this
    bool promised = false;       // it had a place promised there
  };
  /// Puts the request in the line of the first candidate that fits and has room (unless it only asks).
  Choice Route(const Admit& admit, const Tenant& tenant, const Key& key, Waiting* waiting);
  CandidateVerdict Judge(const Admit& admit, const Tenant& tenant, const Key& key, PoolState& pool, Waiting* waiting,
                         Refused* refused);
  void Prepare(const Admit& admit, const Tenant& tenant, const Key& key, PoolState& pool, Waiting* waiting);
  void SayForecast(const Admit& admit, const Waiting& waiting, const PoolState& pool);
  /// False when the line does not take it: then `waiting` is as it was, and `refused` says why.
  bool StandInLine(Waiting* waiting, PoolState& pool, const Tenant& tenant, const Key& key, Refused* refused);
  void Refuse(const Waiting& waiting, PoolState* pool, Refused refused);
  /// Refuses by load: with a time to come back and a place promised.
  void SendAway(const Waiting& waiting, PoolState& pool, RefusalReason reason);
  /// Takes a request that stopped waiting out of every index; its limits are still held.
  Waiting Forget(WaitingRequests::Number number);
  void GiveBack(const Waiting& waiting);
  void NoteWait(const Waiting& waiting, const PoolState& pool, bool departed);

  void Pump();
  void PumpPool(PoolState& pool);
  void Grant(PoolState& pool, const admission::Dispatch& dispatch);
  void NoteDispatch(MarketDesk& desk, const Waiting& waiting, const admission::Dispatch& dispatch,
                    ledger::GrantEntry* entry) const;
  void LogGrant(const Waiting& waiting, const Granted& granted, const Affordable& affordable);
  void ExpireDeadlines();
  void EndLease(Slot slot);
  /// `has_answer`: an identical request could use it.
  void EndRunning(Slot slot, const TokenCounts& tokens, Work work, const ledger::Money& charge, bool has_answer);
  void TrueUp(Running& running, const TokenCounts& tokens, Work work);
  Slot AddRunning(Running running);
  Running* FindRunning(GrantId id);

  Affordable AffordableNow(const Waiting& waiting, const ledger::TokenPrices& prices) const;
  /// How many of `wanted` more tokens the budgets of a key, and its run if it is in one, can pay for a grant given then
  /// at `price` after `before`; one grant takes no more than half of what is left unless that is less than it is
  /// predicted to need.
  Affordable Cut(TenantId tenant, KeyId key, const RunKey* run, Instant given, const ledger::Money& before,
                 int64_t price, Tokens wanted, Tokens predicted) const;
  Tokens ExtendCap(Running& running, const ledger::OpenGrant& open, const TokenCounts& so_far, InlineText<80>* bound);
  void Judge(const Running& running, const TokenCounts& so_far, Progressed* answer) const;
  void CompleteOpen(const Complete& complete, const ledger::OpenGrant& open);
  void CompleteEnded(const Complete& complete);
  void CompleteLost(const Complete& complete);
  void SettleUnmetered(const Complete& complete, const ledger::GrantTerms& terms, bool billed);
  ledger::Money PostSettlement(const Complete& complete, const ledger::GrantTerms& terms, bool billed,
                               const std::optional<ledger::Money>& at_most, Work work,
                               ledger::Attributions attributions, Instant given);
  void NoteSpeed(const Complete& complete, const ledger::GrantTerms& terms, Instant given, ledger::SettleEntry* entry);
  std::optional<Error> CheckTokens(const ledger::GrantTerms& terms, const TokenCounts& tokens,
                                   const TokenCounts& so_far) const;

  /// The class a request stands in line as, whether or not it may.
  static ServiceClass ShareClassOf(const Admit& admit, Tier tier);
  /// The same in a pool: a tenant with something bought there stands beside its contracts as spillover.
  static ServiceClass ShareClassIn(const PoolState& pool, const Admit& admit, Tier tier);
  static RequestKey RequestKeyOf(TenantId tenant, std::string_view request_id);
  PoolState* MutablePool(PoolId id);
  ledger::Money ChargeFor(const ledger::GrantTerms& terms, const TokenCounts& tokens) const;
  /// What a grant would pay now.
  ledger::GrantTerms TermsNow(TenantId tenant, KeyId key, PoolId pool, ServiceClass served) const;
  template <class What>
  void Say(Ticket ticket, What&& outcome, Release release = Release::kWritten) {
    if (ticket == 0) return;
    Answer& answer = effects_->answers.emplace_back();
    answer.ticket = ticket;
    answer.release = release;
    answer.sequence = ledger_->posted_sequence();
    answer.outcome.emplace<std::remove_cvref_t<What>>(std::forward<What>(outcome));
  }
  Granted Describe(GrantId id, const ledger::GrantEntry& grant) const;
  std::optional<Error> CheckReport(const ReportOutcome& report) const;
  void SayReport(Ticket ticket, const ledger::OutcomeReport& report, bool repeated);

  std::unique_ptr<ledger::Ledger> ledger_;
  AccountState accounts_;
  std::vector<std::unique_ptr<PoolState>> pools_;  // in the order of their settings
  std::vector<PoolState*> pool_by_id_;             // id n at n - 1; nullptr: not in the settings
  SchedulerFactory scheduling_;
  WaitingRequests waiting_;
  std::vector<Running> running_;  // a slab: slots of ended grants are used again
  std::vector<Slot> free_slots_;
  absl::flat_hash_map<GrantId, Slot> running_by_id_;
  admission::DeadlineHeap leases_;       // slots by lease deadline
  admission::DeadlineHeap settlements_;  // slots by settle deadline
  Runs runs_;
  Duplicates duplicates_;
  DecisionLog decisions_;
  absl::flat_hash_map<KeyDay, Charged> charged_;
  std::vector<KeyDay> charged_changes_;
  std::vector<GrantId> lease_changes_;  // open beyond their leases, charged anew beyond them, or ended there
  uint32_t tariff_ = 0;                                    // in force until `next_tariff_at_`
  Instant next_tariff_at_ = Instant::Max();
  std::vector<std::pair<Instant, uint32_t>> versions_;  // that take turns, by when they become effective
  WaitingRequests::Number newcomer_ = WaitingRequests::kNone;  // while Apply runs: who stood in line, until Pump saw it
  PoolState* dispatches_ = nullptr;                            // the pool that dispatched last
  uint32_t dispatch_step_ = 0;                                 // of ExpectDispatch
  WaitingRequests::Number likely_next_ = WaitingRequests::kNone;
  ledger::GrantEntry entry_;  // of Grant, kept for the memory of its texts
  // Thresholds that the command reached, to be posted after it; the texts and lists are kept for their memory.
  std::vector<AccountState::Crossing> crossed_;
  std::vector<BudgetCrossing> crossed_by_run_;
  std::string run_;      // that is settled
  uint64_t grants_ = 0;  // given in this epoch
  std::vector<std::unique_ptr<MarketDesk>> desks_;  // pool n's at n - 1; nullptr: it never sold anything ahead
  absl::flat_hash_map<uint32_t, LiveReservation> live_;  // that are not over
  admission::DeadlineHeap edges_;                        // of these, by when the clock has something to say
  absl::flat_hash_map<TenantId, Instant> pinned_until_;  // when the last lock or cap of a tenant ends, or ended
  Instant next_market_minute_ = Instant::Max();
  uint64_t last_bid_looked_at_ = 0;
  bool draining_ = false;
  Instant next_roll_up_;          // not before
  uint32_t rolled_up_tenant_ = 0;  // the last one that was looked at
  Instant now_;
  Effects* effects_ = nullptr;  // set while Apply runs
};

}  // namespace penstock::core
