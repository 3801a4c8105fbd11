// Writes the example reports into a folder, to look at them: penstock_report_examples FOLDER.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/sim/report/example_reports.h"

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: penstock_report_examples FOLDER: writes tune.html and run.html there\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = arguments[1];
  std::ofstream(folder / "tune.html") << penstock::sim::report::TuneReportHtml(
      penstock::sim::report::ExampleTuneReport());
  std::ofstream(folder / "run.html") << penstock::sim::report::RunReportHtml(penstock::sim::report::ExampleRunReport());
  return std::filesystem::exists(folder / "run.html") ? 0 : 1;
}
