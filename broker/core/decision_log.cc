#include "broker/core/decision_log.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

namespace penstock::core {
namespace {

std::string SecondsOf(Duration duration) {
  // Thousandths are plenty for a person.
  const int64_t ms = duration.count() / Milliseconds(1).count();
  return absl::StrFormat("%d.%03d s", ms / 1'000, ms % 1'000);
}

void AddGate(const Decision& decision, std::vector<std::string>* out) {
  const std::string_view c = Name(decision.stood_as);
  const absl::string_view name(c.data(), c.size());
  switch (decision.explanation.gate) {
    case admission::Gate::kOpen:
      break;
    case admission::Gate::kSlots:
      out->push_back("a free slot: all of the pool's max_in_flight were taken when it came");
      break;
    case admission::Gate::kPace:
      out->push_back("more capacity: the pool's rate of work was used up when it came");
      break;
    case admission::Gate::kKvTokens:
      out->push_back("more KV memory: the pool's kv_tokens were taken when it came");
      break;
    case admission::Gate::kClassCap:
      out->push_back(absl::StrCat("a higher cap of class ", name));
      break;
    case admission::Gate::kHoldback:
      out->push_back(absl::StrCat("a smaller holdback of class ", name, ": the rest was kept for others"));
      break;
    case admission::Gate::kOthersFirst:
      out->push_back(absl::StrCat("a larger weight, or a reservation: others had the earlier claim"));
      break;
  }
}

void AddRefusal(const Decision& decision, std::vector<std::string>* out) {
  const Refused& refused = decision.refusal;
  const absl::string_view limit(refused.limit.view().data(), refused.limit.view().size());
  switch (refused.reason) {
    case RefusalReason::kRateLimit:
      out->push_back(absl::StrCat("asking ", SecondsOf(refused.retry_after), " later, or a higher ", limit));
      break;
    case RefusalReason::kParallelLimit:
      out->push_back(absl::StrCat("one request less at a time, or a higher ", limit));
      break;
    case RefusalReason::kReservationUsed:
      out->push_back("a larger reservation, or overrun: spill");
      break;
    case RefusalReason::kNotAllowed:
      out->push_back(absl::StrCat("a policy of the key that allows it: ", limit));
      break;
    case RefusalReason::kInputTooLarge:
      out->push_back(absl::StrCat("an input of at most ", refused.remaining, " tokens"));
      break;
    case RefusalReason::kBudgetUsed:
      out->push_back(absl::StrCat("more money in budget ", limit));
      break;
    case RefusalReason::kRunBound:
      out->push_back(absl::StrCat("an approval of the run, or a higher ", limit));
      break;
    case RefusalReason::kDuplicate:
      out->push_back("another content, or duplicates: hint in the key's policy");
      break;
    case RefusalReason::kTooLarge:
      out->push_back("a shorter context");
      break;
    case RefusalReason::kWaitExpired:
    case RefusalReason::kWaitTooLong:
      out->push_back(
          absl::StrCat("a max_wait of about ", SecondsOf(decision.explanation.forecast_wait.high), " instead"));
      out->push_back(absl::StrCat("coming back ", SecondsOf(refused.retry_after), " later"));
      break;
    case RefusalReason::kQueueFull:
    case RefusalReason::kShed:
      out->push_back(absl::StrCat("coming back ", SecondsOf(refused.retry_after), " later"));
      break;
  }
}

}  // namespace

std::vector<std::string> Remedies(const Decision& decision) {
  std::vector<std::string> remedies;
  const bool refused = decision.grant.epoch == 0;
  if (refused) AddRefusal(decision, &remedies);
  const bool waited = decision.decided > decision.came;
  const bool by_pool = refused && !IsYours(decision.refusal.reason);
  if (by_pool || (!refused && waited)) AddGate(decision, &remedies);
  return remedies;
}

void DecisionLog::Add(const Decision& decision) {
  if (ring_.size() < kDecisionsKept) {
    if (ring_.empty()) {
      ring_.reserve(kDecisionsKept);
      requests_.reserve(kDecisionsKept);
      grants_.reserve(kDecisionsKept);
    }
    ring_.push_back(decision);
    requests_.push_back(decision.request);
    grants_.push_back(decision.grant);
    return;
  }
  ring_[next_] = decision;
  requests_[next_] = decision.request;
  grants_[next_] = decision.grant;
  next_ = (next_ + 1) % kDecisionsKept;
}

template <class T>
const Decision* DecisionLog::Newest(const std::vector<T>& column, const T& wanted) const {
  for (size_t back = 1; back <= column.size(); ++back) {
    const size_t place = (next_ + column.size() - back) % column.size();
    if (column[place] == wanted) return &ring_[place];
  }
  return nullptr;
}

const Decision* DecisionLog::Find(GrantId grant) const { return Newest(grants_, grant); }

const Decision* DecisionLog::Find(const RequestKey& request) const { return Newest(requests_, request); }

}  // namespace penstock::core
