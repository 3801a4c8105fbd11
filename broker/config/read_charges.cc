// What a pool is charged for beside its flat token prices, and seats and outcomes.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <utility>

#include "broker/config/decimal.h"
#include "broker/config/tariff_readers.h"

namespace penstock::config {
namespace {

using ledger::Apart;
using ledger::Calendar;
using ledger::DemandCharge;
using ledger::DemandRule;
using ledger::PoolPrices;
using ledger::PriceStep;
using ledger::Ratio;
using ledger::TokenRule;

constexpr int64_t kMaxPriceMicros = 1'000'000'000'000;    // a million currency units per million tokens
constexpr int64_t kMaxDemandThousandths = 1'000'000'000;  // a million currency units per million nt in the window
constexpr int64_t kMaxPricePico = 1'000'000'000'000'000;  // a thousand currency units
constexpr int64_t kMaxTokens = 1'000'000'000'000'000;
constexpr int64_t kMaxNt = 1'000'000'000'000;

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

// A bit for each name; all bits when the key is left out.
template <size_t kCount>
uint32_t ReadBits(Section& section, std::string_view key, const std::array<std::string_view, kCount>& names,
                  std::string_view example) {
  if (!section.Has(key)) return (1u << kCount) - 1;
  uint32_t bits = 0;
  for (const std::string& name : section.Names(key, example)) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) {
      bits |= 1u << (found - names.begin());
      continue;
    }
    const std::vector<std::string_view> all(names.begin(), names.end());
    const std::string hint = DidYouMean(name, all);
    const std::vector<std::string> listed(names.begin(), names.end());
    section.Complain(key, absl::StrCat(Quoted(name), " is not one of ", absl::StrJoin(listed, ", "), hint));
  }
  return bits;
}

// The index of a name under `key`, -1 when it is left out.
int64_t ReadIndex(Section& section, std::string_view key, const std::vector<std::string>& names,
                  std::string_view where) {
  const std::string name = section.Text({.name = key, .otherwise = "", .example = {}});
  if (name.empty()) return -1;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return found - names.begin();
  const std::vector<std::string_view> all(names.begin(), names.end());
  section.Complain(key,
                   absl::StrCat(Quoted(name), " is not in ", Abseil(where), " of this tariff", DidYouMean(name, all)));
  return -1;
}

// Steps must climb, and the last has no end. `read` reads what a step costs and answers its `up_to` (0: left out).
void ReadSteps(Section& section, std::string_view example, std::string_view unit,
               const std::function<int64_t(Section& step)>& read) {
  int64_t below = 0;
  bool ended = false;
  size_t count = 0;
  section.List(
      "steps",
      [&](const Node& node, const std::string& path) {
        Section step(section.source(), node, path, example);
        const int64_t up_to = read(step);
        if (++count > ledger::kMaxTariffItems) return;
        const auto complain = [&](const std::string& what) {
          section.source().problems.Add(section.source().file, node.place, path, what);
        };
        if (ended)
          complain(absl::StrCat("overlaps: the step before has no ", Abseil(unit), " and so no end; give it one"));
        if (up_to == 0) {
          ended = true;
        } else if (up_to <= below) {
          complain(absl::StrCat("overlaps: ends at ", up_to, ", not above the step before, which ends at ", below));
        }
        below = std::max(below, up_to);
      },
      false, example);
  if (count > 0 && !ended) {
    section.Complain("steps", absl::StrCat("leave a gap above ", below, "; the last step must have no ", Abseil(unit)));
  }
  if (count > ledger::kMaxTariffItems)
    section.Complain("steps", absl::StrCat("has more than ", ledger::kMaxTariffItems, " steps"));
}

// ---- Tokens.

class TokenRuleReader {
 public:
  TokenRuleReader(Section& pool, const Calendar& calendar, PoolPrices& prices)
      : pool_(pool), calendar_(calendar), prices_(prices) {}

  void Read() {
    pool_.List(
        "token_rules", [&](const Node& node, const std::string& path) { ReadRule(node, path); }, false,
        "[{kinds: [input], steps: [{up_to_tokens: 1000000, factor: 0}, {factor: 1}]}]");
  }

