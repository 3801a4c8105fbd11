// Two tenants, two pools and one tariff, and entries about them with everything that a test does not care about filled
// in.
#pragma once

#include <vector>

#include "ledger/books.h"
#include "ledger/entry.h"
#include "ledger/tariff.h"

namespace penstock::ledger {

constexpr TenantId kAcme{1};
constexpr TenantId kBolt{2};
constexpr PoolId kLlama{1};                                    // priced
constexpr PoolId kUnpriced{2};                                 // no tariff names it
constexpr Instant kNoon = Instant(1'704'110'400'000'000'000);  // 2024-01-01T12:00:00Z

/// EUR, rounded to cents. In pool "llama": free costs nothing; default 100 / 10 / 400 per input / cached / output
/// token, reserved half of it; demand 7 per milli-nt.
Tariff FirstTariff();

TokenCounts Tokens3(int64_t input, int64_t cached, int64_t output);

/// Boot of epoch 1, the names (key n is tenant n's) and the tariff.
std::vector<Entry> OpeningEntries();

/// Elastic terms in the priced pool.
GrantTerms TermsOf(TenantId tenant, ServiceClass served = ServiceClass::kDefault);

/// A grant with a hold of 1000 pico-units and the request id "r<sequence>".
GrantEntry Granted(GrantId id, Instant at, const GrantTerms& terms = TermsOf(kAcme));

/// Charges by FirstTariff, all work at one moment.
SettleEntry Settled(GrantId id, Instant at, const TokenCounts& tokens, const GrantTerms& terms = TermsOf(kAcme));

/// The same, reported too late.
SettleEntry SettledLate(GrantId id, Instant at, const TokenCounts& tokens, const GrantTerms& terms = TermsOf(kAcme));

}  // namespace penstock::ledger
