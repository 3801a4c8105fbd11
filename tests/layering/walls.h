// The walls of the house: which folder may know which, and what the pure rooms never do. The tables at the top of
// walls.cc are the rules; a finding says what to do instead.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/layering/source.h"

namespace penstock::layering {

struct Finding {
  std::string path;
  int line;  // from 1
  std::string_view rule;
  std::string what;
  std::string_view instead;
};

/// The names of all rules; each has a folder of that name in fixtures/.
std::vector<std::string_view> RuleNames();

/// All rules over one file. Rules judge .h, .cc and .proto files by their path from the project's root.
std::vector<Finding> Check(const Source& source);

/// "path:line: [rule] what. Instead: ..."
std::string Describe(const Finding& finding);

}  // namespace penstock::layering
