// The daemon as operators meet it: configuration errors, draining, damaged data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "penstock/v1/admission.grpc.pb.h"
#include "penstock/v1/operations.grpc.pb.h"
#include "tests/integration/daemon_process.h"

namespace penstock::integration {
namespace {

using testing::HasSubstr;

v1::AdmitRequest Request(const std::string& id) {
  v1::AdmitRequest request;
  request.set_request_id(id);
  request.set_key("tenants/shop/keys/prod");
  request.add_pools("pools/chat");
  request.set_max_output_tokens(100);
  return request;
}

grpc::Status Admit(DaemonProcess& daemon, const std::string& id, v1::AdmitResponse* response) {
  grpc::ClientContext context;
  daemon.Authorise(context);
  return v1::Admission::NewStub(daemon.Channel())->Admit(&context, Request(id), response);
}

grpc::Status Complete(DaemonProcess& daemon, const std::string& grant) {
  v1::CompleteRequest request;
  request.set_grant(grant);
  request.set_outcome(v1::CompleteRequest::SUCCEEDED);
  grpc::ClientContext context;
  daemon.Authorise(context);
  v1::CompleteResponse response;
  return v1::Admission::NewStub(daemon.Channel())->Complete(&context, request, &response);
}

TEST(Serve, RefusesAConfigurationWithAMistakeAndSaysWhere) {
  DaemonProcess daemon;
  std::ofstream(daemon.config_file(), std::ios::app) << "lisetn: 127.0.0.1:1\n";
  EXPECT_FALSE(daemon.Start());
  EXPECT_THAT(daemon.output(), HasSubstr("did you mean \"listen\""));
  const Ran validated = RunPenstock("validate " + daemon.config_file());
  EXPECT_EQ(validated.exit_code, 78);
  EXPECT_EQ(validated.output, daemon.output());
}

TEST(Serve, SigtermDrainsSettlesAndEndsWithZero) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.Start()) << daemon.output();
  v1::AdmitResponse response;
  ASSERT_TRUE(Admit(daemon, "r1", &response).ok());
  const std::string grant = response.grant().name();
  daemon.Signal(SIGTERM);
  int asked = 0;
  grpc::Status status;
  do {  // until the drain has begun
    status = Admit(daemon, "later" + std::to_string(asked++), &response);
    if (status.ok()) {
      EXPECT_TRUE(Complete(daemon, response.grant().name()).ok());
    }
  } while (status.ok());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  EXPECT_TRUE(Complete(daemon, grant).ok()) << "settlements go on";
  EXPECT_EQ(daemon.WaitForExit(), 0) << daemon.output();
  EXPECT_EQ(RunPenstock("ledger verify --data " + daemon.data_dir()).exit_code, 0);
}

TEST(Serve, SignsItsHeadForAWitnessWhoFindsItAgain) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.Start()) << daemon.output();
  v1::AdmitResponse response;
  ASSERT_TRUE(Admit(daemon, "witnessed", &response).ok());
  ASSERT_TRUE(Complete(daemon, response.grant().name()).ok());
  grpc::ClientContext context;
  daemon.Authorise(context, /*as_operator=*/true);
  v1::LedgerStatus ledger;
  const grpc::Status got =
      v1::Operations::NewStub(daemon.Channel())->GetLedger(&context, v1::GetLedgerRequest(), &ledger);
  ASSERT_TRUE(got.ok()) << got.error_message();
  const v1::SignedHead& head = ledger.signed_head();
  EXPECT_GT(head.sequence(), 0u) << "a settlement that was answered is synced";
  const std::string file = daemon.data_dir() + "/../head.json";
  std::ofstream(file) << "{\"journal\": \"" << head.journal() << "\", \"sequence\": " << head.sequence()
                      << ", \"hash\": \"" << head.hash() << "\", \"at_unix_s\": " << head.at_unix_s()
                      << ", \"public_key\": \"" << head.public_key() << "\", \"signature\": \"" << head.signature()
                      << "\"}";
  EXPECT_EQ(daemon.Stop(), 0) << daemon.output();
  const Ran verified = RunPenstock("ledger verify " + daemon.data_dir() + " --against " + file);
  EXPECT_EQ(verified.exit_code, 0) << verified.output;
}

TEST(Serve, RefusesADataDirectoryThatAnotherDaemonHas) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.Start()) << daemon.output();
  const Ran second = RunPenstock("serve -c " + daemon.config_file());
  EXPECT_NE(second.exit_code, 0);
  EXPECT_THAT(second.output, HasSubstr(daemon.data_dir().substr(daemon.data_dir().rfind('/'))));
}

/// Damages the newest log file of the journal after some traffic and a kill.
/// Admits and completes so many requests; some are left to wait for their leases.
void Load(DaemonProcess& daemon, const std::string& prefix, int requests) {
  for (int i = 0; i < requests; ++i) {
    v1::AdmitResponse response;
    ASSERT_TRUE(Admit(daemon, prefix + std::to_string(i), &response).ok());
    if (i % 5 == 0) continue;
    ASSERT_TRUE(Complete(daemon, response.grant().name()).ok());
  }
}