 private:
  void ReadRule(const Node& node, const std::string& path) {
    constexpr std::string_view kCountings[] = {"graduated", "volume"};
    Section section(pool_.source(), node, path,
                    "{kinds: [input], steps: [{up_to_tokens: 1000000, factor: 0}, {factor: 1}]}");
    TokenRule rule;
    rule.classes = ReadBits(section, "classes", kServiceClassNames, "[default]");
    rule.kinds = ReadBits(section, "kinds", kTokenKindNames, "[input, output]");
    rule.volume = section.Choice({.name = "counting", .choices = kCountings, .otherwise = 0}) == 1;
    ReadSteps(section, "{up_to_tokens: 1000000, factor: 1}", "up_to_tokens", [&](Section& step) {
      PriceStep read;
      read.up_to =
          step.Integer({.name = "up_to_tokens", .min = 1, .max = kMaxTokens, .otherwise = 0, .example = "1000000"});
      read.factor = ReadRatio(step, "factor", "3/4", std::nullopt);
      rule.steps.push_back(read);
      return read.up_to;
    });
    ReadBands(section, rule);
    if (rule.steps.empty() && rule.by_band.empty()) {
      section.Complain("steps", "are missing, and so is time_of_use; give the rule one of them, or remove it");
    }
    CheckOverlap(section, rule);
    CheckWhole(section, rule);
    prices_.token_rules.push_back(std::move(rule));
  }

  void ReadBands(Section& section, TokenRule& rule) const {
    const Node* node = section.Optional("time_of_use");
    if (node == nullptr) return;
    Section bands(section.source(), *node, section.PathOf("time_of_use"), "{peak: 3/2, off_peak: 1}");
    if (calendar_.bands.empty())
      section.Complain("time_of_use", "has factors, but the tariff has no time_of_use; name its bands there");
    for (const std::string& name : calendar_.bands) rule.by_band.push_back(ReadRatio(bands, name, "3/2", std::nullopt));
  }

  void CheckOverlap(Section& section, const TokenRule& rule) const {
    for (const TokenRule& other : prices_.token_rules) {
      if ((rule.classes & other.classes) == 0 || (rule.kinds & other.kinds) == 0) continue;
      section.Complain(rule.kinds == (1u << kTokenKindCount) - 1 ? "classes" : "kinds",
                       absl::StrCat("overlaps: an earlier rule of this pool covers some of these classes and kinds; "
                                    "tokens may be under one rule only"));
      return;
    }
  }

  void CheckWhole(Section& section, const TokenRule& rule) const {
    if (!section.source().problems.none()) return;  // prices and factors may be stand-ins
    for (size_t c = 0; c < kServiceClassCount; ++c) {
      for (const TokenKind kind : kAllTokenKinds) {
        const auto served = static_cast<ServiceClass>(c);
        if (!rule.Covers(served, kind)) continue;
        const auto fault = ledger::FactorFault(rule, prices_.by_class[c][kind]);
        if (!fault) continue;
        section.Complain(rule.steps.empty() ? "time_of_use" : "steps",
                         absl::StrCat("make a price of ", Abseil(Name(kind)), " tokens of class ", Abseil(Name(served)),
                                      " that cannot be charged: ", *fault, "; change the factor or the flat price"));
        return;
      }
    }
  }

  Section& pool_;
  const Calendar& calendar_;
  PoolPrices& prices_;
};

void ReadCoupling(Section& pool, PoolPrices& prices) {
  const Node* node = pool.Optional("posted_price");
  if (node == nullptr) return;
  Section section(pool.source(), *node, pool.PathOf("posted_price"), "{classes: [flex], factor: 9/10, step: \"0.01\"}");
  prices.coupling.classes = ReadBits(section, "classes", kServiceClassNames, "[flex]");
  prices.coupling.factor = ReadRatio(section, "factor", "9/10", Ratio());
  prices.coupling.step = section.DecimalNumber({.name = "step",
                                                .decimals = 6,
                                                .min = 1,
                                                .max = kMaxPriceMicros,
                                                .otherwise = {},
                                                .example = "\"0.01\"",
                                                .why_no_finer = "posted prices are whole in pico-units per token"});
  if (!section.source().problems.none()) return;
  const auto coupled = ledger::WholeTimes(prices.coupling.step, prices.coupling.factor);
  if (!coupled) {
    section.Complain("factor", absl::StrCat("times a step of ", prices.coupling.step,
                                            " pico-units per token is not whole; change the factor or the step"));
    return;
  }
  for (const TokenRule& rule : prices.token_rules) {
    if ((rule.classes & prices.coupling.classes) == 0) continue;
    const auto fault = ledger::FactorFault(rule, *coupled);
    if (fault)
      section.Complain("step", absl::StrCat("and a token rule make a price that cannot be charged: ", *fault,
                                            "; make the step coarser"));
  }
}

// ---- Demand.

