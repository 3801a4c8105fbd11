#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "broker/cli/client_commands.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "tests/broker/fake_daemon.h"

namespace penstock::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
  nlohmann::ordered_json json() const { return nlohmann::ordered_json::parse(out); }
};

class ClientCommandsTest : public testing::Test {
 protected:
  ClientCommandsTest() {
    unsetenv("PENSTOCK_ADDRESS");
    setenv("PENSTOCK_API_KEY", "psk_environment", 1);
  }

  // Words without spaces in them; the daemon's address is added.
  Outcome Penstock(const std::string& command_line) { return Run(command_line + " --address " + daemon_.address()); }

  static Outcome Run(const std::string& command_line) {
    std::istringstream words(command_line);
    const std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
    std::ostringstream out;
    std::ostringstream err;
    Terminal terminal{out, err};
    Invocation invocation{terminal};
    CLI::App app("penstock", "penstock");
    AddAdmissionCommands(app, invocation);
    AddBillingCommands(app, invocation);
    AddBudgetCommands(app, invocation);
    AddStatusCommand(app, invocation);
    AddOperatorCommands(app, invocation);
    AddBenchCommand(app, invocation);
    const int exit_code = cli::Run(app, arguments, invocation);
    return {exit_code, out.str(), err.str()};
  }

  std::string WriteFile(const std::string& name, const std::string& text) {
    const std::string path = testing::TempDir() + "/cli_client_" + std::to_string(getpid()) + "_" + name;
    std::ofstream(path) << text;
    files_.push_back(path);
    return path;
  }
  ~ClientCommandsTest() override {
    for (const std::string& path : files_) std::filesystem::remove(path);
  }

  FakeDaemon daemon_;

 private:
  std::vector<std::string> files_;
};

template <class Message>
Message FromText(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

template <class Request, class Response>
Answer<Request, Response> Say(const std::string& text) {
  return [answer = FromText<Response>(text)](const Request&, Response& response) {
    response = answer;
    return grpc::Status::OK;
  };
}

template <class Request, class Response>
Answer<Request, Response> Fail(grpc::Status status) {
  return [status](const Request&, Response&) { return status; };
}

constexpr char kGrant[] = R"(
  grant { name: "g-1-abc" pool: "pools/chat" served: SERVICE_CLASS_PRIORITY tier: TIER_ELASTIC
          tariff_version: "2026-11" currency: "USD"
          prices { kind: "input" micros_per_million_tokens: 150000 }
          prices { kind: "output" micros_per_million_tokens: 600000 }
          output_cap: 500 waited { nanos: 1500000 }
          lease_deadline { seconds: 1795255200 } settle_deadline { seconds: 1795258800 }
          hold { currency: "USD" amount: "0.000480000000" } })";

// ---- admit

TEST_F(ClientCommandsTest, AdmitSendsWhatTheFlagsSay) {
  v1::AdmitRequest seen;
  daemon_.admit = [&](const v1::AdmitRequest& request, v1::AdmitResponse& response) {
    seen = request;
    response = FromText<v1::AdmitResponse>(kGrant);
    return grpc::Status::OK;
  };
  const Outcome outcome = Penstock(
      "admit --key tenants/acme/keys/prod --pool chat --pool pools/spare --input 1200 --kind cached_input=800 "
      "--estimated --max-output 500 --max-wait 1500ms --class priority --run R --label team=a=b --request-id id-1 "
      "--validate-only --explain");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_EQ(seen.DebugString(), FromText<v1::AdmitRequest>(R"(
      request_id: "id-1" key: "tenants/acme/keys/prod" pools: "pools/chat" pools: "pools/spare"
      input { kind: "input" tokens: 1200 estimated: true } input { kind: "cached_input" tokens: 800 estimated: true }
      max_output_tokens: 500 max_wait { seconds: 1 nanos: 500000000 } service_class: SERVICE_CLASS_PRIORITY
      run: "R" labels { key: "team" value: "a=b" } validate_only: true explain: true)")
                                    .DebugString());
  EXPECT_EQ(daemon_.authorization(), "Bearer psk_environment");
}

TEST_F(ClientCommandsTest, AdmitPrintsTheGrantAndTheCommandThatEndsIt) {
  daemon_.admit = Say<v1::AdmitRequest, v1::AdmitResponse>(kGrant);
  const Outcome outcome = Penstock("admit --pool chat --input 1200 --max-output 500 --request-id id-1");
  EXPECT_EQ(outcome.exit_code, kOk);
  EXPECT_EQ(outcome.out,
            "granted        g-1-abc\n"
            "request id     id-1\n"
            "pool           pools/chat\n"
            "served as      priority\n"
            "waited         1.5ms\n"
            "output cap     500 tokens\n"
            "costs at most  0.000480000000 USD\n"
            "prices         input 0.150000, output 0.600000 USD per million tokens (tariff 2026-11)\n"
            "lease until    2026-11-21 10:00:00Z\n"
            "settle until   2026-11-21 11:00:00Z\n"
            "next           penstock complete --address " +
                daemon_.address() + " g-1-abc --tokens input=1200 --tokens output=500 --outcome succeeded\n");
}

TEST_F(ClientCommandsTest, AdmitTakesANewRequestIdEachTime) {
  std::vector<std::string> ids;
  daemon_.admit = [&](const v1::AdmitRequest& request, v1::AdmitResponse& response) {
    ids.push_back(request.request_id());
    response = FromText<v1::AdmitResponse>(kGrant);
    return grpc::Status::OK;
  };
  Penstock("admit --pool chat --max-output 1");
  Penstock("admit --pool chat --max-output 1");
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_THAT(ids[0], MatchesRegex("[0-9a-f]+-[0-9a-f]+-4[0-9a-f]+-[89ab][0-9a-f]+-[0-9a-f]+"));
  EXPECT_EQ(ids[0].size(), 36u);
  EXPECT_NE(ids[0], ids[1]);
}

