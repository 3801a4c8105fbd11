#include "broker/rpc/market_service.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "admission/vocabulary/bounds.h"
#include "broker/daemon/clock.h"
#include "broker/market/pool_market.h"
#include "broker/rpc/advice.h"
#include "broker/rpc/authentication.h"
#include "broker/rpc/calendar_steps.h"
#include "broker/rpc/converters.h"
#include "broker/rpc/market_call.h"
#include "broker/rpc/market_converters.h"
#include "broker/rpc/market_scope.h"
#include "broker/rpc/price_explanation.h"
#include "broker/rpc/price_watch.h"
#include "broker/rpc/rate_card.h"
#include "broker/rpc/reading_call.h"
#include "broker/rpc/shapes.h"
#include "penstock/v1/market.grpc.pb.h"

namespace penstock::rpc {
namespace {

constexpr int kMaxPools = 64;
constexpr int64_t kMaxListPage = 100;
constexpr int64_t kMaxPinsPage = 1'000;
constexpr Duration kLongestStandardWindow = Days(31);
constexpr int64_t kStandardShare = 100;                 // of the capacity: one in so many
constexpr int64_t kPicoPerNtHour = kMilliNtPerNt * 60;  // in a unit price
constexpr int64_t kMostUnitPrice = 1'000'000'000'000;   // 60,000 currency units per nt/s and hour
const ledger::Money kMostChunkPrice = ledger::Money::FromPico(1'000'000'000'000) * 1'000'000'000;  // 10^9 units
constexpr int64_t kLeastGrowth = -500;                                                             // thousandths a week
constexpr int64_t kMostGrowth = 50;  // so that two years of it stay within 64 bits

/// The tenant's, or nullptr.
const ledger::BidRecord* FindBid(const core::Engine& engine, const Owned& owned) {
  const ledger::BidRecord* record = engine.books().market().FindBid(owned.number);
  return record != nullptr && record->placed.tenant == owned.tenant ? record : nullptr;
}

/// What ask and bid are quoted for.
struct StandardWindow {
  std::optional<AskedShape> shape;  // nothing: an hour from the next whole hour
  WorkPerSecond rate;               // 0: a hundredth of the capacity
};

grpc::Status ReadStandard(const v1::GetPricesRequest& request, StandardWindow* window) {
  if (request.rate_nt_per_s() < 0 || request.rate_nt_per_s() > kMaxRateNtPerSecond) {
    return InvalidField("rate_nt_per_s", absl::StrCat("must be 0 to ", kMaxRateNtPerSecond));
  }
  window->rate = NormalizedTokensPerSecond(request.rate_nt_per_s());
  if (!request.has_window()) return grpc::Status::OK;
  v1::Shape shape;
  *shape.mutable_window() = request.window();
  shape.set_rate_nt_per_s(1);
  const grpc::Status status = ReadShape(shape, "standard", &window->shape.emplace());
  if (!status.ok()) return status;
  const ledger::RateStep& step = window->shape->steps.front();
  if (!window->shape->begins_now && step.to - step.from > kLongestStandardWindow) {
    return InvalidField("window.end", "is more than 31 days after the start");
  }
  return grpc::Status::OK;
}

/// The standard window in a pool.
grpc::Status Place(const core::Engine& engine, const StandardWindow& window, PoolId id, Instant now,
                   ledger::RateStep* step) {
  const market::MarketTerms& terms = engine.MarketOf(id)->terms();
  if (window.shape) {
    AskedShape asked = *window.shape;
    grpc::Status status = BeginAt(now, "standard", &asked);
    if (status.ok()) status = CheckSold(asked.steps, "window", now, terms, Begun::kNo);
    if (!status.ok()) return status;
    *step = asked.steps.front();
    step->to = std::min(step->to, step->from + kLongestStandardWindow);
  } else {
    step->from = WindowStart(now, Hours(1)) + Hours(1);
    step->to = step->from + std::max(Hours(1), terms.shortest);
  }
  step->rate = window.rate;
  if (step->rate > WorkPerSecond()) return grpc::Status::OK;
  const int64_t capacity = engine.FindPool(id)->settings().terms.capacity.count() / kMilliNtPerNt;
  step->rate = NormalizedTokensPerSecond(std::max<int64_t>(capacity / kStandardShare, 1));
  return grpc::Status::OK;
}

/// What a window costs in a pool, and what the market would pay for it.
void FillAskAndBid(const core::Engine& engine, TenantId tenant, PoolId id, const ledger::RateStep& step,
                   v1::PoolPrice* out) {
  const market::PoolMarket& market = *engine.MarketOf(id);
  const std::vector<ledger::RateStep> steps = {step};
  const market::PriceInputs inputs = engine.PriceInputsOf(id, tenant);
  ToProto(step.from, out->mutable_standard_window()->mutable_start());
  ToProto(step.to, out->mutable_standard_window()->mutable_end());
  out->set_standard_rate_nt_per_s(step.rate.count() / kMilliNtPerNt);
  Fill(market.BidFor(steps, inputs), out->currency(), out->mutable_bid());
  const std::optional<market::Shortage> shortage = engine.ShortageNow(id, steps, market.terms().envelope);
  if (!shortage) return Fill(market::UnitPriceOf(market.AskFor(steps, inputs)), out->currency(), out->mutable_ask());
  Fill(core::NotSellable{.scarce = static_cast<core::NotSellable::What>(shortage->scarce),
                         .tightest = shortage->at,
                         .asked = shortage->asked,
                         .room = std::max<int64_t>(shortage->room, 0),
                         .alternatives = {}},
       out->currency(), out->mutable_not_sellable());
}

/// The price of a nt/s and hour as people write it -> pico-units per milli-nt/s and minute.
grpc::Status ReadLimit(const std::string& text, int64_t* limit_price) {
  constexpr const char* kField = "limit_per_nt_s_hour";
  const std::optional<ledger::Money> limit = ledger::Money::FromDecimal(text);
  if (!limit || *limit <= ledger::Money()) {
    return InvalidField(kField, "must be a positive decimal number of currency units, for example 0.0036");
  }
  const ledger::PicoCount units = limit->pico() / kPicoPerNtHour;
  const auto decimal = [](const ledger::PicoCount& unit) {
    return ledger::Money::FromPico(ledger::PicoCount(unit * kPicoPerNtHour)).ToDecimal();
  };
  if (units > kMostUnitPrice) return InvalidField(kField, "is more than " + decimal(kMostUnitPrice));
  if (units * kPicoPerNtHour != limit->pico()) {
    return InvalidField(kField, absl::StrCat("must be a multiple of 0.00000006; the next are ", decimal(units), " and ",
                                             decimal(units + 1)));
  }
  *limit_price = static_cast<int64_t>(units);
  return grpc::Status::OK;
}

grpc::Status ReadExpiry(const v1::PlaceBidRequest& request, Instant* expires) {
  *expires = Instant::Max();  // the engine ends it when its first step begins
  if (!request.has_expires()) return grpc::Status::OK;
  const std::optional<Instant> at = FromProto(request.expires());
  if (!at) return InvalidField("expires", "is not a moment this side of the year 2255");
  *expires = *at;
  return grpc::Status::OK;
}

/// Whole minutes, up to so long.
grpc::Status ReadMinutes(const google::protobuf::Duration& duration, const std::string& field, Duration most,
                         Duration* out) {
  const int64_t minutes = most.count() / Minutes(1).count();
  const bool fits = duration.nanos() == 0 && duration.seconds() >= 0 && duration.seconds() <= minutes * 60 &&
                    duration.seconds() % 60 == 0;
  if (!fits) return InvalidField(field, absl::StrCat("must be whole minutes, 0 to ", minutes));
  *out = Seconds(duration.seconds());
  return grpc::Status::OK;
}

grpc::Status ReadChunk(const v1::GetShadowPriceRequest& request, AskedChunk* asked) {
  if (request.chunk_nt_per_s() < 0 || request.chunk_nt_per_s() > kMaxRateNtPerSecond) {
    return InvalidField("chunk_nt_per_s", absl::StrCat("must be 0 to ", kMaxRateNtPerSecond));
  }
  if (request.chunk_nt_per_s() > 0) asked->work_per_second = NormalizedTokens(request.chunk_nt_per_s());
  if (!request.chunk_price_per_hour().empty()) {
    const std::optional<ledger::Money> price = ledger::Money::FromDecimal(request.chunk_price_per_hour());
    if (!price || *price <= ledger::Money() || *price > kMostChunkPrice) {
      return InvalidField("chunk_price_per_hour", "must be a positive decimal number of currency units, at most 10^9");
    }
    asked->price_per_hour = *price;
  }
  if (request.growth_permille_per_week() < kLeastGrowth || request.growth_permille_per_week() > kMostGrowth) {
    return InvalidField("growth_permille_per_week", absl::StrCat("must be ", kLeastGrowth, " to ", kMostGrowth));
  }
  asked->growth_millionths = request.growth_permille_per_week() * 1'000;
  if (!request.has_chunk_lead_time()) return grpc::Status::OK;
  return ReadMinutes(request.chunk_lead_time(), "chunk_lead_time", Days(7 * kMostAdviceWeeksAhead),
                     &asked->lead_time.emplace());
}

/// The bid as it is now; with validate_only as it would be.
grpc::Status TellBid(const core::Engine& engine, const core::PlaceBid& asked, const core::BidPlaced& placed,
                     v1::PlaceBidResponse* response) {
  ledger::BidRecord record;
  if (const auto* known = placed.id == 0 ? nullptr : engine.books().market().FindBid(placed.id)) {
    record = *known;
  } else {
    const core::Wish& wish = asked.wish;
    const auto project = engine.books().IdOf(ledger::NameKind::kProject, asked.caller.tenant.value, wish.project);
    record.placed = {.id = placed.id,
                     .tenant = asked.caller.tenant,
                     .at = engine.now(),
                     .expires = std::min(asked.expires, ledger::FirstOf(wish.steps)),
                     .tariff = engine.TariffOf(asked.caller.tenant).id,
                     .terms = {.pool = wish.pool,
                               .project = ProjectId{project.value_or(0)},
                               .overrun = wish.overrun.value_or(Overrun::kSpill),
                               .envelope = wish.envelope,
                               .steps = wish.steps,
                               .shape = wish.shape},
                     .limit_price = asked.limit_price,
                     .by = asked.caller.by};
    record.reservation = placed.reservation;
  }
  Fill(engine, record, Detail::kFull, response->mutable_bid());
  if (placed.ask != 0) {
    Fill(placed.ask, CurrencyOf(engine, record.placed.tariff), response->mutable_ask());
  }
  response->set_repeated(placed.repeated);
  return grpc::Status::OK;
}

class MarketService final : public v1::Market::CallbackService {
 public:
  explicit MarketService(const Surroundings& surroundings)
      : surroundings_(surroundings), watch_(surroundings.loop, surroundings.front_door) {}

