// What is seen while the traffic plays: a table that redraws itself on a terminal, else a plain line every few seconds.
#pragma once

#include <iosfwd>
#include <string>

#include "broker/cli/demo/figures.h"
#include "broker/cli/demo/setup.h"
#include "broker/cli/demo/traffic_player.h"

namespace penstock::cli::demo {

/// The table and the lines around it, without control sequences.
std::string RenderMoment(const Figures& figures, const Moment& moment, const Setup& setup, const Options& options);

class LiveView {
 public:
  /// `err` is stderr when it is a terminal. All must outlive this.
  LiveView(std::ostream& err, bool is_terminal, bool colour, const Setup& setup, const Options& options)
      : err_(err), is_terminal_(is_terminal), colour_(colour), setup_(setup), options_(options) {}

  /// Draws over what was drawn before.
  void Show(const Figures& figures, const Moment& moment);
  /// Takes the table away, so that what comes next starts on its line.
  void Clear();

 private:
  void Draw(const std::string& text);
  void SayProgress(const Figures& figures, const Moment& moment);

  std::ostream& err_;
  const bool is_terminal_;
  const bool colour_;
  const Setup& setup_;
  const Options& options_;
  int drawn_lines_ = 0;
  Duration next_progress_;
};

}  // namespace penstock::cli::demo
