// The market of a fake daemon (fake_daemon.h): answers what a test tells it to.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>

#include "penstock/v1/market.grpc.pb.h"
#include "penstock/v1/reservations.grpc.pb.h"

namespace penstock::cli {

template <class Request, class Response>
using MarketAnswer = std::function<grpc::Status(const Request&, Response&)>;

template <class Request, class Response>
grpc::Status AnswerWith(const MarketAnswer<Request, Response>& answer, const Request* request, Response* response) {
  return answer ? answer(*request, *response) : grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "not in this test");
}

class FakeReservations final : public v1::Reservations::Service {
 public:
  // Unset: UNIMPLEMENTED.
  MarketAnswer<v1::CreateQuoteRequest, v1::CreateQuoteResponse> quote;
  MarketAnswer<v1::GetQuoteRequest, v1::Quote> get_quote;
  MarketAnswer<v1::ListQuotesRequest, v1::ListQuotesResponse> quotes;
  MarketAnswer<v1::WithdrawQuoteRequest, v1::Quote> withdraw;
  MarketAnswer<v1::AcceptQuoteRequest, v1::ReservationChange> accept;
  MarketAnswer<v1::GetReservationRequest, v1::Reservation> get;
  MarketAnswer<v1::ListReservationsRequest, v1::ListReservationsResponse> list;
  MarketAnswer<v1::AmendReservationRequest, v1::ReservationChange> amend;
  MarketAnswer<v1::CancelReservationRequest, v1::ReservationChange> cancel;
  MarketAnswer<v1::SellBackRequest, v1::ReservationChange> sell_back;
  MarketAnswer<v1::TransferReservationRequest, v1::ReservationChange> transfer;
  MarketAnswer<v1::DecideReservationRequest, v1::ReservationChange> suspend, resume, approve, reject;
  MarketAnswer<v1::GetUtilisationRequest, v1::GetUtilisationResponse> utilisation;
  MarketAnswer<v1::GetServiceLevelRequest, v1::GetServiceLevelResponse> service_level;
  MarketAnswer<v1::RecommendReservationRequest, v1::Recommendation> recommend;

 private:
  using Context = grpc::ServerContext;
  grpc::Status CreateQuote(Context*, const v1::CreateQuoteRequest* q, v1::CreateQuoteResponse* a) override {
    return AnswerWith(quote, q, a);
  }
  grpc::Status GetQuote(Context*, const v1::GetQuoteRequest* q, v1::Quote* a) override {
    return AnswerWith(get_quote, q, a);
  }
  grpc::Status ListQuotes(Context*, const v1::ListQuotesRequest* q, v1::ListQuotesResponse* a) override {
    return AnswerWith(quotes, q, a);
  }
  grpc::Status WithdrawQuote(Context*, const v1::WithdrawQuoteRequest* q, v1::Quote* a) override {
    return AnswerWith(withdraw, q, a);
  }
  grpc::Status AcceptQuote(Context*, const v1::AcceptQuoteRequest* q, v1::ReservationChange* a) override {
    return AnswerWith(accept, q, a);
  }
  grpc::Status GetReservation(Context*, const v1::GetReservationRequest* q, v1::Reservation* a) override {
    return AnswerWith(get, q, a);
  }
  grpc::Status ListReservations(Context*, const v1::ListReservationsRequest* q,
                                v1::ListReservationsResponse* a) override {
    return AnswerWith(list, q, a);
  }
  grpc::Status AmendReservation(Context*, const v1::AmendReservationRequest* q, v1::ReservationChange* a) override {
    return AnswerWith(amend, q, a);
  }
  grpc::Status CancelReservation(Context*, const v1::CancelReservationRequest* q, v1::ReservationChange* a) override {
    return AnswerWith(cancel, q, a);
  }
  grpc::Status SellBack(Context*, const v1::SellBackRequest* q, v1::ReservationChange* a) override {
    return AnswerWith(sell_back, q, a);
  }
  grpc::Status TransferReservation(Context*, const v1::TransferReservationRequest* q,
                                   v1::ReservationChange* a) override {
    return AnswerWith(transfer, q, a);
  }
  grpc::Status SuspendReservation(Context*, const v1::DecideReservationRequest* q, v1::ReservationChange* a) override {
    return AnswerWith(suspend, q, a);
  }
  grpc::Status ResumeReservation(Context*, const v1::DecideReservationRequest* q, v1::ReservationChange* a) override {
    return AnswerWith(resume, q, a);
  }
  grpc::Status ApproveReservation(Context*, const v1::DecideReservationRequest* q, v1::ReservationChange* a) override {
    return AnswerWith(approve, q, a);
  }
  grpc::Status RejectReservation(Context*, const v1::DecideReservationRequest* q, v1::ReservationChange* a) override {
    return AnswerWith(reject, q, a);
  }
  grpc::Status GetUtilisation(Context*, const v1::GetUtilisationRequest* q, v1::GetUtilisationResponse* a) override {
    return AnswerWith(utilisation, q, a);
  }
  grpc::Status GetServiceLevel(Context*, const v1::GetServiceLevelRequest* q, v1::GetServiceLevelResponse* a) override {
    return AnswerWith(service_level, q, a);
  }
  grpc::Status RecommendReservation(Context*, const v1::RecommendReservationRequest* q,
                                    v1::Recommendation* a) override {
    return AnswerWith(recommend, q, a);
  }
};