  // ---- Prices.

  grpc::ServerUnaryReactor* GetPrices(grpc::CallbackServerContext* context, const v1::GetPricesRequest* request,
                                      v1::GetPricesResponse* response) override {
    auth::Principal principal;
    TenantId tenant;
    std::vector<PoolId> pools;
    StandardWindow window;
    grpc::Status status = Authenticate(*context, surroundings_.api_keys, "/penstock.v1.Market/GetPrices", &principal);
    if (status.ok()) status = ReadParent(request->parent(), Parent::kOptional, principal, names(), &tenant);
    if (status.ok()) status = ReadPools(request->pools(), &pools);
    if (status.ok()) status = ReadStandard(*request, &window);
    if (!status.ok()) return new ReadingCall(status);
    return new ReadingCall(surroundings_.loop, [=](const core::Engine& engine, uint64_t) {
      const Instant now = std::max(engine.now(), daemon::WallTime());
      for (const PoolId id : pools.empty() ? PoolsOf(engine, tenant) : pools) {
        if (!IsOpenTo(engine, tenant, id)) return NotOpen(engine, id, "pools");
        v1::PoolPrice* price = response->add_pools();
        FillPosted(engine, tenant, id, price);
        if (!price->market_open()) continue;
        ledger::RateStep step;
        if (const grpc::Status placed = Place(engine, window, id, now, &step); !placed.ok()) return placed;
        FillAskAndBid(engine, tenant, id, step, price);
      }
      ToProto(engine.now(), response->mutable_as_of());
      response->set_as_of_sequence(engine.ledger().posted_sequence());
      return grpc::Status::OK;
    });
  }