TEST_F(ClientCommandsTest, ARefusalIsAnAnswerWithExitCodeOne) {
  daemon_.admit = Say<v1::AdmitRequest, v1::AdmitResponse>(
      R"(refusal { whose: YOURS reason: RATE_LIMIT retry_after { seconds: 2 } limit: "tenant.tokens_per_minute"
                   message: "Too many tokens." })");
  const Outcome text = Penstock("admit --pool chat --max-output 1");
  EXPECT_EQ(text.exit_code, kRefused);
  EXPECT_EQ(text.out,
            "refused      rate_limit\n"
            "whose limit  yours (HTTP 429)\n"
            "limit        tenant.tokens_per_minute\n"
            "retry after  2s\n"
            "because      Too many tokens.\n");
  EXPECT_THAT(text.err, IsEmpty());

  const Outcome json = Penstock("admit --pool chat --max-output 1 --request-id id-1 -o json");
  EXPECT_EQ(json.exit_code, kRefused);
  EXPECT_EQ(json.out,
            "{\n"
            "  \"request_id\": \"id-1\",\n"
            "  \"refusal\": {\n"
            "    \"whose\": \"yours\",\n"
            "    \"reason\": \"rate_limit\",\n"
            "    \"retry_after\": 2.0,\n"
            "    \"limit\": \"tenant.tokens_per_minute\",\n"
            "    \"message\": \"Too many tokens.\",\n"
            "    \"promised\": false,\n"
            "    \"asked\": 0,\n"
            "    \"remaining\": 0\n"
            "  }\n"
            "}\n");
}

TEST_F(ClientCommandsTest, ValidateOnlyPrintsTheForecastAndTheExplanation) {
  daemon_.admit = Say<v1::AdmitRequest, v1::AdmitResponse>(R"(
      forecast { pool: "pools/chat" service_class: SERVICE_CLASS_DEFAULT wait { nanos: 250000000 }
                 expected_cost { currency: "USD" amount: "0.1" } max_cost { currency: "USD" amount: "0.2" }
                 tariff_version: "t" }
      explanation { estimated_work_milli_nt: 1600000 position: 3 forecast_wait { nanos: 250000000 }
                    forecast_wait_low {} forecast_wait_high { seconds: 2 } gate: SLOTS candidates: TOO_DEAR
                    candidates: CHOSEN class_tag: 17 class_virtual_time: 12 tenant_tag: 5 tenant_virtual_time: 4 })");
  const Outcome outcome = Penstock("admit --pool chat --max-output 1 --validate-only --explain");
  EXPECT_EQ(outcome.exit_code, kOk);
  EXPECT_THAT(outcome.out, HasSubstr("after                 250ms\n"));
  EXPECT_THAT(outcome.out, HasSubstr("estimated work        1,600.000 nt\n"));
  EXPECT_THAT(outcome.out, HasSubstr("start tag 17, virtual time 12"));
  EXPECT_THAT(outcome.out, HasSubstr("250ms; nine of ten wait 0 to 2s\n"));
  EXPECT_THAT(outcome.out, HasSubstr("in its way            slots\n"));
  EXPECT_THAT(outcome.out, HasSubstr("candidate pools       too_dear, chosen\n"));
}

TEST_F(ClientCommandsTest, ExplainSaysWhyAndWhatWouldHaveHelped) {
  v1::ExplainRequest asked;
  daemon_.explain = [&](const v1::ExplainRequest& request, v1::Decision& decision) {
    asked = request;
    decision = FromText<v1::Decision>(R"(
        key: "tenants/acme/keys/prod" pool: "pools/chat" stood_as: SERVICE_CLASS_DEFAULT came { seconds: 1700000000 }
        decided { seconds: 1700000000 } waited {}
        refusal { whose: POOL reason: WAIT_TOO_LONG retry_after { seconds: 3 } message: "The line is too long."
                  promised: true }
        explanation { position: 9 forecast_wait { seconds: 8 } } remedies: "coming back 3.000 s later")");
    return grpc::Status::OK;
  };
  const Outcome outcome = Penstock("explain --request r-17 --tenant acme");
  EXPECT_EQ(outcome.exit_code, kOk);
  EXPECT_EQ(asked.request().tenant(), "tenants/acme");
  EXPECT_EQ(asked.request().request_id(), "r-17");
  EXPECT_THAT(outcome.out, HasSubstr("refused"));
  EXPECT_THAT(outcome.out, HasSubstr("It would have been let through with:\n  - coming back 3.000 s later\n"));

  EXPECT_EQ(Penstock("explain grants/abc -o json").exit_code, kOk);
  EXPECT_EQ(asked.grant(), "grants/abc");
  EXPECT_EQ(Penstock("explain").exit_code, kUsage);
  EXPECT_EQ(Penstock("explain grants/abc --request r-17").exit_code, kUsage);
}

TEST_F(ClientCommandsTest, OperatorsReloadAndApprove) {
  daemon_.reload = Say<v1::ReloadRequest, v1::ReloadResponse>(R"(summary: "pool  chat\ntenants  3\n")");
  const Outcome reloaded = Penstock("reload");
  EXPECT_EQ(reloaded.exit_code, kOk);
  EXPECT_THAT(reloaded.out, HasSubstr("In force now:\npool  chat\ntenants  3\n"));
  daemon_.approve = [](const v1::ApproveRunRequest& request, v1::ApproveRunResponse&) {
    return request.run() == "agent-7" && request.tenant() == "tenants/acme"
               ? grpc::Status::OK
               : NamedError(grpc::StatusCode::NOT_FOUND, "UNKNOWN_RUN", "no such run");
  };
  EXPECT_EQ(Penstock("approve acme agent-7").exit_code, kOk);
  EXPECT_NE(Penstock("approve acme agent-8").exit_code, kOk);
}

