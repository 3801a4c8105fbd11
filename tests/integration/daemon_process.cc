#include "tests/integration/daemon_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "admission/vocabulary/check.h"

namespace penstock::integration {
namespace {

constexpr const char* kConfig = R"(listen: 127.0.0.1:0
data_dir: data
drain_timeout_s: 5
auth:
  hash_key_file: hash_key
  keys:
%KEYS%
pools:
  - name: chat
    model: any
    capacity_nt_per_s: 100000000
    burst_nt: 100000000
    max_in_flight: 100000
    burndown: {input: 1, output: 4}
    lease_s: 600
    settle_within_s: 3600
  - name: brief
    model: any
    capacity_nt_per_s: 100000000
    burst_nt: 100000000
    max_in_flight: 100000
    burndown: {input: 1, output: 4}
    lease_s: 1
    settle_within_s: 1
tenants:
  - {name: shop, tier: elastic, keys: [{name: prod}]}
  - {name: tramp, tier: free, keys: [{name: prod}]}
  - {name: audit, tier: elastic, keys: [{name: prod}]}
  - {name: frugal, tier: elastic, budgets: {total: 0.25}, keys: [{name: prod}]}
tariff:
  version: integration-1
  currency: USD
  effective: 2026-01-01T00:00:00Z
  rounding: {to: "0.000000000001"}
  pools:
    chat:
      prices:
        free: {input: "0", output: "0"}
        default: {input: "0.60", output: "2.40"}
    brief:
      prices:
        free: {input: "0", output: "0"}
        default: {input: "0.60", output: "2.40"}
)";

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

Ran RunPenstock(const std::string& arguments) {
  const std::string command = std::string(PENSTOCK_BINARY) + " " + arguments + " 2>&1";
  Ran ran;
  FILE* pipe = popen(command.c_str(), "r");
  PENSTOCK_CHECK(pipe != nullptr);
  char buffer[4096];
  while (const size_t n = fread(buffer, 1, sizeof buffer, pipe)) ran.output.append(buffer, n);
  const int status = pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

DaemonProcess::DaemonProcess() {
  std::string pattern = std::filesystem::temp_directory_path() / "penstock-daemon-XXXXXX";
  PENSTOCK_CHECK(mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  std::string yaml;
  gateway_secret_ = NewKey("gateway", &yaml);
  operator_secret_ = NewKey("operator", &yaml);
  std::string config = kConfig;
  const std::string mark = "%KEYS%\n";
  config.replace(config.find(mark), mark.size(), yaml);
  std::ofstream(config_file()) << config;
  std::ofstream(gateway_key_file()) << gateway_secret_ << "\n";
  std::filesystem::permissions(gateway_key_file(), std::filesystem::perms::owner_read);
}

DaemonProcess::~DaemonProcess() {
  if (pid_ != 0) Kill();
  std::filesystem::remove_all(folder_);
}

std::string DaemonProcess::NewKey(const std::string& role, std::string* yaml) const {
  const Ran ran = RunPenstock("keys new --hash-key-file " + folder_ + "/hash_key --role " + role);
  PENSTOCK_CHECK(ran.exit_code == 0);
  std::istringstream lines(ran.output);
  std::string secret;
  bool in_yaml = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("psk_")) secret = line;
    in_yaml = in_yaml || line.starts_with("  - id:");
    if (in_yaml && line.starts_with("  ")) *yaml += "  " + line + "\n";
  }
  return secret;
}

bool DaemonProcess::Start() {
  const std::string log = folder_ + "/log";
  const std::string config = config_file();
  std::filesystem::remove(log);
  int out[2];
  PENSTOCK_CHECK(pipe2(out, O_CLOEXEC) == 0);
  pid_ = fork();
  PENSTOCK_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(out[1], STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    execl(PENSTOCK_BINARY, "penstock", "serve", "-c", config.c_str(), nullptr);
    _exit(127);
  }
  close(out[1]);
  FILE* said = fdopen(out[0], "r");
  char line[256] = "";
  const bool listens = fgets(line, sizeof line, said) != nullptr;
  fclose(said);
  if (!listens) {  // it ended instead
    WaitForExit();
    return false;
  }
  const std::string text = line;
  port_ = std::stoi(text.substr(text.rfind(':') + 1));
  return true;
}

void DaemonProcess::Signal(int number) { kill(pid_, number); }

int DaemonProcess::WaitForExit() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void DaemonProcess::Kill() {
  Signal(SIGKILL);
  WaitForExit();
}

int DaemonProcess::Stop() {
  Signal(SIGTERM);
  return WaitForExit();
}

std::string DaemonProcess::output() const { return ReadAll(folder_ + "/log"); }

std::shared_ptr<grpc::Channel> DaemonProcess::Channel() const {
  grpc::ChannelArguments own;
  own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // no connection outlives the daemon it was made for
  return grpc::CreateCustomChannel(address(), grpc::InsecureChannelCredentials(), own);
}

void DaemonProcess::Authorise(grpc::ClientContext& context, bool as_operator) const {
  context.AddMetadata("authorization", "Bearer " + (as_operator ? operator_secret_ : gateway_secret_));
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
}

}  // namespace penstock::integration
