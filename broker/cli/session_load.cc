#include "broker/cli/session_load.h"

#include <absl/strings/str_cat.h>
#include <grpcpp/grpcpp.h>
#include <sys/prctl.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "broker/cli/arguments.h"
#include "broker/cli/call_error.h"
#include "broker/cli/connection.h"
#include "broker/cli/exit_codes.h"
#include "broker/cli/wording.h"
#include "penstock/v1/admission.grpc.pb.h"

namespace penstock::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostPairsPerStream = 30'000;  // open loop: below what a stream may leave waiting
constexpr int kRoutesPerMessage = 512;
constexpr uint64_t kMostErrors = 1'000;
constexpr std::chrono::microseconds kScheduleStep(250);
constexpr std::chrono::seconds kDrainAllowance{10};
constexpr std::chrono::seconds kInterruptAllowance{1};

/// What all streams of a run share.
struct Plan {
  const Connection& daemon;
  const LoadShape& shape;
  const SessionShape& session;
  std::string id_prefix = RandomId().substr(0, 8) + "-";
  Clock::time_point measured_from;
  Clock::time_point last_due;
  std::atomic<uint64_t> started{0};
  std::atomic<bool> ending{false};  // no new pairs

  bool open_loop() const { return shape.pairs_per_second > 0; }
};

// An item's number is twice its pair's place, and one more for the Complete.
class LoadStream final : public grpc::ClientBidiReactor<v1::SessionRequest, v1::SessionResponse> {
 public:
  LoadStream(Plan& plan, v1::Admission::Stub& stub, int pairs) : plan_(plan), pairs_(static_cast<size_t>(pairs)) {
    for (size_t i = 0; i < pairs_.size(); ++i) idle_.push_back(pairs_.size() - 1 - i);
    plan_.daemon.Authorize(context_);
    stub.async()->Session(&context_, this);
    AddHold();  // writes start from the schedule's thread, too
    StartCall();
    StartRead(&response_);
    const std::lock_guard lock(mutex_);
    Write();
  }

  /// Open loop: a pair is due. False when all are under way.
  bool Add(Clock::time_point due) {
    const std::lock_guard lock(mutex_);
    if (idle_.empty() || ended_) return false;
    Start(due);
    return true;
  }
  void AddAsManyAsThereAre(Clock::time_point due) {
    const std::lock_guard lock(mutex_);
    while (!idle_.empty()) Start(due);
    Write();
  }
  void Flush() {
    const std::lock_guard lock(mutex_);
    Write();
  }

  bool Idle() {
    const std::lock_guard lock(mutex_);
    return ended_ || idle_.size() == pairs_.size();
  }
  /// Half-closes, or cancels what does not come back; then waits for the end.
  void End(bool cancel) {
    if (cancel) context_.TryCancel();
    {
      std::unique_lock lock(mutex_);
      written_.wait(lock, [&] { return !writing_ || ended_; });
      if (!ended_) StartWritesDone();
    }
    RemoveHold();
    std::unique_lock lock(mutex_);
    written_.wait(lock, [&] { return done_; });
  }
  void AddTo(LoadFigures& sum) {
    const std::lock_guard lock(mutex_);
    sum.pairs += figures_.pairs;
    sum.calls += figures_.calls;
    for (const auto& [reason, count] : figures_.refused) sum.refused[reason] += count;
    for (const auto& [reason, count] : figures_.errors) sum.errors[reason] += count;
    if (sum.first_error.empty()) {
      sum.first_error = figures_.first_error;
      sum.first_error_exit_code = figures_.first_error_exit_code;
    }
    sum.admit.Merge(figures_.admit);
    sum.complete.Merge(figures_.complete);
    sum.elapsed = std::max(sum.elapsed, figures_.elapsed);
  }

