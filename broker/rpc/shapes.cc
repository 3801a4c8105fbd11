#include "broker/rpc/shapes.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include "admission/vocabulary/bounds.h"
#include "broker/config/decimal.h"
#include "broker/config/moment.h"
#include "broker/config/time_zone.h"
#include "broker/market/pool_market.h"
#include "broker/market/recurrence.h"
#include "broker/market/reshape.h"
#include "broker/rpc/converters.h"
#include "broker/rpc/errors.h"
#include "broker/rpc/market_converters.h"

namespace penstock::rpc {
namespace {

using ledger::RateStep;

grpc::Status Wrong(grpc::StatusCode code, const char* reason, const std::string& field, const std::string& message) {
  return ErrorStatus(code, reason, field + ": " + message, {{"field", field}});
}

/// "2026-12-01T09:00Z".
std::string MinuteText(Instant t) { return config::FormatInstant(t).substr(0, 16) + "Z"; }

grpc::Status ReadMinute(const google::protobuf::Timestamp& timestamp, const std::string& field, Instant* out) {
  const std::optional<Instant> t = FromProto(timestamp);
  if (!t) return InvalidField(field, "is not a moment this side of the year 2255");
  if (WindowStart(*t, Minutes(1)) != *t) return InvalidField(field, "must be a whole minute");
  *out = *t;
  return grpc::Status::OK;
}

grpc::Status ReadRate(int64_t rate_nt_per_s, const std::string& field, WorkPerSecond* out) {
  if (rate_nt_per_s < 1 || rate_nt_per_s > kMaxRateNtPerSecond) {
    return InvalidField(field, absl::StrCat(rate_nt_per_s, " is out of range: 1 to ", kMaxRateNtPerSecond, " nt/s"));
  }
  *out = NormalizedTokensPerSecond(rate_nt_per_s);
  return grpc::Status::OK;
}

grpc::Status ReadWindow(const v1::Shape& shape, const std::string& field, AskedShape* asked) {
  RateStep step;
  grpc::Status status = ReadRate(shape.rate_nt_per_s(), field + ".rate_nt_per_s", &step.rate);
  const v1::Window& window = shape.window();
  asked->begins_now = !window.has_start();
  if (status.ok() && window.has_start()) status = ReadMinute(window.start(), field + ".window.start", &step.from);
  if (status.ok() && !window.has_end()) status = InvalidField(field + ".window.end", "is required");
  if (status.ok()) status = ReadMinute(window.end(), field + ".window.end", &step.to);
  if (!status.ok()) return status;
  if (step.to <= step.from) return InvalidField(field + ".window.end", "must be after the start");
  asked->text = absl::StrCat(asked->begins_now ? "now" : MinuteText(step.from), " to ", MinuteText(step.to));
  asked->steps = {step};
  return grpc::Status::OK;
}

grpc::Status ReadSteps(const v1::Shape& shape, const std::string& field, AskedShape* asked) {
  const auto& steps = shape.steps().steps();
  if (shape.rate_nt_per_s() != 0) return InvalidField(field + ".rate_nt_per_s", "not with steps: each has its own");
  if (steps.empty()) return InvalidField(field + ".steps.steps", "say at least one");
  if (static_cast<size_t>(steps.size()) > ledger::kMaxSteps) {
    return Wrong(grpc::StatusCode::INVALID_ARGUMENT, "TOO_MANY_STEPS", field + ".steps.steps",
                 absl::StrCat(steps.size(), " are too many: at most ", ledger::kMaxSteps));
  }
  std::vector<std::pair<RateStep, int>> read;  // with their places in the request
  for (int i = 0; i < steps.size(); ++i) {
    const std::string at = absl::StrCat(field, ".steps.steps[", i, "]");
    RateStep step;
    grpc::Status status = ReadMinute(steps[i].from(), at + ".from", &step.from);
    if (status.ok()) status = ReadMinute(steps[i].to(), at + ".to", &step.to);
    if (status.ok()) status = ReadRate(steps[i].rate_nt_per_s(), at + ".rate_nt_per_s", &step.rate);
    if (status.ok() && step.to <= step.from) status = InvalidField(at + ".to", "must be after `from`");
    if (!status.ok()) return status;
    read.emplace_back(step, i);
  }
  std::stable_sort(read.begin(), read.end(), [](const auto& a, const auto& b) { return a.first.from < b.first.from; });
  for (size_t i = 1; i < read.size(); ++i) {
    if (read[i].first.from < read[i - 1].first.to) {
      return InvalidField(
          absl::StrCat(field, ".steps.steps[", read[i].second, "].from"),
          absl::StrCat("begins before step ", read[i - 1].second, " ends: make one step of what overlaps"));
    }
  }
  for (const auto& [step, place] : read) asked->steps.push_back(step);
  const bool one = steps.size() == 1;
  asked->text = absl::StrCat(one ? "" : absl::StrCat(steps.size(), " steps from "),
                             MinuteText(asked->steps.front().from), " to ", MinuteText(asked->steps.back().to));
  return grpc::Status::OK;
}

std::optional<std::chrono::year_month_day> ReadDate(const std::string& text) {
  const std::optional<Instant> t = text.size() == 10 ? config::ParseInstant(text) : std::nullopt;
  if (!t) return std::nullopt;
  const int64_t days = (*t - Instant()).count() / Days(1).count();
  return std::chrono::year_month_day(std::chrono::sys_days(std::chrono::days(days)));
}

Instant MidnightOf(const std::chrono::year_month_day& day) {
  return Instant() + Days(std::chrono::sys_days(day).time_since_epoch().count());
}

/// "09:00" as minutes of the day; "24:00" is the last.
std::optional<int> ReadTimeOfDay(const std::string& text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const config::Decimal hour = config::ParseDecimal(text.substr(0, 2), 0);
  const config::Decimal minute = config::ParseDecimal(text.substr(3), 0);
  const auto is_number = [](const config::Decimal& part) { return part.form == config::Decimal::Form::kExact; };
  if (!is_number(hour) || !is_number(minute) || minute.scaled > 59) return std::nullopt;
  const int64_t minutes = hour.scaled * 60 + minute.scaled;
  if (minutes > market::kMinutesPerDay) return std::nullopt;
  return static_cast<int>(minutes);
}

grpc::Status ReadWeekdays(const v1::Schedule& schedule, const std::string& field, market::Weekdays* out) {
  if (schedule.weekdays().empty()) out->set();
  for (int i = 0; i < schedule.weekdays_size(); ++i) {
    const v1::Weekday day = schedule.weekdays(i);
    if (day < v1::WEEKDAY_MONDAY || day > v1::WEEKDAY_SUNDAY) {
      return InvalidField(absl::StrCat(field, ".weekdays[", i, "]"), "is no day of the week");
    }
    out->set(static_cast<size_t>(day - v1::WEEKDAY_MONDAY));
  }
  return grpc::Status::OK;
}

std::string WeekdaysText(const market::Weekdays& days) {
  constexpr const char* kNames[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  for (const char* const word : {"daily", "weekdays", "weekends"}) {
    if (market::ParseWeekdays(word) == days) return word;
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < days.size(); ++i) {
    if (days[i]) names.emplace_back(kNames[i]);
  }
  return absl::StrJoin(names, ",");
}

grpc::Status Refused(const market::RecurrenceProblem& problem, const std::string& field) {
  using Reason = market::RecurrenceProblem::Reason;
  switch (problem.reason) {
    case Reason::kMissingTime:
      return Wrong(grpc::StatusCode::INVALID_ARGUMENT, "DST_HOLE", field, problem.message);
    case Reason::kTooMany:
      return Wrong(grpc::StatusCode::INVALID_ARGUMENT, "TOO_MANY_STEPS", field, problem.message);
    case Reason::kInvalid:
    case Reason::kNone:
      break;
  }
  return InvalidField(field, problem.message);
}

grpc::Status ReadRecurrence(const v1::Schedule& schedule, const std::string& field, market::Recurrence* out) {
  const auto first = ReadDate(schedule.start_date());
  if (!first) return InvalidField(field + ".start_date", "must be a date such as 2026-12-01");
  const auto last = ReadDate(schedule.end_date());
  if (!last) return InvalidField(field + ".end_date", "must be a date such as 2026-12-31");
  if (*last < *first) return InvalidField(field + ".end_date", "must not be before the start date");
  const std::optional<int> from = ReadTimeOfDay(schedule.from_time());
  if (!from || *from == market::kMinutesPerDay) {
    return InvalidField(field + ".from_time", "must be a time from 00:00 to 23:59, such as 09:00");
  }
  const std::optional<int> to = ReadTimeOfDay(schedule.to_time());
  if (!to) return InvalidField(field + ".to_time", "must be a time from 00:00 to 24:00, such as 18:00");
  if (schedule.on_dst_hole() != v1::Schedule::DST_HOLE_UNSPECIFIED && schedule.on_dst_hole() != v1::Schedule::SKIP) {
    return InvalidField(field + ".on_dst_hole", "must be SKIP or left out");
  }
  out->first_day = *first;
  out->last_day = *last;
  out->from_minute = *from;
  out->to_minute = *to;
  out->skip_missing = schedule.on_dst_hole() == v1::Schedule::SKIP;
  return ReadWeekdays(schedule, field, &out->weekdays);
}

grpc::Status ReadSchedule(const v1::Shape& shape, const std::string& above, AskedShape* asked) {
  const v1::Schedule& schedule = shape.schedule();
  const std::string field = above + ".schedule";
  WorkPerSecond rate;
  market::Recurrence recurrence;
  grpc::Status status = ReadRate(shape.rate_nt_per_s(), above + ".rate_nt_per_s", &rate);
  if (status.ok()) status = ReadRecurrence(schedule, field, &recurrence);
  if (!status.ok()) return status;
  // Years of days are looked at: a range that no pool sells is refused before.
  const Instant begin = MidnightOf(recurrence.first_day);
  const Instant end = MidnightOf(*recurrence.last_day) + Days(3);
  if (end - begin > Days(10 * 366)) return InvalidField(field + ".end_date", "is more than ten years after the start");
  const std::string zone = schedule.time_zone().empty() ? "UTC" : schedule.time_zone();
  const auto shifts = config::ResolveZone(zone, begin - std::min(Days(2), begin - Instant()), end);
  if (!shifts.ok()) {
    return Wrong(grpc::StatusCode::INVALID_ARGUMENT, "UNKNOWN_TIME_ZONE", field + ".time_zone",
                 std::string(shifts.status().message()));
  }
  const auto expanded = market::Expand(recurrence, zone, *shifts);
  if (const auto* problem = std::get_if<market::RecurrenceProblem>(&expanded)) return Refused(*problem, field);
  for (const market::Occurrence& one : std::get<std::vector<market::Occurrence>>(expanded)) {
    asked->steps.push_back({.from = one.from, .to = one.to, .rate = rate});
  }
  asked->text = absl::StrCat(WeekdaysText(recurrence.weekdays), " ", schedule.from_time(), "-", schedule.to_time(), " ",
                             zone, " from ", schedule.start_date(), " to ", schedule.end_date());
  return grpc::Status::OK;
}

grpc::Status MarketClosed() {
  return ToStatus({core::ErrorReason::kMarketClosed, "pool", "this pool sells nothing ahead of time"});
}

}  // namespace

grpc::Status ReadShape(const v1::Shape& shape, const std::string& field, AskedShape* asked) {
  switch (shape.shape_case()) {
    case v1::Shape::kWindow:
      return ReadWindow(shape, field, asked);
    case v1::Shape::kSchedule:
      return ReadSchedule(shape, field, asked);
    case v1::Shape::kSteps:
      return ReadSteps(shape, field, asked);
    case v1::Shape::SHAPE_NOT_SET:
      break;
  }
  return InvalidField(field, "say when: a window, a schedule or steps");
}

grpc::Status BeginAt(Instant now, const std::string& field, AskedShape* asked) {
  if (!asked->begins_now) return grpc::Status::OK;
  RateStep& step = asked->steps.front();
  step.from = market::WholeMinute(now);
  if (step.to > step.from) return grpc::Status::OK;
  return Wrong(grpc::StatusCode::INVALID_ARGUMENT, "IN_THE_PAST", field + ".window.end",
               absl::StrCat("is not after the next whole minute, ", MinuteText(step.from)));
}

grpc::Status CheckSold(const std::vector<RateStep>& steps, const std::string& field, Instant now,
                       const market::MarketTerms& terms, Begun begun) {
  if (!terms.open) return MarketClosed();
  const Instant ahead = begun == Begun::kNo ? steps.front().from : steps.back().to - Nanoseconds(1);
  if (ahead < now) {
    return Wrong(
        grpc::StatusCode::INVALID_ARGUMENT, "IN_THE_PAST", field,
        absl::StrCat(begun == Begun::kNo ? "begins at " : "all of it lies before ",
                     MinuteText(begun == Begun::kNo ? steps.front().from : steps.back().to), ", and now is ",
                     config::FormatInstant(now), ": a window without a start begins at the next whole minute"));
  }
  const Instant latest = now + terms.furthest;
  if (steps.back().to > latest) {
    return Wrong(grpc::StatusCode::INVALID_ARGUMENT, "TOO_FAR_AHEAD", field,
                 absl::StrCat("ends at ", MinuteText(steps.back().to), "; this pool sells up to ", MinuteText(latest)));
  }
  for (const RateStep& step : steps) {
    if (step.to - step.from >= terms.shortest) continue;
    return InvalidField(field,
                        absl::StrCat("the step from ", MinuteText(step.from), " is shorter than ",
                                     terms.shortest.count() / Minutes(1).count(), " min, the least that is sold"));
  }
  return grpc::Status::OK;
}

grpc::Status ReadProject(const std::string& project, TenantId tenant, const Names& names) {
  if (project.empty() || names.Project(tenant, project)) return grpc::Status::OK;
  return ToStatus(
      {core::ErrorReason::kUnknownProject, "project",
       "the tenant has no project '" + project.substr(0, kMaxNameBytes) + "'; projects are those of its keys"});
}

grpc::Status CheckWish(const core::Engine& engine, TenantId tenant, Instant now, AskedShape asked, core::Wish* wish) {
  if (!IsOpenTo(engine, tenant, wish->pool)) return NotOpen(engine, wish->pool, "pool");
  const market::PoolMarket* market = engine.MarketOf(wish->pool);
  if (market == nullptr) return MarketClosed();
  grpc::Status status = BeginAt(now, "shape", &asked);
  if (status.ok()) status = CheckSold(asked.steps, "shape", now, market->terms(), Begun::kNo);
  wish->steps = std::move(asked.steps);
  return status;
}

grpc::Status ReadEnvelope(const v1::Envelope& envelope, ledger::Envelope* out) {
  if (envelope.mean_work_nt() < 0 || envelope.mean_work_nt() > kMaxTokensPerRequest) {
    return InvalidField("envelope.mean_work_nt", absl::StrCat("must be 0 to ", kMaxTokensPerRequest));
  }
  if (envelope.largest_context_tokens() < 0 || envelope.largest_context_tokens() > kMaxTokensPerRequest) {
    return InvalidField("envelope.largest_context_tokens", absl::StrCat("must be 0 to ", kMaxTokensPerRequest));
  }
  const google::protobuf::Duration& residence = envelope.mean_residence();
  const bool fits = residence.seconds() >= 0 && residence.seconds() <= 3'600 && residence.nanos() >= 0 &&
                    residence.nanos() < 1'000'000'000;
  if (!fits) return InvalidField("envelope.mean_residence", "must be 0 s to 3600 s");
  out->mean_work = NormalizedTokens(envelope.mean_work_nt());
  out->mean_residence = Seconds(residence.seconds()) + Nanoseconds(residence.nanos());
  out->largest_context = Tokens(envelope.largest_context_tokens());
  if ((out->mean_work > Work()) != (out->mean_residence > Duration())) {
    return InvalidField("envelope.mean_residence", "give it and mean_work_nt together, or neither");
  }
  return grpc::Status::OK;
}

grpc::Status ReadOverrun(v1::Overrun overrun, std::optional<Overrun>* out) {
  switch (overrun) {
    case v1::OVERRUN_UNSPECIFIED:
      return grpc::Status::OK;
    case v1::OVERRUN_SPILL:
      *out = Overrun::kSpill;
      return grpc::Status::OK;
    case v1::OVERRUN_WAIT:
      *out = Overrun::kWait;
      return grpc::Status::OK;
    case v1::OVERRUN_REFUSE:
      *out = Overrun::kRefuse;
      return grpc::Status::OK;
    default:
      return InvalidField("overrun", "must be SPILL, WAIT or REFUSE");
  }
}

}  // namespace penstock::rpc
