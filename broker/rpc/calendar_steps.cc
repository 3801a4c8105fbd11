#include "broker/rpc/calendar_steps.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>

#include "broker/rpc/billing_scope.h"
#include "broker/rpc/converters.h"
#include "broker/rpc/errors.h"

namespace penstock::rpc {
namespace {

using market::Amounts;

constexpr Duration kLongestRange = Days(366);
/// A page ends after so many steps of the calendar and hours were looked at.
constexpr size_t kMostLookedAt = 20'000;

grpc::Status ReadMinute(const google::protobuf::Timestamp& timestamp, const char* field, Instant* out) {
  const std::optional<Instant> t = FromProto(timestamp);
  if (!t || WindowStart(*t, Minutes(1)) != *t) return InvalidField(field, "must be a whole minute");
  *out = *t;
  return grpc::Status::OK;
}

/// The next end of a step on the grid, after `t`.
Instant GridAfter(Instant t, Duration resolution) {
  const Duration grid = resolution > Duration() ? resolution : Hours(1);
  return WindowStart(t, grid) + grid;
}

/// What holds in a stretch of the calendar that may be made of several steps.
struct Stretch {
  Amounts supply;
  Amounts taken;
  Amounts room;
  bool empty = true;
  void Add(const Amounts& step_supply, const Amounts& step_taken) {
    const Amounts step_room = step_supply - step_taken;
    supply = empty ? step_supply : LesserOf(supply, step_supply);
    taken = empty ? step_taken : GreaterOf(taken, step_taken);
    room = empty ? step_room : LesserOf(room, step_room);
    empty = false;
  }
};

void FillStep(const market::PoolMarket& market, Instant from, Instant to, const Stretch& stretch, bool in_full,
              v1::CalendarStep* out) {
  ToProto(from, out->mutable_from());
  ToProto(to, out->mutable_to());
  out->set_sellable_milli_nt_per_s(stretch.room.rate);
  out->set_sellable_slots(stretch.room.slots);
  out->set_sellable_kv_tokens(stretch.room.kv);
  if (!in_full) return;
  out->set_supply_milli_nt_per_s(stretch.supply.rate);
  out->set_sold_milli_nt_per_s(stretch.taken.rate);
  out->set_sold_slots(stretch.taken.slots);
  out->set_sold_kv_tokens(stretch.taken.kv);
  ledger::HourDemand most;
  // Forecasts repeat after a week.
  const Instant end = std::min(to, from + Days(7));
  for (Instant hour = from; hour < end; hour = WindowStart(hour, Hours(1)) + Hours(1)) {
    const ledger::HourDemand demand = market.DemandAt(hour);
    if (demand.mean >= most.mean) most = demand;
  }
  out->set_forecast_milli_nt_per_s(most.mean.count());
  out->set_forecast_deviation_milli_nt_per_s(most.deviation.count());
}

}  // namespace

grpc::Status ReadCalendar(const v1::GetCalendarRequest& request, AskedCalendar* asked) {
  grpc::Status status;
  if (request.has_from()) status = ReadMinute(request.from(), "from", &asked->from);
  if (status.ok() && request.has_to()) status = ReadMinute(request.to(), "to", &asked->to);
  if (!status.ok()) return status;
  if (request.has_to() && asked->to <= asked->from) return InvalidField("to", "must be after `from`");
  if (request.has_to() && request.has_from() && asked->to - asked->from > kLongestRange) {
    return InvalidField("to", "is more than 366 days after `from`");
  }
  const google::protobuf::Duration& resolution = request.resolution();
  if (resolution.nanos() != 0 || resolution.seconds() % 60 != 0 || resolution.seconds() < 0 ||
      resolution.seconds() > kLongestRange.count() / Seconds(1).count()) {
    return InvalidField("resolution", "must be whole minutes, at most 366 days");
  }
  asked->resolution = Seconds(resolution.seconds());
  int64_t count = 0;
  if (status = ReadPageSize(request, &count); !status.ok()) return status;
  asked->count = static_cast<size_t>(count);
  int64_t first = 0;
  if (!request.page_token().empty() && (!absl::SimpleAtoi(request.page_token(), &first) || first < 0)) {
    return InvalidField("page_token", "is not one that this service gave");
  }
  asked->first = Instant(first);
  return grpc::Status::OK;
}

grpc::Status FillCalendar(const market::PoolMarket& market, Instant now, const AskedCalendar& asked,
                          v1::GetCalendarResponse* response) {
  const Instant begin = std::max(asked.from, now);
  const Instant end = asked.to > Instant() ? asked.to : begin + Days(7);
  if (end <= begin) return InvalidField("to", "lies in the past: the calendar begins now");
  if (end - begin > kLongestRange) return InvalidField("to", "is more than 366 days away");
  Instant from = std::max(begin, asked.first);  // of the step that is being put together
  Instant until = from;
  Stretch stretch;
  size_t looked_at = 0;
  const auto put_out = [&](Instant to) {
    FillStep(market, from, to, stretch, asked.in_full, response->add_steps());
    from = to;
    stretch = Stretch();
  };
  const auto is_full = [&] {
    return static_cast<size_t>(response->steps_size()) >= asked.count || looked_at >= kMostLookedAt;
  };
  if (from >= end) return grpc::Status::OK;
  market.calendar().ForEachStep(from, end,
                                [&](Instant step_from, Instant step_to, const Amounts& supply, const Amounts& taken) {
                                  // One step of the calendar may be many of the answer, and the other way round.
                                  for (until = step_from; until < step_to && !is_full(); ++looked_at) {
                                    stretch.Add(supply, taken);
                                    const Instant grid = GridAfter(from, asked.resolution);
                                    until = std::min(step_to, grid);
                                    if (until == grid || until == end || asked.resolution == Duration()) put_out(until);
                                  }
                                  return !is_full();
                                });
  if (looked_at >= kMostLookedAt && !stretch.empty) put_out(until);  // shorter than asked for, but it goes on
  if (from < end) response->set_next_page_token(absl::StrCat(from.nanoseconds_since_epoch()));
  return grpc::Status::OK;
}

}  // namespace penstock::rpc