  PriceWatch::Stream* WatchPrices(grpc::CallbackServerContext* context,
                                  const v1::WatchPricesRequest* request) override {
    auth::Principal principal;
    TenantId tenant;
    std::vector<PoolId> pools;
    grpc::Status status = Authenticate(*context, surroundings_.api_keys, "/penstock.v1.Market/WatchPrices", &principal);
    if (status.ok()) status = ReadParent(request->parent(), Parent::kOptional, principal, names(), &tenant);
    if (status.ok()) status = ReadPools(request->pools(), &pools);
    if (status.ok() && pools.empty()) status = InvalidField("pools", "name at least one: pools/{pool}");
    return status.ok() ? watch_.NewStream(tenant, std::move(pools)) : PriceWatch::NewEnded(status);
  }

  grpc::ServerUnaryReactor* ExplainPrice(grpc::CallbackServerContext* context, const v1::ExplainPriceRequest* request,
                                         v1::PriceExplanation* response) override {
    auth::Principal principal;
    grpc::Status status =
        Authenticate(*context, surroundings_.api_keys, "/penstock.v1.Market/ExplainPrice", &principal);
    Owned quote;
    PriceName price;
    TenantId viewer;
    if (status.ok()) status = ReadParent("", Parent::kOptional, principal, names(), &viewer);
    const bool is_quote = request->name().rfind("tenants/", 0) == 0;
    if (status.ok() && is_quote) status = ReadOwned(request->name(), kQuotes, principal, names(), &quote);
    if (status.ok() && !is_quote) status = ReadPriceName(request->name(), names(), &price);
    if (!status.ok()) return new ReadingCall(status);
    // Pins are their tenant's own business, and so are the pools that it may use. Tenant 0, an operator, sees all.
    return new ReadingCall(surroundings_.loop, [=, name = request->name()](const core::Engine& engine, uint64_t) {
      const ledger::MarketRecords& records = engine.books().market();
      if (is_quote) {
        const ledger::QuoteRecord* record = records.FindQuote(quote.number);
        if (record == nullptr || record->given.tenant != quote.tenant) return UnknownOwned(kQuotes, name);
        Explain(engine, *record, response);
        return grpc::Status::OK;
      }
      if (price.number > records.prices().size()) return UnknownPrice(name);
      const ledger::PriceEntry& entry = records.prices()[price.number - 1];
      const bool is_posted = entry.kind == ledger::PriceKind::kPosted;
      const bool may_see =
          viewer.value == 0 || (is_posted ? IsOpenTo(engine, viewer, entry.pool) : entry.tenant == viewer);
      if (entry.pool != price.pool || !may_see) return UnknownPrice(name);
      Explain(engine, entry, response);
      return grpc::Status::OK;
    });
  }

