#include "broker/core/answer.h"

#include <absl/strings/str_cat.h>

namespace penstock::core {
namespace {

absl::string_view Text(const InlineText<80>& text) { return {text.view().data(), text.view().size()}; }

std::string WhyDuplicate(const Refused& refused) {
  if (!refused.duplicate || refused.duplicate->in_flight) {
    return "an identical request is in flight: use its answer, or change the content";
  }
  return absl::StrCat("an identical request finished ", refused.duplicate->finished_ago.count() / Seconds(1).count(),
                      " s ago: use its answer, or change the content");
}

}  // namespace

bool IsYours(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kRateLimit:
    case RefusalReason::kParallelLimit:
    case RefusalReason::kReservationUsed:
    case RefusalReason::kNotAllowed:
    case RefusalReason::kInputTooLarge:
    case RefusalReason::kBudgetUsed:
    case RefusalReason::kRunBound:
    case RefusalReason::kDuplicate:
    case RefusalReason::kTooLarge:
      return true;
    case RefusalReason::kWaitExpired:
    case RefusalReason::kQueueFull:
    case RefusalReason::kWaitTooLong:
    case RefusalReason::kShed:
      return false;
  }
  return false;
}

std::string MessageOf(const Refused& refused) {
  const absl::string_view limit = Text(refused.limit);
  const absl::string_view promise = refused.promised ? "; the same request_id has a place then" : "";
  switch (refused.reason) {
    case RefusalReason::kRateLimit:
      return absl::StrCat("limit ", limit, ": asked for ", refused.asked, ", ", refused.remaining,
                          " left; retry after the time given");
    case RefusalReason::kParallelLimit:
      return absl::StrCat("limit ", limit, ": too many requests at once; retry when one has ended");
    case RefusalReason::kReservationUsed:
      return "the reservation's rate is used up, and its terms are to refuse what is beyond";
    case RefusalReason::kNotAllowed:
      if (limit == "pools") return "this key may use none of the candidate pools";
      if (limit == "classes") return "this key may not ask for that service class";
      return absl::StrCat("the policy of this key forbids it: ", limit);
    case RefusalReason::kInputTooLarge:
      return absl::StrCat("the input of ", refused.asked, " tokens is beyond ", limit, " of ", refused.remaining,
                          ": shorten it");
    case RefusalReason::kBudgetUsed:
      return absl::StrCat(
          "budget ", limit, " has nothing left for this request",
          refused.retry_after > Duration::Zero() ? ": it starts anew after the time given" : ": raise it to go on");
    case RefusalReason::kRunBound:
      return absl::StrCat("the run has reached ", limit, ": end it, or have it approved to go on");
    case RefusalReason::kDuplicate:
      return WhyDuplicate(refused);
    case RefusalReason::kWaitExpired:
      return absl::StrCat("it waited as long as it may: retry after the time given, or with a longer max_wait",
                          promise);
    case RefusalReason::kQueueFull:
      return absl::StrCat("the line is full: retry after the time given", promise);
    case RefusalReason::kWaitTooLong:
      return absl::StrCat("the line is longer than it may wait: retry after the time given, or with a longer max_wait",
                          promise);
    case RefusalReason::kShed:
      return absl::StrCat("the pool is overloaded and sheds this class: retry after the time given", promise);
    case RefusalReason::kTooLarge:
      return "the request needs more KV memory than the pool can give it: shorten it";
  }
  return "";
}

}  // namespace penstock::core