TEST_F(ClientCommandsTest, AGrantWithoutPricesIsFreeOfCharge) {
  daemon_.admit = Say<v1::AdmitRequest, v1::AdmitResponse>(R"(grant { name: "g" tariff_version: "t" })");
  EXPECT_THAT(Penstock("admit --pool chat --max-output 1").out, HasSubstr("free of charge (tariff t)\n"));
}

// ---- progress, complete

TEST_F(ClientCommandsTest, ProgressReportsTotalsAndSaysWhetherToStop) {
  v1::ProgressRequest seen;
  daemon_.progress = [&](const v1::ProgressRequest& request, v1::ProgressResponse& response) {
    seen = request;
    response = FromText<v1::ProgressResponse>("lease_deadline { seconds: 1795255200 } output_cap: 500 stop: true");
    return grpc::Status::OK;
  };
  const Outcome outcome = Penstock("progress g-1-abc --tokens input=1200 --tokens output=20 -o json");
  EXPECT_EQ(outcome.exit_code, kOk);
  EXPECT_EQ(seen.ShortDebugString(),
            "grant: \"g-1-abc\" tokens { kind: \"input\" tokens: 1200 } tokens { kind: \"output\" tokens: 20 }");
  EXPECT_EQ(outcome.json()["stop"], true);
  EXPECT_EQ(outcome.json()["lease_deadline"], "2026-11-21T10:00:00Z");
}

TEST_F(ClientCommandsTest, CompleteSendsTotalsOutcomeAndTimes) {
  v1::CompleteRequest seen;
  daemon_.complete = [&](const v1::CompleteRequest& request, v1::CompleteResponse& response) {
    seen = request;
    response = FromText<v1::CompleteResponse>(
        R"(charge { currency: "USD" amount: "1234.000384000000" } billed: true work_milli_nt: 2560000 sequence: 4711)");
    return grpc::Status::OK;
  };
  const Outcome outcome = Penstock(
      "complete g-1-abc --tokens input=1200 --tokens output=340 --outcome cancelled "
      "--first-token-time 2026-11-21T10:00:00Z --end-time 2026-11-21T10:00:01.5Z");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_EQ(seen.ShortDebugString(),
            "grant: \"g-1-abc\" outcome: CANCELLED tokens { kind: \"input\" tokens: 1200 } tokens { kind: \"output\" "
            "tokens: 340 } first_token_time { seconds: 1795255200 } end_time { seconds: 1795255201 nanos: 500000000 }");
  EXPECT_EQ(outcome.out,
            "settled        g-1-abc\n"
            "charge         1,234.000384000000 USD\n"
            "work           2,560.000 nt\n"
            "journal entry  4,711\n");
}

// ---- usage, windows

TEST_F(ClientCommandsTest, UsageReadsEveryPageAndAddsUp) {
  std::vector<std::string> tokens_seen;
  daemon_.usage = [&](const v1::QueryUsageRequest& request, v1::QueryUsageResponse& response) {
    tokens_seen.push_back(request.tenant() + ":" + request.page_token());
    const std::string first = R"(
        buckets { hour { seconds: 1795255200 } key: "prod" pool: "pools/chat" served: SERVICE_CLASS_DEFAULT requests: 2
                  tokens { kind: "output" tokens: 1000 } tokens { kind: "input" tokens: 2000 } work_milli_nt: 6000000
                  charge { currency: "USD" amount: "0.000900000001" } }
        next_page_token: "second" as_of_sequence: 10)";
    const std::string second = R"(
        buckets { hour { seconds: 1795258800 } key: "prod" pool: "pools/chat" served: SERVICE_CLASS_SPILLOVER
                  requests: 1 tokens { kind: "reasoning" tokens: 7 } work_milli_nt: 28000 unbilled_requests: 1
                  charge { currency: "USD" amount: "0.000000000002" } }
        as_of_sequence: 10)";
    response = FromText<v1::QueryUsageResponse>(request.page_token().empty() ? first : second);
    return grpc::Status::OK;
  };
  const Outcome text = Penstock("usage --tenant acme");
  EXPECT_EQ(text.exit_code, kOk);
  EXPECT_THAT(tokens_seen, testing::ElementsAre("tenants/acme:", "tenants/acme:second"));
  EXPECT_EQ(text.out,
            "hour                  key   pool  class      requests  input  output  reasoning    work nt      charge USD"
            "  unbilled\n"
            "2026-11-21 10:00:00Z  prod  chat  default           2  2,000   1,000          0  6,000.000  0.000900000001"
            "         0\n"
            "2026-11-21 11:00:00Z  prod  chat  spillover         1      0       0          7     28.000  0.000000000002"
            "         1\n"
            "--------------------                         --------  -----  ------  ---------  ---------  --------------"
            "  --------\n"
            "total                                               3  2,000   1,000          7  6,028.000  0.000900000003"
            "         1\n"
            "\nAs of journal entry 10\n");
  const Outcome json = Penstock("usage -o json");
  EXPECT_EQ(json.json()["buckets"].size(), 2u);
  EXPECT_EQ(json.json()["buckets"][0]["charge"]["amount"], "0.000900000001");
}

TEST_F(ClientCommandsTest, ADaemonThatRepeatsAPageDoesNotHoldTheClientForEver) {
  daemon_.windows = Say<v1::QueryWindowsRequest, v1::QueryWindowsResponse>(R"(next_page_token: "same")");
  EXPECT_EQ(Penstock("windows").exit_code, kInternal);
}

