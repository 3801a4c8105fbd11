#include "broker/rpc/delivery_rows.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "broker/rpc/converters.h"
#include "broker/rpc/market_converters.h"

namespace penstock::rpc {
namespace {

using ledger::DeliveryEntry;

/// Adds up everything that is counted.
void Add(const DeliveryEntry& one, DeliveryEntry* sum) {
  if (sum->to == Instant()) sum->from = one.from;
  sum->to = one.to;
  sum->promised = sum->promised + one.promised;
  sum->guaranteed = sum->guaranteed + one.guaranteed;
  sum->delivered = sum->delivered + one.delivered;
  sum->earned += one.earned;
  sum->requests += one.requests;
  sum->late += one.late;
  sum->slow_first += one.slow_first;
  sum->slow_output += one.slow_output;
  sum->missed += one.missed;
  sum->unserved += one.unserved;
  sum->queued = sum->queued + one.queued;
  sum->longest_queued = std::max(sum->longest_queued, one.longest_queued);
}

/// visit(row) for those of the page, add(row) for all in the range; returns the next page's token.
template <class Tell, class AddUp>
std::string Walk(const core::Engine& engine, uint32_t reservation, const DeliveryPage& page, const Tell& tell,
                 const AddUp& add) {
  const auto& rows = engine.books().market().deliveries();
  int64_t told = 0;
  std::string next;
  for (auto row = rows.lower_bound({reservation, page.from}); row != rows.end() && row->first.first == reservation;
       ++row) {
    const DeliveryEntry& one = row->second;
    if (one.from >= page.to) break;
    add(one);
    if (one.from < page.first) continue;
    if (told == page.count && next.empty()) next = absl::StrCat(one.from.nanoseconds_since_epoch());
    if (told == page.count) continue;
    tell(one);
    ++told;
  }
  return next;
}

void FillHour(const DeliveryEntry& one, const std::string& currency, v1::UtilisationHour* out) {
  ToProto(one.from, out->mutable_from());
  ToProto(one.to, out->mutable_to());
  out->set_promised_milli_nt(one.promised.count());
  out->set_guaranteed_milli_nt(one.guaranteed.count());
  out->set_delivered_milli_nt(one.delivered.count());
  out->set_unused_milli_nt(std::max<int64_t>(one.guaranteed.count() - one.delivered.count(), 0));
  Fill(one.earned, currency, out->mutable_earned());
}

void FillHour(const DeliveryEntry& one, const ledger::Money& credit, const std::string& currency,
              v1::ServiceLevelHour* out) {
  ToProto(one.from, out->mutable_from());
  ToProto(one.to, out->mutable_to());
  out->set_requests(one.requests);
  out->set_late(one.late);
  out->set_slow_first_token(one.slow_first);
  out->set_slow_output(one.slow_output);
  out->set_missed(one.missed);
  out->set_unserved(one.unserved);
  ToProto(one.queued, out->mutable_queued());
  ToProto(one.longest_queued, out->mutable_longest_queued());
  Fill(credit, currency, out->mutable_credit());
}

/// What the reservation's tariff promises for its pool.
ledger::ServiceLevel LevelOf(const core::Engine& engine, const ledger::ReservationRecord& record) {
  const ledger::Tariff& tariff = engine.books().tariffs()[record.tariff - 1].tariff;
  const std::string& pool = engine.books().NameOf(ledger::NameKind::kPool, record.terms.pool.value).name;
  const ledger::PoolPrices* prices = tariff.PricesOf(pool);
  return prices == nullptr ? ledger::ServiceLevel() : prices->service_level;
}

}  // namespace

void Fill(const ledger::ServiceLevel& level, v1::ServiceLevelTargets* out) {
  ToProto(level.queue_delay, out->mutable_queue_delay());
  ToProto(level.time_to_first_token, out->mutable_time_to_first_token());
  out->set_output_tokens_per_s(level.output_per_second);
  for (const ledger::ServiceCreditStep& step : level.credits) {
    v1::ServiceCreditStep* credit = out->add_credits();
    credit->set_below_permille(step.below);
    credit->set_percent(step.percent);
  }
}

void FillUtilisation(const core::Engine& engine, const ledger::ReservationRecord& record, const DeliveryPage& page,
                     v1::GetUtilisationResponse* response) {
  const std::string& currency = CurrencyOf(engine, record.tariff);
  DeliveryEntry total;
  int64_t unused = 0;  // hour by hour: what one hour has too much is no use in another
  response->set_next_page_token(Walk(
      engine, record.id, page, [&](const DeliveryEntry& one) { FillHour(one, currency, response->add_hours()); },
      [&](const DeliveryEntry& one) {
        Add(one, &total);
        unused += std::max<int64_t>(one.guaranteed.count() - one.delivered.count(), 0);
      }));
  FillHour(total, currency, response->mutable_total());
  response->mutable_total()->set_unused_milli_nt(unused);
  response->set_as_of_sequence(engine.ledger().posted_sequence());
}

void FillServiceLevel(const core::Engine& engine, const ledger::ReservationRecord& record, const DeliveryPage& page,
                      v1::GetServiceLevelResponse* response) {
  const std::string& currency = CurrencyOf(engine, record.tariff);
  const ledger::ServiceLevel level = LevelOf(engine, record);
  Fill(level, response->mutable_targets());
  DeliveryEntry total;
  ledger::Money credits;
  response->set_next_page_token(Walk(
      engine, record.id, page,
      [&](const DeliveryEntry& one) {
        FillHour(one, ledger::ServiceCreditOf(one, level), currency, response->add_hours());
      },
      [&](const DeliveryEntry& one) {
        Add(one, &total);
        credits += ledger::ServiceCreditOf(one, level);
      }));
  FillHour(total, credits, currency, response->mutable_total());
  response->set_as_of_sequence(engine.ledger().posted_sequence());
}

}  // namespace penstock::rpc
