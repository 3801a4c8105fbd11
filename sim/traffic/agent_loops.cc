#include "sim/traffic/agent_loops.h"

#include <algorithm>
#include <queue>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"
#include "sim/distributions.h"

namespace penstock::sim {
namespace {

/// At least 1.
Tokens DrawTokens(Random& random, double mean) {
  return Tokens(std::max<int64_t>(1, static_cast<int64_t>(Exponential(random) * mean + 0.5)));
}

Duration DrawDuration(Random& random, double mean_nanoseconds) {
  return Duration(static_cast<int64_t>(Exponential(random) * mean_nanoseconds));
}

struct Run {
  Duration next;       // when its next request comes
  int64_t number = 0;  // from 1, by start
  int64_t sent = 0;
  Tokens known;  // the context after its last answer
  Random random{0};
};

class Loops final : public ArrivalSource {
 public:
  Loops(const AgentLoops& loops, uint32_t tenant, Duration length, const ArrivalTerms& terms, const Streams& streams)
      : loops_(loops),
        tenant_(tenant),
        length_(length),
        terms_(terms),
        starts_(streams.Of(tenant, Purpose::kArrivals)),
        runs_seed_(streams.Of(tenant, Purpose::kLengths).Next()) {
    PENSTOCK_CHECK(loops.runs_per_second > 0 && loops.first_prompt >= Tokens(1) && loops.mean_step > Duration::Zero());
    PENSTOCK_CHECK(loops.longest_context >= loops.first_prompt && loops.requests_per_run >= 0);
    next_start_ = DrawDuration(starts_, 1e9 / loops.runs_per_second);
  }

  std::optional<Arrival> Next() override {
    while (MayStart() && (under_way_.empty() || next_start_ <= under_way_.top().next)) Start();
    if (under_way_.empty()) return std::nullopt;
    Run run = under_way_.top();
    under_way_.pop();
    Arrival request = Step(run);
    run.next += DrawDuration(run.random, static_cast<double>(loops_.mean_step.count()));
    const bool goes_on = loops_.requests_per_run == 0 || run.sent < loops_.requests_per_run;
    if (goes_on && run.next < length_) under_way_.push(run);
    return request;
  }

 private:
  struct Later {
    bool operator()(const Run& a, const Run& b) const {
      return a.next != b.next ? a.next > b.next : a.number > b.number;
    }
  };

  bool MayStart() const { return next_start_ < length_ && (loops_.most_runs == 0 || started_ < loops_.most_runs); }

  void Start() {
    ++started_;
    under_way_.push(
        {next_start_, started_, 0, Tokens(0), Random(Scramble(runs_seed_ + static_cast<uint64_t>(started_)))});
    next_start_ += DrawDuration(starts_, 1e9 / loops_.runs_per_second);
  }

  Arrival Step(Run& run) {
    const Tokens added = DrawTokens(run.random, loops_.mean_new_tokens);
    const Tokens generated = DrawTokens(run.random, loops_.mean_generated);
    const bool begins = run.sent == 0 || run.known + added > loops_.longest_context;
    const Tokens cached = begins ? Tokens(0) : run.known;
    const Tokens prompt = begins ? loops_.first_prompt : cached + added;
    Arrival request = ArrivalOf(run.next, tenant_, prompt, cached, generated, terms_);
    request.run = absl::StrCat(loops_.run_prefix, "-", run.number);
    run.known = prompt + generated;
    ++run.sent;
    return request;
  }

  AgentLoops loops_;
  uint32_t tenant_;
  Duration length_;
  ArrivalTerms terms_;
  Random starts_;
  uint64_t runs_seed_;
  Duration next_start_;
  int64_t started_ = 0;
  std::priority_queue<Run, std::vector<Run>, Later> under_way_;
};

}  // namespace

std::unique_ptr<ArrivalSource> ArrivalsOf(const AgentLoops& loops, uint32_t tenant, Duration length,
                                          const ArrivalTerms& terms, const Streams& streams) {
  return std::make_unique<Loops>(loops, tenant, length, terms, streams);
}

}  // namespace penstock::sim
