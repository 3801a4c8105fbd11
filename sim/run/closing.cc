#include "sim/run/closing.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"
#include "ledger/statement.h"

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
  if (!std::holds_alternative<core::StatementClosed>(outcome)) return absl::InternalError("the books changed meanwhile");
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
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  const auto count = static_cast<size_t>(std::max<int64_t>(1, minutes / 100));
  std::set<Instant> busiest;
  for (size_t i = 0; i < std::min(count, sorted.size()); ++i) busiest.insert(sorted[i].second);
  return busiest;
}

/// Capacity x time, as it changed.
double CapacityTime(const VirtualBroker& broker, size_t pool, Duration length) {
  double sum = 0;
  Duration since;
  double capacity = static_cast<double>(broker.world().settings.pools[pool].terms.capacity.count());
  std::vector<CapacityChange> changes = broker.world().capacity_changes;
  std::stable_sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  for (const CapacityChange& change : changes) {
    if (change.pool != pool || change.at >= length) continue;
    sum += capacity * static_cast<double>((change.at - since).count()) / 1e9;
    since = change.at;
    capacity = static_cast<double>(change.capacity.count());
  }
  return sum + capacity * static_cast<double>((length - since).count()) / 1e9;
}

void FillPool(const VirtualBroker& broker, size_t index, RunFigures* figures) {
  const core::PoolState& pool = broker.pool(index);
  PoolFigures filled;
  filled.name = pool.settings().name;
  filled.capacity = pool.settings().terms.capacity;
  filled.fleet_busy = broker.fleet(index).BusyFraction();
  const int64_t minutes = (figures->length.count() + Minutes(1).count() - 1) / Minutes(1).count();
  filled.load_nt_per_s.resize(static_cast<size_t>(minutes));
  std::map<Instant, Work> load;
  Work inside;  // the length of the traffic
  for (const auto& [key, window] : broker.engine().books().meters().windows()) {
    if (key.pool != pool.id()) continue;
    load[key.start] += window.work;
    filled.served += window.work;
    const auto minute = static_cast<size_t>((key.start - broker.world().begin).count() / Minutes(1).count());
    if (minute >= filled.load_nt_per_s.size()) continue;
    inside += window.work;
    filled.load_nt_per_s[minute] += static_cast<double>(window.work.count()) / 1'000 / 60;
  }
  filled.utilisation = static_cast<double>(inside.count()) / CapacityTime(broker, index, figures->length);
  const double peak = load.empty() ? 0 : *std::max_element(filled.load_nt_per_s.begin(), filled.load_nt_per_s.end());
  const auto capacity = static_cast<double>(broker.world().settings.pools[index].terms.capacity.count());
  filled.peak_utilisation = peak * 1'000 / capacity;

  const std::set<Instant> busiest = BusiestMinutes(load, minutes);
  std::map<TenantId, std::map<Instant, Work>> by_tenant;
  for (const auto& [key, window] : broker.engine().books().meters().windows()) {
    if (key.pool == pool.id()) by_tenant[key.tenant][key.start] += window.work;
  }
  for (TenantFigures& tenant : figures->tenants) {
    Work total;
    for (const auto& [start, work] : by_tenant[IdOf(broker.engine().books(), tenant.name)]) {
      total += work;
      if (busiest.contains(start)) tenant.in_busiest += work;
      if (work > tenant.peak) {
        tenant.peak = work;
        tenant.peak_at = start;
      }
    }
    if (tenant.peak > Work::Zero() && index == 0) {
      tenant.load_factor =
          static_cast<double>(total.count()) / static_cast<double>(minutes) / static_cast<double>(tenant.peak.count());
    }
  }
  figures->pools.push_back(std::move(filled));
}

void Add(RunFigures* figures, std::string what, std::string expected, std::string found) {
  const bool holds = expected == found;
  figures->checks.push_back({std::move(what), std::move(expected), std::move(found), holds});
}

struct Metered {
  int64_t requests = 0;
  TokenCounts tokens;
  Work work;
  Money charge;
};

Metered SumOfBuckets(const ledger::Books& books) {
  Metered sum;
  for (const auto& [key, bucket] : books.meters().buckets()) {
    sum.requests += bucket.requests + bucket.unbilled_requests;
    sum.tokens = sum.tokens + bucket.tokens + bucket.unbilled_tokens;
    sum.work += bucket.work + bucket.unbilled_work;
    sum.charge += bucket.charge;
  }
  return sum;
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
  broker.RunUntil(to + ledger::kCloseAfter + Minutes(1) - broker.world().begin);
  figures->currency = broker.engine().tariff().tariff.currency;
  for (TenantFigures& tenant : figures->tenants) {
    const absl::Status closed = CloseOne(broker, to, &tenant);
    if (!closed.ok()) Add(figures, absl::StrCat("statement of ", tenant.name), "closed", std::string(closed.message()));
    figures->revenue += tenant.bill;
    for (size_t i = 0; i < tenant.by_component.size(); ++i) figures->by_component[i] += tenant.by_component[i];
  }
  for (size_t i = 0; i < broker.world().settings.pools.size(); ++i) FillPool(broker, i, figures);
  broker.RunUntil(broker.now());  // writes what is posted
  figures->head = broker.engine().ledger().head();
  figures->events = broker.events();
}

void CheckConservation(const VirtualBroker& broker, RunFigures* figures) {
  const ledger::Books& books = broker.engine().books();
  const Metered metered = SumOfBuckets(books);
  const Counts& counts = figures->counts;
  Add(figures, "requests: came = finished + refused + failed", absl::StrCat(counts.came), absl::StrCat(counts.ended()));
  Add(figures, "requests: finished = metered", absl::StrCat(counts.finished), absl::StrCat(metered.requests));
  Add(figures, "tokens by kind: finished = metered", Text(counts.tokens), Text(metered.tokens));
  Add(figures, "work (milli-nt): tokens x burndown = hour buckets", absl::StrCat(counts.work.count()),
      absl::StrCat(metered.work.count()));
  Work windows;
  for (const auto& [key, window] : books.meters().windows()) windows += window.work;
  Add(figures, "work (milli-nt): hour buckets = minutes", absl::StrCat(metered.work.count()),
      absl::StrCat(windows.count()));

  Money bills;
  Money receivable;
  Money rated;
  for (const ledger::StatementRecord& statement : books.accounts().statements()) {
    bills += statement.total;
    const ledger::Tariff& tariff = books.tariffs()[statement.tariff - 1].tariff;
    const ledger::StatementInput again =
        ledger::GatherStatement(books, statement.tenant, statement.from, statement.to, tariff);
    rated += ledger::PreviewStatement(again, figures->head).bill.total;
  }
  for (const TenantFigures& tenant : figures->tenants) {
    const TenantId id = IdOf(books, tenant.name);
    receivable += books.BalanceOf(id).posted + books.BalanceOf(id).bought + books.accounts().AdjustmentOf(id);
  }
  Add(figures, "money: sum of bills = sum of statements", figures->revenue.ToDecimal(), bills.ToDecimal());
  Add(figures, "money: sum of statements = meters x tariff, rated again", bills.ToDecimal(), rated.ToDecimal());
  Add(figures, "money: sum of statements = what was posted to receivables", bills.ToDecimal(), receivable.ToDecimal());
  const absl::Status sums = books.CheckInvariants();
  Add(figures, "books: debits = credits, charges = tokens x pinned prices", "ok", sums.ok() ? "ok" : sums.ToString());
  Add(figures, "grants: all ended", "0", absl::StrCat(books.open_count()));
}

}  // namespace penstock::sim
