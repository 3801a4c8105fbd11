// The ceiling: a gRPC server of the daemon's API style (callback) and contract that does nothing. Every Admit is
// granted and every Complete settled by the same constant message, so `penstock bench` runs against it unchanged, and
// the daemon's calls per second can be put beside those of gRPC alone.
//
// Prints "listening on 127.0.0.1:PORT" and stops on SIGTERM or when its standard input ends.
#include <absl/synchronization/mutex.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "penstock/v1/admission.grpc.pb.h"

namespace penstock {
namespace {

class EmptyAdmission final : public v1::Admission::CallbackService {
 public:
  EmptyAdmission() {
    v1::Grant& grant = *admitted_.mutable_grant();  // about as large as a real one
    grant.set_name("g1.00000001.0000000000000001.0123456789abcdef0123456789abcdef");
    grant.set_pool("pools/chat");
    grant.set_served(v1::SERVICE_CLASS_DEFAULT);
    grant.set_tier(v1::TIER_ELASTIC);
    grant.set_tariff_version("2026-01");
    grant.set_currency("USD");
    for (const char* kind : {"input", "cached_input", "output"}) {
      v1::TokenPrice& price = *grant.add_prices();
      price.set_kind(kind);
      price.set_micros_per_million_tokens(150'000);
    }
    grant.set_output_cap(200);
    grant.mutable_lease_deadline()->set_seconds(1'800'000'000);
    grant.mutable_settle_deadline()->set_seconds(1'800'000'000);
    grant.mutable_waited()->set_nanos(1);
    grant.mutable_hold()->set_currency("USD");
    grant.mutable_hold()->set_amount("0.000270000000");
    completed_.mutable_charge()->set_currency("USD");
    completed_.mutable_charge()->set_amount("0.000270000000");
    completed_.set_billed(true);
    completed_.set_work_milli_nt(1'800'000);
    completed_.set_sequence(1);
  }

 private:
  template <class Response>
  static grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const Response& constant,
                                          Response* response) {
    *response = constant;
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerUnaryReactor* Admit(grpc::CallbackServerContext* context, const v1::AdmitRequest*,
                                  v1::AdmitResponse* response) override {
    return Answer(context, admitted_, response);
  }
  grpc::ServerUnaryReactor* Progress(grpc::CallbackServerContext* context, const v1::ProgressRequest*,
                                     v1::ProgressResponse* response) override {
    return Answer(context, v1::ProgressResponse(), response);
  }
  grpc::ServerUnaryReactor* Complete(grpc::CallbackServerContext* context, const v1::CompleteRequest*,
                                     v1::CompleteResponse* response) override {
    return Answer(context, completed_, response);
  }

  v1::AdmitResponse admitted_;
  v1::CompleteResponse completed_;
};

// Blocked before gRPC makes its threads, so that all of them inherit it and only the returned descriptor tells.
int BlockTerm() {
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, nullptr);
  return signalfd(-1, &term, SFD_CLOEXEC);
}

void WaitForTheEnd(int term) {
  pollfd ends[] = {{STDIN_FILENO, POLLIN, 0}, {term, POLLIN, 0}};
  while (true) {
    poll(ends, 2, -1);
    char ignored[256];
    if (ends[1].revents != 0) return;
    if (ends[0].revents != 0 && read(STDIN_FILENO, ignored, sizeof ignored) <= 0) return;
  }
}

int Serve() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // as the daemon does
  const int term = BlockTerm();
  EmptyAdmission admission;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&admission);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 69;
  std::printf("listening on 127.0.0.1:%d\n", port);
  std::fflush(stdout);
  WaitForTheEnd(term);
  server->Shutdown();
  return 0;
}

}  // namespace
}  // namespace penstock

int main() { return penstock::Serve(); }
