#include "sim/commands/run_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/cli/table.h"
#include "sim/commands/figures_text.h"
#include "sim/run/fleet_cost.h"

namespace penstock::sim {
namespace {

using cli::Table;
using nlohmann::ordered_json;
using Align = Table::Align;

std::string HeadOf(const Run& run) {
  const auto& hash = run.figures.head.hash;
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(hash.data()), hash.size()));
}

std::string Days(Duration d) { return SecondsText(static_cast<double>(d.count()) / 1e9); }

std::string WarmUpText(const RunView& view) {
  const double left_out = view.summary.warm_up_s.mean;
  return absl::StrCat(left_out > 0 ? absl::StrCat("the first ", SecondsText(left_out)) : "nothing",
                      view.scenario.warm_up ? "" : " (MSER-5)");
}

std::string Heading(const RunView& view) {
  std::string text = absl::StrCat(view.scenario.name, ": ", Days(view.scenario.length), " of traffic, ",
                                  view.seeds.size(), view.seeds.size() == 1 ? " seed" : " seeds");
  for (const FleetPlan& fleet : view.scenario.fleets) absl::StrAppend(&text, "; ", fleet.description);
  absl::StrAppend(&text, "\ntariff ", view.scenario.settings.tariff.version,
                  "; what it charges by the month is taken for ", Days(view.scenario.length),
                  " of 30 days; times leave out ", WarmUpText(view), "\n\n");
  return text;
}

std::string RenderClasses(const Summary& summary, bool colour) {
  Table table({{"served as"},
               {"came", Align::kRight},
               {"finished", Align::kRight},
               {"yours", Align::kRight},
               {"pool", Align::kRight},
               {"wait mean", Align::kRight},
               {"p99", Align::kRight},
               {"first token p50", Align::kRight},
               {"p99", Align::kRight},
               {"ms a token", Align::kRight}});
  for (const ClassSummary& row : summary.classes) {
    table.AddRow({std::string(Name(row.served)), Grouped(row.came.mean, 0), Grouped(row.finished.mean, 0),
                  Grouped(row.refused_yours.mean, 0), Grouped(row.refused_pool.mean, 0),
                  SecondsText(row.wait_mean_s), SecondsText(row.wait_p99_s), SecondsText(row.first_token_p50_s),
                  SecondsText(row.first_token_p99_s), WithInterval(row.per_output_token_ms, 1)});
  }
  return table.Render(colour);
}

std::vector<size_t> ByBill(const Summary& summary) {
  std::vector<size_t> order(summary.tenants.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return summary.tenants[a].bill.mean > summary.tenants[b].bill.mean; });
  return order;
}

std::string RenderTenants(const RunView& view, size_t most, bool colour) {
  Table table({{"tenant"},
               {"tier"},
               {"came", Align::kRight},
               {"refused", Align::kRight},
               {"in time", Align::kRight},
               {"wait p99", Align::kRight},
               {"peak nt/s", Align::kRight},
               {"load factor", Align::kRight},
               {"of the peak", Align::kRight},
               {absl::StrCat("bill, ", view.runs.front().figures.currency), Align::kRight}});
  const std::vector<size_t> order = ByBill(view.summary);
  for (size_t i = 0; i < std::min(most, order.size()); ++i) {
    const TenantSummary& row = view.summary.tenants[order[i]];
    table.AddRow({row.name, std::string(Name(row.tier)), Grouped(row.came.mean, 0), Grouped(row.refused.mean, 0),
                  Percent(row.in_time, 1), SecondsText(row.wait_p99_s), Grouped(row.peak_nt_per_s.mean, 0),
                  Grouped(row.load_factor.mean, 2), Percent(row.peak_share, 1), WithInterval(row.bill, 4)});
  }
  std::string text = table.Render(colour);
  if (order.size() > most) {
    const size_t left = order.size() - most;
    absl::StrAppend(&text, "and ", left, left == 1 ? " more tenant" : " more tenants", " (--tenants ", order.size(),
                    ", or -o json)\n");
  }
  return text;
}

