#include "broker/rpc/advice.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>
#include <vector>

#include "broker/market/pool_market.h"
#include "broker/planning/recommendation.h"
#include "broker/planning/shadow_price.h"
#include "broker/rpc/converters.h"
#include "broker/rpc/market_converters.h"
#include "broker/rpc/reading_call.h"
#include "penstock/v1/market.pb.h"
#include "penstock/v1/reservations.pb.h"

namespace penstock::rpc {
namespace {

constexpr int64_t kMinutesPerWeek = 7 * 24 * 60;
constexpr int64_t kHoursOfWeek = ledger::kHoursOfWeek;

grpc::Status MarketClosed(const std::string& why) { return ToStatus({core::ErrorReason::kMarketClosed, "pool", why}); }

/// Monday 0:00 UTC is 0.
size_t HourOfWeek(Instant t) {
  const int64_t hours = DivideRoundDown(t.nanoseconds_since_epoch(), Hours(1).count());
  return static_cast<size_t>((hours + 3 * 24) % kHoursOfWeek);  // 1970 began on a Thursday
}

std::string Percent(int64_t millionths) {
  return absl::StrCat(millionths / 10'000, ".", millionths / 1'000 % 10, " %");
}

std::string NtPerSecond(WorkPerSecond rate) { return ThousandthsText(rate.count()) + " nt/s"; }

// ---- What to reserve.

class RecommendCall final : public grpc::ServerUnaryReactor {
 public:
  RecommendCall(const Surroundings& surroundings, const AskedAdvice& asked, v1::Recommendation* response)
      : surroundings_(surroundings), asked_(asked), response_(response) {
    Next();
  }
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override { delete this; }

 private:
  static constexpr std::array kTiers = {Tier::kElastic, Tier::kReserved};

  void Next() {
    const bool queued = surroundings_.loop.Ask([this](const core::Engine& engine, uint64_t) {
      if (cancelled_) return Finish(grpc::Status::CANCELLED);
      if (!IsOpenTo(engine, asked_.tenant, asked_.pool)) return Finish(NotOpen(engine, asked_.pool, "pool"));
      if (windows_.empty()) Begin(engine);
      if (!Gather(engine)) return Next();
      if (const grpc::Status status = ReadPrices(engine); !status.ok()) return Finish(status);
      if (!surroundings_.worker.Run([this] { Recommend(); })) Finish(Overloaded());
    });
    if (!queued) Finish(Overloaded());
  }

  void Begin(const core::Engine& engine) {
    to_ = WindowStart(engine.now(), Minutes(1));
    from_ = to_ - Days(7 * asked_.weeks);
    next_ = from_;
    windows_.resize(static_cast<size_t>(asked_.weeks * kMinutesPerWeek));
    for (size_t i = 0; i < windows_.size(); ++i) {
      windows_[i].hour_of_week = HourOfWeek(from_ + Minutes(static_cast<int64_t>(i)));
    }
  }

  /// True when all rows have been looked at.
  bool Gather(const core::Engine& engine) {
    const auto& rows = engine.books().meters().windows();
    size_t seen = 0;
    for (; tier_ < kTiers.size(); ++tier_, next_ = from_) {
      const ledger::WindowKey first{asked_.tenant, asked_.pool, kTiers[tier_], next_};
      for (auto row = rows.lower_bound(first); row != rows.end(); ++row, ++seen) {
        const ledger::WindowKey& key = row->first;
        const bool same = key.tenant == first.tenant && key.pool == first.pool && key.tier == first.tier;
        if (!same || key.start >= to_) break;
        next_ = key.start;
        if (seen == kRowsPerSlice) return false;
        Work& work = windows_[static_cast<size_t>((key.start - from_).count() / Minutes(1).count())].work;
        work = work + row->second.work;
        total_ = total_ + row->second.work;
      }
    }
    return true;
  }