  void OnReadDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    if (!ok) {
      ended_ = true;
      written_.notify_all();
      return;
    }
    const Clock::time_point now = Clock::now();
    for (const v1::SessionRouteAnswer& route : response_.routes()) {
      if (route.has_error()) CountError(route.error().reason(), route.error().message());
    }
    for (const v1::SessionAnswer& answer : response_.answers()) OnAnswer(answer, now);
    Write();
    StartRead(&response_);
  }
  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) ended_ = true;
    Write();
    written_.notify_all();
  }
  void OnDone(const grpc::Status& status) override {
    const std::lock_guard lock(mutex_);
    if (!status.ok() && status.error_code() != grpc::StatusCode::CANCELLED) {
      const CallError error = ReadCallError(status, plan_.daemon.address());
      CountError(error.reason.empty() ? error.code : error.reason, error.message);
      figures_.first_error_exit_code = error.exit_code;
    }
    ended_ = done_ = true;
    written_.notify_all();
  }

 private:
  struct Pair {
    Clock::time_point due;      // of the pair: scheduled or started
    Clock::time_point started;  // of the item under way
    std::string grant;
  };

  void Start(Clock::time_point due) {
    const size_t place = idle_.back();
    idle_.pop_back();
    pairs_[place].due = pairs_[place].started = due;
    to_admit_.push_back(place);
  }

  void OnAnswer(const v1::SessionAnswer& answer, Clock::time_point now) {
    const auto place = static_cast<size_t>(answer.item() / 2);
    Pair& pair = pairs_.at(place);
    const bool counts = pair.due >= plan_.measured_from;
    if (answer.has_error()) {
      CountError(answer.error().reason(), answer.error().message());
      return OnEnd(place, now);
    }
    if (counts) {
      ++figures_.calls;
      figures_.elapsed = now - plan_.measured_from;
      (answer.item() % 2 == 0 ? figures_.admit : figures_.complete).Record((now - pair.started).count());
    }
    if (answer.has_grant() && !plan_.shape.admit_only) {
      pair.grant = answer.grant().grant();
      pair.started = now;
      to_complete_.push_back(place);
      return;
    }
    if (counts && answer.has_refusal()) {
      ++figures_.refused[Word(*v1::Refusal::Reason_descriptor(), answer.refusal().reason())];
    } else if (counts) {
      ++figures_.pairs;
    }
    OnEnd(place, now);
  }

  void OnEnd(size_t place, Clock::time_point now) {
    idle_.push_back(place);
    if (!plan_.open_loop() && !plan_.ending && now < plan_.last_due) Start(now);
  }

  void CountError(const std::string& name, const std::string& message) {
    if (figures_.errors.empty()) {
      figures_.first_error = absl::StrCat(name, ": ", message);
      figures_.first_error_exit_code = kUnavailable;
    }
    if (++figures_.errors[name] >= kMostErrors) plan_.ending = true;
  }

  // One message out of what is due; Completes first, for they free what Admits ask for.
  void Write() {
    if (writing_ || ended_) return;
    request_.Clear();
    const auto& keys = plan_.shape.keys;
    for (int i = 0; i < kRoutesPerMessage && bound_ < keys.size(); ++i, ++bound_) {
      v1::SessionRoute& route = *request_.add_routes();
      route.set_route(static_cast<uint32_t>(bound_ + 1));
      route.set_key(keys[bound_]);
      route.add_pools(plan_.shape.pool);
      route.set_max_wait_ns(std::chrono::nanoseconds(plan_.shape.max_wait).count());
    }
    int room = request_.routes().empty() ? plan_.session.batch : 0;
    for (; room > 0 && !to_complete_.empty(); --room) AddComplete(TakeFirst(to_complete_, next_complete_));
    for (; room > 0 && !to_admit_.empty(); --room) AddAdmit(TakeFirst(to_admit_, next_admit_));
    if (request_.items().empty() && request_.routes().empty()) return;
    writing_ = true;
    StartWrite(&request_);
  }

  static size_t TakeFirst(std::vector<size_t>& queue, size_t& next) {
    const size_t first = queue[next++];
    if (next == queue.size() || next >= 4'096) {
      queue.erase(queue.begin(), queue.begin() + static_cast<ptrdiff_t>(next));
      next = 0;
    }
    return first;
  }

  void AddAdmit(size_t place) {
    const uint64_t number = plan_.started++;
    v1::SessionItem& item = *request_.add_items();
    item.set_item(2 * place);
    v1::SessionAdmit& admit = *item.mutable_admit();
    admit.set_route(static_cast<uint32_t>(number % plan_.shape.keys.size() + 1));
    id_.assign(plan_.id_prefix);
    absl::StrAppend(&id_, number);
    admit.set_request_id(id_);
    admit.add_input(plan_.shape.input_tokens);
    admit.set_max_output_tokens(std::max<int64_t>(plan_.shape.output_tokens, 1));
  }

  void AddComplete(size_t place) {
    v1::SessionItem& item = *request_.add_items();
    item.set_item(2 * place + 1);
    v1::SessionComplete& complete = *item.mutable_complete();
    complete.set_grant(pairs_[place].grant);
    complete.set_outcome(v1::CompleteRequest::SUCCEEDED);
    for (const int64_t tokens : {plan_.shape.input_tokens, int64_t{0}, int64_t{0}, plan_.shape.output_tokens}) {
      complete.add_tokens(tokens);
    }
  }

  Plan& plan_;
  grpc::ClientContext context_;
  v1::SessionRequest request_;
  v1::SessionResponse response_;
  std::mutex mutex_;  // of everything below
  std::condition_variable written_;
  std::vector<Pair> pairs_;
  std::vector<size_t> idle_;
  std::vector<size_t> to_admit_;  // from next_admit_ on
  std::vector<size_t> to_complete_;
  size_t next_admit_ = 0;
  size_t next_complete_ = 0;
  size_t bound_ = 0;  // routes
  std::string id_;
  bool writing_ = false;
  bool ended_ = false;
  bool done_ = false;
  LoadFigures figures_;
};

}  // namespace

