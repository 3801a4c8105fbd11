#include "broker/cli/entry_json.h"

#include <absl/time/time.h>

#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "broker/auth/encoding.h"
#include "ledger/accounts.h"
#include "ledger/market_records.h"
#include "ledger/reservation_states.h"

namespace penstock::cli {
namespace {

using nlohmann::ordered_json;
using namespace ledger;  // NOLINT: this file is about its entries

ordered_json At(Instant at) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", absl::FromUnixNanos(at.nanoseconds_since_epoch()),
                          absl::UTCTimeZone());
}

std::string Hex(const auto& bytes) { return auth::ToHex({reinterpret_cast<const char*>(bytes.data()), bytes.size()}); }

template <class E>
std::string EncodedHex(const E& entry) {
  std::string bytes;
  Encode(entry, &bytes);
  return Hex(bytes);
}

ordered_json Id(GrantId id) { return {{"epoch", id.epoch}, {"sequence", id.sequence}}; }

ordered_json Counts(const TokenCounts& counts) {
  ordered_json json = ordered_json::object();
  for (TokenKind kind : kAllTokenKinds) {
    if (counts[kind] != Tokens()) json[std::string(Name(kind))] = counts[kind].count();
  }
  return json;
}

ordered_json Terms(const GrantTerms& terms) {
  return {{"tenant", terms.tenant.value}, {"key", terms.key.value},
          {"pool", terms.pool.value},     {"served", std::string(Name(terms.served))},
          {"tariff", terms.tariff},       {"posted", terms.posted}};
}

ordered_json List(const Attributions& attributions) {
  ordered_json list = ordered_json::array();
  for (const Attribution& one : attributions) {
    list.push_back({{"from", At(one.from)}, {"to", At(one.to)}, {"work_milli_nt", one.work.count()}});
  }
  return list;
}

ordered_json Words(const BootEntry& e) { return {{"type", "boot"}, {"epoch", e.epoch}, {"at", At(e.at)}}; }
ordered_json Words(const StopEntry& e) { return {{"type", "stop"}, {"epoch", e.epoch}, {"at", At(e.at)}}; }

ordered_json Words(const NameEntry& e) {
  constexpr const char* kKinds[] = {"tenant", "key", "pool", "project"};
  return {{"type", "name"},
          {"kind", kKinds[static_cast<size_t>(e.kind)]},
          {"id", e.id},
          {"owner", e.owner},
          {"name", e.name}};
}

ordered_json Words(const TariffEntry& e) {
  return {{"type", "tariff"},
          {"id", e.id},
          {"version", e.tariff.version},
          {"currency", e.tariff.currency},
          {"effective", At(e.tariff.effective)},
          {"encoded", EncodedHex(e)}};
}

ordered_json Words(const GrantEntry& e) {
  ordered_json labels = ordered_json::object();
  for (const auto& [key, value] : e.labels) labels[key] = value;
  return {{"type", "grant"},
          {"id", Id(e.id)},
          {"terms", Terms(e.terms)},
          {"at", At(e.at)},
          {"lease_deadline", At(e.lease_deadline)},
          {"settle_deadline", At(e.settle_deadline)},
          {"estimate", Counts(e.estimate)},
          {"work_milli_nt", e.work.count()},
          {"output_cap", e.output_cap.count()},
          {"hold", e.hold.ToDecimal()},
          {"request_id", e.request_id},
          {"body", Hex(e.body)},
          {"run", e.run},
          {"labels", labels},
          {"reservation", e.reservation},
          {"queued_ns", e.queued.count()}};
}

ordered_json Words(const ProgressEntry& e) {
  return {{"type", "progress"},
          {"id", Id(e.id)},
          {"at", At(e.at)},
          {"so_far", Counts(e.so_far)},
          {"lease_deadline", At(e.lease_deadline)},
          {"settle_deadline", At(e.settle_deadline)},
          {"output_cap", e.output_cap.count()},
          {"hold", e.hold.ToDecimal()},
          {"attributions", List(e.attributions)}};
}

