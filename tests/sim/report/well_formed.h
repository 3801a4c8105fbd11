// A strict look at HTML that is written like XML: every tag closed in order, every attribute quoted, every ampersand an
// entity.
#pragma once

#include <string>
#include <string_view>

namespace penstock::sim::report {

/// What is wrong first, with the text around it; empty: nothing.
std::string FaultIn(std::string_view html);

}  // namespace penstock::sim::report
