// Where a command writes: the process's own streams, or a test's.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string_view>

namespace CLI {
class App;
}

namespace penstock::cli {

struct Terminal {
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;  // a person is looking at `out`
  bool err_is_terminal = false;  // a progress line may be drawn on `err`
  bool colour = false;           // never without a terminal: what is piped or stored has the same bytes everywhere
  std::istream* in = nullptr;    // where a person answers; nullptr: nobody does
  size_t columns = 80;
  bool utf8 = false;  // charts may use more than ASCII

  /// stdout, stderr and stdin; colour unless NO_COLOR is set (https://no-color.org) or TERM is "dumb"; UTF-8 when the
  /// locale in LC_ALL, LC_CTYPE or LANG says so.
  static Terminal OfProcess();
};

/// Puts the question on `err` and reads the answer; nobody there and anything but yes is no.
bool SaysYes(Terminal& terminal, std::string_view question);

enum class Output { kTable, kJson };

/// `-o table|json` (--format) into `output`, which must outlive the parsing.
void AddOutputFlag(CLI::App& command, Output& output);

}  // namespace penstock::cli