  grpc::Status ReadPrices(const core::Engine& engine) {
    if (total_ == Work()) {
      return ErrorStatus(grpc::StatusCode::FAILED_PRECONDITION, "NO_HISTORY",
                         absl::StrCat("weeks: nothing was used in this pool in the last ", asked_.weeks, " weeks"),
                         {{"field", "weeks"}});
    }
    const market::PoolMarket* market = engine.MarketOf(asked_.pool);
    if (market == nullptr || !market->terms().open) return MarketClosed("this pool sells nothing ahead of time");
    const market::PriceInputs inputs = engine.PriceInputsOf(asked_.pool, asked_.tenant);
    const int64_t mean = total_.count() / (static_cast<int64_t>(windows_.size()) * 60);
    const Instant begin = WindowStart(engine.now(), Hours(1)) + Hours(1);
    const std::vector<ledger::RateStep> week = {
        {.from = begin, .to = begin + Days(7), .rate = WorkPerSecond(std::max(mean, kMilliNtPerNt))}};
    has_room_ = !market->ShortageOf(week, market->terms().envelope);
    prices_.reserved_pico = has_room_ ? market::UnitPriceOf(market->AskFor(week, inputs)) : inputs.list_price;
    prices_.elastic_pico = inputs.elastic_price;
    if (prices_.reserved_pico <= 0 || prices_.elastic_pico <= 0) {
      return MarketClosed("the tariff has no price for it, elastic or reserved");
    }
    currency_ = engine.TariffOf(asked_.tenant).tariff.currency;
    return grpc::Status::OK;
  }

