#include "broker/rpc/price_explanation.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <string>

#include "broker/config/moment.h"
#include "broker/market/pool_market.h"
#include "broker/rpc/market_converters.h"
#include "broker/rpc/market_scope.h"

namespace penstock::rpc {
namespace {

/// 1250 is "1.25"; for factors.
std::string Factor(int64_t thousandths) { return ThousandthsText(thousandths); }
/// 812 is "81.2 %".
std::string Percent(int64_t thousandths) { return ThousandthsText(Int128{thousandths} * 100) + " %"; }

std::string UnitText(int64_t unit_price, const std::string& currency) {
  v1::UnitPrice price;
  Fill(unit_price, currency, &price);
  return absl::StrCat(unit_price, " pico-units per milli-nt/s and minute (", price.per_nt_s_hour(), " ", currency,
                      " per nt/s and hour)");
}

}  // namespace

void Explain(const core::Engine& engine, const ledger::QuoteRecord& record, v1::PriceExplanation* out) {
  const ledger::QuoteEntry& quote = record.given;
  const ledger::PriceBasis& basis = quote.basis;
  const std::string& currency = CurrencyOf(engine, quote.tariff);
  const int64_t unit = market::UnitPriceOf(basis);
  const ledger::Money price = ledger::PriceOf(quote.terms.steps);
  const Int128 quantity = ledger::QuantityOf(quote.terms.steps);
  out->set_name(NameOfOwned(NameOf(engine, quote.tenant), kQuotes, quote.id));
  out->set_summary(absl::StrCat(quote.terms.shape, " costs ", price.ToDecimal(), " ", currency, ", because ",
                                basis.displacement + basis.scarcity > basis.floor
                                    ? "it takes the place of elastic traffic, and little is left"
                                    : "the list price is more than what it takes the place of"));
  Fill(basis, currency, out->mutable_basis());
  Fill(unit, currency, out->mutable_unit_price());
  Fill(price, currency, out->mutable_price());
  const auto line = [out](const std::string& text) { out->add_arithmetic(text); };
  const int64_t market_price = basis.displacement + basis.scarcity;
  line(absl::StrCat("floor: ", basis.floor, ", the list price of tariff ", VersionOf(engine, quote.tariff)));
  line(absl::StrCat("displacement: ", basis.displacement, ", what elastic traffic would have paid for it at ",
                    basis.elastic_price, " pico-units per milli-nt, ",
                    basis.plan == 0 ? "without a forecast" : absl::StrCat("by demand plan ", basis.plan)));
  line(absl::StrCat("scarcity: ", basis.scarcity, ", for ", Percent(basis.utilisation),
                    " of what is sellable would be sold at ", config::FormatInstant(basis.tightest)));
  line(absl::StrCat("displacement + scarcity = ", market_price,
                    "; the larger of it and the floor: ", std::max(basis.floor, market_price)));
  line(absl::StrCat("x ", Factor(basis.lead_time), " for the lead time x ", Factor(basis.term),
                    " for the term, rounded up: ", UnitText(unit, currency)));
  line(absl::StrCat("x ", ThousandthsText(quantity), " nt/s x minutes = ", price.ToDecimal(), " ", currency));
}

void Explain(const core::Engine& engine, const ledger::PriceEntry& price, v1::PriceExplanation* out) {
  out->set_name(NameOf(engine, price));
  Fill(engine, price, out->mutable_posted());
  out->set_previous_permille(price.previous);
  out->set_utilisation_permille(price.utilisation);
  out->set_forecast_permille(price.forecast);
  const auto line = [out](const std::string& text) { out->add_arithmetic(text); };
  const std::string& version = VersionOf(engine, price.tariff);
  const market::PoolMarket* market = engine.MarketOf(price.pool);
  const market::PostedPriceTerms terms = market == nullptr ? market::PostedPriceTerms() : market->terms().posted;
  if (price.kind == ledger::PriceKind::kPosted) {
    const int64_t use = std::max(price.utilisation, price.forecast);
    out->set_summary(absl::StrCat("elastic tokens cost ", Factor(price.multiplier), " times the flat prices of tariff ",
                                  version, " from ", config::FormatInstant(price.from), " on"));
    line(absl::StrCat("use of what is not reserved: ", Percent(price.utilisation), " smoothed, ",
                      Percent(price.forecast), " as it is expected; the larger counts: ", Percent(use)));
    if (terms.curve.empty()) {
      line(absl::StrCat("from x ", Factor(price.previous), " to x ", Factor(price.multiplier),
                        "; no price is posted in this pool as it is configured now"));
    } else {
      out->set_floor_permille(terms.floor);
      out->set_cap_permille(terms.cap);
      out->set_step_permille(terms.step);
      line(absl::StrCat("the curve, as it is configured now, says x ", Factor(market::FactorAt(terms.curve, use))));
      line(absl::StrCat("from x ", Factor(price.previous), " towards it, in steps of ", Factor(terms.step),
                        ", at most ", terms.most_steps, " at once, from ", Factor(terms.floor), " to ",
                        Factor(terms.cap), ": x ", Factor(price.multiplier)));
    }
  } else {
    const bool cap = price.kind == ledger::PriceKind::kCap;
    out->set_summary(absl::StrCat(NameOf(engine, price.tenant), cap ? " pays no more than " : " pays ",
                                  Factor(price.multiplier), " times the flat prices of tariff ", version, " until ",
                                  config::FormatInstant(price.until)));
    line(absl::StrCat("x ", Factor(price.previous), " was posted then; with the premium of a ", cap ? "cap" : "lock",
                      ", rounded up: x ", Factor(price.multiplier)));
  }
  line(absl::StrCat("prices: the flat ones of tariff ", version, " x ", Factor(price.multiplier),
                    ", rounded up to a multiple that the tariff's coupling can use"));
}

}  // namespace penstock::rpc
