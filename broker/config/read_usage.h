// A CSV of metered windows, as an analyst keeps them: what `penstock rate` rates without a daemon.
//
// The first line names the columns, in any order:
//   tenant, pool        names; the pool must be one of the tariff
//   tier                free, elastic, reserved
//   window_start        of a base window (a minute): 2026-11-01T08:31:00Z
//   work_nt             work done in the window, at most three decimals
// and these may be left out:
//   class               flex, default, priority, spillover, ...; else the tier's plain one (free, default, reserved)
//   highest_second_nt   work in the busiest second of the window; informative
//   source              the broker that saw it: windows of several sources add up
//   input, output, ...  tokens of that kind
//   outcomes.NAME       accepted outcomes that were reported in the window
// The same window of the same tenant, pool, tier, class and source may stand there once.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "ledger/rating/rate.h"
#include "ledger/tariff.h"

namespace penstock::config {

constexpr size_t kMaxUsageBytes = 1 << 30;

struct UsageFile {
  std::map<std::string, ledger::rating::Usage> tenants;
  std::map<std::string, ledger::rating::Series> everyone;  // by pool: elastic and reserved work of all tenants
  Instant first;                                           // of the windows
  Instant last;
  int64_t rows = 0;
};

/// INVALID_ARGUMENT with all that is wrong, each with file, line and column; NOT_FOUND and the like when it cannot be
/// read.
absl::StatusOr<UsageFile> LoadUsage(const std::string& path, const ledger::Tariff& tariff);
absl::StatusOr<UsageFile> ParseUsage(std::string_view text, const std::string& file_name, const ledger::Tariff& tariff);

}  // namespace penstock::config
