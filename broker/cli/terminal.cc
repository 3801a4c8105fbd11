#include "broker/cli/terminal.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

namespace penstock::cli {
namespace {

bool WantsColour() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool refused = no_color != nullptr && *no_color != '\0';
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  return !refused && !dumb;
}

}  // namespace

Terminal Terminal::OfProcess() {
  const bool out_is_terminal = isatty(STDOUT_FILENO) == 1;
  const bool err_is_terminal = isatty(STDERR_FILENO) == 1;
  return {std::cout, std::cerr, out_is_terminal, err_is_terminal, out_is_terminal && WantsColour()};
}

void AddOutputFlag(CLI::App& command, Output& output) {
  static const std::map<std::string, Output> kFormats = {{"table", Output::kTable}, {"json", Output::kJson}};
  command.add_option("-o,--format", output, "table (for people) or json (one object, stable keys)")
      ->transform(CLI::CheckedTransformer(kFormats).description(""))
      ->option_text("table|json");
}

}  // namespace penstock::cli
