// A real `penstock serve` in a process of its own, on a free port, with a configuration and keys of its own.
#pragma once

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include <memory>
#include <string>

namespace penstock::integration {

/// The result of a command that ran to its end.
struct Ran {
  int exit_code = 0;
  std::string output;  // stdout and stderr
};

/// Runs the penstock binary with these arguments.
Ran RunPenstock(const std::string& arguments);

class DaemonProcess {
 public:
  /// Makes a temporary folder with keys and a configuration: pool `chat` (plenty) and pool `brief`, whose leases and
  /// holds last one second; tenants shop, audit, frugal (elastic, frugal with a hard budget of 0.25 in all) and tramp
  /// (free), each with key `prod`.
  DaemonProcess();
  ~DaemonProcess();

  /// Starts it and waits until it listens; false when it ended instead (see output()).
  bool Start();
  /// kill -9, and waits for the end.
  void Kill();
  /// SIGTERM, and the exit code.
  int Stop();
  /// Without waiting for the end.
  void Signal(int number);
  int WaitForExit();

  std::string data_dir() const { return folder_ + "/data"; }
  std::string config_file() const { return folder_ + "/penstock.yaml"; }
  /// Holds the gateway's secret, for processes that call.
  std::string gateway_key_file() const { return folder_ + "/gateway_key"; }
  /// A file of the test's own beside them.
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  /// What it wrote to stderr since its last start.
  std::string output() const;
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  std::shared_ptr<grpc::Channel> Channel() const;
  /// Credentials of the gateway or the operator, and a deadline.
  void Authorise(grpc::ClientContext& context, bool as_operator = false) const;

 private:
  std::string NewKey(const std::string& role, std::string* yaml) const;
  std::string folder_;
  std::string gateway_secret_;
  std::string operator_secret_;
  pid_t pid_ = 0;
  int port_ = 0;
};

}  // namespace penstock::integration
