#include "tests/broker/arrivals/random_commands.h"

#include <memory>
#include <utility>

namespace penstock::arrivals {

core::EngineSettings RichWorld() {
  core::EngineSettings settings = core::WithPool(core::SmallWorld(), "annex");
  settings.pools[1].estimator_error_thousandths = 50;
  settings.pools[1].terms.kv_tokens = 100'000;
  settings.pools[1].market = {.open = true,
                              .margin = 70,
                              .burst = Seconds(3),
                              .envelope = {NormalizedTokens(5), Seconds(2), Tokens(9)},
                              .planned = {{Instant(5), WorkPerSecond(6), 7, 8}},
                              .refund = 800,
                              .approval_above = core::Usd("5"),
                              .scarcity = {{0, 0}, {1'000, 2'000}},
                              .lead_time = {{Hours(1), 900}},
                              .term = {{Hours(2), 950}},
                              .posted = {.curve = {{0, 800}, {1'000, 3'000}}, .least_between = Hours(2)},
                              .chunk = NormalizedTokens(3),
                              .chunk_price = core::Usd("7"),
                              .chunk_lead_time = Days(9)};
  settings.tier_limits[0].limits = {core::LimitOf("requests_per_hour", admission::Measure::kRequests, 2'000, Hours(1))};
  settings.tier_limits[0].max_parallel = 3;
  core::TenantSettings& shop = settings.tenants[1];
  shop.weight = 3;
  shop.limits.limits = {core::LimitOf("tokens_per_day", admission::Measure::kTokens, 2'000'000, Hours(24))};
  shop.graduations = {{core::Usd("0.001"), shop.limits}};
  shop.pools = {"chat", "annex"};
  shop.classes = {ServiceClass::kFlex, ServiceClass::kDefault};
  shop.budgets = {{"total", core::BudgetTerms::Period::kTotal, core::Usd("0.05")}};
  shop.runs = {.max_spend = core::Usd("0.01"),
               .max_requests = 50,
               .max_wall_time = Hours(1),
               .max_depth = 4,
               .ask_for_approval = true};
  shop.keys[0].weight = 2;
  shop.keys[0].project = "search";
  shop.projects = {{"search", {{"day", core::BudgetTerms::Period::kDay, core::Usd("0.03"), true, {50, 80}}}}};
  shop.budgets[0].alert_at = {80, 100};
  shop.keys[0].budgets = {{"day", core::BudgetTerms::Period::kDay, core::Usd("0.04")}};
  shop.keys[0].policy = {.pools = {"chat"},
                         .classes = {ServiceClass::kDefault},
                         .max_input = Tokens(10'000),
                         .max_output = Tokens(5'000),
                         .max_output_price = 9'000'000,
                         .duplicates = core::DuplicatePolicy::kHint,
                         .duplicate_window = Seconds(5)};
  settings.tenants[2].reservations[0].kind = TokenKind::kOutput;
  ledger::rating::Subscription& bought = shop.subscription;
  bought.from = Instant(1);
  bought.seats = {{"pro", 5}};
  bought.reservations = {{"chat", WorkPerSecond(5), Instant(1), Instant(2)}};
  bought.provisions["chat"] = {.units = 2, .input_per_minute = 3, .output_per_minute = 4};
  bought.contracted["chat"] = WorkPerSecond(7);
  bought.committed_per_window["annex"] = Work(8);
  bought.minimum = core::Usd("9");
  shop.tariff = settings.tariff.version;
  settings.more_tariffs = {settings.tariff};
  settings.more_tariffs[0].version = "later";
  settings.more_tariffs[0].effective = Instant(5);
  bought.credits = {{.name = "sorry", .kind = ledger::rating::Credit::Kind::kService, .amount = core::Usd("1.5")}};
  return settings;
}

TokenCounts RandomCommands::Counts() {
  TokenCounts counts;
  for (const TokenKind kind : kAllTokenKinds) {
    if (random_.OneIn(3)) counts[kind] = Tokens(random_.Between(0, 1'000'000));
  }
  return counts;
}

ledger::BodyDigest RandomCommands::Digest() {
  ledger::BodyDigest digest;
  for (uint8_t& byte : digest) byte = static_cast<uint8_t>(random_.Bits());
  return digest;
}

core::Admit RandomCommands::DrawAdmit() {
  core::Admit admit;
  admit.ticket = random_.Bits() >> random_.Between(0, 63);
  admit.tenant = TenantId{Number()};
  admit.key = KeyId{Number()};
  admit.request_id = Text();
  admit.body = Digest();
  for (int64_t n = random_.Between(0, 8); n > 0; --n) admit.pools.push_back(PoolId{Number()});
  admit.input = Counts();
  for (const TokenKind kind : kAllTokenKinds) admit.estimated[kind] = random_.OneIn(2);
  admit.max_output = Tokens(random_.Between(1, 1'000'000));
  admit.max_wait = Time();
  admit.wanted = Perhaps(static_cast<ServiceClass>(random_.Between(0, kServiceClassCount - 1)));
  admit.run = Text();
  admit.depth = random_.Between(0, 1'000);
  admit.content = Perhaps(Digest());
  for (int64_t n = random_.Between(0, 3); n > 0; --n) admit.labels.emplace_back(Text(), Text());
  admit.validate_only = random_.OneIn(2);
  return admit;
}

core::Complete RandomCommands::DrawComplete() {
  core::Complete complete;
  complete.ticket = random_.Bits();
  complete.grant = Grant();
  complete.terms = {TenantId{Number()}, KeyId{Number()}, PoolId{Number()},
                    static_cast<ServiceClass>(random_.Between(0, kServiceClassCount - 1)), Number()};
  complete.issued = At();
  complete.on_behalf_of = Perhaps(TenantId{Number()});
  complete.outcome = static_cast<ledger::Outcome>(random_.Between(0, 2));
  complete.tokens = Counts();
  complete.body = Digest();
  complete.first_token_at = Perhaps(At());
  complete.ended_at = Perhaps(At());
  return complete;
}

core::SetPlan RandomCommands::DrawPlan() {
  core::SetPlan plan;
  for (int64_t n = random_.Between(0, 3); n > 0; --n) {
    plan.predicted_outputs.push_back({TenantId{Number()}, PoolId{Number()}, Tokens(random_.Between(0, 100'000))});
  }
  for (int64_t n = random_.Between(0, 2); n > 0; --n) {
    core::SetPlan::Demand& demand = plan.demands.emplace_back();
    demand = {PoolId{Number()}, At(), {}, random_.Between(0, 9)};
    for (int64_t hours = random_.Between(0, 5); hours > 0; --hours) {
      demand.hours.push_back({WorkPerSecond(random_.Between(0, 99)), WorkPerSecond(random_.Between(0, 99))});
    }
    core::SetPlan::WaitTable table{.pool = PoolId{Number()}, .stood_as = ServiceClass::kFlex, .buckets = {}};
    for (core::WaitRange& range : table.buckets) range = {Time(), Time(), Time()};
    plan.wait_tables.push_back(table);
  }
  return plan;
}

core::CloseStatement RandomCommands::DrawClose() {
  ledger::StatementEntry rated;
  rated.tenant = TenantId{Number()};
  rated.tariff = Number();
  rated.from = At();
  rated.to = At();
  rated.lines.resize(static_cast<size_t>(random_.Between(0, 3)));
  return {random_.Bits(), random_.Bits(), std::make_shared<ledger::StatementEntry>(rated)};
}

core::ReportOutcome RandomCommands::DrawReport() {
  core::ReportOutcome report;
  report.ticket = random_.Bits();
  report.tenant = TenantId{Number()};
  report.request_id = Text();
  report.body = Digest();
  report.name = Text();
  report.accepted = random_.Between(0, 1'000);
  report.rejected = random_.Between(0, 1'000);
  report.run = Text();
  for (int64_t n = random_.Between(0, 3); n > 0; --n) report.labels.emplace_back(Text(), Text());
  report.happened = Perhaps(At());
  report.reverses = random_.Bits();
  return report;
}

core::AskRaise RandomCommands::DrawRaise() {
  core::AskRaise ask;
  ask.ticket = random_.Bits();
  ask.budget = {TenantId{Number()}, static_cast<ledger::BudgetScope>(random_.Between(0, 3)), Number(), Text(),
                static_cast<ledger::BudgetPeriod>(random_.Between(0, 2)), random_.Between(0, 1'000)};
  ask.amount = core::Usd("1.5");
  ask.is_total = random_.OneIn(2);
  ask.for_good = random_.OneIn(2);
  ask.by = Text();
  ask.reason = Text();
  return ask;
}

std::vector<ledger::RateStep> RandomCommands::DrawSteps() {
  std::vector<ledger::RateStep> steps;
  for (int64_t n = random_.Between(0, 3); n > 0; --n) {
    steps.push_back({At(), At(), WorkPerSecond(random_.Between(0, 1'000'000)), random_.Between(0, 1'000)});
  }
  return steps;
}

core::MarketCaller RandomCommands::DrawCaller() {
  return {TenantId{Number()}, Text(), Text(), Digest(), random_.OneIn(2)};
}

core::Wish RandomCommands::DrawWish() {
  core::Wish wish;
  wish.pool = PoolId{Number()};
  wish.project = Text();
  wish.steps = DrawSteps();
  wish.overrun = Perhaps(Overrun::kWait);
  wish.envelope = {Work(random_.Between(0, 1'000)), Duration(random_.Between(0, 1'000)), Tokens(random_.Between(0, 9))};
  wish.shape = Text();
  return wish;
}

core::Command RandomCommands::Draw(size_t type) {
  const core::Command commands[] = {
      DrawAdmit(),
      core::Abandon{random_.Bits()},
      core::Undeliverable{random_.Bits(), Grant()},
      core::Progress{random_.Bits(), Grant(), Perhaps(TenantId{Number()}), Counts()},
      DrawComplete(),
      core::SetCapacity{random_.Bits(), PoolId{Number()}, WorkPerSecond(random_.Between(1, 1'000'000'000)),
                        random_.Between(0, 1'000), random_.Between(0, 1'000)},
      DrawPlan(),
      core::ApproveRun{random_.Bits(), TenantId{Number()}, Text(), Text()},
      DrawClose(),
      DrawReport(),
      DrawRaise(),
      core::DecideRaise{random_.Bits(), Number(), random_.OneIn(2), Text()},
      core::AskQuote{random_.Bits(), DrawCaller(), DrawWish()},
      core::WithdrawQuote{random_.Bits(), DrawCaller(), random_.Bits()},
      core::AcceptQuote{random_.Bits(), DrawCaller(), random_.Bits()},
      core::ChangeReservation{random_.Bits(), DrawCaller(), Number(), random_.Bits(),
                              static_cast<core::ChangeReservation::What>(random_.Between(0, 5)), DrawSteps(), Text(),
                              Perhaps(Overrun::kRefuse), Text(), Text()},
      core::DecideReservation{random_.Bits(), DrawCaller(), Number(), random_.Bits(), random_.OneIn(2), Text()},
      core::PlaceBid{random_.Bits(), DrawCaller(), DrawWish(), random_.Between(0, 1'000), At()},
      core::WithdrawBid{random_.Bits(), DrawCaller(), random_.Bits()},
      core::PinPrice{random_.Bits(), DrawCaller(), PoolId{Number()}, random_.OneIn(2), Duration(random_.Between(0, 99))},
      core::Reconfigure{random_.Bits(), std::make_shared<core::EngineSettings>(RichWorld())},
      core::Drain{},
      core::Tick{}};
  static_assert(std::size(commands) == std::variant_size_v<core::Command>, "draw the new one too");
  PENSTOCK_CHECK(commands[type].index() == type);
  return commands[type];
}

}  // namespace penstock::arrivals
