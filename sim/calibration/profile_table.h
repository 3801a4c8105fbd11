// Measured tables: how long the first token took and each one after it, by prompt, output and batch. Two published
// formats:
//   aiconfigurator  a closed loop of `silicon_concurrency` clients on one engine; prompts are prefilled beside decodes
//   Splitwise       a batch whose prompts were computed at once and which then decoded; some rows with power
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sim/calibration/bad_row.h"

namespace penstock::sim {

enum class ProfileLoad : uint8_t { kClosedLoop, kOneBatch };

struct ProfileRow {
  size_t line = 0;
  int64_t input = 0;       // tokens of a prompt
  int64_t output = 0;      // tokens of an answer, at least 2
  int64_t concurrent = 0;  // clients in a closed loop, or sequences of the batch
  double first_token_ms = 0;
  double per_output_ms = 0;
  double prompt_watts = 0;  // of all accelerators while the prompts were computed; 0: not measured
  double mean_watts = 0;    // over the whole run
};

/// Rows of the same model on the same hardware and software.
struct ProfileGroup {
  std::string model;
  std::string hardware;  // "2xh100_sxm vllm fp8", "8xa100-80gb"
  ProfileLoad load = ProfileLoad::kClosedLoop;
  std::vector<ProfileRow> rows;
};

struct ProfileTable {
  std::vector<ProfileGroup> groups;  // by model, then hardware
  std::vector<BadRow> bad;
};

/// What a Splitwise power of 1 means: the board's rated power. The file says only parts of it. Assumed: the SXM boards,
/// 400 W an A100 and 700 W an H100, and 350 W where the H100 was capped. 0 for hardware we know nothing about.
double BoardWatts(std::string_view hardware);

/// By the columns of the header. InvalidArgument when it is of neither format.
absl::StatusOr<ProfileTable> ParseProfileTable(std::string_view csv, std::string_view file_name);

}  // namespace penstock::sim
