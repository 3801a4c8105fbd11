// What a key may do at all, and identical requests.
#include <gtest/gtest.h>

#include <string>

#include "tests/broker/core/engine_fixture.h"

namespace penstock::core {
namespace {

EngineSettings WithPolicy(const KeyPolicy& policy) {
  EngineSettings settings = WithPool(SmallWorld(), "annex");
  for (PoolSettings& pool : settings.pools) {
    pool.terms.max_in_flight = 100;
    pool.terms.burst = NormalizedTokens(1'000'000);
  }
  settings.tenants[1].classes = {ServiceClass::kDefault, ServiceClass::kFlex, ServiceClass::kPriority};
  settings.tenants[1].keys[0].policy = policy;
  return settings;
}

TEST(KeyPolicy, OnlyItsPools) {
  EngineWorld world(WithPolicy({.pools = {"annex"}, .classes = {}}));
  Admit admit = world.Request("shop", "r1");
  const Refused refused = world.RefuseNow(admit);
  EXPECT_EQ(refused.reason, RefusalReason::kNotAllowed);
  EXPECT_EQ(refused.limit, "pools");
  EXPECT_EQ(MessageOf(refused), "this key may use none of the candidate pools");
  admit.pools = {world.PoolNamed("chat"), world.PoolNamed("annex")};
  const Granted granted = world.GrantNow(admit);
  EXPECT_EQ(granted.terms.pool, world.PoolNamed("annex"));
  EXPECT_EQ(granted.explanation.candidates[0], CandidateVerdict::kNotAllowed);
  EXPECT_EQ(granted.explanation.candidates[1], CandidateVerdict::kChosen);
  EXPECT_EQ(granted.explanation.candidates[2], CandidateVerdict::kNotConsidered);
}

TEST(KeyPolicy, OnlyThePoolsOfItsTenantEvenIfItsOwnNameMore) {
  EngineSettings settings = WithPolicy({.pools = {"chat", "annex"}, .classes = {}});
  settings.tenants[1].pools = {"annex"};
  EngineWorld world(settings);
  EXPECT_EQ(world.RefuseNow(world.Request("shop", "r1")).limit, "pools");
}

TEST(KeyPolicy, OnlyItsClasses) {
  EngineWorld world(WithPolicy({.pools = {}, .classes = {ServiceClass::kFlex}}));
  Admit admit = world.Request("shop", "r1");
  EXPECT_EQ(world.RefuseNow(admit).limit, "classes") << "`default` is the tenant's, not the key's";
  admit.wanted = ServiceClass::kPriority;
  EXPECT_EQ(world.RefuseNow(admit).limit, "classes");
  admit.wanted = ServiceClass::kFree;
  EXPECT_EQ(world.RefuseNow(admit).limit, "classes");
  admit.wanted = ServiceClass::kFlex;
  EXPECT_EQ(world.GrantNow(admit).terms.served, ServiceClass::kFlex);
}

TEST(KeyPolicy, InputHasACeiling) {
  EngineWorld world(WithPolicy({.pools = {}, .classes = {}, .max_input = Tokens(100)}));
  Admit admit = world.Request("shop", "r1", 60);
  admit.input[TokenKind::kCachedInput] = Tokens(41);
  const Refused refused = world.RefuseNow(admit);
  EXPECT_EQ(refused.reason, RefusalReason::kInputTooLarge);
  EXPECT_EQ(refused.limit, "key.max_input_tokens");
  EXPECT_EQ(refused.asked, 101);
  EXPECT_EQ(refused.remaining, 100);
  EXPECT_EQ(MessageOf(refused), "the input of 101 tokens is beyond key.max_input_tokens of 100: shorten it");
  admit.input[TokenKind::kCachedInput] = Tokens(40);
  world.GrantNow(admit);
}

TEST(KeyPolicy, OutputIsCutToItsCeilingAndExplained) {
  EngineWorld world(WithPolicy({.pools = {}, .classes = {}, .max_output = Tokens(30)}));
  const Granted granted = world.GrantNow(world.Request("shop", "r1", 10, 1'000));
  EXPECT_EQ(granted.output_cap, Tokens(30));
  EXPECT_EQ(granted.explanation.predicted_output, Tokens(30));
  EXPECT_EQ(world.engine().FindDecision(granted.id)->capped_by, "key.max_output_tokens");
  const Progressed progressed = world.ProgressNow(granted, 10, 30);
  EXPECT_TRUE(progressed.stop);
  EXPECT_EQ(progressed.output_cap, Tokens(30));
  const Granted smaller = world.GrantNow(world.Request("shop", "r2", 10, 20));
  EXPECT_EQ(smaller.output_cap, Tokens(20));
  EXPECT_TRUE(world.engine().FindDecision(smaller.id)->capped_by.empty());
}

TEST(KeyPolicy, DearerPoolsArePassedOver) {
  EngineSettings settings = WithPolicy({.pools = {}, .classes = {}, .max_output_price = 2'000'000});
  for (auto& prices : settings.tariff.pools[1].by_class)
    prices[TokenKind::kOutput] = prices[TokenKind::kReasoning] = 1'900'000;
  EngineWorld world(settings);
  Admit admit = world.Request("shop", "r1");
  const Refused refused = world.RefuseNow(admit);
  EXPECT_EQ(refused.reason, RefusalReason::kNotAllowed);
  EXPECT_EQ(refused.limit, "key.max_output_price");
  admit.pools.push_back(world.PoolNamed("annex"));
  const Granted granted = world.GrantNow(admit);
  EXPECT_EQ(granted.terms.pool, world.PoolNamed("annex"));
  EXPECT_EQ(granted.explanation.candidates[0], CandidateVerdict::kTooDear);
}

// ---- identical requests

Admit WithContent(const EngineWorld& world, const std::string& id, const std::string& content,
                  const std::string& tenant = "shop") {
  Admit admit = world.Request(tenant, id);
  admit.content = ledger::DigestOf(content);
  return admit;
}

TEST(Duplicate, IsHintedAtWhileInFlightAndAfterwards) {
  EngineWorld world(WithPolicy({.pools = {}, .classes = {}, .duplicates = DuplicatePolicy::kHint}));
  const Granted first = world.GrantNow(WithContent(world, "r1", "hello"));
  EXPECT_FALSE(first.duplicate.has_value());
  const Granted second = world.GrantNow(WithContent(world, "r2", "hello"));
  ASSERT_TRUE(second.duplicate.has_value());
  EXPECT_TRUE(second.duplicate->in_flight);
  EXPECT_FALSE(world.GrantNow(WithContent(world, "r3", "world")).duplicate.has_value());
  world.CompleteNow(first, 1, 1);
  world.CompleteNow(second, 1, 1);
  world.Tick(Seconds(7));
  const Granted third = world.GrantNow(WithContent(world, "r4", "hello"));
  ASSERT_TRUE(third.duplicate.has_value());
  EXPECT_FALSE(third.duplicate->in_flight);
  EXPECT_EQ(third.duplicate->finished_ago, Seconds(7));
  world.CompleteNow(third, 1, 1);
  world.Tick(Seconds(60));
  EXPECT_FALSE(world.GrantNow(WithContent(world, "r5", "hello")).duplicate.has_value()) << "the window is over";
}

TEST(Duplicate, IsRefusedWhereThePolicySaysSoUntilTheWindowIsOver) {
  EngineWorld world(WithPolicy(
      {.pools = {}, .classes = {}, .duplicates = DuplicatePolicy::kRefuse, .duplicate_window = Seconds(30)}));
  const Granted first = world.GrantNow(WithContent(world, "r1", "hello"));
  Refused refused = world.RefuseNow(WithContent(world, "r2", "hello"));
  EXPECT_EQ(refused.reason, RefusalReason::kDuplicate);
  EXPECT_EQ(refused.limit, "key.duplicates");
  EXPECT_EQ(refused.retry_after, Seconds(1));
  EXPECT_EQ(MessageOf(refused), "an identical request is in flight: use its answer, or change the content");
  EXPECT_EQ(world.GrantNow(WithContent(world, "r1", "hello")).id, first.id) << "a retry is no duplicate";
  world.CompleteNow(first, 1, 1);
  world.Tick(Seconds(10));
  refused = world.RefuseNow(WithContent(world, "r2", "hello"));
  EXPECT_EQ(refused.retry_after, Seconds(20));
  EXPECT_EQ(MessageOf(refused), "an identical request finished 10 s ago: use its answer, or change the content");
  world.Tick(Seconds(20));
  world.GrantNow(WithContent(world, "r2", "hello"));
  world.engine().CheckInvariants();
}

TEST(Duplicate, OfAnotherTenantIsUnknown) {
  EngineSettings settings = WithPolicy({.pools = {}, .classes = {}, .duplicates = DuplicatePolicy::kRefuse});
  settings.tenants[0].keys[0].policy.duplicates = DuplicatePolicy::kRefuse;
  EngineWorld world(settings);
  world.GrantNow(WithContent(world, "r1", "hello", "tramp"));
  EXPECT_FALSE(world.GrantNow(WithContent(world, "r1", "hello")).duplicate.has_value());
}

TEST(Duplicate, IsNoneOfARequestThatHasNoAnswer) {
  EngineSettings settings = WithPolicy({.pools = {}, .classes = {}, .duplicates = DuplicatePolicy::kRefuse});
  settings.pools[0].terms.max_in_flight = 1;
  EngineWorld world(settings);
  const Ticket lost = world.Offer(WithContent(world, "r1", "hello"));
  world.Do(Undeliverable{lost, std::get<Granted>(*world.AnswerTo(lost)).id});
  const Granted failed = world.GrantNow(WithContent(world, "r2", "hello"));
  Complete complete = world.CompletionOf(failed, 1, 0);
  complete.outcome = ledger::Outcome::kFailed;
  world.Ask(complete);
  const Granted runs = world.GrantNow(WithContent(world, "r3", "other"));
  const Ticket leaves = world.Offer(WithContent(world, "r4", "hello"));
  EXPECT_EQ(world.RefuseNow(WithContent(world, "r5", "hello")).reason, RefusalReason::kDuplicate) << "one is in line";
  world.Do(Abandon{leaves});
  world.CompleteNow(runs, 1, 1);
  const Granted expires = world.GrantNow(WithContent(world, "r6", "hello"));
  world.Advance(Minutes(11));
  EXPECT_EQ(world.engine().books().FindOpen(expires.id), nullptr);
  world.GrantNow(WithContent(world, "r7", "hello"));
  world.engine().CheckInvariants();
}

TEST(Duplicates, AreBounded) {
  Duplicates duplicates;
  const ContentKey in_flight = ledger::DigestOf("in flight");
  duplicates.Begin(in_flight, kStart);
  for (size_t i = 0; i < kMaxContents + 1'000; ++i) {
    const ContentKey content = ledger::DigestOf(std::to_string(i));
    duplicates.Begin(content, kStart);
    duplicates.Finish(content, kStart);
  }
  EXPECT_LE(duplicates.size(), kMaxContents + 1);
  EXPECT_TRUE(duplicates.Find(in_flight, Seconds(1), kStart).has_value());
  EXPECT_FALSE(duplicates.Find(ledger::DigestOf("0"), Seconds(1), kStart).has_value()) << "the oldest goes first";
}

}  // namespace
}  // namespace penstock::core
