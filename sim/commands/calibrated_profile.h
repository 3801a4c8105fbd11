// A profile file, whatever its format, as one fitted law.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/calibration/bad_row.h"
#include "sim/calibration/energy.h"
#include "sim/calibration/log_fit.h"
#include "sim/calibration/table_fit.h"

namespace penstock::sim {

struct ProfileChoice {
  std::string format = "auto";  // or log, table
  std::string model;            // of a table: part of the name of the group to take; of a log: what to call it
  std::string hardware;         // likewise
};

/// Exactly one of `log` and `table` is there.
struct CalibratedProfile {
  std::string model;
  std::string hardware;
  IterationLaw law;
  Coefficients standard_errors = {};
  std::optional<LawErrors> errors;  // of a log
  bool plans_ahead = false;         // found out from a log; a table says nothing about it
  std::optional<LogFit> log;
  std::optional<TableFit> table;
  std::vector<TokenEnergy> energies;
  size_t rows = 0;
  std::vector<BadRow> bad;
};

/// `engine`: the limits of the engine that was measured. InvalidArgument says what is wrong with the file;
/// FailedPrecondition that the choice leaves no group or several, and lists them.
absl::StatusOr<CalibratedProfile> FitProfile(std::string_view text, const std::string& file_name,
                                             const ProfileChoice& choice, const ReplicaTerms& engine);

}  // namespace penstock::sim
