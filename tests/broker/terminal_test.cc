// What the process knows of the terminal it writes to: a child of this test, with a pseudo-terminal as its output.
#include "broker/cli/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <string>

namespace penstock::cli {
namespace {

enum class Output { kTerminal, kFile };

/// What `asks` says in a process with that output and these variables, NO_COLOR and TERM being unset otherwise.
bool InAProcess(Output output, const std::map<std::string, std::string>& variables,
                const std::function<bool(const Terminal&)>& asks) {
  const int controller = posix_openpt(O_RDWR | O_NOCTTY);
  EXPECT_TRUE(controller >= 0 && grantpt(controller) == 0 && unlockpt(controller) == 0);
  const std::string path = output == Output::kTerminal ? ptsname(controller) : "/dev/null";
  const pid_t child = fork();
  if (child == 0) {
    const int out = open(path.c_str(), O_RDWR | O_NOCTTY);
    winsize size{.ws_row = 40, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
    if (output == Output::kTerminal) ioctl(out, TIOCSWINSZ, &size);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    unsetenv("NO_COLOR");
    unsetenv("TERM");
    for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
    _exit(asks(Terminal::OfProcess()) ? 1 : 0);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  close(controller);
  return WEXITSTATUS(status) == 1;
}

bool HasColour(const Terminal& terminal) { return terminal.colour; }

TEST(Terminal, HasColourWhereAPersonLooksAndDoesNotMind) {
  EXPECT_TRUE(InAProcess(Output::kTerminal, {{"TERM", "xterm"}}, HasColour));
  EXPECT_TRUE(InAProcess(Output::kTerminal, {{"TERM", "xterm"}, {"NO_COLOR", ""}}, HasColour)) << "set, but empty";
  EXPECT_FALSE(InAProcess(Output::kTerminal, {{"TERM", "xterm"}, {"NO_COLOR", "1"}}, HasColour));
  EXPECT_FALSE(InAProcess(Output::kTerminal, {{"TERM", "dumb"}}, HasColour));
  EXPECT_FALSE(InAProcess(Output::kTerminal, {}, HasColour));
  EXPECT_FALSE(InAProcess(Output::kFile, {{"TERM", "xterm"}}, HasColour));
}

TEST(Terminal, DrawsProgressOnlyWhereAPersonLooks) {
  const auto draws = [](const Terminal& terminal) { return terminal.err_is_terminal && terminal.out_is_terminal; };
  EXPECT_TRUE(InAProcess(Output::kTerminal, {}, draws));
  EXPECT_FALSE(InAProcess(Output::kFile, {}, draws));
}

TEST(Terminal, KnowsHowWideItIs) {
  EXPECT_TRUE(InAProcess(Output::kTerminal, {}, [](const Terminal& terminal) { return terminal.columns == 100; }));
  EXPECT_TRUE(InAProcess(Output::kFile, {}, [](const Terminal& terminal) { return terminal.columns == 80; }));
}

}  // namespace
}  // namespace penstock::cli
