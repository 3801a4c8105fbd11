#include <absl/strings/str_cat.h>

#include <numeric>

#include "broker/config/decimal.h"
#include "broker/config/moment.h"
#include "broker/config/tariff_readers.h"

namespace penstock::config {
namespace {

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

constexpr int64_t kMaxRatioPart = 1'000'000;
constexpr int kRatioDecimals = 6;
constexpr int64_t kMaxMoneyPico = 1'000'000'000'000'000'000;  // a million currency units

std::optional<ledger::Ratio> ParseRatio(std::string_view text) {
  const size_t slash = text.find('/');
  const bool fraction = slash != std::string_view::npos;
  const Decimal top = ParseDecimal(text.substr(0, slash), fraction ? 0 : kRatioDecimals);
  const Decimal bottom =
      fraction ? ParseDecimal(text.substr(slash + 1), 0) : Decimal{Decimal::Form::kExact, kMaxRatioPart};
  if (top.form != Decimal::Form::kExact || bottom.form != Decimal::Form::kExact || bottom.scaled == 0)
    return std::nullopt;
  const int64_t common = std::gcd(top.scaled, bottom.scaled);
  const ledger::Ratio ratio{top.scaled / common, bottom.scaled / common};
  if (ratio.numerator > kMaxRatioPart || ratio.denominator > kMaxRatioPart) return std::nullopt;
  return ratio;
}

}  // namespace

ledger::Ratio ReadRatio(Section& section, std::string_view key, std::string_view example,
                        std::optional<ledger::Ratio> otherwise) {
  if (otherwise && !section.Has(key)) return *otherwise;
  const std::string text = section.Text({.name = key, .otherwise = {}, .example = example});
  const std::optional<ledger::Ratio> ratio = ParseRatio(text);
  if (!ratio && !text.empty()) {
    section.Complain(key, absl::StrCat(Quoted(text),
                                       " is not a factor; write a decimal number or a fraction of whole numbers up to "
                                       "1000000, for example 1.25 or 5/4"));
  }
  return ratio.value_or(ledger::Ratio());
}

ledger::Money ReadMoney(Section& section, std::string_view key, std::string_view example,
                        std::optional<ledger::Money> otherwise, int64_t min_pico) {
  if (otherwise && !section.Has(key)) return *otherwise;
  return ledger::Money::FromPico(section.DecimalNumber({.name = key,
                                                        .decimals = 12,
                                                        .min = min_pico,
                                                        .max = kMaxMoneyPico,
                                                        .otherwise = {},
                                                        .example = example,
                                                        .why_no_finer = "money is whole in pico-units"}));
}

void ForMembers(Section& section, std::string_view key, std::string_view example, const ReadMember& read) {
  const Node* node = section.Optional(key);
  if (node == nullptr) return;
  if (node->kind != Node::Kind::kMap || node->members.empty()) {
    section.Complain(key,
                     absl::StrCat("must be a map of names, for example `", Abseil(key), ": ", Abseil(example), "`"));
    return;
  }
  for (const Member& member : node->members) {
    read(member, absl::StrCat(section.PathOf(key), ".", member.key));
  }
}

Instant ReadMoment(Section& section, std::string_view key, std::string_view example, std::optional<Instant> otherwise) {
  if (otherwise && !section.Has(key)) return *otherwise;
  const std::string text = section.Text({.name = key, .otherwise = {}, .example = example});
  const std::optional<Instant> moment = ParseInstant(text);
  if (!moment && !text.empty()) {
    section.Complain(key, absl::StrCat(Quoted(text),
                                       " is not a moment in UTC from 1970 to 2200; write it like "
                                       "2026-01-01T00:00:00Z or 2026-01-01"));
  }
  return moment.value_or(Instant());
}

Instant ReadHour(Section& section, std::string_view key, std::string_view example, std::optional<Instant> otherwise) {
  const Instant moment = ReadMoment(section, key, example, otherwise);
  if (moment != Instant::Max() && moment != WindowStart(moment, Hours(1))) {
    section.Complain(key, absl::StrCat(FormatInstant(moment),
                                       " is not a whole hour; what is charged by the hour begins "
                                       "and ends with one"));
  }
  return moment;
}

}  // namespace penstock::config
