// The look of the report: CSS, light and dark, screen and paper. Series colours s0 ... s7 are those of Okabe and Ito,
// which colour-blind readers tell apart; each series has its own dashes too.
#pragma once

#include <string_view>

namespace penstock::sim::report {

std::string_view Style();

}  // namespace penstock::sim::report