class DemandReader {
 public:
  DemandReader(Section& pool, const Calendar& calendar) : pool_(pool), calendar_(calendar) {}

  std::vector<DemandCharge> Read() {
    const Node* node = pool_.Optional("demand");
    if (node == nullptr) return {};
    const std::string path = pool_.PathOf("demand");
    if (node->kind != Node::Kind::kList) {
      ReadCharge(*node, path, false);
    } else {
      for (size_t i = 0; i < node->items.size(); ++i) ReadCharge(node->items[i], absl::StrCat(path, "[", i, "]"), true);
    }
    return std::move(charges_);
  }

 private:
  static constexpr std::string_view kExample = "demand: {price_per_million_nt_per_minute: \"0.50\"}";

  void ReadCharge(const Node& node, const std::string& path, bool named) {
    constexpr std::string_view kRules[] = {"block_maximum", "sliding_maximum", "percentile", "top_mean", "coincident"};
    constexpr std::string_view kAparts[] = {"window", "day", "month"};
    Section section(pool_.source(), node, path, kExample);
    DemandCharge charge;
    charge.name = "demand";
    if (named || section.Has("name")) charge.name = section.EntityName("name", "peak");
    const bool twice =
        std::any_of(charges_.begin(), charges_.end(), [&](const auto& c) { return c.name == charge.name; });
    if (twice)
      section.Complain("name",
                       absl::StrCat(Quoted(charge.name), " is the name of an earlier demand charge; give it another"));
    charge.rule = static_cast<DemandRule>(section.Choice({.name = "rule", .choices = kRules, .otherwise = 0}));
    const bool has_length = charge.rule == DemandRule::kBlockMaximum || charge.rule == DemandRule::kSlidingMaximum;
    const bool has_n = charge.rule == DemandRule::kTopMean || charge.rule == DemandRule::kCoincident;
    if (has_length)
      charge.windows = section.Integer({.name = "minutes", .min = 1, .max = 1'440, .otherwise = 1, .example = "15"});
    if (charge.rule == DemandRule::kPercentile) {
      charge.percentile =
          section.Integer({.name = "percentile", .min = 1, .max = 99, .otherwise = {}, .example = "95"});
    }
    if (has_n) {
      const bool one = charge.rule == DemandRule::kCoincident;
      charge.n = section.Integer({.name = "n",
                                  .min = 1,
                                  .max = 1'000,
                                  .otherwise = one ? std::optional<int64_t>(1) : std::nullopt,
                                  .example = "10"});
    }
    if (charge.rule == DemandRule::kCoincident) {
      charge.apart = static_cast<Apart>(section.Choice({.name = "apart", .choices = kAparts, .otherwise = 0}));
    }
    charge.season = ReadIndex(section, "season", calendar_.seasons, "seasons");
    charge.band = ReadIndex(section, "time_of_use", calendar_.bands, "time_of_use");
    ReadRatchet(section, charge);
    ReadContracted(section, charge);
    ReadPrices(section, charge);
    charges_.push_back(std::move(charge));
  }

  // A price per (million nt in the window) with three decimals is a whole number of pico-units per milli-nt in it.
  static int64_t ReadPrice(Section& section, std::string_view key) {
    static_assert(1'000'000'000'000 / (1'000'000 * kMilliNtPerNt) / 1'000 == 1 && ledger::kBaseWindow == Minutes(1));
    return section.DecimalNumber({.name = key,
                                  .decimals = 3,
                                  .min = 0,
                                  .max = kMaxDemandThousandths,
                                  .otherwise = {},
                                  .example = "\"0.50\"",
                                  .why_no_finer = "a demand price must be whole in pico-units per milli-nt"});
  }

  void ReadPrices(Section& section, DemandCharge& charge) const {
    const std::string_view key =
        charge.windows == 1 ? "price_per_million_nt_per_minute" : "price_per_million_nt_per_window";
    if (!section.Has("steps")) {
      charge.steps = {{0, ReadPrice(section, key)}};
      CheckScale(section, key, charge, charge.steps[0].price);
      return;
    }
    ReadSteps(section, "{up_to_nt: 1000000, price_per_million_nt_per_minute: \"0.50\"}", "up_to_nt",
              [&](Section& step) {
                const int64_t up_to =
                    step.Integer({.name = "up_to_nt", .min = 1, .max = kMaxNt, .otherwise = 0, .example = "1000000"});
                const int64_t price = ReadPrice(step, key);
                CheckScale(step, key, charge, price);
                charge.steps.push_back({up_to * kMilliNtPerNt, price});
                return up_to;
              });
  }

  // Where a mean or a percentage makes a fraction, the price must divide by what it counts in.
  static void CheckScale(Section& section, std::string_view key, const DemandCharge& charge, int64_t price) {
    if (!section.source().problems.none()) return;
    const int64_t scale = ledger::DemandScale(charge);
    if (scale > ledger::kMaxDemandScale) {
      section.Complain(key,
                       absl::StrCat("stands for a demand that counts in 1/", scale, " of a milli-nt; at most 1/",
                                    ledger::kMaxDemandScale, " is possible: use a smaller n or rounder percentages"));
      return;
    }
    if (price % scale == 0) return;
    const int64_t floor = price / scale * scale;
    section.Complain(
        key, absl::StrCat(FormatDecimal(price, 3), " does not divide by ", scale,
                          ", in which this rule counts (mean, "
                          "percentages, factor): a unit price must be whole in pico-units; the nearest values are ",
                          FormatDecimal(floor, 3), " and ", FormatDecimal(floor + scale, 3)));
  }

  // `percent` as one figure, or by season.
  void ReadPercent(Section& ratchet, std::string_view key, int64_t otherwise,
                   std::array<int64_t, ledger::kMonths>& percent) const {
    percent.fill(otherwise);
    const Node* node = ratchet.Optional(key);
    if (node == nullptr) return;
    const IntegerField field{.name = key, .min = 0, .max = 100, .otherwise = otherwise, .example = "80"};
    if (node->kind != Node::Kind::kMap) {
      percent.fill(ratchet.Integer(field));
      return;
    }
    Section by_season(ratchet.source(), *node, ratchet.PathOf(key), "{summer: 95, winter: 60}");
    if (calendar_.seasons.empty())
      ratchet.Complain(key, "goes by season, but the tariff has no seasons; name them there");
    for (size_t s = 0; s < calendar_.seasons.size(); ++s) {
      const int64_t value =
          by_season.Integer({.name = calendar_.seasons[s], .min = 0, .max = 100, .otherwise = {}, .example = "80"});
      for (size_t m = 0; m < ledger::kMonths; ++m) {
        if (calendar_.season_of_month[m] == s) percent[m] = value;
      }
    }
  }

  void ReadRatchet(Section& section, DemandCharge& charge) const {
    const Node* node = section.Optional("ratchet");
    if (node == nullptr) return;
    Section ratchet(section.source(), *node, section.PathOf("ratchet"), "{percent: 80, look_back_months: 11}");
    charge.ratchet.look_back =
        ratchet.Integer({.name = "look_back_months", .min = 1, .max = 11, .otherwise = 11, .example = "11"});
    ratchet.Required("percent", "80");
    ReadPercent(ratchet, "percent", 0, charge.ratchet.percent);
    ReadPercent(ratchet, "own_percent", 100, charge.ratchet.own_percent);
    charge.ratchet.minimum =
        ratchet.Integer({.name = "minimum_nt", .min = 0, .max = kMaxNt, .otherwise = 0, .example = "1000"}) *
        kMilliNtPerNt;
    if (!ratchet.Has("months")) return;
    std::array<bool, ledger::kMonths> named{};
    ratchet.List(
        "months",
        [&](const Node& item, const std::string& path) {
          const auto month = ReadInteger(ratchet.source(), item, path,
                                         {.name = "", .min = 1, .max = 12, .otherwise = {}, .example = "6"});
          if (month) named[static_cast<size_t>(*month) - 1] = true;
        },
        false, "[1, 4, 12]");
    for (size_t m = 0; m < ledger::kMonths; ++m) {
      if (!named[m]) charge.ratchet.percent[m] = 0;
    }
  }

  void ReadContracted(Section& section, DemandCharge& charge) const {
    const Node* node = section.Optional("contracted");
    if (node == nullptr) return;
    Section contracted(section.source(), *node, section.PathOf("contracted"),
                       "{low_percent: 85, high_percent: 105, excess_factor: 2}");
    charge.contracted.low_percent =
        contracted.Integer({.name = "low_percent", .min = 0, .max = 1'000, .otherwise = {}, .example = "85"});
    charge.contracted.high_percent =
        contracted.Integer({.name = "high_percent", .min = 1, .max = 1'000, .otherwise = {}, .example = "105"});
    charge.contracted.excess = ReadRatio(contracted, "excess_factor", "2", std::nullopt);
    if (charge.contracted.low_percent > charge.contracted.high_percent) {
      contracted.Complain("low_percent", absl::StrCat(charge.contracted.low_percent, " is above high_percent, ",
                                                      charge.contracted.high_percent));
    }
  }

  Section& pool_;
  const Calendar& calendar_;
  std::vector<DemandCharge> charges_;
};

// ---- What is bought ahead.

void ReadCapacity(Section& pool, PoolPrices& prices) {
  const Node* node = pool.Optional("capacity");
  if (node == nullptr) return;
  Section section(pool.source(), *node, pool.PathOf("capacity"), "capacity: {price_per_nt_per_s_hour: \"0.0001\"}");
  // Per (nt/s and hour) with nine decimals: whole in pico-units per milli-nt/s.
  prices.capacity_price = section.DecimalNumber({.name = "price_per_nt_per_s_hour",
                                                 .decimals = 9,
                                                 .min = 0,
                                                 .max = kMaxPricePico / 1'000,
                                                 .otherwise = {},
                                                 .example = "\"0.0001\"",
                                                 .why_no_finer = "it must be whole in pico-units per milli-nt/s"});
}

void ReadUnit(Section& pool, PoolPrices& prices) {
  const Node* node = pool.Optional("unit");
  if (node == nullptr) return;
  Section section(pool.source(), *node, pool.PathOf("unit"), "unit: {price_per_hour: \"0.50\"}");
  const bool daily = section.Has("price_per_day");
  prices.unit.span_hours = daily ? 24 : 1;
  if (daily && section.Has("price_per_hour"))
    section.Complain("price_per_day", "is given, and so is price_per_hour; keep one");
  prices.unit.price = static_cast<int64_t>(
      ReadMoney(section, daily ? "price_per_day" : "price_per_hour", "\"0.50\"", std::nullopt).pico());
  const auto tokens = [&](std::string_view name) {
    return section.Integer({.name = name, .min = 1, .max = kMaxTokens, .otherwise = 0, .example = "31500"});
  };
  prices.unit.input_per_minute = tokens("input_tokens_per_minute");
  prices.unit.output_per_minute = tokens("output_tokens_per_minute");
}

void ReadCommitment(Section& pool, PoolPrices& prices) {
  const Node* node = pool.Optional("commitment");
  if (node == nullptr) return;
  Section section(pool.source(), *node, pool.PathOf("commitment"),
                  "commitment: {price_per_million_nt: \"1.00\", overage_factor: 3/2}");
  prices.commitment.price = section.DecimalNumber({.name = "price_per_million_nt",
                                                   .decimals = 3,
                                                   .min = 0,
                                                   .max = kMaxDemandThousandths,
                                                   .otherwise = {},
                                                   .example = "\"1.00\"",
                                                   .why_no_finer = "it must be whole in pico-units per milli-nt"});
  prices.commitment.overage = ReadRatio(section, "overage_factor", "3/2", Ratio());
  prices.commitment.tiers = ReadBits(section, "tiers", kTierNames, "[elastic, reserved]");
  if (section.source().problems.none() && !ledger::WholeTimes(prices.commitment.price, prices.commitment.overage)) {
    section.Complain("overage_factor",
                     "makes a price that is not whole in pico-units per milli-nt; change it or the price");
  }
}

}  // namespace

void ReadCharges(Section& pool, const Calendar& calendar, PoolPrices& prices) {
  TokenRuleReader(pool, calendar, prices).Read();
  ReadCoupling(pool, prices);
  prices.demand = DemandReader(pool, calendar).Read();
  ReadCapacity(pool, prices);
  ReadUnit(pool, prices);
  ReadCommitment(pool, prices);
}

void ReadSeatsAndOutcomes(Section& tariff, ledger::Tariff& result) {
  ForMembers(tariff, "seats", "{pro: {price: \"20.00\", included: \"15.00\"}}",
             [&](const Member& member, const std::string& path) {
               if (!CheckName(tariff.source(), member.place, path, member.key)) return;
               Section section(tariff.source(), member.value, path, "{price: \"20.00\", included: \"15.00\"}");
               result.seats.push_back({member.key, ReadMoney(section, "price", "\"20.00\"", std::nullopt),
                                       ReadMoney(section, "included", "\"15.00\"", ledger::Money())});
             });
  ForMembers(tariff, "outcomes", "{resolved: {price: \"0.99\"}}", [&](const Member& member, const std::string& path) {
    if (!CheckName(tariff.source(), member.place, path, member.key)) return;
    Section section(tariff.source(), member.value, path, "{price: \"0.99\"}");
    result.outcomes.push_back({member.key, ReadMoney(section, "price", "\"0.99\"", std::nullopt)});
  });
}

}  // namespace penstock::config