ordered_json Words(const SettleEntry& e) {
  constexpr const char* kOutcomes[] = {"succeeded", "failed", "cancelled"};
  return {{"type", "settle"},
          {"id", Id(e.id)},
          {"terms", Terms(e.terms)},
          {"at", At(e.at)},
          {"outcome", kOutcomes[static_cast<size_t>(e.outcome)]},
          {"billed", e.billed},
          {"tokens", Counts(e.tokens)},
          {"unbilled", Counts(e.unbilled)},
          {"work_milli_nt", e.work.count()},
          {"charge", e.charge.ToDecimal()},
          {"body", Hex(e.body)},
          {"attributions", List(e.attributions)},
          {"first_token_ns", e.first_token.count()},
          {"generating_ns", e.generating.count()}};
}

ordered_json Words(const VoidEntry& e) {
  constexpr const char* kReasons[] = {"undeliverable", "cancelled"};
  return {{"type", "void"}, {"id", Id(e.id)}, {"at", At(e.at)}, {"reason", kReasons[static_cast<size_t>(e.reason)]}};
}

ordered_json Words(const ExpireEntry& e) { return {{"type", "expire"}, {"id", Id(e.id)}, {"at", At(e.at)}}; }

ordered_json Words(const SubscriptionEntry& e) {
  return {{"type", "subscription"}, {"tenant", e.tenant.value}, {"at", At(e.at)}, {"encoded", EncodedHex(e)}};
}

ordered_json Words(const CreditEntry& e) {
  ordered_json json = {{"type", "credit"},
                       {"id", e.id},
                       {"tenant", e.tenant.value},
                       {"at", At(e.at)},
                       {"name", e.credit.name},
                       {"kind", e.credit.kind == rating::Credit::Kind::kPrepaid ? "prepaid" : "service"},
                       {"currency", e.currency},
                       {"amount", e.credit.amount.ToDecimal()},
                       {"priority", e.credit.priority},
                       {"granted", At(e.credit.granted)}};
  if (e.credit.expires != Instant::Max()) json["expires"] = At(e.credit.expires);
  return json;
}

ordered_json Words(const StatementEntry& e) {
  ordered_json lines = ordered_json::array();
  for (const rating::Line& line : e.lines) {
    lines.push_back({{"kind", std::string(Name(line.kind))},
                     {"description", line.description},
                     {"pool", line.pool},
                     {"unit_price", line.unit_price.ToDecimal()},
                     {"exact", line.exact.ToDecimal()},
                     {"amount", line.amount.ToDecimal()}});
  }
  ordered_json credits = ordered_json::array();
  for (const CreditUse& use : e.credits) {
    credits.push_back({{"credit", use.credit}, {"amount", use.amount.ToDecimal()}});
  }
  const StatementSums sums = SumsOf(e.lines);
  return {{"type", "statement"},
          {"id", e.id},
          {"tenant", e.tenant.value},
          {"tariff", e.tariff},
          {"replaces", e.replaces},
          {"at", At(e.at)},
          {"from", At(e.from)},
          {"to", At(e.to)},
          {"posted", e.posted.ToDecimal()},
          {"total", sums.total.ToDecimal()},
          {"credits", credits},
          {"lines", lines}};
}

ordered_json Words(const RollUpEntry& e) {
  return {{"type", "roll_up"}, {"tenant", e.tenant.value}, {"at", At(e.at)}, {"before", At(e.before)}};
}

ordered_json Words(const KeyProjectEntry& e) {
  return {{"type", "key_project"}, {"key", e.key.value}, {"project", e.project.value}};
}

ordered_json Words(const OutcomeEntry& e) {
  ordered_json labels = ordered_json::object();
  for (const auto& [key, value] : e.labels) labels[key] = value;
  return {{"type", "outcome"},
          {"id", e.id},
          {"tenant", e.tenant.value},
          {"at", At(e.at)},
          {"happened", At(e.happened)},
          {"name", e.name},
          {"accepted", e.accepted},
          {"rejected", e.rejected},
          {"run", e.run},
          {"labels", labels},
          {"reverses", e.reverses},
          {"request_id", e.request_id},
          {"body", Hex(e.body)}};
}

ordered_json Words(const BudgetOf& b) {
  constexpr const char* kScopes[] = {"tenant", "project", "key", "run"};
  constexpr const char* kPeriods[] = {"day", "month", "total"};
  return {{"tenant", b.tenant.value},
          {"scope", kScopes[static_cast<size_t>(b.scope)]},
          {"subject", b.subject},
          {"run", b.run},
          {"period", kPeriods[static_cast<size_t>(b.period)]},
          {"number", b.number}};
}

