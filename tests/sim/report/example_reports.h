// Reports with invented figures, as large and as uneven as real ones: for looking at, and for tests of size and form.
#pragma once

#include "sim/report/run_report.h"
#include "sim/report/tune_report.h"

namespace penstock::sim::report {

TuneReport ExampleTuneReport();
RunReport ExampleRunReport();

}  // namespace penstock::sim::report
