// The parts of a configuration, each read from its section. Problems are noted in the source; see section.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/config/config.h"
#include "broker/config/section.h"

namespace penstock::config {

/// A path in the file is relative to the file's folder.
std::string ResolvePath(std::string_view path, const std::string& file);

/// listen, data_dir, tls, drain_timeout_s, command_queue, auth. `check_files`: look at the files they name, too.
void ReadDaemon(Section& top, bool check_files, Config& config);
void ReadPools(Section& top, std::vector<core::PoolSettings>& pools);
/// `market` of a pool whose own terms have been read.
void ReadMarket(Section& pool, core::PoolSettings& settings);
void ReadTiers(Section& top, std::array<admission::LimitPolicy, kTierCount>& limits);
void ReadTenants(Section& top, std::vector<core::TenantSettings>& tenants);
/// `path`: of the tariff in its file; empty when it is the whole file.
TariffFile ReadTariff(const Source& source, const Node& node, const std::string& path);

/// pools, tiers, tenants, tariff and tariffs, and whether they hang together: what an engine is opened with. Further
/// sections of the file should be read before, so that all problems are found at once.
enum class EngineTenants : uint8_t { kRequired, kMayBeLeftOut };
void ReadEngine(Section& top, EngineTenants tenants, Config& config);

/// An amount of money, to the micro-unit; zero when it is left out.
ledger::Money ReadMoney(Section& section, std::string_view name, std::string_view example);
/// `budgets` of a tenant, project or key.
std::vector<core::BudgetTerms> ReadBudgets(Section& owner);
/// `max_spend` of `runs`.
void ReadRunBudget(Section& runs, core::RunTerms& terms);
/// `webhook`. `check_files`: look at its secret, too.
void ReadWebhook(Section& top, bool check_files, Config& config);

/// Where the tariff was read from: a file of its own, or a part of the configuration.
struct TariffOrigin {
  const Source& source;
  const Node& node;
  std::string path;
};

/// What no section can tell alone: names are unique, references point at something, everything sold has a price.
void CheckEngine(const Source& source, const Config& config);
void CheckTariff(const Config& config, const TariffFile& file, const TariffOrigin& origin);

}  // namespace penstock::config
