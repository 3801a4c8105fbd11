#include "broker/arrivals/settings_codec.h"

#include <optional>
#include <variant>
#include <vector>

#include "broker/arrivals/fields.h"
#include "ledger/entry.h"

// The lists of fields lie in the namespaces of their types, where Writer and Reader find them.

namespace penstock::admission {

using arrivals::Is;

void Fields(Is<RateTerms> auto& terms, auto& code) {
  auto& [quantity, period, burst] = terms;
  code(quantity, period, burst);
}

void Fields(Is<LimitTerms> auto& terms, auto& code) {
  auto& [name, measure, kind, rate] = terms;
  code(name, measure, kind, rate);
}

void Fields(Is<LimitPolicy> auto& policy, auto& code) {
  auto& [limits, max_parallel] = policy;
  code(limits, max_parallel);
}

void Fields(Is<ClassTerms> auto& terms, auto& code) {
  auto& [weight, max_in_flight, holdback_slots, holdback_kv, max_waiting, floor, cap, codel_target, codel_interval] =
      terms;
  code(weight, max_in_flight, holdback_slots, holdback_kv, max_waiting, floor, cap, codel_target, codel_interval);
}

void Fields(Is<PoolTerms> auto& terms, auto& code) {
  auto& [capacity, burst, max_in_flight, kv_tokens, classes] = terms;
  code(capacity, burst, max_in_flight, kv_tokens, classes);
}

}  // namespace penstock::admission

namespace penstock::ledger::rating {

using arrivals::Is;

void Fields(Is<Reservation> auto& reservation, auto& code) {
  auto& [pool, rate, from, to] = reservation;
  code(pool, rate, from, to);
}

void Fields(Is<Provision> auto& provision, auto& code) {
  auto& [units, input_per_minute, output_per_minute] = provision;
  code(units, input_per_minute, output_per_minute);
}

void Fields(Is<Credit> auto& credit, auto& code) {
  auto& [name, kind, amount, priority, granted, expires] = credit;
  code(name, kind, amount, priority, granted, expires);
}

void Fields(Is<Subscription> auto& subscription, auto& code) {
  auto& [from, until, seats, reservations, provisions, contracted, committed, minimum, credits] = subscription;
  code(from, until, seats, reservations, provisions, contracted, committed, minimum, credits);
}

}  // namespace penstock::ledger::rating

namespace penstock::ledger {

using arrivals::Is;

void Fields(Is<CapacityStep> auto& step, auto& code) {
  auto& [from, capacity, slots, kv_tokens] = step;
  code(from, capacity, slots, kv_tokens);
}

}  // namespace penstock::ledger

namespace penstock::market {

using arrivals::Is;

void Fields(Is<CurvePoint> auto& point, auto& code) {
  auto& [utilisation, factor] = point;
  code(utilisation, factor);
}

void Fields(Is<TimeFactor> auto& one, auto& code) {
  auto& [from, factor] = one;
  code(from, factor);
}

void Fields(Is<PostedPriceTerms> auto& posted, auto& code) {
  auto& [curve, floor, cap, step, most_steps, least_between, notice, lock_premium, cap_premium, longest_lock] = posted;
  code(curve, floor, cap, step, most_steps, least_between, notice, lock_premium, cap_premium, longest_lock);
}

void Fields(Is<MarketTerms> auto& market, auto& code) {
  auto& [open, margin, burst, envelope, planned, shortest, furthest, quote_holds, lock_time, refund, approval_above,
         scarcity, lead_time, term, least_spread, most_spread, posted, chunk, chunk_price, chunk_lead_time] = market;
  code(open, margin, burst, envelope, planned, shortest, furthest, quote_holds, lock_time, refund, approval_above,
       scarcity, lead_time, term, least_spread, most_spread, posted, chunk, chunk_price, chunk_lead_time);
}

}  // namespace penstock::market

