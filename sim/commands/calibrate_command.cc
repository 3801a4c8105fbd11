#include "sim/commands/calibrate_command.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/table.h"
#include "broker/cli/terminal.h"
#include "sim/calibration/pool_definition.h"
#include "sim/commands/calibrated_profile.h"
#include "sim/commands/file_bytes.h"
#include "sim/traces/azure_trace.h"
#include "sim/traces/decompression.h"
#include "sim/traces/shipped_traces.h"

namespace penstock::sim {
namespace {

using Align = cli::Table::Align;

constexpr size_t kLargestProfile = size_t{256} << 20;
constexpr size_t kBadRowsShown = 5;

struct Flags {
  std::string profile;
  ProfileChoice choice;
  std::string mix = "azure-conversation";
  std::string target = "20ms";
  int replicas = 1;
  int64_t max_sequences = 128;
  int64_t step_tokens = 2'048;
  int64_t kv_tokens = 0;
  std::string name;
  std::string out;
  cli::Output output = cli::Output::kTable;
};

std::optional<Mix> ParseMix(const std::string& text) {
  if (text == "azure-conversation") return MixOf(*ParseAzureTrace(ConversationTraceCsv(), "shipped"));
  if (text == "azure-code") return MixOf(*ParseAzureTrace(CodeTraceCsv(), "shipped"));
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  Mix mix;
  const bool numbers =
      parts.size() == 2 && absl::SimpleAtod(parts[0], &mix.input) && absl::SimpleAtod(parts[1], &mix.output);
  const bool in_range = numbers && mix.input >= 1 && mix.output >= 1 && mix.input <= 1e7 && mix.output <= 1e7;
  return in_range ? std::optional(mix) : std::nullopt;
}

/// "20ms", "0.02s": above 0, at most a minute.
std::optional<Duration> ParsePace(const std::string& text) {
  const bool milliseconds = text.ends_with("ms");
  if (!milliseconds && !text.ends_with("s")) return std::nullopt;
  double number = 0;
  if (!absl::SimpleAtod(text.substr(0, text.size() - (milliseconds ? 2 : 1)), &number)) return std::nullopt;
  const double ms = milliseconds ? number : number * 1'000;
  if (!(ms > 0 && ms <= 60'000)) return std::nullopt;
  return Nanoseconds(static_cast<int64_t>(ms * 1e6));
}

CLI::Validator Accepts(const char* what, bool (*accepts)(const std::string&)) {
  return CLI::Validator(
      [what, accepts](std::string& text) { return accepts(text) ? std::string() : std::string(what); }, "");
}

ReplicaTerms EngineOf(const Flags& flags) {
  ReplicaTerms engine;
  engine.max_sequences = flags.max_sequences;
  engine.step_token_budget = Tokens(flags.step_tokens);
  if (flags.kv_tokens > 0) engine.kv_limit = Tokens(flags.kv_tokens);
  return engine;
}

std::string Percent(double part) { return absl::StrFormat("%.2f %%", 100 * part); }

std::string RenderLaw(const CalibratedProfile& profile, bool colour) {
  constexpr const char* kTerms[] = {"c0  per iteration", "d   per decoding sequence", "k   per 1,000 KV tokens",
                                    "a   per prefill token"};
  cli::Table table({{"coefficient"}, {"ms", Align::kPoint}, {"±", Align::kPoint}});
  const Coefficients coefficients = CoefficientsOf(profile.law);
  for (size_t i = 0; i < kLawTerms; ++i) {
    const double error = profile.standard_errors[i];
    table.AddRow({kTerms[i], absl::StrFormat("%.4f", coefficients[i]),
                  error > 0 ? absl::StrFormat("%.4f", error) : "at its bound"});
  }
  return table.Render(colour);
}

std::string RenderWhatIsKnown(const LawErrors& errors) {
  if (!errors.OnlyTheSumIsKnown()) return "";
  return absl::StrFormat(
      "d and k cannot be told apart here (their errors have correlation %.3f): contexts are too much alike. What is\n"
      "known is their sum: a sequence of %.0f tokens adds %.4f ± %.4f ms to an iteration.\n",
      errors.correlation_d_k, 1e3 * errors.context_ktokens, errors.per_sequence, errors.per_sequence_error);
}

void AddAgreement(cli::Table& table, const char* what, const Agreement& agreement) {
  const std::array<double, 4> errors = agreement.RelativeErrors();
  const auto row = [&](const char* name, const char* figure, double measured, double simulated, double error) {
    table.AddRow({name, figure, absl::StrFormat("%.1f", 1e3 * measured), absl::StrFormat("%.1f", 1e3 * simulated),
                  absl::StrFormat("%+.2f %%", 100 * error)});
  };
  row(what, "mean", agreement.measured.mean, agreement.simulated.mean, errors[0]);
  row("", "p50", agreement.measured.p50, agreement.simulated.p50, errors[1]);
  row("", "p90", agreement.measured.p90, agreement.simulated.p90, errors[2]);
  row("", "p99", agreement.measured.p99, agreement.simulated.p99, errors[3]);
}

std::string RenderLogErrors(const LogFit& fit, bool colour) {
  cli::Table table(
      {{"held out"}, {""}, {"measured ms", Align::kPoint}, {"replayed ms", Align::kPoint}, {"error", Align::kRight}});
  AddAgreement(table, "first token", fit.held_out.first_token);
  AddAgreement(table, "per output token", fit.held_out.per_output);
  AddAgreement(table, "latency", fit.held_out.latency);
  return table.Render(colour);
}

std::string RenderErrors(const CalibratedProfile& profile, bool colour) {
  cli::Table table({{"mean error of"}, {"fitted rows", Align::kRight}, {"held-out rows", Align::kRight}});
  const auto row = [&](const char* what, double fitted, double held_out) {
    table.AddRow({what, Percent(fitted), Percent(held_out)});
  };
  if (profile.log) {
    const LogFit& fit = *profile.log;
    row("time per output token", fit.fitted.per_output.mean_relative_error,
        fit.held_out.per_output.mean_relative_error);
    row("first token", fit.fitted.first_token.mean_relative_error, fit.held_out.first_token.mean_relative_error);
    row("latency", fit.fitted.latency.mean_relative_error, fit.held_out.latency.mean_relative_error);
    table.AddRow({"rows", absl::StrCat(fit.fitted.requests), absl::StrCat(fit.held_out.requests)});
  } else {
    const TableFit& fit = *profile.table;
    row("time per output token", fit.fitted.per_output, fit.held_out.per_output);
    row("first token", fit.fitted.first_token, fit.held_out.first_token);
    row("latency", fit.fitted.latency, fit.held_out.latency);
    table.AddRow({"rows", absl::StrCat(fit.fitted.rows), absl::StrCat(fit.held_out.rows)});
  }
  return table.Render(colour);
}

std::string RenderEnergy(const std::vector<TokenEnergy>& energies, bool colour) {
  cli::Table table(
      {{"batch", Align::kRight}, {"J per input token", Align::kPoint}, {"J per output token", Align::kPoint}});
  for (const TokenEnergy& energy : energies) {
    table.AddRow({absl::StrCat(energy.batch), absl::StrFormat("%.3f", energy.joules_per_input_token),
                  absl::StrFormat("%.3f", energy.joules_per_output_token)});
  }
  return table.Render(colour);
}

void ReportBadRows(const Flags& flags, const std::vector<BadRow>& bad, std::ostream& err) {
  for (size_t i = 0; i < std::min(bad.size(), kBadRowsShown); ++i) {
    err << flags.profile << ":" << bad[i].line << ": " << cli::WithoutControls(bad[i].problem) << "\n";
  }
  if (bad.size() > kBadRowsShown) err << "... and " << bad.size() - kBadRowsShown << " more\n";
  if (!bad.empty()) err << flags.profile << ": " << bad.size() << " rows were left out\n";
}

void PrintText(const CalibratedProfile& profile, const PoolDefinition& pool, const Flags& flags,
               cli::Terminal& terminal) {
  std::ostream& out = terminal.out;
  out << cli::WithoutControls(profile.model) << " on " << cli::WithoutControls(profile.hardware) << ": " << profile.rows
      << " rows";
  if (profile.log) {
    out << "; who joins a batch is settled "
        << (profile.plans_ahead ? "one iteration ahead (asynchronous scheduling)" : "as it begins");
  }
  out << "\n\n" << RenderLaw(profile, terminal.colour);
  if (profile.errors) out << RenderWhatIsKnown(*profile.errors);
  out << "\n" << RenderErrors(profile, terminal.colour);
  if (profile.log) out << "\n" << RenderLogErrors(*profile.log, terminal.colour);
  if (profile.table && profile.energies.empty() && profile.table->held_out.first_token > 0.3) {
    out << "\nFirst tokens: clients of a closed loop fall in step and wait for each other's prompts. Not fitted.\n";
  }
  if (!profile.energies.empty()) {
    out << "\n"
        << RenderEnergy(profile.energies, terminal.colour)
        << "Power in the file is a part of the boards' rated power: 400 W an A100, 700 W an H100 (350 W capped).\n";
  }
  out << "\n";
  if (flags.out.empty()) {
    out << PoolYaml(pool);
  } else {
    out << "Pool definition: " << flags.out << "\n";
  }
}

nlohmann::ordered_json JsonOf(const CalibratedProfile& profile, const PoolDefinition& pool) {
  nlohmann::ordered_json json;
  json["model"] = profile.model;
  json["hardware"] = profile.hardware;
  json["rows"] = profile.rows;
  json["rows_left_out"] = profile.bad.size();
  const Coefficients coefficients = CoefficientsOf(profile.law);
  constexpr const char* kNames[] = {"c0", "d", "k", "a"};
  for (size_t i = 0; i < kLawTerms; ++i) {
    json["law_ms"][kNames[i]] = {{"value", coefficients[i]}, {"standard_error", profile.standard_errors[i]}};
  }
  if (profile.errors) {
    json["correlation_of_d_and_k"] = profile.errors->correlation_d_k;
    json["sequence_ms"] = {{"context_tokens", 1e3 * profile.errors->context_ktokens},
                           {"value", profile.errors->per_sequence},
                           {"standard_error", profile.errors->per_sequence_error}};
  }
  const auto errors = [&](double per_output, double first, double latency, size_t rows) {
    return nlohmann::ordered_json{
        {"rows", rows}, {"per_output_token", per_output}, {"first_token", first}, {"latency", latency}};
  };
  const auto of_log = [&](const LogAgreement& a) {
    return errors(a.per_output.mean_relative_error, a.first_token.mean_relative_error, a.latency.mean_relative_error,
                  a.requests);
  };
  const auto of_table = [&](const TableErrors& e) { return errors(e.per_output, e.first_token, e.latency, e.rows); };
  json["mean_relative_error"]["fitted"] = profile.log ? of_log(profile.log->fitted) : of_table(profile.table->fitted);
  json["mean_relative_error"]["held_out"] =
      profile.log ? of_log(profile.log->held_out) : of_table(profile.table->held_out);
  if (profile.log) json["plans_ahead"] = profile.plans_ahead;
  for (const TokenEnergy& energy : profile.energies) {
    json["energy"].push_back({{"batch", energy.batch},
                              {"joules_per_input_token", energy.joules_per_input_token},
                              {"joules_per_output_token", energy.joules_per_output_token}});
  }
  json["batch"] = pool.calibration.batch;
  json["requests_per_second"] = pool.calibration.requests_per_second;
  json["capacity_nt_per_s"] = pool.calibration.capacity_nt_per_second;
  json["output_burndown_milli"] = pool.calibration.burndown[TokenKind::kOutput];
  json["pool_yaml"] = PoolYaml(pool);
  return json;
}

int Complain(cli::Terminal& terminal, absl::string_view message, int code) {
  terminal.err << "penstock sim calibrate: " << message << "\n";
  return code;
}

absl::StatusOr<PoolDefinition> DefinePool(const CalibratedProfile& profile, const Flags& flags) {
  PoolDefinition pool;
  pool.name = PoolNameOf(flags.name.empty() ? profile.model : flags.name);
  pool.model = profile.model;
  pool.hardware = profile.hardware;
  pool.profile = flags.profile.substr(flags.profile.rfind('/') + 1);
  pool.fleet = {.replica = EngineOf(flags), .replicas = flags.replicas};
  pool.fleet.replica.law = profile.law;
  pool.mix = *ParseMix(flags.mix);
  auto calibration = Calibrate(pool.fleet, pool.mix, *ParsePace(flags.target));
  if (!calibration.ok()) return calibration.status();
  pool.calibration = *calibration;
  if (!profile.energies.empty()) pool.energy = EnergyNear(profile.energies, calibration->batch);
  return pool;
}

/// Unpacked, where it is compressed.
absl::StatusOr<std::string> ReadProfile(const std::string& path) {
  auto file = BytesOfFile(path);
  if (!file.ok()) return file.status();
  const std::unique_ptr<ByteSource> bytes = Decompressed(*std::move(file), path);
  std::string text;
  std::vector<char> piece(size_t{1} << 16);
  while (text.size() <= kLargestProfile) {
    const auto count = bytes->Read(piece);
    if (!count.ok()) return count.status();
    if (*count == 0) return text;
    text.append(piece.data(), *count);
  }
  return absl::InvalidArgumentError(absl::StrCat(path, ": larger than 256 MiB unpacked; give a part of it"));
}

int Run(const Flags& flags, cli::Terminal& terminal) {
  if (flags.step_tokens <= flags.max_sequences) {
    return Complain(terminal, "--step-tokens must be more than --max-sequences, or prompts would starve", cli::kUsage);
  }
  const auto text = ReadProfile(flags.profile);
  if (!text.ok()) {
    const bool damaged = text.status().code() == absl::StatusCode::kInvalidArgument;
    return Complain(terminal, text.status().message(), damaged ? cli::kBadData : cli::kIo);
  }
  const auto profile = FitProfile(*text, flags.profile, flags.choice, EngineOf(flags));
  if (!profile.ok()) {
    const bool choose = profile.status().code() == absl::StatusCode::kFailedPrecondition;
    return Complain(terminal, profile.status().message(), choose ? cli::kUsage : cli::kBadData);
  }
  ReportBadRows(flags, profile->bad, terminal.err);
  const auto pool = DefinePool(*profile, flags);
  if (!pool.ok()) return Complain(terminal, pool.status().message(), cli::kBadData);
  if (!flags.out.empty()) {
    std::ofstream file(flags.out, std::ios::binary);
    file << PoolYaml(*pool);
    if (!file.flush()) return Complain(terminal, "cannot write " + flags.out, cli::kIo);
  }
  if (flags.output == cli::Output::kJson) {
    terminal.out << JsonOf(*profile, *pool).dump(2) << "\n";
  } else {
    PrintText(*profile, *pool, flags, terminal);
  }
  return cli::kOk;
}

}  // namespace

void AddCalibrateCommand(CLI::App& sim, cli::Invocation& invocation) {
  CLI::App& command = *sim.add_subcommand(
      "calibrate", "Fit the iteration-time law to a measured profile and write a pool definition with its capacity");
  auto flags = std::make_shared<Flags>();
  command
      .add_option("--profile", flags->profile,
                  "vLLM request log (JSON lines), or a table of aiconfigurator or Splitwise; .gz and .zst too")
      ->required();
  command.add_option("--profile-format", flags->choice.format, "auto (default), log or table")
      ->check(CLI::IsMember({"auto", "log", "table"}));
  command.add_option("--model", flags->choice.model,
                     "Which model of a table (a part of its name); the name of a log's");
  command.add_option("--hardware", flags->choice.hardware, "Which hardware of a table, likewise");
  command.add_option("--mix", flags->mix, "Traffic: azure-conversation, azure-code, or INPUT:OUTPUT tokens")
      ->check(Accepts("must be azure-conversation, azure-code, or INPUT:OUTPUT like 1000:200",
                      [](const std::string& text) { return ParseMix(text).has_value(); }));
  command.add_option("--target-tpot", flags->target, "Time per output token that the pool is to keep, like 20ms")
      ->check(Accepts("must be a time like 20ms, at most a minute",
                      [](const std::string& text) { return ParsePace(text).has_value(); }));
  command.add_option("--replicas", flags->replicas, "Of the fleet (default 1)")->check(CLI::Range(1, 1'000'000));
  command.add_option("--max-sequences", flags->max_sequences, "Of a replica's batch (default 128)")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}));
  command.add_option("--step-tokens", flags->step_tokens, "Token budget of an iteration (default 2048)")
      ->check(CLI::Range(int64_t{2}, int64_t{100'000'000}));
  command.add_option("--kv-tokens", flags->kv_tokens, "That fit into a replica's KV memory (default: no limit)")
      ->check(CLI::Range(int64_t{0}, int64_t{100'000'000'000}));
  command.add_option("--pool", flags->name, "Name of the pool (default: the model's)");
  command.add_option("--out", flags->out, "Write the pool definition to this file instead of showing it");
  cli::AddOutputFlag(command, flags->output);
  cli::OnRun(command, invocation, [flags](cli::Terminal& terminal) { return Run(*flags, terminal); });
}

}  // namespace penstock::sim