  grpc::ServerUnaryReactor* GetCalendar(grpc::CallbackServerContext* context, const v1::GetCalendarRequest* request,
                                        v1::GetCalendarResponse* response) override {
    auth::Principal principal;
    PoolId pool;
    AskedCalendar asked;
    grpc::Status status = Authenticate(*context, surroundings_.api_keys, "/penstock.v1.Market/GetCalendar", &principal);
    TenantId tenant;
    if (status.ok()) status = ReadParent("", Parent::kOptional, principal, names(), &tenant);
    if (status.ok()) status = ReadPool(request->pool(), "pool", names(), &pool);
    if (status.ok()) status = ReadCalendar(*request, &asked);
    if (!status.ok()) return new ReadingCall(status);
    asked.in_full = principal.role == auth::Role::kOperator;
    return new ReadingCall(surroundings_.loop, [=](const core::Engine& engine, uint64_t) {
      if (!IsOpenTo(engine, tenant, pool)) return NotOpen(engine, pool, "pool");
      const market::PoolMarket* market = engine.MarketOf(pool);
      if (market == nullptr) return MarketClosed();
      response->set_pool(NameOf(engine, pool));
      response->set_as_of_sequence(engine.ledger().posted_sequence());
      return FillCalendar(*market, engine.now(), asked, response);
    });
  }