TEST_F(ClientCommandsTest, WindowsShowWorkPerSecond) {
  daemon_.windows = Say<v1::QueryWindowsRequest, v1::QueryWindowsResponse>(R"(
      windows { start { seconds: 1795255200 } length { seconds: 60 } pool: "pools/chat" tier: TIER_RESERVED
                work_milli_nt: 120000000 highest_second_milli_nt: 9000001 } as_of_sequence: 3)");
  EXPECT_EQ(Penstock("windows --from 2026-11-21T10 --to 2026-11-22").out,
            "window                length  pool  tier          work nt       nt/s  highest second nt\n"
            "2026-11-21 10:00:00Z  1m      chat  reserved  120,000.000  2,000.000          9,000.001\n"
            "\nAs of journal entry 3\n");
}

// ---- budgets

TEST_F(ClientCommandsTest, BudgetsSayWhatIsLeftAndWhenItRunsOut) {
  daemon_.budgets = [](const v1::ListBudgetsRequest& request, v1::ListBudgetsResponse& response) {
    const std::string first = R"(
        budgets { of: "tenants/acme" period: BUDGET_PERIOD_MONTH amount { currency: "USD" amount: "2000.000000000000" }
                  spent { currency: "USD" amount: "1234.500000000000" } held { currency: "USD" amount: "0.250000000000" }
                  left { currency: "USD" amount: "765.250000000000" } runs_out { seconds: 1795255200 }
                  period_end { seconds: 1796083200 } }
        next_page_token: "second" as_of_sequence: 10)";
    const std::string second = R"(
        budgets { of: "tenants/acme/keys/prod" period: BUDGET_PERIOD_DAY soft: true
                  amount { currency: "USD" amount: "100.000000000000" }
                  spent { currency: "USD" amount: "0.000000000000" } held { currency: "USD" amount: "0.000000000000" }
                  left { currency: "USD" amount: "100.000000000000" } }
        as_of_sequence: 10)";
    EXPECT_EQ(request.tenant(), "tenants/acme");
    response = FromText<v1::ListBudgetsResponse>(request.page_token().empty() ? first : second);
    return grpc::Status::OK;
  };
  const Outcome text = Penstock("budgets --tenant acme");
  EXPECT_EQ(text.exit_code, kOk) << text.err;
  EXPECT_EQ(text.out,
            "of                      period  kind          amount USD               spent            held              "
            "left  runs out\n"
            "tenants/acme            month   hard  2,000.000000000000  1,234.500000000000  0.250000000000  "
            "765.250000000000  2026-11-21 10:00:00Z\n"
            "tenants/acme/keys/prod  day     soft    100.000000000000      0.000000000000  0.000000000000  "
            "100.000000000000  -\n"
            "\n"
            "As of journal entry 10; runs out: if every hour spends what the one a week before it did\n");
  const Outcome json = Penstock("budgets --tenant acme -o json");
  ASSERT_EQ(json.json()["budgets"].size(), 2u);
  EXPECT_EQ(json.json()["budgets"][0]["left"]["amount"], "765.250000000000");
  EXPECT_EQ(json.json()["budgets"][0]["runs_out"], "2026-11-21T10:00:00Z");
  EXPECT_FALSE(json.json()["budgets"][1].contains("runs_out"));
  EXPECT_FALSE(json.json().contains("next_page_token"));
}

TEST_F(ClientCommandsTest, AlertsAreATable) {
  daemon_.alerts = Say<v1::ListAlertsRequest, v1::ListAlertsResponse>(R"(
      alerts { name: "alerts/17" at { seconds: 1795255200 } of: "tenants/acme/projects/search"
               period: BUDGET_PERIOD_MONTH in: "2026-11" threshold_percent: 80
               spent { currency: "USD" amount: "160.100000000000" }
               amount { currency: "USD" amount: "200.000000000000" } })");
  EXPECT_EQ(Penstock("alerts").out,
            "at                    of                            period  in       reached         spent USD         of "
            "amount  name\n"
            "2026-11-21 10:00:00Z  tenants/acme/projects/search  month   2026-11      80%  160.100000000000  "
            "200.000000000000  alerts/17\n");
  daemon_.alerts = Say<v1::ListAlertsRequest, v1::ListAlertsResponse>("");
  EXPECT_EQ(Penstock("alerts").out, "No alerts.\n");
}

constexpr char kRaise[] = R"(
  name: "raises/3" state: OPEN of: "tenants/acme" period: BUDGET_PERIOD_MONTH in: "2026-11"
  more { currency: "USD" amount: "500.000000000000" } from { currency: "USD" amount: "2000.000000000000" }
  to { currency: "USD" amount: "2500.000000000000" } reason: "launch week" asked_by: "9c31d7b0"
  asked_at { seconds: 1795255200 })";

TEST_F(ClientCommandsTest, ARaiseIsAskedForWithAReason) {
  v1::RequestRaiseRequest seen;
  daemon_.raise = [&](const v1::RequestRaiseRequest& request, v1::Raise& response) {
    seen = request;
    response = FromText<v1::Raise>(kRaise);
    return grpc::Status::OK;
  };
  const Outcome outcome = Penstock("budgets raise acme month --by 500 --reason launch");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_EQ(seen.ShortDebugString(),
            "of: \"tenants/acme\" period: BUDGET_PERIOD_MONTH more: \"500\" reason: \"launch\"");
  EXPECT_EQ(outcome.out,
            "request  raises/3\n"
            "state    open\n"
            "budget   tenants/acme, month 2026-11\n"
            "amount   2,000.000000000000 -> 2,500.000000000000 USD\n"
            "lasts    to the end of that month\n"
            "reason   launch week\n"
            "asked    2026-11-21 10:00:00Z by 9c31d7b0\n");
  Penstock("budgets raise acme/keys/prod total --to 9.5 --for-good --reason more");
  EXPECT_EQ(seen.of(), "tenants/acme/keys/prod");
  EXPECT_EQ(seen.total(), "9.5");
  EXPECT_TRUE(seen.for_good());
  EXPECT_EQ(Penstock("budgets raise acme week --by 1 --reason x").exit_code, kUsage);
  EXPECT_EQ(Penstock("budgets raise acme month --by 1 --to 2 --reason x").exit_code, kUsage);
  EXPECT_EQ(Penstock("budgets raise acme month --by 1").exit_code, kUsage);
}

