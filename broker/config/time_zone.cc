#include "broker/config/time_zone.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include <algorithm>

#include "broker/config/problems.h"

namespace penstock::config {
namespace {

int64_t OffsetAt(const absl::TimeZone& zone, Instant t) {
  return zone.At(absl::FromUnixNanos(t.nanoseconds_since_epoch())).offset;
}

// Between two moments a day apart the offset changed: the first moment of the new one.
Instant ShiftBetween(const absl::TimeZone& zone, Instant before, Instant after) {
  while (after - before > Seconds(1)) {
    const Instant middle = before + Seconds((after - before).count() / 2'000'000'000);
    (OffsetAt(zone, middle) == OffsetAt(zone, before) ? before : after) = middle;
  }
  return after;
}

// Names of the zone database only: no paths, no "localtime", which means something else on every machine.
bool LooksLikeZone(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
           c == '-' || c == '/';
  };
  return !name.empty() && name.size() <= 64 && name.front() != '/' && name != "localtime" &&
         std::all_of(name.begin(), name.end(), plain);
}

}  // namespace

absl::StatusOr<std::vector<ledger::ZoneShift>> ResolveZone(std::string_view name, Instant from, Instant to) {
  if (name == "UTC") return std::vector<ledger::ZoneShift>();
  absl::TimeZone zone;
  if (!LooksLikeZone(name) || !absl::LoadTimeZone({name.data(), name.size()}, &zone)) {
    absl::TimeZone known;
    const bool database = absl::LoadTimeZone("Europe/Berlin", &known);
    return absl::InvalidArgumentError(absl::StrCat(Quoted(std::string(name)), " is not a time zone",
                                                   database ? "" : " (there is no zone database here: install tzdata)",
                                                   "; write a name such as Europe/Berlin, America/New_York or UTC"));
  }
  Instant day = std::max(Instant(), WindowStart(from, Days(1)));
  std::vector<ledger::ZoneShift> shifts = {{day, OffsetAt(zone, day)}};
  for (; day < to; day = day + Days(1)) {
    const int64_t offset = OffsetAt(zone, day + Days(1));
    if (offset != shifts.back().offset_seconds) shifts.push_back({ShiftBetween(zone, day, day + Days(1)), offset});
  }
  return shifts;
}

}  // namespace penstock::config
