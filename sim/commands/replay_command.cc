#include "sim/commands/replay_command.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "admission/vocabulary/bounds.h"
#include "broker/arrivals/replay.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/terminal.h"
#include "broker/config/config.h"
#include "sim/commands/replay_view.h"
#include "sim/replay/play.h"
#include "sim/replay/recorder.h"

namespace penstock::sim {
namespace {

constexpr Duration kInTime = Seconds(1);  // not shown

struct Options {
  std::string data_dir;
  uint32_t epoch = 0;  // 0: the newest
  std::string tariff;
  int64_t capacity_nt_per_s = 0;
  double capacity_factor = 0;
  std::string weights;
  int64_t max_in_flight = 0;
  std::string pool;
  bool simulate = false;
  size_t tenants = 20;
  cli::Output output = cli::Output::kTable;
};

/// "free=1,default=8" into `changes`.
absl::Status ReadWeights(const std::string& text, ReplayChanges* changes) {
  for (const absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(part, absl::MaxSplits('=', 1));
    const std::optional<ServiceClass> named = ServiceClassNamed(pair.first);
    if (!named || *named == ServiceClass::kReserved) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--weights: '", pair.first, "' is no class with a share: write free, flex, default, priority or spillover"));
    }
    int64_t weight = 0;
    if (!absl::SimpleAtoi(pair.second, &weight) || weight < 1 || weight > kMaxWeight) {
      return absl::InvalidArgumentError(
          absl::StrCat("--weights: ", pair.first, ": '", pair.second, "' is no whole number from 1 to ", kMaxWeight));
    }
    changes->weights[static_cast<size_t>(*named)] = weight;
  }
  return absl::OkStatus();
}

absl::StatusOr<ReplayChanges> ReadChanges(const Options& options) {
  ReplayChanges changes;
  if (!options.tariff.empty()) {
    absl::StatusOr<config::TariffFile> file = config::LoadTariff(options.tariff);
    if (!file.ok()) return file.status();
    changes.tariff = std::move(file->tariff);
    changes.subscriptions = std::move(file->subscriptions);
  }
  changes.pool = options.pool;
  if (options.capacity_nt_per_s > 0) changes.capacity = NormalizedTokensPerSecond(options.capacity_nt_per_s);
  if (options.capacity_factor > 0) changes.capacity_factor = options.capacity_factor;
  if (options.max_in_flight > 0) changes.max_in_flight = options.max_in_flight;
  if (absl::Status weights = ReadWeights(options.weights, &changes); !weights.ok()) return weights;
  return changes;
}

absl::StatusOr<arrivals::Replayed> Reproduce(const Options& options, const cli::Parts& parts, Recorder* recorder) {
  const auto journal = parts.journal(options.data_dir, /*read_only=*/true);
  if (!journal.ok()) return journal.status();
  const absl::StatusOr<std::vector<arrivals::LogFile>> files = arrivals::ListLog(options.data_dir);
  if (!files.ok()) return files.status();
  if (files->empty()) {
    return absl::NotFoundError("there is no arrival log in " + options.data_dir +
                               ": the daemon keeps one unless arrival_log.max_bytes is 0");
  }
  absl::StatusOr<arrivals::LogReader> log =
      arrivals::LogReader::Open(options.data_dir, options.epoch == 0 ? files->back().epoch : options.epoch);
  if (!log.ok()) return log.status();
  return arrivals::Replay(*std::move(log), **journal, parts.scheduling, recorder);
}

absl::StatusOr<Played> PlayAgain(const ReplayChanges& changes, Recording recording) {
  Played played;
  played.recording = std::move(recording);
  Recording changed = played.recording;
  if (absl::Status fits = Change(changes, &changed); !fits.ok()) return fits;
  absl::StatusOr<Outcomes> outcomes = OutcomesOf(played.recording);
  if (!outcomes.ok()) return outcomes.status();
  played.outcomes = *std::move(outcomes);
  played.old_tariff = played.recording.settings.tariff.version;
  played.new_tariff = changed.settings.tariff.version;
  played.then = FiguresOfThen(played.recording, kInTime);
  absl::StatusOr<RunFigures> same = Play(played.recording, played.outcomes, kInTime);
  if (!same.ok()) return same.status();
  played.same = *std::move(same);
  if (!changes.any()) return played;
  absl::StatusOr<RunFigures> other = Play(changed, played.outcomes, kInTime);
  if (!other.ok()) return other.status();
  played.other = *std::move(other);
  return played;
}

absl::StatusOr<ReplayView> Look(const Options& options, const cli::Parts& parts) {
  const absl::StatusOr<ReplayChanges> changes = ReadChanges(options);
  if (!changes.ok()) return changes.status();
  const bool plays = options.simulate || changes->any();
  Recorder recorder;
  absl::StatusOr<arrivals::Replayed> replayed = Reproduce(options, parts, plays ? &recorder : nullptr);
  if (!replayed.ok()) return replayed.status();
  ReplayView view{.replayed = *std::move(replayed), .played = std::nullopt};
  if (!plays || !view.replayed.same()) return view;
  absl::StatusOr<Played> played = PlayAgain(*changes, recorder.Take());
  if (!played.ok()) return played.status();
  view.played = *std::move(played);
  return view;
}

bool Conserved(const Played& played) { return played.same.Holds() && (!played.other || played.other->Holds()); }

int ReplayCommand(const Options& options, const cli::Parts& parts, cli::Terminal& terminal) {
  const absl::StatusOr<ReplayView> view = Look(options, parts);
  if (!view.ok()) {
    terminal.err << "penstock sim replay: " << view.status().message() << "\n";
    return absl::IsDataLoss(view.status()) ? cli::kRefused : cli::ExitCodeOf(view.status());
  }
  terminal.out << (options.output == cli::Output::kJson ? ReplayJson(*view)
                                                        : RenderReplay(*view, options.tenants, terminal.colour));
  return view->replayed.same() && (!view->played || Conserved(*view->played)) ? cli::kOk : cli::kRefused;
}

}  // namespace

