// Quotes, reservations and what changed of them, as a person reads them.
#pragma once

#include <string>

#include "penstock/v1/reservations.pb.h"

namespace penstock::cli {

std::string RenderQuote(const v1::Quote& quote, bool colour);
/// The quote, or why there is none and what could be had instead.
std::string RenderAnswer(const v1::CreateQuoteResponse& answer, bool colour);
std::string RenderQuotes(const v1::ListQuotesResponse& all, bool colour);

std::string RenderReservation(const v1::Reservation& reservation, bool colour);
std::string RenderReservations(const v1::ListReservationsResponse& all, bool colour);
/// What a call did or would do: the charges line by line, their sum, and the reservation after it.
std::string RenderChange(const v1::ReservationChange& change, bool colour);
/// "charge: 12.50 EUR", "given back: 12.50 EUR" or "nothing is charged".
std::string ChargeInWords(const v1::Money& charge);

std::string RenderUtilisation(const v1::GetUtilisationResponse& all, bool colour);
std::string RenderServiceLevel(const v1::GetServiceLevelResponse& all, bool colour);

}  // namespace penstock::cli