LoadFigures RunSessionLoad(const Connection& daemon, const LoadShape& shape, const SessionShape& session,
                           const std::atomic<bool>& stop, const std::function<void(const LoadFigures&)>& each_second) {
  Plan plan{.daemon = daemon, .shape = shape, .session = session};
  const auto stub = v1::Admission::NewStub(daemon.channel());
  const Clock::time_point begin = Clock::now();
  plan.measured_from = begin + shape.warmup;
  plan.last_due = plan.measured_from + shape.measured;
  std::vector<std::unique_ptr<LoadStream>> streams;
  for (int i = 0; i < session.streams; ++i) {
    const int share = (shape.outstanding + session.streams - 1 - i) / session.streams;
    streams.push_back(std::make_unique<LoadStream>(plan, *stub, plan.open_loop() ? kMostPairsPerStream : share));
    if (!plan.open_loop()) streams.back()->AddAsManyAsThereAre(Clock::now());
  }
  const auto sum = [&] {
    LoadFigures figures;
    for (const auto& stream : streams) stream->AddTo(figures);
    return figures;
  };
  const auto all_idle = [&] {
    return std::all_of(streams.begin(), streams.end(), [](const auto& stream) { return stream->Idle(); });
  };

  prctl(PR_SET_TIMERSLACK, 1UL);  // ns, of this thread: the usual 50 us would show in every latency
  bool interrupted = false;
  int64_t scheduled = 0;
  Clock::time_point next_report = plan.measured_from + std::chrono::seconds(1);
  Clock::time_point give_up_at = plan.last_due + shape.max_wait + kDrainAllowance;
  while (true) {
    const Clock::time_point now = Clock::now();
    while (plan.open_loop() && !plan.ending) {
      const Clock::time_point due =
          begin + std::chrono::nanoseconds(scheduled * 1'000'000'000 / shape.pairs_per_second);
      if (due > now || due >= plan.last_due) break;
      // All under way: it starts late, by its own clock.
      if (!streams[static_cast<size_t>(scheduled) % streams.size()]->Add(due)) break;
      ++scheduled;
    }
    if (plan.open_loop()) {
      for (const auto& stream : streams) stream->Flush();
    }
    if (stop && !plan.ending) {
      plan.ending = interrupted = true;
      give_up_at = now + kInterruptAllowance;
    }
    if (now >= next_report && now < plan.last_due) {
      each_second(sum());
      next_report += std::chrono::seconds(1);
    }
    if ((now >= plan.last_due || plan.ending) && all_idle()) break;
    if (now >= give_up_at) break;
    std::this_thread::sleep_until(now + (plan.open_loop() ? kScheduleStep : std::chrono::microseconds(10'000)));
  }
  const bool all_came_back = all_idle();
  for (const auto& stream : streams) stream->End(/*cancel=*/!all_came_back);
  LoadFigures figures = sum();
  figures.interrupted = interrupted;
  figures.gave_up = !all_came_back || TotalOf(figures.errors) >= kMostErrors;
  if (!interrupted && !figures.gave_up) figures.elapsed = std::max(figures.elapsed, shape.measured);
  return figures;
}

}  // namespace penstock::cli
