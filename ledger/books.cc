// Invariants, kept by every ApplyOne (check everything first, then change):
//   1. open_ and the set ended bits are disjoint; together they are every grant that the journal knows.
//   2. balances_[t].pending = sum of open_ holds of t; balances_[t].posted = sum of bucket charges of t.
//   3. revenue_ = sum of balances_.posted: each charge is one debit (receivable of the tenant) and one credit
//   (revenue).
//   4. An open grant with a request id has its record in requests_.

#include "ledger/books.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <type_traits>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"

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

Work WorkOf(const std::vector<Attribution>& attributions) {
  Work sum;
  for (const Attribution& a : attributions) sum += a.work;
  return sum;
}

absl::Status CheckAttributions(const std::vector<Attribution>& attributions, Instant at) {
  if (attributions.size() > kMaxAttributions) return Contradiction("too many attributions");
  for (const Attribution& a : attributions) {
    if (absl::Status work = CheckWork(a.work); !work.ok()) return work;
    if (a.from < Instant() || a.to < a.from || a.to > at) return Contradiction("an attribution is out of its time");
    if (a.to - a.from > Seconds(kMaxLeaseSeconds)) return Contradiction("an attribution is too long");
  }
  return absl::OkStatus();
}

absl::Status CheckPrices(const PoolPrices& prices) {
  if (prices.pool.empty() || prices.pool.size() > kMaxNameBytes) return Contradiction("a priced pool has a bad name");
  bool negative = prices.demand_price < 0;
  for (const TokenPrices& of_class : prices.by_class) {
    for (TokenKind kind : kAllTokenKinds) negative = negative || of_class[kind] < 0;
  }
  return negative ? Contradiction("a price of pool ", prices.pool, " is negative") : absl::OkStatus();
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
  return std::visit(
      [this](const auto& e) {
        if constexpr (requires { e.at; }) {
          if (absl::Status time = CheckTime(e.at); !time.ok()) return time;
        }
        if (absl::Status applied = ApplyOne(e); !applied.ok()) return applied;
        stopped_cleanly_ = std::is_same_v<decltype(e), const StopEntry&>;
        if constexpr (requires { e.at; }) newest_ = std::max(newest_, e.at);
        ForgetBefore(newest_ - kIdHorizon);
        return absl::OkStatus();
      },
      entry);
}

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
  const bool owner_fits =
      entry.kind == NameKind::kKey ? entry.owner >= 1 && entry.owner <= CountOf(NameKind::kTenant) : entry.owner == 0;
  if (!owner_fits) return Contradiction("name ", entry.name, " has an owner that does not fit: ", entry.owner);
  if (IdOf(entry.kind, entry.owner, entry.name)) return Contradiction("name ", entry.name, " is bound already");

  ids_[{{entry.kind, entry.owner}, entry.name}] = entry.id;
  names.push_back(entry);
  if (entry.kind == NameKind::kTenant) balances_[TenantId{entry.id}] = Balance();
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
    if (other.tariff.currency != tariff.currency) return Contradiction("tariff ", tariff.version, " changes currency");
  }
  if (tariff.pools.size() > kMaxPricedPools) return Contradiction("tariff ", tariff.version, " has too many pools");
  for (const PoolPrices& prices : tariff.pools) {
    if (absl::Status checked = CheckPrices(prices); !checked.ok()) return checked;
    if (tariff.PricesOf(prices.pool) != &prices) return Contradiction("pool ", prices.pool, " is priced twice");
  }
  tariffs_.push_back(entry);
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const GrantEntry& entry) {
  const absl::Status checked = AllOf(CheckTerms(entry.terms), CheckTokens(entry.estimate), CheckWork(entry.work),
                                     CheckDeadlines(entry.at, entry.lease_deadline, entry.settle_deadline));
  if (!checked.ok()) return checked;
  if (entry.id.epoch != epoch_ || epoch_ == 0 || entry.id.sequence != last_grant_sequence_ + 1) {
    return Contradiction(Text(entry.id), " follows grant ", epoch_, "-", last_grant_sequence_);
  }
  if (entry.output_cap < Tokens() || entry.hold.IsNegative() || entry.hold > kMaxCharge) {
    return Contradiction(Text(entry.id), " has an output cap or hold out of bounds");
  }
  const RequestRecord* earlier = FindRequest(entry.terms.tenant, entry.request_id);
  if (earlier != nullptr && FindOpen(earlier->grant) != nullptr) {
    return Contradiction(Text(entry.id), " has the request id of ", Text(earlier->grant), ", which is open");
  }

  last_grant_sequence_ = entry.id.sequence;
  ended_bits_[epoch_].push_back(false);
  balances_[entry.terms.tenant].pending += entry.hold;
  if (!entry.request_id.empty()) {
    requests_[{entry.terms.tenant.value, entry.request_id}] = RequestRecord{entry.id, entry.body};
  }
  open_.emplace_hint(open_.end(), entry.id, OpenGrant{entry, {}, {}, entry.at});
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const ProgressEntry& entry) {
  const absl::StatusOr<const OpenGrant*> open = RequireOpen(entry.id);
  if (!open.ok()) return open.status();
  const Work attributed = (*open)->attributed + WorkOf(entry.attributions);
  const absl::Status checked =
      AllOf(CheckTokens(entry.so_far), CheckAttributions(entry.attributions, entry.at), CheckWork(attributed),
            CheckDeadlines(entry.at, entry.lease_deadline, entry.settle_deadline));
  if (!checked.ok()) return checked;
  for (TokenKind kind : kAllTokenKinds) {
    if (entry.so_far[kind] < (*open)->so_far[kind]) return Contradiction(Text(entry.id), " takes tokens back");
  }

  OpenGrant& grant = open_.at(entry.id);
  grant.so_far = entry.so_far;
  grant.attributed = attributed;
  grant.attributed_until = std::max(grant.attributed_until, entry.at);
  grant.grant.lease_deadline = entry.lease_deadline;
  grant.grant.settle_deadline = entry.settle_deadline;
  meters_.Add(grant.grant.terms, entry.attributions, entry.at);
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const SettleEntry& entry) {
  const absl::Status checked = AllOf(CheckTerms(entry.terms), CheckTokens(entry.tokens), CheckWork(entry.work),
                                     CheckAttributions(entry.attributions, entry.at));
  if (!checked.ok()) return checked;
  if (absl::Status standing = CheckStanding(entry); !standing.ok()) return standing;
  if (absl::Status charge = CheckCharge(entry); !charge.ok()) return charge;
  if (AttributedSoFar(entry.id) + WorkOf(entry.attributions) != entry.work) {
    return Contradiction(Text(entry.id), " settles work that its attributions do not add up to");
  }

  EndedGrant ended{GrantEnd::kSettled, entry.terms,  entry.at,     entry.body,   entry.tokens,
                   entry.work,         entry.charge, entry.billed, std::string()};
  if (const OpenGrant* open = FindOpen(entry.id)) {
    ended.request_id = open->grant.request_id;
    ReleaseHold(*open);
  } else if (const EndedGrant* expired = FindEnded(entry.id)) {
    ended.request_id = expired->request_id;
  }
  balances_[entry.terms.tenant].posted += entry.charge;
  revenue_ += entry.charge;
  meters_.Add(entry);
  End(entry.id, std::move(ended));
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const VoidEntry& entry) {
  const absl::StatusOr<const OpenGrant*> open = RequireOpen(entry.id);
  if (!open.ok()) return open.status();
  EndedGrant ended;
  ended.end = GrantEnd::kVoided;
  ended.terms = (*open)->grant.terms;
  ended.at = entry.at;
  ended.request_id = (*open)->grant.request_id;
  ReleaseHold(**open);
  End(entry.id, std::move(ended));
  return absl::OkStatus();
}