std::string RenderMoney(const RunView& view) {
  const Summary& summary = view.summary;
  std::string text = absl::StrCat("revenue ", WithInterval(summary.revenue, 4), " ", view.runs.front().figures.currency,
                                  " in ", Days(view.scenario.length));
  std::string parts;
  for (size_t i = 0; i < summary.by_component.size(); ++i) {
    if (summary.by_component[i].mean == 0) continue;
    absl::StrAppend(&parts, parts.empty() ? ": " : ", ", std::string(ledger::rating::kLineKindNames[i]), " ",
                    Grouped(summary.by_component[i].mean, 4));
  }
  absl::StrAppend(&text, parts, "\n");
  const double cost = FleetCostFor(view.scenario, view.scenario.length);
  if (cost <= 0) return text;
  Estimate left = summary.revenue;
  left.mean -= cost;
  return absl::StrCat(text, "the fleet costs ", Grouped(cost, 4), "; revenue less that is ", WithInterval(left, 4),
                      "\n");
}

std::string RenderPools(const RunView& view) {
  std::string text;
  for (size_t i = 0; i < view.summary.pools.size(); ++i) {
    const PoolSummary& pool = view.summary.pools[i];
    absl::StrAppend(&text, "pool ", pool.name, ": ", Percent(pool.utilisation, 1), " of its capacity used, ",
                    Percent(pool.peak_utilisation, 1), " in its busiest minute; fleet busy ",
                    Percent(pool.fleet_busy, 1));
    const double joules = view.scenario.fleets[i].joules_per_nt;
    if (joules > 0) absl::StrAppend(&text, "; ", Short(1 / joules), " nt/s per watt");
    absl::StrAppend(&text, "\n");
  }
  absl::StrAppend(&text, "paying requests that waited ", Days(view.scenario.target_wait),
                  " at most, or flex: ", Percent(view.summary.in_time, 2), "\n");
  return text;
}

std::string RenderChecks(const RunView& view) {
  size_t checks = 0;
  std::string broken;
  for (size_t i = 0; i < view.runs.size(); ++i) {
    for (const Check& check : view.runs[i].figures.checks) {
      ++checks;
      if (check.holds) continue;
      absl::StrAppend(&broken, "DOES NOT HOLD (seed ", view.seeds[i], "): ", check.what, ": expected ", check.expected,
                      ", found ", check.found, "\n");
    }
  }
  std::string text = broken;
  if (broken.empty()) {
    absl::StrAppend(&text, "conservation of requests, tokens, work and money: all ", checks, " checks hold\n");
  }
  for (size_t i = 0; i < view.runs.size(); ++i) {
    absl::StrAppend(&text, "seed ", view.seeds[i], ": journal ", view.runs[i].figures.head.sequence, " entries, head ",
                    HeadOf(view.runs[i]).substr(0, 16), "\n");
  }
  return text;
}

// ---- JSON.

ordered_json Json(const Estimate& estimate) {
  ordered_json json{{"mean", estimate.mean}};
  if (estimate.count > 1) json["half_width"] = estimate.half_width;
  return json;
}

ordered_json Json(const ClassSummary& row) {
  return {{"served_as", std::string(Name(row.served))},
          {"came", Json(row.came)},
          {"finished", Json(row.finished)},
          {"refused_yours", Json(row.refused_yours)},
          {"refused_pool", Json(row.refused_pool)},
          {"wait_mean_s", Json(row.wait_mean_s)},
          {"wait_p50_s", Json(row.wait_p50_s)},
          {"wait_p99_s", Json(row.wait_p99_s)},
          {"first_token_p50_s", Json(row.first_token_p50_s)},
          {"first_token_p99_s", Json(row.first_token_p99_s)},
          {"per_output_token_ms", Json(row.per_output_token_ms)},
          {"latency_p99_s", Json(row.latency_p99_s)}};
}

