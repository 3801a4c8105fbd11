// A statement as a table in which every sum can be redone by eye, and is redone here.
#pragma once

#include <string>

namespace penstock::v1 {
class Statement;
class StatementLine;
}

namespace penstock::cli {

/// Recomputes quantity x unit price = exact, sum of amounts = total, and sum of exact - total = rounding. Empty when
/// all of it holds to the last pico-unit, else the first thing that does not.
std::string ArithmeticFault(const v1::Statement& statement);

/// "1,234 tok", "12.500 nt"; and its price, per million tokens or nt: "0.600000/M tok".
std::string QuantityCell(const v1::StatementLine& line);
std::string UnitPriceCell(const v1::StatementLine& line);

/// One row per line, the window that set each peak, rounding, total, and the journal head that it reflects.
std::string RenderBill(const v1::Statement& statement, bool colour);

}  // namespace penstock::cli
