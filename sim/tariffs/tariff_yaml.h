// Writes a tariff as the file, with comments, that the daemon loads.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "admission/vocabulary/token_kinds.h"
#include "ledger/tariff.h"

namespace penstock::sim {

/// A file that the daemon's reader makes a tariff with the same terms of (HasTermsOf). `title` becomes the comment at
/// its head; it may have several lines. Kinds of tokens are priced that cost something in a pool, or that `burndown`
/// gives a rate: the daemon wants a price, even of zero, for just those kinds that a pool has. Subscriptions are not
/// part of a tariff: add them to the file.
///
/// INVALID_ARGUMENT when the tariff is not sound (CheckTariff) or has something that files cannot say, in all:
///   - a moment of effect with a fraction of a second, or a name that a file cannot spell
///   - a price that is larger than files may have it, or a factor that is not in lowest terms
///   - percentages of a ratchet that differ between months which no season tells apart, or without a look-back
///   - a token rule of nothing, a coupling or contract that is off but says something, a commitment of no tier
///   - a service level in fractions of a millisecond, or credits with nothing promised
///   - an end of a demand step, or a ratchet's minimum, that is not whole in nt
absl::StatusOr<std::string> WriteTariffYaml(const ledger::Tariff& tariff, std::string_view title,
                                            const BurndownRates& burndown = {});

}  // namespace penstock::sim
