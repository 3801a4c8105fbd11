// What a pool sells ahead of time: `market`, with its prices, its posted price and its next chunk of capacity.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/checked.h"
#include "broker/config/decimal.h"
#include "broker/config/readers.h"
#include "broker/config/tariff_readers.h"

namespace penstock::config {
namespace {

using core::PoolSettings;
using market::CurvePoint;
using market::MarketTerms;
using market::PostedPriceTerms;
using market::TimeFactor;

constexpr int64_t kWhole = 1'000;         // 100 %, in thousandths
constexpr int64_t kMaxUse = 10 * kWhole;  // of a curve: demand may exceed what there is
constexpr int64_t kMaxFactor = 100 * kWhole;
constexpr size_t kMaxCurvePoints = 64;
constexpr int64_t kMaxBurstSeconds = 3'600;
constexpr int64_t kMaxHours = 87'600;  // ten years
constexpr int64_t kMaxDays = 3'650;
constexpr int64_t kDefaultResidenceMs = 10'000;

Duration SecondsOf(Section& section, std::string_view name, int64_t min_ms, int64_t max_s, Duration otherwise,
                   std::string_view example) {
  return Milliseconds(section.DecimalNumber({.name = name,
                                             .decimals = 3,
                                             .min = min_ms,
                                             .max = max_s * 1'000,
                                             .otherwise = otherwise.count() / Milliseconds(1).count(),
                                             .example = example,
                                             .why_no_finer = "times are whole milliseconds"}));
}

Duration HoursOf(Section& section, std::string_view name, Duration otherwise, std::string_view example) {
  return Hours(section.Integer({.name = name,
                                .min = 0,
                                .max = kMaxHours,
                                .otherwise = otherwise.count() / Hours(1).count(),
                                .example = example}));
}

int64_t PercentOf(Section& section, std::string_view name, int64_t max, int64_t otherwise, std::string_view example) {
  return section.Percent({.name = name, .min = 0, .max = max, .otherwise = otherwise, .example = example});
}

// ---- Curves: [[use, factor], ...].

class CurveReader {
 public:
  CurveReader(Section& owner, std::string_view key, bool convex) : owner_(owner), key_(key), convex_(convex) {}

  std::vector<CurvePoint> Read(bool required) {
    owner_.List(
        key_, [&](const Node& node, const std::string& path) { ReadPoint(node, path); }, required,
        "[[50%, 100%], [100%, 300%]]");
    if (points_.size() > kMaxCurvePoints) {
      owner_.Complain(key_, absl::StrCat("has more than ", kMaxCurvePoints, " points"));
    }
    return std::move(points_);
  }

 private:
  void ReadPoint(const Node& node, const std::string& path) {
    const Source& source = owner_.source();
    if (node.kind != Node::Kind::kList || node.items.size() != 2) {
      Complain(node, path, "must be a pair of use and factor, for example [50%, 100%]");
      return;
    }
    const auto use = ReadPercent(source, node.items[0], path + "[0]",
                                 {.name = {}, .min = 0, .max = kMaxUse, .otherwise = {}, .example = "50%"});
    const auto factor = ReadPercent(source, node.items[1], path + "[1]",
                                    {.name = {}, .min = 0, .max = kMaxFactor, .otherwise = {}, .example = "100%"});
    if (!use || !factor) return;
    CheckShape({*use, *factor}, node, path);
    points_.push_back({*use, *factor});
  }

  void CheckShape(const CurvePoint& now, const Node& node, const std::string& path) {
    if (points_.empty()) return;
    const CurvePoint& last = points_.back();
    if (now.utilisation <= last.utilisation) {
      Complain(
          node, path,
          absl::StrCat("stands at a use of ", FormatDecimal(now.utilisation, 1), "%, not above the ",
                       FormatDecimal(last.utilisation, 1), "% of the point before; write the points by rising use"));
    } else if (now.factor < last.factor) {
      Complain(node, path,
               absl::StrCat("falls to ", FormatDecimal(now.factor, 1), "% from ", FormatDecimal(last.factor, 1),
                            "%; a price must not fall when more is used"));
    } else if (convex_ && points_.size() >= 2 && IsLessSteep(now)) {
      Complain(node, path,
               "is reached less steeply than the point before: the curve must be convex, each part at least as steep "
               "as the one before it; raise this factor, or lower the one before");
    }
  }