TEST_F(ClientCommandsTest, ApprovalsAreListedAndDecided) {
  daemon_.reservations.list = [](const v1::ListReservationsRequest&, v1::ListReservationsResponse&) {
    return grpc::Status::OK;
  };
  std::vector<bool> open_only;
  daemon_.raises = [&](const v1::ListRaisesRequest& request, v1::ListRaisesResponse& response) {
    open_only.push_back(request.open_only());
    *response.add_raises() = FromText<v1::Raise>(kRaise);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Penstock("approvals list").out,
            "name      state  of            period  in               more USD                  to  lasts       asked   "
            "              by        reason\n"
            "raises/3  open   tenants/acme  month   2026-11  500.000000000000  2,500.000000000000  that month  "
            "2026-11-21 10:00:00Z  9c31d7b0  launch week\n");
  Penstock("approvals list --all");
  EXPECT_THAT(open_only, testing::ElementsAre(true, false));
  daemon_.approve_raise = [](const v1::DecideRaiseRequest& request, v1::Raise& response) {
    response = FromText<v1::Raise>(kRaise);
    return request.name() == "raises/3"
               ? grpc::Status::OK
               : NamedError(grpc::StatusCode::FAILED_PRECONDITION, "RAISE_DECIDED", "name: it was approved before");
  };
  EXPECT_EQ(Penstock("approvals approve 3").exit_code, kOk);
  const Outcome twice = Penstock("approvals approve raises/4");
  EXPECT_NE(twice.exit_code, kOk);
  EXPECT_THAT(twice.err, HasSubstr("it was approved before"));
  daemon_.reject_raise = Say<v1::DecideRaiseRequest, v1::Raise>(kRaise);
  EXPECT_EQ(Penstock("approvals reject 3 -o json").json()["name"], "raises/3");
  EXPECT_EQ(Penstock("approvals").exit_code, kUsage);
}

// ---- bill

constexpr char kStatement[] = R"(
  tenant: "tenants/acme" tariff_version: "2026-11" currency: "USD" from { seconds: 1795255200 }
  to { seconds: 1795258800 } provisional: true
  lines { description: "chat, default, input tokens" pool: "pools/chat"
          tokens { kind: "input" tokens: 1234567 micros_per_million_tokens: 150000 }
          exact: "0.185185050000" amount: "0.185185050000" }
  lines { description: "chat, demand" pool: "pools/chat"
          demand { peak_window { seconds: 1795255860 } window_length { seconds: 60 } work_milli_nt: 1234567
                   pico_units_per_milli_nt: 2001 highest_second_milli_nt: 45000 }
          exact: "0.002470368567" amount: "0.002470368567" }
  rounding: "0.000000000000" total: "0.187655418567" as_of_sequence: 12345 as_of_head: "ab12")";

TEST_F(ClientCommandsTest, ABillCanBeAddedUpByEye) {
  daemon_.statement = Say<v1::PreviewStatementRequest, v1::Statement>(kStatement);
  const Outcome outcome = Penstock("bill --tenant acme");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_EQ(
      outcome.out,
      "Provisional statement of tenants/acme, 2026-11-21 10:00:00Z to 2026-11-21 11:00:00Z\n"
      "Tariff 2026-11, amounts in USD\n"
      "\n"
      "charge                       pool       quantity      unit price          amount  peak window\n"
      "chat, default, input tokens  chat  1,234,567 tok  0.150000/M tok  0.185185050000\n"
      "chat, demand                 chat   1,234.567 nt   2.001000/M nt  0.002470368567  2026-11-21 10:11:00Z + 1m\n"
      "---------------------------                                       --------------\n"
      "total                                                             0.187655418567\n"
      "\n"
      "Peak of pools/chat: the busiest second inside that window carried 45.000 nt (informative).\n"
      "\n"
      "As of journal entry 12,345, head ab12\n"
      "Checked here: it adds up to the last pico-unit.\n");
}

TEST_F(ClientCommandsTest, ARoundedBillShowsTheExactFiguresToo) {
  auto statement = FromText<v1::Statement>(kStatement);
  statement.mutable_lines(1)->set_amount("0.002470000000");
  statement.set_total("0.187655050000");
  statement.set_rounding("0.000000368567");
  daemon_.statement = Say<v1::PreviewStatementRequest, v1::Statement>(statement.DebugString());
  const Outcome outcome = Penstock("bill");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("0.002470368567  0.002470000000  2026"));
  EXPECT_THAT(outcome.out, HasSubstr("0.187655418567  0.187655050000\n"));
  EXPECT_THAT(outcome.out, HasSubstr("rounded away"));
}

TEST_F(ClientCommandsTest, ABillThatDoesNotAddUpFailsVerification) {
  for (const auto& spoil : std::vector<std::function<void(v1::Statement&)>>{
           [](v1::Statement& s) { s.set_total("0.187655418568"); },
           [](v1::Statement& s) { s.set_rounding("0.000000000001"); },
           [](v1::Statement& s) { s.mutable_lines(0)->mutable_tokens()->set_tokens(1234566); },
           [](v1::Statement& s) { s.mutable_lines(0)->set_exact("much"); }}) {
    auto statement = FromText<v1::Statement>(kStatement);
    spoil(statement);
    daemon_.statement = Say<v1::PreviewStatementRequest, v1::Statement>(statement.DebugString());
    const Outcome outcome = Penstock("bill");
    EXPECT_EQ(outcome.exit_code, kRefused);
    EXPECT_THAT(outcome.out, Not(HasSubstr("Checked here")));
    EXPECT_THAT(outcome.err, HasSubstr("the statement does not add up"));
  }
}

