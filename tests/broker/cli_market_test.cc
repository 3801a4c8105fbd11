// The commands of the market against a daemon that answers what it is told to. What people see lies in
// tests/golden/cli/NAME.txt; PENSTOCK_UPDATE_GOLDEN=1 writes these files anew: read the difference before committing
// it.
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "broker/cli/calendar_chart.h"
#include "broker/cli/client_commands.h"
#include "broker/cli/command_line.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/table.h"
#include "tests/broker/fake_daemon.h"

namespace penstock::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::filesystem::path kGolden = std::filesystem::path(PENSTOCK_SOURCE_DIR) / "tests/golden/cli";

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
  nlohmann::ordered_json json() const { return nlohmann::ordered_json::parse(out); }
};

template <class Message>
Message FromText(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

void ExpectGolden(const std::string& said, const std::string& name) {
  const std::filesystem::path path = kGolden / (name + ".txt");
  if (std::getenv("PENSTOCK_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << said;
  std::ostringstream expected;
  expected << std::ifstream(path).rdbuf();
  EXPECT_EQ(said, expected.str()) << path;
}

class MarketCommandsTest : public testing::Test {
 protected:
  MarketCommandsTest() { setenv("PENSTOCK_API_KEY", "psk_environment", 1); }

  /// Words without spaces in them; the daemon's address is added. `answers`: what a person says when asked.
  Outcome Penstock(const std::string& command_line, const char* answers = nullptr) {
    std::istringstream words(command_line + " --address " + daemon_.address());
    const std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
    std::ostringstream out;
    std::ostringstream err;
    std::istringstream in(answers == nullptr ? "" : answers);
    Terminal terminal{out, err};
    terminal.in = answers == nullptr ? nullptr : &in;
    terminal.utf8 = utf8_;
    Invocation invocation{terminal};
    CLI::App app("penstock", "penstock");
    AddBudgetCommands(app, invocation);
    AddQuoteCommands(app, invocation);
    AddReservationCommands(app, invocation);
    AddBidCommands(app, invocation);
    AddPriceCommands(app, invocation);
    AddRateCardCommand(app, invocation);
    AddCalendarCommand(app, invocation);
    AddAdviceCommands(app, invocation);
    const int exit_code = cli::Run(app, arguments, invocation);
    return {exit_code, out.str(), err.str()};
  }

  /// Remembers the requests and gives the same answer to each.
  template <class Request, class Response>
  MarketAnswer<Request, Response> Say(const std::string& answer, std::vector<Request>& seen) {
    return [&seen, answer = FromText<Response>(answer)](const Request& request, Response& response) {
      seen.push_back(request);
      response = answer;
      return grpc::Status::OK;
    };
  }
  template <class Request, class Response>
  MarketAnswer<Request, Response> Say(const std::string& answer) {
    return [answer = FromText<Response>(answer)](const Request&, Response& response) {
      response = answer;
      return grpc::Status::OK;
    };
  }

  std::string WriteFile(const std::string& name, const std::string& text) {
    const std::filesystem::path path =
        std::filesystem::path(testing::TempDir()) / ("cli_market_" + std::to_string(getpid()) + "_" + name);
    std::ofstream(path) << text;
    return path.string();
  }

  FakeDaemon daemon_;
  bool utf8_ = true;
};

/// 0.0006 a nt/s-hour is 10,000 pico-units per milli-nt/s and minute.
std::string UnitPrice(int64_t pico, const std::string& per_hour) {
  return "{ currency: \"EUR\" pico_units_per_milli_nt_s_minute: " + std::to_string(pico) + " per_nt_s_hour: \"" +
         per_hour + "\" per_million_nt: \"0.166666666667\" }";
}

std::string Eur(const std::string& amount) { return "{ currency: \"EUR\" amount: \"" + amount + "\" }"; }

const std::string kAlternatives =
    "alternatives { kind: LATER shift { seconds: 32400 } rate_nt_per_s: 50000 unit_price " +
    UnitPrice(10'000, "0.000600000000") + " price " + Eur("270.000000000000") +
    " } alternatives { kind: LOWER_RATE rate_nt_per_s: 12500 unit_price " + UnitPrice(11'100, "0.000666000000") +
    " price " + Eur("74.925000000000") +
    " } alternatives { kind: EARLIER shift { seconds: -86400 } rate_nt_per_s: 50000 "
    "unit_price " +
    UnitPrice(10'300, "0.000618000000") + " price " + Eur("278.100000000000") + " } ";

const std::string kQuote =
    "name: \"tenants/acme/quotes/7\" state: ACTIVE pool: \"pools/chat\" project: \"search\" overrun: OVERRUN_SPILL "
    "envelope { mean_work_nt: 7500 mean_residence { seconds: 10 } largest_context_tokens: 20000 } "
    "shape: \"weekdays 09:00-18:00 Europe/Berlin\" "
    "steps { from { seconds: 1796112000 } to { seconds: 1796144400 } rate_nt_per_s: 50000 unit_price " +
    UnitPrice(12'300, "0.000738000000") +
    " } steps { from { seconds: 1796198400 } to { seconds: 1796230800 } rate_nt_per_s: 50000 unit_price " +
    UnitPrice(12'300, "0.000738000000") + " } price " + Eur("664.200000000000") + " unit_price " +
    UnitPrice(12'300, "0.000738000000") + " basis { floor " + UnitPrice(10'000, "0.000600000000") + " displacement " +
    UnitPrice(8'000, "0.000480000000") + " scarcity " + UnitPrice(4'948, "0.000296880000") +
    " utilisation_permille: 812 tightest { seconds: 1796115600 } lead_time_permille: 950 term_permille: 1000 "
    "elastic_price_pico_per_milli_nt: 600 demand_plan: 12 } " +
    kAlternatives +
    "created { seconds: 1795255200 } expires { seconds: 1795255800 } tariff_version: \"market-1\" "
    "start { seconds: 1796112000 } end { seconds: 1796230800 } peak_nt_per_s: 50000 step_count: 2 created_by: \"k1\"";

const std::string kTerms =
    "pool: \"pools/chat\" project: \"search\" overrun: OVERRUN_SPILL shape: \"once\" step_count: 1 peak_nt_per_s: "
    "50000 "
    "steps { from { seconds: 1796112000 } to { seconds: 1796144400 } rate_nt_per_s: 50000 unit_price " +
    UnitPrice(12'300, "0.000738000000") + " }";

const std::string kReservation =
    "name: \"tenants/acme/reservations/3\" etag: \"\\\"5\\\"\" state: SCHEDULED terms { " + kTerms +
    " } bought_at { seconds: 1795255200 } start { seconds: 1796112000 } end { seconds: 1796144400 } "
    "quote: \"tenants/acme/quotes/7\" tariff_version: \"market-1\" paid " +
    Eur("332.100000000000") + " returned " + Eur("0.000000000000") + " earned " + Eur("0.000000000000") + " unearned " +
    Eur("332.100000000000") + " history { event: \"buy\" state: SCHEDULED at { seconds: 1795255200 } charge " +
    Eur("332.100000000000") + " by: \"k1\" }";

// ---- quote

TEST_F(MarketCommandsTest, AQuoteSaysPriceBasisExpiryAndWhatWouldBeCheaper) {
  std::vector<v1::CreateQuoteRequest> seen;
  daemon_.reservations.quote = Say<v1::CreateQuoteRequest, v1::CreateQuoteResponse>("quote { " + kQuote + " }", seen);
  const Outcome outcome = Penstock(
      "quote --pool chat --rate 50000 --from 2026-12-01T09:00 --to 2026-12-01T18:00 --zone Europe/Berlin --repeat "
      "weekdays --until 2026-12-02 --project search --overrun wait --request-id q-1 --mean-work 7500 --mean-residence "
      "10s --largest-context 20000 --tenant acme");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  ExpectGolden(outcome.out, "quote");
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].DebugString(), FromText<v1::CreateQuoteRequest>(R"(
      parent: "tenants/acme" request_id: "q-1" pool: "pools/chat" project: "search" overrun: OVERRUN_WAIT
      shape { rate_nt_per_s: 50000 schedule { start_date: "2026-12-01" end_date: "2026-12-02" from_time: "09:00"
        to_time: "18:00" time_zone: "Europe/Berlin" weekdays: WEEKDAY_MONDAY weekdays: WEEKDAY_TUESDAY
        weekdays: WEEKDAY_WEDNESDAY weekdays: WEEKDAY_THURSDAY weekdays: WEEKDAY_FRIDAY } }
      envelope { mean_work_nt: 7500 mean_residence { seconds: 10 } largest_context_tokens: 20000 })")
                                       .DebugString());
}

TEST_F(MarketCommandsTest, WhatCannotBeHadSaysWhereItIsShortAndWhatCould) {
  daemon_.reservations.quote = Say<v1::CreateQuoteRequest, v1::CreateQuoteResponse>(
      "not_sellable { scarce: THROUGHPUT tightest { seconds: 1796115600 } asked: 50000000 room: 12500500 " +
      kAlternatives + "}");
  const Outcome outcome =
      Penstock("quote --pool chat --rate 50000 --from 2026-12-01T09:00Z --to 2026-12-01T18:00Z --preview");
  EXPECT_EQ(outcome.exit_code, kRefused);
  ExpectGolden(outcome.out, "quote-none");
  daemon_.reservations.quote = Say<v1::CreateQuoteRequest, v1::CreateQuoteResponse>(
      "not_sellable { scarce: SLOTS tightest { seconds: 1796115600 } asked: 90 room: 12 }");
  const Outcome nothing = Penstock("quote --pool chat --rate 50000 --to 2026-12-01T18:00Z");
  EXPECT_EQ(nothing.exit_code, kRefused);
  EXPECT_EQ(nothing.out,
            "Not to be had. At 2026-12-01 09:00Z 90 slots are asked for, and 12 slots are left.\n"
            "Nothing near it could be had either.\n");
  EXPECT_EQ(Penstock("quote --pool chat --rate 50000 --to 2026-12-01T18:00Z -o json").exit_code, kRefused);
}

TEST_F(MarketCommandsTest, AQuoteInJsonHasTheContractsFields) {
  daemon_.reservations.quote = Say<v1::CreateQuoteRequest, v1::CreateQuoteResponse>("quote { " + kQuote + " }");
  const Outcome outcome = Penstock("quote --pool chat --rate 50000 --to 2026-12-01T18:00Z -o json");
  EXPECT_EQ(outcome.exit_code, kOk);
  ExpectGolden(outcome.out, "quote-json");
  EXPECT_EQ(outcome.json()["quote"]["price"]["amount"], "664.200000000000");
}

// ---- How much, when.

class ShapeTest : public MarketCommandsTest {
 protected:
  /// The shape that a quote was asked for with; empty and what was said when it was not.
  std::string ShapeOf(const std::string& flags) {
    std::vector<v1::CreateQuoteRequest> seen;
    daemon_.reservations.quote = Say<v1::CreateQuoteRequest, v1::CreateQuoteResponse>("quote {}", seen);
    outcome_ = Penstock("quote --pool chat " + flags);
    return seen.empty() ? "" : seen[0].shape().ShortDebugString();
  }
  Outcome outcome_;
};

TEST_F(ShapeTest, ATimeIsUtcWithAZAndLocalWithoutOne) {
  const std::string nine_to_ten =
      "window { start { seconds: 1796115600 } end { seconds: 1796119200 } } rate_nt_per_s: 5";
  EXPECT_EQ(ShapeOf("--rate 5 --from 2026-12-01T09:00Z --to 2026-12-01T10:00Z"), nine_to_ten);
  EXPECT_EQ(ShapeOf("--rate 5 --from 2026-12-01T09:00:00Z --to 2026-12-01T10 --zone UTC"), nine_to_ten);
  EXPECT_EQ(ShapeOf("--rate 5 --from 2026-12-01T10:00 --to 2026-12-01T11:00 --zone Europe/Berlin"), nine_to_ten);
  EXPECT_EQ(ShapeOf("--rate 5 --from 2026-12-01T10:00+01:00 --to 2026-12-01T10:00Z --zone Asia/Kolkata"), nine_to_ten);
  EXPECT_EQ(ShapeOf("--rate 5 --to 2026-12-01"), "window { end { seconds: 1796083200 } } rate_nt_per_s: 5");
}

TEST_F(ShapeTest, ARepeatedWindowIsLocalAndMayEndOnTheNextDay) {
  EXPECT_EQ(
      ShapeOf("--rate 5 --from 2026-12-01T09:00Z --to 2026-12-01T18:00Z --zone Europe/Berlin --repeat wed,mon "
              "--until 2026-12-31 --skip-dst-holes"),
      "schedule { start_date: \"2026-12-01\" end_date: \"2026-12-31\" weekdays: WEEKDAY_MONDAY weekdays: "
      "WEEKDAY_WEDNESDAY from_time: \"10:00\" to_time: \"19:00\" time_zone: \"Europe/Berlin\" on_dst_hole: SKIP } "
      "rate_nt_per_s: 5");
  EXPECT_EQ(ShapeOf("--rate 5 --from 2026-12-01T22:00 --to 2026-12-02T06:00 --repeat daily --until 2026-12-31"),
            "schedule { start_date: \"2026-12-01\" end_date: \"2026-12-31\" from_time: \"22:00\" to_time: \"06:00\" "
            "time_zone: \"UTC\" } rate_nt_per_s: 5");
}

TEST_F(ShapeTest, StepsComeFromAFile) {
  const std::string file = WriteFile("steps",
                                     "from,to,rate_nt_per_s\n2026-12-01T09:00Z, 2026-12-01T10:00Z, 5  # first\n\n"
                                     "2026-12-01T10:00Z,2026-12-01T11:00Z,7\n");
  EXPECT_EQ(ShapeOf("--steps " + file),
            "steps { steps { from { seconds: 1796115600 } to { seconds: 1796119200 } rate_nt_per_s: 5 } steps { from { "
            "seconds: 1796119200 } to { seconds: 1796122800 } rate_nt_per_s: 7 } }");
  const std::string bad = WriteFile("bad", "2026-12-01T09:00Z,2026-12-01T10:00Z,5\n2026-12-01T09:00Z,noon,5\n");
  EXPECT_EQ(ShapeOf("--steps " + bad), "");
  EXPECT_EQ(outcome_.exit_code, kBadData);
  EXPECT_THAT(outcome_.err, HasSubstr(bad + ":2: 'noon' is not a time"));
  EXPECT_EQ(ShapeOf("--steps /nowhere/steps"), "");
  EXPECT_EQ(outcome_.exit_code, kIo);
  EXPECT_EQ(ShapeOf("--steps " + file + " --rate 5"), "");
  EXPECT_EQ(outcome_.exit_code, kUsage);
}

TEST_F(ShapeTest, WhatMakesNoSenseIsToldBeforeAnyCall) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "say how much and when"},
      {"--rate 5", "say how much and when"},
      {"--rate 0 --to 2026-12-01", "--rate"},
      {"--rate 5 --from noon --to 2026-12-01", "'noon' is not a time"},
      {"--rate 5 --to 2026-12-01 --zone Europe/Bonn", "'Europe/Bonn' is not a time zone"},
      {"--rate 5 --to 2026-03-29T02:30 --zone Europe/Berlin", "does not exist in Europe/Berlin"},
      {"--rate 5 --from 2026-12-01T09:00 --to 2026-12-01T10:00 --repeat someday --until 2026-12-31",
       "'someday' is no set of days"},
      {"--rate 5 --from 2026-12-01T09:00 --to 2026-12-01T10:00 --repeat daily", "--repeat needs --until"},
      {"--rate 5 --from 2026-12-01T09:00 --to 2026-12-03T10:00 --repeat daily --until 2026-12-31",
       "at most a day long"},
      {"--rate 5 --to 2026-12-01T10:00 --repeat daily --until 2026-12-31", "--repeat needs --from"},
      {"--rate 5 --to 2026-12-01 --overrun flood", "--overrun"},
  };
  for (const auto& [flags, said] : cases) {
    EXPECT_EQ(ShapeOf(flags), "") << flags;
    EXPECT_EQ(outcome_.exit_code, kUsage) << flags;
    EXPECT_THAT(outcome_.err, HasSubstr(said)) << flags;
  }
}

// ---- reserve

TEST_F(MarketCommandsTest, ReserveShowsWhatItBuysAndAsks) {
  std::vector<v1::AcceptQuoteRequest> seen;
  daemon_.reservations.accept = Say<v1::AcceptQuoteRequest, v1::ReservationChange>(
      "reservation { " + kReservation + " } charge " + Eur("332.100000000000") + " charges { kind: PURCHASE " +
          "nt_per_s_minutes: \"27000000\" unit_price " + UnitPrice(12'300, "0.000738000000") + " paid_price " +
          UnitPrice(12'300, "0.000738000000") + " amount " + Eur("332.100000000000") + " }",
      seen);
  const Outcome bought = Penstock("reserve acme/7", "y\n");
  EXPECT_EQ(bought.exit_code, kOk) << bought.err;
  ExpectGolden(bought.err + "--- and then\n" + bought.out, "reserve");
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_TRUE(seen[0].validate_only());
  EXPECT_FALSE(seen[1].validate_only());
  EXPECT_EQ(seen[1].name(), "tenants/acme/quotes/7");
  EXPECT_EQ(seen[0].request_id(), seen[1].request_id());

  seen.clear();
  EXPECT_EQ(Penstock("reserve acme/7", "n\n").exit_code, kRefused);
  EXPECT_EQ(Penstock("reserve acme/7", "").exit_code, kRefused) << "no answer is no";
  for (const v1::AcceptQuoteRequest& request : seen) EXPECT_TRUE(request.validate_only());

  seen.clear();
  EXPECT_EQ(Penstock("reserve tenants/acme/quotes/7 --preview").exit_code, kOk);
  const Outcome nobody = Penstock("reserve acme/7");
  EXPECT_EQ(nobody.exit_code, kUsage);
  EXPECT_THAT(nobody.err, HasSubstr("nobody is there to be asked"));
  for (const v1::AcceptQuoteRequest& request : seen) EXPECT_TRUE(request.validate_only());

  seen.clear();
  EXPECT_EQ(Penstock("reserve acme/7 --yes --request-id r-1").exit_code, kOk);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_FALSE(seen[0].validate_only());
  EXPECT_EQ(seen[0].request_id(), "r-1");
}

TEST_F(MarketCommandsTest, AQuoteThatIsShortByNowSaysWhatCouldBeHadInstead) {
  const std::string instead =
      FromText<v1::NotSellable>("scarce: THROUGHPUT tightest { seconds: 1796115600 } asked: 50000000 room: 1000 " +
                                kAlternatives)
          .SerializeAsString();
  daemon_.reservations.accept = [&](const v1::AcceptQuoteRequest&, v1::ReservationChange&) {
    const grpc::Status named =
        NamedError(grpc::StatusCode::FAILED_PRECONDITION, "NO_CAPACITY", "there is not that much left");
    rpc::Status details;
    details.ParseFromString(named.error_details());
    details.add_details()->set_type_url("type.googleapis.com/penstock.v1.NotSellable");
    details.mutable_details(1)->set_value(instead);
    return grpc::Status(named.error_code(), named.error_message(), details.SerializeAsString());
  };
  const Outcome outcome = Penstock("reserve acme/7 --yes");
  EXPECT_EQ(outcome.exit_code, kRefused);
  EXPECT_THAT(outcome.out, IsEmpty());
  ExpectGolden(outcome.err, "reserve-short");
}

TEST_F(MarketCommandsTest, ALostAnswerSaysHowToRepeat) {
  daemon_.reservations.accept = [](const v1::AcceptQuoteRequest&, v1::ReservationChange&) {
    return NamedError(grpc::StatusCode::UNAVAILABLE, "DRAINING", "stopping");
  };
  const Outcome outcome = Penstock("reserve acme/7 --yes --request-id r-9");
  EXPECT_EQ(outcome.exit_code, kUnavailable);
  EXPECT_THAT(outcome.err, HasSubstr("repeat it with --request-id r-9: it will not be done twice"));
}

TEST_F(MarketCommandsTest, QuotesAreListedShownAndWithdrawn) {
  std::vector<v1::ListQuotesRequest> seen;
  daemon_.reservations.quotes = Say<v1::ListQuotesRequest, v1::ListQuotesResponse>(
      "quotes { " + kQuote + " } quotes { name: \"tenants/acme/quotes/6\" state: ACCEPTED pool: \"pools/chat\" " +
          "step_count: 1 start { seconds: 1796112000 } end { seconds: 1796144400 } peak_nt_per_s: 500 price " +
          Eur("3.321000000000") + " expires { seconds: 1795255200 } reservation: \"tenants/acme/reservations/3\" }",
      seen);
  const Outcome list = Penstock("quotes --state accepted --pool chat --tenant acme");
  EXPECT_EQ(list.exit_code, kOk) << list.err;
  ExpectGolden(list.out, "quotes");
  EXPECT_EQ(seen.at(0).ShortDebugString(), "parent: \"tenants/acme\" state: ACCEPTED pool: \"pools/chat\"");
  EXPECT_EQ(Penstock("quotes list").out, list.out);

  daemon_.reservations.get_quote = Say<v1::GetQuoteRequest, v1::Quote>(kQuote);
  EXPECT_THAT(Penstock("quotes show acme/7").out, HasSubstr("acme/7"));
  std::vector<v1::WithdrawQuoteRequest> withdrawn;
  daemon_.reservations.withdraw = Say<v1::WithdrawQuoteRequest, v1::Quote>(kQuote, withdrawn);
  EXPECT_EQ(Penstock("quotes withdraw acme/7").exit_code, kOk);
  EXPECT_EQ(withdrawn.at(0).name(), "tenants/acme/quotes/7");
}

// ---- reservations

TEST_F(MarketCommandsTest, ReservationsAreListedPageAfterPage) {
  std::vector<v1::ListReservationsRequest> seen;
  daemon_.reservations.list = [&](const v1::ListReservationsRequest& request, v1::ListReservationsResponse& response) {
    seen.push_back(request);
    *response.add_reservations() = FromText<v1::Reservation>(kReservation);
    response.set_as_of_sequence(1'234);
    if (seen.size() == 1) response.set_next_page_token("2");
    return grpc::Status::OK;
  };
  const Outcome list = Penstock("reservations --state scheduled,active");
  EXPECT_EQ(list.exit_code, kOk) << list.err;
  ExpectGolden(list.out, "reservations");
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_THAT(seen[0].states(), ElementsAre(v1::Reservation::SCHEDULED, v1::Reservation::ACTIVE));
  EXPECT_EQ(seen[1].page_token(), "2");
  const Outcome json = Penstock("reservations list -o json");
  EXPECT_EQ(json.json()["reservations"].size(), 1u);
  EXPECT_FALSE(json.json().contains("next_page_token"));
  EXPECT_EQ(Penstock("reservations --state waiting").exit_code, kUsage);
}

TEST_F(MarketCommandsTest, AReservationIsShownWithItsMoneyAndHistory) {
  daemon_.reservations.get = Say<v1::GetReservationRequest, v1::Reservation>(
      kReservation + " asked { " + kTerms +
      " } history { event: \"ask_amend\" state: AMENDING at { seconds: 1795341600 } " +
      "by: \"k1\" } history { event: \"degrade\" state: DEGRADED at { seconds: 1795428000 } reason: \"capacity was "
      "lost\" }");
  const Outcome shown = Penstock("reservations show acme/3");
  EXPECT_EQ(shown.exit_code, kOk) << shown.err;
  ExpectGolden(shown.out, "reservation");
}

TEST_F(MarketCommandsTest, CancellingShowsTheRefundFirstAndChangesWhatWasLookedAt) {
  std::vector<v1::CancelReservationRequest> seen;
  daemon_.reservations.get = Say<v1::GetReservationRequest, v1::Reservation>(kReservation);
  daemon_.reservations.cancel = Say<v1::CancelReservationRequest, v1::ReservationChange>(
      "reservation { " + kReservation + " } charge " + Eur("-298.890000000000") + " charges { kind: REFUND " +
          "nt_per_s_minutes: \"-27000000\" unit_price " + UnitPrice(11'070, "0.000664200000") + " paid_price " +
          UnitPrice(12'300, "0.000738000000") + " amount " + Eur("-298.890000000000") + " }",
      seen);
  const Outcome cancelled = Penstock("reservations cancel acme/3", "yes\n");
  EXPECT_EQ(cancelled.exit_code, kOk) << cancelled.err;
  ExpectGolden(cancelled.err, "cancel");
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_TRUE(seen[0].validate_only());
  EXPECT_EQ(seen[1].etag(), "\"5\"") << "of the reservation as it was shown";
  EXPECT_EQ(Penstock("reservations cancel acme/3").exit_code, kUsage);
  EXPECT_EQ(Penstock("reservations cancel acme/3 --etag 4 --yes").exit_code, kOk);
  EXPECT_EQ(seen.back().etag(), "\"4\"");
}

TEST_F(MarketCommandsTest, ReservationsAreAmendedSoldBackAndTransferred) {
  const std::string change = "reservation { " + kReservation + " } charge " + Eur("0.000000000000");
  std::vector<v1::AmendReservationRequest> amended;
  daemon_.reservations.amend = Say<v1::AmendReservationRequest, v1::ReservationChange>(change, amended);
  EXPECT_EQ(Penstock("reservations amend acme/3 --rate 7 --to 2026-12-01T18:00Z --overrun refuse --yes").exit_code,
            kOk);
  EXPECT_EQ(amended.at(0).shape().rate_nt_per_s(), 7);
  EXPECT_EQ(amended.at(0).overrun(), v1::OVERRUN_REFUSE);
  EXPECT_EQ(Penstock("reservations amend acme/3 --yes").exit_code, kUsage) << "nothing to amend is said";

  std::vector<v1::SellBackRequest> sold;
  daemon_.reservations.sell_back = Say<v1::SellBackRequest, v1::ReservationChange>(change, sold);
  const Outcome preview = Penstock("reservations sell-back acme/3 --preview");
  EXPECT_THAT(preview.out, HasSubstr("Nothing is charged\n"));
  EXPECT_TRUE(sold.at(0).validate_only());
  EXPECT_FALSE(sold.at(0).has_shape()) << "all that is to come";

  std::vector<v1::TransferReservationRequest> transferred;
  daemon_.reservations.transfer = Say<v1::TransferReservationRequest, v1::ReservationChange>(change, transferred);
  EXPECT_EQ(Penstock("reservations transfer acme/3 --project other").exit_code, kOk);
  EXPECT_EQ(transferred.at(0).project(), "other");
  EXPECT_FALSE(transferred.at(0).validate_only());

  std::vector<v1::DecideReservationRequest> suspended;
  daemon_.reservations.suspend = Say<v1::DecideReservationRequest, v1::ReservationChange>(change, suspended);
  daemon_.reservations.resume = Say<v1::DecideReservationRequest, v1::ReservationChange>(change);
  EXPECT_EQ(Penstock("reservations suspend acme/3").exit_code, kUsage) << "why?";
  EXPECT_EQ(Penstock("reservations suspend acme/3 --reason unpaid").exit_code, kOk);
  EXPECT_EQ(suspended.at(0).reason(), "unpaid");
  EXPECT_EQ(Penstock("reservations resume acme/3").exit_code, kOk);
}

TEST_F(MarketCommandsTest, UtilisationAddsUp) {
  daemon_.reservations.utilisation = Say<v1::GetUtilisationRequest, v1::GetUtilisationResponse>(
      "hours { from { seconds: 1796112000 } to { seconds: 1796115600 } promised_milli_nt: 180000000000 "
      "guaranteed_milli_nt: 180000000000 delivered_milli_nt: 120000000000 unused_milli_nt: 60000000000 earned " +
      Eur("36.900000000000") +
      " } hours { from { seconds: 1796115600 } to { seconds: 1796119200 } promised_milli_nt: 180000000000 "
      "guaranteed_milli_nt: 90000000000 delivered_milli_nt: 90000000000 earned " +
      Eur("36.900000000000") +
      " } total { promised_milli_nt: 360000000000 guaranteed_milli_nt: 270000000000 delivered_milli_nt: 210000000000 "
      "unused_milli_nt: 60000000000 earned " +
      Eur("73.800000000000") + " } as_of_sequence: 99");
  const Outcome outcome = Penstock("reservations utilisation acme/3 --from 2026-12-01 --to 2026-12-02");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  ExpectGolden(outcome.out, "utilisation");
}

TEST_F(MarketCommandsTest, TheServiceLevelIsPromisedAgainstMeasured) {
  daemon_.reservations.service_level = Say<v1::GetServiceLevelRequest, v1::GetServiceLevelResponse>(
      "targets { queue_delay { nanos: 500000000 } time_to_first_token { seconds: 2 } output_tokens_per_s: 20 "
      "credits { below_permille: 990 percent: 10 } credits { below_permille: 950 percent: 25 } } "
      "hours { from { seconds: 1796112000 } to { seconds: 1796115600 } requests: 1200 late: 30 slow_first_token: 4 "
      "slow_output: 1 missed: 33 queued { seconds: 90 } longest_queued { seconds: 3 nanos: 250000000 } unserved: 2 "
      "credit " +
      Eur("3.690000000000") +
      " } total { requests: 1200 late: 30 slow_first_token: 4 slow_output: 1 missed: 33 queued { seconds: 90 } "
      "longest_queued { seconds: 3 nanos: 250000000 } unserved: 2 credit " +
      Eur("3.690000000000") + " } as_of_sequence: 99");
  const Outcome outcome = Penstock("reservations service-level acme/3");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  ExpectGolden(outcome.out, "service-level");
}

// ---- approvals

TEST_F(MarketCommandsTest, ApprovalsHaveReservationsBesideRaises) {
  daemon_.raises = [](const v1::ListRaisesRequest&, v1::ListRaisesResponse& response) {
    response = FromText<v1::ListRaisesResponse>(R"(raises { name: "raises/7" state: OPEN of: "tenants/acme"
        period: BUDGET_PERIOD_MONTH in: "2026-11" more { currency: "EUR" amount: "10" } to { amount: "20" }
        asked_at { seconds: 1795255200 } asked_by: "k1" reason: "launch" })");
    return grpc::Status::OK;
  };
  std::vector<v1::ListReservationsRequest> seen;
  daemon_.reservations.list = Say<v1::ListReservationsRequest, v1::ListReservationsResponse>(
      "reservations { " + kReservation + " } as_of_sequence: 99", seen);
  const Outcome list = Penstock("approvals list");
  EXPECT_EQ(list.exit_code, kOk) << list.err;
  ExpectGolden(list.out, "approvals");
  EXPECT_THAT(seen.at(0).states(), ElementsAre(v1::Reservation::PENDING, v1::Reservation::AMENDING));
  EXPECT_EQ(Penstock("approvals list -o json").json()["reservations"].size(), 1u);

  std::vector<v1::DecideReservationRequest> approved;
  std::vector<v1::DecideReservationRequest> rejected;
  const std::string change = "reservation { " + kReservation + " } charge " + Eur("0.000000000000");
  daemon_.reservations.approve = Say<v1::DecideReservationRequest, v1::ReservationChange>(change, approved);
  daemon_.reservations.reject = Say<v1::DecideReservationRequest, v1::ReservationChange>(change, rejected);
  for (const char* name : {"acme/3", "reservations/acme/3", "tenants/acme/reservations/3"}) {
    EXPECT_EQ(Penstock(std::string("approvals approve ") + name).exit_code, kOk);
    EXPECT_EQ(approved.back().name(), "tenants/acme/reservations/3");
  }
  EXPECT_EQ(Penstock("approvals reject acme/3 --reason dear").exit_code, kOk);
  EXPECT_EQ(rejected.at(0).reason(), "dear");
}

// ---- bids

TEST_F(MarketCommandsTest, BidsArePlacedListedAndWithdrawn) {
  const std::string bid =
      "name: \"tenants/acme/bids/5\" state: OPEN pool: \"pools/chat\" shape: \"once\" step_count: 1 peak_nt_per_s: "
      "5000 "
      "steps { from { seconds: 1796112000 } to { seconds: 1796144400 } rate_nt_per_s: 5000 } limit " +
      UnitPrice(10'000, "0.000600000000") + " placed { seconds: 1795255200 } expires { seconds: 1796112000 }";
  std::vector<v1::PlaceBidRequest> placed;
  daemon_.market.place_bid = Say<v1::PlaceBidRequest, v1::PlaceBidResponse>(
      "bid { " + bid + " } ask " + UnitPrice(12'300, "0.000738000000"), placed);
  const Outcome outcome = Penstock(
      "bid place --pool chat --rate 5000 --from 2026-12-01T08:00Z --to 2026-12-01T17:00Z --limit 0.0006 --yes");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  ExpectGolden(outcome.out, "bid");
  EXPECT_EQ(placed.at(0).limit_per_nt_s_hour(), "0.000600000000");
  daemon_.market.bids = Say<v1::ListBidsRequest, v1::ListBidsResponse>("bids { " + bid + " }");
  ExpectGolden(Penstock("bid list --state open").out, "bids");
  std::vector<v1::WithdrawBidRequest> withdrawn;
  daemon_.market.withdraw_bid = Say<v1::WithdrawBidRequest, v1::Bid>(bid, withdrawn);
  EXPECT_EQ(Penstock("bid withdraw acme/5").exit_code, kOk);
  EXPECT_EQ(withdrawn.at(0).name(), "tenants/acme/bids/5");
}

// ---- prices

const std::string kPrices =
    "pools { pool: \"pools/chat\" tariff_version: \"market-1\" currency: \"EUR\" now { name: \"pools/chat/prices/12\" "
    "from { seconds: 1795251600 } multiplier_permille: 1200 prices { kind: \"input\" micros_per_million_tokens: 720000 "
    "} "
    "prices { kind: \"output\" micros_per_million_tokens: 2880000 } } next { name: \"pools/chat/prices/13\" from { "
    "seconds: 1795258800 } multiplier_permille: 1350 } pin { name: \"pools/chat/prices/9\" kind: CAP "
    "multiplier_permille: 1250 until { seconds: 1795341600 } } market_open: true standard_window { start { seconds: "
    "1795255200 } end { seconds: 1795258800 } } standard_rate_nt_per_s: 500 ask " +
    UnitPrice(12'300, "0.000738000000") + " bid " + UnitPrice(6'150, "0.000369000000") +
    " } pools { pool: \"pools/embed\" tariff_version: \"market-1\" currency: \"EUR\" } "
    "as_of { seconds: 1795253400 } as_of_sequence: 4711";

TEST_F(MarketCommandsTest, PricesAreATable) {
  daemon_.market.prices = Say<v1::GetPricesRequest, v1::GetPricesResponse>(kPrices);
  const Outcome outcome = Penstock("prices");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  ExpectGolden(outcome.out, "prices");
}

TEST_F(MarketCommandsTest, WatchingSaysWhatChangesUntilTheDaemonStops) {
  daemon_.market.prices = Say<v1::GetPricesRequest, v1::GetPricesResponse>(kPrices);
  std::vector<std::string> watched;
  daemon_.market.watch = [&](const v1::WatchPricesRequest& request, auto& writer) {
    watched.assign(request.pools().begin(), request.pools().end());
    auto prices = FromText<v1::GetPricesResponse>(kPrices);
    writer.Write(prices);
    writer.Write(prices);
    *prices.mutable_pools(0)->mutable_now() = prices.pools(0).next();
    prices.mutable_pools(0)->clear_next();
    prices.mutable_as_of()->set_seconds(1'795'258'800);
    writer.Write(prices);
    return NamedError(grpc::StatusCode::UNAVAILABLE, "DRAINING", "the daemon is stopping");
  };
  const Outcome outcome = Penstock("prices --watch");
  EXPECT_EQ(outcome.exit_code, kUnavailable);
  EXPECT_THAT(watched, ElementsAre("pools/chat", "pools/embed"));
  ExpectGolden(outcome.out, "prices-watch");
  EXPECT_THAT(outcome.err, HasSubstr("DRAINING"));
  const Outcome json = Penstock("prices --watch -o json");
  std::istringstream lines(json.out);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::ordered_json::parse(line)["pools"].size(), 2u);
}

TEST_F(MarketCommandsTest, APriceIsExplained) {
  std::vector<v1::ExplainPriceRequest> seen;
  daemon_.market.explain = Say<v1::ExplainPriceRequest, v1::PriceExplanation>(
      "name: \"pools/chat/prices/12\" summary: \"120% because more is used than the curve's middle.\" posted { "
      "multiplier_permille: 1200 prices { kind: \"input\" micros_per_million_tokens: 720000 } from { seconds: "
      "1795251600 } "
      "published { seconds: 1795251300 } } previous_permille: 1100 utilisation_permille: 812 forecast_permille: 700 "
      "floor_permille: 500 cap_permille: 3000 step_permille: 50 arithmetic: \"curve at 81.2%: 1.206\" arithmetic: "
      "\"to a multiple of 5%: 1.2\"",
      seen);
  const Outcome outcome = Penstock("prices explain chat/12");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  ExpectGolden(outcome.out, "explain-price");
  Penstock("prices explain acme/quotes/7");
  Penstock("prices explain pools/chat/prices/12");
  EXPECT_EQ(seen.at(0).name(), "pools/chat/prices/12");
  EXPECT_EQ(seen.at(1).name(), "tenants/acme/quotes/7");
  EXPECT_EQ(seen.at(2).name(), "pools/chat/prices/12");
}

TEST_F(MarketCommandsTest, ThePriceIsLockedAndCapped) {
  const std::string pin =
      "name: \"pools/chat/prices/14\" tenant: \"tenants/acme\" pool: \"pools/chat\" kind: LOCK from { seconds: "
      "1795255200 } until { seconds: 1795341600 } multiplier_permille: 1320 prices { kind: \"input\" "
      "micros_per_million_tokens: 792000 }";
  std::vector<v1::PinPriceRequest> seen;
  daemon_.market.pin = Say<v1::PinPriceRequest, v1::PinPriceResponse>("pin { " + pin + " }", seen);
  const Outcome locked = Penstock("prices lock chat --for 24h --yes");
  EXPECT_EQ(locked.exit_code, kOk) << locked.err;
  ExpectGolden(locked.out, "pin");
  EXPECT_EQ(seen.at(0).for_time().seconds(), 86'400);
  EXPECT_EQ(seen.at(0).kind(), v1::PinPriceRequest::LOCK);
  EXPECT_EQ(Penstock("prices cap chat --for 7d --preview").exit_code, kOk);
  EXPECT_EQ(seen.at(1).for_time().seconds(), 7 * 86'400);
  EXPECT_TRUE(seen.at(1).validate_only());
  for (const char* bad : {"30s", "soon", "-1h", "400d"}) {
    EXPECT_EQ(Penstock(std::string("prices lock chat --yes --for=") + bad).exit_code, kUsage) << bad;
  }
  daemon_.market.pins = Say<v1::ListPinsRequest, v1::ListPinsResponse>("pins { " + pin + " }");
  ExpectGolden(Penstock("prices pins").out, "pins");
}

// ---- rate-card, recommend, shadow-price

TEST_F(MarketCommandsTest, TheRateCardIsAPageForPeopleAndAnObjectForMachines) {
  daemon_.market.rate_card = Say<v1::GetRateCardRequest, v1::RateCard>(
      "tariff_version: \"market-1\" currency: \"EUR\" as_of { seconds: 1795255200 } pools { pool: \"pools/chat\" "
      "model: "
      "\"llama-3.1-8b\" burndown { kind: \"input\" thousandths: 1000 } burndown { kind: \"cached_input\" thousandths: "
      "100 "
      "} burndown { kind: \"output\" thousandths: 4000 } offers { service_class: SERVICE_CLASS_DEFAULT prices { kind: "
      "\"input\" micros_per_million_tokens: 720000 } prices { kind: \"cached_input\" micros_per_million_tokens: 72000 "
      "} "
      "prices { kind: \"output\" micros_per_million_tokens: 2880000 } follows_posted_price: true measured { requests: "
      "12345 queue_delay_p50 { nanos: 12000000 } queue_delay_p99 { seconds: 1 nanos: 250000000 } "
      "time_to_first_token_p50 "
      "{ nanos: 210000000 } time_to_first_token_p99 { nanos: 900000000 } output_tokens_per_s_p50: 41 "
      "output_tokens_per_s_p1: 22 } } offers { service_class: SERVICE_CLASS_RESERVED prices { kind: \"input\" "
      "micros_per_million_tokens: 200000 } prices { kind: \"output\" micros_per_million_tokens: 800000 } } "
      "market_open: "
      "true reservation_list_price " +
      UnitPrice(10'000, "0.000600000000") +
      " promised { queue_delay { nanos: 500000000 } time_to_first_token { seconds: 2 } output_tokens_per_s: 20 credits "
      "{ "
      "below_permille: 990 percent: 10 } } shortest_reservation { seconds: 3600 } furthest_ahead { seconds: 31622400 } "
      "quote_holds { seconds: 600 } locked_before_start { seconds: 86400 } refund_permille: 900 } pools { pool: "
      "\"pools/embed\" model: \"bge-m3\" burndown { kind: \"input\" thousandths: 500 } } limits { of: \"tier/free\" "
      "name: "
      "\"requests_per_minute\" limit: 6000 period { seconds: 60 } } limits { of: \"tenants/acme\" name: "
      "\"tokens_per_minute\" limit: 40000 "
      "burst: "
      "80000 }");
  const Outcome page = Penstock("rate-card");
  EXPECT_EQ(page.exit_code, kOk) << page.err;
  ExpectGolden(page.out, "rate-card");
  ExpectGolden(Penstock("rate-card -o json").out, "rate-card-json");
}

TEST_F(MarketCommandsTest, ARecommendationSaysWhyAndWhatItSaves) {
  std::vector<v1::RecommendReservationRequest> seen;
  daemon_.reservations.recommend = Say<v1::RecommendReservationRequest, v1::Recommendation>(
      "pool: \"pools/chat\" from { seconds: 1792800000 } to { seconds: 1795219200 } elastic_price_pico_per_milli_nt: "
      "600 "
      "reservation_price " +
          UnitPrice(10'000, "0.000600000000") + " peak_nt_per_s: 48000 cost_without " + Eur("11400.250000000000") +
          " cost_at_peak " + Eur("19353.600000000000") +
          " break_even_permille: 278 constant { rate_nt_per_s: 12000 reserved_cost " + Eur("4838.400000000000") +
          " elastic_cost " + Eur("4282.100000000000") + " savings " + Eur("2279.750000000000") +
          " used_permille: 714 beyond_permille: 302 } in_hours { rate_nt_per_s: 30000 hours { weekday: WEEKDAY_MONDAY "
          "from_hour: 8 to_hour: 18 } hours { weekday: WEEKDAY_TUESDAY from_hour: 8 to_hour: 24 } reserved_cost " +
          Eur("3100.500000000000") + " elastic_cost " + Eur("4999.500000000000") + " savings " +
          Eur("3300.250000000000") +
          " used_permille: 905 beyond_permille: 88 } because: \"Half of your work falls on weekday mornings.\"",
      seen);
  const Outcome outcome = Penstock("recommend chat --weeks 12 --tenant acme");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  ExpectGolden(outcome.out, "recommend");
  EXPECT_EQ(seen.at(0).ShortDebugString(), "parent: \"tenants/acme\" pool: \"pools/chat\" weeks: 12");
  EXPECT_EQ(Penstock("recommend chat --weeks 13").exit_code, kUsage);
}

TEST_F(MarketCommandsTest, TheShadowPriceIsAVerdict) {
  std::string weeks;
  for (int64_t week = 0; week < 104; ++week) {
    weeks += " weeks { from { seconds: " + std::to_string(1'795'255'200 + week * 7 * 86'400) +
             " } short_without_milli_nt_per_s: " + std::to_string(1'000'500 + week * 80'000) +
             " short_with_milli_nt_per_s: " + std::to_string(week * 1'000) + " value_per_hour " +
             Eur(std::to_string(2 + week / 7) + ".250000000000") + " }";
  }
  std::vector<v1::GetShadowPriceRequest> seen;
  daemon_.market.shadow_price = Say<v1::GetShadowPriceRequest, v1::ShadowPrice>(
      "pool: \"pools/chat\" currency: \"EUR\" chunk_nt_per_s: 50000 chunk_price_per_hour " + Eur("12.000000000000") +
          " chunk_lead_time { seconds: 3888000 } elastic_price_pico_per_milli_nt: 600 verdict: ORDER_LATER pays_from { "
          "seconds: 1799798400 } order_by { seconds: 1795910400 } because: \"Demand grows by 4% a week.\"" +
          weeks,
      seen);
  const Outcome outcome = Penstock("shadow-price chat --capacity 50000 --price-per-hour 12 --lead-days 45 --growth 40");
  EXPECT_EQ(outcome.exit_code, kOk) << outcome.err;
  ExpectGolden(outcome.out, "shadow-price");
  EXPECT_EQ(
      seen.at(0).ShortDebugString(),
      "pool: \"pools/chat\" chunk_nt_per_s: 50000 chunk_price_per_hour: \"12\" chunk_lead_time { seconds: 3888000 } "
      "growth_permille_per_week: 40");
}

// ---- calendar

/// A week by three hours: sold by day, a night of maintenance, demand that swings with the day.
v1::GetCalendarResponse AWeek(const v1::GetCalendarRequest& request) {
  v1::GetCalendarResponse calendar;
  calendar.set_pool("pools/chat");
  calendar.set_as_of_sequence(4'711);
  const int64_t length = request.has_resolution() ? request.resolution().seconds() : 3 * 3'600;
  for (int64_t at = 1'796'083'200; at < 1'796'083'200 + 7 * 86'400; at += length) {
    v1::CalendarStep& step = *calendar.add_steps();
    step.mutable_from()->set_seconds(at);
    step.mutable_to()->set_seconds(at + length);
    const int64_t hour = at / 3'600 % 24;
    const int64_t day = (at - 1'796'083'200) / 86'400;
    const bool office = hour >= 9 && hour < 18;
    const int64_t supply = day == 3 && hour < 6 ? 20'000'000 : 47'500'000;
    const int64_t sold = day == 3 && hour < 6 ? 25'000'000 : office && day < 5 ? 25'000'000 : 8'000'000;
    step.set_supply_milli_nt_per_s(supply);
    step.set_sold_milli_nt_per_s(sold);
    step.set_sellable_milli_nt_per_s(supply - sold);
    step.set_sellable_slots(32);
    step.set_sellable_kv_tokens(500'000);
    step.set_forecast_milli_nt_per_s(office ? 26'000'000 : 6'000'000);
    step.set_forecast_deviation_milli_nt_per_s(4'000'500);
  }
  return calendar;
}

TEST_F(MarketCommandsTest, TheCalendarIsAPicture) {
  std::vector<v1::GetCalendarRequest> seen;
  daemon_.market.calendar = [&](const v1::GetCalendarRequest& request, v1::GetCalendarResponse& response) {
    seen.push_back(request);
    response = AWeek(request);
    return grpc::Status::OK;
  };
  const Outcome picture = Penstock("calendar chat --from 2026-12-01 --to 2026-12-08");
  EXPECT_EQ(picture.exit_code, kOk) << picture.err;
  ExpectGolden(picture.out, "calendar");
  EXPECT_EQ(seen.at(0).resolution().seconds(), 3 * 3'600) << "a week in eighty columns";
  std::istringstream lines(picture.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80u) << line;

  utf8_ = false;
  const Outcome ascii = Penstock("calendar chat");
  ExpectGolden(ascii.out, "calendar-ascii");
  for (const char c : ascii.out) EXPECT_TRUE(c == '\n' || (c >= ' ' && c < 0x7F));
  EXPECT_EQ(seen.at(1).resolution().seconds(), 3 * 3'600) << "the same without a time: the daemon's week from now";

  const Outcome table = Penstock("calendar chat -o table");
  EXPECT_FALSE(seen.at(2).has_resolution()) << "where something changes";
  ExpectGolden(table.out, "calendar-table");
  EXPECT_EQ(Penstock("calendar chat -o json").json()["steps"].size(), 56u);
  EXPECT_EQ(Penstock("calendar chat --from 2026-12-08 --to 2026-12-01").exit_code, kUsage);
}

TEST(AChart, OfWhatATenantSeesHasNothingSoldInIt) {
  const auto calendar = FromText<v1::GetCalendarResponse>(
      "pool: \"pools/chat\" steps { from { seconds: 1796083200 } to { seconds: 1796086800 } sellable_milli_nt_per_s: "
      "47500000 } steps { from { seconds: 1796086800 } to { seconds: 1796090400 } sellable_milli_nt_per_s: 22500000 }");
  const std::string chart = RenderChart(calendar, 80, false);
  EXPECT_THAT(chart, HasSubstr(". can be sold"));
  EXPECT_THAT(chart, Not(HasSubstr("# sold")));
}

TEST(AChart, TakesColumnsThatPeopleCountIn) {
  EXPECT_EQ(SecondsAColumn(3'600, 80), 60);
  EXPECT_EQ(SecondsAColumn(86'400, 80), 30 * 60);
  EXPECT_EQ(SecondsAColumn(7 * 86'400, 80), 3 * 3'600);
  EXPECT_EQ(SecondsAColumn(7 * 86'400, 200), 3'600);
  EXPECT_EQ(SecondsAColumn(366 * 86'400, 80), 7 * 86'400);
  EXPECT_EQ(RenderChart(v1::GetCalendarResponse(), 80, true), "Nothing is known of that time.\n");
  const auto begun = FromText<v1::GetCalendarResponse>(
      "pool: \"pools/chat\" steps { from { seconds: 1796083212 nanos: 5 } to { seconds: 1796086800 } "
      "sellable_milli_nt_per_s: 47500000 } steps { from { seconds: 1796086800 } to { seconds: 1796090400 } "
      "sellable_milli_nt_per_s: 22500000 }");
  EXPECT_THAT(RenderChart(begun, 80, true), HasSubstr("A column is 1h")) << "the first step is what is left of an hour";
  EXPECT_THAT(RenderChart(begun, 80, true), HasSubstr("2026-12-01 00:00:12Z to 02:00Z"));
}

}  // namespace
}  // namespace penstock::cli
