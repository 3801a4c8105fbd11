// Statements and usage for other people's tools: FOCUS 1.2 CSV (https://focus.finops.org) and CloudEvents 1.0.
#pragma once

#include <string>

namespace penstock::v1 {
class QueryUsageResponse;
class Statement;
}  // namespace penstock::v1

namespace penstock::cli {

/// One row a line, the 21 mandatory columns first, then some of the conditional ones, then our own (x_...). Costs are
/// decimals of the billing currency: ContractedCost = ContractedUnitPrice x PricingQuantity exactly, BilledCost is that
/// as the statement rounded it, so BilledCost adds up to its total. Corrections of a closed period have ChargeClass
/// Correction. `provider`: who issues the invoice. RFC 4180, with a header.
std::string FocusCsv(const v1::Statement& statement, const std::string& provider);

/// One event a row of usage, as lines of JSON. The id is that of the row, so sending an hour again changes nothing.
/// `source`: a URI reference of the daemon.
std::string UsageEvents(const v1::QueryUsageResponse& usage, const std::string& source);

}  // namespace penstock::cli
