#include "broker/cli/demo/demo_command.h"

#include <absl/strings/str_cat.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>
#include <vector>

#include "broker/auth/api_keys.h"
#include "broker/auth/random_bytes.h"
#include "broker/auth/secret_file.h"
#include "broker/cli/answer_json.h"
#include "broker/cli/command_line.h"
#include "broker/cli/connection.h"
#include "broker/cli/demo/closing.h"
#include "broker/cli/demo/live_view.h"
#include "broker/cli/demo/report.h"
#include "broker/cli/demo/traffic_player.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/server_commands.h"
#include "broker/rpc/broker.h"
#include "ledger/ledger.h"

namespace penstock::cli::demo {
namespace {

namespace fs = std::filesystem;

constexpr Duration kDrainTimeout = Seconds(10);
constexpr Duration kInterruptedDrainTimeout = Seconds(1);  // a person is waiting
constexpr size_t kHashKeyBytes = 32;

struct Flags {
  Options options;
  std::string keep;
  Output output = Output::kTable;
};

// The first interrupt ends the traffic early and still settles and bills; a second one ends the program.
std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler may only touch such

extern "C" void OnDemoInterrupt(int) { interrupted = true; }

class Interrupts {
 public:
  Interrupts() {
    interrupted = false;
    struct sigaction action = {};
    action.sa_handler = OnDemoInterrupt;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &before_int_);
    sigaction(SIGTERM, &action, &before_term_);
  }
  ~Interrupts() {
    sigaction(SIGINT, &before_int_, nullptr);
    sigaction(SIGTERM, &before_term_, nullptr);
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

 private:
  struct sigaction before_int_ = {};
  struct sigaction before_term_ = {};
};

/// A directory of this run, gone when it ends.
class Workplace {
 public:
  static absl::StatusOr<std::unique_ptr<Workplace>> Make() {
    std::error_code error;
    std::string path = (fs::temp_directory_path(error) / "penstock-demo-XXXXXX").string();
    if (error || mkdtemp(path.data()) == nullptr) {
      return absl::UnavailableError(absl::StrCat("cannot make a directory like ", path, ": ", std::strerror(errno),
                                                 "; set TMPDIR to one that can be written to"));
    }
    return std::unique_ptr<Workplace>(new Workplace(path));
  }
  ~Workplace() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  explicit Workplace(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// The daemon of the run, and how to reach it.
struct Daemon {
  std::unique_ptr<rpc::Broker> broker;
  std::string data_dir;
  std::string gateway_key_file;
  std::string operator_key_file;
};

[[noreturn]] void LastWord(const absl::Status& status) {
  const std::string text = absl::StrCat("penstock demo: the journal failed: ", status.message(), "\n");
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
  _exit(kIo);
}

absl::StatusOr<auth::ApiKeyRecord> MakeKey(auth::Role role, const auth::HmacKey& hash_key, const std::string& file) {
  const auth::NewApiKey key = auth::MakeApiKey(auth::RandomBytes(auth::kApiKeyRandomBytes));
  if (absl::Status written = auth::CreateSecretFile(file, key.secret + "\n"); !written.ok()) return written;
  return auth::ApiKeyRecord{
      .id = key.id, .role = role, .tenant = "", .key = "", .hash = auth::HashOf(key.secret, hash_key)};
}

absl::StatusOr<Daemon> StartDaemon(const Setup& setup, const Parts& parts, const Workplace& workplace,
                                   const std::string& keep) {
  Daemon daemon{.broker = nullptr,
                .data_dir = keep.empty() ? workplace.File("data") : keep,
                .gateway_key_file = workplace.File("gateway.key"),
                .operator_key_file = workplace.File("operator.key")};
  const auth::HmacKey hash_key(auth::RandomBytes(kHashKeyBytes));
  auto gateway = MakeKey(auth::Role::kGateway, hash_key, daemon.gateway_key_file);
  if (!gateway.ok()) return gateway.status();
  auto operations = MakeKey(auth::Role::kOperator, hash_key, daemon.operator_key_file);
  if (!operations.ok()) return operations.status();
  auto journal = parts.journal(daemon.data_dir, /*read_only=*/false);
  if (!journal.ok()) return journal.status();
  rpc::BrokerTerms terms{.engine = setup.settings,
                         .journal = *std::move(journal),
                         .scheduling = parts.scheduling,
                         .data_dir = daemon.data_dir,
                         .api_keys = auth::ApiKeys(hash_key, {*gateway, *operations}),
                         .server = {.listen = "127.0.0.1:0", .tls_certificate = "", .tls_key = ""},
                         .on_fatal = LastWord};
  auto broker = rpc::Broker::Start(std::move(terms));
  if (!broker.ok()) return broker.status();
  daemon.broker = *std::move(broker);
  return daemon;
}

std::variant<Connection, CallError> Connect(const Daemon& daemon, const std::string& key_file) {
  ConnectionFlags flags;
  flags.address = absl::StrCat("127.0.0.1:", daemon.broker->port());
  flags.api_key_file = key_file;
  return Connection::Open(flags);
}

/// Reads the journal back from disk, as `penstock ledger verify` does, and compares where it ends.
void VerifyLedger(const std::string& data_dir, const Parts& parts, Outcome* outcome) {
  const auto journal = parts.journal(data_dir, /*read_only=*/true);
  if (!journal.ok()) {
    outcome->verification_fault = std::string(journal.status().message());
    return;
  }
  const absl::StatusOr<ledger::Verification> verification = ledger::Verify(**journal);
  if (!verification.ok()) {
    outcome->verification_fault = std::string(verification.status().message());
    return;
  }
  // A line that was left in the moment of its grant leaves a hold to its settle deadline; otherwise all are settled.
  if (verification->open_holds > 0 && !outcome->played.figures.interrupted) {
    outcome->verification_fault = absl::StrCat(verification->open_holds, " holds are still open");
    return;
  }
  outcome->books.entries = verification->entries;  // the drain's own entries included
  outcome->books.head = ledger::ToHex(verification->head.hash);
  outcome->verified = true;
}

int Fail(Terminal& terminal, const absl::Status& status) {
  terminal.err << "penstock demo: " << status.message() << "\n";
  return kIo;
}

std::string Introduction(const Setup& setup, const Options& options) {
  const core::PoolSettings& pool = setup.settings.pools.at(0);
  return absl::StrCat(setup.tenants.size(), " tenants share ", pool.terms.capacity.count() / kMilliNtPerNt, " nt/s of ",
                      pool.model, " for ", options.seconds, " s (seed ", options.seed,
                      "). One bought a reservation, one floods for free.\n",
                      "The daemon runs in this process; every request goes to it over gRPC on loopback.\n\n");
}

int RunDemo(const Flags& flags, const Parts& parts, const SetupBuilder& build, Terminal& terminal) {
  std::error_code error;
  if (!flags.keep.empty() && fs::exists(flags.keep, error) && !fs::is_empty(flags.keep, error)) {
    terminal.err << "penstock demo: --keep " << flags.keep << " is not empty: name a new directory\n";
    return kUsage;
  }
  const auto workplace = Workplace::Make();
  if (!workplace.ok()) return Fail(terminal, workplace.status());
  const Setup setup = build(flags.options);
  absl::StatusOr<Daemon> daemon = StartDaemon(setup, parts, **workplace, flags.keep);
  if (!daemon.ok()) return Fail(terminal, daemon.status());
  const auto gateway = Connect(*daemon, daemon->gateway_key_file);
  const auto operations = Connect(*daemon, daemon->operator_key_file);
  if (const auto* failed = std::get_if<CallError>(&gateway)) return Report(*failed, flags.output, terminal);
  if (const auto* failed = std::get_if<CallError>(&operations)) return Report(*failed, flags.output, terminal);

  terminal.err << Introduction(setup, flags.options) << std::flush;
  LiveView view(terminal.err, terminal.err_is_terminal, terminal.colour, setup, flags.options);
  const Interrupts interrupts;
  Outcome outcome{
      .played = PlayTraffic(std::get<Connection>(gateway), std::get<Connection>(operations), setup, interrupted,
                            [&](const Figures& figures, const Moment& moment) { view.Show(figures, moment); }),
      .books = {},
      .verification_fault = "",
      .kept_in = flags.keep};
  view.Clear();
  const Instant ended = outcome.played.started + outcome.played.lasted;
  if (const auto failed =
          ReadBooks(std::get<Connection>(operations), setup, outcome.played.started, ended, &outcome.books)) {
    return Report(*failed, flags.output, terminal);
  }
  const Duration patience = outcome.played.figures.interrupted ? kInterruptedDrainTimeout : kDrainTimeout;
  if (const absl::Status drained = daemon->broker->Drain(patience); !drained.ok()) return Fail(terminal, drained);
  daemon->broker.reset();
  VerifyLedger(daemon->data_dir, parts, &outcome);
  if (flags.output == Output::kJson) {
    terminal.out << Printed(ReportJson(outcome, setup, flags.options));
  } else {
    terminal.out << RenderReport(outcome, setup, flags.options, terminal.colour);
  }
  return outcome.verified ? kOk : kRefused;
}

}  // namespace

void AddDemoCommand(CLI::App& app, Invocation& invocation, const Parts& parts, SetupBuilder build) {
  auto flags = std::make_shared<Flags>();
  CLI::App& command = *app.add_subcommand("demo", "Real traffic on three tiers, one flood, one bill each");
  command.add_option("--seconds", flags->options.seconds, "how long traffic comes")
      ->check(CLI::Range(kShortestSeconds, kLongestSeconds))
      ->capture_default_str()
      ->option_text("S");
  command.add_option("--seed", flags->options.seed, "the same seed gives the same arrivals")
      ->capture_default_str()
      ->option_text("N");
  command.add_option("--keep", flags->keep, "keep the data directory here (new or empty)")->option_text("DIR");
  AddOutputFlag(command, flags->output);
  OnRun(command, invocation, [flags, &parts, build = std::move(build)](Terminal& terminal) {
    return RunDemo(*flags, parts, build, terminal);
  });
}

}  // namespace penstock::cli::demo
