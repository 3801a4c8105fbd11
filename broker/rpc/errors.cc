#include "broker/rpc/errors.h"

#include "penstock/rpc/error_details.pb.h"

namespace penstock::rpc {
Meaning MeaningOf(core::ErrorReason reason) {
  using core::ErrorReason;
  switch (reason) {
    case ErrorReason::kUnknownKey:
      return {grpc::StatusCode::NOT_FOUND, "UNKNOWN_KEY"};
    case ErrorReason::kUnknownPool:
      return {grpc::StatusCode::NOT_FOUND, "UNKNOWN_POOL"};
    case ErrorReason::kUnknownTokenKind:
      return {grpc::StatusCode::INVALID_ARGUMENT, "UNKNOWN_TOKEN_KIND"};
    case ErrorReason::kInvalidArgument:
      return {grpc::StatusCode::INVALID_ARGUMENT, "INVALID_ARGUMENT"};
    case ErrorReason::kPermissionDenied:
      return {grpc::StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"};
    case ErrorReason::kRequestIdReused:
      return {grpc::StatusCode::ALREADY_EXISTS, "REQUEST_ID_REUSED"};
    case ErrorReason::kSuperseded:
      return {grpc::StatusCode::ABORTED, "SUPERSEDED"};
    case ErrorReason::kUnknownGrant:
      return {grpc::StatusCode::NOT_FOUND, "UNKNOWN_GRANT"};
    case ErrorReason::kForeignGrant:
      return {grpc::StatusCode::PERMISSION_DENIED, "FOREIGN_GRANT"};
    case ErrorReason::kGrantEnded:
      return {grpc::StatusCode::FAILED_PRECONDITION, "GRANT_ENDED"};
    case ErrorReason::kAbandoned:
      return {grpc::StatusCode::CANCELLED, "ABANDONED"};
    case ErrorReason::kOverloaded:
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED"};
    case ErrorReason::kUnknownRun:
      return {grpc::StatusCode::NOT_FOUND, "UNKNOWN_RUN"};
    case ErrorReason::kUnknownDecision:
      return {grpc::StatusCode::NOT_FOUND, "UNKNOWN_DECISION"};
    case ErrorReason::kUnknownOutcome:
      return {grpc::StatusCode::NOT_FOUND, "UNKNOWN_OUTCOME"};
    case ErrorReason::kOutcomeReversed:
      return {grpc::StatusCode::FAILED_PRECONDITION, "OUTCOME_REVERSED"};
    case ErrorReason::kTooManyOutcomeNames:
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "TOO_MANY_OUTCOME_NAMES"};
    case ErrorReason::kFailedPrecondition:
      return {grpc::StatusCode::FAILED_PRECONDITION, "CONFIG_REFUSED"};
    case ErrorReason::kPeriodNotClosable:
      return {grpc::StatusCode::FAILED_PRECONDITION, "PERIOD_NOT_CLOSABLE"};
    case ErrorReason::kUnknownBudget:
      return {grpc::StatusCode::NOT_FOUND, "UNKNOWN_BUDGET"};
    case ErrorReason::kUnknownRaise:
      return {grpc::StatusCode::NOT_FOUND, "UNKNOWN_RAISE"};
    case ErrorReason::kRaiseDecided:
      return {grpc::StatusCode::FAILED_PRECONDITION, "RAISE_DECIDED"};
    case ErrorReason::kPeriodOver:
      return {grpc::StatusCode::FAILED_PRECONDITION, "PERIOD_OVER"};
    case ErrorReason::kTooManyRaises:
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "TOO_MANY_RAISES"};
    case ErrorReason::kMarketClosed:
      return {grpc::StatusCode::FAILED_PRECONDITION, "MARKET_CLOSED"};
    case ErrorReason::kUnknownQuote:
      return {grpc::StatusCode::NOT_FOUND, "UNKNOWN_QUOTE"};
    case ErrorReason::kQuoteEnded:
      return {grpc::StatusCode::FAILED_PRECONDITION, "QUOTE_ENDED"};
    case ErrorReason::kUnknownReservation:
      return {grpc::StatusCode::NOT_FOUND, "UNKNOWN_RESERVATION"};
    case ErrorReason::kIllegalTransition:
      return {grpc::StatusCode::FAILED_PRECONDITION, "ILLEGAL_TRANSITION"};
    case ErrorReason::kStaleEtag:
      return {grpc::StatusCode::ABORTED, "STALE_ETAG"};
    case ErrorReason::kReservationLocked:
      return {grpc::StatusCode::FAILED_PRECONDITION, "RESERVATION_LOCKED"};
    case ErrorReason::kUnknownBid:
      return {grpc::StatusCode::NOT_FOUND, "UNKNOWN_BID"};
    case ErrorReason::kBidEnded:
      return {grpc::StatusCode::FAILED_PRECONDITION, "BID_ENDED"};
    case ErrorReason::kTooManyQuotes:
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "TOO_MANY_QUOTES"};
    case ErrorReason::kUnknownProject:
      return {grpc::StatusCode::NOT_FOUND, "UNKNOWN_PROJECT"};
    case ErrorReason::kNothingToChange:
      return {grpc::StatusCode::FAILED_PRECONDITION, "NOTHING_TO_CHANGE"};
    case ErrorReason::kPinInForce:
      return {grpc::StatusCode::FAILED_PRECONDITION, "PIN_IN_FORCE"};
    case ErrorReason::kDraining:
      return {grpc::StatusCode::UNAVAILABLE, "DRAINING"};
  }
  return {grpc::StatusCode::INTERNAL, "INTERNAL"};
}

grpc::Status ErrorStatus(grpc::StatusCode code, const std::string& reason, const std::string& message,
                         const std::map<std::string, std::string>& metadata) {
  penstock::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("penstock");
  for (const auto& [key, value] : metadata) (*info.mutable_metadata())[key] = value;
  penstock::rpc::Status details;
  details.set_code(code);
  details.set_message(message);
  google::protobuf::Any* any = details.add_details();
  any->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  info.SerializeToString(any->mutable_value());
  return grpc::Status(code, message, details.SerializeAsString());
}

grpc::Status WithDetail(const grpc::Status& status, const google::protobuf::Message& detail) {
  penstock::rpc::Status details;
  details.ParseFromString(status.error_details());
  details.add_details()->PackFrom(detail);
  return grpc::Status(status.error_code(), status.error_message(), details.SerializeAsString());
}

grpc::Status ToStatus(const core::Error& error) {
  const Meaning meaning = MeaningOf(error.reason);
  std::map<std::string, std::string> metadata;
  if (!error.field.empty()) metadata["field"] = error.field;
  const std::string where = error.field.empty() ? "" : error.field + ": ";
  return ErrorStatus(meaning.code, meaning.reason, where + error.message, metadata);
}

grpc::Status InvalidField(const std::string& field, const std::string& message) {
  return ToStatus({core::ErrorReason::kInvalidArgument, field, message});
}

grpc::Status Overloaded() {
  return ToStatus({core::ErrorReason::kOverloaded, "", "the command queue is full: retry with backoff"});
}

grpc::Status TooManyWait() {
  return ToStatus({core::ErrorReason::kOverloaded, "",
                   "too many Admit calls are under way: retry with backoff, wait less, or use Session"});
}

}  // namespace penstock::rpc