  void Recommend() {
    const planning::Recommendation found =
        planning::Recommend(windows_, Minutes(1), prices_, NormalizedTokensPerSecond(1));
    response_->set_pool(surroundings_.names.NameOf(asked_.pool));
    ToProto(from_, response_->mutable_from());
    ToProto(to_, response_->mutable_to());
    response_->set_elastic_price_pico_per_milli_nt(prices_.elastic_pico);
    Fill(prices_.reserved_pico, currency_, response_->mutable_reservation_price());
    response_->set_peak_nt_per_s(found.peak.count() / kMilliNtPerNt);
    Fill(found.without, currency_, response_->mutable_cost_without());
    Fill(found.at_peak, currency_, response_->mutable_cost_at_peak());
    response_->set_break_even_permille(found.break_even_millionths / 1'000);
    FillShape(found, found.constant, response_->mutable_constant());
    FillShape(found, found.in_hours, response_->mutable_in_hours());
    FillHours(found.in_hours, response_->mutable_in_hours());
    Explain(found);
    Finish(grpc::Status::OK);
  }

  void FillShape(const planning::Recommendation& found, const planning::ReservedShape& shape,
                 v1::RecommendedShape* out) const {
    out->set_rate_nt_per_s(shape.rate.count() / kMilliNtPerNt);
    Fill(shape.reserved_cost, currency_, out->mutable_reserved_cost());
    Fill(shape.elastic_cost, currency_, out->mutable_elastic_cost());
    Fill(found.Saves(shape), currency_, out->mutable_savings());
    out->set_used_permille(shape.used_millionths / 1'000);
    out->set_beyond_permille(shape.beyond_millionths / 1'000);
  }

  /// Runs of hours, day by day; none when it is all of them.
  static void FillHours(const planning::ReservedShape& shape, v1::RecommendedShape* out) {
    if (shape.hours.all()) return;
    v1::WeeklyHours* run = nullptr;
    for (size_t hour = 0; hour < shape.hours.size(); ++hour) {
      const auto of_day = static_cast<int32_t>(hour % 24);
      if (of_day == 0 || !shape.hours[hour]) run = nullptr;
      if (!shape.hours[hour]) continue;
      if (run == nullptr) {
        run = out->add_hours();
        run->set_weekday(static_cast<v1::Weekday>(v1::WEEKDAY_MONDAY + static_cast<int>(hour / 24)));
        run->set_from_hour(of_day);
      }
      run->set_to_hour(of_day + 1);
    }
  }

  void Explain(const planning::Recommendation& found) const {
    const auto say = [this](const std::string& sentence) { response_->add_because(sentence); };
    const auto money = [this](const ledger::Money& amount) { return absl::StrCat(amount.ToDecimal(), " ", currency_); };
    say(absl::StrCat("in ", asked_.weeks, " weeks ", ThousandthsText(total_.count()), " nt were used, at most ",
                     NtPerSecond(found.peak), " in a minute; all elastic, at the price of now, that is ",
                     money(found.without)));
    say(absl::StrCat("reserved throughput costs ", response_->reservation_price().per_nt_s_hour(), " ", currency_,
                     " per nt/s and hour ",
                     has_room_ ? "(the ask of now for a week)" : "(the list price: a week of it cannot be had now)",
                     ", so it pays if more than ", Percent(found.break_even_millionths), " of it is used"));
    const auto tell = [&](const planning::ReservedShape& shape, const char* when) {
      if (shape.rate == WorkPerSecond()) return say(absl::StrCat("no rate reserved ", when, " would have cost less"));
      say(absl::StrCat(NtPerSecond(shape.rate), " reserved ", when, " would have cost ", money(shape.cost()), ", ",
                       money(found.Saves(shape)), " less; ", Percent(shape.used_millionths),
                       " of it would have been used"));
    };
    tell(found.constant, "all the time");
    tell(found.in_hours, "in the hours named");
    say("this is hindsight: hours of the week have as many weeks to go by as there are");
  }

  const Surroundings surroundings_;
  const AskedAdvice asked_;
  v1::Recommendation* const response_;
  std::atomic<bool> cancelled_ = false;
  Instant from_;
  Instant to_;
  Instant next_;     // where the next slice begins, of
  size_t tier_ = 0;  // this one of kTiers
  std::vector<planning::WindowUse> windows_;
  Work total_;
  planning::ReservePrices prices_;
  bool has_room_ = false;
  std::string currency_;
};

// ---- The next chunk.

class ShadowPriceCall final : public grpc::ServerUnaryReactor {
 public:
  ShadowPriceCall(const Surroundings& surroundings, const AskedChunk& asked, v1::ShadowPrice* response)
      : surroundings_(surroundings), asked_(asked), response_(response) {
    const bool queued = surroundings.loop.Ask([this](const core::Engine& engine, uint64_t) {
      if (const grpc::Status status = Gather(engine); !status.ok()) return Finish(status);
      if (!surroundings_.worker.Run([this] { Judge(); })) Finish(Overloaded());
    });
    if (!queued) Finish(Overloaded());
  }
  void OnDone() override { delete this; }

 private:
  grpc::Status Gather(const core::Engine& engine) {
    const market::PoolMarket* market = engine.MarketOf(asked_.pool);
    if (market == nullptr) return MarketClosed("this pool sells nothing ahead of time");
    const market::MarketTerms& terms = market->terms();
    chunk_.size = WorkPerSecond(asked_.work_per_second.value_or(terms.chunk).count());
    chunk_.price_per_hour = asked_.price_per_hour.value_or(terms.chunk_price);
    chunk_.lead_time = asked_.lead_time.value_or(terms.chunk_lead_time);
    if (chunk_.size <= WorkPerSecond() || chunk_.price_per_hour <= ledger::Money()) {
      return ErrorStatus(grpc::StatusCode::FAILED_PRECONDITION, "UNKNOWN_CHUNK",
                         "chunk_nt_per_s: the pool's configuration has no `next_chunk`: give its size and price here",
                         {{"field", "chunk_nt_per_s"}});
    }
    // The tariff in force: tenant 0 pins none.
    elastic_price_ = engine.PriceInputsOf(asked_.pool, TenantId()).elastic_price;
    currency_ = engine.tariff().tariff.currency;
    now_ = engine.now();
    const Instant hour = WindowStart(now_, Hours(1));
    for (int64_t i = 0; i < kHoursOfWeek; ++i) {
      const Instant from = std::max(hour + Hours(i), now_);
      const Instant to = hour + Hours(i + 1);
      hours_.push_back({.demand = market->DemandAt(from),
                        .sellable = ForElastic(*market, from, to),
                        .margin_pico = std::max<int64_t>(elastic_price_, 0)});
    }
    return grpc::Status::OK;
  }

  /// What the pool will have less what is reserved, at the tightest moment: the margin that is never sold serves too.
  static WorkPerSecond ForElastic(const market::PoolMarket& market, Instant from, Instant to) {
    const int64_t sellable = market.calendar().TightestIn(from, to).rate.amount;
    const ledger::CapacityPlanEntry& plan = market.capacity();
    int64_t capacity = 0;
    for (const ledger::CapacityStep& step : plan.steps) {
      if (step.from <= from) capacity = step.capacity.count();
    }
    const int64_t kept_back = capacity - plan.standing.count() - market.calendar().SupplyAt(from).rate;
    return WorkPerSecond(sellable + std::max<int64_t>(kept_back, 0));
  }

  void Judge() {
    const planning::ChunkVerdict verdict =
        planning::JudgeChunk(hours_, chunk_, asked_.growth_millionths, static_cast<size_t>(kMostAdviceWeeksAhead));
    const Instant first = WindowStart(now_, Hours(1));
    const auto week_at = [first](size_t week) { return first + Days(7 * static_cast<int64_t>(week)); };
    response_->set_pool(surroundings_.names.NameOf(asked_.pool));
    response_->set_currency(currency_);
    response_->set_chunk_nt_per_s(chunk_.size.count() / kMilliNtPerNt);
    Fill(chunk_.price_per_hour, currency_, response_->mutable_chunk_price_per_hour());
    ToProto(chunk_.lead_time, response_->mutable_chunk_lead_time());
    response_->set_elastic_price_pico_per_milli_nt(elastic_price_);
    response_->set_verdict(static_cast<v1::ShadowPrice::Verdict>(static_cast<int>(verdict.what) + 1));
    if (verdict.pays_from) ToProto(week_at(*verdict.pays_from), response_->mutable_pays_from());
    if (verdict.what == planning::ChunkVerdict::What::kOrderLater) {
      ToProto(week_at(verdict.order_in), response_->mutable_order_by());
    }
    for (size_t i = 0; i < verdict.weeks.size(); ++i) {
      const planning::ChunkWeek& week = verdict.weeks[i];
      v1::ChunkWeek* out = response_->add_weeks();
      ToProto(week_at(i), out->mutable_from());
      out->set_short_without_milli_nt_per_s(week.short_without.count());
      out->set_short_with_milli_nt_per_s(week.short_with.count());
      Fill(week.value_per_hour, currency_, out->mutable_value_per_hour());
    }
    Explain(verdict);
    Finish(grpc::Status::OK);
  }

  void Explain(const planning::ChunkVerdict& verdict) const {
    const planning::ChunkWeek& now = verdict.weeks.front();
    const auto money = [this](const ledger::Money& amount) { return absl::StrCat(amount.ToDecimal(), " ", currency_); };
    response_->add_because(absl::StrCat("in the coming week ", NtPerSecond(now.short_without),
                                        " of elastic demand are expected to find no room on average, with the chunk ",
                                        NtPerSecond(now.short_with)));
    response_->add_because(absl::StrCat("what the difference pays at the elastic price of now is ",
                                        money(now.value_per_hour), " per hour; the chunk costs ",
                                        money(chunk_.price_per_hour), " per hour"));
    using What = planning::ChunkVerdict::What;
    const int64_t lead_weeks = DivideRoundUp(chunk_.lead_time.count(), Days(7).count());
    response_->add_because(
        verdict.what == What::kOrderNow
            ? absl::StrCat("ordered now it would be here in ", lead_weeks, " weeks, and be worth its price then")
        : verdict.what == What::kOrderLater
            ? absl::StrCat("it would be worth its price when it comes if it is ordered in ", verdict.order_in, " weeks")
            : absl::StrCat("in none of the ", kMostAdviceWeeksAhead,
                           " weeks looked at is it worth its price once it could be here"));
  }

  const Surroundings surroundings_;
  const AskedChunk asked_;
  v1::ShadowPrice* const response_;
  planning::CapacityChunk chunk_;
  std::vector<planning::HourOutlook> hours_;
  int64_t elastic_price_ = 0;
  std::string currency_;
  Instant now_;
};
static_assert(static_cast<int>(planning::ChunkVerdict::What::kNotForeseeable) + 1 == v1::ShadowPrice::NOT_FORESEEABLE);

}  // namespace

grpc::ServerUnaryReactor* NewRecommendCall(const Surroundings& surroundings, const AskedAdvice& asked,
                                           v1::Recommendation* response) {
  return new RecommendCall(surroundings, asked, response);
}

grpc::ServerUnaryReactor* NewShadowPriceCall(const Surroundings& surroundings, const AskedChunk& asked,
                                             v1::ShadowPrice* response) {
  return new ShadowPriceCall(surroundings, asked, response);
}

}  // namespace penstock::rpc
