// How the demo ends: the story as text, or all of it as one JSON object.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "broker/cli/demo/closing.h"
#include "broker/cli/demo/setup.h"
#include "broker/cli/demo/traffic_player.h"

namespace penstock::cli::demo {

struct Outcome {
  Played played;
  Books books;
  bool verified = false;
  std::string verification_fault;  // why not
  std::string kept_in;             // the data directory, when it outlives the run
};

/// The reserved tenant's waits against those of free traffic, in one sentence.
std::string SentenceThatMatters(const Outcome& outcome, const Setup& setup);

std::string RenderReport(const Outcome& outcome, const Setup& setup, const Options& options, bool colour);
nlohmann::ordered_json ReportJson(const Outcome& outcome, const Setup& setup, const Options& options);

}  // namespace penstock::cli::demo