void AddReplayCommand(CLI::App& sim, cli::Invocation& invocation, const cli::Parts& parts) {
  CLI::App& command = *sim.add_subcommand(
      "replay", "A boot's recorded arrivals: the same decisions again, or what other terms would have made of them");
  auto options = std::make_shared<Options>();
  command.add_option("DIR,--data", options->data_dir, "The daemon's data_dir; stop the daemon first")->required();
  command.add_option("--epoch", options->epoch, "Which boot; the newest unless said otherwise");
  command.add_option("--tariff", options->tariff, "A tariff file in place of the one in force")->type_name("FILE");
  auto* capacity = command
                       .add_option("--capacity-nt-per-s", options->capacity_nt_per_s,
                                   "The pool's capacity all the time, whatever the log says of it")
                       ->check(CLI::PositiveNumber);
  command.add_option("--capacity-factor", options->capacity_factor, "The pool's capacity as a multiple of what it was")
      ->check(CLI::Range(0.001, 1'000.0))
      ->excludes(capacity);
  command.add_option("--weights", options->weights, "Weights of classes, for example free=1,default=8");
  command.add_option("--max-in-flight", options->max_in_flight, "The pool's slots, all the time")
      ->check(CLI::PositiveNumber);
  command.add_option("--pool", options->pool, "Whose capacity, weights and slots change; the only one's")
      ->type_name("NAME");
  command.add_flag("--simulate", options->simulate, "Play in virtual time also when nothing changes");
  command.add_option("--tenants", options->tenants, "Bills to show, the largest changes first")->capture_default_str();
  cli::AddOutputFlag(command, options->output);
  command.footer(
      "Unchanged, the boot is replayed bit for bit. Changed, its requests are played in virtual time twice, as it was\n"
      "and changed, with measured durations and empty books; tenants ask what they asked then. Bills are of the whole\n"
      "hours that the boot touches: monthly prices are pro-rated to them.\n"
      "Exit status 1: the boot does not replay the same, or something was not conserved.");
  cli::OnRun(command, invocation,
             [options, &parts](cli::Terminal& terminal) { return ReplayCommand(*options, parts, terminal); });
}

}  // namespace penstock::sim
