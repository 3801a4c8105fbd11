// kill -9 in the middle of load, again and again: every Complete that was answered is in the journal exactly once, what
// was not answered can be retried and then is, the chain verifies, and holds that nobody completes expire.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "ledger/money.h"
#include "penstock/v1/admission.grpc.pb.h"
#include "penstock/v1/operations.grpc.pb.h"
#include "tests/admission/seed.h"
#include "tests/integration/daemon_process.h"
#include "tests/integration/pairs.h"

namespace penstock::integration {
namespace {

constexpr int kKills = 50;
constexpr int kClients = 4;

/// A client's own record of a request, kept outside the daemon.
struct Remembered {
  v1::CompleteRequest complete;
  std::string charge;  // as answered; empty: no answer came
};

/// Clients with a memory of their own.
class Auditor {
 public:
  Auditor(DaemonProcess& daemon, uint64_t seed) : daemon_(daemon), random_(seed) {}

  /// Loads the daemon until `answers` completions were answered, then kills it while the clients go on.
  void LoadAndKill(int answers) {
    std::vector<std::thread> clients;
    std::atomic<int> left{answers};
    for (int i = 0; i < kClients; ++i) {
      clients.emplace_back([this, &left] {
        const auto stub = v1::Admission::NewStub(daemon_.Channel());
        while (OnePair(*stub)) {
          left.fetch_sub(1);
          left.notify_one();
        }
        left.store(0);  // the daemon is gone
        left.notify_one();
      });
    }
    for (int now = left.load(); now > 0; now = left.load()) left.wait(now);
    daemon_.Kill();
    for (std::thread& client : clients) client.join();
  }

  /// Asks again for what a kill cut off: the same request id gets the same live grant, or a new one if none was given.
  void RetryCutOffAdmits() {
    const auto stub = v1::Admission::NewStub(daemon_.Channel());
    for (const std::string& id : std::exchange(cut_off_admits_, {})) {
      v1::AdmitResponse response;
      ASSERT_TRUE(Admit(*stub, "pools/chat", id, &response));
      Remember(response.grant().name());
    }
  }

  /// Repeats every Complete: the answered ones must be repeats with the same charge, the others settle now or have
  /// settled before.
  void SettleAll() {
    const auto stub = v1::Admission::NewStub(daemon_.Channel());
    for (Remembered& one : remembered_) {
      grpc::ClientContext context;
      daemon_.Authorise(context);
      v1::CompleteResponse response;
      const grpc::Status status = stub->Complete(&context, one.complete, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
      if (!one.charge.empty()) {
        ASSERT_TRUE(response.repeated()) << "an answered settlement was lost";
        ASSERT_EQ(response.charge().amount(), one.charge);
      }
      one.charge = response.charge().amount();
    }
  }

  std::string TotalCharge() const {
    ledger::Money total;
    for (const Remembered& one : remembered_) total += *ledger::Money::FromDecimal(one.charge);
    return total.ToDecimal();
  }

  size_t cut_off_admits() const { return cut_off_admits_.size(); }
  size_t remembered() const { return remembered_.size(); }
  size_t unanswered() const {
    size_t count = 0;
    for (const Remembered& one : remembered_) count += one.charge.empty() ? 1U : 0U;
    return count;
  }

  /// A grant that nobody will ever complete.
  void Abandon() {
    const auto stub = v1::Admission::NewStub(daemon_.Channel());
    v1::AdmitResponse response;
    ASSERT_TRUE(Admit(*stub, "pools/brief", NextId(), &response));
  }

 private:
  std::string NextId() { return "r" + std::to_string(next_id_.fetch_add(1)); }

  bool Admit(v1::Admission::Stub& stub, const std::string& pool, const std::string& id, v1::AdmitResponse* response) {
    grpc::ClientContext context;
    daemon_.Authorise(context);
    const grpc::Status status = stub.Admit(&context, AdmitOf("tenants/shop/keys/prod", pool, id), response);
    EXPECT_TRUE(!status.ok() || response->has_grant()) << response->DebugString();
    return status.ok() && response->has_grant();
  }

  bool OnePair(v1::Admission::Stub& stub) {
    const std::string id = NextId();
    v1::AdmitResponse admitted;
    if (!Admit(stub, "pools/chat", id, &admitted)) {
      const std::lock_guard<std::mutex> lock(mutex_);
      cut_off_admits_.push_back(id);
      return false;
    }
    const v1::CompleteRequest complete = CompletionOf(admitted.grant().name(), Draw());
    grpc::ClientContext context;
    daemon_.Authorise(context);
    v1::CompleteResponse completed;
    const bool answered = stub.Complete(&context, complete, &completed).ok();
    const std::lock_guard<std::mutex> lock(mutex_);
    remembered_.push_back({complete, answered ? completed.charge().amount() : ""});
    return answered;
  }

  void Remember(const std::string& grant) { remembered_.push_back({CompletionOf(grant, Draw()), ""}); }

  int64_t Draw() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return 1 + static_cast<int64_t>(random_() % 1'000);
  }

  DaemonProcess& daemon_;
  std::mutex mutex_;
  std::mt19937_64 random_;
  std::atomic<int> next_id_{0};
  std::vector<Remembered> remembered_;
  std::vector<std::string> cut_off_admits_;
};

uint64_t OpenHolds(DaemonProcess& daemon) {
  grpc::ClientContext context;
  daemon.Authorise(context, /*as_operator=*/true);
  v1::LedgerStatus status;
  EXPECT_TRUE(v1::Operations::NewStub(daemon.Channel())->GetLedger(&context, v1::GetLedgerRequest(), &status).ok());
  return status.open_holds();
}

TEST(KillMinusNine, LosesNothingThatWasAnsweredInFiftyKills) {
  const uint64_t seed = TestSeeds(0).front();
  std::cout << "PENSTOCK_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  DaemonProcess daemon;
  Auditor auditor(daemon, seed);
  for (int life = 0; life < kKills; ++life) {
    ASSERT_TRUE(daemon.Start()) << daemon.output();
    auditor.Abandon();
    auditor.LoadAndKill(1 + static_cast<int>(random() % 60));
  }
  std::cout << auditor.remembered() << " completions, " << auditor.unanswered() << " of them cut off by a kill, "
            << auditor.cut_off_admits() << " admits too\n";
  ASSERT_TRUE(daemon.Start()) << daemon.output();
  auditor.RetryCutOffAdmits();
  auditor.SettleAll();
  while (OpenHolds(daemon) > 0) std::this_thread::yield();  // all that nobody completes expire
  EXPECT_EQ(daemon.Stop(), 0) << daemon.output();

  const Ran verified = RunPenstock("ledger verify --data " + daemon.data_dir() + " -o json");
  EXPECT_EQ(verified.exit_code, 0) << verified.output;
  EXPECT_NE(verified.output.find("\"verified\": true"), std::string::npos) << verified.output;
  const Ran replayed = RunPenstock("ledger replay --data " + daemon.data_dir());
  EXPECT_EQ(replayed.exit_code, 0) << replayed.output;
  EXPECT_NE(verified.output.find("\"amount\": \"" + auditor.TotalCharge() + "\""), std::string::npos)
      << "the clients' own records add up to " << auditor.TotalCharge() << "\n"
      << verified.output;
}

}  // namespace
}  // namespace penstock::integration
