// How the market reads on a terminal: moments to the minute, rates, prices, what a price follows from, and what could
// be had instead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "broker/cli/table.h"
#include "penstock/v1/market.pb.h"
#include "penstock/v1/reservations.pb.h"

namespace penstock::cli {

/// "2026-12-01 09:00Z"; with seconds where it is no whole minute, rounded down.
std::string Minute(const google::protobuf::Timestamp& time);
/// "2026-12-01 09:00Z to 18:00Z", the date of the end only when it is another.
std::string FromTo(const google::protobuf::Timestamp& from, const google::protobuf::Timestamp& to);
/// "1h30m", "2d", "-3h": whole minutes read best.
std::string TimeSpan(const google::protobuf::Duration& span);

/// A decimal number without zeros at its end but for two places, grouped: "1234.500000000000" -> "1,234.50".
std::string Trimmed(std::string_view decimal);
/// "1,234.50 EUR".
std::string Amount(const v1::Money& money);
/// "0.0006" of a nt/s for an hour.
std::string PerHour(const v1::UnitPrice& price);
/// Thousandths as a percentage: 812 -> "81.2%".
std::string Percentage(int64_t permille);
/// Thousandths as a factor: 950 -> "0.95".
std::string Factor(int64_t permille);
/// milli-nt/s as "1,234.5" nt/s; whole ones without a point.
std::string Rate(int64_t milli_nt_per_s);

/// "At 2026-12-01 09:00Z 50,000 nt/s are asked for, and 12,500 nt/s are left."
std::string Shortage(const v1::NotSellable& answer);
/// A table of them; empty when there are none. `start`: of what was asked for, so that moments can be told.
std::string Alternatives(const google::protobuf::RepeatedPtrField<v1::Alternative>& alternatives,
                         const google::protobuf::Timestamp* start, bool colour);
/// Line by line, each figure with what it means.
std::string Basis(const v1::PriceBasis& basis, const v1::UnitPrice& price, bool colour);
/// The first ten of them, and how many more there are.
std::string StepTable(const google::protobuf::RepeatedPtrField<v1::PricedStep>& steps, int64_t count, bool colour);
/// "input 0.60, output 2.40".
std::string TokenPrices(const google::protobuf::RepeatedPtrField<v1::TokenPrice>& prices);

}  // namespace penstock::cli
