#include "broker/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "broker/auth/secret_file.h"
#include "broker/config/decimal.h"
#include "broker/config/document.h"
#include "broker/config/moment.h"
#include "broker/config/problems.h"

namespace penstock::config {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kProject = PENSTOCK_SOURCE_DIR;
const std::filesystem::path kGolden = kProject / "tests/golden/config";

std::string Read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

/// A folder of its own for each test, gone afterwards.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "config_test.XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string Put(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }
  std::string Path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string Minimal() { return Read(kGolden / "minimal.yaml"); }

// ---- Golden files: tests/golden/config/NAME.yaml, and in NAME.txt what a person reads after `penstock validate`.
// PENSTOCK_UPDATE_GOLDEN=1 writes the .txt files anew; read the difference before committing it.

std::vector<std::string> GoldenCases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kGolden)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class GoldenConfig : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenConfig, SaysWhatIsInItsTextFile) {
  std::filesystem::current_path(kGolden);
  const std::string file = GetParam() + ".yaml";
  const absl::StatusOr<Config> config = ParseConfig(Read(file), file);
  const std::string said = config.ok() ? "valid\n" + Describe(*config) : Message(config.status()) + "\n";
  const std::filesystem::path expected = GetParam() + ".txt";
  if (std::getenv("PENSTOCK_UPDATE_GOLDEN") != nullptr) std::ofstream(expected) << said;
  EXPECT_EQ(said, Read(expected));
}

INSTANTIATE_TEST_SUITE_P(Folder, GoldenConfig, ::testing::ValuesIn(GoldenCases()),
                         [](const auto& param_info) { return param_info.param; });

// ---- What is read.

class EveryKey : public ::testing::Test {
 protected:
  EveryKey() : config_(*ParseConfig(Read(kGolden / "everything.yaml"), "/etc/penstock/penstock.yaml")) {}
  const core::TenantSettings& Tenant(size_t i) const { return config_.engine.tenants.at(i); }
  const Config config_;
};

