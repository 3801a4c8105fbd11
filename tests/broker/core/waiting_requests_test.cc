#include "broker/core/waiting_requests.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ledger/books.h"

namespace penstock::core {
namespace {

using testing::ElementsAre;

class AnyRequest {
 public:
  explicit AnyRequest(uint64_t seed) : random_(seed) {}

  Waiting Next() {
    Waiting waiting;
    waiting.ticket = ++ticket_;
    waiting.tenant = TenantId{1 + Below(1'000'000)};
    waiting.key = KeyId{1 + Below(1'000'000)};
    waiting.body.fill(static_cast<uint8_t>(Below(256)));
    TokenCounts estimate;
    for (TokenKind kind : kAllTokenKinds) {
      if (Below(2) == 0) estimate[kind] = Tokens(Below(kMaxTokensPerRequest + 1));
    }
    waiting.estimate = PackedCounts(estimate);
    waiting.max_output = Tokens(1 + Below(kMaxTokensPerRequest));
    waiting.work = Work(Any());
    waiting.since = Instant(Any());
    waiting.max_wait = Seconds(Below(kMaxWaitSeconds + 1));
    waiting.place = static_cast<uint64_t>(Any());
    waiting.share_class = static_cast<ServiceClass>(Below(kShareClassCount));
    waiting.at_ceiling = Below(2) == 0;
    Explanation& why = waiting.explanation;
    why.estimated_work = waiting.work;
    why.predicted_output = estimate[TokenKind::kOutput];
    why.position = Any();
    why.line_forecast = Duration(Any());
    why.forecast_wait = DefaultWaitRange(why.line_forecast);
    if (Below(2) == 0) why.forecast_wait = {Duration(Any()), Duration(Any()), Duration(Any())};
    why.gate = static_cast<admission::Gate>(Below(7));
    why.promised = Below(2) == 0;
    why.candidates[0] = CandidateVerdict::kChosen;
    waiting.request_id = InlineText<kMaxRequestIdBytes>(std::string(Below(kMaxRequestIdBytes + 1), 'r'));
    if (Below(3) == 0) AddRare(waiting);
    waiting.name = ledger::Books::FingerprintOf(waiting.tenant, waiting.request_id.view()).bytes;
    return waiting;
  }

  uint32_t Below(int64_t bound) { return static_cast<uint32_t>(random_() % static_cast<uint64_t>(bound)); }

 private:
  /// Of any length, and never negative.
  int64_t Any() { return static_cast<int64_t>(random_() >> (1 + Below(63))); }

  void AddRare(Waiting& waiting) {
    waiting.in_run = true;
    waiting.run.fill(7);
    waiting.run_name = "a run with a name of more than a few bytes";
    waiting.labels = {{"team", "search"}};
    waiting.has_content = true;
    waiting.content.fill(9);
    waiting.duplicate = DuplicateHint{.in_flight = false, .finished_ago = Seconds(3)};
    waiting.explanation.candidates[0] = CandidateVerdict::kTooDear;
    waiting.explanation.candidates[1] = CandidateVerdict::kChosen;
  }

  std::mt19937_64 random_;
  Ticket ticket_ = 0;
};

void ExpectSame(const Waiting& a, const Waiting& b) {
  EXPECT_EQ(a.ticket, b.ticket);
  EXPECT_EQ(a.tenant, b.tenant);
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.body, b.body);
  EXPECT_EQ(a.estimate, b.estimate);
  EXPECT_EQ(a.max_output, b.max_output);
  EXPECT_EQ(a.work, b.work);
  EXPECT_EQ(a.since, b.since);
  EXPECT_EQ(a.max_wait, b.max_wait);
  EXPECT_EQ(a.place, b.place);
  EXPECT_EQ(a.share_class, b.share_class);
  EXPECT_EQ(a.at_ceiling, b.at_ceiling);
  EXPECT_EQ(a.in_run, b.in_run);
  EXPECT_EQ(a.run, b.run);
  EXPECT_EQ(a.has_content, b.has_content);
  EXPECT_EQ(a.content, b.content);
  EXPECT_EQ(a.duplicate, b.duplicate);
  EXPECT_EQ(a.request_id, b.request_id);
  EXPECT_EQ(a.run_name, b.run_name);
  EXPECT_EQ(a.labels, b.labels);
  const Explanation& x = a.explanation;
  const Explanation& y = b.explanation;
  EXPECT_EQ(x.estimated_work, y.estimated_work);
  EXPECT_EQ(x.predicted_output, y.predicted_output);
  EXPECT_EQ(x.position, y.position);
  EXPECT_EQ(x.line_forecast, y.line_forecast);
  EXPECT_EQ(x.forecast_wait.low, y.forecast_wait.low);
  EXPECT_EQ(x.forecast_wait.expected, y.forecast_wait.expected);
  EXPECT_EQ(x.forecast_wait.high, y.forecast_wait.high);
  EXPECT_EQ(x.gate, y.gate);
  EXPECT_EQ(x.promised, y.promised);
  EXPECT_EQ(x.candidates, y.candidates);
}

TEST(WaitingRequests, GiveBackWhatTheyTook) {
  const uint64_t seed = std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  AnyRequest any(seed);
  WaitingRequests line;
  std::vector<std::pair<WaitingRequests::Number, Waiting>> in_line;
  for (int turn = 0; turn < 20'000; ++turn) {
    if (in_line.size() < 200 || any.Below(2) == 0) {
      Waiting waiting = any.Next();
      const Waiting before = waiting;
      if (line.FindRequest(before.name, before.tenant, before.request_id.view()) != WaitingRequests::kNone) continue;
      in_line.emplace_back(line.Add(waiting, PoolId{1 + any.Below(3)}), before);
    } else {
      std::swap(in_line[any.Below(static_cast<int64_t>(in_line.size()))], in_line.back());
      const auto& [number, before] = in_line.back();
      ASSERT_EQ(line.FindRequest(before.name, before.tenant, before.request_id.view()), number);
      ASSERT_EQ(line.FindTicket(before.ticket), number);
      ExpectSame(line.Take(number), before);
      ASSERT_EQ(line.FindTicket(before.ticket), WaitingRequests::kNone);
      in_line.pop_back();
    }
  }
  EXPECT_EQ(line.size(), in_line.size());
  line.CheckInvariants();
}

TEST(WaitingRequests, AreFoundUnderTheirNewTicketAndByPool) {
  AnyRequest any(1);
  WaitingRequests line;
  Waiting one = any.Next();
  Waiting two = any.Next();
  const WaitingRequests::Number first = line.Add(one, PoolId{1});
  line.Add(two, PoolId{2});
  line.SetTicket(first, 77);
  EXPECT_EQ(line.FindTicket(77), first);
  EXPECT_EQ(line.FindTicket(one.ticket), WaitingRequests::kNone);
  EXPECT_THAT(line.AllOf(PoolId{1}), ElementsAre(first));
  line.SetGate(first, admission::Gate::kPace);
  EXPECT_EQ(line.Take(first).explanation.gate, admission::Gate::kPace);
  EXPECT_EQ(line.size(), 1U);
  line.CheckInvariants();
}

}  // namespace
}  // namespace penstock::core
