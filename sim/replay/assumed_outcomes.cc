#include "sim/replay/assumed_outcomes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace penstock::sim {
namespace {

template <class T>
T Median(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) / 2];
}

/// Finished requests, and what is usual among them.
class Sample {
 public:
  void Add(const RecordedRequest& request) {
    const Tokens made = Generated(request.tokens);
    generated_.push_back(made);
    const Duration first = request.took.first_token.value_or(request.took.end);
    first_.push_back(first);
    if (made > Tokens(1)) per_token_.push_back(Duration((request.took.end - first).count() / (made.count() - 1)));
  }
  bool empty() const { return generated_.empty(); }
  void Conclude() {
    if (empty()) return;
    usual_generated_ = Median(std::move(generated_));
    usual_first_ = Median(std::move(first_));
    if (!per_token_.empty()) usual_per_token_ = Median(std::move(per_token_));
    generated_.assign(1, usual_generated_);
  }
  void Assume(const RecordedRequest& request, TokenCounts* tokens, MeasuredTime* took) const {
    const Tokens made = std::min(usual_generated_, request.max_output);
    *tokens = request.said.input;
    (*tokens)[TokenKind::kOutput] = made;
    took->first_token = usual_first_;
    took->end = usual_first_ + usual_per_token_ * std::max<int64_t>(made.count() - 1, 0);
  }

 private:
  std::vector<Tokens> generated_;
  std::vector<Duration> first_;
  std::vector<Duration> per_token_;
  Tokens usual_generated_;
  Duration usual_first_;
  Duration usual_per_token_;
};

struct Samples {
  explicit Samples(const Recording& recording) {
    for (const RecordedRequest& request : recording.requests) {
      if (request.fate != RecordedRequest::Fate::kFinished) continue;
      of_tenant[recording.tenant_of_client[request.client]].Add(request);
      of_pool[request.pool].Add(request);
      all.Add(request);
    }
    for (auto& [tenant, sample] : of_tenant) sample.Conclude();
    for (auto& [pool, sample] : of_pool) sample.Conclude();
    all.Conclude();
  }
  std::map<size_t, Sample> of_tenant;
  std::map<size_t, Sample> of_pool;
  Sample all;
};

}  // namespace

absl::StatusOr<Outcomes> OutcomesOf(const Recording& recording) {
  const Samples samples(recording);
  Outcomes outcomes;
  std::vector<MeasuredTime> took(recording.requests.size());
  outcomes.tokens.resize(recording.requests.size());
  for (size_t i = 0; i < recording.requests.size(); ++i) {
    const RecordedRequest& request = recording.requests[i];
    if (request.measured()) {
      outcomes.tokens[i] = request.tokens;
      took[i] = request.took;
      continue;
    }
    if (samples.all.empty()) {
      return absl::FailedPreconditionError(
          "no request of this boot finished: nothing is known of how long answers are and how long they take");
    }
    const auto tenant = samples.of_tenant.find(recording.tenant_of_client[request.client]);
    const auto pool = samples.of_pool.find(request.pool);
    const bool has_tenant = tenant != samples.of_tenant.end();
    const bool has_pool = pool != samples.of_pool.end();
    ++(has_tenant ? outcomes.as_tenant : has_pool ? outcomes.as_pool : outcomes.as_all);
    const Sample& sample = has_tenant ? tenant->second : has_pool ? pool->second : samples.all;
    sample.Assume(request, &outcomes.tokens[i], &took[i]);
  }
  outcomes.took = std::make_shared<const std::vector<MeasuredTime>>(std::move(took));
  return outcomes;
}

}  // namespace penstock::sim
