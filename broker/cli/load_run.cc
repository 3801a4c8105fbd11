#include "broker/cli/load_run.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <sys/prctl.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>

#include "broker/cli/arguments.h"
#include "broker/cli/call_error.h"
#include "broker/cli/connection.h"
#include "broker/cli/wording.h"
#include "penstock/v1/admission.grpc.pb.h"

namespace penstock::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostPairsUnderWay = 10'000;  // open loop: beyond it a pair starts late, which its latency shows
constexpr uint64_t kMostErrors = 1'000;
constexpr std::chrono::seconds kDrainAllowance{10};     // for answers after the last pair was due, beside its wait
constexpr std::chrono::seconds kInterruptAllowance{1};  // a person is waiting

// One pair: first its Admit, then its Complete. Messages are reused from pair to pair.
struct Pair {
  enum class Stage { kAdmit, kComplete };
  Stage stage = Stage::kAdmit;
  v1::Admission::Stub* stub = nullptr;
  Clock::time_point due;      // of the pair: scheduled or started
  Clock::time_point started;  // of the call under way
  std::optional<grpc::ClientContext> context;
  grpc::Status status;
  v1::AdmitRequest admit_request;
  v1::AdmitResponse admit_response;
  v1::CompleteRequest complete_request;
  v1::CompleteResponse complete_response;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::AdmitResponse>> admit_call;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::CompleteResponse>> complete_call;
};

void AddCount(const char* kind, int64_t tokens, google::protobuf::RepeatedPtrField<v1::TokenCount>& counts) {
  if (tokens == 0) return;
  v1::TokenCount& count = *counts.Add();
  count.set_kind(kind);
  count.set_tokens(tokens);
}

class Load {
 public:
  Load(const Connection& daemon, const LoadShape& shape, const std::atomic<bool>& stop);
  LoadFigures Run(const std::function<void(const LoadFigures&)>& each_second);

 private:
  bool open_loop() const { return shape_.pairs_per_second > 0; }
  void Prepare(Pair& pair);
  void NewContext(Pair& pair);
  void StartAdmit(Pair& pair, Clock::time_point due);
  void StartComplete(Pair& pair, Clock::time_point now);
  void KeepSchedule();
  Pair* TakeIdle();

  void OnAnswer(Pair& pair, Clock::time_point now);
  void OnAdmitAnswer(Pair& pair, Clock::time_point now);
  void OnCompleteAnswer(Pair& pair, Clock::time_point now);
  void OnEnd(Pair& pair, Clock::time_point now);
  bool Counts(const Pair& pair) const { return pair.due >= measured_from_; }
  void CountError(const Pair& pair);
  void CancelTheRest();

  const Connection& daemon_;
  const LoadShape& shape_;
  const std::atomic<bool>& stop_;
  const std::string id_prefix_ = RandomId().substr(0, 8) + "-";
  std::vector<std::unique_ptr<v1::Admission::Stub>> stubs_;  // one per connection
  grpc::CompletionQueue queue_;
  Clock::time_point begin_;
  Clock::time_point measured_from_;
  Clock::time_point last_due_;
  LoadFigures figures_;
  std::vector<std::unique_ptr<Pair>> pairs_;
  uint64_t started_ = 0;              // by whoever starts pairs: the schedule's thread, or the only one
  std::atomic<bool> ending_ = false;  // no new pairs
  std::atomic<int> under_way_ = 0;
  std::atomic<bool> schedule_kept_ = true;  // the schedule's thread has no more to start

  std::mutex idle_mutex_;  // open loop only: the schedule takes, the queue's thread gives back
  std::vector<Pair*> idle_;
};

Load::Load(const Connection& daemon, const LoadShape& shape, const std::atomic<bool>& stop)
    : daemon_(daemon), shape_(shape), stop_(stop) {
  for (int i = 0; i < shape.connections; ++i) {
    stubs_.push_back(v1::Admission::NewStub(i == 0 ? daemon.channel() : daemon.NewChannel()));
  }
  const int count = open_loop() ? kMostPairsUnderWay : shape.outstanding;
  for (int i = 0; i < count; ++i) {
    pairs_.push_back(std::make_unique<Pair>());
    pairs_.back()->stub = stubs_[static_cast<size_t>(i % shape.connections)].get();
    Prepare(*pairs_.back());
    idle_.push_back(pairs_.back().get());
  }
}