ordered_json Json(const TenantSummary& row) {
  ordered_json json{{"name", row.name},
                    {"tier", std::string(Name(row.tier))},
                    {"came", Json(row.came)},
                    {"finished", Json(row.finished)},
                    {"refused", Json(row.refused)},
                    {"in_time", Json(row.in_time)},
                    {"wait_mean_s", Json(row.wait_mean_s)}};
  if (row.wait_p99_s.mean >= 0) json["wait_p99_s"] = Json(row.wait_p99_s);
  json["peak_nt_per_s"] = Json(row.peak_nt_per_s);
  json["load_factor"] = Json(row.load_factor);
  json["peak_share"] = Json(row.peak_share);
  json["bill"] = Json(row.bill);
  return json;
}

ordered_json OneRun(uint64_t seed, const Run& run) {
  ordered_json bills = ordered_json::object();
  for (const TenantFigures& tenant : run.figures.tenants) bills[tenant.name] = tenant.bill.ToDecimal();
  ordered_json checks = ordered_json::array();
  for (const Check& check : run.figures.checks) {
    checks.push_back(
        {{"what", check.what}, {"expected", check.expected}, {"found", check.found}, {"holds", check.holds}});
  }
  return {{"seed", seed},
          {"revenue", run.figures.revenue.ToDecimal()},
          {"bills", bills},
          {"checks", checks},
          {"events", run.figures.events},
          {"journal", {{"entries", run.figures.head.sequence}, {"head", HeadOf(run)}}}};
}

}  // namespace

std::string RenderRun(const RunView& view, size_t most_tenants, bool colour) {
  std::string text = Heading(view);
  absl::StrAppend(&text, RenderClasses(view.summary, colour),
                  "yours, pool: refused for good, by a limit of the tenant's own or because the pool was full\n\n",
                  RenderTenants(view, most_tenants, colour), "\n");
  absl::StrAppend(&text, RenderMoney(view), RenderPools(view), RenderChecks(view));
  if (view.seeds.size() > 1) absl::StrAppend(&text, "± is the 95 % interval over seeds\n");
  if (!view.scenario.attribution.empty()) absl::StrAppend(&text, view.scenario.attribution, "\n");
  return text;
}

std::string RunJson(const RunView& view) {
  const Summary& summary = view.summary;
  ordered_json json{{"scenario", view.scenario.name},
                    {"tariff", view.scenario.settings.tariff.version},
                    {"currency", view.runs.front().figures.currency},
                    {"length_s", static_cast<double>(view.scenario.length.count()) / 1e9},
                    {"confidence", kConfidence},
                    {"replications", summary.replications},
                    {"warm_up_s", Json(summary.warm_up_s)},
                    {"came", Json(summary.came)},
                    {"finished", Json(summary.finished)},
                    {"refused_yours", Json(summary.refused_yours)},
                    {"refused_pool", Json(summary.refused_pool)},
                    {"tokens", Json(summary.tokens)},
                    {"in_time", Json(summary.in_time)},
                    {"revenue", Json(summary.revenue)},
                    {"fleet_cost", FleetCostFor(view.scenario, view.scenario.length)}};
  ordered_json components = ordered_json::object();
  for (size_t i = 0; i < summary.by_component.size(); ++i) {
    if (summary.by_component[i].mean != 0) {
      components[std::string(ledger::rating::kLineKindNames[i])] = Json(summary.by_component[i]);
    }
  }
  json["revenue_by_component"] = components;
  json["pools"] = ordered_json::array();
  for (const PoolSummary& pool : summary.pools) {
    json["pools"].push_back({{"name", pool.name},
                             {"utilisation", Json(pool.utilisation)},
                             {"peak_utilisation", Json(pool.peak_utilisation)},
                             {"fleet_busy", Json(pool.fleet_busy)},
                             {"served_nt_per_s", Json(pool.served_nt_per_s)}});
  }
  json["classes"] = ordered_json::array();
  for (const ClassSummary& row : summary.classes) json["classes"].push_back(Json(row));
  json["tenants"] = ordered_json::array();
  for (const TenantSummary& row : summary.tenants) json["tenants"].push_back(Json(row));
  json["runs"] = ordered_json::array();
  for (size_t i = 0; i < view.runs.size(); ++i) json["runs"].push_back(OneRun(view.seeds[i], view.runs[i]));
  return json.dump(2) + "\n";
}

}  // namespace penstock::sim