// ---- status

TEST_F(ClientCommandsTest, StatusShowsPoolsAndLedger) {
  daemon_.pools = Say<v1::ListPoolsRequest, v1::ListPoolsResponse>(R"(
      pools { name: "pools/chat" model: "m" capacity_nt_per_s: 20000 max_in_flight: 256 in_flight: 3
              reclaim_bound { seconds: 2 }
              classes { service_class: SERVICE_CLASS_FREE waiting: 1200 offered: 5000 refused_pool: 17 } })");
  daemon_.ledger = Say<v1::GetLedgerRequest, v1::LedgerStatus>(
      R"(entries: 100 head: "ff" durable_entries: 99 open_holds: 3 boot_epoch: 2)");
  const Outcome text = Penstock("status");
  EXPECT_EQ(text.exit_code, kOk);
  EXPECT_THAT(text.out, HasSubstr("chat (m): 20,000 nt/s, 3 of 256 slots in use, reclaim bound 2s\n"));
  EXPECT_THAT(text.out, HasSubstr("free     1,200       0.000          0    5,000         0               0      17"));
  EXPECT_THAT(text.out, HasSubstr("Ledger: 100 entries, 99 of them synced, 3 open holds, boot epoch 2\nHead: ff\n"));
  const nlohmann::ordered_json json = Penstock("status -o json").json();
  EXPECT_EQ(json["pools"][0]["reclaim_bound"], 2.0);
  EXPECT_EQ(json["ledger"]["entries"], 100);
}

// ---- Errors.

TEST_F(ClientCommandsTest, AnErrorSaysWhatWhyAndWhatToDo) {
  daemon_.admit = Fail<v1::AdmitRequest, v1::AdmitResponse>(
      NamedError(grpc::StatusCode::NOT_FOUND, "UNKNOWN_POOL", "no pool \"pools/chatt\"", "pools[0]"));
  const Outcome text = Penstock("admit --pool chatt --max-output 1");
  EXPECT_EQ(text.exit_code, kBadData);
  EXPECT_THAT(text.out, IsEmpty());
  EXPECT_EQ(text.err,
            "penstock: UNKNOWN_POOL: no pool \"pools/chatt\"\n"
            "  field: pools[0]\n"
            "  what to do: `penstock status` lists the pools\n");
  const nlohmann::ordered_json json = Penstock("admit --pool chatt --max-output 1 -o json").json();
  EXPECT_EQ(json["error"]["code"], "NOT_FOUND");
  EXPECT_EQ(json["error"]["reason"], "UNKNOWN_POOL");
  EXPECT_EQ(json["error"]["metadata"]["field"], "pools[0]");
  EXPECT_EQ(json["error"]["exit_status"], kBadData);
}

TEST_F(ClientCommandsTest, EveryKindOfErrorHasItsExitCode) {
  const std::pair<grpc::StatusCode, int> expected[] = {{grpc::StatusCode::UNAUTHENTICATED, kPermission},
                                                       {grpc::StatusCode::PERMISSION_DENIED, kPermission},
                                                       {grpc::StatusCode::ALREADY_EXISTS, kBadData},
                                                       {grpc::StatusCode::FAILED_PRECONDITION, kBadData},
                                                       {grpc::StatusCode::RESOURCE_EXHAUSTED, kUnavailable},
                                                       {grpc::StatusCode::UNAVAILABLE, kUnavailable},
                                                       {grpc::StatusCode::UNIMPLEMENTED, kInternal},
                                                       {grpc::StatusCode::INTERNAL, kInternal},
                                                       {grpc::StatusCode::UNKNOWN, kInternal}};
  for (const auto& [code, exit_code] : expected) {
    daemon_.complete = Fail<v1::CompleteRequest, v1::CompleteResponse>({code, "why"});
    EXPECT_EQ(Penstock("complete g").exit_code, exit_code) << code;
  }
}

TEST_F(ClientCommandsTest, NobodyListeningIsUnavailable) {
  std::string address;
  { address = FakeDaemon().address(); }  // free again
  const Outcome outcome = Run("status --address " + address);
  EXPECT_EQ(outcome.exit_code, kUnavailable);
  EXPECT_THAT(outcome.err, HasSubstr("penstock: UNAVAILABLE: "));
  EXPECT_THAT(outcome.err, HasSubstr("is `penstock serve` running at " + address));
}

// ---- Credentials and usage.

TEST_F(ClientCommandsTest, TheApiKeyFileWinsOverTheEnvironment) {
  daemon_.complete = Say<v1::CompleteRequest, v1::CompleteResponse>("billed: true");
  const std::string file = WriteFile("key", "psk_from_file\n");
  EXPECT_EQ(Penstock("complete g --api-key-file " + file).exit_code, kOk);
  EXPECT_EQ(daemon_.authorization(), "Bearer psk_from_file");
}

TEST_F(ClientCommandsTest, BadKeyFilesAreNamed) {
  const Outcome missing = Penstock("complete g --api-key-file /nonexistent/key");
  EXPECT_EQ(missing.exit_code, kIo);
  EXPECT_THAT(missing.err, HasSubstr("cannot read /nonexistent/key: No such file or directory"));
  for (const std::string& text : {std::string(""), std::string("two\nlines"), std::string("nul\0", 4)}) {
    EXPECT_EQ(Penstock("complete g --api-key-file " + WriteFile("bad", text)).exit_code, kConfig);
  }
}

