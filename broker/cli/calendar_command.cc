// penstock calendar: what there is, what is sold, and what can still be sold, as a picture, a table or JSON.
#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <memory>
#include <string>

#include "broker/cli/calendar_chart.h"
#include "broker/cli/client_commands.h"
#include "broker/cli/market_call.h"
#include "broker/cli/market_words.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "penstock/v1/market.grpc.pb.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;

constexpr int64_t kWeekSeconds = 7 * 86'400;

struct Flags : MarketFlags {
  std::string form = "chart";
  std::string from;
  std::string to;
};

std::string RenderSteps(const v1::GetCalendarResponse& calendar, bool colour) {
  if (calendar.steps().empty()) return "Nothing is known of that time.\n";
  Table table({{"from"},
               {"to"},
               {"capacity nt/s", Align::kRight},
               {"sold", Align::kRight},
               {"can be sold", Align::kRight},
               {"slots", Align::kRight},
               {"KV tokens", Align::kRight},
               {"expected elastic", Align::kRight},
               {"give or take", Align::kRight}});
  for (const v1::CalendarStep& step : calendar.steps()) {
    table.AddRow({Minute(step.from()), Minute(step.to()), Rate(step.supply_milli_nt_per_s()),
                  Rate(step.sold_milli_nt_per_s()), Rate(step.sellable_milli_nt_per_s()),
                  Grouped(step.sellable_slots()), Grouped(step.sellable_kv_tokens()),
                  Rate(step.forecast_milli_nt_per_s()), Rate(step.forecast_deviation_milli_nt_per_s())});
  }
  return table.Render(colour) + "\nCapacity: less its margin and standing reservations. As of journal entry " +
         Grouped(std::to_string(calendar.as_of_sequence())) + "\n";
}

// How long a time is asked about; where it begins now, to the second of this clock, which only picks the columns.
int64_t SecondsAskedFor(const Flags& flags) {
  if (flags.to.empty()) return kWeekSeconds;
  const int64_t from = flags.from.empty() ? absl::ToUnixSeconds(absl::Now()) : ParseMoment(flags.from)->seconds();
  return ParseMoment(flags.to)->seconds() - from;
}

int RunCalendar(Flags flags, Terminal& terminal) {
  v1::GetCalendarRequest request;
  request.set_pool(InCollection("pools", flags.name));
  if (!flags.from.empty()) *request.mutable_from() = *ParseMoment(flags.from);  // checked by IsMoment
  if (!flags.to.empty()) *request.mutable_to() = *ParseMoment(flags.to);
  const bool chart = flags.form == "chart";
  if (chart) {
    const int64_t seconds = SecondsAskedFor(flags);
    if (seconds <= 0) return Report(LocalError(kUsage, "--to is not after --from"), flags.output, terminal);
    request.mutable_resolution()->set_seconds(SecondsAColumn(seconds, terminal.columns));
  }
  flags.output = flags.form == "json" ? Output::kJson : Output::kTable;
  return ListAndShow(
      flags, terminal, &v1::Market::Stub::GetCalendar, request, [&](const v1::GetCalendarResponse& calendar) {
        return chart ? RenderChart(calendar, terminal.columns, terminal.utf8) : RenderSteps(calendar, terminal.colour);
      });
}

}  // namespace

void AddCalendarCommand(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<Flags>();
  CLI::App& command = *app.add_subcommand("calendar", "What a pool has, has sold, and can still sell, over time");
  command.add_option("POOL", flags->name, "which")->required()->option_text(" ");
  command.add_option("--from", flags->from, "2026-12-01 or 2026-12-01T09:00Z (default: now)")
      ->check(IsMoment())
      ->option_text("TIME");
  command.add_option("--to", flags->to, "exclusive (default: a week later)")->check(IsMoment())->option_text("TIME");
  command.add_option("-o,--format", flags->form, "chart, table (where something changes) or json (the same)")
      ->check(CLI::IsMember({"chart", "table", "json"}).description(""))
      ->option_text("chart|table|json");
  flags->connection.AddTo(command);
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunCalendar(*flags, terminal); });
}

}  // namespace penstock::cli