absl::Status Books::ApplyOne(const ExpireEntry& entry) {
  const absl::StatusOr<const OpenGrant*> open = RequireOpen(entry.id);
  if (!open.ok()) return open.status();
  EndedGrant ended;
  ended.end = GrantEnd::kExpired;
  ended.terms = (*open)->grant.terms;
  ended.at = entry.at;
  ended.tokens = (*open)->so_far;
  ended.work = (*open)->attributed;
  ended.request_id = (*open)->grant.request_id;
  ReleaseHold(**open);
  End(entry.id, std::move(ended));
  return absl::OkStatus();
}

Books::Standing Books::StandingOf(GrantId id) const {
  if (FindOpen(id) != nullptr) return Standing::kOpen;
  if (HasEnded(id)) return Standing::kEnded;
  if (id.epoch == 0 || id.sequence == 0 || id.epoch >= epoch_) return Standing::kNever;
  const auto known = ended_bits_.find(id.epoch);
  const uint64_t last = known == ended_bits_.end() ? 0 : known->second.size();
  return id.sequence <= last + kMaxLostGrants ? Standing::kLost : Standing::kNever;
}

bool Books::MayBeLost(GrantId id, const GrantTerms& terms) const {
  return StandingOf(id) == Standing::kLost && CheckTerms(terms).ok();
}

absl::StatusOr<const OpenGrant*> Books::RequireOpen(GrantId id) const {
  const OpenGrant* open = FindOpen(id);
  if (open == nullptr) return Contradiction(Text(id), HasEnded(id) ? " has ended already" : " is not known");
  return open;
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
  return absl::OkStatus();
}

