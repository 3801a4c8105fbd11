// The tables are computed by the compiler. The density's steps are products of two constants, since
// phi(z + h) / phi(z) = exp(-h^2 / 2) x exp(-h^2)^(z / h). The upper tail is its sum by Simpson's rule from 8
// deviations downwards, and the loss is phi(z) - z x tail(z). Below the mean, symmetry: loss(-z) = z + loss(z).
#include "broker/market/expected_excess.h"

#include <array>
#include <cstddef>

#include "admission/vocabulary/check.h"
#include "admission/vocabulary/checked.h"

namespace penstock::market {
namespace {

constexpr int64_t kStepsPerSd = 64;
constexpr size_t kSteps = 8 * kStepsPerSd;  // beyond 8 deviations there is nothing: 6e-16
constexpr int64_t kTableUnit = 1'000'000'000'000;

struct Tables {
  std::array<int64_t, kSteps + 1> loss{};  // E[(Z - z)+], in parts of kTableUnit
  std::array<int64_t, kSteps + 1> tail{};  // P(Z > z)
};

constexpr Tables MakeTables() {
  constexpr int64_t kOne = 1'000'000'000'000'000'000;
  const auto times = [](int64_t a, int64_t b) { return CheckedNarrow((Int128{a} * b + kOne / 2) / kOne); };
  // Half steps, h = 1/128: Simpson's rule needs the middles.
  std::array<int64_t, 2 * kSteps + 1> density{};
  density[0] = 398'942'280'401'432'678;               // 1 / sqrt(2 pi)
  int64_t step = 999'969'482'887'531'550;             // exp(-h^2 / 2)
  constexpr int64_t kStep = 999'938'966'706'357'254;  // exp(-h^2)
  for (size_t i = 1; i < density.size(); ++i) {
    density[i] = times(density[i - 1], step);
    step = times(step, kStep);
  }
  Tables tables;
  int64_t tail = 622;  // P(Z > 8)
  for (size_t k = kSteps + 1; k-- > 0;) {
    if (k < kSteps) {
      const int64_t sum = density[2 * k] + 4 * density[2 * k + 1] + density[2 * k + 2];
      tail += sum / (6 * kStepsPerSd);
    }
    const Int128 loss = density[2 * k] - Int128{tail} * static_cast<int64_t>(k) / kStepsPerSd;
    constexpr int64_t kPart = kOne / kTableUnit;
    tables.tail[k] = (tail + kPart / 2) / kPart;
    tables.loss[k] = CheckedNarrow((loss + kPart / 2) / kPart);
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

/// The table's value at far / sd deviations above the mean, times sd and kTableUnit; far >= 0, sd > 0.
Int128 Interpolated(const std::array<int64_t, kSteps + 1>& table, int64_t far, int64_t sd) {
  const Int128 steps = Int128{far} * kStepsPerSd;
  if (steps >= Int128{sd} * static_cast<int64_t>(kSteps)) return 0;
  const auto k = static_cast<size_t>(steps / sd);
  const Int128 rest = steps % sd;
  return table[k] * (sd - rest) + table[k + 1] * rest;
}

}  // namespace

int64_t ExpectedExcess(int64_t mean, int64_t sd, int64_t x) {
  PENSTOCK_CHECK(sd >= 0);
  const int64_t room = CheckedSub(x, mean);
  const int64_t sure = room < 0 ? CheckedSub(int64_t{0}, room) : 0;
  if (sd == 0) return sure;
  return CheckedAdd(sure, CheckedNarrow(Interpolated(kTables.loss, room < 0 ? sure : room, sd) / kTableUnit));
}

int64_t ChanceAbove(int64_t mean, int64_t sd, int64_t x) {
  PENSTOCK_CHECK(sd >= 0);
  const int64_t room = CheckedSub(x, mean);
  if (sd == 0) return room < 0 ? kMillionths : 0;
  const Int128 tail = Interpolated(kTables.tail, room < 0 ? CheckedSub(int64_t{0}, room) : room, sd);
  const int64_t outside = CheckedNarrow(tail / sd / (kTableUnit / kMillionths));
  return room < 0 ? kMillionths - outside : outside;
}

}  // namespace penstock::market
