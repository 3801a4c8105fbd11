// penstock usage with groups, and penstock outcomes, against a daemon that answers what it is told to.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>

#include <CLI/CLI.hpp>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "broker/cli/client_commands.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "tests/broker/fake_daemon.h"

namespace penstock::cli {
namespace {

using ::testing::HasSubstr;

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

template <class Message>
Message FromText(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

class UsageCommandsTest : public testing::Test {
 protected:
  Outcome Penstock(const std::string& command_line) {
    setenv("PENSTOCK_API_KEY", "psk_environment", 1);
    std::istringstream words(command_line + " --address " + daemon_.address());
    const std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
    std::ostringstream out;
    std::ostringstream err;
    Terminal terminal{out, err};
    Invocation invocation{terminal};
    CLI::App app("penstock", "penstock");
    AddBillingCommands(app, invocation);
    AddOutcomeCommands(app, invocation);
    const int exit_code = cli::Run(app, arguments, invocation);
    return {exit_code, out.str(), err.str()};
  }

  FakeDaemon daemon_;
};

constexpr char kGroups[] = R"(
    groups { start { seconds: 1795219200 } project: "chatbot" value: "search" requests: 2 work_milli_nt: 6000000
             tokens { kind: "output" tokens: 1000 } tokens { kind: "input" tokens: 2000 }
             charge { currency: "USD" amount: "0.000900000001" } }
    groups { start { seconds: 1795219200 } no_value: true requests: 1 work_milli_nt: 28000 unbilled_requests: 1
             charge { currency: "USD" amount: "0.000000000002" } }
    as_of_sequence: 10)";

TEST_F(UsageCommandsTest, UsageSendsWhatTheFlagsSay) {
  v1::QueryUsageRequest seen;
  daemon_.usage = [&](const v1::QueryUsageRequest& request, v1::QueryUsageResponse&) {
    seen = request;
    return grpc::Status::OK;
  };
  EXPECT_EQ(Penstock("usage --tenant acme --group-by project,label:team --by day --project chatbot --key prod "
                     "--pool chat --class reserved --label team=a=b --from 2026-11-21")
                .out,
            "No usage.\n");
  EXPECT_EQ(seen.DebugString(), FromText<v1::QueryUsageRequest>(R"(
      tenant: "tenants/acme" from { seconds: 1795219200 } group_by: "project" group_by: "label:team"
      by: USAGE_SPAN_DAY key: "tenants/acme/keys/prod" pool: "pools/chat" served: SERVICE_CLASS_RESERVED
      project: "chatbot" label: "team=a=b")")
                                    .DebugString());
  EXPECT_EQ(Penstock("usage --by year").exit_code, kUsage);
  EXPECT_EQ(Penstock("usage --class best").exit_code, kUsage);
  EXPECT_EQ(Penstock("usage --label team").exit_code, kUsage);
}

TEST_F(UsageCommandsTest, GroupsAreATableThatAddsUp) {
  daemon_.usage = [](const v1::QueryUsageRequest&, v1::QueryUsageResponse& response) {
    response = FromText<v1::QueryUsageResponse>(kGroups);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Penstock("usage --group-by project,label:team --by day").out,
            "day from              project  label:team  requests  input  output    work nt      charge USD  unbilled\n"
            "2026-11-21 00:00:00Z  chatbot  search             2  2,000   1,000  6,000.000  0.000900000001         0\n"
            "2026-11-21 00:00:00Z  (none)   (none)             1      0       0     28.000  0.000000000002         1\n"
            "--------------------                       --------  -----  ------  ---------  --------------  --------\n"
            "total                                             3  2,000   1,000  6,028.000  0.000900000003         1\n"
            "\nAs of journal entry 10\n");
  const auto json = nlohmann::ordered_json::parse(Penstock("usage --by day -o json").out);
  EXPECT_FALSE(json.contains("buckets"));
  EXPECT_EQ(json["groups"][1]["no_value"], true);
}

TEST_F(UsageCommandsTest, AReportOfOneAcceptedOutcomeNeedsNoCount) {
  v1::ReportOutcomeRequest seen;
  daemon_.report = [&](const v1::ReportOutcomeRequest& request, v1::OutcomeReport& report) {
    seen = request;
    report = FromText<v1::OutcomeReport>(R"(name: "outcomes/7" tenant: "tenants/acme" outcome: "resolved" accepted: 1
                                            happened { seconds: 1795255200 })");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Penstock("outcomes report resolved --tenant acme --run run-1 --label team=search --request-id id-1").out,
            "reported  outcomes/7\n"
            "tenant    acme\n"
            "outcome   resolved\n"
            "accepted  1\n"
            "rejected  0\n"
            "happened  2026-11-21 10:00:00Z\n");
  EXPECT_EQ(seen.DebugString(), FromText<v1::ReportOutcomeRequest>(R"(
      tenant: "tenants/acme" request_id: "id-1" outcome: "resolved" accepted: 1 run: "run-1"
      labels { key: "team" value: "search" })")
                                    .DebugString());
  Penstock("outcomes report resolved --rejected 2");
  EXPECT_EQ(seen.accepted(), 0);
  EXPECT_EQ(seen.rejected(), 2);
  EXPECT_EQ(seen.request_id().size(), 36u);
}

TEST_F(UsageCommandsTest, AReportIsTakenBackByItsName) {
  v1::ReverseOutcomeRequest seen;
  daemon_.reverse = [&](const v1::ReverseOutcomeRequest& request, v1::OutcomeReport& report) {
    seen = request;
    report = FromText<v1::OutcomeReport>(R"(name: "outcomes/8" reverses: "outcomes/7" accepted: -1 happened {})");
    return grpc::Status::OK;
  };
  EXPECT_THAT(Penstock("outcomes reverse 7").out, HasSubstr("reverses  outcomes/7\n"));
  EXPECT_EQ(seen.report(), "outcomes/7");
  EXPECT_EQ(Penstock("outcomes reverse").exit_code, kUsage);
  EXPECT_EQ(Penstock("outcomes").exit_code, kUsage);
}

TEST_F(UsageCommandsTest, TheListSaysWhatOneAcceptedOutcomeCost) {
  v1::QueryOutcomesRequest seen;
  daemon_.outcomes = [&](const v1::QueryOutcomesRequest& request, v1::QueryOutcomesResponse& response) {
    seen = request;
    response = FromText<v1::QueryOutcomesResponse>(R"(
        rows { outcome: "resolved" accepted: 3 rejected: 1 attributed: 1 }
        rows { outcome: "resolved" value: "search" accepted: 2 attributed: 2 requests: 4 work_milli_nt: 6000000
               charge { currency: "USD" amount: "0.3" } charge_per_outcome { currency: "USD" amount: "0.15" }
               tokens_per_outcome: 1500 }
        as_of_sequence: 10)");
    return grpc::Status::OK;
  };
  EXPECT_THAT(Penstock("outcomes list --label team --tenant acme").out,
              HasSubstr("resolved  search         2         0         4  6,000.000"));
  EXPECT_EQ(seen.label(), "team");
  EXPECT_EQ(seen.tenant(), "tenants/acme");
  const auto json = nlohmann::ordered_json::parse(Penstock("outcomes list -o json").out);
  EXPECT_EQ(json["rows"][1]["charge_per_outcome"]["amount"], "0.15");
}

}  // namespace
}  // namespace penstock::cli
