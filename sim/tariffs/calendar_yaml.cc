#include "sim/tariffs/calendar_yaml.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "sim/tariffs/yaml_text.h"

namespace penstock::sim {
namespace {

using ledger::Calendar;
using ledger::kHoursOfWeek;
using ledger::kMonths;

constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

// The hours of a day that are in the band, as "8-20" and the like.
std::vector<std::string> SpansOf(const Calendar& calendar, size_t band, size_t day) {
  std::vector<std::string> spans;
  for (size_t from = 0; from < 24;) {
    const auto is_in = [&](size_t hour) { return calendar.band_of_hour[day * 24 + hour] == band; };
    size_t to = from;
    while (to < 24 && is_in(to)) ++to;
    if (to > from) spans.push_back(absl::StrCat(from, "-", to));
    from = to + 1;
  }
  return spans;
}

// Days with the same hours make one entry for each span.
std::string BandText(const Calendar& calendar, size_t band) {
  std::vector<std::string> entries;
  std::array<bool, kDays.size()> written{};
  for (size_t day = 0; day < kDays.size(); ++day) {
    const std::vector<std::string> spans = SpansOf(calendar, band, day);
    if (written[day]) continue;
    std::string days;
    for (size_t other = day; other < kDays.size(); ++other) {
      if (SpansOf(calendar, band, other) != spans) continue;
      written[other] = true;
      absl::StrAppend(&days, days.empty() ? "" : ",", Abseil(kDays[other]));
    }
    for (const std::string& span : spans) entries.push_back(absl::StrCat("{days: \"", days, "\", hours: ", span, "}"));
  }
  return absl::StrCat("[", Joined(entries), "]");
}

std::string SeasonText(const Calendar& calendar, size_t season) {
  std::vector<std::string> months;
  for (size_t m = 0; m < kMonths; ++m) {
    if (calendar.season_of_month[m] == season) months.push_back(absl::StrCat(m + 1));
  }
  return absl::StrCat("[", Joined(months), "]");
}

}  // namespace

absl::Status AppendCalendarYaml(const Calendar& calendar, std::string& text) {
  for (const auto* names : {&calendar.bands, &calendar.seasons}) {
    for (const std::string& name : *names) {
      if (!IsFileName(name)) return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is not a name"));
    }
  }
  absl::StrAppend(&text, "time_zone: ", calendar.zone, "\n");
  if (!calendar.bands.empty()) {
    absl::StrAppend(&text, "\n# Every hour of the week is in exactly one band.\ntime_of_use:\n");
  }
  for (size_t b = 0; b < calendar.bands.size(); ++b) {
    absl::StrAppend(&text, "  ", calendar.bands[b], ": ", BandText(calendar, b), "\n");
  }
  if (!calendar.seasons.empty()) absl::StrAppend(&text, "\nseasons:  # months\n");
  for (size_t s = 0; s < calendar.seasons.size(); ++s) {
    absl::StrAppend(&text, "  ", calendar.seasons[s], ": ", SeasonText(calendar, s), "\n");
  }
  return absl::OkStatus();
}

std::optional<std::string> PercentText(const std::array<int64_t, kMonths>& percent, const Calendar& calendar,
                                       bool skip_zero) {
  // One figure for the months of one season (or of all seasons), or nothing.
  const auto figure = [&](std::optional<size_t> season) -> std::optional<int64_t> {
    std::optional<int64_t> found;
    for (size_t m = 0; m < kMonths; ++m) {
      if ((season && calendar.season_of_month[m] != *season) || (skip_zero && percent[m] == 0)) continue;
      if (found && *found != percent[m]) return std::nullopt;
      found = percent[m];
    }
    return found.value_or(0);
  };
  if (const auto all = figure(std::nullopt)) return absl::StrCat(*all);
  if (calendar.seasons.empty()) return std::nullopt;
  std::vector<std::string> texts;
  for (size_t s = 0; s < calendar.seasons.size(); ++s) {
    const auto of_season = figure(s);
    if (!of_season) return std::nullopt;
    texts.push_back(absl::StrCat(calendar.seasons[s], ": ", *of_season));
  }
  return absl::StrCat("{", Joined(texts), "}");
}

}  // namespace penstock::sim
