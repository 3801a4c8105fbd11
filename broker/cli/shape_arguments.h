// How much, when: --rate, --from, --to, --repeat, or --steps FILE, read into the contract's Shape.
//
// A time that ends with Z, or with an offset such as +01:00, is that moment; another one is local in --zone (UTC unless
// it is given). With --repeat the first window is as --from and --to say, and the others lie at the same local time.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <variant>

#include "broker/cli/call_error.h"
#include "penstock/v1/reservations.pb.h"

namespace penstock::cli {

struct ShapeFlags {
  int64_t rate = 0;
  std::string from;
  std::string to;
  std::string repeat;  // "weekdays", "mon,wed"; empty: once
  std::string until;
  std::string zone = "UTC";
  bool skip_dst_holes = false;
  std::string steps_file;

  void AddTo(CLI::App& command);
  bool IsGiven() const { return rate != 0 || !to.empty() || !from.empty() || !steps_file.empty(); }
};

/// What the flags say, or what is wrong with them (exit 64; a file of steps: 65 or 74).
std::variant<v1::Shape, CallError> ReadShape(const ShapeFlags& flags);

/// --project, --overrun and what requests are like.
struct TermsFlags {
  std::string project;
  std::string overrun;
  int64_t mean_work = 0;
  std::string mean_residence;
  int64_t largest_context = 0;

  void AddTo(CLI::App& command);
  static void AddOverrunTo(CLI::App& command, std::string& overrun);
  v1::Envelope ToEnvelope() const;
};

/// "spill", "wait", "refuse"; empty: unspecified.
v1::Overrun ToOverrun(const std::string& word);

}  // namespace penstock::cli
