#include "sim/commands/selfcheck_command.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/table.h"
#include "broker/cli/terminal.h"
#include "sim/commands/parallel.h"
#include "sim/commands/scenario_runs.h"

namespace penstock::sim {
namespace {

struct SelfcheckFlags {
  uint64_t seed = 1;
  double nudge = 1;
  std::string cells;
  size_t threads = 0;
  cli::Output output = cli::Output::kTable;
};

const char* WordFor(CheckedCell::How how) {
  switch (how) {
    case CheckedCell::How::kSimulated:
      return "simulated";
    case CheckedCell::How::kProduction:
      return "production";
    case CheckedCell::How::kComputed:
      return "computed";
  }
  return "";
}

std::string Figure(double value) { return absl::StrFormat("%.8g", value); }

/// With as many decimals as the interval's width makes sense of.
std::string Figure(double value, double width) {
  int decimals = 2;
  for (double unit = 0.01; decimals < 6 && unit > width / 20; unit /= 10) ++decimals;
  return absl::StrFormat("%.*f", decimals, value);
}

std::vector<std::string> RowOf(const CheckedCell& cell) {
  const double width = cell.high - cell.low;
  return {cell.name,
          WordFor(cell.how),
          absl::StrCat(cell.at_least ? ">= " : "", Figure(cell.expected)),
          Figure(cell.measured, width),
          absl::StrCat("[", Figure(cell.low, width), ", ", Figure(cell.high, width), "]"),
          cell.in ? "in" : "OUT"};
}

std::string Counts(const SelfcheckResult& result) {
  size_t computed = 0;
  size_t out = 0;
  for (const CheckedCell& cell : result.cells) {
    computed += cell.how == CheckedCell::How::kComputed ? 1 : 0;
    out += cell.in ? 0 : 1;
  }
  return absl::StrCat(result.cells.size(), " cells: ", result.cells.size() - computed, " measured, ", computed,
                      " computed. ", out == 0 ? "All in.\n" : absl::StrCat(out, " OUT.\n"));
}

/// How many of the cells that must notice a nudge did.
std::string Felt(const SelfcheckResult& result, double nudge) {
  size_t feel = 0;
  size_t felt = 0;
  for (const CheckedCell& cell : result.cells) {
    if (cell.how == CheckedCell::How::kComputed || !cell.feels_nudge) continue;
    ++feel;
    felt += cell.in ? 0 : 1;
  }
  return absl::StrFormat("Every service rate was multiplied by %g: of %d cells that feel it, %d are out.\n", nudge,
                         feel, felt);
}

std::string Summary(const SelfcheckResult& result, double nudge) {
  std::string text = Counts(result);
  absl::StrAppendFormat(&text, "Intervals hold at %.4f %% each, so that all cells together are in with 99 %%.\n",
                        100 * result.confidence);
  const auto is_quantile = [](const CheckedCell& cell) { return cell.name.find("beyond_p99") != cell.name.npos; };
  if (std::any_of(result.cells.begin(), result.cells.end(), is_quantile)) {
    text += "A share beyond p99 is of customers who were there for longer than the published 99th percentile.\n";
  }
  if (nudge != 1) return text + Felt(result, nudge);
  if (!result.AllIn()) text += "One seed in a hundred does this by chance. Out with another --seed as well: a bug.\n";
  return text;
}

SelfcheckResult Check(cli::Terminal& terminal, const SelfcheckFlags& flags) {
  ProgressLine line(terminal, "selfcheck");
  std::mutex mutex;
  double done = 0;
  SelfcheckTerms terms{.seed = flags.seed, .nudge = flags.nudge, .cells = flags.cells};
  terms.parallel = OnThreads(flags.threads > 0 ? flags.threads : Processors());
  terms.progress = [&](double share) {
    const std::lock_guard lock(mutex);
    done = std::min(1.0, done + share);
    line.Show(done);
  };
  return RunSelfcheck(terms);
}

int RunCommand(cli::Terminal& terminal, const SelfcheckFlags& flags) {
  const SelfcheckResult result = Check(terminal, flags);
  if (result.cells.empty()) {
    terminal.err << "penstock sim selfcheck: no cell has \"" << flags.cells
                 << "\" in its name; without --cells all are run and listed\n";
    return cli::kBadData;
  }
  terminal.out << (flags.output == cli::Output::kJson ? SelfcheckJson(result, flags.seed, flags.nudge)
                                                      : SelfcheckTable(result, flags.nudge, terminal.colour));
  return result.AllIn() ? cli::kOk : cli::kRefused;
}

}  // namespace

std::string SelfcheckTable(const SelfcheckResult& result, double nudge, bool colour) {
  using Align = cli::Table::Align;
  cli::Table table(
      {{"CELL"}, {"BY"}, {"EXPECTED", Align::kPoint}, {"MEASURED", Align::kPoint}, {"INTERVAL"}, {"VERDICT"}});
  for (const CheckedCell& cell : result.cells) {
    table.AddRow(RowOf(cell), cell.in ? cli::Table::Emphasis::kPlain : cli::Table::Emphasis::kStrong);
  }
  return absl::StrCat(table.Render(colour), "\n", Summary(result, nudge));
}

std::string SelfcheckJson(const SelfcheckResult& result, uint64_t seed, double nudge) {
  nlohmann::ordered_json json;
  json["seed"] = seed;
  json["nudge"] = nudge;
  json["confidence_of_one_cell"] = result.confidence;
  json["all_in"] = result.AllIn();
  json["cells"] = nlohmann::ordered_json::array();
  for (const CheckedCell& cell : result.cells) {
    json["cells"].push_back({{"name", cell.name},
                             {"by", WordFor(cell.how)},
                             {"expected", cell.expected},
                             {"at_least", cell.at_least},
                             {"measured", cell.measured},
                             {"low", cell.low},
                             {"high", cell.high},
                             {"in", cell.in},
                             {"feels_nudge", cell.feels_nudge},
                             {"customers", cell.customers}});
  }
  return json.dump(2) + "\n";
}

void AddSelfcheckCommand(CLI::App& sim, cli::Invocation& invocation) {
  auto flags = std::make_shared<SelfcheckFlags>();
  CLI::App& command = *sim.add_subcommand(
      "selfcheck", "Check the simulator against closed forms of queueing theory (exit 1: a cell is out)");
  command.add_option("--seed", flags->seed, "of all random numbers (default 1)")->option_text("N");
  command.add_option("--cells", flags->cells, "only those with this in their name")->option_text("TEXT");
  command.add_option("--nudge", flags->nudge, "all service rates times this: see what notices (default 1)")
      ->check(CLI::Range(0.97, 1.5))
      ->option_text("FACTOR");
  command.add_option("--threads", flags->threads, "results do not depend on it (default: one per core)")
      ->check(CLI::Range(1, 256))
      ->option_text("N");
  cli::AddOutputFlag(command, flags->output);
  cli::OnRun(command, invocation, [flags](cli::Terminal& terminal) { return RunCommand(terminal, *flags); });
}

}  // namespace penstock::sim
