#include "broker/rpc/rate_card.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "broker/market/pool_market.h"
#include "broker/rpc/converters.h"
#include "broker/rpc/delivery_rows.h"
#include "broker/rpc/market_converters.h"

namespace penstock::rpc {
namespace {

constexpr std::array kTiers = {Tier::kFree, Tier::kElastic, Tier::kReserved};
constexpr std::array kOffered = {ServiceClass::kFree,     ServiceClass::kFlex,      ServiceClass::kDefault,
                                 ServiceClass::kPriority, ServiceClass::kSpillover, ServiceClass::kReserved};

void FillLimits(const std::string& of, const admission::LimitPolicy& policy, v1::RateCard* out) {
  for (const admission::LimitTerms& terms : policy.limits) {
    v1::RateCardLimit* limit = out->add_limits();
    limit->set_of(of);
    limit->set_name(terms.name);
    limit->set_limit(terms.rate.quantity);
    limit->set_burst(terms.rate.burst);
    ToProto(terms.rate.period, limit->mutable_period());
  }
  if (policy.max_parallel == 0) return;
  v1::RateCardLimit* limit = out->add_limits();
  limit->set_of(of);
  limit->set_name(admission::kParallelLimit);
  limit->set_limit(policy.max_parallel);
}

void FillOffers(const core::Engine& engine, TenantId tenant, const ledger::TariffEntry& tariff,
                const ledger::PoolPrices& prices, PoolId pool, v1::RateCardPool* out) {
  for (const ServiceClass served : kOffered) {
    const ledger::TokenPrices& flat = prices.by_class[static_cast<size_t>(served)];
    const bool is_priced =
        std::any_of(kAllTokenKinds.begin(), kAllTokenKinds.end(), [&](TokenKind kind) { return flat[kind] != 0; });
    const core::SpeedFigures measured = engine.FiguresOf(pool, served);
    if (!is_priced && measured.requests == 0) continue;
    v1::RateCardOffer* offer = out->add_offers();
    const uint32_t posted = engine.PostedFor(tenant, pool, served, tariff.id);
    offer->set_service_class(ToProto(served));
    Fill(engine.books().PricesOf(
             {.tenant = tenant, .pool = pool, .served = served, .tariff = tariff.id, .posted = posted}),
         offer->mutable_prices());
    offer->set_follows_posted_price((prices.coupling.classes >> static_cast<unsigned>(served) & 1) != 0);
    if (measured.requests > 0) Fill(measured, offer->mutable_measured());
  }
}

void FillTerms(const market::MarketTerms& terms, v1::RateCardPool* out) {
  out->set_market_open(terms.open);
  if (!terms.open) return;
  ToProto(terms.shortest, out->mutable_shortest_reservation());
  ToProto(terms.furthest, out->mutable_furthest_ahead());
  ToProto(terms.quote_holds, out->mutable_quote_holds());
  ToProto(terms.lock_time, out->mutable_locked_before_start());
  out->set_refund_permille(terms.refund);
}

}  // namespace

void FillRateCard(const core::Engine& engine, TenantId tenant, const std::vector<PoolId>& pools, v1::RateCard* out) {
  const ledger::TariffEntry& tariff = TariffFor(engine, tenant);
  out->set_tariff_version(tariff.tariff.version);
  out->set_currency(tariff.tariff.currency);
  ToProto(engine.now(), out->mutable_as_of());
  for (const PoolId id : pools) {
    const core::PoolState* pool = engine.FindPool(id);
    if (pool == nullptr) continue;
    v1::RateCardPool* card = out->add_pools();
    card->set_pool(NameOf(engine, id));
    card->set_model(pool->settings().model);
    for (const TokenKind kind : kAllTokenKinds) {
      if (pool->settings().burndown[kind] == 0) continue;
      v1::BurndownRate* rate = card->add_burndown();
      rate->set_kind(std::string(Name(kind)));
      rate->set_thousandths(pool->settings().burndown[kind]);
    }
    if (const ledger::PoolPrices* prices = tariff.tariff.PricesOf(pool->settings().name)) {
      FillOffers(engine, tenant, tariff, *prices, id, card);
      Fill(engine.PriceInputsOf(id, tenant).list_price, tariff.tariff.currency, card->mutable_reservation_list_price());
      if (prices->service_level.IsOn()) Fill(prices->service_level, card->mutable_promised());
    }
    if (const market::PoolMarket* market = engine.MarketOf(id)) FillTerms(market->terms(), card);
  }
  for (const Tier tier : kTiers) {
    FillLimits(absl::StrCat("tier/", std::string(Name(tier))), engine.accounts().TierLimits(tier), out);
  }
  if (const core::Tenant* account = tenant.value == 0 ? nullptr : engine.accounts().FindTenant(tenant)) {
    FillLimits(NameOf(engine, tenant), account->limits.policy(), out);
  }
}

}  // namespace penstock::rpc