// What is the same in every request of the run.
void Load::Prepare(Pair& pair) {
  v1::AdmitRequest& admit = pair.admit_request;
  admit.add_pools(shape_.pool);
  AddCount("input", shape_.input_tokens, *admit.mutable_input());
  admit.set_max_output_tokens(std::max<int64_t>(shape_.output_tokens, 1));
  admit.mutable_max_wait()->set_seconds(shape_.max_wait.count() / 1000);
  admit.mutable_max_wait()->set_nanos(static_cast<int32_t>(shape_.max_wait.count() % 1000 * 1'000'000));
  v1::CompleteRequest& complete = pair.complete_request;
  complete.set_outcome(v1::CompleteRequest::SUCCEEDED);
  AddCount("input", shape_.input_tokens, *complete.mutable_tokens());
  AddCount("output", shape_.output_tokens, *complete.mutable_tokens());
}

// The last calls' readers live in memory that their context owns, so they go first.
void Load::NewContext(Pair& pair) {
  pair.admit_call.reset();
  pair.complete_call.reset();
  pair.context.emplace();
  daemon_.Authorize(*pair.context);
}

void Load::StartAdmit(Pair& pair, Clock::time_point due) {
  const uint64_t number = started_++;
  pair.stage = Pair::Stage::kAdmit;
  pair.due = due;
  pair.started = due;
  pair.admit_request.set_request_id(id_prefix_ + std::to_string(number));
  pair.admit_request.set_key(shape_.keys[number % shape_.keys.size()]);
  NewContext(pair);
  ++under_way_;
  pair.admit_call = pair.stub->AsyncAdmit(&*pair.context, pair.admit_request, &queue_);
  pair.admit_call->Finish(&pair.admit_response, &pair.status, &pair);
}

void Load::StartComplete(Pair& pair, Clock::time_point now) {
  pair.stage = Pair::Stage::kComplete;
  pair.started = now;
  pair.complete_request.set_grant(pair.admit_response.grant().name());
  NewContext(pair);
  pair.complete_call = pair.stub->AsyncComplete(&*pair.context, pair.complete_request, &queue_);
  pair.complete_call->Finish(&pair.complete_response, &pair.status, &pair);
}

Pair* Load::TakeIdle() {
  const std::lock_guard lock(idle_mutex_);
  if (idle_.empty()) return nullptr;
  Pair* pair = idle_.back();
  idle_.pop_back();
  return pair;
}

