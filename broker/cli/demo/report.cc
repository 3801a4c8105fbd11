#include "broker/cli/demo/report.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>

#include "broker/cli/bill_table.h"
#include "broker/cli/demo/phrases.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "ledger/money.h"

namespace penstock::cli::demo {
namespace {

using Align = Table::Align;
using ledger::Money;

constexpr int64_t kMedian = 500'000;
constexpr int64_t kP99 = 990'000;

std::string Wait(const Tally& tally, int64_t quantile) {
  return tally.admitted == 0 ? "-" : Spent(tally.wait.Quantile(quantile));
}

std::string Heading(const std::string& title, bool colour) {
  return colour ? absl::StrCat("\n\x1b[1m", title, "\x1b[0m\n\n") : absl::StrCat("\n", title, "\n\n");
}

std::string Why(const Tally& tally) {
  std::string text = Reasons(tally.reasons);
  if (tally.cancelled > 0) absl::StrAppend(&text, text.empty() ? "" : ", ", "left ", Grouped(tally.cancelled));
  if (tally.failed > 0) absl::StrAppend(&text, text.empty() ? "" : ", ", "errors ", Grouped(tally.failed));
  return text;
}

// Offers and refusals count where a tenant's requests ask, admissions and waits where they are served.
void AddTier(const std::string& served, const Tally& tally, Table* table) {
  const bool asked_for = tally.offered > 0;
  table->AddRow({"all", served, asked_for ? Grouped(tally.offered) : "", Grouped(tally.admitted), "",
                 Wait(tally, kMedian), Wait(tally, kP99), asked_for ? Percent(tally.refused(), tally.offered) : "",
                 Why(tally)});
}

std::string RenderDecisions(const Figures& figures, const Setup& setup, bool colour) {
  Table table({{"tenant"},
               {"tier"},
               {"offered", Align::kRight},
               {"admitted", Align::kRight},
               {"spillover", Align::kRight},
               {"wait p50", Align::kRight},
               {"wait p99", Align::kRight},
               {"refused", Align::kRight},
               {"why"}});
  for (size_t i = 0; i < setup.tenants.size(); ++i) {
    const Tenant& tenant = setup.tenants[i];
    const Tally& tally = figures.by_tenant[i];
    const bool reserved = tenant.tier == Tier::kReserved;
    const std::string asks = tenant.asks ? absl::StrCat(" ", std::string(Name(*tenant.asks))) : "";
    table.AddRow({tenant.name, std::string(Name(tenant.tier)) + asks, Grouped(tally.offered), Grouped(tally.admitted),
                  reserved ? Grouped(tally.spillover) : "", Wait(tally, kMedian), Wait(tally, kP99),
                  Percent(tally.refused(), tally.offered), Why(tally)});
  }
  table.AddRule();
  AddTier("inside contract", figures.row(Row::kReserved), &table);
  AddTier("as spillover", figures.row(Row::kSpillover), &table);
  AddTier("elastic", figures.row(Row::kElastic), &table);
  AddTier("free", figures.row(Row::kFree), &table);
  return table.Render(colour);
}

Money SumOf(const v1::Statement& statement, bool demand) {
  Money sum;
  for (const v1::StatementLine& line : statement.lines()) {
    if (line.has_demand() == demand) sum += Money::FromDecimal(line.amount()).value_or(Money());
  }
  return sum;
}

std::string RenderMeters(const Outcome& outcome, const Setup& setup, bool colour) {
  Table table({{"tenant"},
               {"input", Align::kRight},
               {"cached", Align::kRight},
               {"output", Align::kRight},
               {"reasoning", Align::kRight},
               {"peak nt/s", Align::kRight},
               {"token charge", Align::kRight},
               {"demand charge", Align::kRight},
               {"bill " + setup.settings.tariff.currency, Align::kRight}});
  for (size_t i = 0; i < setup.tenants.size(); ++i) {
    const Account& account = outcome.books.accounts.at(i);
    const auto tokens = [&](TokenKind kind) { return Grouped(account.tokens[kind].count()); };
    table.AddRow({setup.tenants[i].name, tokens(TokenKind::kInput), tokens(TokenKind::kCachedInput),
                  tokens(TokenKind::kOutput), tokens(TokenKind::kReasoning), WholeNt(account.highest_second_milli_nt),
                  SumOf(account.statement, false).ToDecimal(), SumOf(account.statement, true).ToDecimal(),
                  account.statement.total()});
  }
  return table.Render(colour);
}

void AddLine(const std::string& tenant, const v1::StatementLine& line, Table* table) {
  table->AddRow({tenant, line.description(), QuantityCell(line), "x " + UnitPriceCell(line), line.amount()});
}

std::string RenderBills(const Outcome& outcome, const Setup& setup, bool colour) {
  const std::vector<Account>& accounts = outcome.books.accounts;
  Table table({{"tenant"},
               {"charge"},
               {"quantity", Align::kRight},
               {"unit price", Align::kRight},
               {setup.settings.tariff.currency, Align::kRight}});
  std::string faults;
  for (size_t i = 0; i < accounts.size(); ++i) {
    const v1::Statement& statement = accounts[i].statement;
    for (const v1::StatementLine& line : statement.lines()) AddLine(setup.tenants[i].name, line, &table);
    table.AddRule();
    table.AddRow({setup.tenants[i].name, "total", "", "", statement.total()}, Table::Emphasis::kStrong);
    if (i + 1 < accounts.size()) table.AddRow({});
    if (!accounts[i].arithmetic_fault.empty()) {
      absl::StrAppend(&faults, statement.tenant(), " does not add up: ", accounts[i].arithmetic_fault, "\n");
    }
  }
  const std::string checked =
      "Recomputed here to the last digit: quantity x unit price = amount, and the amounts add up to every total. "
      "Provisional statements under tariff " +
      setup.settings.tariff.version + "; free work sets no peak.";
  return table.Render(colour) + "\n" + (faults.empty() ? Wrapped(checked) : faults);
}

std::string RenderCalls(const Figures& figures) {
  const auto quantiles = [](const planning::LatencyHistogram& histogram) {
    return absl::StrFormat("p50 %s, p99 %s", Spent(histogram.Quantile(kMedian)), Spent(histogram.Quantile(kP99)));
  };
  std::string text = absl::StrCat("Admit    ", quantiles(figures.admit), "  round trip less the wait in line; with it ",
                                  quantiles(figures.admit_total), "\nComplete ", quantiles(figures.complete),
                                  "  answered once it is on disk (fsync)\n");
  for (const auto& [name, count] : figures.errors) absl::StrAppend(&text, "Errors   ", name, " ", count, "\n");
  if (!figures.errors.empty()) absl::StrAppend(&text, "         first: ", WithoutControls(figures.first_error), "\n");
  return text;
}

std::string RenderLedger(const Outcome& outcome) {
  const std::string entries = Grouped(absl::StrCat(outcome.books.entries));
  if (!outcome.verified) return "Ledger NOT verified: " + WithoutControls(outcome.verification_fault) + "\n";
  std::string text =
      absl::StrCat("Ledger verified: ", entries,
                   " entries read back from disk, chain and every charge recomputed, head\n", outcome.books.head, "\n");
  if (!outcome.kept_in.empty()) {
    absl::StrAppend(&text, "Kept in ", outcome.kept_in, ": penstock ledger verify --data ", outcome.kept_in, "\n");
  }
  return text;
}

std::string RenderPool(const Outcome& outcome, const core::PoolSettings& pool) {
  const Figures& figures = outcome.played.figures;
  const Int128 could = Int128{pool.terms.capacity.count()} * figures.until_last_arrival.count() / Seconds(1).count();
  return absl::StrCat("Pool ", pool.name, ": ", WholeNt(pool.terms.capacity.count()), " nt/s, ",
                      Percent(figures.delivered_by_last_arrival.count(), CheckedNarrow(could)),
                      " used while traffic came, ", WholeNt(figures.all_throughput.peak_milli_nt_per_second()),
                      " nt/s in the busiest second, at most ", Grouped(outcome.played.pool.most_waiting),
                      " in line.\n");
}

}  // namespace

std::string SentenceThatMatters(const Outcome& outcome, const Setup& setup) {
  const Figures& figures = outcome.played.figures;
  const auto reserved = std::find_if(setup.tenants.begin(), setup.tenants.end(),
                                     [](const Tenant& tenant) { return tenant.tier == Tier::kReserved; });
  if (reserved == setup.tenants.end()) return "No tenant holds a reservation.";
  const Tally& theirs = figures.by_tenant[static_cast<size_t>(reserved - setup.tenants.begin())];
  const Tally& free = figures.row(Row::kFree);
  return absl::StrCat(reserved->name, " (reserved) waited ", Wait(theirs, kP99), " at p99, ",
                      Wait(figures.row(Row::kReserved), kP99), " inside its reservation, while free traffic waited ",
                      Wait(free, kP99), " at p99 and ", Percent(free.refused(), free.offered),
                      " of it was refused; the pool's stated reclaim bound was ",
                      Spent(outcome.played.pool.largest_reclaim_bound.count()), " at most.");
}

std::string RenderReport(const Outcome& outcome, const Setup& setup, const Options& options, bool colour) {
  const Figures& figures = outcome.played.figures;
  const std::string sentence = SentenceThatMatters(outcome, setup);
  return absl::StrCat(Heading(absl::StrCat("What was decided", figures.interrupted ? " (interrupted)" : ""), colour),
                      RenderDecisions(figures, setup, colour), "\n", RenderPool(outcome, setup.settings.pools.at(0)),
                      Heading("Two meters: tokens by kind, and the peak", colour), RenderMeters(outcome, setup, colour),
                      Heading("Bills", colour), RenderBills(outcome, setup, colour),
                      Heading("Calls, as the client saw them", colour), RenderCalls(figures), Heading("Ledger", colour),
                      RenderLedger(outcome), Heading("What this was", colour), Wrapped(setup.attribution),
                      Wrapped(setup.hardware), Wrapped(setup.assumptions),
                      Wrapped(absl::StrCat("Seed ", options.seed,
                                           " gives the same arrivals again; waits and latencies "
                                           "are real time on this machine and differ.")),
                      Heading("The sentence that matters", colour), Wrapped(sentence));
}

}  // namespace penstock::cli::demo