  grpc::ServerUnaryReactor* GetRateCard(grpc::CallbackServerContext* context, const v1::GetRateCardRequest* request,
                                        v1::RateCard* response) override {
    auth::Principal principal;
    TenantId tenant;
    std::vector<PoolId> pools;
    grpc::Status status = Authenticate(*context, surroundings_.api_keys, "/penstock.v1.Market/GetRateCard", &principal);
    if (status.ok()) status = ReadParent(request->parent(), Parent::kOptional, principal, names(), &tenant);
    if (status.ok()) status = ReadPools(request->pools(), &pools);
    if (!status.ok()) return new ReadingCall(status);
    return new ReadingCall(surroundings_.loop, [=](const core::Engine& engine, uint64_t) {
      for (const PoolId id : pools) {
        if (!IsOpenTo(engine, tenant, id)) return NotOpen(engine, id, "pools");
      }
      FillRateCard(engine, tenant, pools.empty() ? PoolsOf(engine, tenant) : pools, response);
      return grpc::Status::OK;
    });
  }

  // ---- Pins.

  grpc::ServerUnaryReactor* PinPrice(grpc::CallbackServerContext* context, const v1::PinPriceRequest* request,
                                     v1::PinPriceResponse* response) override {
    constexpr const char* kMethod = "/penstock.v1.Market/PinPrice";
    auth::Principal principal;
    TenantId tenant;
    core::PinPrice pin;
    grpc::Status status = Authenticate(*context, surroundings_.api_keys, kMethod, &principal);
    if (status.ok()) status = ReadParent(request->parent(), Parent::kRequired, principal, names(), &tenant);
    if (status.ok()) status = ReadPool(request->pool(), "pool", names(), &pin.pool);
    if (status.ok() && request->kind() != v1::PinPriceRequest::LOCK && request->kind() != v1::PinPriceRequest::CAP) {
      status = InvalidField("kind", "must be LOCK or CAP");
    }
    if (status.ok()) status = ReadMinutes(request->for_time(), "for_time", Days(366), &pin.for_time);
    if (status.ok()) status = ReadCaller(*request, kMethod, tenant, principal, &pin.caller);
    if (!status.ok()) return new ReadingCall(status);
    pin.cap = request->kind() == v1::PinPriceRequest::CAP;
    return NewMarketCall<core::PinPrice>(surroundings_.loop, std::move(pin), nullptr,
                                         [response](const core::Engine& engine, const core::Outcome& outcome) {
                                           const auto& pinned = std::get<core::PricePinned>(outcome);
                                           FillPin(engine, pinned.price, response->mutable_pin());
                                           response->set_repeated(pinned.repeated);
                                           return grpc::Status::OK;
                                         });
  }

  grpc::ServerUnaryReactor* ListPins(grpc::CallbackServerContext* context, const v1::ListPinsRequest* request,
                                     v1::ListPinsResponse* response) override {
    TenantId tenant;
    PoolId pool;
    BackwardsPage page;
    const grpc::Status status =
        BeginList(*context, "/penstock.v1.Market/ListPins", *request, kMaxPinsPage, &tenant, &pool, &page);
    if (!status.ok()) return new ReadingCall(status);
    return new ReadingCall(
        surroundings_.loop, [=, in_force_only = request->in_force_only()](const core::Engine& engine, uint64_t) {
          const auto& prices = engine.books().market().prices();
          const auto take = [&](uint64_t number) {
            const ledger::PriceEntry& price = prices[number - 1];
            if (price.kind == ledger::PriceKind::kPosted || (tenant.value != 0 && price.tenant != tenant)) return false;
            if (pool.value != 0 && price.pool != pool) return false;
            if (in_force_only && price.until <= engine.now()) return false;
            FillPin(engine, price, response->add_pins());
            return true;
          };
          constexpr const std::vector<uint64_t>* kAll = nullptr;
          response->set_next_page_token(WalkBackwards(kAll, prices.size(), page, take));
          response->set_as_of_sequence(engine.ledger().posted_sequence());
          return grpc::Status::OK;
        });
  }

