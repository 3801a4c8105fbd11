// The rules of sim/fleet/iteration_model.h written down as plainly as possible: every iteration looks at every
// sequence. Slow, and therefore easy to believe: the oracle for the fast one.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "sim/fleet/iteration_model.h"

namespace penstock::sim {

class PlainReplica {
 public:
  explicit PlainReplica(const ReplicaTerms& terms) : terms_(terms) {}

  void Submit(const FleetRequest& request, Instant now) {
    AdvanceTo(now);
    waiting_.push_back({.request = request});
    if (end_ == Instant::Max()) Start(now);
  }

  std::optional<Tokens> Cancel(uint64_t id, Instant now) {
    AdvanceTo(now);
    for (auto* list : {&running_, &waiting_}) {
      const auto found =
          std::find_if(list->begin(), list->end(), [id](const Job& job) { return job.request.id == id; });
      if (found == list->end()) continue;
      const Tokens generated(found->generated);
      list->erase(found);
      return generated;
    }
    return std::nullopt;
  }

  void AdvanceTo(Instant now) {
    while (end_ <= now) Finish();
  }

  const std::vector<FleetEvent>& events() const { return events_; }
  int64_t preemptions() const { return preemptions_; }
  bool idle() const { return end_ == Instant::Max() && waiting_.empty(); }

 private:
  struct Job {
    FleetRequest request;
    int64_t generated = 0;
    int64_t prefilled = 0;  // of input and of what was generated before it was preempted
    int64_t to_prefill = 0;
    int64_t chunk = 0;
    bool decodes() const { return prefilled == to_prefill; }
    int64_t context() const { return request.cached_input.count() + request.input.count() + generated; }
  };

  int64_t BlocksOf(int64_t tokens) const { return (tokens + terms_.kv_block.count() - 1) / terms_.kv_block.count(); }
  int64_t Held(const Job& job) const {
    const int64_t whole = (job.request.cached_input + job.request.input + job.request.generate).count();
    return BlocksOf(terms_.kv_holding == KvHolding::kWholeContext ? whole : job.context());
  }
  bool FitsWith(int64_t more) const {
    if (!terms_.kv_limit) return true;
    for (const Job& job : running_) more += Held(job);
    return more <= terms_.kv_limit->count() / terms_.kv_block.count();
  }

  void Start(Instant now) {
    bool preempted = false;
    while (!FitsWith(0) && running_.size() > 1) {
      Job job = running_.back();
      running_.pop_back();
      job.prefilled = 0;
      waiting_.push_front(job);
      preempted = true;
      ++preemptions_;
    }
    IterationLoad load;
    for (Job& job : running_) {
      job.chunk = 0;
      if (!job.decodes()) continue;
      ++load.decodes;
      load.kv += Tokens(job.context());
    }
    int64_t budget = terms_.step_token_budget.count() - load.decodes;
    const auto compute = [&](Job& job) {
      job.chunk = std::min(job.to_prefill - job.prefilled, budget);
      budget -= std::max<int64_t>(job.chunk, 1);
      load.prefill += Tokens(job.chunk);
    };
    for (Job& job : running_) {
      if (!job.decodes()) compute(job);
    }
    const bool free_to_join = running_.empty() || !terms_.plans_ahead;
    for (int64_t joined = 0; !preempted && !waiting_.empty() && budget > 0; ++joined) {
      if (!free_to_join && joined >= std::min(waited_, free_places_)) break;
      Job job = waiting_.front();
      job.to_prefill = job.request.input.count() + job.generated;
      const bool room = std::ssize(running_) < terms_.max_sequences && FitsWith(Held(job));
      if (!running_.empty() && !room) break;
      waiting_.pop_front();
      compute(job);
      if (job.to_prefill == 0) {
        ++load.decodes;
        load.kv += Tokens(job.context());
      }
      running_.push_back(job);
    }
    waited_ = std::ssize(waiting_);
    free_places_ = terms_.max_sequences - std::ssize(running_);
    end_ = running_.empty() ? Instant::Max() : now + IterationTimeRoundDown(terms_.law, load);
  }

  void Finish() {
    for (Job& job : running_) {
      job.prefilled += job.chunk;
      if (!job.decodes()) continue;
      ++job.generated;
      const auto tell = [&](FleetEvent::Kind kind) {
        events_.push_back({kind, job.request.id, end_, Tokens(job.generated)});
      };
      if (job.generated == 1) tell(FleetEvent::Kind::kFirstToken);
      if (job.generated == job.request.generate.count()) tell(FleetEvent::Kind::kFinished);
    }
    std::erase_if(running_, [](const Job& job) { return job.generated == job.request.generate.count(); });
    Start(end_);
  }

  ReplicaTerms terms_;
  std::deque<Job> running_;  // in order of joining
  std::deque<Job> waiting_;
  std::vector<FleetEvent> events_;
  Instant end_ = Instant::Max();
  int64_t preemptions_ = 0;
  int64_t waited_ = 0;       // when the iteration under way began, after it was joined
  int64_t free_places_ = 0;  // likewise
};

}  // namespace penstock::sim
