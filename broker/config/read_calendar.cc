// The time zone of a tariff, as shifts, and its names for hours of the week and months.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <array>
#include <utility>

#include "broker/config/decimal.h"
#include "broker/config/tariff_readers.h"
#include "broker/config/time_zone.h"

namespace penstock::config {
namespace {

using ledger::Calendar;
using ledger::kHoursOfWeek;
using ledger::kMonths;

constexpr Duration kResolvedBefore = Days(2 * 366);  // ratchets look back eleven months
constexpr Duration kResolvedAfter = Days(30 * 366);
constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr uint8_t kNone = 255;

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

void ReadZone(Section& tariff, Instant effective, Calendar& calendar) {
  calendar.zone = tariff.Text({.name = "time_zone", .otherwise = "UTC", .example = "Europe/Berlin"});
  auto shifts = ResolveZone(calendar.zone, effective - kResolvedBefore, effective + kResolvedAfter);
  if (shifts.ok()) {
    calendar.shifts = *std::move(shifts);
    return;
  }
  tariff.Complain("time_zone", std::string(shifts.status().message()));
  calendar.zone = "UTC";
}

// "mon-fri,sun"; nothing when it is malformed.
std::optional<std::array<bool, 7>> ParseDays(const std::string& text) {
  std::array<bool, 7> days{};
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> ends = absl::StrSplit(part, absl::MaxSplits('-', 1));
    const auto place = [](absl::string_view name) {
      return std::find(kDays.begin(), kDays.end(), std::string_view(name.data(), name.size())) - kDays.begin();
    };
    const auto first = place(ends.first);
    const auto last = part.find('-') == absl::string_view::npos ? first : place(ends.second);
    if (first == 7 || last == 7) return std::nullopt;
    for (auto day = first;; day = (day + 1) % 7) {
      days[static_cast<size_t>(day)] = true;
      if (day == last) break;
    }
  }
  return days;
}

// "8-20", or "20-8" for the hours from 20 and those before 8 of the same days; nothing when it is malformed.
std::optional<std::array<bool, 24>> ParseHours(const std::string& text) {
  const std::vector<std::string> ends = absl::StrSplit(text, '-');
  if (ends.size() != 2) return std::nullopt;
  const Decimal from = ParseDecimal(ends[0], 0);
  const Decimal to = ParseDecimal(ends[1], 0);
  if (from.form != Decimal::Form::kExact || to.form != Decimal::Form::kExact) return std::nullopt;
  if (from.scaled > 23 || to.scaled > 24 || from.scaled == to.scaled) return std::nullopt;
  std::array<bool, 24> hours{};
  for (int64_t hour = from.scaled; hour != to.scaled % 24; hour = (hour + 1) % 24)
    hours[static_cast<size_t>(hour)] = true;
  if (from.scaled == 0 && to.scaled == 24) hours.fill(true);
  return hours;
}

std::string HourText(size_t hour) {
  return absl::StrCat(Abseil(kDays[hour / 24]), " ", hour % 24 < 10 ? "0" : "", hour % 24, ":00");
}

class BandReader {
 public:
  BandReader(Section& tariff, Calendar& calendar) : tariff_(tariff), calendar_(calendar) {}

  void Read() {
    std::array<uint8_t, kHoursOfWeek> bands;
    bands.fill(kNone);
    ForMembers(tariff_, "time_of_use", "{peak: [{days: mon-fri, hours: 8-20}], off_peak: [...]}",
               [&](const Member& member, const std::string& path) {
                 const std::string name = member.key;
                 if (!CheckName(tariff_.source(), member.place, path, name)) return;
                 calendar_.bands.push_back(name);
                 ReadBand(member.value, path, bands);
               });
    if (calendar_.bands.empty() || !tariff_.source().problems.none()) return;
    const auto gap = std::find(bands.begin(), bands.end(), kNone);
    if (gap != bands.end()) {
      tariff_.Complain("time_of_use",
                       absl::StrCat("leaves a gap: no band holds ", HourText(static_cast<size_t>(gap - bands.begin())),
                                    "; every hour of the week must be in exactly one band"));
    }
    calendar_.band_of_hour = bands;
  }

