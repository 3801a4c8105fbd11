// penstock rate: bills from a tariff file and a CSV of metered windows, without a daemon.
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "broker/cli/answer_json.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/rated_bills.h"
#include "broker/cli/server_commands.h"
#include "broker/config/config.h"
#include "broker/config/moment.h"
#include "broker/config/problems.h"
#include "broker/config/read_posted.h"
#include "broker/config/read_usage.h"

namespace penstock::cli {
namespace {

using ledger::rating::Period;

struct RateOptions {
  std::string tariff;
  std::string usage;
  std::string posted;
  std::string period;
  std::string tenant;
  Output output = Output::kTable;
};

Period MonthPeriod(const ledger::Calendar& calendar, int64_t month) {
  return {calendar.MonthStart(month), calendar.MonthStart(month + 1)};
}

// "2026-11-01", "2026-11-01T08" or a whole moment, if it is a whole hour.
std::optional<Instant> ParseHour(const std::string& text) {
  const std::optional<Instant> moment = config::ParseInstant(text.size() == 13 ? text + ":00:00Z" : text);
  return moment && *moment == WindowStart(*moment, Hours(1)) ? moment : std::nullopt;
}

// "2026-11" in the tariff's time zone, or "FROM..TO" in whole hours, UTC.
std::optional<Period> ParsePeriod(const std::string& text, const ledger::Calendar& calendar) {
  const size_t dots = text.find("..");
  if (dots != std::string::npos) {
    const std::optional<Instant> from = ParseHour(text.substr(0, dots));
    const std::optional<Instant> to = ParseHour(text.substr(dots + 2));
    if (!from || !to || *to <= *from) return std::nullopt;
    return Period{*from, *to};
  }
  const std::optional<Instant> first = text.size() == 7 ? config::ParseInstant(text + "-15") : std::nullopt;
  if (!first) return std::nullopt;
  return MonthPeriod(calendar, calendar.MonthAt(*first));
}

class RateRun {
 public:
  RateRun(const RateOptions& options, Terminal& terminal) : options_(options), terminal_(terminal) {}

  int Run() {
    absl::StatusOr<config::TariffFile> tariff = config::LoadTariff(options_.tariff);
    if (!tariff.ok()) return Fail(std::string(tariff.status().message()), ExitCodeOf(tariff.status()));
    absl::StatusOr<config::UsageFile> usage = config::LoadUsage(options_.usage, tariff->tariff);
    if (!usage.ok()) {
      const bool bad = absl::IsInvalidArgument(usage.status());
      return Fail(std::string(usage.status().message()), bad ? kBadData : kIo);
    }
    if (!options_.posted.empty()) {
      absl::StatusOr<config::PostedByPool> posted = config::LoadPosted(options_.posted, tariff->tariff);
      if (!posted.ok()) {
        return Fail(std::string(posted.status().message()), absl::IsInvalidArgument(posted.status()) ? kBadData : kIo);
      }
      posted_ = *std::move(posted);
    }
    tariff_ = *std::move(tariff);
    usage_ = *std::move(usage);
    const std::optional<Period> period = ChoosePeriod();
    if (!period) return kUsage;
    if (!HasTenant()) return kBadData;
    Print(RateAll(*period));
    return kOk;
  }

 private:
  int Fail(const std::string& what, int code) {
    terminal_.err << what << "\n";
    return code;
  }

  std::optional<Period> ChoosePeriod() {
    const ledger::Calendar& calendar = tariff_.tariff.calendar;
    if (!options_.period.empty()) {
      const std::optional<Period> period = ParsePeriod(options_.period, calendar);
      if (!period) {
        Fail("penstock rate: --period " + config::Quoted(options_.period) +
                 " is no period; write a month (2026-11), or whole hours from and to (2026-11-01..2026-11-15T12)",
             kUsage);
      }
      return period;
    }
    const int64_t first = calendar.MonthAt(usage_.first);
    const int64_t last = calendar.MonthAt(usage_.last);
    if (first == last) return MonthPeriod(calendar, first);
    Fail(absl::StrCat("penstock rate: ", options_.usage, " has windows of ", ledger::MonthText(first), " to ",
                      ledger::MonthText(last), "; say which to rate, for example --period ", ledger::MonthText(last)),
         kUsage);
    return std::nullopt;
  }

