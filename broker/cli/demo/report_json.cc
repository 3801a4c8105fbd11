#include <absl/strings/str_cat.h>

#include <nlohmann/json.hpp>

#include "broker/cli/answer_json.h"
#include "broker/cli/demo/report.h"

namespace penstock::cli::demo {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kMedian = 500'000;
constexpr int64_t kP99 = 990'000;

ordered_json Quantiles(const planning::LatencyHistogram& histogram, double nanoseconds_per_unit) {
  ordered_json json;
  json["p50"] = static_cast<double>(histogram.Quantile(kMedian)) / nanoseconds_per_unit;
  json["p99"] = static_cast<double>(histogram.Quantile(kP99)) / nanoseconds_per_unit;
  return json;
}

ordered_json WaitMs(const Tally& tally) { return Quantiles(tally.wait, 1e6); }

void AddDecisions(const Tally& tally, ordered_json* json) {
  (*json)["offered"] = tally.offered;
  (*json)["admitted"] = tally.admitted;
  (*json)["refused"] = {{"yours", tally.refused_yours}, {"pool", tally.refused_pool}};
  (*json)["refused_why"] = ordered_json(tally.reasons);
  (*json)["cancelled"] = tally.cancelled;
  (*json)["failed"] = tally.failed;
}

ordered_json TokensJson(const TokenCounts& tokens) {
  ordered_json json;
  for (TokenKind kind : {TokenKind::kInput, TokenKind::kCachedInput, TokenKind::kOutput, TokenKind::kReasoning}) {
    json[std::string(Name(kind))] = tokens[kind].count();
  }
  return json;
}

ordered_json BillJson(const v1::Statement& statement) {
  ordered_json json;
  json["currency"] = statement.currency();
  json["total"] = statement.total();
  json["tariff_version"] = statement.tariff_version();
  json["lines"] = ordered_json::array();
  for (const v1::StatementLine& line : statement.lines()) json["lines"].push_back(ToJson(line));
  return json;
}

ordered_json TenantJson(const Tenant& tenant, const Tally& tally, const Account& account) {
  ordered_json json;
  json["name"] = tenant.name;
  json["tier"] = std::string(Name(tenant.tier));
  AddDecisions(tally, &json);
  json["spillover"] = tally.spillover;
  json["wait_ms"] = WaitMs(tally);
  json["tokens"] = TokensJson(account.tokens);
  json["peak_nt_per_s"] = static_cast<double>(account.highest_second_milli_nt) / kMilliNtPerNt;
  json["bill"] = BillJson(account.statement);
  return json;
}

ordered_json TiersJson(const Figures& figures) {
  ordered_json json;
  for (const Row row : kAllRows) {
    ordered_json tier;
    AddDecisions(figures.row(row), &tier);
    tier["wait_ms"] = WaitMs(figures.row(row));
    const Throughput& throughput = figures.throughput[static_cast<size_t>(row)];
    tier["work_nt"] = throughput.total().count() / kMilliNtPerNt;
    tier["peak_nt_per_s"] = throughput.peak_milli_nt_per_second() / kMilliNtPerNt;
    json[kRowNames[static_cast<size_t>(row)]] = std::move(tier);
  }
  return json;
}

ordered_json PoolJson(const Outcome& outcome, const core::PoolSettings& pool) {
  const Figures& figures = outcome.played.figures;
  const double seconds = static_cast<double>(figures.until_last_arrival.count()) / 1e9;
  const double carried = static_cast<double>(figures.delivered_by_last_arrival.count());
  const double could = seconds * static_cast<double>(pool.terms.capacity.count());
  ordered_json json;
  json["name"] = pool.name;
  json["model"] = pool.model;
  json["capacity_nt_per_s"] = pool.terms.capacity.count() / kMilliNtPerNt;
  json["utilisation"] = could > 0 ? carried / could : 0.0;
  json["peak_nt_per_s"] = figures.all_throughput.peak_milli_nt_per_second() / kMilliNtPerNt;
  json["max_in_flight"] = pool.terms.max_in_flight;
  json["most_waiting"] = outcome.played.pool.most_waiting;
  json["reclaim_bound_ms"] = static_cast<double>(outcome.played.pool.largest_reclaim_bound.count()) / 1e6;
  return json;
}

}  // namespace

ordered_json ReportJson(const Outcome& outcome, const Setup& setup, const Options& options) {
  const Figures& figures = outcome.played.figures;
  ordered_json json;
  json["seed"] = options.seed;
  json["seconds"] = options.seconds;
  json["interrupted"] = figures.interrupted;
  json["traffic"] = setup.attribution;
  json["law"] = setup.hardware;
  json["assumptions"] = setup.assumptions;
  json["pool"] = PoolJson(outcome, setup.settings.pools.at(0));
  json["tiers"] = TiersJson(figures);
  json["tenants"] = ordered_json::array();
  for (size_t i = 0; i < setup.tenants.size(); ++i) {
    json["tenants"].push_back(TenantJson(setup.tenants[i], figures.by_tenant[i], outcome.books.accounts.at(i)));
  }
  json["latency_us"] = {{"admit", Quantiles(figures.admit, 1e3)},
                        {"admit_total", Quantiles(figures.admit_total, 1e3)},
                        {"complete", Quantiles(figures.complete, 1e3)}};
  json["ledger"] = {{"entries", outcome.books.entries}, {"head", outcome.books.head}, {"verified", outcome.verified}};
  if (!outcome.verification_fault.empty()) json["ledger"]["fault"] = outcome.verification_fault;
  if (!outcome.kept_in.empty()) json["ledger"]["kept_in"] = outcome.kept_in;
  json["errors"] = ordered_json(figures.errors);
  json["sentence"] = SentenceThatMatters(outcome, setup);
  return json;
}

}  // namespace penstock::cli::demo
