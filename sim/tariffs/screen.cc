#include "sim/tariffs/screen.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "admission/vocabulary/check.h"
#include "sim/demand/load_profile.h"
#include "sim/demand/pricing.h"
#include "sim/demand/response.h"
#include "sim/tariffs/fluid_share.h"
#include "sim/tariffs/prorate.h"

namespace penstock::sim {
namespace {

constexpr double kPeakShare = 0.01;
constexpr double kMilliNt = 1'000;
/// A window has room for a class if it serves all but this share of what came.
constexpr double kLeftOver = 1e-9;

double SecondsOf(Duration d) { return static_cast<double>(d.count()) * 1e-9; }

void Add(std::span<const double> from, std::vector<double>* to) {
  for (size_t w = 0; w < from.size(); ++w) (*to)[w] += from[w];
}

double Sum(std::span<const double> load) { return ShapeOf(load).total; }

template <class Change>
LoadProfile WithEach(const LoadProfile& load, Change change) {
  LoadProfile changed;
  changed.window = load.window;
  for (size_t kind = 0; kind < kTokenKindCount; ++kind) {
    changed.tokens_of_kind[kind] = change(load.tokens_of_kind[kind]);
  }
  return changed;
}

LoadProfile TimesShares(const LoadProfile& load, const std::vector<double>& shares) {
  return WithEach(load, [&](std::vector<double> each) {
    for (size_t w = 0; w < each.size(); ++w) each[w] *= shares[w];
    return each;
  });
}

/// When and how much of it its class served.
LoadProfile Served(const LoadProfile& load, const FluidService& service) {
  return WithEach(load, [&](const std::vector<double>& each) {
    std::vector<double> served = each;
    for (size_t w = 0; w < each.size(); ++w) served[w] *= service.at_once[w];
    if (each.empty()) return served;
    for (const LoadShift& later : service.later) served[later.to] += each[later.from] * later.share;
    return served;
  });
}

/// A customer's work as it comes, after its decision.
struct Come {
  Decision decision;
  LoadProfile load;
  std::vector<double> work;          // milli-nt by window
  std::vector<double> within_share;  // of it, inside the reservation; empty: it has none
};

std::vector<double> WithinShares(const Come& come, double window_seconds) {
  const double room = static_cast<double>(come.decision.reserves.count()) * window_seconds;
  std::vector<double> shares(come.work.size(), 1);
  for (size_t w = 0; w < shares.size(); ++w) {
    if (come.work[w] > room) shares[w] = room / come.work[w];
  }
  return shares;
}

/// One evaluation.
class Screening {
 public:
  Screening(const ScreenTerms& terms, const ledger::Tariff& tariff, uint64_t seed)
      : terms_(terms),
        window_(terms.customers.front().load.window),
        windows_(WindowCount(terms.customers.front().load)),
        span_(window_ * static_cast<int64_t>(windows_)),
        mean_residual_(static_cast<int64_t>(terms.request_work / terms.capacity / 2 * 1e9)),
        prorated_(Prorated(tariff, span_)),
        seed_(seed) {}

  Evaluation Run() {
    Respond();
    Serve();
    Rate();
    Judge();
    return std::move(evaluation_);
  }

 private:
  double window_seconds() const { return SecondsOf(window_); }
  double RoomOfWindow() const { return terms_.capacity * kMilliNt * window_seconds(); }

  void Respond() {
    std::vector<Decision> decisions =
        sim::Respond(prorated_, terms_.pool, terms_.burndown, terms_.customers, terms_.demand, Streams(seed_));
    for (size_t i = 0; i < decisions.size(); ++i) {
      Come come;
      const LoadProfile scaled = Scaled(terms_.customers[i].load, decisions[i].volume);
      come.load = decisions[i].load_shifts.empty() ? scaled : Shifted(scaled, decisions[i].load_shifts);
      come.work = WorkOfWindows(come.load, terms_.burndown);
      come.decision = std::move(decisions[i]);
      if (come.decision.reserves > WorkPerSecond()) come.within_share = WithinShares(come, window_seconds());
      come_.push_back(std::move(come));
    }
  }

  // ---- Capacity.

  void Serve() {
    reserved_.assign(windows_, 0);
    for (FluidStream& stream : streams_) stream.load.assign(windows_, 0);
    for (const Come& come : come_) {
      std::vector<double>& elastic = streams_[static_cast<size_t>(come.decision.elastic)].load;
      for (size_t w = 0; w < windows_; ++w) {
        const double within = come.within_share.empty() ? 0 : come.within_share[w] * come.work[w];
        reserved_[w] += within;
        elastic[w] += come.work[w] - within;
      }
    }
    SetStreams();
    std::vector<double> room(windows_);
    reserved_served_.assign(windows_, 1);
    for (size_t w = 0; w < windows_; ++w) {
      room[w] = std::max(0.0, RoomOfWindow() - reserved_[w]);
      if (reserved_[w] > RoomOfWindow()) reserved_served_[w] = RoomOfWindow() / reserved_[w];
    }
    services_ = ShareOut(streams_, room);
  }

