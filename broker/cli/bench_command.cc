// penstock bench: how many pairs of Admit and Complete a daemon does, and how long each call takes.
#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <csignal>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "admission/vocabulary/bounds.h"
#include "broker/cli/answer_json.h"
#include "broker/cli/arguments.h"
#include "broker/cli/client_commands.h"
#include "broker/cli/command_line.h"
#include "broker/cli/connection.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/load_run.h"
#include "broker/cli/session_load.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"

namespace penstock::cli {
namespace {

using nlohmann::ordered_json;

struct BenchFlags {
  ConnectionFlags connection;
  Output output = Output::kTable;
  double seconds = 10;
  double warmup = 1;
  int connections = 1;
  std::optional<int> outstanding;  // left out: 64, and 4096 with --session
  int64_t rate = 0;
  bool session = false;
  SessionShape session_shape;
  int64_t pid = 0;
  std::vector<std::string> keys;
  std::string tenants_file;
  std::string pool;
  int64_t input = 1000;
  int64_t output_tokens = 200;
  std::string max_wait = "0s";
  bool admit_only = false;
};

// ---- The first interrupt ends the run early, with figures; a second one ends the program.

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void OnInterrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
}

// ---- From flags to a shape.

std::variant<std::vector<std::string>, CallError> ReadKeys(const BenchFlags& flags) {
  std::vector<std::string> keys = flags.keys;
  if (!flags.tenants_file.empty()) {
    std::ifstream file(flags.tenants_file);
    if (!file) return LocalError(kIo, "cannot read " + flags.tenants_file);
    for (std::string line; std::getline(file, line);) {
      line.erase(std::min(line.find('#'), line.size()));
      absl::StripAsciiWhitespace(&line);
      if (!line.empty()) keys.push_back(line);
    }
    if (keys.empty()) return LocalError(kBadData, flags.tenants_file + " names no key", "one tenants/T/keys/K a line");
  }
  if (keys.empty()) keys.emplace_back();  // a tenant's own
  return keys;
}

std::chrono::nanoseconds ToNanoseconds(double seconds) { return std::chrono::nanoseconds(std::llround(seconds * 1e9)); }

LoadShape ToShape(const BenchFlags& flags, std::vector<std::string> keys) {
  const google::protobuf::Duration max_wait = *ParseSpan(flags.max_wait);  // checked by IsSpan
  LoadShape shape;
  shape.keys = std::move(keys);
  shape.pool = InCollection("pools", flags.pool);
  shape.input_tokens = flags.input;
  shape.output_tokens = flags.output_tokens;
  shape.max_wait = std::chrono::milliseconds(max_wait.seconds() * 1000 + max_wait.nanos() / 1'000'000);
  shape.admit_only = flags.admit_only;
  shape.connections = flags.connections;
  shape.outstanding = flags.outstanding.value_or(flags.session ? 4'096 : 64);
  shape.pairs_per_second = flags.rate;
  shape.warmup = ToNanoseconds(flags.warmup);
  shape.measured = ToNanoseconds(flags.seconds);
  return shape;
}

// ---- The server's memory, when it runs here and its process id was given.

class Memory {
 public:
  explicit Memory(int64_t pid) : pid_(pid) {}

  /// In MiB; nothing when it cannot be read.
  void Note() {
    if (pid_ == 0) return;
    std::ifstream statm(absl::StrCat("/proc/", pid_, "/statm"));
    int64_t all = 0;
    int64_t resident = 0;
    if (statm >> all >> resident) samples_.push_back(static_cast<double>(resident) * kPage / (1 << 20));
  }
  const std::vector<double>& samples() const { return samples_; }

 private:
  static constexpr double kPage = 4096;
  int64_t pid_;
  std::vector<double> samples_;  // at the start, each second, at the end
};

// ---- Figures.

struct NamedQuantile {
  const char* title;
  const char* json_key;
  int64_t per_million;
};
constexpr NamedQuantile kQuantiles[] = {
    {"p50", "p50", 500'000}, {"p90", "p90", 900'000}, {"p99", "p99", 990'000}, {"p99.9", "p99_9", 999'000}};

double Seconds(std::chrono::nanoseconds span) { return std::chrono::duration<double>(span).count(); }

double PerSecond(uint64_t count, std::chrono::nanoseconds elapsed) {
  return elapsed.count() > 0 ? static_cast<double>(count) / Seconds(elapsed) : 0;
}

// One decimal is more than the noise.
double Rounded(double value) { return std::round(value * 10) / 10; }

ordered_json LatenciesAsJson(const planning::LatencyHistogram& latencies) {
  const auto microseconds = [](int64_t nanoseconds) { return Rounded(static_cast<double>(nanoseconds) / 1e3); };
  ordered_json json = {{"count", latencies.count()}};
  for (const NamedQuantile& quantile : kQuantiles) {
    json[quantile.json_key] = microseconds(latencies.Quantile(quantile.per_million));
  }
  json["max"] = microseconds(latencies.max());
  return json;
}

ordered_json CountsAsJson(const std::map<std::string, uint64_t>& counts) {
  ordered_json json = {{"total", TotalOf(counts)}, {"by_reason", ordered_json::object()}};
  for (const auto& [reason, count] : counts) json["by_reason"][reason] = count;
  return json;
}

ordered_json AsJson(const BenchFlags& flags, const LoadShape& shape, const LoadFigures& figures, const Memory& memory) {
  const bool open_loop = shape.pairs_per_second > 0;
  ordered_json json;
  json["mode"] = open_loop ? "open" : "closed";
  if (open_loop)
    json["offered_pairs_per_s"] = shape.pairs_per_second;
  else
    json["outstanding"] = shape.outstanding;
  json["calls_by"] = flags.session ? "session" : "unary";
  if (flags.session) {
    json["streams"] = flags.session_shape.streams;
    json["batch"] = flags.session_shape.batch;
  } else {
    json["connections"] = shape.connections;
  }
  json["pool"] = shape.pool;
  json["keys"] = shape.keys.size();
  json["tokens"] = {{"input", shape.input_tokens}, {"output", shape.output_tokens}};
  json["admit_only"] = shape.admit_only;
  json["warmup_s"] = Seconds(shape.warmup);
  json["elapsed_s"] = Seconds(figures.elapsed);
  json["interrupted"] = figures.interrupted;
  json["gave_up"] = figures.gave_up;
  json["pairs"] = figures.pairs;
  json["pairs_per_s"] = Rounded(PerSecond(figures.pairs, figures.elapsed));
  json["calls"] = figures.calls;
  json["calls_per_s"] = Rounded(PerSecond(figures.calls, figures.elapsed));
  json["refused"] = CountsAsJson(figures.refused);
  json["errors"] = CountsAsJson(figures.errors);
  json["latency_us"] = {{"admit", LatenciesAsJson(figures.admit)}, {"complete", LatenciesAsJson(figures.complete)}};
  if (!memory.samples().empty()) {
    json["server_rss_mib"] = ordered_json::array();
    for (const double sample : memory.samples()) json["server_rss_mib"].push_back(Rounded(sample));
  }
  return json;
}

std::string InMicroseconds(int64_t nanoseconds) {
  return Grouped(std::string_view(absl::StrFormat("%.1f", static_cast<double>(nanoseconds) / 1e3)));
}

std::string RateText(uint64_t count, std::chrono::nanoseconds elapsed) {
  return Grouped(static_cast<int64_t>(std::llround(PerSecond(count, elapsed))));
}

std::string CountsText(const std::map<std::string, uint64_t>& counts) {
  std::string text = Grouped(absl::StrCat(TotalOf(counts)));
  const char* separator = ": ";
  for (const auto& [reason, count] : counts) {
    absl::StrAppend(&text, separator, Grouped(absl::StrCat(count)), " ", reason);
    separator = ", ";
  }
  return text;
}

std::string Render(const BenchFlags& flags, const LoadShape& shape, const LoadFigures& figures, const Memory& memory,
                   bool colour) {
  const std::string load = shape.pairs_per_second > 0
                               ? absl::StrCat("open loop, ", Grouped(shape.pairs_per_second), " pairs/s offered")
                               : absl::StrCat("closed loop, ", shape.outstanding, " pairs under way");
  const std::string by = flags.session ? absl::StrCat(", ", flags.session_shape.streams,
                                                      " stream(s) in batches of up to ", flags.session_shape.batch)
                                       : absl::StrCat(", ", shape.connections, " connection(s)");
  Sheet sheet;
  sheet.Add("load", absl::StrCat(load, ", ", shape.pool, ", ", shape.keys.size(), " key(s)", by,
                                 shape.admit_only ? ", admit only" : ""));
  sheet.Add("measured", absl::StrFormat("%.2f s after %.2f s of warm-up%s", Seconds(figures.elapsed),
                                        Seconds(shape.warmup), figures.interrupted ? " (interrupted)" : ""));
  sheet.Add("pairs", absl::StrCat(RateText(figures.pairs, figures.elapsed), "/s (",
                                  Grouped(absl::StrCat(figures.pairs)), " in all)"));
  sheet.Add("calls", RateText(figures.calls, figures.elapsed) + "/s");
  if (!memory.samples().empty()) {
    sheet.Add("server's memory", absl::StrFormat("%.0f MiB at the start, %.0f at the end", memory.samples().front(),
                                                 memory.samples().back()));
  }
  sheet.Add("refused", CountsText(figures.refused));
  sheet.Add("errors", CountsText(figures.errors));

  std::vector<Table::Column> columns = {{"latency in us"}};
  for (const NamedQuantile& quantile : kQuantiles) columns.push_back({quantile.title, Table::Align::kRight});
  columns.push_back({"max", Table::Align::kRight});
  Table latencies(columns);
  const auto add = [&](const char* call, const planning::LatencyHistogram& histogram) {
    std::vector<std::string> cells = {call};
    for (const NamedQuantile& q : kQuantiles) cells.push_back(InMicroseconds(histogram.Quantile(q.per_million)));
    cells.push_back(InMicroseconds(histogram.max()));
    latencies.AddRow(std::move(cells));
  };
  add("admit", figures.admit);
  if (!shape.admit_only) add("complete", figures.complete);
  return sheet.Render(colour) + "\n" + latencies.Render(colour);
}

// Redraws one line, once a second.
class ProgressLine {
 public:
  ProgressLine(Terminal& terminal, std::chrono::nanoseconds measured)
      : terminal_(terminal), seconds_(std::llround(Seconds(measured))) {}

  void Draw(const LoadFigures& figures) {
    ++drawn_;
    if (!terminal_.err_is_terminal) return;
    terminal_.err << "\r" << drawn_ << "/" << seconds_ << " s  " << Grouped(absl::StrCat(figures.pairs - pairs_before_))
                  << " pairs/s  " << Grouped(absl::StrCat(TotalOf(figures.refused))) << " refused  "
                  << Grouped(absl::StrCat(TotalOf(figures.errors))) << " errors \x1b[K" << std::flush;
    pairs_before_ = figures.pairs;
  }
  void Clear() {
    if (terminal_.err_is_terminal && drawn_ > 0) terminal_.err << "\r\x1b[K" << std::flush;
  }

 private:
  Terminal& terminal_;
  int64_t seconds_;
  int64_t drawn_ = 0;
  uint64_t pairs_before_ = 0;
};

int RunBench(const BenchFlags& flags, Terminal& terminal) {
  auto keys = ReadKeys(flags);
  if (auto* error = std::get_if<CallError>(&keys)) return Report(*error, flags.output, terminal);
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  const LoadShape shape = ToShape(flags, std::get<std::vector<std::string>>(std::move(keys)));

  interrupted = false;
  const auto before = std::signal(SIGINT, OnInterrupt);
  ProgressLine progress(terminal, shape.measured);
  Memory memory(flags.pid);
  memory.Note();
  const auto each_second = [&](const LoadFigures& so_far) {
    memory.Note();
    progress.Draw(so_far);
  };
  const Connection& daemon = std::get<Connection>(connection);
  const LoadFigures figures = flags.session
                                  ? RunSessionLoad(daemon, shape, flags.session_shape, interrupted, each_second)
                                  : RunLoad(daemon, shape, interrupted, each_second);
  memory.Note();
  std::signal(SIGINT, before);
  progress.Clear();

  if (flags.output == Output::kJson)
    terminal.out << Printed(AsJson(flags, shape, figures, memory));
  else
    terminal.out << Render(flags, shape, figures, memory, terminal.colour);
  if (figures.errors.empty()) return kOk;
  terminal.err << "penstock: " << (figures.gave_up ? "gave up after " : "") << CountsText(figures.errors)
               << "\n  the first: " << WithoutControls(figures.first_error) << "\n";
  return figures.first_error_exit_code;
}

}  // namespace

void AddBenchCommand(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App& command = *app.add_subcommand(
      "bench", "Load a daemon with pairs of Admit and Complete; latencies by quantile (exit not 0: any error)");
  command.add_option("--pool", flags->pool, "where to")->required()->option_text("POOL");
  command.add_option("--key", flags->keys, "repeatable; taken in turn. A tenant may leave it out")
      ->allow_extra_args(false)
      ->option_text("tenants/T/keys/K");
  command.add_option("--tenants", flags->tenants_file, "more keys, one a line, # starts a comment")
      ->option_text("FILE");
  auto* outstanding = command.add_option("--outstanding", flags->outstanding,
                                         "closed loop: so many pairs under way (default 64; with --session 4096)");
  outstanding->check(CLI::Range(1, 30'000))->option_text("N");
  command.add_option("--rate", flags->rate, "open loop: so many pairs a second, latency from the scheduled moment")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}))
      ->excludes(outstanding)
      ->option_text("N");
  auto* session = command.add_flag("--session", flags->session, "batches over a stream instead of a call each");
  command.add_option("--connections", flags->connections, "spread the calls over so many (default 1)")
      ->check(CLI::Range(1, 64))
      ->excludes(session)
      ->option_text("N");
  command.add_option("--batch", flags->session_shape.batch, "items in a message at most (default 256)")
      ->check(CLI::Range(1, 512))
      ->needs(session)
      ->option_text("N");
  command.add_option("--streams", flags->session_shape.streams, "so many streams (default 1)")
      ->check(CLI::Range(1, 64))
      ->needs(session)
      ->option_text("N");
  command.add_option("--pid", flags->pid, "the daemon's process on this machine: reports its memory")
      ->check(CLI::PositiveNumber)
      ->option_text("PID");
  command.add_option("--seconds", flags->seconds, "measured time (default 10)")
      ->check(CLI::Range(0.01, 86'400.0))
      ->option_text("S");
  command.add_option("--warmup", flags->warmup, "before it, not measured (default 1)")
      ->check(CLI::Range(0.0, 3'600.0))
      ->option_text("S");
  command.add_option("--input", flags->input, "input tokens of each (default 1000)")
      ->check(CLI::Range(int64_t{0}, kMaxTokensPerRequest))
      ->option_text("TOKENS");
  command.add_option("--output", flags->output_tokens, "output tokens of each (default 200)")
      ->check(CLI::Range(int64_t{0}, kMaxTokensPerRequest))
      ->option_text("TOKENS");
  command.add_option("--max-wait", flags->max_wait, "how long each may wait in line (default 0s: now or never)")
      ->check(IsSpan())
      ->option_text("SPAN");
  command.add_flag("--admit-only", flags->admit_only, "leave the grants to their lease deadlines");
  AddOutputFlag(command, flags->output);
  flags->connection.AddTo(command);
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunBench(*flags, terminal); });
}

}  // namespace penstock::cli
