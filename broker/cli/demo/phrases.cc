#include "broker/cli/demo/phrases.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "broker/cli/wording.h"

namespace penstock::cli::demo {
namespace {

// The contract's word, less what goes without saying in a column of refusals.
std::string Short(const std::string& reason) {
  return absl::StrReplaceAll(reason, {{"queue_", ""}, {"wait_", ""}, {"_limit", ""}, {"_", " "}});
}

}  // namespace

std::string Spent(int64_t nanoseconds) {
  const double ms = static_cast<double>(nanoseconds) / 1e6;
  if (ms < 9.95) return absl::StrFormat("%.1f ms", ms);
  if (ms < 999.5) return absl::StrFormat("%.0f ms", ms);
  return absl::StrFormat("%.2f s", ms / 1e3);
}

std::string Percent(int64_t part, int64_t whole) {
  if (whole == 0 || part == 0) return "0 %";
  const double percent = 100 * static_cast<double>(part) / static_cast<double>(whole);
  return percent < 1 ? "under 1 %" : absl::StrFormat("%.0f %%", percent);
}

std::string Reasons(const std::map<std::string, int64_t>& reasons) {
  std::vector<std::pair<int64_t, std::string>> ranked;
  for (const auto& [reason, count] : reasons) ranked.emplace_back(-count, reason);
  std::sort(ranked.begin(), ranked.end());
  std::string text;
  for (const auto& [count, reason] : ranked) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", Short(reason), " ", Grouped(-count));
  }
  return text;
}

std::string WholeNt(int64_t milli_nt) { return Grouped(milli_nt / kMilliNtPerNt); }

std::string Wrapped(const std::string& text) {
  std::string wrapped;
  size_t used = 0;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    const bool fits = used == 0 || used + 1 + word.size() <= kLineWidth;
    absl::StrAppend(&wrapped, used == 0 ? "" : fits ? " " : "\n", word);
    used = fits && used > 0 ? used + 1 + word.size() : word.size();
  }
  return wrapped + "\n";
}

}  // namespace penstock::cli::demo
