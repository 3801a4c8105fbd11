// A call that failed, in words: what, the reason as the daemon names it, and what to do about it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "broker/cli/terminal.h"

namespace grpc {
class Status;
}

namespace penstock::cli {

struct CallError {
  int exit_code = 0;
  std::string code;  // gRPC's name of it, for example "NOT_FOUND"
  std::string
      reason;  // ErrorInfo's reason, for example "UNKNOWN_POOL"; empty when it did not come from a daemon of ours
  std::string message;
  std::map<std::string, std::string> metadata;  // ErrorInfo's: which field, what was seen, what is known instead
  std::map<std::string, std::string> details;   // what else came with it: serialised messages by their full names
  std::string advice;                           // may be empty
};

/// `address` is where the call went, for the advice. `status` is not OK.
CallError ReadCallError(const grpc::Status& status, std::string_view address);

/// A failure on this side of the wire, before any call.
CallError LocalError(int exit_code, std::string message, std::string advice = {});

/// Text on `err`; with Output::kJson also {"error": {...}} on `out`. Returns the exit code.
int Report(const CallError& error, Output output, Terminal& terminal);

}  // namespace penstock::cli