TEST_F(EveryKey, OfTheDaemonIsRead) {
  EXPECT_EQ(config_.listen, "[::1]:0");
  EXPECT_EQ(config_.data_dir, "/etc/penstock/state");
  ASSERT_TRUE(config_.tls.has_value());
  EXPECT_EQ(config_.tls->cert_file, "/etc/penstock/server.pem");
  EXPECT_EQ(config_.tls->key_file, "/etc/penstock/server.key");
  EXPECT_EQ(config_.drain_timeout, Seconds(5));
  EXPECT_EQ(config_.command_queue, 1'024);
  EXPECT_EQ(config_.arrival_log_bytes, 1'048'576u);
  EXPECT_EQ(config_.hash_key_file, "/etc/penstock/secrets/hash_key");
  ASSERT_EQ(config_.api_keys.size(), 3u);
  EXPECT_EQ(config_.api_keys[1].role, auth::Role::kTenant);
  EXPECT_EQ(config_.api_keys[1].id, "0badcaff");
  EXPECT_EQ(config_.api_keys[1].tenant, "acme");
  EXPECT_EQ(config_.api_keys[1].key, "prod");
  EXPECT_EQ(config_.api_keys[1].hash.size(), 64u);
}

TEST_F(EveryKey, OfAPoolIsRead) {
  ASSERT_EQ(config_.engine.pools.size(), 1u);
  const core::PoolSettings& pool = config_.engine.pools[0];
  EXPECT_EQ(pool.name, "chat");
  EXPECT_EQ(pool.model, "llama-3.1-8b");
  EXPECT_EQ(pool.terms.capacity, NormalizedTokensPerSecond(50'000));
  EXPECT_EQ(pool.terms.burst, NormalizedTokens(100'000));
  EXPECT_EQ(pool.terms.max_in_flight, 64);
  EXPECT_EQ(pool.burndown[TokenKind::kInput], 1'000);
  EXPECT_EQ(pool.burndown[TokenKind::kCachedInput], 100);
  EXPECT_EQ(pool.burndown[TokenKind::kOutput], 4'000);
  EXPECT_EQ(pool.burndown[TokenKind::kReasoning], 0);
  EXPECT_EQ(pool.predicted_output, Tokens(300));
  EXPECT_EQ(pool.estimator_error_thousandths, 125);
  EXPECT_EQ(pool.lease, Seconds(60));
  EXPECT_EQ(pool.settle_within, Seconds(600));
  const admission::ClassTerms& free = pool.terms.classes[0];
  EXPECT_EQ(free.weight, 3);
  EXPECT_EQ(free.max_in_flight, 8);
  EXPECT_EQ(free.holdback_slots, 4);
  EXPECT_EQ(free.max_waiting, 50);
  EXPECT_EQ(pool.terms.classes[static_cast<size_t>(ServiceClass::kSpillover)].weight, 7);
}

TEST_F(EveryKey, OfATenantIsRead) {
  ASSERT_EQ(config_.engine.tenants.size(), 4u);
  const core::TenantSettings& acme = Tenant(0);
  EXPECT_EQ(acme.tier, Tier::kElastic);
  EXPECT_EQ(acme.weight, 3);
  EXPECT_THAT(acme.pools, ::testing::ElementsAre("chat"));
  EXPECT_THAT(acme.classes,
              ::testing::ElementsAre(ServiceClass::kFlex, ServiceClass::kDefault, ServiceClass::kPriority));
  EXPECT_EQ(acme.limits.max_parallel, 4);
  ASSERT_EQ(acme.keys.size(), 2u);
  EXPECT_EQ(acme.keys[0].name, "prod");
  EXPECT_EQ(acme.keys[0].limits.max_parallel, 2);
  EXPECT_THAT(acme.keys[0].policy.pools, ::testing::ElementsAre("chat"));
  EXPECT_EQ(acme.keys[1].limits.max_parallel, 0);
}

TEST_F(EveryKey, OfTheGatesOfAClassIsRead) {
  const admission::PoolTerms& terms = config_.engine.pools.at(0).terms;
  EXPECT_EQ(terms.kv_tokens, 900'000);
  const admission::ClassTerms& free = terms.classes[0];
  EXPECT_EQ(free.holdback_kv, 1'000);
  EXPECT_EQ(free.floor, NormalizedTokensPerSecond(10));
  EXPECT_EQ(free.cap, NormalizedTokensPerSecond(20));
  EXPECT_EQ(free.codel_target, Milliseconds(300));
  EXPECT_EQ(free.codel_interval, Milliseconds(900));
  const admission::ClassTerms& flex = terms.classes[static_cast<size_t>(ServiceClass::kFlex)];
  EXPECT_EQ(flex.codel_interval, Milliseconds(50)) << "ten targets unless it is given";
  EXPECT_EQ(flex.floor, WorkPerSecond::Zero());
}

TEST_F(EveryKey, OfTiersGraduationsBudgetsAndRunsIsRead) {
  const auto money = [](const char* text) { return *ledger::Money::FromDecimal(text); };
  EXPECT_EQ(config_.engine.tier_limits[0].limits.at(0).name, "requests_per_minute");
  EXPECT_TRUE(config_.engine.tier_limits[1].limits.empty());
  EXPECT_EQ(config_.engine.tier_limits[2].max_parallel, 9);
  const core::TenantSettings& acme = Tenant(0);
  ASSERT_EQ(acme.graduations.size(), 2u);
  EXPECT_EQ(acme.graduations[1].at_spend, money("99.5"));
  EXPECT_EQ(acme.graduations[1].limits.max_parallel, 40);
  ASSERT_EQ(acme.budgets.size(), 3u);
  using Period = core::BudgetTerms::Period;
  EXPECT_EQ(acme.budgets[0], (core::BudgetTerms{"day", Period::kDay, money("1.5"), false, {80, 100}}));
  EXPECT_EQ(acme.budgets[2].amount, money("0.000001"));
  ASSERT_EQ(acme.projects.size(), 1u);
  EXPECT_EQ(acme.projects[0].name, "search");
  EXPECT_EQ(acme.projects[0].budgets.at(0), (core::BudgetTerms{"month", Period::kMonth, money("3"), true, {1, 1'000}}));
  EXPECT_EQ(acme.keys[0].project, "search");
  EXPECT_EQ(acme.runs.max_spend, money("2"));
  EXPECT_EQ(acme.runs.max_requests, 3);
  EXPECT_EQ(acme.runs.max_wall_time, Seconds(4));
  EXPECT_EQ(acme.runs.max_depth, 5);
  EXPECT_TRUE(acme.runs.ask_for_approval);
  EXPECT_FALSE(acme.runs.soft_spend);
  EXPECT_EQ(acme.runs.alert_at, (std::vector<uint32_t>{80, 100}));
}

TEST_F(EveryKey, OfTheWebhookIsRead) {
  ASSERT_TRUE(config_.webhook.has_value());
  EXPECT_EQ(config_.webhook->origin, "http://[::1]:9000");
  EXPECT_EQ(config_.webhook->path, "/hook");
  EXPECT_EQ(config_.webhook->secret_file, "/etc/penstock/secrets/webhook");
}

/// What is said about a URL; empty: it is fine.
std::string SaidAboutUrl(const std::string& url) {
  const std::string text = Read(kGolden / "minimal.yaml") + "webhook: {url: \"" + url + "\", secret_file: s}\n";
  const absl::StatusOr<Config> config = ParseConfig(text, "p.yaml");
  return config.ok() ? "" : Message(config.status());
}

TEST(WebhookUrl, IsHttpsOrLoopback) {
  for (const char* good :
       {"https://hooks.example.com", "https://10.0.0.1:8443/a/b?c=d", "http://localhost/x", "http://127.9.9.9:1/x"}) {
    EXPECT_EQ(SaidAboutUrl(good), "") << good;
  }
  const std::pair<const char*, const char*> bad[] = {
      {"ftp://hooks.example.com", "must begin with https://"},
      {"hooks.example.com", "must begin with https://"},
      {"http://hooks.example.com/x", "alerts go beyond loopback only with TLS"},
      {"http://localhost.evil.com/x", "alerts go beyond loopback only with TLS"},
      {"http://127.0.0.1@evil.com/x", "and no user"},
      {"https://user:secret@hooks.example.com", "and no user"},
      {"https://", "must have a host"},
      {"https://host:0/", "must have a host"},
      {"https://host:65536/", "must have a host"},
      {"https://host/a b", "has a path with spaces"},
      {"https://host/a#b", "has a path with spaces, a fragment"},
  };
  for (const auto& [url, says] : bad) EXPECT_THAT(SaidAboutUrl(url), ::testing::HasSubstr(says)) << url;
}

TEST_F(EveryKey, OfAKeysPolicyIsRead) {
  const core::KeySettings& key = Tenant(0).keys.at(0);
  EXPECT_EQ(key.weight, 6);
  EXPECT_THAT(key.policy.classes, ::testing::ElementsAre(ServiceClass::kFlex));
  EXPECT_EQ(key.policy.max_input, Tokens(7));
  EXPECT_EQ(key.policy.max_output, Tokens(8));
  EXPECT_EQ(key.policy.max_output_price, 9'500'000);
  EXPECT_EQ(key.policy.duplicates, core::DuplicatePolicy::kRefuse);
  EXPECT_EQ(key.policy.duplicate_window, Seconds(11));
  ASSERT_EQ(key.budgets.size(), 1u);
  EXPECT_EQ(Tenant(0).keys.at(1).policy, core::KeyPolicy());
}

TEST_F(EveryKey, OfALimitIsReadAndItsBurstIsTheQuantityUnlessGiven) {
  const auto limit = [&](const std::string& name) {
    for (const admission::LimitTerms& terms : Tenant(0).limits.limits) {
      if (terms.name == name) return terms;
    }
    ADD_FAILURE() << name;
    return admission::LimitTerms();
  };
  using admission::Measure;
  using admission::RateTerms;
  EXPECT_EQ(Tenant(0).limits.limits.size(), 4u);
  EXPECT_EQ(limit("requests_per_minute").measure, Measure::kRequests);
  EXPECT_EQ(limit("requests_per_minute").rate, (RateTerms{60, Minutes(1), 60}));
  EXPECT_EQ(limit("requests_per_day").rate, (RateTerms{1'000, Days(1), 100}));
  EXPECT_EQ(limit("output_tokens_per_hour").measure, Measure::kTokenKind);
  EXPECT_EQ(limit("output_tokens_per_hour").kind, TokenKind::kOutput);
  EXPECT_EQ(limit("output_tokens_per_hour").rate, (RateTerms{5'000, Hours(1), 5'000}));
  EXPECT_EQ(limit("work_per_minute").measure, Measure::kWork);
  EXPECT_EQ(limit("work_per_minute").rate, (RateTerms{7'000'000, Minutes(1), 7'000'000}));
  ASSERT_EQ(Tenant(0).keys[0].limits.limits.size(), 1u);
  EXPECT_EQ(Tenant(0).keys[0].limits.limits[0].measure, Measure::kTokens);
}

TEST_F(EveryKey, OfAReservationIsReadOnWorkAndOnTokens) {
  ASSERT_TRUE(Tenant(1).reservations.size() == 1);
  EXPECT_EQ(Tenant(1).reservations[0].kind, std::nullopt);
  EXPECT_EQ(Tenant(1).reservations[0].rate, (admission::RateTerms{30'000'000, Seconds(1), 60'000'000}));
  EXPECT_EQ(Tenant(1).reservations[0].overrun, Overrun::kWait);
  ASSERT_EQ(Tenant(2).reservations.size(), 2u);
  EXPECT_EQ(Tenant(2).reservations[0].kind, TokenKind::kOutput);
  EXPECT_EQ(Tenant(2).reservations[0].rate, (admission::RateTerms{3'000, Seconds(1), 10'000}));
  EXPECT_EQ(Tenant(2).reservations[1].kind, TokenKind::kInput);
  EXPECT_EQ(Tenant(2).reservations[0].overrun, Overrun::kSpill);
}

TEST_F(EveryKey, OfAMarketIsReadInThousandths) {
  const market::MarketTerms& terms = config_.engine.pools.at(0).market;
  const auto at = [](const char* text) { return *ParseInstant(text); };
  market::MarketTerms want;
  want.open = true;
  want.margin = 75;
  want.burst = Milliseconds(1'500);
  want.envelope = {NormalizedTokens(4'000), Milliseconds(8'250), Tokens(12'000)};
  want.planned = {{at("2026-12-01"), WorkPerSecond::Zero(), 64, 900'000},
                  {at("2026-12-01T06:00:00Z"), NormalizedTokensPerSecond(90'000), 100, 1'000'000}};
  want.shortest = Minutes(15);
  want.furthest = Days(90);
  want.quote_holds = Minutes(2);
  want.lock_time = Hours(6);
  want.refund = 125;
  want.approval_above = *ledger::Money::FromDecimal("99.5");
  want.scarcity = {{0, 0}, {505, 100}, {1'000, 2'500}};
  want.lead_time = {{Duration(), 1'200}, {Hours(48), 1'000}};
  want.term = {{Hours(168), 925}};
  want.least_spread = 50;
  want.most_spread = 455;
  want.posted = {.curve = {{0, 900}, {700, 1'000}, {1'000, 4'000}},
                 .floor = 900,
                 .cap = 4'000,
                 .step = 25,
                 .most_steps = 2,
                 .least_between = Minutes(30),
                 .notice = Minutes(1),
                 .lock_premium = 110,
                 .cap_premium = 220,
                 .longest_lock = Hours(24)};
  want.chunk = NormalizedTokens(25'000);
  want.chunk_price = *ledger::Money::FromDecimal("4.25");
  want.chunk_lead_time = Days(30);
  EXPECT_EQ(terms, want);
}

TEST_F(EveryKey, OfWhatAReservationCostsAndIsPromisedIsRead) {
  const ledger::PoolPrices& prices = config_.engine.tariff.pools.at(0);
  EXPECT_EQ(prices.capacity_price, 600'000) << "0.0006 for a nt/s and hour: pico-units per milli-nt/s and hour";
  EXPECT_EQ(prices.coupling.step, 1);
  const ledger::ServiceLevel want{Milliseconds(400), Milliseconds(1'500), 25, {{995, 10}, {950, 30}}};
  EXPECT_EQ(prices.service_level, want);
}

TEST(AMarketThatSaysNothing, IsOpenAndTakesThePoolsOwnProportion) {
  std::string text = Replaced(Minimal(), "    burndown:", "    kv_tokens: 640000\n    market: {}\n    burndown:");
  text = Replaced(text, "      prices:", "      capacity: {price_per_nt_per_s_hour: \"0.0001\"}\n      prices:");
  const std::string prices = "{input: \"0.60\", cached_input: \"0.06\", output: \"2.40\"}";
  EXPECT_THAT(Message(ParseConfig(text, "c.yaml").status()),
              HasSubstr("tenant \"acme\" can be served as reserved in pool \"chat\""))
      << "whoever may use the pool may buy";
  text += "        reserved: " + prices + "\n        spillover: " + prices + "\n";
  const absl::StatusOr<Config> config = ParseConfig(text, "c.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  market::MarketTerms want;
  want.open = true;
  // 50,000 nt/s for 10 s among 64 requests.
  want.envelope = {Work(7'812'500), Seconds(10), Tokens(10'000)};
  EXPECT_EQ(config->engine.pools[0].market, want);
}

TEST(AMarketThatIsNotThere, IsClosed) {
  EXPECT_EQ(ParseConfig(Minimal(), "c.yaml")->engine.pools[0].market, market::MarketTerms());
  const std::string shut = Replaced(Minimal(), "    burndown:", "    market: {open: false}\n    burndown:");
  const absl::StatusOr<Config> config = ParseConfig(shut, "c.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_FALSE(config->engine.pools[0].market.open) << "and so needs no list price";
}

TEST_F(EveryKey, OfATariffIsReadAsWholePicoUnits) {
  const ledger::Tariff& tariff = config_.engine.tariff;
  EXPECT_EQ(tariff.version, "v1");
  EXPECT_EQ(tariff.currency, "EUR");
  EXPECT_EQ(tariff.effective, Instant() + Seconds(1'767'225'600));
  EXPECT_EQ(tariff.rounding, ledger::RoundingMode::kHalfUp);
  EXPECT_EQ(tariff.rounding_unit, ledger::Money::FromPico(1));
  ASSERT_EQ(tariff.pools.size(), 1u);
  const auto& prices = tariff.pools[0].by_class;
  EXPECT_EQ(prices[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kInput], 600'000);
  EXPECT_EQ(prices[static_cast<size_t>(ServiceClass::kDefault)][TokenKind::kCachedInput], 60'000);
  EXPECT_EQ(prices[static_cast<size_t>(ServiceClass::kFlex)][TokenKind::kInput], 1);
  EXPECT_EQ(prices[static_cast<size_t>(ServiceClass::kFlex)][TokenKind::kOutput], 1'000'000);
  EXPECT_EQ(prices[static_cast<size_t>(ServiceClass::kReserved)][TokenKind::kOutput], 800'000);
  // 0.125 for a million nt (a billion milli-nt) in the minute: 1.25e11 pico / 1e9.
  EXPECT_EQ(tariff.pools[0].demand, (std::vector{ledger::BusiestMinute(125)}));
}

TEST(AMinimalConfig, HasTheDefaultsThatTheExampleNames) {
  const absl::StatusOr<Config> config = ParseConfig(Minimal(), "minimal.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->listen, "127.0.0.1:7070");
  EXPECT_EQ(config->drain_timeout, Seconds(30));
  EXPECT_EQ(config->command_queue, 65'536);
  EXPECT_EQ(config->arrival_log_bytes, uint64_t{256} << 20);
  EXPECT_EQ(config->hash_key_file, "/var/lib/penstock/hash_key");
  const core::PoolSettings& pool = config->engine.pools[0];
  EXPECT_EQ(pool.terms.burst, NormalizedTokens(50'000));
  EXPECT_EQ(pool.predicted_output, Tokens(256));
  EXPECT_EQ(pool.lease, Minutes(5));
  EXPECT_EQ(pool.settle_within, Minutes(30));
  const std::vector<int64_t> weights = {1, 2, 10, 20, 10};
  for (size_t i = 0; i < kShareClassCount; ++i) {
    EXPECT_EQ(pool.terms.classes[i].weight, weights[i]);
    EXPECT_EQ(pool.terms.classes[i].holdback_slots, 0);
    EXPECT_EQ(pool.terms.classes[i].max_in_flight, 0);
    EXPECT_EQ(pool.terms.classes[i].max_waiting, 10'000);
  }
}

TEST(TheShippedExample, Loads) {
  const absl::StatusOr<Config> config = LoadConfig((kProject / "deploy/examples/penstock.yaml").string());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(Describe(*config), HasSubstr("3: 1 free, 1 elastic, 1 reserved"));
}

TEST(TheShippedTariff, IsReadableOnItsOwn) {
  const std::string path = (kProject / "deploy/tariffs/two-meters.yaml").string();
  const absl::StatusOr<TariffFile> tariff = ParseTariff(Read(path), path);
  ASSERT_TRUE(tariff.ok()) << tariff.status();
  EXPECT_EQ(tariff->tariff.pools.at(0).demand, (std::vector{ledger::BusiestMinute(500)}));
}

// ---- Files.

TEST(LoadConfig, SaysWhichFileIsNotThere) {
  const absl::Status status = LoadConfig("/nowhere/penstock.yaml").status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("/nowhere/penstock.yaml"));
}

TEST(LoadConfig, RefusesAFolderAndADevice) {
  EXPECT_FALSE(LoadConfig("/tmp").ok());
  EXPECT_THAT(Message(LoadConfig("/dev/zero").status()), HasSubstr("not a regular file"));
}

TEST(LoadConfig, RefusesAHugeFile) {
  const Folder folder;
  const std::string path = folder.Put("huge.yaml", Minimal() + std::string(kMaxFileBytes, '#'));
  EXPECT_THAT(Message(LoadConfig(path).status()), HasSubstr("larger than 1 MiB"));
}

TEST(LoadConfig, ChecksThatTlsFilesAreThereAndArePem) {
  const Folder folder;
  folder.Put("server.key", "not a key");
  const std::string path =
      folder.Put("penstock.yaml", "tls: {cert_file: server.pem, key_file: server.key}\n" + Minimal());
  const std::string message = Message(LoadConfig(path).status());
  EXPECT_THAT(message, HasSubstr("1:18: tls.cert_file: cannot read " + folder.Path("server.pem")));
  EXPECT_THAT(message, HasSubstr("1:40: tls.key_file: " + folder.Path("server.key") + " is not PEM"));

  folder.Put("server.pem", "-----BEGIN CERTIFICATE-----\n");
  folder.Put("server.key", "-----BEGIN PRIVATE KEY-----\n");
  EXPECT_TRUE(LoadConfig(path).ok());
}

TEST(LoadConfig, NeedsAPrivateHashKeyOnceThereAreKeys) {
  const Folder folder;
  const std::string keys =
      "auth: {hash_key_file: hash_key, keys: [{id: 0badcafe, role: gateway, hash: " + std::string(64, 'a') + "}]}\n";
  const std::string path = folder.Put("penstock.yaml", keys + Minimal());
  EXPECT_THAT(Message(LoadConfig(path).status()), HasSubstr("`penstock keys new` makes it"));

  ASSERT_TRUE(auth::CreateHashKey(folder.Path("hash_key"), std::string(32, 'x')).ok());
  EXPECT_TRUE(LoadConfig(path).ok());

  ASSERT_EQ(::chmod(folder.Path("hash_key").c_str(), 0644), 0);
  EXPECT_THAT(Message(LoadConfig(path).status()), HasSubstr("chmod 600"));
}

// ---- Listening.

TEST(ListeningOnLoopback, NeedsNoTls) {
  for (const std::string address : {"127.0.0.1:7070", "127.9.9.9:1", "localhost:0", "\"[::1]:7070\""}) {
    const auto config = ParseConfig("listen: " + address + "\n" + Minimal(), "c.yaml");
    EXPECT_TRUE(config.ok()) << config.status();
  }
}

TEST(ListeningElsewhere, NeedsTls) {
  for (const std::string address : {"0.0.0.0:7070", "10.0.0.1:7070", "example.com:7070", "\"[::]:7070\"",
                                    "127.0.0.1.example.com:7070", "\"[::ffff:10.0.0.1]:7070\""}) {
    const auto refused = ParseConfig("listen: " + address + "\n" + Minimal(), "c.yaml");
    EXPECT_THAT(Message(refused.status()), HasSubstr("only with TLS")) << address;
    const auto allowed =
        ParseConfig("tls: {cert_file: a, key_file: b}\nlisten: " + address + "\n" + Minimal(), "c.yaml");
    EXPECT_TRUE(allowed.ok()) << allowed.status();
  }
}

TEST(ListeningNowhere, IsRefused) {
  for (const std::string address : {"localhost", "127.0.0.1:65536", "\"127.0.0.1:\"", "::1:7070", "\"[::1]\"", "a b:1",
                                    "\":7070\"", "127.0.0.1:+1", "\"[::g]:1\""}) {
    const auto refused = ParseConfig("listen: " + address + "\n" + Minimal(), "c.yaml");
    EXPECT_THAT(Message(refused.status()), HasSubstr("is not an address")) << address;
  }
}

// ---- Parts.

TEST(ADecimal, IsExactOrSaysWhyNot) {
  using Form = Decimal::Form;
  EXPECT_EQ(ParseDecimal("0.1", 3).scaled, 100);
  EXPECT_EQ(ParseDecimal("4", 3).scaled, 4'000);
  EXPECT_EQ(ParseDecimal("0.1000000", 3).scaled, 100);
  EXPECT_EQ(ParseDecimal("007", 0).scaled, 7);
  EXPECT_EQ(ParseDecimal("9223372036854775807", 0).scaled, INT64_MAX);
  EXPECT_EQ(ParseDecimal("9223372036854775808", 0).form, Form::kTooLarge);
  EXPECT_EQ(ParseDecimal("9223372036854775807", 1).form, Form::kTooLarge);
  EXPECT_EQ(ParseDecimal("0.1234", 3).form, Form::kTooFine);
  EXPECT_EQ(ParseDecimal("0.1234", 3).scaled, 123);
  for (const std::string text :
       {"", ".", ".5", "5.", "-1", "+1", "1e3", "1_000", "1,5", "0x1", " 1", "1 ", "1.2.3", "nan", "\xD9\xA1"}) {
    EXPECT_EQ(ParseDecimal(text, 3).form, Form::kNotANumber) << text;
  }
}

TEST(ADecimal, PrintsShortest) {
  EXPECT_EQ(FormatDecimal(100, 3), "0.1");
  EXPECT_EQ(FormatDecimal(4'000, 3), "4");
  EXPECT_EQ(FormatDecimal(1, 6), "0.000001");
  EXPECT_EQ(FormatDecimal(0, 3), "0");
  EXPECT_EQ(FormatDecimal(70, 0), "70");
}

TEST(TheNearestName, IsTheOneAPersonMeant) {
  const std::vector<std::string_view> names = {"burndown", "burst_nt", "name", "model"};
  EXPECT_EQ(NearestName("brundown", names), "burndown");
  EXPECT_EQ(NearestName("burn_down", names), "burndown");
  EXPECT_EQ(NearestName("nmae", names), "name");
  EXPECT_EQ(NearestName("colour", names), "");
  EXPECT_EQ(NearestName(std::string(10'000, 'x'), names), "");
}

TEST(ATariff, SaysSoWhenADemandPriceIsNotWhole) {
  const std::string text = Replaced(Read(kProject / "deploy/tariffs/two-meters.yaml"), "\"0.50\"}", "\"0.0005\"}");
  EXPECT_THAT(Message(ParseTariff(text, "t.yaml").status()),
              HasSubstr("whole in pico-units per milli-nt; the nearest values are 0 and 0.001"));
}

TEST(ATariff, TakesEveryFormOfAMomentAndNoOther) {
  const auto with = [](const std::string& moment) {
    return ParseTariff(Replaced(Read(kProject / "deploy/tariffs/two-meters.yaml"), "2026-01-01T00:00:00Z", moment),
                       "t.yaml");
  };
  EXPECT_EQ(with("1970-01-01")->tariff.effective, Instant());
  EXPECT_EQ(with("2024-02-29T23:59:59Z")->tariff.effective, Instant() + Seconds(1'709'251'199));
  for (const std::string moment :
       {"2026", "2026-1-01", "2025-02-29", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+01:00",
        "1969-12-31", "2201-01-01", "2026-00-10", "tomorrow", "-026-01-01", "2026-01-01 00:00:00Z"}) {
    EXPECT_THAT(Message(with(moment).status()), HasSubstr("is not a moment")) << moment;
  }
}

TEST(Bytes, OfAnyKindAreAnAnswerNotACrash) {
  const std::vector<std::string> texts = {std::string("a\0b", 3),
                                          "\xff\xfe\xfd",
                                          "\xEF\xBB\xBF" + Minimal(),
                                          "? [a]\n: b\n",
                                          "%YAML 9.9\n--- a\n",
                                          std::string(100'000, '['),
                                          std::string(100'000, '-'),
                                          ", a: b",
                                          "{",
                                          "a: |\n",
                                          "'",
                                          std::string(100'000, '{'),
                                          "!<",
                                          "&",
                                          "*",
                                          "? ",
                                          ": ",
                                          "- - - -"};
  for (const std::string& text : texts) {
    EXPECT_TRUE(!ParseConfig(text, "c.yaml").ok() || text.find("data_dir") != std::string::npos);
  }
}

TEST(WindowsLineEnds, AreRead) {
  std::string text;
  for (const char c : Minimal()) text += c == '\n' ? "\r\n" : std::string(1, c);
  const auto config = ParseConfig(text, "c.yaml");
  EXPECT_TRUE(config.ok()) << config.status();
}

}  // namespace
}  // namespace penstock::config