  bool HasTenant() {
    if (options_.tenant.empty() || usage_.tenants.contains(options_.tenant) ||
        tariff_.subscriptions.contains(options_.tenant))
      return true;
    std::vector<std::string_view> known;
    for (const auto& [tenant, rows] : usage_.tenants) known.push_back(tenant);
    Fail("penstock rate: " + options_.usage + " has no windows of tenant " + config::Quoted(options_.tenant) +
             config::DidYouMean(options_.tenant, known),
         kBadData);
    return false;
  }

  std::vector<std::string> Tenants() const {
    if (!options_.tenant.empty()) return {options_.tenant};
    std::vector<std::string> tenants;
    for (const auto& [tenant, rows] : usage_.tenants) tenants.push_back(tenant);
    for (const auto& [tenant, subscription] : tariff_.subscriptions) {
      if (!usage_.tenants.contains(tenant)) tenants.push_back(tenant);
    }
    std::sort(tenants.begin(), tenants.end());
    return tenants;
  }

  RatedBills RateAll(Period period) {
    RatedBills rated{tariff_.tariff.version, tariff_.tariff.currency, tariff_.tariff.rounding_unit, period, {}};
    for (const std::string& tenant : Tenants()) {
      const auto bought = tariff_.subscriptions.find(tenant);
      RatedBill bill{
          tenant, bought == tariff_.subscriptions.end() ? ledger::rating::Subscription() : bought->second, {}};
      ledger::rating::Usage& usage = usage_.tenants[tenant];
      for (ledger::rating::PoolUse& use : usage.pools) {
        if (const auto posted = posted_.find(use.pool); posted != posted_.end()) use.posted = posted->second;
        const auto everyone = usage_.everyone.find(use.pool);
        if (everyone != usage_.everyone.end() && IsCoincident(use.pool)) use.everyone = everyone->second;
      }
      bill.bill = ledger::rating::Rate(tariff_.tariff, usage, bill.subscription, period);
      rated.bills.push_back(std::move(bill));
    }
    return rated;
  }

  bool IsCoincident(const std::string& pool) const {
    const ledger::PoolPrices* prices = tariff_.tariff.PricesOf(pool);
    return prices != nullptr && std::any_of(prices->demand.begin(), prices->demand.end(), [](const auto& charge) {
             return charge.rule == ledger::DemandRule::kCoincident;
           });
  }

  void Print(const RatedBills& rated) {
    if (options_.output == Output::kJson) {
      terminal_.out << Printed(ToJson(rated));
    } else {
      terminal_.out << RenderBills(rated, terminal_.colour);
    }
  }

  const RateOptions& options_;
  Terminal& terminal_;
  config::TariffFile tariff_;
  config::UsageFile usage_;
  config::PostedByPool posted_;
};

}  // namespace

void AddRateCommand(CLI::App& app, Invocation& invocation) {
  CLI::App* rate = app.add_subcommand("rate", "Bills from a tariff and a CSV of metered windows, without a daemon");
  auto options = std::make_shared<RateOptions>();
  rate->add_option("--tariff", options->tariff, "Tariff, YAML (deploy/tariffs has a set of them)")
      ->required()
      ->option_text("FILE");
  rate->add_option(
          "--usage", options->usage,
          "Windows of one minute, CSV. Columns: tenant, pool, tier, window_start, work_nt; and if you have them "
          "class, input, output and other token kinds, highest_second_nt, source, outcomes.NAME")
      ->required()
      ->option_text("FILE");
  rate->add_option("--posted", options->posted,
                   "Posted prices, CSV, where the tariff is coupled to them. Columns: pool, from, and token kinds with "
                   "their price per million tokens")
      ->option_text("FILE");
  rate->add_option("--period", options->period,
                   "A month in the tariff's time zone (2026-11), or whole hours in UTC (2026-11-01..2026-11-15T12); "
                   "default: the month of the windows. Earlier windows count where a ratchet looks back")
      ->option_text("PERIOD");
  rate->add_option("--tenant", options->tenant, "Only this one (default: all)")->option_text("NAME");
  AddOutputFlag(*rate, options->output);
  OnRun(*rate, invocation, [options](Terminal& terminal) { return RateRun(*options, terminal).Run(); });
}

}  // namespace penstock::cli
