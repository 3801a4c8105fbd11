// A pool's calendar as a picture of characters: time from left to right, throughput from the bottom up, stacked: what
// is sold, what elastic traffic is expected to want, what can still be sold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "penstock/v1/market.pb.h"

namespace penstock::cli {

/// How long a column must be in seconds for a chart of so long a time to fit: a length that people count in.
int64_t SecondsAColumn(int64_t seconds, size_t columns);

/// A step is a column; at most `columns` wide with its axis, a dozen lines high. Without `utf8`, ASCII only.
std::string RenderChart(const v1::GetCalendarResponse& calendar, size_t columns, bool utf8);

}  // namespace penstock::cli
