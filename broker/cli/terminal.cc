#include "broker/cli/terminal.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <sys/ioctl.h>
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

// The first of the variables that is set decides, as for setlocale.
bool LocaleIsUtf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* locale = std::getenv(name);
    if (locale == nullptr || *locale == '\0') continue;
    const std::string name_in_capitals = absl::AsciiStrToUpper(locale);
    return absl::StrContains(name_in_capitals, "UTF-8") || absl::StrContains(name_in_capitals, "UTF8");
  }
  return false;
}

size_t ColumnsOfStdout() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Terminal Terminal::OfProcess() {
  const bool out_is_terminal = isatty(STDOUT_FILENO) == 1;
  const bool err_is_terminal = isatty(STDERR_FILENO) == 1;
  const bool somebody_is_there = err_is_terminal && isatty(STDIN_FILENO) == 1;
  return {.out = std::cout,
          .err = std::cerr,
          .out_is_terminal = out_is_terminal,
          .err_is_terminal = err_is_terminal,
          .colour = out_is_terminal && WantsColour(),
          .in = somebody_is_there ? &std::cin : nullptr,
          .columns = ColumnsOfStdout(),
          .utf8 = LocaleIsUtf8()};
}

bool SaysYes(Terminal& terminal, std::string_view question) {
  if (terminal.in == nullptr) return false;
  terminal.err << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(*terminal.in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

void AddOutputFlag(CLI::App& command, Output& output) {
  static const std::map<std::string, Output> kFormats = {{"table", Output::kTable}, {"json", Output::kJson}};
  command.add_option("-o,--format", output, "table (for people) or json (one object, stable keys)")
      ->transform(CLI::CheckedTransformer(kFormats).description(""))
      ->option_text("table|json");
}

}  // namespace penstock::cli
