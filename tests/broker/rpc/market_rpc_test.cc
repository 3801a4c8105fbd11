// Prices, calendar, rate card, pins and bids over gRPC.
#include <gmock/gmock.h>

#include <thread>

#include "broker/daemon/clock.h"
#include "penstock/v1/market.grpc.pb.h"
#include "penstock/v1/reservations.grpc.pb.h"
#include "tests/broker/core/market_fixture.h"
#include "tests/broker/rpc/broker_fixture.h"

namespace penstock::rpc {
namespace {

/// 500 of the pool's 1,000 nt/s are for sale at 10 pico-units per milli-nt/s and minute.
class MarketRpcTest : public BrokerTest {
 protected:
  void SetUp() override {
    Start(1'000, FrontDoor{.price_watchers = 1, .prices_every = Milliseconds(1)});
    market_ = v1::Market::NewStub(channel());
    reservations_ = v1::Reservations::NewStub(channel());
    begin_ = WindowStart(daemon::WallTime(), Hours(1)) + Hours(1);
  }
  core::EngineSettings Settings() const override { return core::MarketWorld(); }

  int64_t Second(int64_t hour) const { return (begin_ + Hours(hour) - Instant()).count() / Seconds(1).count(); }
  v1::Shape Window(int64_t from, int64_t to, int64_t nt_per_s) const {
    v1::Shape shape;
    shape.mutable_window()->mutable_start()->set_seconds(Second(from));
    shape.mutable_window()->mutable_end()->set_seconds(Second(to));
    shape.set_rate_nt_per_s(nt_per_s);
    return shape;
  }
  v1::Quote Quoted(const v1::Shape& shape) {
    v1::CreateQuoteRequest request;
    request.set_pool("pools/chat");
    *request.mutable_shape() = shape;
    v1::CreateQuoteResponse response;
    EXPECT_TRUE(reservations_->CreateQuote(Context(As::kShop).get(), request, &response).ok());
    return response.quote();
  }
  void Buy(const v1::Shape& shape) {
    v1::AcceptQuoteRequest request;
    request.set_name(Quoted(shape).name());
    v1::ReservationChange change;
    ASSERT_TRUE(reservations_->AcceptQuote(Context(As::kShop).get(), request, &change).ok());
  }
  v1::GetCalendarResponse Calendar(As as, int64_t from, int64_t to, int64_t resolution_s = 0) {
    v1::GetCalendarRequest request;
    request.set_pool("pools/chat");
    request.mutable_from()->set_seconds(Second(from));
    request.mutable_to()->set_seconds(Second(to));
    request.mutable_resolution()->set_seconds(resolution_s);
    v1::GetCalendarResponse response;
    const grpc::Status status = market_->GetCalendar(Context(as).get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::PinPriceRequest PinFor(v1::PinPriceRequest::Kind kind) const {
    v1::PinPriceRequest request;
    request.set_pool("pools/chat");
    request.set_kind(kind);
    request.mutable_for_time()->set_seconds(3'600);
    return request;
  }
  v1::PlaceBidRequest BidFor(const v1::Shape& shape, const std::string& limit) const {
    v1::PlaceBidRequest request;
    request.set_pool("pools/chat");
    *request.mutable_shape() = shape;
    request.set_limit_per_nt_s_hour(limit);
    return request;
  }

  std::unique_ptr<v1::Market::Stub> market_;
  std::unique_ptr<v1::Reservations::Stub> reservations_;
  Instant begin_;
};

TEST_F(MarketRpcTest, PricesSayAskAndBidOfAStandardWindow) {
  v1::GetPricesResponse prices;
  ASSERT_TRUE(market_->GetPrices(Context(As::kShop).get(), v1::GetPricesRequest(), &prices).ok());
  ASSERT_EQ(prices.pools_size(), 1);
  EXPECT_EQ(prices.pools(0).pool(), "pools/chat");
  EXPECT_EQ(prices.pools(0).currency(), "USD");
  EXPECT_TRUE(prices.pools(0).market_open());
  EXPECT_EQ(prices.pools(0).standard_rate_nt_per_s(), 10) << "a hundredth";
  EXPECT_EQ(prices.pools(0).ask().pico_units_per_milli_nt_s_minute(), 10);
  EXPECT_LT(prices.pools(0).bid().pico_units_per_milli_nt_s_minute(), 10);
  v1::GetPricesRequest request;
  *request.mutable_window() = Window(48, 50, 1).window();
  request.set_rate_nt_per_s(501);
  ASSERT_TRUE(market_->GetPrices(Context(As::kGateway).get(), request, &prices).ok());
  EXPECT_FALSE(prices.pools(0).has_ask());
  EXPECT_EQ(prices.pools(0).not_sellable().room(), 500'000);
  *request.mutable_window() = Window(-48, 50, 1).window();
  EXPECT_EQ(ReasonOf(market_->GetPrices(Context(As::kShop).get(), request, &prices)), "IN_THE_PAST");
  request.add_pools("pools/moon");
  EXPECT_EQ(FieldOf(market_->GetPrices(Context(As::kShop).get(), request, &prices)), "pools[0]");
}

/// A broker with an hour behind it in which prices were posted in pools `chat` and `annex`, and acme bought something in
/// `annex`; the shop may use `chat` only.
class PastMarketTest : public MarketRpcTest {
 protected:
  void SetUp() override {
    core::EngineWorld past(WithAnnex());
    past.Tick(WindowStart(daemon::WallTime(), Hours(1)) - Hours(2) - past.now());
    core::AskQuote ask;
    ask.caller.tenant = past.TenantNamed("acme");
    ask.wish.pool = past.PoolNamed("annex");
    const Instant later = past.now() + Hours(50);
    ask.wish.steps = {{.from = later, .to = later + Hours(2), .rate = NormalizedTokensPerSecond(100)}};
    core::AcceptQuote accept;
    accept.caller.tenant = ask.caller.tenant;
    accept.quote = std::get<core::Quoted>(past.Ask(ask)).quote.id;
    ASSERT_EQ(std::get<core::ReservationChanged>(past.Ask(accept)).id, 1u);
    past.Advance(Hours(1));
    StartOn(past.journal().Handle());
    market_ = v1::Market::NewStub(channel());
    reservations_ = v1::Reservations::NewStub(channel());
    begin_ = WindowStart(daemon::WallTime(), Hours(1)) + Hours(1);
  }
  core::EngineSettings Settings() const override { return WithAnnex(); }
  static core::EngineSettings WithAnnex() {
    core::EngineSettings settings = core::WithPool(core::MarketWorld(), "annex");
    for (core::TenantSettings& tenant : settings.tenants) {
      if (tenant.name == "shop") tenant.pools = {"chat"};
    }
    return settings;
  }
  v1::PoolPrice PriceIn(As as, const std::string& pool) {
    v1::GetPricesRequest request;
    request.add_pools(pool);
    v1::GetPricesResponse prices;
    const grpc::Status status = market_->GetPrices(Context(as).get(), request, &prices);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return prices.pools_size() == 1 ? prices.pools(0) : v1::PoolPrice();
  }
};

TEST_F(PastMarketTest, WithoutACurveNoPriceIsShownAsPosted) {
  EXPECT_EQ(PriceIn(As::kShop, "pools/chat").now().multiplier_permille(), 800);
  core::EngineSettings next = Settings();
  for (core::PoolSettings& pool : next.pools) pool.market.posted.curve.clear();
  NextConfig(next);
  v1::ReloadResponse reloaded;
  const auto operations = v1::Operations::NewStub(channel());
  ASSERT_TRUE(operations->Reload(Context(As::kOperator).get(), v1::ReloadRequest(), &reloaded).ok());
  EXPECT_FALSE(PriceIn(As::kShop, "pools/chat").has_now());
  EXPECT_FALSE(PriceIn(As::kShop, "pools/chat").has_next());
}

TEST_F(PastMarketTest, APoolThatATenantMayNotUseIsNotThereForIt) {
  v1::CreateQuoteRequest quote;
  quote.set_pool("pools/annex");
  *quote.mutable_shape() = Window(400 * 24, 401 * 24, 10);  // nor does it hear how far ahead it sells
  v1::CreateQuoteResponse quoted;
  EXPECT_EQ(ReasonOf(reservations_->CreateQuote(Context(As::kShop).get(), quote, &quoted)), "UNKNOWN_POOL");
  EXPECT_EQ(ReasonOf(reservations_->CreateQuote(Context(As::kAcme).get(), quote, &quoted)), "TOO_FAR_AHEAD");
  v1::PlaceBidRequest bid = BidFor(Window(400 * 24, 401 * 24, 10), "0.0006");
  bid.set_pool("pools/annex");
  v1::PlaceBidResponse placed;
  EXPECT_EQ(ReasonOf(market_->PlaceBid(Context(As::kShop).get(), bid, &placed)), "UNKNOWN_POOL");
  v1::RecommendReservationRequest recommend;
  recommend.set_pool("pools/annex");
  v1::Recommendation advice;
  EXPECT_EQ(ReasonOf(reservations_->RecommendReservation(Context(As::kShop).get(), recommend, &advice)),
            "UNKNOWN_POOL");
  v1::GetCalendarRequest calendar;
  calendar.set_pool("pools/annex");
  v1::GetCalendarResponse steps;
  EXPECT_EQ(FieldOf(market_->GetCalendar(Context(As::kShop).get(), calendar, &steps)), "pool");
  v1::ExplainPriceRequest explain;
  explain.set_name(PriceIn(As::kAcme, "pools/annex").now().name());
  v1::PriceExplanation explanation;
  EXPECT_EQ(ReasonOf(market_->ExplainPrice(Context(As::kShop).get(), explain, &explanation)), "UNKNOWN_PRICE");
  EXPECT_TRUE(market_->ExplainPrice(Context(As::kAcme).get(), explain, &explanation).ok());
  EXPECT_EQ(explanation.cap_permille(), 3'000);
}

/// `annex` is not in the configuration any more.
class GonePoolTest : public PastMarketTest {
 protected:
  core::EngineSettings Settings() const override {
    core::EngineSettings settings = WithAnnex();
    settings.pools.pop_back();
    return settings;
  }
};

TEST_F(GonePoolTest, WhatWasBoughtThereCanBeReadAndNothingMoreIsSold) {
  EXPECT_FALSE(PriceIn(As::kOperator, "pools/annex").market_open());
  EXPECT_FALSE(PriceIn(As::kOperator, "pools/annex").has_now());
  v1::GetCalendarRequest calendar;
  calendar.set_pool("pools/annex");
  v1::GetCalendarResponse steps;
  EXPECT_EQ(ReasonOf(market_->GetCalendar(Context(As::kOperator).get(), calendar, &steps)), "MARKET_CLOSED");
  v1::GetRateCardRequest card;
  card.add_pools("pools/annex");
  v1::RateCard cards;
  ASSERT_TRUE(market_->GetRateCard(Context(As::kOperator).get(), card, &cards).ok());
  EXPECT_EQ(cards.pools_size(), 0);
  v1::CreateQuoteRequest quote;
  quote.set_parent("tenants/acme");
  quote.set_pool("pools/annex");
  *quote.mutable_shape() = Window(48, 50, 10);
  v1::CreateQuoteResponse quoted;
  EXPECT_EQ(ReasonOf(reservations_->CreateQuote(Context(As::kOperator).get(), quote, &quoted)), "MARKET_CLOSED");

  v1::GetReservationRequest get;
  get.set_name("tenants/acme/reservations/1");
  v1::Reservation bought;
  ASSERT_TRUE(reservations_->GetReservation(Context(As::kAcme).get(), get, &bought).ok());
  EXPECT_EQ(bought.terms().pool(), "pools/annex");
  v1::GetUtilisationRequest used;
  used.set_name(get.name());
  v1::GetUtilisationResponse hours;
  EXPECT_TRUE(reservations_->GetUtilisation(Context(As::kAcme).get(), used, &hours).ok());
  v1::AmendReservationRequest amend;
  amend.set_name(get.name());
  *amend.mutable_shape() = Window(48, 50, 20);
  v1::ReservationChange change;
  EXPECT_EQ(ReasonOf(reservations_->AmendReservation(Context(As::kAcme).get(), amend, &change)), "MARKET_CLOSED");
  v1::ExplainPriceRequest explain;
  explain.set_name("pools/annex/prices/2");
  v1::PriceExplanation explanation;
  ASSERT_TRUE(market_->ExplainPrice(Context(As::kOperator).get(), explain, &explanation).ok());
  EXPECT_EQ(explanation.cap_permille(), 0) << "there is none any more";
}

TEST_F(MarketRpcTest, AWatcherHearsOfAPinAndOfTheEnd) {
  v1::WatchPricesRequest request;
  v1::GetPricesResponse prices;
  const auto refused = Context(As::kShop);
  const auto nothing = market_->WatchPrices(refused.get(), request);
  EXPECT_FALSE(nothing->Read(&prices));
  EXPECT_EQ(FieldOf(nothing->Finish()), "pools");

  request.add_pools("pools/chat");
  const auto context = Context(As::kShop);
  const auto stream = market_->WatchPrices(context.get(), request);
  ASSERT_TRUE(stream->Read(&prices)) << "at once";
  EXPECT_FALSE(prices.pools(0).has_pin());
  const auto second = Context(As::kShop);
  const auto too_many = market_->WatchPrices(second.get(), request);
  v1::GetPricesResponse unused;
  EXPECT_FALSE(too_many->Read(&unused));
  EXPECT_EQ(ReasonOf(too_many->Finish()), "TOO_MANY_WATCHERS");

  v1::PinPriceResponse pinned;
  const grpc::Status status = market_->PinPrice(Context(As::kShop).get(), PinFor(v1::PinPriceRequest::LOCK), &pinned);
  ASSERT_TRUE(status.ok()) << status.error_message();
  while (!prices.pools(0).has_pin()) ASSERT_TRUE(stream->Read(&prices));
  EXPECT_EQ(prices.pools(0).pin().name(), pinned.pin().name());

  std::thread drain([this] { EXPECT_TRUE(broker().Drain(Seconds(5)).ok()); });
  while (stream->Read(&prices)) {
  }
  const grpc::Status end = stream->Finish();
  EXPECT_EQ(ReasonOf(end), "DRAINING") << end.error_message();
  drain.join();
}

TEST_F(MarketRpcTest, AWatcherThatLeavesMakesRoom) {
  v1::WatchPricesRequest request;
  request.add_pools("pools/chat");
  v1::GetPricesResponse prices;
  {
    const auto context = Context(As::kGateway);
    const auto stream = market_->WatchPrices(context.get(), request);
    ASSERT_TRUE(stream->Read(&prices));
    context->TryCancel();
    EXPECT_FALSE(stream->Finish().ok());
  }
  // The server hears of it a little later.
  for (bool open = false; !open;) {
    const auto context = Context(As::kGateway);
    const auto stream = market_->WatchPrices(context.get(), request);
    open = stream->Read(&prices);
    if (open) context->TryCancel();
    const grpc::Status status = stream->Finish();
    ASSERT_TRUE(open || ReasonOf(status) == "TOO_MANY_WATCHERS") << status.error_message();
  }
}

TEST_F(MarketRpcTest, APinIsItsTenantsOwn) {
  v1::PinPriceRequest request = PinFor(v1::PinPriceRequest::CAP);
  request.set_validate_only(true);
  v1::PinPriceResponse response;
  ASSERT_TRUE(market_->PinPrice(Context(As::kShop).get(), request, &response).ok());
  EXPECT_EQ(response.pin().name(), "");
  EXPECT_EQ(response.pin().multiplier_permille(), 1'250);
  request.set_validate_only(false);
  request.set_request_id("pin");
  ASSERT_TRUE(market_->PinPrice(Context(As::kShop).get(), request, &response).ok());
  const std::string name = response.pin().name();
  EXPECT_THAT(name, testing::StartsWith("pools/chat/prices/"));
  ASSERT_TRUE(market_->PinPrice(Context(As::kShop).get(), request, &response).ok());
  EXPECT_TRUE(response.repeated());
  EXPECT_EQ(response.pin().name(), name);

  v1::ListPinsResponse pins;
  ASSERT_TRUE(market_->ListPins(Context(As::kShop).get(), v1::ListPinsRequest(), &pins).ok());
  ASSERT_EQ(pins.pins_size(), 1);
  EXPECT_EQ(pins.pins(0).kind(), v1::PinPriceRequest::CAP);
  EXPECT_EQ(pins.pins(0).tenant(), "tenants/shop");
  ASSERT_TRUE(market_->ListPins(Context(As::kAcme).get(), v1::ListPinsRequest(), &pins).ok());
  EXPECT_EQ(pins.pins_size(), 0);

  v1::ExplainPriceRequest explain;
  explain.set_name(name);
  v1::PriceExplanation explanation;
  EXPECT_EQ(ReasonOf(market_->ExplainPrice(Context(As::kAcme).get(), explain, &explanation)), "UNKNOWN_PRICE");
  ASSERT_TRUE(market_->ExplainPrice(Context(As::kShop).get(), explain, &explanation).ok());
  EXPECT_EQ(explanation.previous_permille(), 1'000);
  EXPECT_GE(explanation.arithmetic_size(), 2);
  explain.set_name("pools/chat/prices/99");
  EXPECT_EQ(ReasonOf(market_->ExplainPrice(Context(As::kShop).get(), explain, &explanation)), "UNKNOWN_PRICE");

  request.set_request_id("");
  EXPECT_EQ(ReasonOf(market_->PinPrice(Context(As::kShop).get(), request, &response)), "PIN_IN_FORCE");
  request.mutable_for_time()->set_seconds(3'540);
  EXPECT_EQ(FieldOf(market_->PinPrice(Context(As::kShop).get(), request, &response)), "for_time") << "59 minutes";
  request.mutable_for_time()->set_seconds(3'601);
  EXPECT_EQ(FieldOf(market_->PinPrice(Context(As::kShop).get(), request, &response)), "for_time");
  request.mutable_for_time()->set_seconds(3'600);
  request.set_kind(v1::PinPriceRequest::KIND_UNSPECIFIED);
  EXPECT_EQ(FieldOf(market_->PinPrice(Context(As::kShop).get(), request, &response)), "kind");
}

TEST_F(MarketRpcTest, AQuotesPriceIsExplainedLineByLine) {
  v1::ExplainPriceRequest explain;
  explain.set_name(Quoted(Window(48, 50, 400)).name());
  v1::PriceExplanation explanation;
  ASSERT_TRUE(market_->ExplainPrice(Context(As::kShop).get(), explain, &explanation).ok());
  EXPECT_EQ(explanation.basis().utilisation_permille(), 800);
  EXPECT_EQ(explanation.unit_price().pico_units_per_milli_nt_s_minute(), 12) << "1.2 x the list price is scarcity";
  EXPECT_THAT(explanation.arithmetic(), testing::Contains(testing::HasSubstr("80 % of what is sellable")));
  EXPECT_THAT(explanation.arithmetic(6 - 1), testing::HasSubstr("x 48000 nt/s x minutes = 0.000576000000 USD"));
  EXPECT_EQ(ReasonOf(market_->ExplainPrice(Context(As::kAcme).get(), explain, &explanation)), "PERMISSION_DENIED");
}

TEST_F(MarketRpcTest, TheCalendarShowsATenantWhatIsLeftAndAnOperatorEverything) {
  Buy(Window(48, 50, 100));
  const v1::GetCalendarResponse shown = Calendar(As::kAcme, 47, 51);
  ASSERT_EQ(shown.steps_size(), 4) << "at whole hours";
  EXPECT_EQ(shown.steps(0).sellable_milli_nt_per_s(), 500'000);
  EXPECT_EQ(shown.steps(1).sellable_milli_nt_per_s(), 400'000);
  EXPECT_EQ(shown.steps(3).sellable_milli_nt_per_s(), 500'000);
  EXPECT_EQ(shown.steps(1).sold_milli_nt_per_s(), 0) << "not its business";
  const v1::GetCalendarResponse full = Calendar(As::kOperator, 47, 51);
  EXPECT_EQ(full.steps(1).supply_milli_nt_per_s(), 500'000);
  EXPECT_EQ(full.steps(1).sold_milli_nt_per_s(), 100'000);
  const v1::GetCalendarResponse coarse = Calendar(As::kOperator, 24, 72, 86'400);
  ASSERT_GE(coarse.steps_size(), 2);
  int64_t most = 0;
  for (const v1::CalendarStep& step : coarse.steps()) most = std::max(most, step.sold_milli_nt_per_s());
  EXPECT_EQ(most, 100'000) << "the most of a day";

  v1::GetCalendarRequest request;
  request.set_pool("pools/chat");
  request.mutable_from()->set_seconds(Second(40));
  request.mutable_to()->set_seconds(Second(60));
  request.set_page_size(3);
  std::vector<int64_t> from;
  do {
    v1::GetCalendarResponse page;
    ASSERT_TRUE(market_->GetCalendar(Context(As::kShop).get(), request, &page).ok());
    EXPECT_LE(page.steps_size(), 3);
    for (const v1::CalendarStep& step : page.steps()) from.push_back(step.from().seconds());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  ASSERT_EQ(from.size(), 20u);
  for (size_t i = 0; i < from.size(); ++i) EXPECT_EQ(from[i], Second(40 + static_cast<int64_t>(i)));

  v1::GetCalendarResponse response;
  request.mutable_to()->set_seconds(Second(40));
  EXPECT_EQ(FieldOf(market_->GetCalendar(Context(As::kShop).get(), request, &response)), "to");
  request.clear_from();
  request.mutable_to()->set_seconds(Second(-48));
  EXPECT_EQ(FieldOf(market_->GetCalendar(Context(As::kShop).get(), request, &response)), "to") << "in the past";
  request.clear_to();
  request.mutable_resolution()->set_seconds(61);
  EXPECT_EQ(FieldOf(market_->GetCalendar(Context(As::kShop).get(), request, &response)), "resolution");
}

TEST_F(MarketRpcTest, TheRateCardHasPriceSpeedAndLimits) {
  NewGrant("r1");
  v1::RateCard card;
  ASSERT_TRUE(market_->GetRateCard(Context(As::kGateway).get(), v1::GetRateCardRequest(), &card).ok());
  EXPECT_EQ(card.tariff_version(), "test-1");
  ASSERT_EQ(card.pools_size(), 1);
  const v1::RateCardPool& pool = card.pools(0);
  EXPECT_EQ(pool.model(), "small");
  EXPECT_EQ(pool.burndown_size(), 4);
  EXPECT_TRUE(pool.market_open());
  EXPECT_EQ(pool.reservation_list_price().pico_units_per_milli_nt_s_minute(), 10);
  EXPECT_EQ(pool.promised().queue_delay().seconds(), 1);
  EXPECT_EQ(pool.refund_permille(), 900);
  const auto offered = std::find_if(pool.offers().begin(), pool.offers().end(), [](const v1::RateCardOffer& offer) {
    return offer.service_class() == v1::SERVICE_CLASS_DEFAULT;
  });
  ASSERT_NE(offered, pool.offers().end());
  EXPECT_TRUE(offered->follows_posted_price());
  EXPECT_GT(offered->prices_size(), 0);
}

TEST_F(MarketRpcTest, ABidWaitsBelowTheAskAndIsFilledAtIt) {
  v1::PlaceBidResponse response;
  ASSERT_TRUE(market_->PlaceBid(Context(As::kShop).get(), BidFor(Window(48, 50, 100), "0.00000054"), &response).ok());
  EXPECT_EQ(response.bid().name(), "tenants/shop/bids/1");
  EXPECT_EQ(response.bid().state(), v1::Bid::OPEN);
  EXPECT_EQ(response.bid().limit().pico_units_per_milli_nt_s_minute(), 9);
  EXPECT_EQ(response.ask().pico_units_per_milli_nt_s_minute(), 10);
  EXPECT_EQ(response.bid().expires().seconds(), Second(48)) << "when it would begin";
  v1::PlaceBidResponse filled;
  ASSERT_TRUE(market_->PlaceBid(Context(As::kShop).get(), BidFor(Window(48, 50, 100), "0.0000006"), &filled).ok());
  EXPECT_EQ(filled.bid().state(), v1::Bid::FILLED);
  EXPECT_EQ(filled.bid().reservation(), "tenants/shop/reservations/1");

  v1::PlaceBidRequest only = BidFor(Window(48, 50, 100), "0.00000054");
  only.set_validate_only(true);
  ASSERT_TRUE(market_->PlaceBid(Context(As::kShop).get(), only, &response).ok());
  EXPECT_EQ(response.bid().name(), "");
  EXPECT_EQ(response.bid().peak_nt_per_s(), 100);

  v1::ListBidsRequest list;
  list.set_state(v1::Bid::OPEN);
  v1::ListBidsResponse bids;
  ASSERT_TRUE(market_->ListBids(Context(As::kOperator).get(), list, &bids).ok());
  EXPECT_EQ(bids.bids_size(), 1);
  ASSERT_TRUE(market_->ListBids(Context(As::kAcme).get(), list, &bids).ok());
  EXPECT_EQ(bids.bids_size(), 0);
  v1::WithdrawBidRequest withdraw;
  withdraw.set_name("tenants/shop/bids/1");
  v1::Bid bid;
  ASSERT_TRUE(market_->WithdrawBid(Context(As::kShop).get(), withdraw, &bid).ok());
  EXPECT_EQ(bid.state(), v1::Bid::WITHDRAWN);
  EXPECT_EQ(ReasonOf(market_->WithdrawBid(Context(As::kShop).get(), withdraw, &bid)), "BID_ENDED");
  v1::GetBidRequest get;
  get.set_name("tenants/shop/bids/7");
  EXPECT_EQ(ReasonOf(market_->GetBid(Context(As::kShop).get(), get, &bid)), "UNKNOWN_BID");

  const auto fails = [&](const std::string& limit) {
    const grpc::Status status =
        market_->PlaceBid(Context(As::kShop).get(), BidFor(Window(48, 50, 100), limit), &response);
    EXPECT_EQ(FieldOf(status), "limit_per_nt_s_hour") << limit;
    return status.error_message();
  };
  fails("");
  fails("-1");
  fails("a lot");
  fails("1000000");
  EXPECT_THAT(fails("0.0000001"), testing::HasSubstr("0.000000060000 and 0.000000120000"));
  v1::PlaceBidRequest late = BidFor(Window(48, 50, 100), "0.0000006");
  late.mutable_expires()->set_seconds(Second(-3));
  EXPECT_EQ(ReasonOf(market_->PlaceBid(Context(As::kShop).get(), late, &response)), "IN_THE_PAST");
}

TEST_F(MarketRpcTest, TheShadowPriceJudgesAChunk) {
  v1::GetShadowPriceRequest request;
  request.set_pool("pools/chat");
  v1::ShadowPrice price;
  EXPECT_EQ(ReasonOf(market_->GetShadowPrice(Context(As::kShop).get(), request, &price)), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(market_->GetShadowPrice(Context(As::kOperator).get(), request, &price)), "UNKNOWN_CHUNK");
  request.set_chunk_nt_per_s(100);
  request.set_chunk_price_per_hour("1");
  const grpc::Status status = market_->GetShadowPrice(Context(As::kOperator).get(), request, &price);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(price.verdict(), v1::ShadowPrice::NOT_FORESEEABLE) << "nobody asks for anything";
  EXPECT_EQ(price.weeks_size(), 104);
  EXPECT_EQ(price.because_size(), 3);
  request.set_growth_permille_per_week(51);
  EXPECT_EQ(FieldOf(market_->GetShadowPrice(Context(As::kOperator).get(), request, &price)),
            "growth_permille_per_week");
}

}  // namespace
}  // namespace penstock::rpc
