#include "sim/run/closing.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"
#include "ledger/statement.h"
#include "sim/run/course.h"

namespace penstock::sim {
namespace {

using ledger::Money;

TenantId IdOf(const ledger::Books& books, const std::string& name) {
  return TenantId{*books.IdOf(ledger::NameKind::kTenant, 0, name)};
}

Instant WholeHourAtOrAfter(Instant end) {
  const Instant hour = WindowStart(end, Hours(1));
  return hour == end ? end : hour + Hours(1);
}

/// The bill of one tenant; what the engine said when it would not close.
absl::Status CloseOne(VirtualBroker& broker, Instant to, TenantFigures* tenant) {
  const ledger::Books& books = broker.engine().books();
  const TenantId id = IdOf(books, tenant->name);
  const ledger::TariffEntry& tariff = broker.engine().TariffOf(id);
  const ledger::StatementInput input = ledger::GatherStatement(books, id, broker.world().begin, to, tariff.tariff);
  core::CloseStatement close{.fingerprint = ledger::FingerprintOf(input)};
  close.rated = std::make_shared<ledger::StatementEntry>(ledger::RateStatement(input, tariff.id));
  const core::Outcome outcome = broker.Close(close);
  if (const auto* error = std::get_if<core::Error>(&outcome)) return absl::FailedPreconditionError(error->message);
  if (!std::holds_alternative<core::StatementClosed>(outcome))
    return absl::InternalError("the books changed meanwhile");
  for (const ledger::rating::Line& line : close.rated->lines) {
    tenant->bill += line.amount;
    tenant->by_component[static_cast<size_t>(line.kind)] += line.amount;
  }
  return absl::OkStatus();
}

/// The busiest hundredth of the pool's minutes in the period, at least one: by load, the earliest on ties.
std::set<Instant> BusiestMinutes(const std::map<Instant, Work>& load, int64_t minutes) {
  std::vector<std::pair<Work, Instant>> sorted;
  for (const auto& [start, work] : load) sorted.emplace_back(work, start);
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  const auto count = static_cast<size_t>(std::max<int64_t>(1, minutes / 100));
  std::set<Instant> busiest;
  for (size_t i = 0; i < std::min(count, sorted.size()); ++i) busiest.insert(sorted[i].second);
  return busiest;
}

size_t MinuteOf(const VirtualBroker& broker, Instant start) {
  return static_cast<size_t>((start - broker.world().begin).count() / Minutes(1).count());
}

/// Minutes of the traffic, a begun one whole.
size_t MinutesOf(Duration length) { return static_cast<size_t>(DivideRoundUp(length.count(), Minutes(1).count())); }

double PeakUtilisation(const std::vector<double>& load_nt_per_s, const Course& capacity, Duration length) {
  double peak = 0;
  for (size_t i = 0; i < load_nt_per_s.size(); ++i) {
    const Duration from = Minutes(static_cast<int64_t>(i));
    peak = std::max(peak, load_nt_per_s[i] * 1'000 / capacity.Mean(from, std::min(from + Minutes(1), length)));
  }
  return peak;
}

/// What the pool served; returns its busiest minutes.
std::set<Instant> FillPool(const VirtualBroker& broker, size_t index, RunFigures* figures) {
  const core::PoolState& pool = broker.pool(index);
  PoolFigures filled;
  filled.name = pool.settings().name;
  filled.capacity = pool.settings().terms.capacity;
  filled.load_nt_per_s.resize(MinutesOf(figures->length));
  std::map<Instant, Work> load;
  Work inside;  // the length of the traffic
  for (const auto& [key, window] : broker.engine().books().meters().windows()) {
    if (key.pool != pool.id()) continue;
    load[key.start] += window.work;
    filled.served += window.work;
    const size_t minute = MinuteOf(broker, key.start);
    if (minute >= filled.load_nt_per_s.size()) continue;
    inside += window.work;
    filled.load_nt_per_s[minute] += static_cast<double>(window.work.count()) / 1'000 / 60;
  }
  const Course capacity =
      CapacityCourse(broker.world().settings.pools[index].terms.capacity, broker.world().capacity_changes, index);
  const double seconds = static_cast<double>(figures->length.count()) / 1e9;
  filled.utilisation = static_cast<double>(inside.count()) / (capacity.Mean(Duration(), figures->length) * seconds);
  filled.peak_utilisation = PeakUtilisation(filled.load_nt_per_s, capacity, figures->length);
  figures->pools.push_back(std::move(filled));
  return BusiestMinutes(load, static_cast<int64_t>(MinutesOf(figures->length)));
}

/// Peaks and load factors, of all pools together. `busiest`: minutes of each pool.
void FillTenants(const VirtualBroker& broker, const std::map<PoolId, std::set<Instant>>& busiest, RunFigures* figures) {
  std::map<TenantId, TenantFigures*> of;
  for (TenantFigures& tenant : figures->tenants) of[IdOf(broker.engine().books(), tenant.name)] = &tenant;
  std::map<TenantId, std::map<Instant, Work>> load;
  for (const auto& [key, window] : broker.engine().books().meters().windows()) {
    load[key.tenant][key.start] += window.work;
    if (busiest.at(key.pool).contains(key.start)) of.at(key.tenant)->in_busiest += window.work;
  }
  const size_t minutes = MinutesOf(figures->length);
  for (const auto& [id, by_minute] : load) {
    TenantFigures& tenant = *of.at(id);
    Work inside;
    for (const auto& [start, work] : by_minute) {
      if (MinuteOf(broker, start) < minutes) inside += work;
      if (work <= tenant.peak) continue;
      tenant.peak = work;
      tenant.peak_at = start;
    }
    if (tenant.peak == Work::Zero()) continue;
    tenant.load_factor =
        static_cast<double>(inside.count()) / static_cast<double>(minutes) / static_cast<double>(tenant.peak.count());
  }
}

void Add(RunFigures* figures, std::string what, std::string expected, std::string found) {
  const bool holds = expected == found;
  figures->checks.push_back({std::move(what), std::move(expected), std::move(found), holds});
}

void SumBuckets(const ledger::Books& books, BooksTotals* totals) {
  for (const auto& [key, bucket] : books.meters().buckets()) {
    totals->requests += bucket.requests + bucket.unbilled_requests;
    totals->tokens = totals->tokens + bucket.tokens + bucket.unbilled_tokens;
    totals->work += bucket.work + bucket.unbilled_work;
  }
}

std::string Text(const TokenCounts& tokens) {
  std::string text;
  for (TokenKind kind : kAllTokenKinds) absl::StrAppend(&text, text.empty() ? "" : "/", tokens[kind].count());
  return text;
}

}  // namespace

void CloseRun(VirtualBroker& broker, Duration ran, RunFigures* figures) {
  figures->ran = ran;
  const Instant to = WholeHourAtOrAfter(broker.world().begin + ran);
  figures->billed = to - broker.world().begin;
  broker.RunUntil(to + ledger::kCloseAfter + Minutes(1) - broker.world().begin);
  figures->currency = broker.engine().tariff().tariff.currency;
  for (TenantFigures& tenant : figures->tenants) {
    const absl::Status closed = CloseOne(broker, to, &tenant);
    if (!closed.ok()) Add(figures, absl::StrCat("statement of ", tenant.name), "closed", std::string(closed.message()));
    figures->revenue += tenant.bill;
    for (size_t i = 0; i < tenant.by_component.size(); ++i) figures->by_component[i] += tenant.by_component[i];
  }
  std::map<PoolId, std::set<Instant>> busiest;
  for (size_t i = 0; i < broker.world().settings.pools.size(); ++i) {
    busiest[broker.pool(i).id()] = FillPool(broker, i, figures);
  }
  FillTenants(broker, busiest, figures);
  broker.RunUntil(broker.now());  // writes what is posted
  figures->head = broker.engine().ledger().head();
  figures->events = broker.events();
}

BooksTotals TotalsOf(const VirtualBroker& broker) {
  const ledger::Books& books = broker.engine().books();
  BooksTotals totals;
  SumBuckets(books, &totals);
  for (const auto& [key, window] : books.meters().windows()) totals.work_by_minute += window.work;
  for (const ledger::StatementRecord& statement : books.accounts().statements()) {
    totals.statements += statement.total;
    const ledger::Tariff& tariff = books.tariffs()[statement.tariff - 1].tariff;
    const ledger::StatementInput again =
        ledger::GatherStatement(books, statement.tenant, statement.from, statement.to, tariff);
    totals.rated_again += ledger::PreviewStatement(again, broker.engine().ledger().head()).bill.total;
  }
  for (const core::TenantSettings& tenant : broker.world().settings.tenants) {
    const TenantId id = IdOf(books, tenant.name);
    totals.receivable += books.BalanceOf(id).posted + books.BalanceOf(id).bought + books.accounts().AdjustmentOf(id);
  }
  totals.invariants = books.CheckInvariants();
  totals.open_grants = books.open_count();
  return totals;
}

void CheckConservation(const BooksTotals& books, RunFigures* figures) {
  const Counts& counts = figures->counts;
  Add(figures, "requests: came = finished + refused + failed", absl::StrCat(counts.came), absl::StrCat(counts.ended()));
  Add(figures, "requests: finished = metered", absl::StrCat(counts.finished), absl::StrCat(books.requests));
  Add(figures, "tokens by kind: finished = metered", Text(counts.tokens), Text(books.tokens));
  Add(figures, "work (milli-nt): tokens x burndown = hour buckets", absl::StrCat(counts.work.count()),
      absl::StrCat(books.work.count()));
  Add(figures, "work (milli-nt): hour buckets = minutes", absl::StrCat(books.work.count()),
      absl::StrCat(books.work_by_minute.count()));
  Add(figures, "money: sum of bills = sum of statements", figures->revenue.ToDecimal(), books.statements.ToDecimal());
  Add(figures, "money: sum of statements = meters x tariff, rated again", books.statements.ToDecimal(),
      books.rated_again.ToDecimal());
  Add(figures, "money: sum of statements = what was posted to receivables", books.statements.ToDecimal(),
      books.receivable.ToDecimal());
  Add(figures, "books: debits = credits, charges = tokens x pinned prices", "ok",
      books.invariants.ok() ? "ok" : books.invariants.ToString());
  Add(figures, "grants: all ended", "0", absl::StrCat(books.open_grants));
}

}  // namespace penstock::sim