absl::Status Books::CheckStanding(const SettleEntry& entry) const {
  switch (StandingOf(entry.id)) {
    case Standing::kNever:
      return Contradiction(Text(entry.id), " was never given");
    case Standing::kLost:
      return absl::OkStatus();
    case Standing::kOpen: {
      if (entry.terms != FindOpen(entry.id)->grant.terms) return Contradiction(Text(entry.id), " changes its terms");
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
Work Books::AttributedSoFar(GrantId id) const {
  if (const OpenGrant* open = FindOpen(id)) return open->attributed;
  const EndedGrant* ended = FindEnded(id);
  return ended == nullptr ? Work() : ended->work;
}

void Books::ReleaseHold(const OpenGrant& open) { balances_[open.grant.terms.tenant].pending -= open.grant.hold; }

void Books::End(GrantId id, EndedGrant ended) {
  open_.erase(id);
  std::vector<bool>& bits = ended_bits_[id.epoch];
  if (bits.size() < id.sequence) bits.resize(id.sequence);
  bits[id.sequence - 1] = true;
  ended_order_.emplace_back(ended.at, id);
  ended_.insert_or_assign(id, std::move(ended));
}

void Books::ForgetBefore(Instant horizon) {
  for (size_t n = 0; n < kForgottenPerEntry && !ended_order_.empty() && ended_order_.front().first < horizon; ++n) {
    const auto [at, id] = ended_order_.front();
    ended_order_.pop_front();
    const auto ended = ended_.find(id);
    if (ended == ended_.end() || ended->second.at != at) continue;  // settled late since: remembered from then on
    const auto request = requests_.find({ended->second.terms.tenant.value, ended->second.request_id});
    if (request != requests_.end() && request->second.grant == id) requests_.erase(request);
    ended_.erase(ended);
  }
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

const TokenPrices& Books::PricesOf(const GrantTerms& terms) const {
  PENSTOCK_CHECK(terms.tariff >= 1 && terms.tariff <= tariffs_.size());
  return tariffs_[terms.tariff - 1].tariff.TokenPricesOf(NameOf(NameKind::kPool, terms.pool.value).name, terms.served);
}

const OpenGrant* Books::FindOpen(GrantId id) const {
  const auto found = open_.find(id);
  return found == open_.end() ? nullptr : &found->second;
}

const EndedGrant* Books::FindEnded(GrantId id) const {
  const auto found = ended_.find(id);
  return found == ended_.end() ? nullptr : &found->second;
}

bool Books::HasEnded(GrantId id) const {
  const auto bits = ended_bits_.find(id.epoch);
  return bits != ended_bits_.end() && id.sequence >= 1 && id.sequence <= bits->second.size() &&
         bits->second[id.sequence - 1];
}

const Books::RequestRecord* Books::FindRequest(TenantId tenant, const std::string& request_id) const {
  const auto found = requests_.find({tenant.value, request_id});
  return found == requests_.end() ? nullptr : &found->second;
}

absl::Status Books::CheckInvariants() const {
  std::map<TenantId, Balance> sums;
  for (const auto& [id, open] : open_) sums[open.grant.terms.tenant].pending += open.grant.hold;
  for (const auto& [key, bucket] : meters_.buckets()) sums[key.tenant].posted += bucket.charge;
  Money posted;
  for (const auto& [tenant, balance] : balances_) {
    posted += balance.posted;
    if (balance == sums[tenant]) continue;
    return absl::DataLossError(absl::StrCat("tenant ", NameOf(NameKind::kTenant, tenant.value).name, ": pending ",
                                            balance.pending.ToDecimal(), ", posted ", balance.posted.ToDecimal(),
                                            "; holds add up to ", sums[tenant].pending.ToDecimal(), ", buckets to ",
                                            sums[tenant].posted.ToDecimal()));
  }
  if (posted != revenue_) {
    return absl::DataLossError(absl::StrCat("debits ", posted.ToDecimal(), ", credits ", revenue_.ToDecimal()));
  }
  return CheckBuckets();
}

absl::Status Books::CheckBuckets() const {
  for (const auto& [key, bucket] : meters_.buckets()) {
    const Money rated = TokenCharge(bucket.tokens, PricesOf({key.tenant, key.key, key.pool, key.served, key.tariff}));
    if (bucket.charge == rated) continue;
    return absl::DataLossError(absl::StrCat("hour bucket of tenant ", NameOf(NameKind::kTenant, key.tenant.value).name,
                                            " holds charges of ", bucket.charge.ToDecimal(), ", its tokens rate to ",
                                            rated.ToDecimal()));
  }
  return absl::OkStatus();
}

}  // namespace penstock::ledger
