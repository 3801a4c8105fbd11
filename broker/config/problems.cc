#include "broker/config/problems.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <numeric>
#include <tuple>

namespace penstock::config {
namespace {

constexpr size_t kShown = 20;
constexpr size_t kKept = 10'000;  // an absurd file must not fill the memory
constexpr size_t kQuotedBytes = 60;
constexpr size_t kComparedBytes = 100;

// Edits (insert, delete, replace, swap of neighbours) that turn one into the other.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

void Problems::Add(const std::string& file, Place place, const std::string& path, std::string_view what) {
  if (found_.size() == kKept) return;
  const auto known = std::find(files_.begin(), files_.end(), file);
  const auto index = static_cast<size_t>(known - files_.begin());
  if (known == files_.end()) files_.push_back(file);
  const absl::string_view text(what.data(), what.size());
  found_.push_back({index, place, absl::StrCat(path, path.empty() ? "" : ": ", text)});
}

absl::Status Problems::ToStatus() const {
  if (none()) return absl::OkStatus();
  std::vector<Problem> sorted = found_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.file, a.place.line, a.place.column) < std::tie(b.file, b.place.line, b.place.column);
  });
  std::string text;
  for (size_t i = 0; i < std::min(sorted.size(), kShown); ++i) {
    const Problem& problem = sorted[i];
    absl::StrAppend(&text, i == 0 ? "" : "\n", files_[problem.file], ":", problem.place.line, ":", problem.place.column,
                    ": ", problem.text);
  }
  if (sorted.size() > kShown) absl::StrAppend(&text, "\n(and ", sorted.size() - kShown, " more)");
  return absl::InvalidArgumentError(text);
}

std::string Quoted(std::string_view text) {
  const bool cut = text.size() > kQuotedBytes;
  const absl::string_view shown(text.data(), std::min(text.size(), kQuotedBytes));
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(shown), cut ? "...\"" : "\"");
}

std::string_view NearestName(std::string_view name, const std::vector<std::string_view>& candidates) {
  if (name.size() > kComparedBytes) return {};
  std::string_view nearest;
  size_t least = std::max<size_t>(name.size() / 3, 1) + 1;  // farther than a third of the name is another name
  for (const std::string_view candidate : candidates) {
    const size_t distance = EditDistance(name, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string DidYouMean(std::string_view name, const std::vector<std::string_view>& candidates) {
  const std::string_view nearest = NearestName(name, candidates);
  return nearest.empty() ? "" : absl::StrCat("; did you mean ", Quoted(nearest), "?");
}

}  // namespace penstock::config