 private:
  void ReadBand(const Node& node, const std::string& path, std::array<uint8_t, kHoursOfWeek>& bands) {
    if (node.kind != Node::Kind::kList) {
      tariff_.source().problems.Add(tariff_.source().file, node.place, path,
                                    "must be a list, for example `[{days: mon-fri, hours: 8-20}]`");
      return;
    }
    for (size_t i = 0; i < node.items.size(); ++i) {
      ReadSpan(node.items[i], absl::StrCat(path, "[", i, "]"), bands);
    }
  }

  void ReadSpan(const Node& node, const std::string& path, std::array<uint8_t, kHoursOfWeek>& bands) {
    Section span(tariff_.source(), node, path, "{days: mon-fri, hours: 8-20}");
    const std::string days_text = span.Text({.name = "days", .otherwise = "mon-sun", .example = "mon-fri"});
    const std::string hours_text = span.Text({.name = "hours", .otherwise = "0-24", .example = "8-20"});
    const auto days = ParseDays(days_text);
    const auto hours = ParseHours(hours_text);
    if (!days) span.Complain("days", absl::StrCat(Quoted(days_text), " is not days; write mon-fri or mon,wed,sun"));
    if (!hours)
      span.Complain("hours", absl::StrCat(Quoted(hours_text), " is not hours; write 8-20, or 20-8 across midnight"));
    if (!days || !hours) return;
    for (size_t i = 0; i < kHoursOfWeek; ++i) {
      if (!(*days)[i / 24] || !(*hours)[i % 24]) continue;
      if (bands[i] != kNone) {
        NoteOverlap(node, path, i, bands[i]);
        return;
      }
      bands[i] = static_cast<uint8_t>(calendar_.bands.size() - 1);
    }
  }

  void NoteOverlap(const Node& node, const std::string& path, size_t hour, uint8_t other) {
    tariff_.source().problems.Add(tariff_.source().file, node.place, path,
                                  absl::StrCat("overlaps: ", HourText(hour), " is in ", Quoted(calendar_.bands[other]),
                                               " already; every hour of the week must be in exactly one band"));
  }

  Section& tariff_;
  Calendar& calendar_;
};

void ReadSeasons(Section& tariff, Calendar& calendar) {
  std::array<uint8_t, kMonths> seasons;
  seasons.fill(kNone);
  ForMembers(tariff, "seasons", "{summer: [6, 7, 8, 9], winter: [10, 11, 12, 1, 2, 3, 4, 5]}",
             [&](const Member& member, const std::string& path) {
               if (!CheckName(tariff.source(), member.place, path, member.key)) return;
               const auto index = static_cast<uint8_t>(calendar.seasons.size());
               calendar.seasons.push_back(member.key);
               if (member.value.kind != Node::Kind::kList) {
                 tariff.source().problems.Add(tariff.source().file, member.value.place, path,
                                              "must be a list of months, for example `[6, 7, 8, 9]`");
                 return;
               }
               for (size_t i = 0; i < member.value.items.size(); ++i) {
                 const Node& item = member.value.items[i];
                 const std::string at = absl::StrCat(path, "[", i, "]");
                 const auto month = ReadInteger(tariff.source(), item, at,
                                                {.name = "", .min = 1, .max = 12, .otherwise = {}, .example = "6"});
                 if (!month) continue;
                 uint8_t& season = seasons[static_cast<size_t>(*month) - 1];
                 if (season != kNone) {
                   tariff.source().problems.Add(
                       tariff.source().file, item.place, at,
                       absl::StrCat("overlaps: month ", *month, " is in ", Quoted(calendar.seasons[season]),
                                    " already; every month must be in exactly one season"));
                 }
                 season = index;
               }
             });
  if (calendar.seasons.empty()) return;
  const auto gap = std::find(seasons.begin(), seasons.end(), kNone);
  if (gap != seasons.end()) {
    tariff.Complain("seasons", absl::StrCat("leave a gap: no season holds month ", gap - seasons.begin() + 1,
                                            "; every month must be in exactly one season"));
  }
  calendar.season_of_month = seasons;
}

}  // namespace

Calendar ReadCalendar(Section& tariff, Instant effective) {
  Calendar calendar;
  ReadZone(tariff, effective, calendar);
  BandReader(tariff, calendar).Read();
  ReadSeasons(tariff, calendar);
  return calendar;
}

}  // namespace penstock::config
