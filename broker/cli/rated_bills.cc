#include "broker/cli/rated_bills.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "broker/config/moment.h"

namespace penstock::cli {
namespace {

using ledger::Money;
using ledger::rating::Bill;
using ledger::rating::Line;
using ledger::rating::LineKind;

using Cells = std::array<std::string, 4>;
constexpr size_t kGap = 2;
constexpr size_t kShortestCharge = 24;

// A count of 10^-decimals as a decimal text, grouped; at least `shown` decimals.
std::string Decimal(Int128 count, size_t decimals, size_t shown) {
  const bool negative = count < 0;
  std::string digits = ledger::PicoCount(negative ? -count : count).str();
  if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
  const std::string whole = digits.substr(0, digits.size() - decimals);
  std::string fraction = digits.substr(digits.size() - decimals);
  while (fraction.size() > shown && fraction.back() == '0') fraction.pop_back();
  const std::string grouped = Grouped(std::string_view(whole));
  return absl::StrCat(negative ? "-" : "", grouped, fraction.empty() ? "" : ".", fraction);
}

Int128 Pico(const Money& money) { return static_cast<Int128>(money.pico()); }

// Money with as many decimals as it has, two at least.
std::string Cash(const Money& money) { return Decimal(Pico(money), 12, 2); }

// " nt", or " nt/20" where demand counts in twentieths.
std::string NtOf(const Line& line) { return line.parts > 1 ? absl::StrCat(" nt/", line.parts) : " nt"; }

std::string QuantityOf(const Line& line) {
  switch (line.kind) {
    case LineKind::kTokens:
      return Decimal(line.quantity, 0, 0) + " tok";
    case LineKind::kDemand:
    case LineKind::kCommitted:
    case LineKind::kOverage:
    case LineKind::kReservedUsed:
    case LineKind::kReservedUnused:
      return Decimal(line.quantity, 3, 0) + NtOf(line);
    case LineKind::kPurchase:
    case LineKind::kRefund:
    case LineKind::kSellBack:
      return Decimal(line.quantity, 3, 0) + " nt/s-min";
    case LineKind::kCapacity:
      return Decimal(line.quantity, 3, 0) + " nt/s-h";
    case LineKind::kUnits:
    case LineKind::kOutcome:
    case LineKind::kSeat:
      return Decimal(line.quantity, 0, 0);
    case LineKind::kIncluded:
    case LineKind::kTrueUp:
    case LineKind::kServiceCredit:
    case LineKind::kPrepaidCredit:
      return "";
  }
  return "";
}

std::string UnitPriceOf(const Line& line) {
  const Int128 pico = Pico(line.unit_price);
  switch (line.kind) {
    case LineKind::kTokens:
      return Decimal(pico, 6, 2) + "/M tok";
    case LineKind::kDemand:
    case LineKind::kCommitted:
    case LineKind::kOverage:
      return Decimal(pico, 3, 2) + "/M" + NtOf(line);
    case LineKind::kCapacity:
      return Decimal(pico, 9, 2) + "/nt/s-h";
    case LineKind::kPurchase:
    case LineKind::kRefund:
    case LineKind::kSellBack:
      return Decimal(pico, 9, 2) + "/nt/s-min";
    case LineKind::kUnits:
    case LineKind::kOutcome:
    case LineKind::kSeat:
      return Cash(line.unit_price);
    case LineKind::kIncluded:
    case LineKind::kTrueUp:
    case LineKind::kServiceCredit:
    case LineKind::kPrepaidCredit:
    case LineKind::kReservedUsed:
    case LineKind::kReservedUnused:
      return "";
  }
  return "";
}

std::string ChargeOf(const Line& line) {
  return line.pool.empty() ? line.description : absl::StrCat(line.pool, ": ", line.description);
}

// "2026-11-03 10:11Z + 15m"
std::string WindowsOf(const Line& line) {
  std::string text;
  for (const Instant window : line.windows) {
    std::string moment = config::FormatInstant(window);
    moment = moment.substr(0, 10) + " " + moment.substr(11, 5) + "Z";
    absl::StrAppend(&text, text.empty() ? "" : ", ", moment);
    if (text.size() > kBillWidth / 2 && line.windows.size() > 3) {
      absl::StrAppend(&text, ", ...");
      break;
    }
  }
  return line.window_count > 1 ? absl::StrCat(text, " and the ", line.window_count - 1, " minutes after") : text;
}

void Cut(std::string* text, size_t width) {
  if (text->size() > width) *text = text->substr(0, width - 3) + "...";
}

std::string RenderBill(const RatedBill& rated, bool colour) {
  std::vector<Cells> rows;
  for (const Line& line : rated.bill.lines) {
    rows.push_back({ChargeOf(line), QuantityOf(line), UnitPriceOf(line), Cash(line.amount)});
  }
  rows.push_back({"total", "", "", Cash(rated.bill.total)});
  if (!rated.bill.rounding.IsZero()) rows.push_back({"rounded away", "", "", Cash(rated.bill.rounding)});
  size_t others = 3 * kGap;
  const Cells titles = {"charge", "quantity", "unit price", "amount"};
  for (size_t column = 1; column < titles.size(); ++column) {
    size_t width = titles[column].size();
    for (const Cells& row : rows) width = std::max(width, row[column].size());
    others += width;
  }
  const size_t left = std::max(kShortestCharge, kBillWidth - std::min(kBillWidth, others));

  Table table({{titles[0]},
               {titles[1], Table::Align::kRight},
               {titles[2], Table::Align::kRight},
               {titles[3], Table::Align::kRight}});
  for (size_t i = 0; i < rows.size(); ++i) {
    Cells& row = rows[i];
    Cut(&row[0], left);
    const bool total = i == rated.bill.lines.size();
    if (total) table.AddRule();
    table.AddRow({row.begin(), row.end()}, total ? Table::Emphasis::kStrong : Table::Emphasis::kPlain);
  }
  return table.Render(colour);
}

std::string Footnotes(const RatedBill& rated) {
  std::string text;
  for (const Line& line : rated.bill.lines) {
    if (line.kind != LineKind::kDemand || line.windows.empty()) continue;
    absl::StrAppend(&text, ChargeOf(line), "\n  was set by ", WindowsOf(line), "\n");
  }
  for (size_t i = 0; i < rated.subscription.credits.size(); ++i) {
    absl::StrAppend(&text, "Left of credit ", rated.subscription.credits[i].name, ": ",
                    Cash(rated.bill.credits_left.at(i)), ".\n");
  }
  if (!rated.bill.rerated.IsZero()) {
    absl::StrAppend(&text, "Settlements posted ", Cash(rated.bill.posted),
                    " for these tokens at flat prices.\nClosing the period posts the difference, ",
                    Cash(rated.bill.rerated), ".\n");
  }
  return text.empty() ? text : "\n" + text;
}

std::string JsonInstant(Instant t) { return config::FormatInstant(t); }

nlohmann::ordered_json LineJson(const Line& line) {
  nlohmann::ordered_json json;
  json["kind"] = Name(line.kind);
  json["description"] = line.description;
  json["pool"] = line.pool;
  json["tariff_version"] = line.tariff;
  const bool tokens = line.kind == LineKind::kTokens;
  json["class"] = tokens ? Name(line.served) : "";
  json["token_kind"] = tokens ? Name(line.token_kind) : "";
  json["quantity"] = ledger::PicoCount(line.quantity).str();
  json["parts"] = line.parts;
  json["unit"] = UnitOf(line.kind);
  json["unit_price"] = line.unit_price.ToDecimal();
  json["exact"] = line.exact.ToDecimal();
  json["amount"] = line.amount.ToDecimal();
  json["windows"] = nlohmann::ordered_json::array();
  for (const Instant window : line.windows) json["windows"].push_back(JsonInstant(window));
  json["window_minutes"] = line.kind == LineKind::kDemand ? line.window_count : 0;
  json["highest_second_milli_nt"] = line.highest_second.count();
  if (line.reservation != 0) {
    json["reservation"] = line.reservation;
    json["effective"] = line.effective.ToDecimal();
  }
  return json;
}

}  // namespace

std::string RenderBills(const RatedBills& rated, bool colour) {
  std::string text;
  Money sum;
  for (const RatedBill& bill : rated.bills) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", bill.tenant, ", ", config::FormatInstant(rated.period.from),
                    " to ", config::FormatInstant(rated.period.to), "\nTariff ", rated.tariff, ", amounts in ",
                    rated.currency, "\n\n", RenderBill(bill, colour), Footnotes(bill));
    sum += bill.bill.total;
  }
  if (rated.bills.size() > 1)
    absl::StrAppend(&text, "\n", rated.bills.size(), " tenants, in all ", Cash(sum), " ", rated.currency, "\n");
  return text;
}

nlohmann::ordered_json ToJson(const RatedBills& rated) {
  nlohmann::ordered_json json;
  json["tariff_version"] = rated.tariff;
  json["currency"] = rated.currency;
  json["from"] = JsonInstant(rated.period.from);
  json["to"] = JsonInstant(rated.period.to);
  json["bills"] = nlohmann::ordered_json::array();
  for (const RatedBill& bill : rated.bills) {
    nlohmann::ordered_json one;
    one["tenant"] = bill.tenant;
    one["lines"] = nlohmann::ordered_json::array();
    for (const Line& line : bill.bill.lines) one["lines"].push_back(LineJson(line));
    one["rounding"] = bill.bill.rounding.ToDecimal();
    one["total"] = bill.bill.total.ToDecimal();
    one["posted"] = bill.bill.posted.ToDecimal();
    one["rerated"] = bill.bill.rerated.ToDecimal();
    one["credits_left"] = nlohmann::ordered_json::object();
    for (size_t i = 0; i < bill.subscription.credits.size(); ++i) {
      one["credits_left"][bill.subscription.credits[i].name] = bill.bill.credits_left.at(i).ToDecimal();
    }
    json["bills"].push_back(std::move(one));
  }
  return json;
}

}  // namespace penstock::cli
