// What `penstock sim tune` found: tables for people, JSON for programs.
#pragma once

#include <string>

#include "sim/commands/tune_report.h"

namespace penstock::sim {

/// `out`: the folder that the files went to.
std::string RenderTune(const TuneFindings& findings, const std::string& out, bool colour);

/// One object, stable keys.
std::string TuneJson(const TuneFindings& findings);

}  // namespace penstock::sim
