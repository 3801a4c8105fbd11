#include "broker/cli/statement_exports.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "broker/cli/answer_json.h"
#include "broker/cli/wording.h"
#include "ledger/money.h"
#include "penstock/v1/billing.pb.h"

namespace penstock::cli {
namespace {

using ledger::Money;

/// In the order of the file.
constexpr auto kColumns = std::to_array<std::string_view>(
    {"BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
     "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd",
     "ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity",
     "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName",
     // Conditional and recommended ones.
     "ChargeFrequency", "ConsumedQuantity", "ConsumedUnit", "ContractedUnitPrice", "InvoiceId", "ListUnitPrice",
     "PricingCategory", "ResourceId", "ResourceName", "ResourceType", "SkuMeter",
     "CapacityReservationId", "CapacityReservationStatus",
     // Ours.
     "x_PeakWindow", "x_Pool", "x_ServiceClass", "x_TariffVersion"});

/// What FOCUS wants to know of a line beside its sums.
struct Nature {
  std::string_view category;
  std::string_view frequency;
  std::string_view pricing;  // empty: none, for a sum
  std::string meter;
  std::string pricing_unit;
  std::string pricing_quantity;
  std::string unit_price;
  std::string consumed_quantity;
  std::string consumed_unit;
};

/// Without zeros at the end: "0.250000" -> "0.25".
std::string Short(std::string decimal) {
  if (decimal.find('.') == std::string::npos) return decimal;
  while (decimal.back() == '0') decimal.pop_back();
  if (decimal.back() == '.') decimal.pop_back();
  return decimal;
}

/// 1234 -> "1.234".
std::string Thousandths(int64_t value) {
  const std::string part = absl::StrCat(value % 1'000);
  return Short(absl::StrCat(value / 1'000, ".", std::string(3 - part.size(), '0'), part));
}

Nature OfTokens(const v1::TokenMeter& tokens) {
  return {.category = "Usage",
          .frequency = "Usage-Based",
          .pricing = "Standard",
          .meter = absl::StrCat("Tokens: ", tokens.kind()),
          .pricing_unit = "Tokens",
          .pricing_quantity = absl::StrCat(tokens.tokens()),
          .unit_price = Short(Money::FromPico(tokens.micros_per_million_tokens()).ToDecimal()),
          .consumed_quantity = absl::StrCat(tokens.tokens()),
          .consumed_unit = "Tokens"};
}

// The price is for work in a window, so that quantity x price is exact; the rate per second is what was consumed.
Nature OfDemand(const v1::DemandMeter& demand) {
  const int64_t parts = std::max<int64_t>(demand.parts(), 1);
  const int64_t seconds = std::max<int64_t>(demand.window_length().seconds(), 1);
  const std::string unit = parts == 1 ? absl::StrCat("Milli-Tokens/", seconds, " Seconds")
                                      : absl::StrCat("Milli-Tokens/", parts, "/", seconds, " Seconds");
  return {.category = "Usage",
          .frequency = "Usage-Based",
          .pricing = "Standard",
          .meter = "PeakThroughput",
          .pricing_unit = unit,
          .pricing_quantity = absl::StrCat(demand.work_milli_nt()),
          .unit_price = Short(Money::FromPico(demand.pico_units_per_milli_nt()).ToDecimal()),
          .consumed_quantity = Thousandths(demand.work_milli_nt() / parts / seconds),
          .consumed_unit = "Tokens/Second"};
}

Nature OfCharge(const v1::ChargeMeter& charge) {
  struct Kind {
    std::string_view kind, category, frequency, pricing, unit;
  };
  static constexpr auto kKinds = std::to_array<Kind>({
      {"capacity", "Purchase", "Recurring", "Committed", "Milli-Tokens/Second-Hours"},
      {"units", "Purchase", "Recurring", "Committed", "Units"},
      {"committed", "Purchase", "Recurring", "Committed", "Milli-Tokens"},
      {"overage", "Usage", "Usage-Based", "Standard", "Milli-Tokens"},
      {"outcome", "Usage", "Usage-Based", "Standard", "Outcomes"},
      {"seat", "Purchase", "Recurring", "Committed", "Seats"},
      {"true_up", "Adjustment", "Recurring", "", ""},
      {"included", "Credit", "Recurring", "", ""},
      {"service_credit", "Credit", "One-Time", "", ""},
      {"prepaid_credit", "Credit", "One-Time", "", ""},
      {"purchase", "Purchase", "One-Time", "Standard", "Milli-Tokens/Second-Minutes"},
      {"refund", "Purchase", "One-Time", "Standard", "Milli-Tokens/Second-Minutes"},
      {"sell_back", "Purchase", "One-Time", "Standard", "Milli-Tokens/Second-Minutes"},
      {"reserved_used", "Usage", "Usage-Based", "Committed", "Milli-Tokens"},
      {"reserved_unused", "Usage", "Usage-Based", "Committed", "Milli-Tokens"},
  });
  Nature nature{.category = "Adjustment", .frequency = "One-Time", .pricing = "", .meter = charge.kind()};
  for (const Kind& known : kKinds) {
    if (known.kind != charge.kind()) continue;
    nature.category = known.category;
    nature.frequency = known.frequency;
    nature.pricing = known.pricing;
    nature.pricing_unit = known.unit;
  }
  if (nature.pricing_unit.empty()) return nature;
  nature.pricing_quantity = absl::StrCat(charge.quantity());
  nature.unit_price = Short(Money::FromDecimal(charge.unit_price()).value_or(Money()).ToDecimal());
  const bool consumed = nature.category == "Usage" && charge.kind() != "reserved_unused";
  nature.consumed_quantity = consumed ? nature.pricing_quantity : "";
  nature.consumed_unit = consumed ? nature.pricing_unit : "";
  return nature;
}

Nature NatureOf(const v1::StatementLine& line) {
  if (line.has_tokens()) return OfTokens(line.tokens());
  return line.has_demand() ? OfDemand(line.demand()) : OfCharge(line.charge());
}

/// Usage of what was paid for before: its cost is in the effective cost.
std::string_view ReservationStatusOf(const v1::StatementLine& line) {
  if (line.charge().kind() == "reserved_used") return "Used";
  return line.charge().kind() == "reserved_unused" ? "Unused" : "";
}

std::string Field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string Row(const std::vector<std::string>& fields) { return absl::StrJoin(fields, ",") + "\r\n"; }

}  // namespace

std::string FocusCsv(const v1::Statement& statement, const std::string& provider) {
  std::vector<std::string> header(kColumns.begin(), kColumns.end());
  std::string csv = Row(header);
  const std::string from = MomentForMachines(statement.from());
  const std::string to = MomentForMachines(statement.to());
  for (const v1::StatementLine& line : statement.lines()) {
    const Nature nature = NatureOf(line);
    const std::string exact = Short(line.exact());
    const std::string billed = Short(line.amount());
    const bool is_reserved = line.reservation() != 0;
    const std::string pool = LastPart(line.pool());
    const bool is_peak = line.has_demand() && line.demand().has_peak_window();
    std::vector<std::string> fields = {
        billed, statement.tenant(), LastPart(statement.tenant()), statement.currency(), to, from,
        std::string(nature.category), statement.replaces().empty() ? "" : "Correction", line.description(), to, from,
        exact, is_reserved ? Short(line.effective()) : billed, provider, exact, nature.pricing_quantity, nature.pricing_unit, provider, provider,
        "AI and Machine Learning", "LLM inference", std::string(nature.frequency), nature.consumed_quantity,
        nature.consumed_unit, nature.unit_price, statement.name(), nature.unit_price, std::string(nature.pricing),
        line.pool(), pool, pool.empty() ? "" : "Pool", nature.meter,
        is_reserved ? absl::StrCat(line.reservation()) : "", std::string(ReservationStatusOf(line)),
        is_peak ? MomentForMachines(line.demand().peak_window()) : "", pool,
        line.has_tokens() ? Word(*v1::ServiceClass_descriptor(), line.tokens().served()) : "",
        statement.tariff_version()};
    for (std::string& field : fields) field = Field(field);
    csv += Row(fields);
  }
  return csv;
}

std::string UsageEvents(const v1::QueryUsageResponse& usage, const std::string& source) {
  std::string lines;
  for (const v1::UsageBucket& bucket : usage.buckets()) {
    const std::string hour = MomentForMachines(bucket.hour());
    google::protobuf::Timestamp end = bucket.hour();
    end.set_seconds(end.seconds() + 3'600);
    const std::string served = Word(*v1::ServiceClass_descriptor(), bucket.served());
    const nlohmann::ordered_json event = {
        {"specversion", "1.0"},
        {"id", absl::StrCat(bucket.key(), "|", bucket.pool(), "|", served, "|", bucket.tariff_version(), "|", hour,
                            bucket.posted_price() == 0 ? "" : absl::StrCat("|", bucket.posted_price()))},
        {"source", source},
        {"type", "penstock.usage.hour.v1"},
        {"subject", bucket.key()},
        {"time", MomentForMachines(end)},
        {"datacontenttype", "application/json"},
        {"data", ToJson(bucket)}};
    lines += event.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  }
  return lines;
}

}  // namespace penstock::cli
