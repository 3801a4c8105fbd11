// Where a command writes: the process's own streams, or a test's.
#pragma once

#include <iosfwd>

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

  /// stdout and stderr; colour unless NO_COLOR is set (https://no-color.org) or TERM is "dumb".
  static Terminal OfProcess();
};

enum class Output { kTable, kJson };

/// `-o table|json` (--format) into `output`, which must outlive the parsing.
void AddOutputFlag(CLI::App& command, Output& output);

}  // namespace penstock::cli