  // ---- Bids.

  grpc::ServerUnaryReactor* PlaceBid(grpc::CallbackServerContext* context, const v1::PlaceBidRequest* request,
                                     v1::PlaceBidResponse* response) override {
    constexpr const char* kMethod = "/penstock.v1.Market/PlaceBid";
    auth::Principal principal;
    TenantId tenant;
    AskedShape shape;
    core::PlaceBid place;
    grpc::Status status = Authenticate(*context, surroundings_.api_keys, kMethod, &principal);
    if (status.ok()) status = ReadParent(request->parent(), Parent::kRequired, principal, names(), &tenant);
    if (status.ok()) status = ReadWish(*request, tenant, names(), &place.wish, &shape);
    if (status.ok()) status = ReadLimit(request->limit_per_nt_s_hour(), &place.limit_price);
    if (status.ok()) status = ReadExpiry(*request, &place.expires);
    if (status.ok()) status = ReadCaller(*request, kMethod, tenant, principal, &place.caller);
    if (!status.ok()) return new ReadingCall(status);
    const auto asked = std::make_shared<core::PlaceBid>(place);  // as it is once it has been checked
    return NewMarketCall<core::PlaceBid>(
        surroundings_.loop, std::move(place),
        [shape, asked](const core::Engine& engine, Instant now, core::PlaceBid* bid) {
          const grpc::Status sold = CheckWish(engine, bid->caller.tenant, now, shape, &bid->wish);
          asked->wish = bid->wish;
          if (!sold.ok() || bid->expires > now) return sold;
          return ErrorStatus(grpc::StatusCode::INVALID_ARGUMENT, "IN_THE_PAST", "expires: must be ahead",
                             {{"field", "expires"}});
        },
        [asked, response](const core::Engine& engine, const core::Outcome& outcome) {
          return TellBid(engine, *asked, std::get<core::BidPlaced>(outcome), response);
        });
  }

  grpc::ServerUnaryReactor* WithdrawBid(grpc::CallbackServerContext* context, const v1::WithdrawBidRequest* request,
                                        v1::Bid* response) override {
    constexpr const char* kMethod = "/penstock.v1.Market/WithdrawBid";
    auth::Principal principal;
    Owned owned;
    core::WithdrawBid withdraw;
    grpc::Status status = Authenticate(*context, surroundings_.api_keys, kMethod, &principal);
    if (status.ok()) status = ReadOwned(request->name(), kBids, principal, names(), &owned);
    if (status.ok()) status = ReadCaller(*request, kMethod, owned.tenant, principal, &withdraw.caller);
    if (!status.ok()) return new ReadingCall(status);
    withdraw.bid = owned.number;
    return NewMarketCall<core::WithdrawBid>(surroundings_.loop, std::move(withdraw), nullptr,
                                            [owned, name = request->name(), validate_only = request->validate_only(),
                                             response](const core::Engine& engine, const core::Outcome&) {
                                              const ledger::BidRecord* record = FindBid(engine, owned);
                                              if (record == nullptr) return UnknownOwned(kBids, name);
                                              Fill(engine, *record, Detail::kFull, response);
                                              if (validate_only) response->set_state(v1::Bid::WITHDRAWN);
                                              return grpc::Status::OK;
                                            });
  }

  grpc::ServerUnaryReactor* GetBid(grpc::CallbackServerContext* context, const v1::GetBidRequest* request,
                                   v1::Bid* response) override {
    auth::Principal principal;
    Owned owned;
    grpc::Status status = Authenticate(*context, surroundings_.api_keys, "/penstock.v1.Market/GetBid", &principal);
    if (status.ok()) status = ReadOwned(request->name(), kBids, principal, names(), &owned);
    if (!status.ok()) return new ReadingCall(status);
    return new ReadingCall(surroundings_.loop,
                           [owned, name = request->name(), response](const core::Engine& engine, uint64_t) {
                             const ledger::BidRecord* record = FindBid(engine, owned);
                             if (record == nullptr) return UnknownOwned(kBids, name);
                             Fill(engine, *record, Detail::kFull, response);
                             return grpc::Status::OK;
                           });
  }

