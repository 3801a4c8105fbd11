#include "broker/cli/demo/traffic_player.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "admission/vocabulary/check.h"
#include "broker/cli/call_error.h"
#include "broker/cli/connection.h"
#include "broker/cli/demo/unary_call.h"
#include "broker/cli/wording.h"
#include "penstock/v1/admission.grpc.pb.h"
#include "penstock/v1/operations.grpc.pb.h"

namespace penstock::cli::demo {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Duration kTick = Milliseconds(250);
constexpr Duration kProgressEvery = Seconds(5);
constexpr Duration kPatience = Minutes(2);  // after the last arrival; then what is left is cancelled
constexpr int64_t kMostErrors = 100;        // more, and the daemon is in no state to be shown
constexpr std::chrono::seconds kAnswerWithin{10};

void ToProto(Instant t, google::protobuf::Timestamp* out) {
  out->set_seconds(t.nanoseconds_since_epoch() / 1'000'000'000);
  out->set_nanos(static_cast<int32_t>(t.nanoseconds_since_epoch() % 1'000'000'000));
}

void ToProto(Duration d, google::protobuf::Duration* out) {
  out->set_seconds(d.count() / 1'000'000'000);
  out->set_nanos(static_cast<int32_t>(d.count() % 1'000'000'000));
}

Duration FromProto(const google::protobuf::Duration& d) { return Seconds(d.seconds()) + Nanoseconds(d.nanos()); }

void ToProto(const TokenCounts& tokens, google::protobuf::RepeatedPtrField<v1::TokenCount>* out) {
  for (TokenKind kind : kAllTokenKinds) {
    if (tokens[kind] == Tokens::Zero()) continue;
    v1::TokenCount* count = out->Add();
    count->set_kind(std::string(Name(kind)));
    count->set_tokens(tokens[kind].count());
  }
}

v1::ServiceClass ToProto(ServiceClass c) {
  switch (c) {
    case ServiceClass::kFree:
      return v1::SERVICE_CLASS_FREE;
    case ServiceClass::kFlex:
      return v1::SERVICE_CLASS_FLEX;
    case ServiceClass::kDefault:
      return v1::SERVICE_CLASS_DEFAULT;
    case ServiceClass::kPriority:
      return v1::SERVICE_CLASS_PRIORITY;
    case ServiceClass::kSpillover:
      return v1::SERVICE_CLASS_SPILLOVER;
    case ServiceClass::kReserved:
      return v1::SERVICE_CLASS_RESERVED;
  }
  return v1::SERVICE_CLASS_UNSPECIFIED;
}

Row RowServed(const v1::Grant& grant) {
  if (grant.served() == v1::SERVICE_CLASS_SPILLOVER) return Row::kSpillover;
  if (grant.tier() == v1::TIER_RESERVED) return Row::kReserved;
  return grant.tier() == v1::TIER_FREE ? Row::kFree : Row::kElastic;
}

TokenCounts OnlyInput(TokenCounts tokens) {
  tokens[TokenKind::kOutput] = Tokens::Zero();
  tokens[TokenKind::kReasoning] = Tokens::Zero();
  return tokens;
}

/// A request that holds a grant.
struct Running {
  const Arrival* arrival = nullptr;
  std::string grant;
  Row row = Row::kElastic;
  Instant first_token;  // epoch: not yet
  Instant reported;     // the last Progress, or the grant
  bool reporting = false;
  bool finished = false;
  Instant end;
};

class Player {
 public:
  Player(const Connection& gateway, const Connection& operations, const Setup& setup, const std::atomic<bool>& stop)
      : gateway_(gateway),
        operations_(operations),
        setup_(setup),
        stop_(stop),
        admission_(v1::Admission::NewStub(gateway.channel())),
        pool_reader_(v1::Operations::NewStub(operations.channel())),
        burndown_(setup.settings.pools.at(0).burndown),
        pool_name_("pools/" + setup.settings.pools.at(0).name),
        figures_(setup.tenants.size()) {}

  Played Play(const std::function<void(const Figures&, const Moment&)>& each_tick);

 private:
  Instant Now() const { return started_ + Duration((Clock::now() - clock_started_).count()); }
  bool AllArrived() const { return next_arrival_ == setup_.arrivals.size(); }
  bool Over() const { return AllArrived() && asking_.empty() && running_.empty() && calls_.empty(); }
  Instant NextMoment(Instant next_tick) const;
  void TakeAnswers(Instant until);

  template <class Response, class Begin>
  UnaryCall<Response>* Call(const Connection& as, Begin begin, typename UnaryCall<Response>::Then then);

  void Offer(const Arrival& arrival);
  void OnAdmitAnswer(uint64_t id, const Arrival& arrival, Clock::time_point sent, const grpc::Status& status,
                     const v1::AdmitResponse& answer);
  void OnGrant(uint64_t id, const Arrival& arrival, Duration round_trip, const v1::Grant& grant);
  void OnRefusal(const Arrival& arrival, Duration round_trip, const v1::Refusal& refusal);
  void Fail(const Arrival& arrival, const grpc::Status& status);
  void CountError(const grpc::Status& status);
  void EachTally(const Arrival& arrival, const std::function<void(Tally&)>& change);

  void AdvanceFleet(Instant now);
  void Report(uint64_t id, Running& running, Instant now);
  void Complete(uint64_t id, const Running& running);
  TokenCounts Delivered(uint64_t id, const Running& running) const;

  void Tick(Instant now);
  void AskPool();
  void Interrupt(Instant now);

  const Connection& gateway_;
  const Connection& operations_;
  const Setup& setup_;
  const std::atomic<bool>& stop_;
  std::unique_ptr<v1::Admission::Stub> admission_;
  std::unique_ptr<v1::Operations::Stub> pool_reader_;
  const BurndownRates burndown_;
  const std::string pool_name_;

  grpc::CompletionQueue queue_;
  std::map<PendingCall*, std::unique_ptr<PendingCall>> calls_;
  std::map<uint64_t, grpc::ClientContext*> asking_;  // Admits under way, by request
  std::map<uint64_t, Running> running_;              // by request; numbers as the fleet knows them
  std::array<Work, kRowCount> settled_work_{};       // delivered by requests that ended

  Instant started_;
  Clock::time_point clock_started_;
  std::unique_ptr<ModelledFleet> fleet_;
  size_t next_arrival_ = 0;
  bool asking_pool_ = false;
  PoolSeen pool_;
  Figures figures_;
};

template <class Response, class Begin>
UnaryCall<Response>* Player::Call(const Connection& as, Begin begin, typename UnaryCall<Response>::Then then) {
  auto call = std::make_unique<UnaryCall<Response>>(std::move(then));
  UnaryCall<Response>* started = call.get();
  as.Authorize(started->context());
  started->context().set_deadline(std::chrono::system_clock::now() + kAnswerWithin);
  calls_[started] = std::move(call);
  started->Start(begin(&started->context()));
  return started;
}

void Player::EachTally(const Arrival& arrival, const std::function<void(Tally&)>& change) {
  change(figures_.by_tenant[arrival.tenant]);
  change(figures_.row(RowOf(setup_.tenants[arrival.tenant].tier)));
}

void Player::Offer(const Arrival& arrival) {
  const uint64_t id = next_arrival_;
  const Tenant& tenant = setup_.tenants[arrival.tenant];
  v1::AdmitRequest request;
  request.set_request_id(absl::StrCat("demo-", id));
  request.set_key(absl::StrCat("tenants/", tenant.name, "/keys/", tenant.key));
  request.add_pools(pool_name_);
  ToProto(OnlyInput(arrival.tokens), request.mutable_input());
  request.set_max_output_tokens(arrival.max_output_tokens);
  ToProto(tenant.max_wait, request.mutable_max_wait());
  if (tenant.asks) request.set_service_class(ToProto(*tenant.asks));
  request.set_run(arrival.run);
  EachTally(arrival, [](Tally& tally) { ++tally.offered; });

  const auto begin = [&](grpc::ClientContext* context) {
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::nanoseconds(tenant.max_wait.count()) +
                          kAnswerWithin);
    return admission_->AsyncAdmit(context, request, &queue_);
  };
  const Clock::time_point sent = Clock::now();
  auto* call = Call<v1::AdmitResponse>(
      gateway_, begin, [this, id, &arrival, sent](const grpc::Status& status, const v1::AdmitResponse& answer) {
        OnAdmitAnswer(id, arrival, sent, status, answer);
      });
  asking_[id] = &call->context();
}

void Player::OnAdmitAnswer(uint64_t id, const Arrival& arrival, Clock::time_point sent, const grpc::Status& status,
                           const v1::AdmitResponse& answer) {
  const Duration round_trip((Clock::now() - sent).count());
  asking_.erase(id);
  if (!status.ok()) return Fail(arrival, status);
  if (answer.has_grant()) return OnGrant(id, arrival, round_trip, answer.grant());
  OnRefusal(arrival, round_trip, answer.refusal());
}

void Player::OnGrant(uint64_t id, const Arrival& arrival, Duration round_trip, const v1::Grant& grant) {
  const Duration waited = FromProto(grant.waited());
  const Row row = RowServed(grant);
  for (Tally* tally : {&figures_.by_tenant[arrival.tenant], &figures_.row(row)}) {
    ++tally->admitted;
    tally->wait.Record(waited.count());
    if (row == Row::kSpillover) ++tally->spillover;
  }
  figures_.admit.Record((round_trip - waited).count());
  figures_.admit_total.Record(round_trip.count());
  const Instant now = Now();
  Running& running = running_[id];
  running.arrival = &arrival;
  running.grant = grant.name();
  running.row = row;
  running.reported = now;
  if (figures_.interrupted) return Complete(id, running);
  fleet_->Submit(id, arrival.tokens[TokenKind::kInput], arrival.tokens[TokenKind::kCachedInput],
                 Generated(arrival.tokens), now);
}

void Player::OnRefusal(const Arrival& arrival, Duration round_trip, const v1::Refusal& refusal) {
  const bool yours = refusal.whose() == v1::Refusal::YOURS;
  const std::string reason = Word(*v1::Refusal::Reason_descriptor(), refusal.reason());
  EachTally(arrival, [&](Tally& tally) {
    ++(yours ? tally.refused_yours : tally.refused_pool);
    ++tally.reasons[reason];
  });
  if (refusal.reason() != v1::Refusal::WAIT_EXPIRED) figures_.admit.Record(round_trip.count());
}

void Player::Fail(const Arrival& arrival, const grpc::Status& status) {
  const bool left = figures_.interrupted && status.error_code() == grpc::StatusCode::CANCELLED;
  EachTally(arrival, [&](Tally& tally) { ++(left ? tally.cancelled : tally.failed); });
  if (!left) CountError(status);
}

void Player::CountError(const grpc::Status& status) {
  const CallError error = ReadCallError(status, gateway_.address());
  const std::string& name = error.reason.empty() ? error.code : error.reason;
  if (figures_.errors.empty()) figures_.first_error = name + ": " + error.message;
  ++figures_.errors[name];
}

// What a request has delivered by now: its input from the first token on, hidden output before the visible one.
TokenCounts Player::Delivered(uint64_t id, const Running& running) const {
  if (running.finished) return running.arrival->tokens;
  if (running.first_token == Instant()) return {};
  TokenCounts delivered = running.arrival->tokens;
  const Tokens generated = fleet_->GeneratedSoFar(id);
  delivered[TokenKind::kReasoning] = std::min(generated, delivered[TokenKind::kReasoning]);
  delivered[TokenKind::kOutput] = generated - delivered[TokenKind::kReasoning];
  return delivered;
}

void Player::AdvanceFleet(Instant now) {
  std::vector<FleetEvent> events;
  fleet_->AdvanceTo(now, &events);
  for (const FleetEvent& event : events) {
    const auto found = running_.find(event.id);
    if (found == running_.end()) continue;
    Running& running = found->second;
    if (event.kind == FleetEvent::Kind::kFirstToken) {
      running.first_token = event.at;
      continue;
    }
    running.finished = true;
    running.end = event.at;
    if (!running.reporting) Complete(event.id, running);  // else after the Progress that is under way
  }
}

void Player::Report(uint64_t id, Running& running, Instant now) {
  v1::ProgressRequest request;
  request.set_grant(running.grant);
  ToProto(Delivered(id, running), request.mutable_tokens());
  running.reported = now;
  running.reporting = true;
  const auto begin = [&](grpc::ClientContext* context) { return admission_->AsyncProgress(context, request, &queue_); };
  Call<v1::ProgressResponse>(gateway_, begin, [this, id](const grpc::Status& status, const v1::ProgressResponse&) {
    if (!status.ok() && !figures_.interrupted) CountError(status);
    const auto found = running_.find(id);
    if (found == running_.end()) return;
    found->second.reporting = false;
    if (found->second.finished) Complete(id, found->second);
  });
}

void Player::Complete(uint64_t id, const Running& running) {
  const TokenCounts tokens = Delivered(id, running);
  settled_work_[static_cast<size_t>(running.row)] += WorkOf(tokens, burndown_);
  v1::CompleteRequest request;
  request.set_grant(running.grant);
  request.set_outcome(running.finished ? v1::CompleteRequest::SUCCEEDED : v1::CompleteRequest::CANCELLED);
  ToProto(tokens, request.mutable_tokens());
  if (running.first_token > Instant()) ToProto(running.first_token, request.mutable_first_token_time());
  if (running.finished) ToProto(running.end, request.mutable_end_time());
  running_.erase(id);
  const auto begin = [&](grpc::ClientContext* context) { return admission_->AsyncComplete(context, request, &queue_); };
  const Clock::time_point sent = Clock::now();
  Call<v1::CompleteResponse>(gateway_, begin, [this, sent](const grpc::Status& status, const v1::CompleteResponse&) {
    if (!status.ok()) return CountError(status);
    ++figures_.settled;
    figures_.complete.Record((Clock::now() - sent).count());
  });
}

void Player::AskPool() {
  if (asking_pool_) return;
  asking_pool_ = true;
  v1::GetPoolRequest request;
  request.set_name(pool_name_);
  const auto begin = [&](grpc::ClientContext* context) {
    return pool_reader_->AsyncGetPool(context, request, &queue_);
  };
  Call<v1::Pool>(operations_, begin, [this](const grpc::Status& status, const v1::Pool& pool) {
    asking_pool_ = false;
    if (!status.ok()) return CountError(status);
    pool_.last = pool;
    pool_.largest_reclaim_bound = std::max(pool_.largest_reclaim_bound, FromProto(pool.reclaim_bound()));
    int64_t waiting = 0;
    for (const v1::ClassStatus& of_class : pool.classes()) waiting += of_class.waiting();
    pool_.most_waiting = std::max(pool_.most_waiting, waiting);
  });
}

void Player::Tick(Instant now) {
  std::array<Work, kRowCount> delivered = settled_work_;
  for (auto& [id, running] : running_) {
    delivered[static_cast<size_t>(running.row)] += WorkOf(Delivered(id, running), burndown_);
    const bool due = running.first_token > Instant() && now >= running.reported + kProgressEvery;
    if (due && !running.finished && !running.reporting) Report(id, running, now);
  }
  Work all;
  for (size_t row = 0; row < kRowCount; ++row) {
    figures_.throughput[row].Note(now, delivered[row]);
    all += delivered[row];
  }
  figures_.all_throughput.Note(now, all);
  if (!AllArrived() || figures_.until_last_arrival == Duration::Zero()) {
    figures_.delivered_by_last_arrival = all;
    if (AllArrived()) figures_.until_last_arrival = now - started_;
  }
  if (!Over()) AskPool();
}

// Leaves the lines, ends what runs. What is granted meanwhile is completed at once, without having run.
void Player::Interrupt(Instant now) {
  figures_.interrupted = true;
  next_arrival_ = setup_.arrivals.size();
  for (const auto& [id, context] : asking_) context->TryCancel();
  std::vector<uint64_t> ids;
  for (const auto& [id, running] : running_) {
    if (!running.finished) ids.push_back(id);
  }
  for (const uint64_t id : ids) {
    const auto found = running_.find(id);
    Complete(id, found->second);
    fleet_->Cancel(id, now);
  }
}

Instant Player::NextMoment(Instant next_tick) const {
  Instant next = std::min(next_tick, fleet_->NextEvent());
  if (!AllArrived()) next = std::min(next, started_ + setup_.arrivals[next_arrival_].at);
  return next;
}

void Player::TakeAnswers(Instant until) {
  void* tag = nullptr;
  bool ok = false;
  const auto wait = std::chrono::nanoseconds(std::max<int64_t>((until - Now()).count(), 0));
  auto deadline = std::chrono::system_clock::now() + wait;
  while (queue_.AsyncNext(&tag, &ok, deadline) == grpc::CompletionQueue::GOT_EVENT) {
    auto* const pending = static_cast<PendingCall*>(tag);
    const auto found = calls_.find(pending);
    PENSTOCK_CHECK(found != calls_.end());
    const std::unique_ptr<PendingCall> call = std::move(found->second);
    calls_.erase(found);
    call->Answer();
    if (Now() >= NextMoment(until)) return;
    deadline = std::chrono::system_clock::now();  // what else has arrived, without waiting
  }
}

Played Player::Play(const std::function<void(const Figures&, const Moment&)>& each_tick) {
  clock_started_ = Clock::now();
  started_ =
      Instant(std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
                  .count());
  fleet_ = setup_.fleet(started_);
  AskPool();
  const Instant give_up_at =
      started_ + (setup_.arrivals.empty() ? Duration::Zero() : setup_.arrivals.back().at) + kPatience;
  Instant next_tick = started_;
  while (!Over()) {
    Instant now = Now();
    while (!AllArrived() && started_ + setup_.arrivals[next_arrival_].at <= now) {
      Offer(setup_.arrivals[next_arrival_]);
      ++next_arrival_;
    }
    AdvanceFleet(now = Now());
    if (now >= next_tick) {
      Tick(now);
      each_tick(figures_, {now - started_, AllArrived(), static_cast<int64_t>(asking_.size()),
                           static_cast<int64_t>(running_.size()), &pool_.last});
      next_tick = now + kTick;
    }
    int64_t errors = 0;
    for (const auto& [name, count] : figures_.errors) errors += count;
    if (!figures_.interrupted && (stop_ || now >= give_up_at || errors > kMostErrors)) Interrupt(now);
    TakeAnswers(NextMoment(next_tick));
  }
  Tick(Now());
  queue_.Shutdown();
  return {std::move(figures_), std::move(pool_), started_, Now() - started_};
}

}  // namespace

Played PlayTraffic(const Connection& gateway, const Connection& operations, const Setup& setup,
                   const std::atomic<bool>& stop, const std::function<void(const Figures&, const Moment&)>& each_tick) {
  return Player(gateway, operations, setup, stop).Play(each_tick);
}

}  // namespace penstock::cli::demo
