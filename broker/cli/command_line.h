// Parses a command line and runs the command it names.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "broker/cli/terminal.h"

namespace CLI {
class App;
}

namespace penstock::cli {

/// One run of the program: where its command writes, and the exit status it leaves behind.
struct Invocation {
  Terminal& terminal;
  int exit_code = 0;
};

/// Makes `run` the subcommand's action; what it returns becomes the exit status.
void OnRun(CLI::App& command, Invocation& invocation, std::function<int(Terminal&)> run);

/// `arguments` without the program's name. Usage errors end with 64 and a hint at --help, --help with 0; else what the
/// command returned.
int Run(CLI::App& app, std::vector<std::string> arguments, Invocation& invocation);

}  // namespace penstock::cli
