// An iteration-time law from a table of times to the first token and per output token.
//
// Both are linear in c0, d, k and a, with B sequences of I + O tokens:
//
//   closed loop   per output token = c0 + B (d + k (I + O/2) / 1000 + a I/O)
//                 first token      = (1/2 + n) (c0 + B (d + k (I + O/2) / 1000)) + a I, n steps that the prompt takes
//   one batch     per output token = c0 + B (d + k (I + O/2) / 1000)
//                 first token      = c0 + a B I
//
// In a closed loop B is those of the clients that decode: clients x decode time / (decode time + first token). Its
// first tokens are compared, but not fitted: its clients fall in step and wait for each other's prompts, about which
// the law says nothing.
//
// Every third combination of prompt, output and batch is held out.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "sim/calibration/least_squares.h"
#include "sim/calibration/profile_table.h"
#include "sim/fleet/iteration_law.h"

namespace penstock::sim {

/// Mean relative errors, signs left out.
struct TableErrors {
  size_t rows = 0;
  double per_output = 0;
  double first_token = 0;
  double latency = 0;  // first token + (output - 1) x per output token
};

struct TableFit {
  IterationLaw law;
  Coefficients standard_errors = {};  // milliseconds; 0: the coefficient is at its bound
  TableErrors fitted;
  TableErrors held_out;
};

/// InvalidArgument when the rows are too few, or too much alike to tell the coefficients apart.
absl::StatusOr<TableFit> FitTable(const ProfileGroup& group, int64_t step_token_budget);

}  // namespace penstock::sim