  void SetStreams() {
    for (size_t c = 0; c < kShareClassCount; ++c) streams_[c].weight = terms_.weights[c];
    FluidStream& flex = streams_[static_cast<size_t>(ServiceClass::kFlex)];
    flex.patience = static_cast<size_t>(terms_.flex_deadline.count() / window_.count());
    FluidStream& free = streams_[static_cast<size_t>(ServiceClass::kFree)];
    for (size_t w = 0; w < std::min(windows_, terms_.free_load.size()); ++w) {
      free.load[w] = terms_.free_load[w] * kMilliNt;
    }
  }

  // ---- Money.

  MeteredUse UseOf(const Come& come) const {
    MeteredUse use;
    use.served = come.decision.elastic;
    use.reserves = come.decision.reserves;
    const FluidService& service = services_[static_cast<size_t>(use.served)];
    if (come.within_share.empty()) {
      use.elastic = RoundedTokens(Served(come.load, service));
      return use;
    }
    std::vector<double> beyond = come.within_share;
    std::vector<double> within = come.within_share;
    for (size_t w = 0; w < windows_; ++w) {
      beyond[w] = 1 - beyond[w];
      within[w] *= reserved_served_[w];
    }
    use.elastic = RoundedTokens(Served(TimesShares(come.load, beyond), service));
    use.reserved = RoundedTokens(TimesShares(come.load, within));
    return use;
  }

  void Rate() {
    std::vector<MeteredUse> uses;
    std::vector<Work> everyone(windows_);
    for (const Come& come : come_) {
      uses.push_back(UseOf(come));
      work_.emplace_back();
      for (const auto* tokens : {&uses.back().elastic, &uses.back().reserved}) {
        const std::vector<Work> work = WorkOf(*tokens, terms_.burndown);
        for (size_t w = 0; w < work.size(); ++w) {
          everyone[w] += work[w];
          work_.back() += static_cast<double>(work[w].count());
        }
      }
    }
    const Pricing pricing(prorated_, {terms_.pool, terms_.burndown, terms_.demand.start, window_, windows_}, everyone);
    for (const MeteredUse& use : uses) Bill(pricing.BillOf(use));
  }

  void Bill(const ledger::rating::Bill& bill) {
    const double months = MonthsPer(span_);
    bills_.push_back(CurrencyUnits(bill.total) * months);
    evaluation_.revenue += bills_.back();
    for (const ledger::rating::Line& line : bill.lines) {
      evaluation_.by_component[static_cast<size_t>(line.kind)] += CurrencyUnits(line.amount) * months;
    }
  }

  // ---- Figures.

  void Judge() {
    evaluation_.capacity_cost = terms_.capacity * terms_.capacity_cost;
    evaluation_.revenue_per_capacity = evaluation_.revenue / terms_.capacity;
    JudgeCustomers();
    JudgeService();
    evaluation_.welfare += evaluation_.revenue - evaluation_.capacity_cost;
  }

  void JudgeCustomers() {
    std::vector<double> everyone(windows_);
    for (const Come& come : come_) Add(come.work, &everyone);
    const std::vector<size_t> peak = BusiestWindows(everyone, kPeakShare);
    double in_peak = 0;
    for (const size_t w : peak) in_peak += everyone[w];
    for (size_t i = 0; i < come_.size(); ++i) {
      CustomerOutcome outcome;
      outcome.name = terms_.customers[i].name;
      outcome.load_factor = ShapeOf(WorkOfWindows(terms_.customers[i].load, terms_.burndown)).load_factor();
      outcome.work = work_[i] / kMilliNt * MonthsPer(span_);
      outcome.bill = bills_[i];
      for (const size_t w : peak) outcome.peak_share += in_peak > 0 ? come_[i].work[w] / in_peak : 0;
      const double came = Sum(come_[i].work);
      // Whoever is refused loses its surplus on the average.
      const double served = came > 0 ? std::min(1.0, work_[i] / came) : 0;
      outcome.surplus = come_[i].decision.surplus * served * MonthsPer(span_);
      evaluation_.welfare += outcome.surplus;
      const double share = evaluation_.revenue > 0 ? outcome.bill / evaluation_.revenue : outcome.peak_share;
      evaluation_.cross_subsidy += std::abs(share - outcome.peak_share) / 2;
      evaluation_.customers.push_back(std::move(outcome));
    }
  }

