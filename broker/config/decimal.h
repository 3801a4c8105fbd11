// Decimal numbers as scaled integers: "0.1" with three decimals is 100. Never through binary floating point.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::config {

struct Decimal {
  enum class Form {
    kExact,
    kTooFine,     // more decimals than asked for; `scaled` is the value rounded down
    kTooLarge,    // beyond 64 bits
    kNotANumber,  // anything but digits with at most one point: no sign, exponent or separator
  };
  Form form = Form::kNotANumber;
  int64_t scaled = 0;  // value x 10^decimals
};

Decimal ParseDecimal(std::string_view text, int decimals);

/// The shortest decimal text: (1500, 3) is "1.5".
std::string FormatDecimal(int64_t scaled, int decimals);

}  // namespace penstock::config