std::string Replay(const DaemonProcess& daemon, int epoch) {
  const Ran ran = RunPenstock("ledger replay --data " + daemon.data_dir() + " --epoch " + std::to_string(epoch));
  EXPECT_EQ(ran.exit_code, 0) << ran.output;
  return ran.output;
}

TEST(ArrivalLog, OfEveryBootGivesTheSameDecisionsAgain) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.Start()) << daemon.output();
  Load(daemon, "first", 40);
  daemon.Signal(SIGHUP);  // a reload is a command too
  Load(daemon, "second", 40);
  daemon.Kill();
  ASSERT_TRUE(daemon.Start()) << daemon.output();
  Load(daemon, "third", 40);
  daemon.Signal(SIGTERM);
  daemon.Kill();  // it would wait for the open grants
  ASSERT_TRUE(daemon.Start()) << daemon.output();
  Load(daemon, "fourth", 3);
  daemon.Kill();
  EXPECT_THAT(Replay(daemon, 1), HasSubstr("the daemon was killed"));
  Replay(daemon, 2);
  EXPECT_THAT(Replay(daemon, 3), HasSubstr("equal up to sequence"));
  EXPECT_EQ(RunPenstock("ledger replay --data " + daemon.data_dir() + " --epoch 9").exit_code, 78);
}

TEST(ArrivalLog, OfAnOrderlyBootGoesToItsEnd) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.Start()) << daemon.output();
  v1::AdmitResponse response;
  ASSERT_TRUE(Admit(daemon, "r1", &response).ok());
  ASSERT_TRUE(Complete(daemon, response.grant().name()).ok());
  ASSERT_EQ(daemon.Stop(), 0) << daemon.output();
  EXPECT_THAT(Replay(daemon, 1), HasSubstr("an orderly stop"));
}

TEST(ArrivalLog, CanBeTurnedOff) {
  DaemonProcess daemon;
  std::ofstream(daemon.config_file(), std::ios::app) << "arrival_log: {max_bytes: 0}\n";
  ASSERT_TRUE(daemon.Start()) << daemon.output();
  ASSERT_EQ(daemon.Stop(), 0) << daemon.output();
  EXPECT_FALSE(std::filesystem::exists(daemon.data_dir() + "/arrivals"));
  EXPECT_THAT(RunPenstock("ledger replay --data " + daemon.data_dir()).output, HasSubstr("no arrival log"));
}

class DamagedJournal : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(daemon_.Start()) << daemon_.output();
    for (int i = 0; i < 50; ++i) {
      v1::AdmitResponse response;
      ASSERT_TRUE(Admit(daemon_, "r" + std::to_string(i), &response).ok());
      ASSERT_TRUE(Complete(daemon_, response.grant().name()).ok());
    }
    daemon_.Kill();
    for (const auto& file : std::filesystem::directory_iterator(daemon_.data_dir() + "/journal")) {
      if (file.path().extension() == ".log" && file.file_size() > log_size_) {
        log_ = file.path();
        log_size_ = file.file_size();
      }
    }
    ASSERT_GT(log_size_, 0u);
  }

  void ExpectRefusalThatSays(const std::string& what) {
    EXPECT_FALSE(daemon_.Start());
    EXPECT_THAT(daemon_.output(), HasSubstr(what));
    EXPECT_THAT(daemon_.output(), HasSubstr("backup")) << "it says what to do";
    const Ran verified = RunPenstock("ledger verify --data " + daemon_.data_dir());
    EXPECT_NE(verified.exit_code, 0) << verified.output;
  }

  DaemonProcess daemon_;
  std::filesystem::path log_;
  uintmax_t log_size_ = 0;
};

TEST_F(DamagedJournal, ATruncatedLogIsRefusedNotSilentlyShortened) {
  std::filesystem::resize_file(log_, log_size_ / 2);
  ExpectRefusalThatSays("sequence");
}

TEST_F(DamagedJournal, AFlippedByteInTheMiddleIsRefused) {
  std::fstream file(log_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(log_size_ / 2));
  const char byte = static_cast<char>(file.get());
  file.seekp(static_cast<std::streamoff>(log_size_ / 2));
  file.put(static_cast<char>(byte ^ 0x10));
  file.close();
  ExpectRefusalThatSays(daemon_.data_dir().substr(daemon_.data_dir().rfind('/')));
}

TEST_F(DamagedJournal, AMissingLogIsRefused) {
  std::filesystem::remove(log_);
  ExpectRefusalThatSays("sequence");
}

TEST(Serve, RefusesToStartWhenItsGrantKeysAreGone) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.Start()) << daemon.output();
  daemon.Kill();
  std::filesystem::remove(daemon.data_dir() + "/grant_keys");
  EXPECT_FALSE(daemon.Start()) << "or the grants that are open could not be completed any more";
  EXPECT_THAT(daemon.output(), HasSubstr("grant_keys is missing"));
}

}  // namespace
}  // namespace penstock::integration