class FakeMarket final : public v1::Market::Service {
 public:
  // Unset: UNIMPLEMENTED.
  MarketAnswer<v1::GetPricesRequest, v1::GetPricesResponse> prices;
  std::function<grpc::Status(const v1::WatchPricesRequest&, grpc::ServerWriter<v1::GetPricesResponse>&)> watch;
  MarketAnswer<v1::ExplainPriceRequest, v1::PriceExplanation> explain;
  MarketAnswer<v1::GetCalendarRequest, v1::GetCalendarResponse> calendar;
  MarketAnswer<v1::GetRateCardRequest, v1::RateCard> rate_card;
  MarketAnswer<v1::PinPriceRequest, v1::PinPriceResponse> pin;
  MarketAnswer<v1::ListPinsRequest, v1::ListPinsResponse> pins;
  MarketAnswer<v1::PlaceBidRequest, v1::PlaceBidResponse> place_bid;
  MarketAnswer<v1::WithdrawBidRequest, v1::Bid> withdraw_bid;
  MarketAnswer<v1::ListBidsRequest, v1::ListBidsResponse> bids;
  MarketAnswer<v1::GetShadowPriceRequest, v1::ShadowPrice> shadow_price;

 private:
  using Context = grpc::ServerContext;
  grpc::Status GetPrices(Context*, const v1::GetPricesRequest* q, v1::GetPricesResponse* a) override {
    return AnswerWith(prices, q, a);
  }
  grpc::Status WatchPrices(Context*, const v1::WatchPricesRequest* q,
                           grpc::ServerWriter<v1::GetPricesResponse>* writer) override {
    return watch(*q, *writer);
  }
  grpc::Status ExplainPrice(Context*, const v1::ExplainPriceRequest* q, v1::PriceExplanation* a) override {
    return AnswerWith(explain, q, a);
  }
  grpc::Status GetCalendar(Context*, const v1::GetCalendarRequest* q, v1::GetCalendarResponse* a) override {
    return AnswerWith(calendar, q, a);
  }
  grpc::Status GetRateCard(Context*, const v1::GetRateCardRequest* q, v1::RateCard* a) override {
    return AnswerWith(rate_card, q, a);
  }
  grpc::Status PinPrice(Context*, const v1::PinPriceRequest* q, v1::PinPriceResponse* a) override {
    return AnswerWith(pin, q, a);
  }
  grpc::Status ListPins(Context*, const v1::ListPinsRequest* q, v1::ListPinsResponse* a) override {
    return AnswerWith(pins, q, a);
  }
  grpc::Status PlaceBid(Context*, const v1::PlaceBidRequest* q, v1::PlaceBidResponse* a) override {
    return AnswerWith(place_bid, q, a);
  }
  grpc::Status WithdrawBid(Context*, const v1::WithdrawBidRequest* q, v1::Bid* a) override {
    return AnswerWith(withdraw_bid, q, a);
  }
  grpc::Status ListBids(Context*, const v1::ListBidsRequest* q, v1::ListBidsResponse* a) override {
    return AnswerWith(bids, q, a);
  }
  grpc::Status GetShadowPrice(Context*, const v1::GetShadowPriceRequest* q, v1::ShadowPrice* a) override {
    return AnswerWith(shadow_price, q, a);
  }
};

}  // namespace penstock::cli
