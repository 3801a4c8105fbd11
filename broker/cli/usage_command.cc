// penstock usage: the first meter, by hour bucket or by any grouping.
#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "admission/vocabulary/token_kinds.h"
#include "broker/cli/answer_json.h"
#include "broker/cli/billing_query.h"
#include "broker/cli/client_commands.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/statement_exports.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "ledger/money.h"
#include "penstock/v1/billing.grpc.pb.h"

namespace penstock::cli {
namespace {

using Align = Table::Align;

struct UsageFlags : BillingFlags {
  std::vector<std::string> group_by;
  std::string by;
  std::string key;
  std::string pool;
  std::string served;
  std::string project;
  std::string run;
  std::string label;
  bool events = false;  // as CloudEvents

  bool AskForGroups() const { return !group_by.empty() || !(by + key + pool + served + project + run + label).empty(); }
};

v1::QueryUsageRequest ToUsageRequest(const UsageFlags& flags) {
  auto request = ToRequest<v1::QueryUsageRequest>(flags);
  for (const std::string& by : flags.group_by) request.add_group_by(by);
  v1::UsageSpan by = v1::USAGE_SPAN_UNSPECIFIED;
  if (!flags.by.empty()) v1::UsageSpan_Parse("USAGE_SPAN_" + absl::AsciiStrToUpper(flags.by), &by);
  request.set_by(by);
  v1::ServiceClass served = v1::SERVICE_CLASS_UNSPECIFIED;
  if (!flags.served.empty()) v1::ServiceClass_Parse("SERVICE_CLASS_" + absl::AsciiStrToUpper(flags.served), &served);
  request.set_served(served);
  // A key may be told by its own name, when it is known whose it is.
  const bool is_name = !flags.key.empty() && flags.key.find('/') == std::string::npos && !request.tenant().empty();
  request.set_key(is_name ? request.tenant() + "/keys/" + flags.key : flags.key);
  request.set_pool(InCollection("pools", flags.pool));
  request.set_project(flags.project);
  request.set_run(flags.run);
  request.set_label(flags.label);
  return request;
}

// The known kinds in their usual order, then what else the daemon names.
template <class Rows>
std::vector<std::string> KindsIn(const Rows& rows) {
  std::vector<std::string> seen;
  for (const auto& row : rows) {
    for (const v1::TokenCount& count : row.tokens()) {
      if (std::find(seen.begin(), seen.end(), count.kind()) == seen.end()) seen.push_back(count.kind());
    }
  }
  const auto rank = [](const std::string& kind) {
    return std::find(kTokenKindNames.begin(), kTokenKindNames.end(), kind) - kTokenKindNames.begin();
  };
  std::stable_sort(seen.begin(), seen.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return seen;
}

struct UsageSum {
  std::map<std::string, int64_t> tokens;
  int64_t requests = 0;
  int64_t unbilled = 0;
  int64_t work_milli_nt = 0;
  ledger::Money charge;

  void Add(const auto& row) {
    for (const v1::TokenCount& count : row.tokens()) tokens[count.kind()] += count.tokens();
    requests += row.requests();
    unbilled += row.unbilled_requests();
    work_milli_nt += row.work_milli_nt();
    charge += ledger::Money::FromDecimal(row.charge().amount()).value_or(ledger::Money());
  }
};

std::vector<std::string> UsageCells(std::vector<std::string> cells, const UsageSum& sum,
                                    const std::vector<std::string>& kinds) {
  cells.push_back(Grouped(sum.requests));
  for (const std::string& kind : kinds) cells.push_back(sum.tokens.contains(kind) ? Grouped(sum.tokens.at(kind)) : "0");
  cells.push_back(Normalized(sum.work_milli_nt));
  cells.push_back(Grouped(std::string_view(sum.charge.ToDecimal())));
  cells.push_back(Grouped(sum.unbilled));
  return cells;
}

/// The columns behind those that say what a row is about.
void AddUsageColumns(const std::vector<std::string>& kinds, const std::string& currency,
                     std::vector<Table::Column>* columns) {
  columns->push_back({"requests", Align::kRight});
  for (const std::string& kind : kinds) columns->push_back({kind, Align::kRight});
  columns->push_back({"work nt", Align::kRight});
  columns->push_back({"charge " + currency, Align::kRight});
  columns->push_back({"unbilled", Align::kRight});
}

std::string Closing(const v1::QueryUsageResponse& usage) {
  return "\nAs of journal entry " + Grouped(absl::StrCat(usage.as_of_sequence())) + "\n";
}

std::string RenderBuckets(const v1::QueryUsageResponse& usage, bool colour) {
  if (usage.buckets().empty()) return "No usage.\n";
  const std::vector<std::string> kinds = KindsIn(usage.buckets());
  std::vector<Table::Column> columns = {{"hour"}, {"key"}, {"pool"}, {"class"}};
  AddUsageColumns(kinds, usage.buckets(0).charge().currency(), &columns);
  Table table(columns);
  UsageSum total;
  for (const v1::UsageBucket& bucket : usage.buckets()) {
    UsageSum sum;
    sum.Add(bucket);
    total.Add(bucket);
    const std::string served = Word(*v1::ServiceClass_descriptor(), bucket.served());
    table.AddRow(UsageCells({Moment(bucket.hour()), bucket.key(), LastPart(bucket.pool()), served}, sum, kinds));
  }
  table.AddRule();
  table.AddRow(UsageCells({"total", "", "", ""}, total, kinds), Table::Emphasis::kStrong);
  return table.Render(colour) + Closing(usage);
}

/// What a group says of one thing that was grouped by.
std::string CellOf(const v1::UsageGroup& group, const std::string& by) {
  if (by == "tenant") return LastPart(group.tenant());
  if (by == "project") return group.project().empty() ? "(none)" : group.project();
  if (by == "key") return group.key();
  if (by == "pool") return LastPart(group.pool());
  if (by == "class") return Word(*v1::ServiceClass_descriptor(), group.served());
  return group.no_value() ? "(none)" : group.value();
}

std::string RenderGroups(const UsageFlags& flags, const v1::QueryUsageResponse& usage, bool colour) {
  if (usage.groups().empty()) return "No usage.\n";
  const std::string currency = usage.groups(0).charge().currency();
  const bool one_currency = std::all_of(usage.groups().begin(), usage.groups().end(), [&](const v1::UsageGroup& group) {
    return group.charge().currency() == currency;
  });
  const bool by_time = usage.groups(0).has_start();
  std::vector<Table::Column> columns;
  if (by_time) columns.push_back({flags.by + " from"});
  for (const std::string& by : flags.group_by) columns.push_back({by});
  if (!one_currency) columns.push_back({"currency"});
  if (columns.empty()) columns.push_back({""});
  const size_t about = columns.size();
  const std::vector<std::string> kinds = KindsIn(usage.groups());
  AddUsageColumns(kinds, one_currency ? currency : "", &columns);
  Table table(columns);
  UsageSum total;
  for (const v1::UsageGroup& group : usage.groups()) {
    UsageSum sum;
    sum.Add(group);
    total.Add(group);
    std::vector<std::string> cells;
    if (by_time) cells.push_back(Moment(group.start()));
    for (const std::string& by : flags.group_by) cells.push_back(CellOf(group, by));
    if (!one_currency) cells.push_back(group.charge().currency());
    cells.resize(about);
    table.AddRow(UsageCells(cells, sum, kinds));
  }
  if (one_currency) {
    std::vector<std::string> cells(about);
    cells.front() = "total";
    table.AddRule();
    table.AddRow(UsageCells(cells, total, kinds), Table::Emphasis::kStrong);
  }
  return table.Render(colour) + Closing(usage);
}

int RunUsage(const UsageFlags& flags, Terminal& terminal) {
  auto connection = Connection::Open(flags.connection);
  if (auto* error = std::get_if<CallError>(&connection)) return Report(*error, flags.output, terminal);
  v1::QueryUsageResponse all;
  const auto error = ReadPages<v1::Billing, v1::QueryUsageRequest, v1::QueryUsageResponse>(
      std::get<Connection>(connection), ToUsageRequest(flags), &v1::Billing::Stub::QueryUsage,
      [&](const v1::QueryUsageResponse& page) { all.MergeFrom(page); });
  if (error) return Report(*error, flags.output, terminal);
  if (flags.events) {
    terminal.out << UsageEvents(all, "//" + flags.connection.address);
    return kOk;
  }
  if (flags.output == Output::kTable) {
    terminal.out << (flags.AskForGroups() ? RenderGroups(flags, all, terminal.colour)
                                          : RenderBuckets(all, terminal.colour));
    return kOk;
  }
  nlohmann::ordered_json json = ToJson(all);
  json.erase("next_page_token");
  json.erase(flags.AskForGroups() ? "buckets" : "groups");
  terminal.out << Printed(json);
  return kOk;
}

}  // namespace

void AddUsageCommand(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<UsageFlags>();
  CLI::App& command = *app.add_subcommand("usage", "Tokens, work and charges by hour, key, pool and class, or grouped");
  command
      .add_option("--group-by", flags->group_by,
                  "tenant (operators), project, key, pool, class, and one of run and label:KEY; by commas")
      ->delimiter(',')
      ->option_text("WHAT");
  command.add_option("--by", flags->by, "a row per hour, day or month of the tariff's calendar, or one for it all")
      ->check(CLI::IsMember({"hour", "day", "month", "whole"}).description(""))
      ->option_text("hour|day|month|whole");
  command.add_option("--project", flags->project, "only this project")->option_text("NAME");
  command.add_option("--key", flags->key, "only this key: tenants/TENANT/keys/KEY, or its name beside --tenant")
      ->option_text("KEY");
  command.add_option("--pool", flags->pool, "only this pool")->option_text("POOL");
  command.add_option("--class", flags->served, "only this class")
      ->check(CLI::IsMember({"free", "flex", "default", "priority", "spillover", "reserved"}).description(""))
      ->option_text("free|flex|default|priority|spillover|reserved");
  command.add_option("--run", flags->run, "only this run")->option_text("RUN");
  command.add_option("--label", flags->label, "only with this label")->check(IsLabel())->option_text("KEY=VALUE");
  command.add_flag("--events", flags->events, "as CloudEvents, a line of JSON each; end with a past hour (--to)")
      ->excludes("--group-by")
      ->excludes("--by");
  flags->AddTo(command, "the beginning");
  OnRun(command, invocation, [flags](Terminal& terminal) { return RunUsage(*flags, terminal); });
}

}  // namespace penstock::cli
