// Invariants, kept by every ApplyOne (check everything first, then change):
//   1. open_ and the set ended bits are disjoint; together they are every grant that the journal knows.
//   2. balances_[t].pending = sum of open_ holds of t; balances_[t].posted = sum of bucket charges of t.
//   3. Debits equal credits in every currency: each charge is one debit (receivable of the tenant) and one credit
//   (revenue); what reservations post ledger/market_records.h says.
//   4. No two open grants have the same request id of the same tenant.

#include "ledger/books.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <type_traits>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"
#include "admission/vocabulary/start_to_load.h"

namespace penstock::ledger {
namespace {

constexpr Instant kEndOfTime = Instant::Max() - Days(366);  // room for a horizon behind every valid time
constexpr Work kMaxWork = Work(kMaxTokensPerRequest * kMaxBurndownRate * static_cast<int64_t>(kTokenKindCount));
// The dearest that a request within bounds can cost: no sum of these overflows Money before 10^9 of them.
const Money kMaxCharge = Money::FromPico(INT64_MAX) * kMaxTokensPerRequest * static_cast<int64_t>(kTokenKindCount);
constexpr size_t kForgottenPerEntry = 16;
// How far beyond the last known grant of its epoch a lost one may lie: no daemon runs further ahead of its disk.
constexpr uint64_t kMaxLostGrants = 1 << 24;

template <class... Parts>
absl::Status Contradiction(const Parts&... parts) {
  return absl::FailedPreconditionError(absl::StrCat(parts...));
}

std::string Text(GrantId id) { return absl::StrCat("grant ", id.epoch, "-", id.sequence); }

absl::Status CheckTime(Instant at) {
  if (at < Instant() || at > kEndOfTime) return Contradiction("a time is out of bounds");
  return absl::OkStatus();
}

absl::Status CheckTokens(const TokenCounts& tokens) {
  for (TokenKind kind : kAllTokenKinds) {
    if (tokens[kind] < Tokens() || tokens[kind] > Tokens(kMaxTokensPerRequest)) {
      return Contradiction("a token count is out of bounds");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckWork(Work work) {
  if (work < Work() || work > kMaxWork) return Contradiction("work is out of bounds");
  return absl::OkStatus();
}

absl::Status CheckDeadlines(Instant at, Instant lease, Instant settle) {
  if (lease < at || settle < lease) return Contradiction("deadlines are out of order");
  return absl::OkStatus();
}

Work WorkOf(const Attributions& attributions) {
  Work sum;
  for (const Attribution& a : attributions) sum += a.work;
  return sum;
}

absl::Status CheckAttributions(const Attributions& attributions, Instant at) {
  if (attributions.size() > kMaxAttributions) return Contradiction("too many attributions");
  for (const Attribution& a : attributions) {
    if (absl::Status work = CheckWork(a.work); !work.ok()) return work;
    if (a.from < Instant() || a.to < a.from || a.to > at) return Contradiction("an attribution is out of its time");
    if (a.to - a.from > Seconds(kMaxLeaseSeconds)) return Contradiction("an attribution is too long");
  }
  return absl::OkStatus();
}

/// Of a grant, or of a progress report that moves them.
absl::Status CheckHold(const auto& entry) {
  if (entry.output_cap < Tokens() || entry.hold.IsNegative() || entry.hold > kMaxCharge) {
    return Contradiction(Text(entry.id), " has an output cap or hold out of bounds");
  }
  return absl::OkStatus();
}

/// The first status that is not OK.
template <class... Statuses>
absl::Status AllOf(Statuses... statuses) {
  absl::Status first;
  ((first.ok() ? first = std::move(statuses) : first), ...);
  return first;
}

}  // namespace

absl::Status Books::Apply(const Entry& entry) {
  return std::visit([this](const auto& e) { return Apply(e); }, entry);
}

template <EntryType E>
absl::Status Books::Apply(E&& entry) {
  if constexpr (requires { entry.at; }) {
    if (absl::Status time = CheckTime(entry.at); !time.ok()) return time;
    if (absl::Status applied = ApplyOne(std::move(entry)); !applied.ok()) return applied;
    newest_ = std::max(newest_, entry.at);  // a moved entry keeps its numbers
  } else {
    if (absl::Status applied = ApplyOne(entry); !applied.ok()) return applied;
  }
  stopped_cleanly_ = std::is_same_v<E, StopEntry>;
  ended_.ForgetBefore(newest_ - kIdHorizon, kForgottenPerEntry);
  return absl::OkStatus();
}

template absl::Status Books::Apply(BootEntry&& entry);
template absl::Status Books::Apply(StopEntry&& entry);
template absl::Status Books::Apply(NameEntry&& entry);
template absl::Status Books::Apply(TariffEntry&& entry);
template absl::Status Books::Apply(GrantEntry&& entry);
template absl::Status Books::Apply(ProgressEntry&& entry);
template absl::Status Books::Apply(SettleEntry&& entry);
template absl::Status Books::Apply(VoidEntry&& entry);
template absl::Status Books::Apply(ExpireEntry&& entry);
template absl::Status Books::Apply(SubscriptionEntry&& entry);
template absl::Status Books::Apply(CreditEntry&& entry);
template absl::Status Books::Apply(StatementEntry&& entry);
template absl::Status Books::Apply(RollUpEntry&& entry);
template absl::Status Books::Apply(KeyProjectEntry&& entry);
template absl::Status Books::Apply(OutcomeEntry&& entry);
template absl::Status Books::Apply(AlertEntry&& entry);
template absl::Status Books::Apply(BudgetRaiseEntry&& entry);
template absl::Status Books::Apply(BudgetChangeEntry&& entry);
template absl::Status Books::Apply(RunApprovalEntry&& entry);
template absl::Status Books::Apply(CapacityPlanEntry&& entry);
template absl::Status Books::Apply(DemandPlanEntry&& entry);
template absl::Status Books::Apply(PriceEntry&& entry);
template absl::Status Books::Apply(QuoteEntry&& entry);
template absl::Status Books::Apply(QuoteEndEntry&& entry);
template absl::Status Books::Apply(ReservationEntry&& entry);
template absl::Status Books::Apply(DeliveryEntry&& entry);
template absl::Status Books::Apply(BidEntry&& entry);
template absl::Status Books::Apply(BidEndEntry&& entry);

absl::Status Books::ApplyOne(const BootEntry& entry) {
  if (entry.epoch != epoch_ + 1) return Contradiction("boot of epoch ", entry.epoch, " follows epoch ", epoch_);
  epoch_ = entry.epoch;
  last_grant_sequence_ = 0;
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const StopEntry& entry) {
  if (entry.epoch != epoch_ || epoch_ == 0) return Contradiction("stop of epoch ", entry.epoch, " in epoch ", epoch_);
  if (stopped_cleanly_) return Contradiction("epoch ", epoch_, " has stopped already");
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const NameEntry& entry) {
  std::vector<NameEntry>& names = names_[static_cast<size_t>(entry.kind)];
  if (entry.id != names.size() + 1) return Contradiction("name id ", entry.id, " follows ", names.size());
  if (entry.name.empty() || entry.name.size() > kMaxNameBytes) return Contradiction("a name's length is out of bounds");
  const bool is_owned = entry.kind == NameKind::kKey || entry.kind == NameKind::kProject;
  const bool owner_fits = is_owned ? entry.owner >= 1 && entry.owner <= CountOf(NameKind::kTenant) : entry.owner == 0;
  if (!owner_fits) return Contradiction("name ", entry.name, " has an owner that does not fit: ", entry.owner);
  if (IdOf(entry.kind, entry.owner, entry.name)) return Contradiction("name ", entry.name, " is bound already");

  ids_[{{entry.kind, entry.owner}, entry.name}] = entry.id;
  names.push_back(entry);
  if (entry.kind == NameKind::kTenant) AddTenant();
  if (entry.kind == NameKind::kKey) project_of_key_.emplace_back();
  if (entry.kind == NameKind::kPool) {
    for (const TariffEntry& tariff : tariffs_) NotePrices(tariff.id, entry);
  }
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const TariffEntry& entry) {
  const Tariff& tariff = entry.tariff;
  if (entry.id != tariffs_.size() + 1) return Contradiction("tariff id ", entry.id, " follows ", tariffs_.size());
  if (tariff.version.empty() || tariff.version.size() > kMaxNameBytes || tariff.currency.size() != 3) {
    return Contradiction("tariff ", entry.id, " has a bad version or currency");
  }
  if (tariff.rounding_unit <= Money()) return Contradiction("tariff ", tariff.version, " has no rounding unit");
  for (const TariffEntry& other : tariffs_) {
    if (other.tariff.version == tariff.version) return Contradiction("tariff ", tariff.version, " is bound already");
  }
  if (tariff.pools.size() > kMaxPricedPools) return Contradiction("tariff ", tariff.version, " has too many pools");
  if (absl::Status checked = CheckTariff(tariff); !checked.ok()) {
    return Contradiction("tariff ", tariff.version, ": ", std::string(checked.message()));
  }
  tariffs_.push_back(entry);
  tariff_currency_.push_back(accounts_.PlaceOf(tariff.currency));
  priced_.emplace_back();
  for (const NameEntry& pool : names_[static_cast<size_t>(NameKind::kPool)]) NotePrices(entry.id, pool);
  return absl::OkStatus();
}

/// Finds once what every charge needs: which of the tariff's pools has that name.
void Books::NotePrices(uint32_t tariff, const NameEntry& pool) {
  const std::vector<PoolPrices>& pools = tariffs_[tariff - 1].tariff.pools;
  const PoolPrices* prices = tariffs_[tariff - 1].tariff.PricesOf(pool.name);
  PENSTOCK_CHECK(priced_[tariff - 1].size() + 1 == pool.id);
  priced_[tariff - 1].push_back(prices == nullptr ? pools.size() : static_cast<size_t>(prices - pools.data()));
}

absl::Status Books::ApplyOne(GrantEntry&& entry) {
  const absl::Status checked = AllOf(CheckTerms(entry.terms), CheckTokens(entry.estimate), CheckWork(entry.work),
                                     CheckDeadlines(entry.at, entry.lease_deadline, entry.settle_deadline));
  if (!checked.ok()) return checked;
  if (absl::Status fits =
          AllOf(CheckCurrency(entry.terms.tenant, entry.terms.tariff), CheckInForce(entry.terms, entry.at));
      !fits.ok()) {
    return fits;
  }
  if (entry.id.epoch != epoch_ || epoch_ == 0 || entry.id.sequence != last_grant_sequence_ + 1) {
    return Contradiction(Text(entry.id), " follows grant ", epoch_, "-", last_grant_sequence_);
  }
  if (absl::Status hold = CheckHold(entry); !hold.ok()) return hold;
  if (entry.reservation != 0 || entry.queued != Duration()) {
    const ReservationRecord* reservation = market_.FindReservation(entry.reservation);
    const bool fits = reservation != nullptr && reservation->tenant == entry.terms.tenant &&
                      reservation->terms.pool == entry.terms.pool && entry.terms.served == ServiceClass::kReserved &&
                      !IsOver(reservation->state) && entry.queued >= Duration();
    if (!fits) return Contradiction(Text(entry.id), " runs inside a reservation that is not there for it");
  }
  RequestFingerprint request;
  if (!entry.request_id.empty()) request = FingerprintOf(entry.terms.tenant, entry.request_id);
  if (const RequestRecord* earlier = open_.FindRequest(request)) {
    return Contradiction(Text(entry.id), " has the request id of ", Text(earlier->grant), ", which is open");
  }

  last_grant_sequence_ = entry.id.sequence;
  ended_bits_[epoch_].Extend();
  FixCurrency(entry.terms);
  MutableBalance(entry.terms.tenant).pending += entry.hold;
  open_.Add(std::move(entry), request);
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const ProgressEntry& entry) {
  OpenGrant* open = open_.Find(entry.id);
  if (open == nullptr) return NotOpen(entry.id);
  const absl::Status checked =
      AllOf(CheckTokens(entry.so_far), CheckAttributions(entry.attributions, entry.at),
            CheckDeadlines(entry.at, entry.lease_deadline, entry.settle_deadline), CheckHold(entry));
  if (!checked.ok()) return checked;
  const Work attributed = open->attributed + WorkOf(entry.attributions);
  if (absl::Status work = CheckWork(attributed); !work.ok()) return work;
  for (TokenKind kind : kAllTokenKinds) {
    if (entry.so_far[kind] < open->so_far[kind]) return Contradiction(Text(entry.id), " takes tokens back");
  }

  GrantEntry& grant = open->grant;
  MutableBalance(grant.terms.tenant).pending += entry.hold - grant.hold;
  grant.hold = entry.hold;
  grant.output_cap = entry.output_cap;
  grant.lease_deadline = entry.lease_deadline;
  grant.settle_deadline = entry.settle_deadline;
  open->so_far = entry.so_far;
  open->attributed = attributed;
  open->attributed_until = std::max(open->attributed_until, entry.at);
  open_.NoteChange(entry.id);
  meters_.Add(grant.terms, entry.attributions, entry.at);
  NoteWork(grant.terms.tenant, entry.attributions);
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const SettleEntry& entry) {
  const absl::Status checked = AllOf(CheckTerms(entry.terms), CheckTokens(entry.tokens), CheckTokens(entry.unbilled),
                                     CheckWork(entry.work), CheckAttributions(entry.attributions, entry.at));
  if (!checked.ok()) return checked;
  if (absl::Status reported = CheckTokens(entry.tokens + entry.unbilled); !reported.ok()) return reported;
  if (!entry.billed && entry.unbilled != TokenCounts()) {
    return Contradiction(Text(entry.id), " is not billed at all, yet has unbilled tokens apart");
  }
  const auto timely = [](Duration d) { return d >= Duration() && d <= Seconds(kMaxLeaseSeconds); };
  if (!timely(entry.first_token) || !timely(entry.generating)) {
    return Contradiction(Text(entry.id), " settles with times out of bounds");
  }
  const OpenGrant* open = open_.Find(entry.id);
  if (open != nullptr) ended_.Prefetch(open->request);
  if (absl::Status standing = CheckStanding(entry, open); !standing.ok()) return standing;
  if (absl::Status charge = AllOf(CheckCurrency(entry.terms.tenant, entry.terms.tariff), CheckCharge(entry));
      !charge.ok())
    return charge;
  if (AttributedSoFar(entry.id, open) + WorkOf(entry.attributions) != entry.work) {
    return Contradiction(Text(entry.id), " settles work that its attributions do not add up to");
  }

  FixCurrency(entry.terms);
  MutableBalance(entry.terms.tenant).posted += entry.charge;
  accounts_.In(tariff_currency_[entry.terms.tariff - 1]).revenue += entry.charge;
  meters_.Add(entry);
  NoteWork(entry.terms.tenant, entry.attributions);
  if (open != nullptr) cuts_.Add(entry, open->grant.run, open->grant.labels);
  if (open != nullptr && open->grant.reservation != 0) {
    static const ServiceLevel kNone;
    const Tariff& tariff = tariffs_[market_.FindReservation(open->grant.reservation)->tariff - 1].tariff;
    const PoolPrices* prices = tariff.PricesOf(NameOf(NameKind::kPool, entry.terms.pool.value).name);
    market_.NoteSettled(open->grant, entry, prices == nullptr ? kNone : prices->service_level);
  }
  EndedGrant ended = EndOf(entry);
  if (open != nullptr) {
    EndOpen(*open, ended);
    return absl::OkStatus();
  }
  // Expired, or lost in a power cut.
  RequestRecord record{.grant = entry.id};
  if (const EndedGrant* expired = FindEnded(entry.id)) {
    const RequestRecord* known = ended_.FindRequest(expired->request);
    if (known != nullptr && known->grant == entry.id) {  // and not a later grant's by now
      record = *known;
      ended.request = expired->request;
    }
  }
  ended_bits_[entry.id.epoch].Set(entry.id.sequence);
  ended_.Add(record, ended, /*first=*/false);
  changes_.ends.push_back(ended_.end() - 1);
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const VoidEntry& entry) {
  const OpenGrant* open = open_.Find(entry.id);
  if (open == nullptr) return NotOpen(entry.id);
  EndOpen(*open, EndOf(entry, open->grant.terms));
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const ExpireEntry& entry) {
  const OpenGrant* open = open_.Find(entry.id);
  if (open == nullptr) return NotOpen(entry.id);
  EndOpen(*open, EndOf(entry, open->grant.terms, open->so_far, open->attributed));
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const CreditEntry& entry) {
  if (absl::Status applied = accounts_.Apply(entry); !applied.ok()) return applied;
  NoteBalance(entry.tenant.value - 1);
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const StatementEntry& entry) {
  if (entry.tariff < 1 || entry.tariff > tariffs_.size()) return Contradiction("unknown tariff ", entry.tariff);
  if (absl::Status applied = accounts_.Apply(entry, tariffs_[entry.tariff - 1].tariff); !applied.ok()) return applied;
  NoteBalance(entry.tenant.value - 1);
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const RollUpEntry& entry) {
  if (absl::Status applied = accounts_.Apply(entry); !applied.ok()) return applied;
  meters_.RollUp(entry.tenant, entry.before);
  cuts_.RollUp(entry.tenant, entry.before);
  market_.RollUp(entry.tenant, entry.before);
  NoteBalance(entry.tenant.value - 1);
  return absl::OkStatus();
}

void Books::NoteWork(TenantId tenant, const Attributions& attributions) {
  for (const Attribution& a : attributions) accounts_.NoteWork(tenant, a.from);
}

absl::Status Books::ApplyOne(const KeyProjectEntry& entry) {
  if (entry.key.value < 1 || entry.key.value > CountOf(NameKind::kKey)) {
    return Contradiction("unknown key ", entry.key.value);
  }
  if (entry.project.value < 1 || entry.project.value > CountOf(NameKind::kProject)) {
    return Contradiction("unknown project ", entry.project.value);
  }
  const NameEntry& key = NameOf(NameKind::kKey, entry.key.value);
  if (NameOf(NameKind::kProject, entry.project.value).owner != key.owner) {
    return Contradiction("project ", entry.project.value, " is not of the tenant of key ", entry.key.value);
  }
  ProjectId& project = project_of_key_[entry.key.value - 1];
  if (project != ProjectId()) return Contradiction("key ", entry.key.value, " has project ", project.value);

  project = entry.project;
  changes_.key_projects.push_back(entry.key);
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const OutcomeEntry& entry) {
  if (entry.tenant.value < 1 || entry.tenant.value > CountOf(NameKind::kTenant)) {
    return Contradiction("unknown tenant ", entry.tenant.value);
  }
  RequestFingerprint request;
  if (!entry.request_id.empty()) request = FingerprintOf(entry.tenant, entry.request_id);
  absl::Status applied = outcomes_.Apply(entry, request, &cuts_);
  if (applied.ok()) accounts_.NoteWork(entry.tenant, entry.happened);
  return applied;
}

absl::Status Books::ApplyOne(const AlertEntry& entry) {
  if (absl::Status budget = CheckBudget(entry.budget); !budget.ok()) return budget;
  return budget_records_.Apply(entry);
}

absl::Status Books::ApplyOne(const BudgetRaiseEntry& entry) {
  if (absl::Status budget = CheckBudget(entry.budget); !budget.ok()) return budget;
  return budget_records_.Apply(entry);
}

absl::Status Books::ApplyOne(const BudgetChangeEntry& entry) { return budget_records_.Apply(entry); }

// ---- What is bought ahead of time.

absl::Status Books::ApplyOne(const CapacityPlanEntry& entry) {
  if (absl::Status pool = CheckPool(entry.pool); !pool.ok()) return pool;
  return market_.Apply(entry);
}

absl::Status Books::ApplyOne(const DemandPlanEntry& entry) {
  if (absl::Status pool = CheckPool(entry.pool); !pool.ok()) return pool;
  return market_.Apply(entry);
}

absl::Status Books::ApplyOne(const PriceEntry& entry) {
  if (absl::Status priced = CheckPriced(entry.tariff, entry.pool); !priced.ok()) return priced;
  if (entry.kind != PriceKind::kPosted) {
    if (absl::Status tenant = CheckTenant(entry.tenant); !tenant.ok()) return tenant;
  }
  return market_.Apply(entry);
}

absl::Status Books::ApplyOne(const QuoteEntry& entry) {
  if (absl::Status deal = CheckDeal(entry.tenant, entry.tariff, entry.terms); !deal.ok()) return deal;
  return market_.Apply(entry);
}

absl::Status Books::ApplyOne(const QuoteEndEntry& entry) { return market_.Apply(entry); }

absl::Status Books::ApplyOne(const ReservationEntry& entry) {
  if (absl::Status tenant = CheckTenant(entry.tenant); !tenant.ok()) return tenant;
  for (const ReservationTerms& terms : entry.terms) {
    if (absl::Status deal = CheckDeal(entry.tenant, entry.tariff, terms); !deal.ok()) return deal;
  }
  if (absl::Status applied = market_.Apply(entry); !applied.ok()) return applied;
  if (entry.charges.empty()) return absl::OkStatus();

  const uint8_t currency = tariff_currency_[entry.tariff - 1];
  if (accounts_.CurrencyPlaceOf(entry.tenant) == 0) accounts_.SetCurrency(entry.tenant, currency);
  CurrencyAccounts& accounts = accounts_.In(currency);
  Balance& balance = MutableBalance(entry.tenant);
  for (const ReservationCharge& charge : entry.charges) {
    const Money amount = AmountOf(charge);
    const Money paid = PaidOf(charge);
    balance.bought += amount;
    accounts.unearned += paid;
    accounts.revenue += amount - paid;
  }
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const DeliveryEntry& entry) {
  if (absl::Status applied = market_.Apply(entry); !applied.ok()) return applied;
  CurrencyAccounts& accounts = accounts_.In(tariff_currency_[market_.FindReservation(entry.reservation)->tariff - 1]);
  accounts.unearned -= entry.earned;
  accounts.revenue += entry.earned;
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const BidEntry& entry) {
  if (absl::Status deal = CheckDeal(entry.tenant, entry.tariff, entry.terms); !deal.ok()) return deal;
  return market_.Apply(entry);
}

absl::Status Books::ApplyOne(const BidEndEntry& entry) { return market_.Apply(entry); }

absl::Status Books::CheckPool(PoolId pool) const {
  if (pool.value >= 1 && pool.value <= CountOf(NameKind::kPool)) return absl::OkStatus();
  return Contradiction("unknown pool ", pool.value);
}

absl::Status Books::CheckPriced(uint32_t tariff, PoolId pool) const {
  if (absl::Status known = CheckPool(pool); !known.ok()) return known;
  if (tariff < 1 || tariff > tariffs_.size()) return Contradiction("unknown tariff ", tariff);
  if (PoolPricesOf(tariff, pool) != nullptr) return absl::OkStatus();
  return Contradiction("tariff ", tariffs_[tariff - 1].tariff.version, " does not price pool ", pool.value);
}

absl::Status Books::CheckDeal(TenantId tenant, uint32_t tariff, const ReservationTerms& terms) const {
  if (absl::Status known = AllOf(CheckTenant(tenant), CheckPriced(tariff, terms.pool)); !known.ok()) return known;
  if (absl::Status currency = CheckCurrency(tenant, tariff); !currency.ok()) return currency;
  const uint32_t project = terms.project.value;
  const bool fits = project == 0 || (project <= CountOf(NameKind::kProject) &&
                                     NameOf(NameKind::kProject, project).owner == tenant.value);
  return fits ? absl::OkStatus() : Contradiction("project ", project, " is not of tenant ", tenant.value);
}

absl::Status Books::ApplyOne(const RunApprovalEntry& entry) {
  return entry.run.empty() ? Contradiction("an approval names no run") : CheckTenant(entry.tenant);
}

Books::Standing Books::StandingOf(GrantId id, const OpenGrant* open) const {
  if (open != nullptr) return Standing::kOpen;
  if (HasEnded(id)) return Standing::kEnded;
  if (id.epoch == 0 || id.sequence == 0 || id.epoch >= epoch_) return Standing::kNever;
  const auto known = ended_bits_.find(id.epoch);
  const uint64_t last = known == ended_bits_.end() ? 0 : known->second.known();
  return id.sequence <= last + kMaxLostGrants ? Standing::kLost : Standing::kNever;
}

bool Books::MayBeLost(GrantId id, const GrantTerms& terms) const {
  return StandingOf(id, FindOpen(id)) == Standing::kLost && CheckTerms(terms).ok();
}

absl::Status Books::NotOpen(GrantId id) const {
  return Contradiction(Text(id), HasEnded(id) ? " has ended already" : " is not known");
}

absl::Status Books::CheckTenant(TenantId tenant) const {
  if (tenant.value >= 1 && tenant.value <= CountOf(NameKind::kTenant)) return absl::OkStatus();
  return Contradiction("unknown tenant ", tenant.value);
}

absl::Status Books::CheckBudget(const BudgetOf& budget) const {
  if (absl::Status tenant = CheckTenant(budget.tenant); !tenant.ok()) return tenant;
  const bool of_run = budget.scope == BudgetScope::kRun;
  const bool is_named = budget.scope == BudgetScope::kKey || budget.scope == BudgetScope::kProject;
  const NameKind kind = budget.scope == BudgetScope::kKey ? NameKind::kKey : NameKind::kProject;
  const bool fits = is_named ? budget.subject >= 1 && budget.subject <= CountOf(kind) &&
                                   NameOf(kind, budget.subject).owner == budget.tenant.value
                             : budget.subject == 0;
  if (fits && of_run != budget.run.empty()) return absl::OkStatus();
  return Contradiction("a budget is of nobody: subject ", budget.subject, " of tenant ", budget.tenant.value);
}

absl::Status Books::CheckTerms(const GrantTerms& terms) const {
  const auto known = [this](NameKind kind, uint32_t id) { return id >= 1 && id <= CountOf(kind); };
  if (!known(NameKind::kTenant, terms.tenant.value)) return Contradiction("unknown tenant ", terms.tenant.value);
  if (!known(NameKind::kKey, terms.key.value)) return Contradiction("unknown key ", terms.key.value);
  if (!known(NameKind::kPool, terms.pool.value)) return Contradiction("unknown pool ", terms.pool.value);
  if (terms.tariff < 1 || terms.tariff > tariffs_.size()) return Contradiction("unknown tariff ", terms.tariff);
  if (NameOf(NameKind::kKey, terms.key.value).owner != terms.tenant.value) {
    return Contradiction("key ", terms.key.value, " is not of tenant ", terms.tenant.value);
  }
  return terms.posted == 0 ? absl::OkStatus() : CheckPosted(terms);
}

/// But for when it was in force.
absl::Status Books::CheckPosted(const GrantTerms& terms) const {
  if (terms.posted > market_.prices().size()) return Contradiction("unknown price ", terms.posted);
  const PriceEntry& price = market_.prices()[terms.posted - 1];
  const PoolPrices* pool = PoolPricesOf(terms.tariff, terms.pool);
  if (price.pool != terms.pool) return Contradiction("price ", price.id, " is of another pool");
  if (pool == nullptr || !pool->coupling.Covers(terms.served)) {
    return Contradiction("tariff ", tariffs_[terms.tariff - 1].tariff.version, " does not couple that class to price ",
                         price.id);
  }
  if (price.tenant != TenantId() && price.tenant != terms.tenant) {
    return Contradiction("price ", price.id, " is of another tenant");
  }
  const bool same_currency = tariff_currency_[terms.tariff - 1] == tariff_currency_[price.tariff - 1];
  return same_currency ? absl::OkStatus() : Contradiction("price ", price.id, " is in another currency");
}

absl::Status Books::CheckInForce(const GrantTerms& terms, Instant at) const {
  if (terms.posted == 0) return absl::OkStatus();
  const PriceEntry& price = market_.prices()[terms.posted - 1];
  const bool holds = price.kind == PriceKind::kPosted ? market_.PostedAt(terms.pool, at) == &price
                                                      : price.from <= at && at < price.until;
  return holds ? absl::OkStatus() : Contradiction("price ", price.id, " is not in force");
}

absl::Status Books::CheckCurrency(TenantId tenant, uint32_t tariff) const {
  if (accounts_.Fits(tenant, tariff_currency_[tariff - 1])) return absl::OkStatus();
  return Contradiction("tariff ", tariffs_[tariff - 1].tariff.version, " is in ", tariffs_[tariff - 1].tariff.currency,
                       ", the account of tenant ", tenant.value, " in ", std::string(accounts_.CurrencyOf(tenant)));
}

absl::Status Books::CheckStanding(const SettleEntry& entry, const OpenGrant* open) const {
  switch (StandingOf(entry.id, open)) {
    case Standing::kNever:
      return Contradiction(Text(entry.id), " was never given");
    case Standing::kLost:
      return absl::OkStatus();
    case Standing::kOpen: {
      if (entry.terms != open->grant.terms) return Contradiction(Text(entry.id), " changes its terms");
      if (!entry.billed) return Contradiction(Text(entry.id), " is settled unbilled while its hold is open");
      return absl::OkStatus();
    }
    case Standing::kEnded: {
      const EndedGrant* ended = FindEnded(entry.id);
      const bool late = ended != nullptr && ended->end == GrantEnd::kExpired && !entry.billed;
      if (!late) return Contradiction(Text(entry.id), " has ended already");
      if (entry.terms != ended->terms) return Contradiction(Text(entry.id), " changes its terms");
      return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

absl::Status Books::CheckCharge(const SettleEntry& entry) const {
  const Money rated = entry.billed ? TokenCharge(entry.tokens, PricesOf(entry.terms)) : Money();
  if (entry.charge == rated) return absl::OkStatus();
  return Contradiction(Text(entry.id), " is charged ", entry.charge.ToDecimal(), " where its tariff says ",
                       rated.ToDecimal());
}

/// What progress reports of the grant have metered.
Work Books::AttributedSoFar(GrantId id, const OpenGrant* open) const {
  if (open != nullptr) return open->attributed;
  const EndedGrant* ended = FindEnded(id);
  return ended == nullptr ? Work() : ended->work;
}

/// Releases the hold and forgets the grant, but for how it ended.
void Books::EndOpen(const OpenGrant& open, EndedGrant ended) {
  const RequestRecord record{open.grant.id, open.grant.body};
  ended.request = open.request;
  MutableBalance(open.grant.terms.tenant).pending -= open.grant.hold;
  const bool has_row = open_.Remove(record.grant);
  ended_bits_[record.grant.epoch].Set(record.grant.sequence);
  ended_.Add(record, ended, /*first=*/true);
  if (has_row) changes_.retired.push_back({ended_.end() - 1, record.grant});
}

RequestFingerprint Books::FingerprintOf(TenantId tenant, std::string_view request_id) {
  const Hash hash = TaggedSha256(tenant.value, request_id);
  RequestFingerprint request;
  std::copy_n(hash.begin(), request.bytes.size(), request.bytes.begin());
  return request;
}

std::optional<uint32_t> Books::IdOf(NameKind kind, uint32_t owner, const std::string& name) const {
  const auto found = ids_.find({{kind, owner}, name});
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const NameEntry& Books::NameOf(NameKind kind, uint32_t id) const {
  const std::vector<NameEntry>& names = names_[static_cast<size_t>(kind)];
  PENSTOCK_CHECK(id >= 1 && id <= names.size());
  return names[id - 1];
}

uint32_t Books::CountOf(NameKind kind) const { return static_cast<uint32_t>(names_[static_cast<size_t>(kind)].size()); }

ProjectId Books::ProjectOf(KeyId key) const {
  PENSTOCK_CHECK(key.value >= 1 && key.value <= project_of_key_.size());
  return project_of_key_[key.value - 1];
}

const PoolPrices* Books::PoolPricesOf(uint32_t tariff, PoolId pool) const {
  PENSTOCK_CHECK(tariff >= 1 && tariff <= tariffs_.size());
  PENSTOCK_CHECK(pool.value >= 1 && pool.value <= CountOf(NameKind::kPool));
  const std::vector<PoolPrices>& pools = tariffs_[tariff - 1].tariff.pools;
  const size_t place = priced_[tariff - 1][pool.value - 1];
  return place == pools.size() ? nullptr : &pools[place];
}

TokenPrices Books::PricesOf(const GrantTerms& terms) const {
  const PoolPrices* pool = PoolPricesOf(terms.tariff, terms.pool);
  if (pool == nullptr) return {};
  if (terms.posted == 0) return pool->by_class[static_cast<size_t>(terms.served)];
  return CoupledPrices(*pool, terms.served, market_.prices()[terms.posted - 1].prices);
}

void Books::PrefetchRequest(const RequestFingerprint& request) const {
  open_.Prefetch(request);
  ended_.Prefetch(request);
}

void Books::PrefetchAccount(TenantId tenant, KeyId key) const {
  if (tenant.value < 1 || tenant.value > balances_.size() || key.value < 1 || key.value > CountOf(NameKind::kKey))
    return;
  StartToLoad(&balances_[tenant.value - 1]);
  StartToLoad(&NameOf(NameKind::kKey, key.value).owner);
}

bool Books::HasEnded(GrantId id) const {
  const auto bits = ended_bits_.find(id.epoch);
  return bits != ended_bits_.end() && bits->second.Has(id.sequence);
}

const RequestRecord* Books::FindRequest(const RequestFingerprint& request) const {
  const RequestRecord* open = open_.FindRequest(request);
  return open != nullptr ? open : ended_.FindRequest(request);
}

const RequestRecord* Books::FindRequest(TenantId tenant, std::string_view request_id) const {
  return request_id.empty() ? nullptr : FindRequest(FingerprintOf(tenant, request_id));
}

const Balance& Books::BalanceOf(TenantId tenant) const {
  PENSTOCK_CHECK(tenant.value >= 1 && tenant.value <= balances_.size());
  return balances_[tenant.value - 1];
}

std::map<TenantId, Balance> Books::balances() const {
  std::map<TenantId, Balance> all;
  for (const Balance& balance : balances_) all[TenantId{static_cast<uint32_t>(all.size() + 1)}] = balance;
  return all;
}

absl::Status Books::CheckInvariants() const {
  std::map<TenantId, Balance> sums;
  for (const OpenGrant* open : open_.InOrder()) sums[open->grant.terms.tenant].pending += open->grant.hold;
  for (const auto& [key, bucket] : meters_.buckets()) sums[key.tenant].posted += bucket.charge;
  std::vector<Money> posted;
  std::vector<Money> unearned;
  for (const auto& [tenant, balance] : balances()) {
    posted.push_back(balance.posted + balance.bought);
    unearned.push_back(market_.UnearnedOf(tenant));
    sums[tenant].bought = market_.BoughtBy(tenant);
    if (balance == sums[tenant]) continue;
    return absl::DataLossError(
        absl::StrCat("tenant ", NameOf(NameKind::kTenant, tenant.value).name, ": pending ", balance.pending.ToDecimal(),
                     ", posted ", balance.posted.ToDecimal(), ", bought ", balance.bought.ToDecimal(),
                     "; holds add up to ", sums[tenant].pending.ToDecimal(), ", buckets to ",
                     sums[tenant].posted.ToDecimal(), ", reservations to ", sums[tenant].bought.ToDecimal()));
  }
  if (absl::Status balanced = accounts_.CheckInvariants(posted, unearned); !balanced.ok()) return balanced;
  if (absl::Status market = market_.CheckInvariants(); !market.ok()) return market;
  return CheckBuckets();
}

absl::Status Books::CheckRating(const BucketKey& key, const Bucket& bucket) const {
  const Money rated = TokenCharge(bucket.tokens, PricesOf(TermsOf(key)));
  if (bucket.charge == rated) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("hour bucket of tenant ", NameOf(NameKind::kTenant, key.tenant.value).name,
                                          " holds charges of ", bucket.charge.ToDecimal(), ", its tokens rate to ",
                                          rated.ToDecimal()));
}

absl::Status Books::CheckBuckets() const {
  for (const auto& [key, bucket] : meters_.buckets()) {
    if (absl::Status rated = CheckRating(key, bucket); !rated.ok()) return rated;
  }
  return CheckCuts();
}

absl::Status Books::CheckCuts() const {
  auto cut = cuts_.rows().begin();
  for (const auto& [key, bucket] : meters_.buckets()) {
    std::map<std::string_view, Bucket> sums;  // by label key
    for (; cut != cuts_.rows().end() && cut->first.bucket == key; ++cut) {
      if (absl::Status rated = CheckRating(key, cut->second); !rated.ok()) return rated;
      sums[cuts_.NameOf(cut->first.name).label] += cut->second;
    }
    for (const auto& [label, sum] : sums) {
      if (IsPartOf(sum, bucket)) continue;
      return absl::DataLossError(
          absl::StrCat("hour bucket of tenant ", NameOf(NameKind::kTenant, key.tenant.value).name,
                       " holds less than its rows by ", label.empty() ? "run" : std::string(label)));
    }
  }
  if (cut != cuts_.rows().end()) return absl::DataLossError("a row of a run or label is of no hour bucket");
  return outcomes_.CheckInvariants(cuts_);
}

}  // namespace penstock::ledger