ordered_json Words(const AlertEntry& e) {
  return {{"type", "alert"},
          {"at", At(e.at)},
          {"budget", Words(e.budget)},
          {"threshold", e.threshold},
          {"spent", e.spent.ToDecimal()},
          {"amount", e.amount.ToDecimal()}};
}

ordered_json Words(const BudgetRaiseEntry& e) {
  return {{"type", "budget_raise"},
          {"id", e.id},
          {"at", At(e.at)},
          {"by", e.by},
          {"budget", Words(e.budget)},
          {"from", e.from.ToDecimal()},
          {"more", e.more.ToDecimal()},
          {"for_good", e.for_good},
          {"reason", e.reason}};
}

ordered_json Words(const BudgetChangeEntry& e) {
  return {{"type", "budget_change"}, {"id", e.id},
          {"at", At(e.at)},          {"by", e.by},
          {"approved", e.approved},  {"from", e.from.ToDecimal()},
          {"to", e.to.ToDecimal()}};
}

ordered_json Words(const RunApprovalEntry& e) {
  return {{"type", "run_approval"}, {"at", At(e.at)}, {"tenant", e.tenant.value}, {"run", e.run}, {"by", e.by}};
}

ordered_json Steps(const std::vector<RateStep>& steps) {
  ordered_json list = ordered_json::array();
  for (const RateStep& step : steps) {
    list.push_back({{"from", At(step.from)},
                    {"to", At(step.to)},
                    {"rate_milli_nt_per_second", step.rate.count()},
                    {"unit_price_pico", step.unit_price}});
  }
  return list;
}

ordered_json Terms(const ReservationTerms& terms) {
  return {{"pool", terms.pool.value},
          {"project", terms.project.value},
          {"overrun", std::string(Name(terms.overrun))},
          {"envelope",
           {{"mean_work_milli_nt", terms.envelope.mean_work.count()},
            {"mean_residence_ns", terms.envelope.mean_residence.count()},
            {"largest_context", terms.envelope.largest_context.count()}}},
          {"steps", Steps(terms.steps)},
          {"shape", terms.shape}};
}

/// Of an entry: who asked for it, and under which request id.
void Ask(const auto& e, ordered_json* json) {
  (*json)["by"] = e.by;
  (*json)["request_id"] = e.request_id;
  (*json)["body"] = Hex(e.body);
}

ordered_json Words(const CapacityPlanEntry& e) {
  ordered_json steps = ordered_json::array();
  for (const CapacityStep& step : e.steps) {
    steps.push_back({{"from", At(step.from)},
                     {"capacity_milli_nt_per_second", step.capacity.count()},
                     {"slots", step.slots},
                     {"kv_tokens", step.kv_tokens}});
  }
  return {{"type", "capacity_plan"},
          {"pool", e.pool.value},
          {"at", At(e.at)},
          {"margin", e.margin},
          {"standing_milli_nt_per_second", e.standing.count()},
          {"standing_slots", e.standing_slots},
          {"standing_kv", e.standing_kv},
          {"steps", steps}};
}

ordered_json Words(const DemandPlanEntry& e) {
  ordered_json hours = ordered_json::array();
  for (const HourDemand& hour : e.hours) hours.push_back({hour.mean.count(), hour.deviation.count()});
  return {{"type", "demand_plan"},
          {"id", e.id},
          {"pool", e.pool.value},
          {"at", At(e.at)},
          {"from", At(e.from)},
          {"holdback_slots", e.holdback_slots},
          {"mean_and_deviation_milli_nt_per_second", hours}};
}

ordered_json Words(const PriceEntry& e) {
  constexpr const char* kKinds[] = {"posted", "lock", "cap"};
  ordered_json prices = ordered_json::object();
  for (TokenKind kind : kAllTokenKinds) {
    if (e.prices[kind] != 0) prices[std::string(Name(kind))] = e.prices[kind];
  }
  ordered_json json = {{"type", "price"},
                       {"id", e.id},
                       {"pool", e.pool.value},
                       {"tariff", e.tariff},
                       {"kind", kKinds[static_cast<size_t>(e.kind)]},
                       {"tenant", e.tenant.value},
                       {"at", At(e.at)},
                       {"from", At(e.from)},
                       {"multiplier", e.multiplier},
                       {"utilisation", e.utilisation},
                       {"forecast", e.forecast},
                       {"previous", e.previous},
                       {"prices", prices}};
  if (e.kind != PriceKind::kPosted) json["until"] = At(e.until);
  Ask(e, &json);
  return json;
}

