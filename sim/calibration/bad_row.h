// A row of a profile that could not be used, and why: reported and counted, never silently dropped.
#pragma once

#include <cstddef>
#include <string>

namespace penstock::sim {

struct BadRow {
  size_t line = 0;      // 1 is the first of the file
  std::string problem;  // "field: what is wrong"
};

}  // namespace penstock::sim
