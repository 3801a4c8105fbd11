#include "tests/ledger/small_world.h"

namespace penstock::ledger {
namespace {

TokenPrices Prices(int64_t input, int64_t cached, int64_t output) {
  TokenPrices prices;
  prices[TokenKind::kInput] = input;
  prices[TokenKind::kCachedInput] = cached;
  prices[TokenKind::kOutput] = output;
  return prices;
}

Work WorkAtUsualRates(const TokenCounts& tokens) {
  BurndownRates rates;
  rates[TokenKind::kInput] = 1000;
  rates[TokenKind::kCachedInput] = 100;
  rates[TokenKind::kOutput] = 4000;
  return WorkOf(tokens, rates);
}

}  // namespace

Tariff FirstTariff() {
  Tariff tariff;
  tariff.version = "2024-01";
  tariff.currency = "EUR";
  tariff.rounding_unit = *Money::FromDecimal("0.01");
  PoolPrices llama;
  llama.pool = "llama";
  for (ServiceClass served :
       {ServiceClass::kFlex, ServiceClass::kDefault, ServiceClass::kPriority, ServiceClass::kSpillover}) {
    llama.by_class[static_cast<size_t>(served)] = Prices(100, 10, 400);
  }
  llama.by_class[static_cast<size_t>(ServiceClass::kReserved)] = Prices(50, 5, 200);
  llama.demand = {BusiestMinute(7)};
  tariff.pools.push_back(llama);
  return tariff;
}

TokenCounts Tokens3(int64_t input, int64_t cached, int64_t output) {
  TokenCounts tokens;
  tokens[TokenKind::kInput] = Tokens(input);
  tokens[TokenKind::kCachedInput] = Tokens(cached);
  tokens[TokenKind::kOutput] = Tokens(output);
  return tokens;
}

std::vector<Entry> OpeningEntries() {
  return {
      BootEntry{1, kNoon},
      NameEntry{NameKind::kTenant, 1, 0, "acme"},
      NameEntry{NameKind::kTenant, 2, 0, "bolt"},
      NameEntry{NameKind::kKey, 1, 1, "acme-key"},
      NameEntry{NameKind::kKey, 2, 2, "bolt-key"},
      NameEntry{NameKind::kPool, 1, 0, "llama"},
      NameEntry{NameKind::kPool, 2, 0, "unpriced"},
      TariffEntry{1, FirstTariff()},
  };
}

GrantTerms TermsOf(TenantId tenant, ServiceClass served) { return {tenant, KeyId{tenant.value}, kLlama, served, 1}; }

GrantEntry Granted(GrantId id, Instant at, const GrantTerms& terms) {
  GrantEntry grant;
  grant.id = id;
  grant.terms = terms;
  grant.at = at;
  grant.lease_deadline = at + Minutes(1);
  grant.settle_deadline = at + Minutes(10);
  grant.hold = Money::FromPico(1000);
  grant.request_id = "r" + std::to_string(id.sequence);
  return grant;
}

SettleEntry Settled(GrantId id, Instant at, const TokenCounts& tokens, const GrantTerms& terms) {
  SettleEntry settle;
  settle.id = id;
  settle.terms = terms;
  settle.at = at;
  settle.tokens = tokens;
  settle.work = WorkAtUsualRates(tokens);
  if (terms.pool == kLlama) settle.charge = TokenCharge(tokens, FirstTariff().TokenPricesOf("llama", terms.served));
  settle.attributions = {{at, at, settle.work}};
  return settle;
}

SettleEntry SettledLate(GrantId id, Instant at, const TokenCounts& tokens, const GrantTerms& terms) {
  SettleEntry settle = Settled(id, at, tokens, terms);
  settle.billed = false;
  settle.charge = Money();
  return settle;
}

}  // namespace penstock::ledger
