// The readers of the parts of a tariff file.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "broker/config/readers.h"
#include "broker/config/section.h"
#include "ledger/rating/subscription.h"
#include "ledger/tariff.h"

namespace penstock::config {

/// An exact factor: "3/2", "1.25", "2", "0".
ledger::Ratio ReadRatio(Section& section, std::string_view key, std::string_view example,
                        std::optional<ledger::Ratio> otherwise);

/// Money that is not less than that, up to a million currency units.
ledger::Money ReadMoney(Section& section, std::string_view key, std::string_view example,
                        std::optional<ledger::Money> otherwise, int64_t min_pico = 0);

/// Calls `read` with every member of the map under the key; notes it when there is something else.
using ReadMember = std::function<void(const Member& member, const std::string& path)>;
void ForMembers(Section& section, std::string_view key, std::string_view example, const ReadMember& read);

/// A moment in UTC; nothing given and no stand-in: it is required.
Instant ReadMoment(Section& section, std::string_view key, std::string_view example, std::optional<Instant> otherwise);
/// One that must be a whole hour.
Instant ReadHour(Section& section, std::string_view key, std::string_view example, std::optional<Instant> otherwise);

/// time_zone (resolved from a year before `effective` to thirty after), time_of_use, seasons.
ledger::Calendar ReadCalendar(Section& tariff, Instant effective);

/// What a pool is charged for beside its flat prices, which must have been read.
void ReadCharges(Section& pool, const ledger::Calendar& calendar, ledger::PoolPrices& prices);
/// What requests inside a reservation are promised.
ledger::ServiceLevel ReadServiceLevel(Section& pool);
void ReadSeatsAndOutcomes(Section& tariff, ledger::Tariff& result);

std::map<std::string, ledger::rating::Subscription> ReadSubscriptions(Section& section, const ledger::Tariff& tariff);

}  // namespace penstock::config
