// FOCUS rows and CloudEvents: what other people's tools read must add up there as well.
#include "broker/cli/statement_exports.h"

#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ledger/money.h"
#include "penstock/v1/billing.pb.h"

namespace penstock::cli {
namespace {

using ledger::Money;
using testing::ElementsAre;

template <class Message>
Message FromText(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

const char* const kStatement = R"(
  name: "tenants/acme/statements/2" tenant: "tenants/acme" tariff_version: "2026-11" currency: "USD"
  from { seconds: 1793491200 } to { seconds: 1796083200 } replaces: "tenants/acme/statements/1"
  lines { description: "default, input tokens" pool: "pools/chat"
          tokens { served: SERVICE_CLASS_DEFAULT kind: "input" tokens: 1234567 micros_per_million_tokens: 150000 }
          exact: "0.185185050000" amount: "0.190000000000" }
  lines { description: "demand, \"peak\"" pool: "pools/chat"
          demand { peak_window { seconds: 1795255860 } window_length { seconds: 60 } work_milli_nt: 1234567
                   pico_units_per_milli_nt: 2001 highest_second_milli_nt: 45000 }
          exact: "0.002470368567" amount: "0.000000000000" }
  lines { description: "seats: pro" charge { kind: "seat" quantity: 3 unit: "seats" unit_price: "20.000000000000" }
          exact: "60.000000000000" amount: "60.000000000000" }
  lines { description: "prepaid credit: gift" charge { kind: "prepaid_credit" quantity: 1 unit_price: "-5.5" }
          exact: "-5.500000000000" amount: "-5.500000000000" }
  rounding: "-0.002344581433" total: "54.690000000000")";

/// Fields of a row; the only quoted ones here hold no comma but that of a description.
std::vector<std::string> Fields(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += line[i++];
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += line[i];
    }
  }
  return fields;
}

std::vector<std::map<std::string, std::string>> Rows(const std::string& csv) {
  const std::vector<std::string> lines = absl::StrSplit(csv, "\r\n", absl::SkipEmpty());
  const std::vector<std::string> header = Fields(lines.at(0));
  std::vector<std::map<std::string, std::string>> rows;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> fields = Fields(lines[i]);
    EXPECT_EQ(fields.size(), header.size());
    auto& row = rows.emplace_back();
    for (size_t f = 0; f < header.size(); ++f) row[header[f]] = fields[f];
  }
  return rows;
}

Money Sum(const std::vector<std::map<std::string, std::string>>& rows, const std::string& column) {
  Money sum;
  for (const auto& row : rows) sum += *Money::FromDecimal(row.at(column));
  return sum;
}

TEST(FocusCsv, HasTheMandatoryColumnsAndAddsUpToTheTotal) {
  const auto statement = FromText<v1::Statement>(kStatement);
  const std::string csv = FocusCsv(statement, "Cloud, Inc.");
  EXPECT_EQ(csv.substr(0, csv.find(",ChargeFrequency")),
            "BilledCost,BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodEnd,BillingPeriodStart,"
            "ChargeCategory,ChargeClass,ChargeDescription,ChargePeriodEnd,ChargePeriodStart,ContractedCost,"
            "EffectiveCost,InvoiceIssuerName,ListCost,PricingQuantity,PricingUnit,ProviderName,PublisherName,"
            "ServiceCategory,ServiceName");
  const auto rows = Rows(csv);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(Sum(rows, "BilledCost"), *Money::FromDecimal(statement.total()));
  EXPECT_EQ(Sum(rows, "ContractedCost") - Sum(rows, "BilledCost"), *Money::FromDecimal(statement.rounding()));
  for (const auto& row : rows) {
    EXPECT_EQ(row.at("BillingPeriodStart"), "2026-11-01T00:00:00Z");
    EXPECT_EQ(row.at("BillingPeriodEnd"), "2026-12-01T00:00:00Z");
    EXPECT_EQ(row.at("ProviderName"), "Cloud, Inc.");
    EXPECT_EQ(row.at("ChargeClass"), "Correction");
    if (row.at("PricingQuantity").empty()) continue;
    const Money product = *Money::FromDecimal(row.at("ContractedUnitPrice")) * std::stoll(row.at("PricingQuantity"));
    EXPECT_EQ(product, *Money::FromDecimal(row.at("ContractedCost"))) << row.at("ChargeDescription");
  }
}

