#include "broker/rpc/market_converters.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "broker/market/pool_market.h"
#include "broker/rpc/converters.h"
#include "broker/rpc/errors.h"
#include "broker/rpc/market_scope.h"
#include "ledger/reservation_states.h"

namespace penstock::rpc {
namespace {

/// Of quotes, reservations and bids in a list, so many steps are told; of one reservation so many events.
constexpr size_t kStepsInList = 16;
constexpr size_t kEvents = 1'000;

/// The wire's enum has one more in front.
template <class Wire, class Inside>
Wire After0(Inside inside) {
  return static_cast<Wire>(static_cast<int>(inside) + 1);
}
static_assert(static_cast<int>(ledger::QuoteState::kWithdrawn) + 1 == v1::Quote::WITHDRAWN);
static_assert(static_cast<int>(ledger::ReservationState::kRejected) + 1 == v1::Reservation::REJECTED);
static_assert(static_cast<int>(ledger::ReservationState::kDegraded) + 1 == v1::Reservation::DEGRADED);
static_assert(static_cast<int>(ledger::BidState::kWithdrawn) + 1 == v1::Bid::WITHDRAWN);
static_assert(static_cast<int>(Overrun::kRefuse) + 1 == v1::OVERRUN_REFUSE);
static_assert(static_cast<int>(core::NotSellable::What::kKvTokens) + 1 == v1::NotSellable::KV_TOKENS);
static_assert(static_cast<int>(ledger::Alternative::Kind::kLowerRate) + 1 == v1::Alternative::LOWER_RATE);
static_assert(static_cast<int>(ledger::ReservationCharge::Kind::kSellBack) + 1 == v1::ReservationCharge::SELL_BACK);

size_t ShownOf(const std::vector<ledger::RateStep>& steps, Detail detail) {
  return detail == Detail::kFull ? steps.size() : std::min(steps.size(), kStepsInList);
}

void FillStep(const ledger::RateStep& step, const std::string& currency, v1::PricedStep* out) {
  ToProto(step.from, out->mutable_from());
  ToProto(step.to, out->mutable_to());
  out->set_rate_nt_per_s(step.rate.count() / kMilliNtPerNt);
  Fill(step.unit_price, currency, out->mutable_unit_price());
}

void FillEnvelope(const ledger::Envelope& envelope, v1::Envelope* out) {
  out->set_mean_work_nt(envelope.mean_work.count() / kMilliNtPerNt);
  ToProto(envelope.mean_residence, out->mutable_mean_residence());
  out->set_largest_context_tokens(envelope.largest_context.count());
}

/// What quotes, reservations and bids have in common.
template <class Message>
void FillTerms(const core::Engine& engine, const ledger::ReservationTerms& terms, Message* out) {
  out->set_pool(NameOf(engine, terms.pool));
  if (terms.project.value != 0) {
    out->set_project(engine.books().NameOf(ledger::NameKind::kProject, terms.project.value).name);
  }
  out->set_overrun(After0<v1::Overrun>(terms.overrun));
  FillEnvelope(terms.envelope, out->mutable_envelope());
  out->set_shape(terms.shape);
  out->set_step_count(static_cast<int64_t>(terms.steps.size()));
  out->set_peak_nt_per_s(PeakOf(terms.steps).count() / kMilliNtPerNt);
}

void FillEvent(const ledger::ReservationChange& change, const std::string& currency, v1::ReservationEvent* out) {
  out->set_event(std::string(Name(change.event)));
  out->set_state(ToProto(change.state));
  ToProto(change.at, out->mutable_at());
  Fill(change.charge, currency, out->mutable_charge());
  out->set_guaranteed_milli_nt_per_s(change.guaranteed.count());
  out->set_by(change.by);
  out->set_reason(change.reason);
}

}  // namespace

const std::string& CurrencyOf(const core::Engine& engine, uint32_t tariff) {
  return engine.books().tariffs()[tariff - 1].tariff.currency;
}

const std::string& VersionOf(const core::Engine& engine, uint32_t tariff) {
  return engine.books().tariffs()[tariff - 1].tariff.version;
}

std::string NameOf(const core::Engine& engine, TenantId tenant) {
  return "tenants/" + engine.books().NameOf(ledger::NameKind::kTenant, tenant.value).name;
}

std::string NameOf(const core::Engine& engine, PoolId pool) {
  return "pools/" + engine.books().NameOf(ledger::NameKind::kPool, pool.value).name;
}

std::string NameOf(const core::Engine& engine, const ledger::PriceEntry& price) {
  return NameOfPrice(NameOf(engine, price.pool), price.id);
}

v1::Quote::State ToProto(ledger::QuoteState state) { return After0<v1::Quote::State>(state); }
v1::Reservation::State ToProto(ledger::ReservationState state) { return After0<v1::Reservation::State>(state); }
v1::Bid::State ToProto(ledger::BidState state) { return After0<v1::Bid::State>(state); }

WorkPerSecond PeakOf(const std::vector<ledger::RateStep>& steps) {
  std::vector<std::pair<Instant, int64_t>> changes;  // at one moment, ends before beginnings
  changes.reserve(steps.size() * 2);
  for (const ledger::RateStep& step : steps) {
    changes.emplace_back(step.from, step.rate.count());
    changes.emplace_back(step.to, -step.rate.count());
  }
  std::sort(changes.begin(), changes.end());
  int64_t now = 0;
  int64_t most = 0;
  for (const auto& [at, by] : changes) most = std::max(most, now = CheckedAdd(now, by));
  return WorkPerSecond(most);
}

std::string ThousandthsText(Int128 thousandths) {
  // A money's decimal has twelve places: nine of them are nothing here.
  std::string text = ledger::Money::FromPico(ledger::PicoCount(thousandths) * 1'000'000'000).ToDecimal();
  text.resize(text.size() - 9);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

void Fill(const ledger::Money& amount, const std::string& currency, v1::Money* out) {
  out->set_currency(currency);
  out->set_amount(amount.ToDecimal());
}

void Fill(int64_t unit_price, const std::string& currency, v1::UnitPrice* out) {
  constexpr int64_t kPerNtHour = kMilliNtPerNt * 60;
  // A nt/s for a minute is 60 nt: a million nt cost unit x 1000 x 1,000,000 / 60.
  constexpr int64_t kPerMillionNtTimes3 = 50'000'000;
  out->set_currency(currency);
  out->set_pico_units_per_milli_nt_s_minute(unit_price);
  out->set_per_nt_s_hour((ledger::Money::FromPico(unit_price) * kPerNtHour).ToDecimal());
  const Int128 per_million = DivideRoundUp<Int128>(Int128{unit_price} * kPerMillionNtTimes3, Int128{3});
  out->set_per_million_nt(ledger::Money::FromPico(ledger::PicoCount(per_million)).ToDecimal());
}

void Fill(const ledger::TokenPrices& prices, google::protobuf::RepeatedPtrField<v1::TokenPrice>* out) {
  for (const TokenKind kind : kAllTokenKinds) {
    if (prices[kind] == 0) continue;
    v1::TokenPrice* price = out->Add();
    price->set_kind(std::string(Name(kind)));
    price->set_micros_per_million_tokens(prices[kind]);
  }
}

void Fill(const ledger::PriceBasis& basis, const std::string& currency, v1::PriceBasis* out) {
  Fill(basis.floor, currency, out->mutable_floor());
  Fill(basis.displacement, currency, out->mutable_displacement());
  Fill(basis.scarcity, currency, out->mutable_scarcity());
  out->set_utilisation_permille(basis.utilisation);
  ToProto(basis.tightest, out->mutable_tightest());
  out->set_lead_time_permille(basis.lead_time);
  out->set_term_permille(basis.term);
  out->set_elastic_price_pico_per_milli_nt(basis.elastic_price);
  out->set_demand_plan(basis.plan);
}

void Fill(const ledger::Alternative& alternative, const std::string& currency, v1::Alternative* out) {
  out->set_kind(After0<v1::Alternative::Kind>(alternative.kind));
  ToProto(alternative.shift, out->mutable_shift());
  out->set_rate_nt_per_s(alternative.rate.count() / kMilliNtPerNt);
  Fill(alternative.unit_price, currency, out->mutable_unit_price());
  Fill(alternative.price, currency, out->mutable_price());
}

void Fill(const core::NotSellable& none, const std::string& currency, v1::NotSellable* out) {
  out->set_scarce(After0<v1::NotSellable::Scarce>(none.scarce));
  ToProto(none.tightest, out->mutable_tightest());
  out->set_asked(none.asked);
  out->set_room(none.room);
  for (const ledger::Alternative& one : none.alternatives) Fill(one, currency, out->add_alternatives());
}

grpc::Status NoCapacity(const core::NotSellable& none, const std::string& currency) {
  constexpr const char* kScarce[] = {"throughput (milli-nt/s)", "slots", "KV tokens"};
  v1::NotSellable detail;
  Fill(none, currency, &detail);
  return WithDetail(
      ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED, "NO_CAPACITY",
                  absl::StrCat("there is not enough left: ", kScarce[static_cast<size_t>(none.scarce)], ", asked for ",
                               none.asked, ", left ", none.room, "; ask for a quote to see what could be had")),
      detail);
}

void Fill(const core::Engine& engine, const ledger::QuoteRecord& record, Detail detail, v1::Quote* out) {
  const ledger::QuoteEntry& quote = record.given;
  const std::string tenant = NameOf(engine, quote.tenant);
  const std::string& currency = CurrencyOf(engine, quote.tariff);
  if (quote.id != 0) out->set_name(NameOfOwned(tenant, kQuotes, quote.id));
  out->set_state(ToProto(record.state));
  FillTerms(engine, quote.terms, out);
  const std::vector<ledger::RateStep>& steps = quote.terms.steps;
  for (size_t i = 0; i < ShownOf(steps, detail); ++i) FillStep(steps[i], currency, out->add_steps());
  Fill(ledger::PriceOf(steps), currency, out->mutable_price());
  Fill(market::UnitPriceOf(quote.basis), currency, out->mutable_unit_price());
  Fill(quote.basis, currency, out->mutable_basis());
  for (const ledger::Alternative& one : quote.alternatives) Fill(one, currency, out->add_alternatives());
  ToProto(quote.at, out->mutable_created());
  ToProto(quote.expires, out->mutable_expires());
  out->set_tariff_version(VersionOf(engine, quote.tariff));
  if (record.reservation != 0) out->set_reservation(NameOfOwned(tenant, kReservations, record.reservation));
  out->set_created_by(quote.by);
  ToProto(ledger::FirstOf(steps), out->mutable_start());
  ToProto(ledger::LastOf(steps), out->mutable_end());
}

void Fill(const core::Engine& engine, const ledger::ReservationTerms& terms, uint32_t tariff, Detail detail,
          v1::ReservationTerms* out) {
  FillTerms(engine, terms, out);
  for (size_t i = 0; i < ShownOf(terms.steps, detail); ++i) {
    FillStep(terms.steps[i], CurrencyOf(engine, tariff), out->add_steps());
  }
}

void Fill(const core::Engine& engine, const ledger::ReservationRecord& record, Detail detail, v1::Reservation* out) {
  const std::string tenant = NameOf(engine, record.tenant);
  const std::string& currency = CurrencyOf(engine, record.tariff);
  if (record.id != 0) out->set_name(NameOfOwned(tenant, kReservations, record.id));
  if (record.version() != 0) out->set_etag(EtagOf(record.version()));
  out->set_state(ToProto(record.state));
  Fill(engine, record.terms, record.tariff, detail, out->mutable_terms());
  if (!record.asked.empty()) Fill(engine, record.asked.front(), record.tariff, detail, out->mutable_asked());
  out->set_guaranteed_milli_nt_per_s(record.guaranteed.count());
  ToProto(record.bought_at, out->mutable_bought_at());
  if (!record.terms.steps.empty()) {
    ToProto(ledger::FirstOf(record.terms.steps), out->mutable_start());
    ToProto(ledger::LastOf(record.terms.steps), out->mutable_end());
  }
  if (record.quote != 0) out->set_quote(NameOfOwned(tenant, kQuotes, record.quote));
  if (record.bid != 0) out->set_bid(NameOfOwned(tenant, kBids, record.bid));
  out->set_tariff_version(VersionOf(engine, record.tariff));
  Fill(record.paid, currency, out->mutable_paid());
  Fill(record.returned, currency, out->mutable_returned());
  Fill(record.earned, currency, out->mutable_earned());
  Fill(record.unearned, currency, out->mutable_unearned());
  if (record.delivered_until > Instant()) ToProto(record.delivered_until, out->mutable_delivered_until());
  if (detail == Detail::kInList) return;
  const size_t skipped = record.history.size() - std::min(record.history.size(), kEvents);
  for (size_t i = skipped; i < record.history.size(); ++i) FillEvent(record.history[i], currency, out->add_history());
}

void Fill(const core::Engine& engine, const ledger::BidRecord& record, Detail detail, v1::Bid* out) {
  const ledger::BidEntry& bid = record.placed;
  const std::string tenant = NameOf(engine, bid.tenant);
  if (bid.id != 0) out->set_name(NameOfOwned(tenant, kBids, bid.id));
  out->set_state(ToProto(record.state));
  FillTerms(engine, bid.terms, out);
  for (size_t i = 0; i < ShownOf(bid.terms.steps, detail); ++i) {
    v1::Step* step = out->add_steps();
    ToProto(bid.terms.steps[i].from, step->mutable_from());
    ToProto(bid.terms.steps[i].to, step->mutable_to());
    step->set_rate_nt_per_s(bid.terms.steps[i].rate.count() / kMilliNtPerNt);
  }
  Fill(bid.limit_price, CurrencyOf(engine, bid.tariff), out->mutable_limit());
  ToProto(bid.at, out->mutable_placed());
  ToProto(bid.expires, out->mutable_expires());
  if (record.reservation != 0) out->set_reservation(NameOfOwned(tenant, kReservations, record.reservation));
  out->set_placed_by(bid.by);
}

void Fill(const ledger::ReservationCharge& charge, const std::string& currency, v1::ReservationCharge* out) {
  out->set_kind(After0<v1::ReservationCharge::Kind>(charge.kind));
  out->set_nt_per_s_minutes(ThousandthsText(charge.quantity));
  Fill(charge.unit_price, currency, out->mutable_unit_price());
  Fill(charge.paid_price, currency, out->mutable_paid_price());
  Fill(ledger::AmountOf(charge), currency, out->mutable_amount());
}

void Fill(const core::Engine& engine, const ledger::PriceEntry& price, v1::PostedPrice* out) {
  out->set_name(NameOf(engine, price));
  ToProto(price.from, out->mutable_from());
  ToProto(price.at, out->mutable_published());
  out->set_multiplier_permille(price.multiplier);
  Fill(price.prices, out->mutable_prices());
}

bool IsOpenTo(const core::Engine& engine, TenantId tenant, PoolId pool) {
  if (tenant.value == 0) return true;
  const core::Tenant* account = engine.accounts().FindTenant(tenant);
  return account != nullptr && account->policy->pools.Has(pool);
}

grpc::Status NotOpen(const core::Engine& engine, PoolId pool, const std::string& field) {
  return ToStatus(
      {core::ErrorReason::kUnknownPool, field, "there is no '" + NameOf(engine, pool) + "' for this tenant"});
}

const ledger::TariffEntry& TariffFor(const core::Engine& engine, TenantId tenant) {
  return tenant.value == 0 ? engine.tariff() : engine.TariffOf(tenant);
}

const ledger::PriceEntry* PinOf(const core::Engine& engine, TenantId tenant, PoolId pool) {
  return tenant.value == 0 ? nullptr : engine.books().market().PinOf(tenant, pool, engine.now());
}

void FillPosted(const core::Engine& engine, TenantId tenant, PoolId pool, v1::PoolPrice* out) {
  const ledger::TariffEntry& tariff = TariffFor(engine, tenant);
  const market::PoolMarket* market = engine.MarketOf(pool);
  out->set_pool(NameOf(engine, pool));
  out->set_tariff_version(tariff.tariff.version);
  out->set_currency(tariff.tariff.currency);
  if (const auto* now = engine.PostedNow(pool, tariff.id)) Fill(engine, *now, out->mutable_now());
  if (const auto* next = engine.PostedNext(pool, tariff.id)) Fill(engine, *next, out->mutable_next());
  if (const auto* pin = PinOf(engine, tenant, pool)) FillPin(engine, *pin, out->mutable_pin());
  out->set_market_open(market != nullptr && market->terms().open && engine.FindPool(pool) != nullptr);
}

void FillPin(const core::Engine& engine, const ledger::PriceEntry& price, v1::Pin* out) {
  if (price.id != 0) out->set_name(NameOf(engine, price));
  out->set_tenant(NameOf(engine, price.tenant));
  out->set_pool(NameOf(engine, price.pool));
  out->set_kind(price.kind == ledger::PriceKind::kCap ? v1::PinPriceRequest::CAP : v1::PinPriceRequest::LOCK);
  ToProto(price.from, out->mutable_from());
  ToProto(price.until, out->mutable_until());
  out->set_multiplier_permille(price.multiplier);
  Fill(price.prices, out->mutable_prices());
  out->set_pinned_by(price.by);
}

void Fill(const core::SpeedFigures& figures, v1::MeasuredSpeed* out) {
  out->set_requests(figures.requests);
  ToProto(figures.queued[0], out->mutable_queue_delay_p50());
  ToProto(figures.queued[1], out->mutable_queue_delay_p90());
  ToProto(figures.queued[2], out->mutable_queue_delay_p99());
  ToProto(figures.first_token[0], out->mutable_time_to_first_token_p50());
  ToProto(figures.first_token[1], out->mutable_time_to_first_token_p90());
  ToProto(figures.first_token[2], out->mutable_time_to_first_token_p99());
  out->set_output_tokens_per_s_p50(figures.output_per_second[0]);
  out->set_output_tokens_per_s_p10(figures.output_per_second[1]);
  out->set_output_tokens_per_s_p1(figures.output_per_second[2]);
}

}  // namespace penstock::rpc
