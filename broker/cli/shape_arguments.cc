#include "broker/cli/shape_arguments.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "admission/vocabulary/bounds.h"
#include "broker/cli/arguments.h"
#include "broker/cli/exit_codes.h"
#include "broker/config/read_file.h"

namespace penstock::cli {
namespace {

constexpr size_t kMaxStepsFile = 1 << 20;
constexpr std::string_view kWeekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

CallError Wrong(std::string what, std::string advice) { return LocalError(kUsage, std::move(what), std::move(advice)); }

// A time as it was written, read in a zone.
class ZonedTimes {
 public:
  explicit ZonedTimes(const absl::TimeZone& zone) : zone_(zone) {}

  /// The moment; with a `fault` when there is none of that name, or the clocks skip it.
  std::optional<absl::Time> Read(const std::string& text, std::string& fault) const {
    absl::Time time;
    for (const char* format : {absl::RFC3339_full, "%Y-%m-%dT%H:%M%Ez"}) {
      std::string error;
      if (absl::ParseTime(format, text, &time, &error)) return time;
    }
    for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%Y-%m-%d"}) {
      std::string error;
      if (!absl::ParseTime(format, text, absl::UTCTimeZone(), &time, &error)) continue;
      return InZone(absl::ToCivilSecond(time, absl::UTCTimeZone()), text, fault);
    }
    fault = "'" + text + "' is not a time, such as 2026-12-01T09:00Z, or 2026-12-01T09:00 with --zone";
    return std::nullopt;
  }

  absl::CivilSecond Local(absl::Time time) const { return absl::ToCivilSecond(time, zone_); }

 private:
  // A time that the clocks pass twice is meant the first time.
  std::optional<absl::Time> InZone(absl::CivilSecond local, const std::string& text, std::string& fault) const {
    const absl::TimeZone::TimeInfo info = zone_.At(local);
    if (info.kind != absl::TimeZone::TimeInfo::SKIPPED) return info.pre;
    fault = "'" + text + "' does not exist in " + zone_.name() + ": the clocks are put forward over it";
    return std::nullopt;
  }

  const absl::TimeZone& zone_;
};

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp result;
  result.set_seconds(absl::ToUnixSeconds(time));
  result.set_nanos(static_cast<int32_t>((time - absl::FromUnixSeconds(result.seconds())) / absl::Nanoseconds(1)));
  return result;
}

// Bits of the days, Monday first; nothing on a word that is none.
std::optional<uint32_t> ReadDays(const std::string& text) {
  if (text == "daily") return 0x7F;
  if (text == "weekdays") return 0x1F;
  if (text == "weekends") return 0x60;
  uint32_t days = 0;
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    const auto* found =
        std::find(std::begin(kWeekdays), std::end(kWeekdays), std::string_view(word.data(), word.size()));
    if (found == std::end(kWeekdays)) return std::nullopt;
    days |= 1u << (found - std::begin(kWeekdays));
  }
  return days;
}

std::string ClockTime(absl::CivilSecond local) { return absl::FormatCivilTime(absl::CivilMinute(local)).substr(11); }

std::variant<v1::Shape, CallError> ReadRepeated(const ShapeFlags& flags, const ZonedTimes& times, absl::Time from,
                                                absl::Time to) {
  const absl::CivilSecond begins = times.Local(from);
  const absl::CivilSecond ends = times.Local(to);
  const std::optional<uint32_t> days = ReadDays(flags.repeat);
  absl::CivilDay until;
  if (!days) {
    return Wrong("'" + flags.repeat + "' is no set of days",
                 "write daily, weekdays, weekends, or some of mon,tue,...,sun");
  }
  if (flags.until.empty() || !absl::ParseCivilTime(flags.until, &until)) {
    return Wrong("--repeat needs --until, the last day on which a window begins", "for example --until 2026-12-31");
  }
  if (ends <= begins || ends - begins > 86'400) {
    return Wrong("a repeated window is longer than nothing and at most a day long", "check --from and --to");
  }
  v1::Shape shape;
  v1::Schedule& schedule = *shape.mutable_schedule();
  schedule.set_start_date(absl::FormatCivilTime(absl::CivilDay(begins)));
  schedule.set_end_date(absl::FormatCivilTime(until));
  for (int day = 0; day < 7 && *days != 0x7F; ++day) {
    if ((*days >> day & 1) != 0) schedule.add_weekdays(static_cast<v1::Weekday>(day + 1));
  }
  schedule.set_from_time(ClockTime(begins));
  schedule.set_to_time(ClockTime(ends));
  schedule.set_time_zone(flags.zone);
  if (flags.skip_dst_holes) schedule.set_on_dst_hole(v1::Schedule::SKIP);
  shape.set_rate_nt_per_s(flags.rate);
  return shape;
}

// ---- A file of steps: "from,to,rate_nt_per_s" a line, '#' begins a comment.

std::optional<std::string> ReadStepLine(absl::string_view line, const ZonedTimes& times, v1::Steps& steps) {
  const std::vector<std::string> cells = absl::StrSplit(line, ',');
  if (cells.size() != 3) return "must be from,to,rate_nt_per_s";
  v1::Step& step = *steps.add_steps();
  int64_t rate = 0;
  std::string fault;
  const auto from = times.Read(std::string(absl::StripAsciiWhitespace(cells[0])), fault);
  const auto to = from ? times.Read(std::string(absl::StripAsciiWhitespace(cells[1])), fault) : std::nullopt;
  if (!to) return fault;
  if (!absl::SimpleAtoi(cells[2], &rate) || rate < 1) return "'" + cells[2] + "' is no rate: write whole nt/s";
  *step.mutable_from() = ToTimestamp(*from);
  *step.mutable_to() = ToTimestamp(*to);
  step.set_rate_nt_per_s(rate);
  return std::nullopt;
}

