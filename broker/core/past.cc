#include "broker/core/past.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "admission/vocabulary/check.h"
#include "broker/core/engine.h"
#include "ledger/row_codec.h"

namespace penstock::core {
namespace {

using ledger::RowReader;
using ledger::RowWriter;

RowWriter KeyOf(OwnRow row, std::string* bytes) {
  RowWriter writer(bytes);
  writer.Byte(static_cast<uint8_t>(row));
  return writer;
}

void WriteLevel(const admission::LimitTerms& terms, const admission::LeakyLevel& level, std::string* bytes) {
  RowWriter(bytes)
      .Text(terms.name)
      .Byte(static_cast<uint8_t>(terms.measure))
      .Byte(static_cast<uint8_t>(terms.kind))
      .Signed(terms.rate.quantity)
      .Signed(terms.rate.period.count())
      .Signed(terms.rate.burst)
      .Unsigned(static_cast<uint64_t>(level.scaled_level()))
      .Signed(static_cast<int64_t>(level.scaled_level() >> 64))
      .At(level.at());
}

KeptLevel ReadLevel(RowReader& value) {
  KeptLevel kept;
  kept.terms.name = value.Text();
  kept.terms.measure = static_cast<admission::Measure>(value.Byte());
  kept.terms.kind = static_cast<TokenKind>(value.Byte());
  kept.terms.rate.quantity = value.Signed();
  kept.terms.rate.period = Duration(value.Signed());
  kept.terms.rate.burst = value.Signed();
  const uint64_t low = value.Unsigned();
  const int64_t high = value.Signed();
  const Int128 level = Int128{high} * (Int128{1} << 64) + low;
  kept.level = admission::LeakyLevel::Restored(kept.terms.rate, level, value.At());
  return kept;
}

void WriteRun(const Runs::Run& run, std::string* bytes) {
  RowWriter(bytes)
      .At(run.started)
      .At(run.clock)
      .At(run.last)
      .Signed(run.requests)
      .Signed(run.approvals)
      .Unsigned(run.told)
      .Amount(run.spent);
}

TokenCounts MoreOf(TokenCounts a, const TokenCounts& b) {
  for (TokenKind kind : kAllTokenKinds) a[kind] = std::max(a[kind], b[kind]);
  return a;
}

}  // namespace

Past::Past(const EngineSettings& settings, Instant now) : now_(now) {
  for (const TenantSettings& tenant : settings.tenants) {
    if (BoundsRuns(tenant.runs)) tenants_with_runs_.insert(tenant.name);
  }
  for (const PoolSettings& pool : settings.pools) burndown_by_name_[pool.name] = pool.burndown;
}

absl::Status Past::Begin(const ledger::Books& books, const std::vector<Row>& rows) {
  open.clear();
  ended_beyond_lease.clear();
  levels.clear();
  used.clear();
  charged.clear();
  runs = Runs();
  bounds_runs_.clear();
  burndown_.clear();
  grain_ = books.epoch() == 0 ? Minutes(1) : Nanoseconds(1);
  for (const ledger::NameKind kind : {ledger::NameKind::kTenant, ledger::NameKind::kPool}) {
    for (uint32_t id = 1; id <= books.CountOf(kind); ++id) On(books.NameOf(kind, id));
  }
  for (const ledger::OpenGrant* grant : books.OpenInOrder()) Restore(*grant);
  for (const Row& row : rows) {
    if (absl::Status restored = Restore(row); !restored.ok()) return restored;
  }
  // Settings may bound runs now that were not kept before, and the other way round: those that are open count.
  for (const auto& [id, given] : open) {
    if (given.run) runs.Resume(*given.run, given.at);
  }
  return absl::OkStatus();
}

absl::Status Past::Restore(const Row& row) {
  RowReader key(row.key);
  RowReader value(row.value);
  const auto kind = static_cast<OwnRow>(key.Byte());
  bool fits = true;
  switch (kind) {
    case OwnRow::kCharged: {
      const KeyId id{key.Big32()};
      const Instant day(static_cast<int64_t>(key.Big64()));
      charged[{id, day}].amount = value.Amount();
      break;
    }
    case OwnRow::kRun: {
      const auto digest = key.Fixed<RunKey>();
      Runs::Run run;
      run.started = value.At();
      run.clock = value.At();
      run.last = value.At();
      run.requests = value.Signed();
      run.approvals = value.Signed();
      run.told = value.Unsigned32();
      run.spent = value.Amount();
      runs.Restore(digest, run);
      break;
    }
    case OwnRow::kLease: {
      const uint32_t epoch = key.Big32();
      const auto given = open.find({epoch, key.Big64()});
      fits = given != open.end();
      if (!fits) break;
      given->second.lease_over = true;
      given->second.charged = value.Counts();
      given->second.charged_work = Work(value.Signed());
      break;
    }
    case OwnRow::kLevels: {
      const auto scope = static_cast<Scope>(key.Byte());
      const uint32_t id = key.Big32();
      while (value.ok() && !value.done()) {
        KeptLevel kept = ReadLevel(value);
        kept.scope = scope;
        kept.id = id;
        fits = fits && kept.terms.rate.period > Duration::Zero();
        levels.push_back(std::move(kept));
      }
      break;
    }
    default:
      fits = false;
  }
  if (fits && key.done() && value.done()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("a row of the engine, of kind ", static_cast<int>(kind), ", makes no sense"));
}

Past::Given Past::GivenBy(const ledger::GrantEntry& grant) {
  return {.tenant = grant.terms.tenant,
          .key = grant.terms.key,
          .pool = grant.terms.pool,
          .at = grant.at,
          .lease_deadline = grant.lease_deadline,
          .run = {},
          .estimate = grant.estimate,
          .work = grant.work,
          .so_far = {},
          .attributed = {},
          .charged = {},
          .charged_work = {}};
}

void Past::BindRun(const std::string& run, Given* given) const {
  if (!run.empty() && bounds_runs_.contains(given->tenant)) given->run = RunKeyOf(given->tenant, run);
}

// What limits are charged for it then, unless a row says more: levels count it already.
void Past::Restore(const ledger::OpenGrant& grant) {
  Given given = GivenBy(grant.grant);
  BindRun(grant.grant.run, &given);
  given.so_far = grant.so_far;
  given.attributed = grant.attributed;
  given.charged = MoreOf(given.estimate, given.so_far);
  const auto pool = burndown_.find(given.pool);
  const bool reported = Total(given.so_far) > Tokens::Zero() && pool != burndown_.end();
  given.charged_work = reported ? WorkOf(given.charged, pool->second) : given.work;
  open[grant.grant.id] = std::move(given);
}

void Past::On(const ledger::NameEntry& name) {
  const bool bounds = name.kind == ledger::NameKind::kTenant && tenants_with_runs_.contains(name.name);
  if (bounds) bounds_runs_.insert(TenantId{name.id});
  if (name.kind != ledger::NameKind::kPool) return;
  if (const auto pool = burndown_by_name_.find(name.name); pool != burndown_by_name_.end()) {
    burndown_[PoolId{name.id}] = pool->second;
  }
}

void Past::On(const ledger::GrantEntry& grant) {
  Given given = GivenBy(grant);
  BindRun(grant.run, &given);
  if (given.run) runs.Admit(*given.run, ledger::Money(), grant.at);
  Charge(given, grant.estimate, grant.work, grant.at, 1);
  open[grant.id] = std::move(given);
}

void Past::On(const ledger::ProgressEntry& progress) {
  const auto found = open.find(progress.id);
  if (found == open.end()) return;
  Given& given = found->second;
  EndLease(given, progress.at);
  if (!given.lease_over) given.lease_deadline = progress.lease_deadline;
  given.so_far = progress.so_far;
  for (const ledger::Attribution& one : progress.attributions) given.attributed += one.work;
  const TokenCounts known = MoreOf(given.estimate, given.so_far);
  if (const auto pool = burndown_.find(given.pool); pool != burndown_.end()) {
    Charge(given, known, WorkOf(known, pool->second), progress.at);
  }
}

void Past::On(const ledger::SettleEntry& settle) {
  const auto found = open.find(settle.id);
  // A grant whose record was lost counts as given when it settled.
  const Instant at = found == open.end() ? settle.at : found->second.at;
  if (!settle.charge.IsZero()) {
    Charged& of_day = charged[{settle.terms.key, WindowStart(at, Days(1))}];
    of_day.amount += settle.charge;
    of_day.noted = true;
  }
  if (found == open.end()) return;
  EndLease(found->second, settle.at);
  Charge(found->second, settle.tokens + settle.unbilled, settle.work, settle.at);
  End(found, settle.charge, settle.at);
}

void Past::On(const ledger::ExpireEntry& expire) {
  const auto found = open.find(expire.id);
  if (found == open.end()) return;
  EndLease(found->second, expire.at);
  Charge(found->second, found->second.so_far, found->second.attributed, expire.at);
  End(found, ledger::Money(), expire.at);
}

void Past::On(const ledger::VoidEntry& gone) {
  const auto found = open.find(gone.id);
  if (found == open.end()) return;
  EndLease(found->second, gone.at);
  Charge(found->second, TokenCounts{}, Work::Zero(), gone.at, -1);
  End(found, ledger::Money(), gone.at);
}

void Past::On(const ledger::AlertEntry& alert) {
  const ledger::BudgetOf& budget = alert.budget;
  if (budget.scope == ledger::BudgetScope::kRun) runs.NoteTold(RunKeyOf(budget.tenant, budget.run), alert.threshold);
}

void Past::On(const ledger::RunApprovalEntry& approval) {
  runs.Approve(RunKeyOf(approval.tenant, approval.run), approval.at);
}

void Past::End(OpenGrants::iterator which, const ledger::Money& charge, Instant at) {
  if (which->second.run) runs.Settle(*which->second.run, ledger::Money(), charge, at);
  if (which->second.lease_over) ended_beyond_lease.push_back(which->first);
  open.erase(which);
}

void Past::EndLease(Given& given, Instant at) {
  if (given.lease_over || given.lease_deadline > at) return;
  given.lease_over = true;
  Charge(given, given.so_far, given.attributed, given.lease_deadline);
}

/// Makes what limits are charged for a grant what was known at that time.
void Past::Charge(Given& given, const TokenCounts& tokens, Work work, Instant at, int64_t requests) {
  const TokenCounts more = tokens - given.charged;
  const Work more_work = work - given.charged_work;
  given.charged = tokens;
  given.charged_work = work;
  if (given.at + kLongestLimit <= now_) return;  // nothing is given back of what is not counted any more
  const Instant then = WindowStart(at, grain_);
  Used& in_grain = used[{then, given.key}];
  const bool at_once = WindowStart(given.at, grain_) == then;
  const auto side = [&](bool back) -> admission::Usage& { return back && !at_once ? in_grain.back : in_grain.taken; };
  for (TokenKind kind : kAllTokenKinds) side(more[kind] < Tokens::Zero()).tokens[kind] += more[kind];
  side(more_work < Work::Zero()).work += more_work;
  side(requests < 0).requests += requests;
}

// ---- The engine's side: what changed, as rows.

size_t Engine::changed_rows() const {
  return ledger_->changed_rows() + charged_changes_.size() + runs_.changed() + lease_changes_.size() +
         accounts_.changed_lasting();
}

void Engine::NoteCharge(const KeyDay& when, Charged* charged) {
  if (charged->noted) return;
  charged->noted = true;
  charged_changes_.push_back(when);
}

void Engine::TakeChanges(ledger::RowBatch* rows) {
  ledger_->TakeChanges(rows);
  TakeOwnChanges(rows);
}

void Engine::TakeOwnChanges(ledger::RowBatch* rows) {
  for (const KeyDay& when : charged_changes_) {
    Charged& charged = charged_.at(when);
    charged.noted = false;
    const auto day = static_cast<uint64_t>(when.day.nanoseconds_since_epoch());
    rows->Put([&](std::string* key) { KeyOf(OwnRow::kCharged, key).Big32(when.key.value).Big64(day); },
              [&](std::string* value) { RowWriter(value).Amount(charged.amount); });
  }
  charged_changes_.clear();
  std::string gone;  // keys to delete; all of them are short
  runs_.TakeChanges([&](const RunKey& run, const Runs::Run* state) {
    const auto key = [&run](std::string* bytes) { KeyOf(OwnRow::kRun, bytes).Fixed(run); };
    if (state != nullptr) return rows->Put(key, [state](std::string* value) { WriteRun(*state, value); });
    gone.clear();
    key(&gone);
    rows->Delete(gone);
  });
  for (const GrantId id : lease_changes_) {
    const auto key = [id](std::string* bytes) { KeyOf(OwnRow::kLease, bytes).Big32(id.epoch).Big64(id.sequence); };
    if (const Running* running = FindRunning(id)) {
      rows->Put(key, [running](std::string* value) {
        RowWriter(value).Counts(running->charged).Signed(running->charged_work.count());
      });
      continue;
    }
    gone.clear();
    key(&gone);
    rows->Delete(gone);
  }
  lease_changes_.clear();
  accounts_.TakeLastingChanges(
      [&](Scope scope, uint32_t id, const admission::LimitSet& limits, const admission::Usage& waiting) {
        rows->Put([&](std::string* key) { KeyOf(OwnRow::kLevels, key).Byte(static_cast<uint8_t>(scope)).Big32(id); },
                  [&](std::string* value) {
                    limits.ForEachLasting(
                        waiting, [value](const admission::LimitTerms& terms, const admission::LeakyLevel& level) {
                          WriteLevel(terms, level, value);
                        });
                  });
      });
}

}  // namespace penstock::core