TEST_F(ClientCommandsTest, TheSecretNeverLeavesInClearText) {
  const Outcome outcome = Run("status --address penstock.example.com:7070");
  EXPECT_EQ(outcome.exit_code, kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("clear text"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("psk_")));
}

TEST_F(ClientCommandsTest, TheAddressMayComeFromTheEnvironment) {
  daemon_.complete = Say<v1::CompleteRequest, v1::CompleteResponse>("billed: true");
  setenv("PENSTOCK_ADDRESS", daemon_.address().c_str(), 1);
  EXPECT_EQ(Run("complete g").exit_code, kOk);
}

TEST_F(ClientCommandsTest, NonsenseIsAUsageErrorBeforeAnyCall) {
  for (const char* command_line :
       {"admit --max-output 1", "admit --pool chat", "admit --pool chat --max-output 0",
        "admit --pool chat --max-output 1 --max-wait 5", "admit --pool chat --max-output 1 --max-wait -5s",
        "admit --pool chat --max-output 1 --max-wait 2h", "admit --pool chat --max-output 1 --kind input",
        "admit --pool chat --max-output 1 --kind input=1x", "admit --pool chat --max-output 1 --kind input=-1",
        "admit --pool chat --max-output 1 --class reserved", "complete", "complete g --outcome maybe",
        "complete g --end-time yesterday", "bill --from 2026-13-01", "usage -o yaml",
        "bench --pool chat --rate 5 --outstanding 5", "bench --pool chat --outstanding 0",
        "bench --pool chat --batch 5", "bench --pool chat --session --streams 0"}) {
    EXPECT_EQ(Penstock(command_line).exit_code, kUsage) << command_line;
  }
  EXPECT_THAT(Penstock("admit --pool chat --max-output 1 --max-wait 5").err, HasSubstr("such as 250ms, 5s or 2m"));
}

TEST_F(ClientCommandsTest, HelpIsNoError) {
  const Outcome outcome = Run("bench --help");
  EXPECT_EQ(outcome.exit_code, kOk);
  EXPECT_THAT(outcome.out, HasSubstr("--outstanding N"));
}

// ---- bench

class BenchTest : public ClientCommandsTest {
 protected:
  BenchTest() {
    daemon_.admit = [this](const v1::AdmitRequest& request, v1::AdmitResponse& response) {
      ++admits_;
      last_admit_ = request;
      response = FromText<v1::AdmitResponse>(kGrant);
      return grpc::Status::OK;
    };
    daemon_.complete = [this](const v1::CompleteRequest& request, v1::CompleteResponse& response) {
      ++completes_;
      last_complete_ = request;
      response.set_billed(true);
      return grpc::Status::OK;
    };
  }
  int admits_ = 0;
  int completes_ = 0;
  v1::AdmitRequest last_admit_;
  v1::CompleteRequest last_complete_;
};

TEST_F(BenchTest, TheClosedLoopPairsEveryAdmitWithAComplete) {
  const Outcome outcome = Penstock(
      "bench --pool chat --key tenants/a/keys/k --input 1000 --output 200 --outstanding 4 --seconds 0.2 --warmup 0.05 "
      "-o json");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_GT(admits_, 4);
  EXPECT_EQ(admits_, completes_);
  EXPECT_EQ(last_admit_.key(), "tenants/a/keys/k");
  EXPECT_EQ(last_admit_.input(0).tokens(), 1000);
  EXPECT_EQ(last_complete_.grant(), "g-1-abc");
  EXPECT_EQ(last_complete_.tokens(1).tokens(), 200);
  const nlohmann::ordered_json json = outcome.json();
  const int pairs = json["pairs"];
  EXPECT_GT(pairs, 0);
  EXPECT_LT(pairs, admits_) << "the warm-up is not counted";
  EXPECT_EQ(json["calls"], 2 * pairs);
  EXPECT_EQ(json["latency_us"]["admit"]["count"], pairs);
  EXPECT_EQ(json["latency_us"]["complete"]["count"], pairs);
  EXPECT_GE(json["latency_us"]["admit"]["max"], json["latency_us"]["admit"]["p50"]);
}

TEST_F(BenchTest, TheOpenLoopOffersTheRateItSays) {
  const Outcome outcome = Penstock("bench --pool chat --rate 200 --seconds 0.5 --warmup 0 -o json");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_EQ(admits_, 100);
  EXPECT_EQ(outcome.json()["pairs"], 100);
  EXPECT_EQ(outcome.json()["mode"], "open");
}

class SessionBenchTest : public BenchTest {
 protected:
  SessionBenchTest() {
    daemon_.session = [this](const v1::SessionRequest& request, v1::SessionResponse& response) {
      largest_ = std::max(largest_, request.items_size());
      for (const v1::SessionRoute& route : request.routes()) {
        routes_.push_back(route);
        response.add_routes()->set_route(route.route());
      }
      for (const v1::SessionItem& item : request.items()) {
        v1::SessionAnswer& answer = *response.add_answers();
        answer.set_item(item.item());
        if (item.has_admit()) {
          ++admits_;
          answer.mutable_grant()->set_grant("g" + std::to_string(item.item()));
        } else {
          ++completes_;
          EXPECT_EQ(item.complete().grant(), "g" + std::to_string(item.item() - 1));
          EXPECT_EQ(item.complete().tokens(3), 200);
          answer.mutable_completed()->set_billed(true);
        }
      }
      return grpc::Status::OK;
    };
  }
  std::vector<v1::SessionRoute> routes_;
  int largest_ = 0;
};