  grpc::ServerUnaryReactor* ListBids(grpc::CallbackServerContext* context, const v1::ListBidsRequest* request,
                                     v1::ListBidsResponse* response) override {
    TenantId tenant;
    PoolId pool;
    BackwardsPage page;
    const grpc::Status status =
        BeginList(*context, "/penstock.v1.Market/ListBids", *request, kMaxListPage, &tenant, &pool, &page);
    if (!status.ok()) return new ReadingCall(status);
    return new ReadingCall(surroundings_.loop, [=, state = request->state()](const core::Engine& engine, uint64_t) {
      const ledger::MarketRecords& records = engine.books().market();
      const std::vector<uint64_t> own = tenant.value == 0 ? std::vector<uint64_t>() : records.BidsOf(tenant);
      const auto take = [&](uint64_t number) {
        const ledger::BidRecord* record = records.FindBid(number);
        if (record == nullptr || (pool.value != 0 && record->placed.terms.pool != pool)) return false;
        if (state != v1::Bid::STATE_UNSPECIFIED && ToProto(record->state) != state) return false;
        Fill(engine, *record, Detail::kInList, response->add_bids());
        return true;
      };
      response->set_next_page_token(WalkBackwards(tenant.value == 0 ? nullptr : &own, records.last_bid(), page, take));
      response->set_as_of_sequence(engine.ledger().posted_sequence());
      return grpc::Status::OK;
    });
  }

  // ---- The next chunk.

  grpc::ServerUnaryReactor* GetShadowPrice(grpc::CallbackServerContext* context,
                                           const v1::GetShadowPriceRequest* request,
                                           v1::ShadowPrice* response) override {
    auth::Principal principal;
    AskedChunk asked;
    grpc::Status status =
        Authenticate(*context, surroundings_.api_keys, "/penstock.v1.Market/GetShadowPrice", &principal);
    if (status.ok()) status = ReadPool(request->pool(), "pool", names(), &asked.pool);
    if (status.ok()) status = ReadChunk(*request, &asked);
    return status.ok() ? NewShadowPriceCall(surroundings_, asked, response) : new ReadingCall(status);
  }

 private:
  const Names& names() const { return surroundings_.names; }

  static grpc::Status MarketClosed() {
    return ToStatus({core::ErrorReason::kMarketClosed, "pool", "this pool sells nothing ahead of time"});
  }

  /// Those that the tenant may use.
  static std::vector<PoolId> PoolsOf(const core::Engine& engine, TenantId tenant) {
    std::vector<PoolId> pools;
    for (const auto& pool : engine.pools()) {
      if (IsOpenTo(engine, tenant, pool->id())) pools.push_back(pool->id());
    }
    return pools;
  }

  grpc::Status ReadPools(const google::protobuf::RepeatedPtrField<std::string>& requested,
                         std::vector<PoolId>* pools) const {
    if (requested.size() > kMaxPools) return InvalidField("pools", absl::StrCat("at most ", kMaxPools));
    for (int i = 0; i < requested.size(); ++i) {
      PoolId pool;
      const grpc::Status status = ReadPool(requested[i], absl::StrCat("pools[", i, "]"), names(), &pool);
      if (!status.ok()) return status;
      if (std::find(pools->begin(), pools->end(), pool) == pools->end()) pools->push_back(pool);
    }
    return grpc::Status::OK;
  }

  template <class Request>
  grpc::Status BeginList(const grpc::CallbackServerContext& context, std::string_view method, const Request& request,
                         int64_t most, TenantId* tenant, PoolId* pool, BackwardsPage* page) const {
    auth::Principal principal;
    grpc::Status status = Authenticate(context, surroundings_.api_keys, method, &principal);
    if (status.ok()) status = ReadParent(request.parent(), Parent::kOptional, principal, names(), tenant);
    if (status.ok() && !request.pool().empty()) status = ReadPool(request.pool(), "pool", names(), pool);
    return status.ok() ? ReadBackwardsPage(request, most, page) : status;
  }

  const Surroundings surroundings_;
  PriceWatch watch_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewMarketService(const Surroundings& surroundings) {
  return std::make_unique<MarketService>(surroundings);
}

}  // namespace penstock::rpc
