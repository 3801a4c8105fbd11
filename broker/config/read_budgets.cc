#include <absl/strings/str_cat.h>

#include <utility>

#include "admission/vocabulary/bounds.h"
#include "broker/config/decimal.h"
#include "broker/config/readers.h"

namespace penstock::config {
namespace {

const std::vector<uint32_t> kUsualThresholds = {80, 100};

// "80%", as a number.
std::optional<uint32_t> ReadPercent(const Node& node) {
  if (node.kind != Node::Kind::kScalar || !node.text.ends_with('%')) return std::nullopt;
  const Decimal percent = ParseDecimal(std::string_view(node.text).substr(0, node.text.size() - 1), 0);
  const bool fits =
      percent.form == Decimal::Form::kExact && percent.scaled >= 1 && percent.scaled <= kMaxAlertThreshold;
  return fits ? std::optional(static_cast<uint32_t>(percent.scaled)) : std::nullopt;
}

std::vector<uint32_t> ReadThresholds(Section& budget) {
  constexpr std::string_view kExample = "[50%, 80%, 100%]";
  if (!budget.Has("alert_at")) return kUsualThresholds;
  std::vector<uint32_t> thresholds;
  const auto read = [&](const Node& node, const std::string& path) {
    const Source& source = budget.source();
    const std::optional<uint32_t> percent = ReadPercent(node);
    if (!percent) {
      source.problems.Add(
          source.file, node.place, path,
          absl::StrCat("must be a whole percentage from 1% to ", kMaxAlertThreshold, "%, for example 80%"));
    } else if (!thresholds.empty() && *percent <= thresholds.back()) {
      source.problems.Add(source.file, node.place, path, "must be more than the threshold before it");
    } else {
      thresholds.push_back(*percent);
    }
  };
  budget.List("alert_at", read, false, kExample);
  return thresholds;
}

/// An amount with what is said about it.
struct Limit {
  ledger::Money amount;
  bool soft = false;
  std::vector<uint32_t> alert_at = kUsualThresholds;
};

// A number, or {amount, kind, alert_at}.
Limit ReadLimit(Section& owner, std::string_view name, std::string_view example) {
  constexpr std::string_view kKinds[] = {"hard", "soft"};
  Limit limit;
  const Node* node = owner.Optional(name);
  if (node == nullptr) return limit;
  if (node->kind != Node::Kind::kMap) {
    limit.amount = ReadMoney(owner, name, example);
    return limit;
  }
  Section budget(owner.source(), *node, owner.PathOf(name), "{amount: 200.00, kind: soft, alert_at: [80%, 100%]}");
  budget.Required("amount", example);
  limit.amount = ReadMoney(budget, "amount", example);
  limit.soft = budget.Choice({.name = "kind", .choices = kKinds, .otherwise = 0}) == 1;
  limit.alert_at = ReadThresholds(budget);
  return limit;
}

}  // namespace

ledger::Money ReadMoney(Section& section, std::string_view name, std::string_view example) {
  constexpr int64_t kMostMicros = 1'000'000'000'000'000;
  constexpr int64_t kPicoPerMicro = 1'000'000;
  const int64_t micros = section.DecimalNumber({.name = name,
                                                .decimals = 6,
                                                .min = 1,
                                                .max = kMostMicros,
                                                .otherwise = 0,
                                                .example = example,
                                                .why_no_finer = "amounts are whole micro-units"});
  return ledger::Money::FromPico(kPicoPerMicro) * micros;
}

std::vector<core::BudgetTerms> ReadBudgets(Section& owner) {
  using Period = core::BudgetTerms::Period;
  constexpr std::string_view kExample = "budgets: {day: 10.00, month: 200.00}";
  constexpr std::pair<std::string_view, Period> kPeriods[] = {
      {"day", Period::kDay}, {"month", Period::kMonth}, {"total", Period::kTotal}};
  std::vector<core::BudgetTerms> budgets;
  const Node* node = owner.Optional("budgets");
  if (node == nullptr) return budgets;
  Section section(owner.source(), *node, owner.PathOf("budgets"), kExample);
  for (const auto& [name, period] : kPeriods) {
    if (!section.Has(name)) continue;
    Limit limit = ReadLimit(section, name, "200.00");
    budgets.push_back({.name = std::string(name),
                       .period = period,
                       .amount = limit.amount,
                       .soft = limit.soft,
                       .alert_at = std::move(limit.alert_at)});
  }
  if (budgets.empty())
    section.Complain("day", "no budget is given; write some of day, month, total, or leave budgets out");
  return budgets;
}

void ReadRunBudget(Section& runs, core::RunTerms& terms) {
  Limit limit = ReadLimit(runs, "max_spend", "5.00");
  terms.max_spend = limit.amount;
  terms.soft_spend = limit.soft;
  if (!terms.max_spend.IsZero()) terms.alert_at = std::move(limit.alert_at);
}

}  // namespace penstock::config
