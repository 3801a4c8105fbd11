// Bills that were rated from a file, as tables and as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "ledger/rating/rate.h"
#include "ledger/tariff.h"

namespace penstock::cli {

struct RatedBill {
  std::string tenant;
  ledger::rating::Subscription subscription;
  ledger::rating::Bill bill;
};

struct RatedBills {
  std::string tariff;  // version
  std::string currency;
  ledger::Money rounding_unit;
  ledger::rating::Period period;
  std::vector<RatedBill> bills;
};

/// Tables are at most this wide: long descriptions are cut.
constexpr size_t kBillWidth = 100;

/// One table per tenant: quantity, unit price and amount of each line, the total, and what set each peak.
std::string RenderBills(const RatedBills& rated, bool colour);

/// Quantities and money are decimal texts, instants RFC 3339; the same keys for every line.
nlohmann::ordered_json ToJson(const RatedBills& rated);

}  // namespace penstock::cli