TEST_F(SessionBenchTest, PairsTravelInBatches) {
  const Outcome outcome = Penstock(
      "bench --session --batch 8 --outstanding 20 --pool chat --key tenants/a/keys/k --key tenants/b/keys/k "
      "--seconds 0.2 --warmup 0.05 -o json");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_EQ(admits_, completes_);
  EXPECT_EQ(largest_, 8);
  ASSERT_EQ(routes_.size(), 2u);
  EXPECT_EQ(routes_[1].key(), "tenants/b/keys/k");
  EXPECT_EQ(routes_[1].pools(0), "pools/chat");
  const nlohmann::ordered_json json = outcome.json();
  EXPECT_EQ(json["calls_by"], "session");
  EXPECT_EQ(json["calls"], 2 * static_cast<int>(json["pairs"]));
  EXPECT_EQ(json["latency_us"]["complete"]["count"], json["pairs"]);
}

TEST_F(SessionBenchTest, TheOpenLoopOffersTheRateItSaysOverAllStreams) {
  const Outcome outcome =
      Penstock("bench --session --streams 3 --pool chat --rate 200 --seconds 0.5 --warmup 0 -o json");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_EQ(admits_, 100);
  EXPECT_EQ(routes_.size(), 3u);
  EXPECT_EQ(outcome.json()["pairs"], 100);
}

TEST_F(SessionBenchTest, AnItemErrorEndsInItsName) {
  daemon_.session = [](const v1::SessionRequest& request, v1::SessionResponse& response) {
    for (const v1::SessionItem& item : request.items()) {
      v1::SessionAnswer& answer = *response.add_answers();
      answer.set_item(item.item());
      answer.mutable_error()->set_reason("OVERLOADED");
    }
    return grpc::Status::OK;
  };
  const Outcome outcome = Penstock("bench --session --pool chat --rate 100 --seconds 0.1 --warmup 0 -o json");
  EXPECT_EQ(outcome.exit_code, kUnavailable);
  EXPECT_EQ(outcome.json()["errors"]["by_reason"]["OVERLOADED"], 10);
}

// The daemon stands still once, for as long as forty pairs take to come due. A load generator that measured from the
// moment it got round to sending would report one slow pair.
TEST_F(BenchTest, TheOpenLoopChargesAStandstillToEveryPairThatWasDueInIt) {
  const auto answer = daemon_.admit;
  daemon_.admit = [&](const v1::AdmitRequest& request, v1::AdmitResponse& response) {
    const bool first = admits_ == 0;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(first ? 200 : 0);
    while (std::chrono::steady_clock::now() < until) {
    }
    return answer(request, response);
  };
  const Outcome outcome = Penstock("bench --pool chat --rate 200 --seconds 0.4 --warmup 0 --admit-only -o json");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_GT(outcome.json()["latency_us"]["admit"]["p90"], 100'000.0);
}

TEST_F(BenchTest, AdmitOnlyCompletesNothing) {
  const Outcome outcome = Penstock("bench --pool chat --outstanding 2 --seconds 0.05 --warmup 0 --admit-only");
  EXPECT_EQ(outcome.exit_code, kOk);
  EXPECT_EQ(completes_, 0);
  EXPECT_THAT(outcome.out, HasSubstr("admit only"));
}

TEST_F(BenchTest, TakesKeysFromAFileInTurn) {
  std::map<std::string, int> seen;
  const auto answer = daemon_.admit;
  daemon_.admit = [&](const v1::AdmitRequest& request, v1::AdmitResponse& response) {
    ++seen[request.key()];
    return answer(request, response);
  };
  const std::string file = WriteFile("tenants", "# who\ntenants/a/keys/k\n\n  tenants/b/keys/k # the other\n");
  const Outcome outcome = Penstock("bench --pool chat --rate 100 --seconds 0.1 --warmup 0 --tenants " + file);
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_THAT(seen, testing::ElementsAre(testing::Pair("tenants/a/keys/k", 5), testing::Pair("tenants/b/keys/k", 5)));
}

TEST_F(BenchTest, CountsRefusalsByReasonWithoutFailing) {
  daemon_.admit = Say<v1::AdmitRequest, v1::AdmitResponse>("refusal { whose: POOL reason: QUEUE_FULL }");
  const Outcome outcome = Penstock("bench --pool chat --rate 100 --seconds 0.1 --warmup 0 -o json");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_EQ(outcome.json()["refused"].dump(), R"({"total":10,"by_reason":{"queue_full":10}})");
  EXPECT_EQ(outcome.json()["pairs"], 0);
}

TEST_F(BenchTest, AnyErrorFailsTheRunAndTooManyEndIt) {
  daemon_.complete = Fail<v1::CompleteRequest, v1::CompleteResponse>(
      NamedError(grpc::StatusCode::NOT_FOUND, "UNKNOWN_GRANT", "no such grant"));
  const Outcome outcome = Penstock("bench --pool chat --outstanding 8 --seconds 3600 -o json");
  EXPECT_EQ(outcome.exit_code, kBadData);
  EXPECT_EQ(outcome.json()["gave_up"], true);
  EXPECT_GE(outcome.json()["errors"]["by_reason"]["UNKNOWN_GRANT"], 1000);
  EXPECT_THAT(outcome.err, HasSubstr("the first: UNKNOWN_GRANT: no such grant"));
}

TEST_F(BenchTest, AnInterruptPrintsWhatItHasSoFar) {
  const auto answer = daemon_.admit;
  daemon_.admit = [&](const v1::AdmitRequest& request, v1::AdmitResponse& response) {
    if (admits_ == 50) raise(SIGINT);
    return answer(request, response);
  };
  const Outcome outcome = Penstock("bench --pool chat --outstanding 2 --seconds 3600 --warmup 0 -o json");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  EXPECT_EQ(outcome.json()["interrupted"], true);
  EXPECT_GE(outcome.json()["pairs"], 40);
}

}  // namespace
}  // namespace penstock::cli
