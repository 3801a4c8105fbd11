// Quotes and reservations over gRPC: what the engine does with them is in market_test; here is what is on the wire.
#include <gmock/gmock.h>

#include "broker/config/moment.h"
#include "broker/daemon/clock.h"
#include "penstock/rpc/error_details.pb.h"
#include "penstock/v1/reservations.grpc.pb.h"
#include "tests/broker/core/market_fixture.h"
#include "tests/broker/rpc/broker_fixture.h"

namespace penstock::rpc {
namespace {

/// 500 nt/s of the pool are for sale at 10 pico-units per milli-nt/s and minute (tests/broker/core/market_fixture.h).
class ReservationsRpcTest : public BrokerTest {
 protected:
  void SetUp() override {
    BrokerTest::SetUp();
    stub_ = v1::Reservations::NewStub(channel());
    begin_ = WindowStart(daemon::WallTime(), Hours(1)) + Hours(1);
  }
  core::EngineSettings Settings() const override {
    core::EngineSettings settings = core::MarketWorld();
    settings.pools.front().market.approval_above = core::Usd("0.01");
    settings.tenants[1].keys[0].project = "search";
    return settings;
  }

  /// Hours count from the next whole one.
  int64_t Second(int64_t hour) const { return (begin_ + Hours(hour) - Instant()).count() / Seconds(1).count(); }
  v1::Shape Window(int64_t from, int64_t to, int64_t nt_per_s) const {
    v1::Shape shape;
    shape.mutable_window()->mutable_start()->set_seconds(Second(from));
    shape.mutable_window()->mutable_end()->set_seconds(Second(to));
    shape.set_rate_nt_per_s(nt_per_s);
    return shape;
  }
  v1::CreateQuoteRequest Wish(const v1::Shape& shape, const std::string& id = "") const {
    v1::CreateQuoteRequest request;
    request.set_pool("pools/chat");
    *request.mutable_shape() = shape;
    request.set_request_id(id);
    return request;
  }
  grpc::Status Create(As as, const v1::CreateQuoteRequest& request, v1::CreateQuoteResponse* response) {
    return stub_->CreateQuote(Context(as).get(), request, response);
  }
  grpc::Status CreateFails(const v1::CreateQuoteRequest& request) {
    v1::CreateQuoteResponse response;
    return Create(As::kShop, request, &response);
  }
  v1::Quote Quoted(As as, const v1::Shape& shape) {
    v1::CreateQuoteResponse response;
    const grpc::Status status = Create(as, Wish(shape), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(response.has_quote()) << response.DebugString();
    return response.quote();
  }
  grpc::Status Accept(As as, const std::string& quote, const std::string& id, v1::ReservationChange* change) {
    v1::AcceptQuoteRequest request;
    request.set_name(quote);
    request.set_request_id(id);
    return stub_->AcceptQuote(Context(as).get(), request, change);
  }
  v1::Reservation Bought(As as, const v1::Shape& shape) {
    v1::ReservationChange change;
    const grpc::Status status = Accept(as, Quoted(as, shape).name(), "", &change);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return change.reservation();
  }
  v1::Reservation Read(As as, const std::string& name) {
    v1::GetReservationRequest request;
    request.set_name(name);
    v1::Reservation reservation;
    const grpc::Status status = stub_->GetReservation(Context(as).get(), request, &reservation);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reservation;
  }
  v1::DecideReservationRequest Decision(const std::string& name, const std::string& reason) const {
    v1::DecideReservationRequest request;
    request.set_name(name);
    request.set_reason(reason);
    return request;
  }

  std::unique_ptr<v1::Reservations::Stub> stub_;
  Instant begin_;
};

TEST_F(ReservationsRpcTest, AQuoteSaysWhatAWindowCostsAndWhy) {
  const v1::Quote quote = Quoted(As::kShop, Window(48, 50, 100));
  EXPECT_EQ(quote.name(), "tenants/shop/quotes/1");
  EXPECT_EQ(quote.state(), v1::Quote::ACTIVE);
  EXPECT_EQ(quote.overrun(), v1::OVERRUN_SPILL);
  ASSERT_EQ(quote.steps_size(), 1);
  EXPECT_EQ(quote.steps(0).rate_nt_per_s(), 100);
  EXPECT_EQ(quote.peak_nt_per_s(), 100);
  EXPECT_EQ(quote.unit_price().pico_units_per_milli_nt_s_minute(), 10);
  EXPECT_EQ(quote.unit_price().per_nt_s_hour(), "0.000000600000");
  EXPECT_EQ(quote.unit_price().per_million_nt(), "0.000166666667");
  EXPECT_EQ(quote.price().currency(), "USD");
  EXPECT_EQ(quote.price().amount(), "0.000120000000") << "100,000 milli-nt/s x 120 min x 10 pico";
  EXPECT_EQ(quote.basis().utilisation_permille(), 200);
  EXPECT_EQ(quote.expires().seconds() - quote.created().seconds(), 600);

  v1::GetQuoteRequest get;
  get.set_name(quote.name());
  v1::Quote again;
  ASSERT_TRUE(stub_->GetQuote(Context(As::kOperator).get(), get, &again).ok());
  EXPECT_EQ(again.SerializeAsString(), quote.SerializeAsString());
}

TEST_F(ReservationsRpcTest, WhatIsNotThereIsAnAnswerWithAlternatives) {
  v1::CreateQuoteResponse response;
  ASSERT_TRUE(Create(As::kShop, Wish(Window(48, 50, 501)), &response).ok());
  ASSERT_TRUE(response.has_not_sellable());
  EXPECT_EQ(response.not_sellable().scarce(), v1::NotSellable::THROUGHPUT);
  EXPECT_EQ(response.not_sellable().room(), 500'000);
  EXPECT_GT(response.not_sellable().alternatives_size(), 0);
}

TEST_F(ReservationsRpcTest, AskingOnlyLeavesNoTrace) {
  v1::CreateQuoteRequest request = Wish(Window(48, 50, 100));
  request.set_validate_only(true);
  v1::CreateQuoteResponse response;
  ASSERT_TRUE(Create(As::kShop, request, &response).ok());
  EXPECT_EQ(response.quote().name(), "");
  EXPECT_EQ(response.quote().price().amount(), "0.000120000000");
  v1::ListQuotesResponse list;
  ASSERT_TRUE(stub_->ListQuotes(Context(As::kShop).get(), v1::ListQuotesRequest(), &list).ok());
  EXPECT_EQ(list.quotes_size(), 0);
}

TEST_F(ReservationsRpcTest, ARequestIdIsAnsweredAgainAndStandsForOneBody) {
  v1::CreateQuoteResponse first;
  v1::CreateQuoteResponse again;
  ASSERT_TRUE(Create(As::kShop, Wish(Window(48, 50, 100), "q"), &first).ok());
  v1::CreateQuoteRequest same = Wish(Window(48, 50, 100), "q");
  same.set_parent("tenants/shop");
  ASSERT_TRUE(Create(As::kOperator, same, &again).ok());
  EXPECT_TRUE(again.repeated());
  EXPECT_EQ(again.quote().name(), first.quote().name());
  EXPECT_EQ(ReasonOf(CreateFails(Wish(Window(48, 50, 101), "q"))), "REQUEST_ID_REUSED");
  v1::ReservationChange change;
  EXPECT_EQ(ReasonOf(Accept(As::kShop, first.quote().name(), "q", &change)), "REQUEST_ID_REUSED") << "another method";
  ASSERT_TRUE(Accept(As::kShop, first.quote().name(), "a", &change).ok());
  EXPECT_FALSE(change.repeated());
  v1::ReservationChange repeated;
  ASSERT_TRUE(Accept(As::kShop, first.quote().name(), "a", &repeated).ok());
  EXPECT_TRUE(repeated.repeated());
  EXPECT_EQ(repeated.reservation().name(), change.reservation().name());
  EXPECT_EQ(ReasonOf(Accept(As::kShop, first.quote().name(), "b", &change)), "QUOTE_ENDED");
}

TEST_F(ReservationsRpcTest, WindowsThatMakeNoSenseAreNamedErrors) {
  const auto fails = [this](const v1::Shape& shape, const std::string& reason, const std::string& field) {
    const grpc::Status status = CreateFails(Wish(shape));
    EXPECT_EQ(ReasonOf(status), reason) << status.error_message();
    EXPECT_EQ(FieldOf(status), field) << status.error_message();
  };
  fails({}, "INVALID_ARGUMENT", "shape");
  fails(Window(-3, 2, 10), "IN_THE_PAST", "shape");
  fails(Window(3, 3, 10), "INVALID_ARGUMENT", "shape.window.end");
  fails(Window(3, 2, 10), "INVALID_ARGUMENT", "shape.window.end");
  fails(Window(3, 4, 0), "INVALID_ARGUMENT", "shape.rate_nt_per_s");
  fails(Window(3, 4, 1'000'000'000'001), "INVALID_ARGUMENT", "shape.rate_nt_per_s");
  fails(Window(3, 400 * 24, 10), "TOO_FAR_AHEAD", "shape");
  v1::Shape crooked = Window(3, 4, 10);
  crooked.mutable_window()->mutable_start()->set_nanos(1);
  fails(crooked, "INVALID_ARGUMENT", "shape.window.start");

  v1::Shape steps;
  for (const int64_t from : {3, 4}) {
    v1::Step* step = steps.mutable_steps()->add_steps();
    step->mutable_from()->set_seconds(Second(from));
    step->mutable_to()->set_seconds(Second(from + 2));
    step->set_rate_nt_per_s(10);
  }
  fails(steps, "INVALID_ARGUMENT", "shape.steps.steps[1].from");
  steps.mutable_steps()->mutable_steps(1)->mutable_from()->set_seconds(Second(5));
  steps.set_rate_nt_per_s(10);
  fails(steps, "INVALID_ARGUMENT", "shape.rate_nt_per_s");
  for (int i = 0; i < 2'048; ++i) *steps.mutable_steps()->add_steps() = steps.steps().steps(0);
  steps.set_rate_nt_per_s(0);
  fails(steps, "TOO_MANY_STEPS", "shape.steps.steps");

  v1::CreateQuoteRequest request = Wish(Window(48, 50, 100));
  request.set_pool("pools/moon");
  EXPECT_EQ(ReasonOf(CreateFails(request)), "UNKNOWN_POOL");
  request = Wish(Window(48, 50, 100));
  request.set_project("moon");
  EXPECT_EQ(ReasonOf(CreateFails(request)), "UNKNOWN_PROJECT");
  request = Wish(Window(48, 50, 100));
  request.mutable_envelope()->set_mean_work_nt(5);
  EXPECT_EQ(FieldOf(CreateFails(request)), "envelope.mean_residence");
  request = Wish(Window(48, 50, 100), std::string(65, 'x'));
  EXPECT_EQ(FieldOf(CreateFails(request)), "request_id");
}

TEST_F(ReservationsRpcTest, ASchedulesOccurrencesAreStepsInItsZone) {
  // The first Monday that is two weeks away at least.
  const int64_t today = Second(0) / 86'400;
  const int64_t monday = today + 14 + (11 - today % 7) % 7;  // day 4 was one
  const auto date = [](int64_t day) { return config::FormatInstant(Instant() + Days(day)).substr(0, 10); };
  v1::Shape shape;
  v1::Schedule& schedule = *shape.mutable_schedule();
  schedule.set_start_date(date(monday));
  schedule.set_end_date(date(monday + 6));
  for (int day = v1::WEEKDAY_MONDAY; day <= v1::WEEKDAY_FRIDAY; ++day) {
    schedule.add_weekdays(static_cast<v1::Weekday>(day));
  }
  schedule.set_from_time("09:00");
  schedule.set_to_time("18:00");
  schedule.set_time_zone("Asia/Kolkata");
  shape.set_rate_nt_per_s(20);
  v1::CreateQuoteRequest request = Wish(shape);
  request.set_project("search");
  v1::CreateQuoteResponse response;
  const grpc::Status status = Create(As::kShop, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const v1::Quote& quote = response.quote();
  EXPECT_EQ(quote.project(), "search");
  EXPECT_EQ(quote.shape(), "weekdays 09:00-18:00 Asia/Kolkata from " + date(monday) + " to " + date(monday + 6));
  ASSERT_EQ(quote.steps_size(), 5);
  EXPECT_EQ(quote.steps(0).from().seconds(), monday * 86'400 + (3 * 60 + 30) * 60);
  EXPECT_EQ(quote.steps(4).to().seconds(), (monday + 4) * 86'400 + (12 * 60 + 30) * 60);

  const auto fails = [&](const std::string& reason, const std::string& field) {
    const grpc::Status wrong = CreateFails(Wish(shape));
    EXPECT_EQ(ReasonOf(wrong), reason) << wrong.error_message();
    EXPECT_EQ(FieldOf(wrong), field) << wrong.error_message();
  };
  schedule.set_time_zone("Europe/Bärlin");
  fails("UNKNOWN_TIME_ZONE", "shape.schedule.time_zone");
  schedule.set_time_zone("Europe/Berlin");
  schedule.set_from_time("9:00");
  fails("INVALID_ARGUMENT", "shape.schedule.from_time");
  schedule.set_from_time("24:00");
  fails("INVALID_ARGUMENT", "shape.schedule.from_time");
  schedule.set_from_time("09:00");
  schedule.set_to_time("24:01");
  fails("INVALID_ARGUMENT", "shape.schedule.to_time");
  schedule.set_to_time("18:00");
  schedule.set_end_date("2026-02-30");
  fails("INVALID_ARGUMENT", "shape.schedule.end_date");
  schedule.set_start_date("2030-03-25");
  schedule.set_end_date("2030-03-31");  // in Berlin, 02:00 to 03:00 does not exist that day
  schedule.clear_weekdays();
  schedule.set_from_time("02:30");
  schedule.set_to_time("06:00");
  fails("DST_HOLE", "shape.schedule");
  schedule.set_on_dst_hole(v1::Schedule::SKIP);
  fails("TOO_FAR_AHEAD", "shape");
  schedule.set_end_date("2039-03-31");
  fails("TOO_MANY_STEPS", "shape.schedule");
}

TEST_F(ReservationsRpcTest, AWindowWithoutAStartBeginsAtTheNextWholeMinute) {
  v1::Shape shape = Window(0, 2, 50);
  shape.mutable_window()->clear_start();
  const v1::Quote quote = Quoted(As::kShop, shape);
  EXPECT_EQ(quote.start().seconds() % 60, 0);
  EXPECT_GE(quote.start().seconds(), quote.created().seconds());
  EXPECT_LE(quote.start().seconds(), quote.created().seconds() + 61);
}

TEST_F(ReservationsRpcTest, AReservationIsBoughtReadAndListed) {
  const v1::Reservation bought = Bought(As::kShop, Window(48, 50, 100));
  EXPECT_EQ(bought.name(), "tenants/shop/reservations/1");
  EXPECT_EQ(bought.state(), v1::Reservation::SCHEDULED);
  EXPECT_EQ(bought.etag(), "\"1\"");
  EXPECT_EQ(bought.paid().amount(), "0.000120000000");
  EXPECT_EQ(bought.unearned().amount(), "0.000120000000");
  EXPECT_EQ(bought.start().seconds(), Second(48));
  ASSERT_EQ(bought.history_size(), 1);
  EXPECT_EQ(bought.history(0).event(), "buy");
  EXPECT_EQ(Read(As::kOperator, bought.name()).SerializeAsString(), bought.SerializeAsString());
  Bought(As::kAcme, Window(48, 50, 100));
  Bought(As::kShop, Window(60, 61, 10));

  v1::ListReservationsRequest request;
  v1::ListReservationsResponse list;
  ASSERT_TRUE(stub_->ListReservations(Context(As::kOperator).get(), request, &list).ok());
  ASSERT_EQ(list.reservations_size(), 3);
  EXPECT_EQ(list.reservations(0).name(), "tenants/shop/reservations/3") << "the newest first";
  EXPECT_EQ(list.reservations(0).history_size(), 0);
  ASSERT_TRUE(stub_->ListReservations(Context(As::kShop).get(), request, &list).ok());
  EXPECT_EQ(list.reservations_size(), 2);
  request.add_states(v1::Reservation::ACTIVE);
  ASSERT_TRUE(stub_->ListReservations(Context(As::kShop).get(), request, &list).ok());
  EXPECT_EQ(list.reservations_size(), 0);
  request.clear_states();
  request.set_page_size(1);
  std::vector<std::string> names;
  do {
    ASSERT_TRUE(stub_->ListReservations(Context(As::kShop).get(), request, &list).ok());
    for (const v1::Reservation& one : list.reservations()) names.push_back(one.name());
    request.set_page_token(list.next_page_token());
  } while (!list.next_page_token().empty());
  EXPECT_THAT(names, testing::ElementsAre("tenants/shop/reservations/3", "tenants/shop/reservations/1"));
  request.set_page_token("nonsense");
  EXPECT_EQ(FieldOf(stub_->ListReservations(Context(As::kShop).get(), request, &list)), "page_token");
  request.set_page_token("");
  request.set_page_size(101);
  EXPECT_EQ(FieldOf(stub_->ListReservations(Context(As::kShop).get(), request, &list)), "page_size");
}

TEST_F(ReservationsRpcTest, TheLoserOfARaceIsToldWhatIsLeft) {
  const std::string a = Quoted(As::kShop, Window(48, 50, 300)).name();
  const std::string b = Quoted(As::kAcme, Window(48, 50, 300)).name();
  v1::ReservationChange change;
  ASSERT_TRUE(Accept(As::kAcme, b, "", &change).ok());
  const grpc::Status status = Accept(As::kShop, a, "", &change);
  EXPECT_EQ(ReasonOf(status), "NO_CAPACITY");
  penstock::rpc::Status details;
  v1::NotSellable none;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  ASSERT_EQ(details.details_size(), 2);
  ASSERT_TRUE(details.details(1).UnpackTo(&none));
  EXPECT_EQ(none.room(), 200'000);
}

TEST_F(ReservationsRpcTest, ACancellationShowsItsRefundFirst) {
  const v1::Reservation bought = Bought(As::kShop, Window(48, 50, 100));
  v1::CancelReservationRequest request;
  request.set_name(bought.name());
  request.set_validate_only(true);
  v1::ReservationChange change;
  ASSERT_TRUE(stub_->CancelReservation(Context(As::kShop).get(), request, &change).ok());
  EXPECT_EQ(change.charge().amount(), "-0.000108000000") << "nine tenths";
  EXPECT_EQ(change.reservation().state(), v1::Reservation::CANCELLED) << "as it would be";
  ASSERT_EQ(change.charges_size(), 1);
  EXPECT_EQ(change.charges(0).kind(), v1::ReservationCharge::REFUND);
  EXPECT_EQ(change.charges(0).nt_per_s_minutes(), "-12000");
  EXPECT_EQ(change.charges(0).unit_price().pico_units_per_milli_nt_s_minute(), 9);
  EXPECT_EQ(change.charges(0).paid_price().pico_units_per_milli_nt_s_minute(), 10);
  EXPECT_EQ(Read(As::kShop, bought.name()).state(), v1::Reservation::SCHEDULED);
  request.set_validate_only(false);
  ASSERT_TRUE(stub_->CancelReservation(Context(As::kShop).get(), request, &change).ok());
  EXPECT_EQ(Read(As::kShop, bought.name()).state(), v1::Reservation::CANCELLED);
  EXPECT_EQ(ReasonOf(stub_->CancelReservation(Context(As::kShop).get(), request, &change)), "ILLEGAL_TRANSITION");

  const v1::Reservation soon = Bought(As::kShop, Window(2, 3, 100));
  request.set_name(soon.name());
  EXPECT_EQ(ReasonOf(stub_->CancelReservation(Context(As::kShop).get(), request, &change)), "RESERVATION_LOCKED");
}

TEST_F(ReservationsRpcTest, AnAmendmentNeedsTheEtagThatWasRead) {
  const v1::Reservation bought = Bought(As::kShop, Window(48, 50, 100));
  v1::AmendReservationRequest request;
  request.set_name(bought.name());
  v1::ReservationChange change;
  EXPECT_EQ(FieldOf(stub_->AmendReservation(Context(As::kShop).get(), request, &change)), "shape") << "nothing said";
  *request.mutable_shape() = Window(48, 52, 150);
  request.set_etag("1");
  EXPECT_EQ(FieldOf(stub_->AmendReservation(Context(As::kShop).get(), request, &change)), "etag") << "no quotes";
  request.set_etag(bought.etag());
  const grpc::Status status = stub_->AmendReservation(Context(As::kShop).get(), request, &change);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(change.reservation().etag(), "\"2\"");
  EXPECT_EQ(change.reservation().terms().peak_nt_per_s(), 150);
  EXPECT_EQ(change.reservation().end().seconds(), Second(52));
  EXPECT_EQ(ReasonOf(stub_->AmendReservation(Context(As::kShop).get(), request, &change)), "STALE_ETAG");

  v1::AmendReservationRequest policy;
  policy.set_name(bought.name());
  policy.set_overrun(v1::OVERRUN_REFUSE);
  ASSERT_TRUE(stub_->AmendReservation(Context(As::kShop).get(), policy, &change).ok()) << "the shape stays";
  EXPECT_EQ(change.reservation().terms().overrun(), v1::OVERRUN_REFUSE);
  EXPECT_EQ(change.reservation().terms().peak_nt_per_s(), 150);
  EXPECT_EQ(change.charge().amount(), "0.000000000000");
  EXPECT_EQ(ReasonOf(stub_->AmendReservation(Context(As::kShop).get(), policy, &change)), "NOTHING_TO_CHANGE");
  *policy.mutable_shape() = Window(48, 52, 501);
  EXPECT_EQ(ReasonOf(stub_->AmendReservation(Context(As::kShop).get(), policy, &change)), "NO_CAPACITY");
  EXPECT_EQ(Read(As::kShop, bought.name()).terms().peak_nt_per_s(), 150) << "the last good terms";
}

TEST_F(ReservationsRpcTest, APartIsSoldBackAndTheRestGoesToAnotherProject) {
  const v1::Reservation bought = Bought(As::kShop, Window(48, 50, 100));
  v1::SellBackRequest sell;
  sell.set_name(bought.name());
  *sell.mutable_shape() = Window(49, 50, 40);
  v1::ReservationChange change;
  const grpc::Status sold = stub_->SellBack(Context(As::kShop).get(), sell, &change);
  ASSERT_TRUE(sold.ok()) << sold.error_message();
  EXPECT_EQ(change.charge().amount().front(), '-');
  ASSERT_EQ(change.charges_size(), 1);
  EXPECT_EQ(change.charges(0).kind(), v1::ReservationCharge::SELL_BACK);
  EXPECT_EQ(change.charges(0).nt_per_s_minutes(), "-2400");
  EXPECT_EQ(change.reservation().terms().step_count(), 2);
  v1::TransferReservationRequest transfer;
  transfer.set_name(bought.name());
  transfer.set_project("moon");
  EXPECT_EQ(ReasonOf(stub_->TransferReservation(Context(As::kShop).get(), transfer, &change)), "UNKNOWN_PROJECT");
  transfer.set_project("search");
  ASSERT_TRUE(stub_->TransferReservation(Context(As::kShop).get(), transfer, &change).ok());
  EXPECT_EQ(change.reservation().terms().project(), "search");
}

TEST_F(ReservationsRpcTest, OperatorsApproveRejectSuspendAndResume) {
  // 300,000 milli-nt/s x 6,000 min x at least 10 pico is dearer than 0.01.
  const v1::Reservation dear = Bought(As::kShop, Window(48, 148, 300));
  EXPECT_EQ(dear.state(), v1::Reservation::PENDING);
  v1::ReservationChange change;
  EXPECT_EQ(ReasonOf(stub_->ApproveReservation(Context(As::kShop).get(), Decision(dear.name(), ""), &change)),
            "PERMISSION_DENIED");
  EXPECT_EQ(FieldOf(stub_->RejectReservation(Context(As::kOperator).get(), Decision(dear.name(), ""), &change)),
            "reason");
  ASSERT_TRUE(stub_->ApproveReservation(Context(As::kOperator).get(), Decision(dear.name(), ""), &change).ok());
  EXPECT_EQ(change.reservation().state(), v1::Reservation::SCHEDULED);
  ASSERT_TRUE(stub_->SuspendReservation(Context(As::kOperator).get(), Decision(dear.name(), "unpaid"), &change).ok());
  EXPECT_EQ(change.reservation().state(), v1::Reservation::SUSPENDED);
  EXPECT_EQ(change.reservation().history(2).reason(), "unpaid");
  ASSERT_TRUE(stub_->ResumeReservation(Context(As::kOperator).get(), Decision(dear.name(), ""), &change).ok());
  EXPECT_EQ(change.reservation().state(), v1::Reservation::SCHEDULED);

  const v1::Reservation refused = Bought(As::kShop, Window(200, 300, 300));
  ASSERT_TRUE(stub_->RejectReservation(Context(As::kOperator).get(), Decision(refused.name(), "no"), &change).ok());
  EXPECT_EQ(change.reservation().state(), v1::Reservation::REJECTED);
  EXPECT_EQ(change.reservation().unearned().amount(), "0.000000000000");
}

TEST_F(ReservationsRpcTest, ATenantActsForItselfAndAnOperatorSaysForWhom) {
  const v1::Quote quote = Quoted(As::kShop, Window(48, 50, 100));
  v1::ReservationChange change;
  EXPECT_EQ(ReasonOf(Accept(As::kAcme, quote.name(), "", &change)), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(Accept(As::kAcme, "tenants/acme/quotes/1", "", &change)), "UNKNOWN_QUOTE") << "the shop's";
  EXPECT_EQ(ReasonOf(Accept(As::kShop, "tenants/shop/quotes/01", "", &change)), "UNKNOWN_QUOTE");
  EXPECT_EQ(ReasonOf(Accept(As::kShop, "", "", &change)), "INVALID_ARGUMENT");
  v1::CreateQuoteResponse response;
  v1::CreateQuoteRequest request = Wish(Window(48, 50, 100));
  EXPECT_EQ(FieldOf(Create(As::kOperator, request, &response)), "parent");
  request.set_parent("tenants/moon");
  EXPECT_EQ(ReasonOf(Create(As::kOperator, request, &response)), "UNKNOWN_TENANT");
  request.set_parent("tenants/shop");
  EXPECT_EQ(ReasonOf(Create(As::kAcme, request, &response)), "PERMISSION_DENIED");
  ASSERT_TRUE(Create(As::kOperator, request, &response).ok());
  EXPECT_EQ(response.quote().name(), "tenants/shop/quotes/2");
  v1::WithdrawQuoteRequest withdraw;
  withdraw.set_name(response.quote().name());
  v1::Quote withdrawn;
  ASSERT_TRUE(stub_->WithdrawQuote(Context(As::kShop).get(), withdraw, &withdrawn).ok());
  EXPECT_EQ(withdrawn.state(), v1::Quote::WITHDRAWN);
  EXPECT_EQ(ReasonOf(stub_->WithdrawQuote(Context(As::kShop).get(), withdraw, &withdrawn)), "QUOTE_ENDED");
}

TEST_F(ReservationsRpcTest, WhatIsToComeHasTargetsAndNoHoursYet) {
  const v1::Reservation bought = Bought(As::kShop, Window(48, 50, 100));
  v1::GetUtilisationRequest utilisation;
  utilisation.set_name(bought.name());
  v1::GetUtilisationResponse used;
  ASSERT_TRUE(stub_->GetUtilisation(Context(As::kShop).get(), utilisation, &used).ok());
  EXPECT_EQ(used.hours_size(), 0);
  EXPECT_EQ(used.total().promised_milli_nt(), 0);
  v1::GetServiceLevelRequest request;
  request.set_name(bought.name());
  v1::GetServiceLevelResponse level;
  ASSERT_TRUE(stub_->GetServiceLevel(Context(As::kShop).get(), request, &level).ok());
  EXPECT_EQ(level.targets().queue_delay().seconds(), 1);
  ASSERT_EQ(level.targets().credits_size(), 2);
  EXPECT_EQ(level.targets().credits(0).below_permille(), 990);
  EXPECT_EQ(level.hours_size(), 0);
  request.set_name("tenants/shop/reservations/9");
  EXPECT_EQ(ReasonOf(stub_->GetServiceLevel(Context(As::kShop).get(), request, &level)), "UNKNOWN_RESERVATION");
}

TEST_F(ReservationsRpcTest, ARecommendationComparesWhatWasPaidWithWhatReservingCosts) {
  v1::RecommendReservationRequest request;
  request.set_pool("pools/chat");
  v1::Recommendation advice;
  EXPECT_EQ(ReasonOf(stub_->RecommendReservation(Context(As::kShop).get(), request, &advice)), "NO_HISTORY");
  request.set_weeks(13);
  EXPECT_EQ(FieldOf(stub_->RecommendReservation(Context(As::kShop).get(), request, &advice)), "weeks");
}

}  // namespace
}  // namespace penstock::rpc
