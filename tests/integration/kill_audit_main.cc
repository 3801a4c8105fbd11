// Kills a daemon under load with SIGKILL at random moments and starts it again, many times, while an auditor in a
// process of its own keeps its own record; then compares that record with the ledger. tests/long/kill_audit starts it.
#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "admission/vocabulary/check.h"
#include "penstock/v1/billing.grpc.pb.h"
#include "tests/integration/daemon_process.h"
#include "tests/integration/kill_audit.h"

namespace penstock::integration {
namespace {

/// Every so many lives the arrival log is replayed.
constexpr int kLivesBetweenReplays = 4;
constexpr uint64_t kMostSettlementsALife = 150;

/// A process with pipes to its stdin and from its stdout.
class Child {
 public:
  explicit Child(const std::vector<std::string>& arguments) {
    int in[2];
    int out[2];
    PENSTOCK_CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    std::vector<char*> argv;
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    pid_ = fork();
    PENSTOCK_CHECK(pid_ >= 0);
    if (pid_ == 0) {
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    in_ = in[1];
    out_ = out[0];
  }
  ~Child() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    Wait();
  }

  void Tell(const std::string& line) {
    const std::string text = line + "\n";
    PENSTOCK_CHECK(write(in_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  /// Waits for so many bytes; false when it ended before.
  bool Await(uint64_t bytes) {
    char buffer[256];
    while (bytes > 0) {
      const ssize_t got = read(out_, buffer, std::min<uint64_t>(bytes, sizeof buffer));
      if (got <= 0) return false;
      bytes -= static_cast<uint64_t>(got);
    }
    return true;
  }
  /// Closes its stdin and waits for its end.
  int Wait() {
    close(in_);
    int status = 0;
    waitpid(pid_, &status, 0);
    close(out_);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  int in_ = -1;
  int out_ = -1;
};

struct Replays {
  uint64_t boots = 0;
  uint64_t commands = 0;
  uint64_t decisions = 0;
  uint64_t unlogged = 0;
};

/// The newest boot's; says what is wrong.
std::string ReplayNewest(const DaemonProcess& daemon, Replays* replays) {
  const Ran ran = RunPenstock("ledger replay --data " + daemon.data_dir() + " -o json");
  if (ran.exit_code != 0) return ran.output;
  const auto json = nlohmann::json::parse(ran.output);
  ++replays->boots;
  replays->commands += json["commands"].get<uint64_t>();
  replays->decisions += json["decisions_equal"].get<uint64_t>();
  replays->unlogged += json["journal"]["unlogged_entries"].get<uint64_t>();
  return "";
}

std::string TotalBilled(const DaemonProcess& daemon, const std::string& tenant) {
  grpc::ClientContext context;
  daemon.Authorise(context, /*as_operator=*/true);
  v1::PreviewStatementRequest request;
  request.set_tenant("tenants/" + tenant);
  v1::Statement statement;
  const grpc::Status status = v1::Billing::NewStub(daemon.Channel())->PreviewStatement(&context, request, &statement);
  return status.ok() ? statement.total() : status.error_message();
}

int Fail(const std::string& what) {
  std::cout << "BROKEN: " << what << std::endl;
  return 1;
}

int Run(const std::string& self, int loops, uint64_t seed) {
  std::cout << "PENSTOCK_SEED=" << seed << std::endl;
  std::mt19937_64 random(seed);
  DaemonProcess daemon;
  const std::string record = daemon.path("record");
  const std::string tenants = daemon.path("tenants");
  std::ofstream(tenants) << "tenants/shop/keys/prod\ntenants/tramp/keys/prod\n";
  Child auditor({self, "--auditor", record, daemon.gateway_key_file(), std::to_string(seed)});
  Replays replays;
  for (int life = 1; life <= loops; ++life) {
    if (!daemon.Start()) return Fail("life " + std::to_string(life) + " did not start: " + daemon.output());
    {
      Child load({PENSTOCK_BINARY,
                  "bench",
                  "--session",
                  "--address",
                  daemon.address(),
                  "--api-key-file",
                  daemon.gateway_key_file(),
                  "--pool",
                  "chat",
                  "--tenants",
                  tenants,
                  "--input",
                  "100",
                  "--output",
                  "100",
                  "--batch",
                  "64",
                  "--rate",
                  "2000",
                  "--seconds",
                  "3600",
                  "-o",
                  "json"});
      auditor.Tell(daemon.address());
      if (!auditor.Await(1 + random() % kMostSettlementsALife)) return Fail("the auditor gave up, see above");
      daemon.Kill();
    }
    if (life % kLivesBetweenReplays != 0) continue;
    if (const std::string wrong = ReplayNewest(daemon, &replays); !wrong.empty()) return Fail(wrong);
    std::cout << life << " kills" << std::endl;
  }
  if (!daemon.Start()) return Fail("the last life did not start: " + daemon.output());
  auditor.Tell("settle " + daemon.address());
  if (auditor.Wait() != 0) return Fail("the auditor gave up, see above");
  const std::string billed_audit = TotalBilled(daemon, "audit");
  const std::string billed_frugal = TotalBilled(daemon, "frugal");
  daemon.Kill();  // once more: the load's grants are open
  if (const std::string wrong = ReplayNewest(daemon, &replays); !wrong.empty()) return Fail(wrong);

  AuditCounts counts;
  if (const std::string wrong = CompareWithJournal(record, daemon.data_dir(), &counts); !wrong.empty()) {
    return Fail(wrong);
  }
  if (billed_audit != counts.audit || billed_frugal != counts.frugal) {
    return Fail("bills are " + billed_audit + " and " + billed_frugal + ", the record has " + counts.audit + " and " +
                counts.frugal);
  }
  const Ran verified = RunPenstock("ledger verify --data " + daemon.data_dir());
  if (verified.exit_code != 0) return Fail(verified.output);
  std::cout << loops + 1 << " kills: " << counts.admits << " admits answered and " << counts.refused
            << " refused by the budget, " << counts.settled << " settlements each once in the journal, "
            << counts.in_doubt << " calls in doubt resolved, " << counts.held
            << " times a hold was still there after a kill; billed " << counts.audit << " and " << counts.frugal
            << " (of 0.25), as recorded\n"
            << replays.boots << " boots replayed: " << replays.commands << " commands, " << replays.decisions
            << " decisions equal; " << replays.unlogged << " journal entries were beyond the ends of the logs\n"
            << verified.output << std::flush;
  return 0;
}

}  // namespace
}  // namespace penstock::integration

int main(int argc, char** argv) {
  namespace integration = penstock::integration;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 4 && arguments[0] == "--auditor") {
    return integration::RunAuditor(arguments[1], arguments[2], std::stoull(arguments[3]));
  }
  int loops = 200;
  if (arguments.size() == 2 && arguments[0] == "--loops") loops = std::atoi(arguments[1].c_str());
  if (loops < 1 || (!arguments.empty() && arguments[0] != "--loops")) {
    std::cerr << "Usage: kill_audit [--loops N]\n";
    return 64;
  }
  signal(SIGPIPE, SIG_IGN);
  const char* wanted = std::getenv("PENSTOCK_SEED");
  const uint64_t seed = wanted != nullptr ? std::stoull(wanted) : std::random_device()();
  return integration::Run("/proc/self/exe", loops, seed);
}
