// A report as one HTML file: no network, no script; light and dark; for a screen, a telephone and paper.
#pragma once

#include <string>
#include <vector>

#include "sim/report/section.h"

namespace penstock::sim::report {

struct Page {
  std::string heading;
  std::string subtitle;           // one line below: scenario, period, runs
  std::string opening;            // HTML before the contents: verdict, key figures
  std::vector<Section> sections;  // those with an empty body are left out
};

std::string PageHtml(const Page& page);

}  // namespace penstock::sim::report