std::variant<v1::Shape, CallError> ReadStepsFile(const ShapeFlags& flags, const ZonedTimes& times) {
  const absl::StatusOr<std::string> text = config::ReadFile(flags.steps_file, kMaxStepsFile);
  if (!text.ok()) return LocalError(kIo, std::string(text.status().message()));
  v1::Shape shape;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.empty() || (number == 1 && absl::StartsWith(line, "from,"))) continue;
    if (const auto fault = ReadStepLine(line, times, *shape.mutable_steps())) {
      return LocalError(kBadData, absl::StrCat(flags.steps_file, ":", number, ": ", *fault));
    }
  }
  if (shape.steps().steps().empty()) {
    return LocalError(kBadData, flags.steps_file + " has no steps", "write from,to,rate_nt_per_s lines");
  }
  return shape;
}

}  // namespace

void ShapeFlags::AddTo(CLI::App& command) {
  command.add_option("--rate", rate, "throughput, in whole nt/s")
      ->check(CLI::Range(int64_t{1}, kMaxRateNtPerSecond))
      ->option_text("N");
  command.add_option("--from", from, "2026-12-01T09:00Z, or local in --zone without the Z (default: the next minute)")
      ->option_text("TIME");
  command.add_option("--to", to, "exclusive")->option_text("TIME");
  command.add_option("--repeat", repeat, "daily, weekdays, weekends, or some of mon,tue,wed,thu,fri,sat,sun")
      ->option_text("DAYS");
  command.add_option("--until", until, "with --repeat: the last day on which a window begins")->option_text("DATE");
  command.add_option("--zone", zone, "of local times, such as Europe/Berlin (default: UTC)")->option_text("ZONE");
  command.add_flag("--skip-dst-holes", skip_dst_holes,
                   "with --repeat: leave out a window whose time the clocks skip on that day");
  command.add_option("--steps", steps_file, "instead of all these: a file of from,to,rate_nt_per_s lines")
      ->option_text("FILE");
}

std::variant<v1::Shape, CallError> ReadShape(const ShapeFlags& flags) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(flags.zone, &zone)) {
    return Wrong("'" + flags.zone + "' is not a time zone", "zones are named such as Europe/Berlin");
  }
  const ZonedTimes times(zone);
  if (!flags.steps_file.empty()) {
    if (flags.rate != 0 || !flags.from.empty() || !flags.to.empty() || !flags.repeat.empty()) {
      return Wrong("--steps says how much and when", "leave out --rate, --from, --to and --repeat");
    }
    return ReadStepsFile(flags, times);
  }
  if (flags.rate == 0 || flags.to.empty()) return Wrong("say how much and when: --rate N --from TIME --to TIME", "");
  std::string fault;
  const std::optional<absl::Time> to = times.Read(flags.to, fault);
  const std::optional<absl::Time> from = flags.from.empty() ? std::nullopt : times.Read(flags.from, fault);
  if (!fault.empty()) return Wrong(fault, "");
  if (!flags.repeat.empty()) {
    if (!from) return Wrong("--repeat needs --from", "the first window is as --from and --to say");
    return ReadRepeated(flags, times, *from, *to);
  }
  v1::Shape shape;
  shape.set_rate_nt_per_s(flags.rate);
  if (from) *shape.mutable_window()->mutable_start() = ToTimestamp(*from);
  *shape.mutable_window()->mutable_end() = ToTimestamp(*to);
  return shape;
}

void TermsFlags::AddOverrunTo(CLI::App& command, std::string& overrun) {
  command.add_option("--overrun", overrun, "beyond the reserved rate: spill (served as elastic), wait, or refuse")
      ->check(CLI::IsMember({"spill", "wait", "refuse"}).description(""))
      ->option_text("spill|wait|refuse");
}

void TermsFlags::AddTo(CLI::App& command) {
  command.add_option("--project", project, "whose cost it is")->option_text("PROJECT");
  AddOverrunTo(command, overrun);
  command.add_option("--mean-work", mean_work, "of a request, in nt (default: the pool's figure)")->option_text("NT");
  command.add_option("--mean-residence", mean_residence, "how long a request runs (default: the pool's figure)")
      ->check(IsSpan())
      ->option_text("SPAN");
  command.add_option("--largest-context", largest_context, "in tokens (default: the pool's figure)")
      ->option_text("TOKENS");
}

v1::Envelope TermsFlags::ToEnvelope() const {
  v1::Envelope envelope;
  envelope.set_mean_work_nt(mean_work);
  if (!mean_residence.empty()) *envelope.mutable_mean_residence() = *ParseSpan(mean_residence);  // checked by IsSpan
  envelope.set_largest_context_tokens(largest_context);
  return envelope;
}

v1::Overrun ToOverrun(const std::string& word) {
  if (word == "spill") return v1::OVERRUN_SPILL;
  if (word == "wait") return v1::OVERRUN_WAIT;
  if (word == "refuse") return v1::OVERRUN_REFUSE;
  return v1::OVERRUN_UNSPECIFIED;
}

}  // namespace penstock::cli