namespace penstock::core {

using arrivals::Is;

void Fields(Is<PoolSettings> auto& pool, auto& code) {
  auto& [name, model, terms, burndown, predicted_output, estimator_error, lease, settle_within, market] = pool;
  code(name, model, terms, burndown, predicted_output, estimator_error, lease, settle_within, market);
}

void Fields(Is<ReservationSettings> auto& reservation, auto& code) {
  auto& [pool, kind, rate, overrun] = reservation;
  code(pool, kind, rate, overrun);
}

void Fields(Is<BudgetTerms> auto& budget, auto& code) {
  auto& [name, period, amount, soft, alert_at] = budget;
  code(name, period, amount, soft, alert_at);
}

void Fields(Is<RunTerms> auto& runs, auto& code) {
  auto& [max_spend, soft_spend, alert_at, max_requests, max_wall_time, max_depth, ask_for_approval] = runs;
  code(max_spend, soft_spend, alert_at, max_requests, max_wall_time, max_depth, ask_for_approval);
}

void Fields(Is<KeyPolicy> auto& policy, auto& code) {
  auto& [pools, classes, max_input, max_output, max_output_price, duplicates, duplicate_window] = policy;
  code(pools, classes, max_input, max_output, max_output_price, duplicates, duplicate_window);
}

void Fields(Is<ProjectSettings> auto& project, auto& code) {
  auto& [name, budgets] = project;
  code(name, budgets);
}

void Fields(Is<KeySettings> auto& key, auto& code) {
  auto& [name, project, weight, limits, policy, budgets] = key;
  code(name, project, weight, limits, policy, budgets);
}

void Fields(Is<Graduation> auto& graduation, auto& code) {
  auto& [at_spend, limits] = graduation;
  code(at_spend, limits);
}

void Fields(Is<TenantSettings> auto& tenant, auto& code) {
  auto& [name, tier, weight, limits, graduations, pools, classes, reservations, budgets, runs, projects, keys, tariff,
         subscription] = tenant;
  code(name, tier, weight, limits, graduations, pools, classes, reservations, budgets, runs, projects, keys, tariff,
       subscription);
}

}  // namespace penstock::core

namespace penstock::arrivals {

namespace {

/// Nothing when the bytes are no tariff.
std::optional<ledger::Tariff> DecodeTariff(const std::string& bytes) {
  absl::StatusOr<ledger::Entry> decoded = ledger::Decode(bytes);
  auto* entry = decoded.ok() ? std::get_if<ledger::TariffEntry>(&*decoded) : nullptr;
  return entry == nullptr ? std::nullopt : std::optional(std::move(entry->tariff));
}

}  // namespace

// Tariffs are coded as the journal has them.
void EncodeSettings(const core::EngineSettings& settings, std::string* out) {
  const auto& [pools, tier_limits, tenants, tariff, more_tariffs] = settings;
  Origin origin;
  std::vector<std::string> entries(1);
  ledger::Encode(ledger::TariffEntry{1, tariff}, &entries.back());
  for (const ledger::Tariff& one : more_tariffs) ledger::Encode(ledger::TariffEntry{1, one}, &entries.emplace_back());
  Writer(out, &origin)(pools, tier_limits, tenants, entries);
}

absl::StatusOr<core::EngineSettings> DecodeSettings(std::string_view bytes) {
  core::EngineSettings settings;
  Origin origin;
  ledger::RowReader in(bytes);
  Reader read(&in, &origin);
  std::vector<std::string> entries;
  read(settings.pools, settings.tier_limits, settings.tenants, entries);
  if (!read.ok() || !in.done() || entries.empty()) return absl::DataLossError("the recorded settings make no sense");
  for (size_t i = 0; i < entries.size(); ++i) {
    std::optional<ledger::Tariff> tariff = DecodeTariff(entries[i]);
    if (!tariff) return absl::DataLossError("a tariff of the recorded settings makes no sense");
    if (i == 0) {
      settings.tariff = *std::move(tariff);
    } else {
      settings.more_tariffs.push_back(*std::move(tariff));
    }
  }
  return settings;
}

}  // namespace penstock::arrivals