TEST(FocusCsv, SaysWhatKindOfChargeALineIs) {
  const auto rows = Rows(FocusCsv(FromText<v1::Statement>(kStatement), "p"));
  const auto column = [&](const std::string& name) {
    std::vector<std::string> values;
    for (const auto& row : rows) values.push_back(row.at(name));
    return values;
  };
  EXPECT_THAT(column("ChargeCategory"), ElementsAre("Usage", "Usage", "Purchase", "Credit"));
  EXPECT_THAT(column("PricingUnit"), ElementsAre("Tokens", "Milli-Tokens/60 Seconds", "Seats", ""));
  EXPECT_THAT(column("ConsumedUnit"), ElementsAre("Tokens", "Tokens/Second", "", ""));
  EXPECT_THAT(column("ConsumedQuantity"), ElementsAre("1234567", "20.576", "", ""));
  EXPECT_THAT(column("SkuMeter"), ElementsAre("Tokens: input", "PeakThroughput", "seat", "prepaid_credit"));
  EXPECT_EQ(rows[1].at("ChargeDescription"), "demand, \"peak\"");
  EXPECT_EQ(rows[1].at("x_PeakWindow"), "2026-11-21T10:11:00Z");
}

TEST(FocusCsv, WhatWasBoughtAheadCostsWhenItIsBoughtAndIsEffectiveWhenItIsPromised) {
  const auto rows = Rows(FocusCsv(FromText<v1::Statement>(R"(
    name: "n" tenant: "tenants/acme" currency: "USD" from { seconds: 1793491200 } to { seconds: 1796083200 }
    lines { description: "reservation 7: bought" pool: "pools/chat" reservation: 7 effective: "0"
            charge { kind: "purchase" quantity: 60000 unit: "milli-nt/s-minutes" unit_price: "0.001" }
            exact: "60" amount: "60" }
    lines { description: "reservation 7: refunded" pool: "pools/chat" reservation: 7 effective: "1"
            charge { kind: "refund" quantity: -10000 unit: "milli-nt/s-minutes" unit_price: "0.0009" }
            exact: "-9" amount: "-9" }
    lines { description: "reservation 7: used" pool: "pools/chat" reservation: 7 effective: "20"
            charge { kind: "reserved_used" quantity: 1200 unit: "milli-nt" unit_price: "0" } exact: "0" amount: "0" }
    lines { description: "reservation 7: not used" pool: "pools/chat" reservation: 7 effective: "30"
            charge { kind: "reserved_unused" quantity: 1800 unit: "milli-nt" unit_price: "0" } exact: "0" amount: "0" }
    total: "51")"),
                                  "p"));
  const auto column = [&](const std::string& name) {
    std::vector<std::string> values;
    for (const auto& row : rows) values.push_back(row.at(name));
    return values;
  };
  EXPECT_THAT(column("ChargeCategory"), ElementsAre("Purchase", "Purchase", "Usage", "Usage"));
  EXPECT_THAT(column("BilledCost"), ElementsAre("60", "-9", "0", "0"));
  EXPECT_THAT(column("EffectiveCost"), ElementsAre("0", "1", "20", "30"));
  EXPECT_THAT(column("CapacityReservationId"), ElementsAre("7", "7", "7", "7"));
  EXPECT_THAT(column("CapacityReservationStatus"), ElementsAre("", "", "Used", "Unused"));
  EXPECT_THAT(column("ConsumedQuantity"), ElementsAre("", "", "1200", ""));
}

TEST(UsageEvents, AnEventARowWithAnIdOfItsOwn) {
  const auto usage = FromText<v1::QueryUsageResponse>(R"(
    buckets { hour { seconds: 1795255200 } key: "tenants/acme/keys/prod" pool: "pools/chat" requests: 3
              served: SERVICE_CLASS_DEFAULT tokens { kind: "input" tokens: 7 } work_milli_nt: 9 tariff_version: "t"
              charge { currency: "USD" amount: "0.5" } }
    buckets { hour { seconds: 1795258800 } key: "tenants/acme/keys/prod" pool: "pools/chat" requests: 1
              served: SERVICE_CLASS_DEFAULT tariff_version: "t" charge { currency: "USD" amount: "0" } })");
  const std::vector<std::string> lines =
      absl::StrSplit(UsageEvents(usage, "//broker"), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u);
  const auto first = nlohmann::json::parse(lines[0]);
  const auto second = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(first.at("specversion"), "1.0");
  EXPECT_EQ(first.at("type"), "penstock.usage.hour.v1");
  EXPECT_EQ(first.at("source"), "//broker");
  EXPECT_EQ(first.at("subject"), "tenants/acme/keys/prod");
  EXPECT_EQ(first.at("time"), "2026-11-21T11:00:00Z");
  EXPECT_EQ(first.at("data").at("requests"), 3);
  EXPECT_EQ(first.at("data").at("charge").at("amount"), "0.5");
  EXPECT_NE(first.at("id"), second.at("id"));
}

}  // namespace
}  // namespace penstock::cli