  void JudgeService() {
    double came = 0;
    double in_time = 0;
    double refused = 0;
    double served = 0;
    std::vector<double> asked = reserved_;
    for (size_t w = 0; w < windows_; ++w) {
      const double within = reserved_[w] * reserved_served_[w];
      came += reserved_[w];
      served += within;
      refused += reserved_[w] - within;
      if (reserved_served_[w] >= 1) in_time += within * InTime(within);
    }
    for (size_t c = 0; c < kShareClassCount; ++c) {
      Add(streams_[c].load, &asked);
      served += Sum(services_[c].served);
      if (static_cast<ServiceClass>(c) == ServiceClass::kFree) continue;
      came += Sum(streams_[c].load);
      for (size_t w = 0; w < windows_; ++w) refused += streams_[c].load[w] * services_[c].refused[w];
      in_time += InTimeOf(static_cast<ServiceClass>(c));
    }
    evaluation_.service_level = came > 0 ? in_time / came : 1;
    evaluation_.refused = came > 0 ? refused / came : 0;
    evaluation_.utilisation = served / (RoomOfWindow() * static_cast<double>(windows_));
    evaluation_.peak_utilisation = ShapeOf(asked).peak / RoomOfWindow();
  }

  double InTime(double work_that_goes_first) const {
    const double utilisation = work_that_goes_first / RoomOfWindow();
    return ShareInTime(utilisation, terms_.slots, terms_.service_time, terms_.target_wait) *
           ShareInTimeOfRate(utilisation, mean_residual_, terms_.target_wait);
  }

  /// Work of the class that was served in time.
  double InTimeOf(ServiceClass served) const {
    const auto own = static_cast<size_t>(served);
    if (served == ServiceClass::kFlex) return Sum(services_[own].served);
    double in_time = 0;
    for (size_t w = 0; w < windows_; ++w) {
      if (streams_[own].load[w] <= 0 || services_[own].at_once[w] < 1 - kLeftOver) continue;
      double first = reserved_[w] * reserved_served_[w];
      for (size_t c = 0; c < kShareClassCount; ++c) {
        if (terms_.weights[c] >= terms_.weights[own]) first += services_[c].served[w];
      }
      in_time += streams_[own].load[w] * InTime(first);
    }
    return in_time;
  }

  const ScreenTerms& terms_;
  const Duration window_;
  const size_t windows_;
  const Duration span_;
  const Duration mean_residual_;
  const ledger::Tariff prorated_;
  const uint64_t seed_;
  std::vector<Come> come_;
  std::array<FluidStream, kShareClassCount> streams_;
  std::vector<FluidService> services_;   // by class
  std::vector<double> reserved_;         // milli-nt that come inside reservations
  std::vector<double> reserved_served_;  // share of it
  std::vector<double> work_;             // milli-nt served, by customer
  std::vector<double> bills_;            // of a month
  Evaluation evaluation_;
};

}  // namespace

FluidScreen::FluidScreen(ScreenTerms terms) : terms_(std::move(terms)) {
  PENSTOCK_CHECK(!terms_.customers.empty() && terms_.capacity > 0);
  for (const double weight : terms_.weights) PENSTOCK_CHECK(weight > 0);
}

Evaluation FluidScreen::Evaluate(const ledger::Tariff& tariff, uint64_t seed) const {
  return Screening(terms_, tariff, seed).Run();
}

Evaluator FluidScreen::AsEvaluator() const {
  return [this](const ledger::Tariff& tariff, uint64_t seed) { return Evaluate(tariff, seed); };
}

double ShareInTime(double utilisation, int64_t slots, Duration service_time, Duration target_wait) {
  if (slots == 0) return 1;
  if (utilisation >= 1) return 0;
  if (utilisation <= 0) return 1;
  PENSTOCK_CHECK(slots > 0 && service_time > Duration());
  const auto c = static_cast<double>(slots);
  const double waits = std::pow(utilisation, std::sqrt(2 * (c + 1)) - 1);
  return 1 - waits * std::exp(-c * (1 - utilisation) * SecondsOf(target_wait) / SecondsOf(service_time));
}

double ShareInTimeOfRate(double utilisation, Duration mean_residual, Duration target_wait) {
  if (mean_residual == Duration()) return 1;
  if (utilisation >= 1) return 0;
  if (utilisation <= 0) return 1;
  PENSTOCK_CHECK(mean_residual > Duration());
  return 1 - utilisation * std::exp(-(1 - utilisation) * SecondsOf(target_wait) / SecondsOf(mean_residual));
}

}  // namespace penstock::sim