  bool IsLessSteep(const CurvePoint& now) const {
    const CurvePoint& first = points_[points_.size() - 2];
    const CurvePoint& last = points_.back();
    return (now.factor - last.factor) * (last.utilisation - first.utilisation) <
           (last.factor - first.factor) * (now.utilisation - last.utilisation);
  }

  void Complain(const Node& node, const std::string& path, std::string_view what) {
    owner_.source().problems.Add(owner_.source().file, node.place, path, what);
  }

  Section& owner_;
  const std::string_view key_;
  const bool convex_;
  std::vector<CurvePoint> points_;
};

// ---- The ask.

std::vector<TimeFactor> ReadTimeFactors(Section& ask, std::string_view key) {
  constexpr std::string_view kExample = "[{at_least_h: 24, factor: 95%}, {at_least_h: 168, factor: 90%}]";
  std::vector<TimeFactor> factors;
  const auto read = [&](const Node& node, const std::string& path) {
    Section section(ask.source(), node, path, "{at_least_h: 24, factor: 95%}");
    const size_t problems = ask.source().problems.count();
    TimeFactor now;
    now.from =
        Hours(section.Integer({.name = "at_least_h", .min = 0, .max = kMaxHours, .otherwise = {}, .example = "24"}));
    now.factor = section.Percent({.name = "factor", .min = 1, .max = kMaxFactor, .otherwise = {}, .example = "95%"});
    if (!section.Has("at_least_h") || ask.source().problems.count() > problems) return;
    if (!factors.empty() && now.from <= factors.back().from) {
      section.Complain("at_least_h", "must be more than that of the factor before it");
    }
    factors.push_back(now);
  };
  ask.List(key, read, false, kExample);
  if (factors.size() > kMaxCurvePoints) {
    ask.Complain(key, absl::StrCat("has more than ", kMaxCurvePoints, " factors"));
  }
  return factors;
}

void ReadAsk(Section& market, MarketTerms& terms) {
  const Node* node = market.Optional("ask");
  if (node == nullptr) return;
  Section ask(market.source(), *node, market.PathOf("ask"), "ask: {scarcity: [[50%, 0%], [100%, 200%]]}");
  terms.scarcity = CurveReader(ask, "scarcity", true).Read(false);
  terms.lead_time = ReadTimeFactors(ask, "lead_time");
  terms.term = ReadTimeFactors(ask, "term");
}

void ReadSpread(Section& market, MarketTerms& terms) {
  const Node* node = market.Optional("spread");
  if (node == nullptr) return;
  Section spread(market.source(), *node, market.PathOf("spread"), "spread: {least: 10%, most: 50%}");
  terms.least_spread = PercentOf(spread, "least", kWhole, terms.least_spread, "10%");
  terms.most_spread = PercentOf(spread, "most", kWhole, terms.most_spread, "50%");
  if (terms.least_spread > terms.most_spread) {
    spread.Complain("least", absl::StrCat("is ", FormatDecimal(terms.least_spread, 1), "%, more than the ",
                                          FormatDecimal(terms.most_spread, 1), "% of `most`; lower it, or raise that"));
  }
}

// ---- The posted price.

void ReadPostedPrice(Section& market, PostedPriceTerms& terms) {
  const Node* node = market.Optional("posted_price");
  if (node == nullptr) return;
  Section posted(market.source(), *node, market.PathOf("posted_price"),
                 "posted_price: {curve: [[0%, 80%], [70%, 100%], [100%, 300%]]}");
  terms.curve = CurveReader(posted, "curve", true).Read(true);
  terms.floor = PercentOf(posted, "floor", kMaxFactor, terms.floor, "50%");
  terms.cap = PercentOf(posted, "cap", kMaxFactor, terms.cap, "300%");
  terms.step = posted.Percent({.name = "step", .min = 1, .max = kWhole, .otherwise = terms.step, .example = "5%"});
  terms.most_steps =
      posted.Integer({.name = "most_steps", .min = 1, .max = kWhole, .otherwise = terms.most_steps, .example = "4"});
  terms.least_between = SecondsOf(posted, "least_between_s", 1'000, kMaxHours * 3'600, terms.least_between, "3600");
  terms.notice = SecondsOf(posted, "notice_s", 0, kMaxHours * 3'600, terms.notice, "300");
  terms.lock_premium = PercentOf(posted, "lock_premium", kMaxFactor, terms.lock_premium, "10%");
  terms.cap_premium = PercentOf(posted, "cap_premium", kMaxFactor, terms.cap_premium, "25%");
  terms.longest_lock = HoursOf(posted, "longest_lock_h", terms.longest_lock, "168");
  if (terms.floor > terms.cap) {
    posted.Complain("floor", absl::StrCat("is ", FormatDecimal(terms.floor, 1), "%, above the cap of ",
                                          FormatDecimal(terms.cap, 1), "%; lower it, or raise the cap"));
  }
  if (terms.notice > terms.least_between) {
    posted.Complain("notice_s",
                    "is longer than least_between_s, so a price would be replaced before it holds; lower it");
  }
}

// ---- What there is to sell.

// Of who does not say what its requests are like: as many at once as the pool has slots, at its full throughput.
void ReadEnvelope(Section& market, const PoolSettings& pool, ledger::Envelope& envelope) {
  static const Node kNone{.kind = Node::Kind::kMap, .place = {}, .text = {}, .items = {}, .members = {}};
  const Node* node = market.Optional("envelope");
  Section section(market.source(), node == nullptr ? kNone : *node, market.PathOf("envelope"),
                  "envelope: {mean_work_nt: 5000, mean_residence_s: 10, largest_context_tokens: 20000}");
  const admission::PoolTerms& terms = pool.terms;
  envelope.mean_residence =
      SecondsOf(section, "mean_residence_s", 1, kMaxLeaseSeconds, Milliseconds(kDefaultResidenceMs), "10");
  envelope.mean_work = NormalizedTokens(
      section.Integer({.name = "mean_work_nt", .min = 1, .max = kMaxBurstNt, .otherwise = 0, .example = "5000"}));
  if (envelope.mean_work == Work::Zero()) {
    const Int128 at_once = Int128{terms.capacity.count()} * envelope.mean_residence.count() / Seconds(1).count();
    const Int128 each = std::clamp<Int128>(at_once / terms.max_in_flight, 1, Int128{kMaxBurstNt} * kMilliNtPerNt);
    envelope.mean_work = Work(CheckedNarrow(each));
  }
  const int64_t share = terms.kv_tokens == 0 ? 0 : std::max<int64_t>(terms.kv_tokens / terms.max_in_flight, 1);
  envelope.largest_context = Tokens(section.Integer(
      {.name = "largest_context_tokens", .min = 1, .max = kMaxKvTokens, .otherwise = share, .example = "20000"}));
  if (terms.kv_tokens == 0 && section.Has("largest_context_tokens")) {
    section.Complain("largest_context_tokens", "does nothing without kv_tokens of the pool; add that, or remove it");
  }
  if (terms.kv_tokens > 0 && envelope.largest_context.count() > terms.kv_tokens) {
    section.Complain("largest_context_tokens",
                     absl::StrCat("is more than the pool's kv_tokens of ", terms.kv_tokens, "; lower it"));
  }
}

ledger::CapacityStep ReadCapacityStep(Section& section, const PoolSettings& pool) {
  ledger::CapacityStep step;
  step.from = ReadMoment(section, "from", "2027-01-10T22:00:00Z", std::nullopt);
  step.capacity = NormalizedTokensPerSecond(section.Integer(
      {.name = "capacity_nt_per_s", .min = 0, .max = kMaxRateNtPerSecond, .otherwise = {}, .example = "25000"}));
  step.slots = section.Integer(
      {.name = "max_in_flight", .min = 0, .max = kMaxInFlight, .otherwise = pool.terms.max_in_flight, .example = "64"});
  step.kv_tokens = section.Integer(
      {.name = "kv_tokens", .min = 1, .max = kMaxKvTokens, .otherwise = pool.terms.kv_tokens, .example = "1500000"});
  if (pool.terms.kv_tokens == 0 && section.Has("kv_tokens")) {
    section.Complain("kv_tokens", "is a gate that the pool does not have now; give the pool kv_tokens, or remove it");
  }
  return step;
}

void ReadPlannedCapacity(Section& market, const PoolSettings& pool, std::vector<ledger::CapacityStep>& planned) {
  const auto read = [&](const Node& node, const std::string& path) {
    Section section(market.source(), node, path, "{from: 2027-01-10T22:00:00Z, capacity_nt_per_s: 25000}");
    const size_t problems = market.source().problems.count();
    const ledger::CapacityStep step = ReadCapacityStep(section, pool);
    if (!section.Has("from") || market.source().problems.count() > problems) return;
    if (step.from <= (planned.empty() ? Instant() : planned.back().from)) {
      section.Complain("from", "must be later than that of the step before it");
    }
    planned.push_back(step);
  };
  market.List("planned_capacity", read, false, "[{from: 2027-01-10T22:00:00Z, capacity_nt_per_s: 25000}]");
  constexpr size_t kMost = ledger::kMaxCapacitySteps - 1;  // beside what there is now
  if (planned.size() > kMost) market.Complain("planned_capacity", absl::StrCat("has more than ", kMost, " steps"));
}

void ReadNextChunk(Section& market, MarketTerms& terms) {
  constexpr std::string_view kExample = "{capacity_nt_per_s: 25000, price_per_hour: 4.00, lead_time_days: 30}";
  const Node* node = market.Optional("next_chunk");
  if (node == nullptr) return;
  Section chunk(market.source(), *node, market.PathOf("next_chunk"), kExample);
  terms.chunk = NormalizedTokens(chunk.Integer(
      {.name = "capacity_nt_per_s", .min = 1, .max = kMaxRateNtPerSecond, .otherwise = {}, .example = "25000"}));
  chunk.Required("price_per_hour", "4.00");
  terms.chunk_price = ReadMoney(chunk, "price_per_hour", "4.00");
  terms.chunk_lead_time =
      Days(chunk.Integer({.name = "lead_time_days", .min = 0, .max = kMaxDays, .otherwise = 0, .example = "30"}));
}

}  // namespace

void ReadMarket(Section& pool, PoolSettings& settings) {
  constexpr std::string_view kOpen[] = {"false", "true"};
  const Node* node = pool.Optional("market");
  if (node == nullptr) return;
  Section market(pool.source(), *node, pool.PathOf("market"), "market: {margin: 5%, quote_holds_s: 600}");
  MarketTerms& terms = settings.market;
  terms.open = market.Choice({.name = "open", .choices = kOpen, .otherwise = 1}) == 1;
  terms.margin = PercentOf(market, "margin", kWhole - 1, terms.margin, "5%");
  terms.burst = SecondsOf(market, "burst_s", 1, kMaxBurstSeconds, terms.burst, "2");
  ReadEnvelope(market, settings, terms.envelope);
  ReadPlannedCapacity(market, settings, terms.planned);
  terms.shortest = Minutes(market.Integer({.name = "shortest_min",
                                           .min = 1,
                                           .max = 1'440,
                                           .otherwise = terms.shortest.count() / Minutes(1).count(),
                                           .example = "60"}));
  terms.furthest = Days(market.Integer({.name = "furthest_days",
                                        .min = 1,
                                        .max = kMaxDays,
                                        .otherwise = terms.furthest.count() / Days(1).count(),
                                        .example = "366"}));
  terms.quote_holds = SecondsOf(market, "quote_holds_s", 1'000, 86'400, terms.quote_holds, "600");
  terms.lock_time = HoursOf(market, "lock_h", terms.lock_time, "24");
  terms.refund = PercentOf(market, "refund", kWhole, terms.refund, "90%");
  terms.approval_above = ReadMoney(market, "approval_above", "10000.00");
  ReadAsk(market, terms);
  ReadSpread(market, terms);
  ReadPostedPrice(market, terms.posted);
  ReadNextChunk(market, terms);
}

}  // namespace penstock::config