ordered_json Words(const QuoteEntry& e) {
  constexpr const char* kKinds[] = {"earlier", "later", "lower_rate"};
  ordered_json alternatives = ordered_json::array();
  for (const Alternative& one : e.alternatives) {
    alternatives.push_back({{"kind", kKinds[static_cast<size_t>(one.kind)]},
                            {"shift_ns", one.shift.count()},
                            {"rate_milli_nt_per_second", one.rate.count()},
                            {"unit_price_pico", one.unit_price},
                            {"price", one.price.ToDecimal()}});
  }
  const PriceBasis& basis = e.basis;
  ordered_json json = {{"type", "quote"},
                       {"id", e.id},
                       {"tenant", e.tenant.value},
                       {"at", At(e.at)},
                       {"expires", At(e.expires)},
                       {"tariff", e.tariff},
                       {"terms", Terms(e.terms)},
                       {"basis",
                        {{"floor", basis.floor},
                         {"displacement", basis.displacement},
                         {"scarcity", basis.scarcity},
                         {"utilisation", basis.utilisation},
                         {"tightest", At(basis.tightest)},
                         {"lead_time", basis.lead_time},
                         {"term", basis.term},
                         {"elastic_price", basis.elastic_price},
                         {"plan", basis.plan}}},
                       {"alternatives", alternatives}};
  Ask(e, &json);
  return json;
}

ordered_json Words(const QuoteEndEntry& e) {
  return {{"type", "quote_end"}, {"id", e.id}, {"at", At(e.at)}, {"state", std::string(Name(e.state))}};
}

ordered_json Words(const ReservationEntry& e) {
  constexpr const char* kKinds[] = {"purchase", "refund", "sell_back"};
  ordered_json charges = ordered_json::array();
  for (const ReservationCharge& charge : e.charges) {
    charges.push_back({{"kind", kKinds[static_cast<size_t>(charge.kind)]},
                       {"amount", AmountOf(charge).ToDecimal()},
                       {"unit_price_pico", charge.unit_price},
                       {"paid_price_pico", charge.paid_price}});
  }
  ordered_json json = {{"type", "reservation"},
                       {"id", e.id},
                       {"event", std::string(Name(e.event))},
                       {"state", std::string(Name(e.state))},
                       {"at", At(e.at)},
                       {"tenant", e.tenant.value},
                       {"quote", e.quote},
                       {"bid", e.bid},
                       {"tariff", e.tariff},
                       {"charges", charges},
                       {"reason", e.reason}};
  if (!e.terms.empty()) json["terms"] = Terms(e.terms.front());
  if (e.event == ReservationEvent::kDegrade) json["guaranteed_milli_nt_per_second"] = e.guaranteed.count();
  Ask(e, &json);
  return json;
}

ordered_json Words(const DeliveryEntry& e) {
  return {{"type", "delivery"},
          {"reservation", e.reservation},
          {"at", At(e.at)},
          {"from", At(e.from)},
          {"to", At(e.to)},
          {"promised_milli_nt", e.promised.count()},
          {"guaranteed_milli_nt", e.guaranteed.count()},
          {"delivered_milli_nt", e.delivered.count()},
          {"earned", e.earned.ToDecimal()},
          {"requests", e.requests},
          {"late", e.late},
          {"slow_first", e.slow_first},
          {"slow_output", e.slow_output},
          {"missed", e.missed},
          {"unserved", e.unserved},
          {"queued_ns", e.queued.count()},
          {"longest_queued_ns", e.longest_queued.count()}};
}

ordered_json Words(const BidEntry& e) {
  ordered_json json = {{"type", "bid"},
                       {"id", e.id},
                       {"tenant", e.tenant.value},
                       {"at", At(e.at)},
                       {"expires", At(e.expires)},
                       {"tariff", e.tariff},
                       {"terms", Terms(e.terms)},
                       {"limit_price_pico", e.limit_price}};
  Ask(e, &json);
  return json;
}

ordered_json Words(const BidEndEntry& e) {
  return {{"type", "bid_end"}, {"id", e.id}, {"at", At(e.at)}, {"state", std::string(Name(e.state))}};
}

}  // namespace

ordered_json ToJson(const Entry& entry) {
  return std::visit([](const auto& e) { return Words(e); }, entry);
}

}  // namespace penstock::cli
