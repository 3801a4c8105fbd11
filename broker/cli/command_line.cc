#include "broker/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>
#include <utility>

#include "broker/cli/exit_codes.h"

namespace penstock::cli {

void OnRun(CLI::App& command, Invocation& invocation, std::function<int(Terminal&)> run) {
  command.callback([&invocation, run = std::move(run)] { invocation.exit_code = run(invocation.terminal); });
}

int Run(CLI::App& app, std::vector<std::string> arguments, Invocation& invocation) {
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  invocation.exit_code = kOk;
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {  // --help and --version arrive here as well, with exit code 0
    const int code = app.exit(error, invocation.terminal.out, invocation.terminal.err);
    return code == 0 ? kOk : kUsage;
  }
  invocation.terminal.out.flush();
  return invocation.exit_code;
}

}  // namespace penstock::cli
