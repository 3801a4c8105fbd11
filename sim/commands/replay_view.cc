#include "sim/commands/replay_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "broker/cli/answer_json.h"
#include "broker/cli/table.h"
#include "broker/config/moment.h"
#include "sim/replay/play.h"

namespace penstock::sim {
namespace {

using cli::Sheet;
using cli::Table;
using Json = nlohmann::ordered_json;

constexpr const char* kDurations =
    "requests take the time that was measured then, whatever runs beside them: with another capacity nothing better is "
    "known";

std::string Seconds3(int64_t nanoseconds) { return absl::StrFormat("%.3f", static_cast<double>(nanoseconds) / 1e9); }

/// What is compared, as columns.
std::vector<std::pair<std::string, const RunFigures*>> ColumnsOf(const Played& played) {
  std::vector<std::pair<std::string, const RunFigures*>> columns = {{"log", &played.then}, {"same", &played.same}};
  if (played.other) columns.emplace_back("changed", &*played.other);
  return columns;
}

std::string ReasonName(size_t reason) {
  constexpr std::string_view kRefused = "refused: ";
  // The place of Refused in core::Outcome.
  std::string text = arrivals::Describe({.outcome = 2, .reason = static_cast<uint8_t>(reason), .digest = 0});
  return text.starts_with(kRefused) ? text.substr(kRefused.size()) : text;
}

void AddVerdict(const arrivals::Replayed& replayed, Sheet& sheet) {
  sheet.Add("epoch", absl::StrCat(replayed.epoch));
  sheet.Add("commands", absl::StrCat(replayed.commands, ", ", replayed.admits, " of them Admit"));
  if (!replayed.from_the_beginning) {
    sheet.Add("decisions", "cannot be reproduced: the beginning of this boot's log was dropped to keep its bound");
  } else if (const auto& first = replayed.difference) {
    sheet.Add("decisions", absl::StrCat(replayed.decisions, " equal, then one came out otherwise"));
    sheet.Add("first difference", absl::StrCat("command ", first->command, " (", first->asked, ")"));
    sheet.Add("decided then", first->then);
    sheet.Add("decided now", first->now);
  } else {
    sheet.Add("decisions", absl::StrCat(replayed.decisions, " of ", replayed.decisions, " decisions equal, journal ",
                                        replayed.other_head ? "differs: " + *replayed.other_head : "equal"));
  }
  if (replayed.cut_bytes > 0) sheet.Add("torn", absl::StrCat(replayed.cut_bytes, " bytes at the end, left out"));
}

std::string LeftOut(const Recording& recording) {
  std::string text;
  for (const auto& [what, count] : recording.left_out) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", what, " ", count);
  }
  return text.empty() ? "nothing" : text;
}

bool AllHold(const Played& played) { return played.same.Holds() && (!played.other || played.other->Holds()); }

void AddProvenance(const Played& played, Sheet& sheet) {
  const Recording& recording = played.recording;
  sheet.Add("from", config::FormatInstant(recording.begin));
  sheet.Add("to", config::FormatInstant(recording.end));
  sheet.Add("requests", absl::StrCat(recording.requests.size(), " in ", recording.tries.size(), " answered Admits"));
  sheet.Add("assumed",
            absl::StrCat(played.outcomes.assumed(), " without an end in the log: median tokens and times of ",
                         "their tenant (", played.outcomes.as_tenant, "), pool (", played.outcomes.as_pool, "), all (",
                         played.outcomes.as_all, ")"));
  sheet.Add("left out", LeftOut(recording));
  if (recording.has_past) sheet.Add("not there", "what earlier boots charged, held, bought and learnt");
  sheet.Add("durations", kDurations);
  sheet.Add("tariff", played.old_tariff + (played.new_tariff == played.old_tariff ? "" : " -> " + played.new_tariff));
  sheet.Add("conserved", AllHold(played) ? "yes: requests, tokens, work and money" : "NO");
}

Table DecisionTable(const Played& played) {
  const auto figures = ColumnsOf(played);
  std::vector<Table::Column> titles = {{"requests"}};
  for (const auto& [title, of] : figures) titles.push_back({title, Table::Align::kRight});
  Table table(titles);
  const auto add = [&](std::string what, const auto& count) {
    std::vector<std::string> cells = {std::move(what)};
    for (const auto& [title, of] : figures) cells.push_back(absl::StrCat(count(*of)));
    table.AddRow(std::move(cells));
  };
  add("came", [](const RunFigures& f) { return f.counts.came; });
  add("granted", [](const RunFigures& f) { return GrantedIn(f); });
  add("refused for good, own limit", [](const RunFigures& f) { return f.counts.refused_yours; });
  add("refused for good, pool", [](const RunFigures& f) { return f.counts.refused_pool; });
  for (size_t reason = 0; reason < kRefusalReasonCount; ++reason) {
    const auto count = [reason](const RunFigures& f) { return f.counts.refusals[reason]; };
    const bool any = std::any_of(figures.begin(), figures.end(), [&](const auto& f) { return count(*f.second) > 0; });
    if (any) add("  tries: " + ReasonName(reason), count);
  }
  return table;
}

Table ClassTable(const Played& played) {
  Table table({{"class"},
               {""},
               {"came", Table::Align::kRight},
               {"refused", Table::Align::kRight},
               {"granted", Table::Align::kRight},
               {"wait p50 s", Table::Align::kRight},
               {"p90", Table::Align::kRight},
               {"p99", Table::Align::kRight}});
  const auto figures = ColumnsOf(played);
  for (size_t c = 0; c < kServiceClassCount; ++c) {
    const bool any = std::any_of(figures.begin(), figures.end(), [c](const auto& f) {
      return f.second->classes[c].counts.came > 0 || f.second->classes[c].times.wait.count() > 0;
    });
    if (!any) continue;
    std::string name(kServiceClassNames[c]);
    for (const auto& [title, of] : figures) {
      const Counts& counts = of->classes[c].counts;
      const planning::LatencyHistogram& wait = of->classes[c].times.wait;
      table.AddRow({std::exchange(name, ""), title, absl::StrCat(counts.came),
                    absl::StrCat(counts.refused_yours + counts.refused_pool), absl::StrCat(wait.count()),
                    Seconds3(wait.Quantile(500'000)), Seconds3(wait.Quantile(900'000)),
                    Seconds3(wait.Quantile(990'000))});
    }
  }
  return table;
}

/// A tenant's bill under the terms of then and under the others.
struct BillChange {
  std::string tenant;
  ledger::Money same;
  ledger::Money other;

  ledger::Money difference() const { return other - same; }
  ledger::Money size() const { return difference() < ledger::Money() ? same - other : difference(); }
};

/// The largest changes first, then by name.
std::vector<BillChange> BillChanges(const Played& played) {
  std::vector<BillChange> changes;
  for (size_t i = 0; i < played.same.tenants.size(); ++i) {
    const TenantFigures& same = played.same.tenants[i];
    changes.push_back({same.name, same.bill, played.other ? played.other->tenants[i].bill : same.bill});
  }
  std::sort(changes.begin(), changes.end(), [](const BillChange& a, const BillChange& b) {
    return a.size() != b.size() ? a.size() > b.size() : a.tenant < b.tenant;
  });
  return changes;
}

Table BillTable(const Played& played, size_t most) {
  Table table({{"bill, " + played.same.currency},
               {"same", Table::Align::kPoint},
               {"changed", Table::Align::kPoint},
               {"difference", Table::Align::kPoint}});
  BillChange rest;
  BillChange all;
  const std::vector<BillChange> changes = BillChanges(played);
  for (size_t i = 0; i < changes.size(); ++i) {
    const BillChange& change = changes[i];
    all.same += change.same;
    all.other += change.other;
    if (i < most) {
      table.AddRow({change.tenant, change.same.ToDecimal(), change.other.ToDecimal(), change.difference().ToDecimal()});
    } else {
      rest.same += change.same;
      rest.other += change.other;
    }
  }
  if (changes.size() > most) {
    table.AddRow({absl::StrCat(changes.size() - most, " others"), rest.same.ToDecimal(), rest.other.ToDecimal(),
                  rest.difference().ToDecimal()});
  }
  table.AddRule();
  table.AddRow({"all", all.same.ToDecimal(), all.other.ToDecimal(), all.difference().ToDecimal()});
  return table;
}

/// How many pay less, as much, and more.
std::array<int64_t, 3> WinnersAndLosers(const Played& played) {
  std::array<int64_t, 3> counts{};
  for (const BillChange& change : BillChanges(played)) {
    ++counts[change.other < change.same ? 0 : change.other == change.same ? 1 : 2];
  }
  return counts;
}

Table PoolTable(const Played& played) {
  Table table({{"pool"},
               {""},
               {"capacity nt/s", Table::Align::kRight},
               {"utilisation %", Table::Align::kPoint},
               {"busiest minute %", Table::Align::kPoint}});
  for (size_t i = 0; i < played.same.pools.size(); ++i) {
    std::string name = played.same.pools[i].name;
    for (const auto& [title, of] : ColumnsOf(played)) {
      if (of->pools.empty()) continue;  // the log
      const PoolFigures& pool = of->pools[i];
      table.AddRow({std::exchange(name, ""), title, absl::StrCat(pool.capacity.count() / 1'000),
                    absl::StrFormat("%.1f", pool.utilisation * 100),
                    absl::StrFormat("%.1f", pool.peak_utilisation * 100)});
    }
  }
  return table;
}

Json FiguresJson(const RunFigures& figures) {
  Json refusals = Json::object();
  for (size_t i = 0; i < kRefusalReasonCount; ++i) {
    if (figures.counts.refusals[i] > 0) refusals[ReasonName(i)] = figures.counts.refusals[i];
  }
  Json classes = Json::object();
  for (size_t c = 0; c < kServiceClassCount; ++c) {
    const ClassFigures& of_class = figures.classes[c];
    const planning::LatencyHistogram& wait = of_class.times.wait;
    if (of_class.counts.came == 0 && wait.count() == 0) continue;
    const auto quantile = [&wait](int64_t per_million) {
      return static_cast<double>(wait.Quantile(per_million)) / 1e9;
    };
    classes[std::string(kServiceClassNames[c])] = {
        {"came", of_class.counts.came},
        {"refused", of_class.counts.refused_yours + of_class.counts.refused_pool},
        {"granted", wait.count()},
        {"wait_s", {{"p50", quantile(500'000)}, {"p90", quantile(900'000)}, {"p99", quantile(990'000)}}}};
  }
  Json json = {{"came", figures.counts.came},
               {"granted", GrantedIn(figures)},
               {"refused_own_limit", figures.counts.refused_yours},
               {"refused_pool", figures.counts.refused_pool},
               {"tries_refused", refusals},
               {"classes", classes}};
  if (figures.pools.empty()) return json;
  for (const PoolFigures& pool : figures.pools) {
    json["pools"][pool.name] = {{"capacity_nt_per_s", pool.capacity.count() / 1'000},
                                {"utilisation", pool.utilisation},
                                {"busiest_minute", pool.peak_utilisation}};
  }
  json["revenue"] = figures.revenue.ToDecimal();
  json["conserved"] = figures.Holds();
  json["head"] = ledger::ToHex(figures.head.hash);
  return json;
}

Json PlayedJson(const Played& played) {
  const Recording& recording = played.recording;
  Json json = {{"from", config::FormatInstant(recording.begin)},
               {"to", config::FormatInstant(recording.end)},
               {"requests", recording.requests.size()},
               {"assumed",
                {{"as_tenant", played.outcomes.as_tenant},
                 {"as_pool", played.outcomes.as_pool},
                 {"as_all", played.outcomes.as_all}}},
               {"left_out", recording.left_out},
               {"earlier_boots_ignored", recording.has_past},
               {"durations", kDurations},
               {"tariff", {{"then", played.old_tariff}, {"now", played.new_tariff}}},
               {"log", FiguresJson(played.then)},
               {"same", FiguresJson(played.same)}};
  if (!played.other) return json;
  json["changed"] = FiguresJson(*played.other);
  const auto [less, equal, more] = WinnersAndLosers(played);
  json["pay"] = {{"less", less}, {"the_same", equal}, {"more", more}};
  json["currency"] = played.same.currency;
  for (const BillChange& change : BillChanges(played)) {
    json["bills"].push_back({{"tenant", change.tenant},
                             {"same", change.same.ToDecimal()},
                             {"changed", change.other.ToDecimal()},
                             {"difference", change.difference().ToDecimal()}});
  }
  return json;
}

}  // namespace

std::string RenderReplay(const ReplayView& view, size_t tenants, bool colour) {
  Sheet sheet;
  AddVerdict(view.replayed, sheet);
  if (view.played) AddProvenance(*view.played, sheet);
  std::string text = sheet.Render(colour);
  if (!view.played) return text;
  const Played& played = *view.played;
  absl::StrAppend(&text, "\n", DecisionTable(played).Render(colour), "\n", ClassTable(played).Render(colour), "\n",
                  PoolTable(played).Render(colour));
  if (played.other) {
    const auto [less, equal, more] = WinnersAndLosers(played);
    absl::StrAppend(&text, "\n", BillTable(played, tenants).Render(colour), "\n", less, " pay less, ", equal,
                    " the same, ", more, " more\n");
  }
  for (const auto& [title, of] : ColumnsOf(played)) {
    for (const Check& check : of->checks) {
      if (check.holds) continue;
      absl::StrAppend(&text, "not conserved (", title, "): ", check.what, ": ", check.expected, " became ", check.found,
                      "\n");
    }
  }
  return text;
}

std::string ReplayJson(const ReplayView& view) {
  const arrivals::Replayed& replayed = view.replayed;
  Json json = {{"epoch", replayed.epoch},
               {"same", replayed.same()},
               {"reproducible", replayed.from_the_beginning},
               {"commands", replayed.commands},
               {"admits", replayed.admits},
               {"decisions_equal", replayed.decisions},
               {"journal_equal", replayed.same()},
               {"cut_bytes", replayed.cut_bytes}};
  if (replayed.other_head) json["journal_difference"] = *replayed.other_head;
  if (const auto& first = replayed.difference) {
    json["difference"] = {
        {"command", first->command}, {"asked", first->asked}, {"then", first->then}, {"now", first->now}};
  }
  if (view.played) json["virtual_time"] = PlayedJson(*view.played);
  return cli::Printed(json);
}

}  // namespace penstock::sim
