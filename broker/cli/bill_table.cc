#include "broker/cli/bill_table.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>

#include "broker/cli/table.h"
#include "broker/cli/wording.h"
#include "ledger/money.h"
#include "penstock/v1/billing.pb.h"

namespace penstock::cli {
namespace {

using ledger::Money;

int64_t QuantityOf(const v1::StatementLine& line) {
  if (line.has_charge()) return line.charge().quantity();
  return line.has_demand() ? line.demand().work_milli_nt() : line.tokens().tokens();
}

// Nothing when a charge has a price that is no number.
std::optional<Money> UnitPriceOf(const v1::StatementLine& line) {
  if (line.has_charge()) return Money::FromDecimal(line.charge().unit_price());
  return Money::FromPico(line.has_demand() ? line.demand().pico_units_per_milli_nt()
                                           : line.tokens().micros_per_million_tokens());
}

// " nt", or " nt/20" where demand counts in twentieths.
std::string NtOf(const v1::DemandMeter& demand) {
  return demand.parts() > 1 ? absl::StrCat(" nt/", demand.parts()) : " nt";
}

}  // namespace

// Per million: token prices are quoted so, and nt stand beside them. 1 pico-unit per token is 1 micro-unit per million
// tokens; 1 pico-unit per milli-nt is 1 milli-unit per million nt.
std::string UnitPriceCell(const v1::StatementLine& line) {
  if (line.has_charge()) return Grouped(std::string_view(line.charge().unit_price()));
  if (!line.has_demand()) return Millionths(line.tokens().micros_per_million_tokens()) + "/M tok";
  return Normalized(line.demand().pico_units_per_milli_nt()) + "000/M" + NtOf(line.demand());
}

std::string QuantityCell(const v1::StatementLine& line) {
  if (line.has_charge())
    return line.charge().unit().empty() ? "" : Grouped(QuantityOf(line)) + " " + line.charge().unit();
  return line.has_demand() ? Normalized(QuantityOf(line)) + NtOf(line.demand()) : Grouped(QuantityOf(line)) + " tok";
}

namespace {

std::string PeakWindow(const v1::StatementLine& line) {
  if (!line.has_demand() || !line.demand().has_peak_window()) return "";
  return Moment(line.demand().peak_window()) + " + " + Span(line.demand().window_length());
}

bool RoundsSomething(const v1::Statement& statement) {
  return std::any_of(statement.lines().begin(), statement.lines().end(),
                     [](const v1::StatementLine& line) { return line.exact() != line.amount(); });
}

std::vector<Table::Column> Columns(bool with_exact) {
  using Align = Table::Align;
  std::vector<Table::Column> columns = {
      {"charge"}, {"pool"}, {"quantity", Align::kRight}, {"unit price", Align::kRight}};
  if (with_exact) columns.push_back({"exact", Align::kRight});
  columns.push_back({"amount", Align::kRight});
  columns.push_back({"peak window"});
  return columns;
}

// The cells of a row that is not a line: label first, figure under "amount".
std::vector<std::string> SumRow(const std::string& label, const std::string& exact, const std::string& amount,
                                bool with_exact) {
  std::vector<std::string> cells = {label, "", "", ""};
  if (with_exact) cells.push_back(exact);
  cells.push_back(amount);
  return cells;
}

std::string Heading(const v1::Statement& statement) {
  const std::string from = statement.from().seconds() == 0 ? "the beginning" : Moment(statement.from());
  const std::string what =
      statement.provisional() ? "Provisional statement" : absl::StrCat("Statement ", LastPart(statement.name()));
  std::string heading = absl::StrCat(what, " of ", statement.tenant(), ", ", from, " to ", Moment(statement.to()),
                                     "\nTariff ", statement.tariff_version(), ", amounts in ", statement.currency(), "\n");
  if (statement.has_closed_at()) absl::StrAppend(&heading, "Closed ", Moment(statement.closed_at()), "\n");
  if (!statement.replaces().empty()) {
    absl::StrAppend(&heading, "Corrects statement ", LastPart(statement.replaces()), "\n");
  }
  if (!statement.replaced_by().empty()) {
    absl::StrAppend(&heading, "Corrected by statement ", LastPart(statement.replaced_by()), "\n");
  }
  if (statement.late_work()) absl::StrAppend(&heading, "Work was reported late: closing it again may differ\n");
  return heading + "\n";
}

}  // namespace

std::string ArithmeticFault(const v1::Statement& statement) {
  Money exact_sum;
  Money amount_sum;
  for (const v1::StatementLine& line : statement.lines()) {
    const std::optional<Money> exact = Money::FromDecimal(line.exact());
    const std::optional<Money> amount = Money::FromDecimal(line.amount());
    if (!exact || !amount) return "line '" + line.description() + "' has an amount that is no number";
    const std::optional<Money> unit_price = UnitPriceOf(line);
    if (!unit_price) return "line '" + line.description() + "' has a unit price that is no number";
    const Money product = *unit_price * QuantityOf(line);
    if (product != *exact) {
      return absl::StrCat("line '", line.description(), "': quantity x unit price is ", product.ToDecimal(), ", not ",
                          line.exact());
    }
    exact_sum += *exact;
    amount_sum += *amount;
  }
  const std::optional<Money> total = Money::FromDecimal(statement.total());
  const std::optional<Money> rounding = Money::FromDecimal(statement.rounding());
  if (!total || !rounding) return "total or rounding is no number";
  if (amount_sum != *total) return "the amounts add up to " + amount_sum.ToDecimal() + ", not to " + statement.total();
  if (exact_sum - amount_sum != *rounding) {
    return "exact less rounded is " + (exact_sum - amount_sum).ToDecimal() + ", not " + statement.rounding();
  }
  return "";
}

std::string RenderBill(const v1::Statement& statement, bool colour) {
  const bool with_exact = RoundsSomething(statement);
  Table table(Columns(with_exact));
  Money exact_sum;
  for (const v1::StatementLine& line : statement.lines()) {
    std::vector<std::string> cells = {line.description(), LastPart(line.pool()), QuantityCell(line),
                                      UnitPriceCell(line)};
    if (with_exact) cells.push_back(Grouped(std::string_view(line.exact())));
    cells.push_back(Grouped(std::string_view(line.amount())));
    cells.push_back(PeakWindow(line));
    table.AddRow(std::move(cells));
    exact_sum += Money::FromDecimal(line.exact()).value_or(Money());
  }
  table.AddRule();
  const std::string total = Grouped(std::string_view(statement.total()));
  table.AddRow(SumRow("total", Grouped(std::string_view(exact_sum.ToDecimal())), total, with_exact),
               Table::Emphasis::kStrong);
  if (with_exact) {
    table.AddRow(SumRow("rounded away", Grouped(std::string_view(statement.rounding())), "", with_exact));
  }

  std::string text = Heading(statement) + table.Render(colour);
  for (const v1::StatementLine& line : statement.lines()) {
    if (!line.has_demand() || !line.demand().has_peak_window()) continue;
    absl::StrAppend(&text, "\nPeak of ", line.pool(), ": the busiest second inside that window carried ",
                    Normalized(line.demand().highest_second_milli_nt()), " nt (informative).\n");
  }
  absl::StrAppend(&text, "\nAs of journal entry ", Grouped(absl::StrCat(statement.as_of_sequence())), ", head ",
                  statement.as_of_head(), "\n");
  if (statement.has_signed_head()) {
    const v1::SignedHead& head = statement.signed_head();
    absl::StrAppend(&text, "Signed: entry ", Grouped(absl::StrCat(head.sequence())), ", head ", head.hash(), "\n  by key ",
                    head.public_key(), "\n  signature ", head.signature(), "\n");
  }
  return text;
}

}  // namespace penstock::cli