void Load::KeepSchedule() {
  prctl(PR_SET_TIMERSLACK, 1UL);  // ns, of this thread: the usual 50 us would show in every latency
  for (int64_t i = 0; !ending_; ++i) {
    const Clock::time_point due = begin_ + std::chrono::nanoseconds(i * 1'000'000'000 / shape_.pairs_per_second);
    if (due >= last_due_) break;
    std::this_thread::sleep_until(due);
    Pair* pair = TakeIdle();
    while (pair == nullptr && !ending_) {  // all are under way: this one starts late, by its own clock
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      pair = TakeIdle();
    }
    if (pair != nullptr) StartAdmit(*pair, due);
  }
  schedule_kept_ = true;
}

void Load::CountError(const Pair& pair) {
  if (pair.status.error_code() == grpc::StatusCode::CANCELLED && figures_.interrupted) return;  // our own doing
  const CallError error = ReadCallError(pair.status, daemon_.address());
  const std::string& name = error.reason.empty() ? error.code : error.reason;
  if (figures_.errors.empty()) {
    figures_.first_error = name + ": " + error.message;
    figures_.first_error_exit_code = error.exit_code;
  }
  ++figures_.errors[name];
  if (TotalOf(figures_.errors) >= kMostErrors) ending_ = figures_.gave_up = true;
}

void Load::OnAdmitAnswer(Pair& pair, Clock::time_point now) {
  if (Counts(pair)) {
    ++figures_.calls;
    figures_.admit.Record((now - pair.started).count());
    figures_.elapsed = now - measured_from_;
  }
  if (pair.admit_response.has_grant()) {
    if (!shape_.admit_only) return StartComplete(pair, now);
    if (Counts(pair)) ++figures_.pairs;
  } else if (Counts(pair)) {
    ++figures_.refused[Word(*v1::Refusal::Reason_descriptor(), pair.admit_response.refusal().reason())];
  }
  OnEnd(pair, now);
}

void Load::OnCompleteAnswer(Pair& pair, Clock::time_point now) {
  if (Counts(pair)) {
    ++figures_.calls;
    ++figures_.pairs;
    figures_.complete.Record((now - pair.started).count());
    figures_.elapsed = now - measured_from_;
  }
  OnEnd(pair, now);
}

void Load::OnAnswer(Pair& pair, Clock::time_point now) {
  if (!pair.status.ok()) {
    CountError(pair);  // also in the warm-up: there is no good error
    return OnEnd(pair, now);
  }
  if (pair.stage == Pair::Stage::kAdmit)
    OnAdmitAnswer(pair, now);
  else
    OnCompleteAnswer(pair, now);
}

void Load::OnEnd(Pair& pair, Clock::time_point now) {
  --under_way_;
  if (open_loop()) {
    const std::lock_guard lock(idle_mutex_);
    idle_.push_back(&pair);
  } else if (!ending_ && now < last_due_) {
    StartAdmit(pair, now);
  }
}

// What does not come back is cancelled, so that the run ends.
void Load::CancelTheRest() {
  ending_ = figures_.gave_up = true;
  if (!schedule_kept_) return;  // its thread may be starting a pair right now: next time round
  for (const std::unique_ptr<Pair>& pair : pairs_) {
    if (pair->context) pair->context->TryCancel();
  }
}

LoadFigures Load::Run(const std::function<void(const LoadFigures&)>& each_second) {
  begin_ = Clock::now();
  measured_from_ = begin_ + shape_.warmup;
  last_due_ = measured_from_ + shape_.measured;
  std::jthread schedule;
  if (open_loop()) {
    schedule_kept_ = false;
    schedule = std::jthread([this] { KeepSchedule(); });
  } else {
    for (const std::unique_ptr<Pair>& pair : pairs_) StartAdmit(*pair, Clock::now());
  }

  Clock::time_point next_report = measured_from_ + std::chrono::seconds(1);
  Clock::time_point give_up_at = last_due_ + shape_.max_wait + kDrainAllowance;
  while (!schedule_kept_ || under_way_ > 0) {  // in this order: a kept schedule adds no more
    void* tag = nullptr;
    bool ok = false;
    const gpr_timespec soon = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(100, GPR_TIMESPAN));
    const auto event = queue_.AsyncNext(&tag, &ok, soon);
    const Clock::time_point now = Clock::now();
    if (event == grpc::CompletionQueue::GOT_EVENT) OnAnswer(*static_cast<Pair*>(tag), now);
    if (stop_ && !ending_) {
      figures_.interrupted = true;
      ending_ = true;
      give_up_at = now + kInterruptAllowance;
    }
    if (now >= next_report && now < last_due_) {
      each_second(figures_);
      next_report += std::chrono::seconds(1);
    }
    if (now >= give_up_at) {
      CancelTheRest();
      give_up_at = now + kInterruptAllowance;
    }
  }
  queue_.Shutdown();
  const bool ran_its_time = !figures_.interrupted && !figures_.gave_up;
  if (ran_its_time) figures_.elapsed = std::max(figures_.elapsed, shape_.measured);
  return figures_;
}

}  // namespace

uint64_t TotalOf(const std::map<std::string, uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0},
                         [](uint64_t sum, const auto& entry) { return sum + entry.second; });
}

LoadFigures RunLoad(const Connection& daemon, const LoadShape& shape, const std::atomic<bool>& stop,
                    const std::function<void(const LoadFigures&)>& each_second) {
  return Load(daemon, shape, stop).Run(each_second);
}

}  // namespace penstock::cli
