// A CSV of posted elastic prices, for tariffs that are coupled to them. The first line names the columns, in any order:
//   pool      one of the tariff
//   from      when the prices began to hold; they do until the pool's next line: 2026-11-01T08:30:00Z
//   input, output, ...   currency units per million tokens of that kind, a multiple of the tariff's step; an empty
//   cell:
//             no posted price, the flat one holds
#pragma once

#include <absl/status/statusor.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/rating/rate.h"
#include "ledger/tariff.h"

namespace penstock::config {

using PostedByPool = std::map<std::string, std::vector<ledger::rating::PostedPrices>>;

/// INVALID_ARGUMENT with all that is wrong, each with file, line and column.
absl::StatusOr<PostedByPool> LoadPosted(const std::string& path, const ledger::Tariff& tariff);
absl::StatusOr<PostedByPool> ParsePosted(std::string_view text, const std::string& file, const ledger::Tariff& tariff);

}  // namespace penstock::config
