// Reads are serial and so are writes; answers come from the loop's and the syncer's threads. Messages and buffers are
// reused, so that a batch in steady state allocates nothing here.
//
// The stream is finished only when the loop owes it no answer: from then on nobody holds a pointer to it.
#include "broker/rpc/session.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "broker/daemon/mutex.h"
#include "broker/rpc/authentication.h"
#include "broker/rpc/errors.h"
#include "broker/rpc/session_converters.h"
#include "penstock/v1/admission.grpc.pb.h"

namespace penstock::rpc {
namespace {

using daemon::Lock;
using daemon::Mutex;

constexpr char kMethod[] = "/penstock.v1.Admission/Session";
constexpr uint32_t kMaxRoute = 65'535;

/// An item whose answer the loop owes, or whose answer is on its way out.
struct Item {
  uint64_t number = 0;
  core::Ticket ticket = 0;
  AskedFor asked;
  bool is_admit = false;
};

/// An answer that has not been written yet.
struct Outgoing {
  Item item;
  core::Outcome outcome;
};

class Session final : public grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>,
                      public daemon::BatchCaller {
 public:
  Session(const Surroundings& surroundings, grpc::CallbackServerContext* context)
      : surroundings_(surroundings), context_(context) {
    const grpc::Status status = Authenticate(*context, surroundings.api_keys, kMethod, &principal_);
    if (!status.ok()) {
      finishing_ = true;
      Finish(status);
      return;
    }
    scope_ = Scope(principal_, surroundings.names);
    SayOpened();
    reading_ = true;
    writing_ = true;
    StartWrite(&response_);
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }
  void AnswerAll(std::span<daemon::Reply> replies) override;

 private:
  struct RouteAnswer {
    uint32_t route = 0;
    Problem problem;
  };

  void SayOpened();
  bool KeyStillHolds();
  bool TakeMessage();
  void BindRoute(const v1::SessionRoute& wire, int index);
  void TakeItem(const v1::SessionItem& wire, size_t waiting_admits);
  Problem Translate(const v1::SessionItem& wire, size_t waiting_admits, Item* item, core::Command* command) const;
  void SubmitBatch();
  void Leave();

  // What follows an event: the next write, the next read, or the end; at most one of them ends in a Finish, and nothing
  // of this object is touched after the last call. What the loop owes sinks by `answered` in the moment of deciding:
  // any sooner, and another thread could end the stream before the loop's thread gets here.
  void Proceed(size_t answered = 0) ABSL_LOCKS_EXCLUDED(mutex_);
  bool TakeNextWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FillResponse();
  void Break(grpc::Status status);
  void AbandonAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void VoidIfGranted(const Outgoing& undelivered);
  void DropOutgoing() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Surroundings surroundings_;
  const grpc::CallbackServerContext* const context_;
  auth::Principal principal_;
  std::optional<TenantId> scope_;

  // Touched by reads only. Routes are stable in memory: items point to them.
  v1::SessionRequest request_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<const Route>> routes_;
  std::vector<daemon::CommandLoop::Request> batch_;
  std::vector<Item> batch_items_;
  std::vector<Outgoing> refused_here_;
  std::vector<RouteAnswer> bound_here_;

  // Touched by the write under way only.
  v1::SessionResponse response_;
  std::vector<Outgoing> sending_;
  std::vector<RouteAnswer> sending_routes_;

  Mutex mutex_;
  std::vector<Item> slots_ ABSL_GUARDED_BY(mutex_);  // the tag of a command is its place here
  std::vector<size_t> free_slots_ ABSL_GUARDED_BY(mutex_);
  std::vector<Outgoing> outgoing_ ABSL_GUARDED_BY(mutex_);  // from next_outgoing_ on
  size_t next_outgoing_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<RouteAnswer> outgoing_routes_ ABSL_GUARDED_BY(mutex_);
  size_t unanswered_ ABSL_GUARDED_BY(mutex_) = 0;      // read, and the answer not written
  size_t owed_ ABSL_GUARDED_BY(mutex_) = 0;            // by the loop
  size_t waiting_admits_ ABSL_GUARDED_BY(mutex_) = 0;  // of those
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mutex_) = false;  // the client sends no more
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;       // nothing more can be written
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

void Session::SayOpened() {
  v1::SessionOpened& opened = *response_.mutable_opened();
  const FrontDoor& bounds = surroundings_.front_door;
  opened.set_max_unanswered(static_cast<uint32_t>(bounds.unanswered));
  opened.set_max_waiting_admits(static_cast<uint32_t>(bounds.waiting_admits));
  opened.set_max_items_per_message(static_cast<uint32_t>(bounds.items_per_message));
  opened.set_currency(surroundings_.names.CurrentTariff().currency);
}

// ---- In: a message becomes one batch of commands.

void Session::OnReadDone(bool ok) {
  if (!ok) {
    {
      Lock lock(mutex_);
      reading_ = false;
      half_closed_ = true;
    }
    return Proceed();
  }
  if (KeyStillHolds() && TakeMessage()) {
    SubmitBatch();
    Leave();
  }
  {
    Lock lock(mutex_);
    reading_ = false;
    if (broken_) AbandonAll();  // the stream broke while this batch was on its way in
  }
  Proceed();
}

// A stream may outlive a reload: an API key that is gone, or means somebody else now, ends it at the next message.
bool Session::KeyStillHolds() {
  auth::Principal now;
  grpc::Status status = Authenticate(*context_, surroundings_.api_keys, kMethod, &now);
  if (status.ok() && now == principal_) return true;
  if (status.ok()) {
    status = ErrorStatus(grpc::StatusCode::UNAUTHENTICATED, "UNKNOWN_API_KEY",
                         "this API key stands for somebody else since the configuration changed: open a new stream");
  }
  Break(std::move(status));
  return false;
}

// Fills batch_, refused_here_ and bound_here_; false when the message breaks the protocol.
bool Session::TakeMessage() {
  batch_.clear();
  batch_items_.clear();
  const auto most = static_cast<int>(surroundings_.front_door.items_per_message);
  const std::pair<const char*, int> lists[] = {
      {"items", request_.items_size()}, {"routes", request_.routes_size()}, {"leave", request_.leave_size()}};
  for (const auto& [field, size] : lists) {
    if (size <= most) continue;
    Break(InvalidField(field, absl::StrCat(size, " in one message; at most ", most)));
    return false;
  }
  size_t waiting_admits = 0;
  {
    Lock lock(mutex_);
    if (broken_) return false;
    waiting_admits = waiting_admits_;
  }
  for (int i = 0; i < request_.routes_size(); ++i) BindRoute(request_.routes(i), i);
  for (const v1::SessionItem& wire : request_.items()) TakeItem(wire, waiting_admits + batch_.size());
  return true;
}

void Session::BindRoute(const v1::SessionRoute& wire, int index) {
  RouteAnswer& answer = bound_here_.emplace_back();
  answer.route = wire.route();
  const auto invalid = [&](const char* message) {
    return core::Error{core::ErrorReason::kInvalidArgument, "route", absl::StrCat("of routes[", index, "] ", message)};
  };
  if (wire.route() < 1 || wire.route() > kMaxRoute) {
    answer.problem = invalid("must be 1 to 65535");
  } else if (routes_.contains(wire.route())) {
    answer.problem = invalid("is bound already: choose another number");
  } else {
    auto route = std::make_unique<Route>();
    answer.problem = FromProto(wire, principal_, surroundings_.names, route.get());
    if (!answer.problem) routes_[wire.route()] = std::move(route);
  }
}

void Session::TakeItem(const v1::SessionItem& wire, size_t waiting_admits) {
  Item& item = batch_items_.emplace_back();
  daemon::CommandLoop::Request& request = batch_.emplace_back();
  item.number = wire.item();
  if (Problem problem = Translate(wire, waiting_admits, &item, &request.command)) {
    refused_here_.push_back({item, *std::move(problem)});
    batch_items_.pop_back();
    batch_.pop_back();
    return;
  }
  // See Request::release: this keeps the answers about one grant in order.
  request.release = item.is_admit ? core::Release::kWritten : core::Release::kSynced;
}

Problem Session::Translate(const v1::SessionItem& wire, size_t waiting_admits, Item* item,
                           core::Command* command) const {
  if (wire.has_admit() + wire.has_progress() + wire.has_complete() != 1) {
    return core::Error{core::ErrorReason::kInvalidArgument, "", "set exactly one of admit, progress and complete"};
  }
  if (wire.has_complete()) {
    item->asked.field = "complete";
    core::Complete& complete = command->emplace<core::Complete>();
    complete.on_behalf_of = scope_;
    return FromProto(wire.complete(), surroundings_.grant_keys, &complete);
  }
  if (wire.has_progress()) {
    item->asked.field = "progress";
    core::Progress& progress = command->emplace<core::Progress>();
    progress.on_behalf_of = scope_;
    return FromProto(wire.progress(), surroundings_.grant_keys, &progress);
  }
  item->is_admit = true;
  item->asked.field = "admit";
  item->asked.explain = wire.admit().explain();
  item->asked.with_terms = wire.admit().with_terms();
  const auto route = routes_.find(wire.admit().route());
  if (route == routes_.end()) {
    return core::Error{core::ErrorReason::kInvalidArgument, "route",
                       absl::StrCat(wire.admit().route(), " is not bound on this stream")};
  }
  item->asked.route = route->second.get();
  if (waiting_admits >= surroundings_.front_door.waiting_admits) {
    return core::Error{core::ErrorReason::kOverloaded, "",
                       "too many Admits wait in line on this stream: retry with backoff, or open another stream"};
  }
  return FromProto(wire.admit(), *item->asked.route, &std::get<core::Admit>(*command));
}

void SetTicket(core::Command& command, core::Ticket ticket) {
  if (auto* admit = std::get_if<core::Admit>(&command)) admit->ticket = ticket;
  if (auto* complete = std::get_if<core::Complete>(&command)) complete->ticket = ticket;
  if (auto* progress = std::get_if<core::Progress>(&command)) progress->ticket = ticket;
}

void Session::SubmitBatch() {
  core::Ticket ticket = surroundings_.loop.NewTickets(batch_.size());
  {
    Lock lock(mutex_);
    for (size_t i = 0; i < batch_.size(); ++i, ++ticket) {
      if (free_slots_.empty()) {
        free_slots_.push_back(slots_.size());
        slots_.emplace_back();
      }
      const size_t slot = free_slots_.back();
      free_slots_.pop_back();
      batch_items_[i].ticket = ticket;
      slots_[slot] = batch_items_[i];
      if (batch_items_[i].is_admit) ++waiting_admits_;
      batch_[i].ticket = ticket;
      batch_[i].tag = slot;
      SetTicket(batch_[i].command, ticket);
    }
    owed_ += batch_.size();
    unanswered_ += batch_.size() + refused_here_.size() + bound_here_.size();
    std::move(refused_here_.begin(), refused_here_.end(), std::back_inserter(outgoing_));
    std::move(bound_here_.begin(), bound_here_.end(), std::back_inserter(outgoing_routes_));
  }
  refused_here_.clear();
  bound_here_.clear();
  if (batch_.empty()) return;
  const size_t taken = surroundings_.loop.SubmitBatch(batch_, this);
  std::vector<daemon::Reply> overloaded;
  for (size_t i = taken; i < batch_.size(); ++i) {
    overloaded.push_back({batch_[i].tag, core::Error{core::ErrorReason::kOverloaded, "",
                                                     "the command queue is full: retry with backoff"}});
  }
  if (!overloaded.empty()) AnswerAll(overloaded);
}

void Session::Leave() {
  if (request_.leave().empty()) return;
  std::vector<uint64_t> leaving(request_.leave().begin(), request_.leave().end());
  std::sort(leaving.begin(), leaving.end());
  std::vector<core::Command> commands;
  {
    Lock lock(mutex_);
    for (const Item& item : slots_) {
      if (item.is_admit && std::binary_search(leaving.begin(), leaving.end(), item.number)) {
        commands.emplace_back(core::Abandon{item.ticket});
      }
    }
  }
  surroundings_.loop.TellAll(commands);
}

// ---- Out: answers become messages.

void Session::AnswerAll(std::span<daemon::Reply> replies) {
  {
    Lock lock(mutex_);
    for (daemon::Reply& reply : replies) {
      const auto slot = static_cast<size_t>(reply.tag);
      outgoing_.push_back({slots_[slot], std::move(reply.outcome)});
      if (slots_[slot].is_admit) --waiting_admits_;
      slots_[slot] = Item();
      free_slots_.push_back(slot);
    }
  }
  Proceed(replies.size());
}

bool Session::TakeNextWrite() {
  if (writing_ || broken_ || finishing_) return false;
  if (next_outgoing_ == outgoing_.size() && outgoing_routes_.empty()) return false;
  const size_t count = std::min(outgoing_.size() - next_outgoing_, surroundings_.front_door.items_per_message);
  if (next_outgoing_ == 0 && count == outgoing_.size()) {
    sending_.swap(outgoing_);
  } else {
    const auto first = outgoing_.begin() + static_cast<ptrdiff_t>(next_outgoing_);
    std::move(first, first + static_cast<ptrdiff_t>(count), std::back_inserter(sending_));
    next_outgoing_ += count;
    if (next_outgoing_ == outgoing_.size()) {
      outgoing_.clear();
      next_outgoing_ = 0;
    }
  }
  sending_routes_.swap(outgoing_routes_);
  return writing_ = true;
}

void Session::FillResponse() {
  response_.Clear();
  for (const RouteAnswer& route : sending_routes_) {
    v1::SessionRouteAnswer& answer = *response_.add_routes();
    answer.set_route(route.route);
    if (route.problem) ToProto(*route.problem, "", answer.mutable_error());
  }
  for (const Outgoing& outgoing : sending_) {
    v1::SessionAnswer& answer = *response_.add_answers();
    answer.set_item(outgoing.item.number);
    ToProto(outgoing.outcome, outgoing.item.asked, surroundings_.names, surroundings_.grant_keys, &answer);
  }
}

void Session::OnWriteDone(bool ok) {
  {
    Lock lock(mutex_);
    unanswered_ -= sending_.size() + sending_routes_.size();
    if (!ok) {
      broken_ = true;
      for (const Outgoing& undelivered : sending_) VoidIfGranted(undelivered);
    }
    sending_.clear();
    sending_routes_.clear();
    writing_ = false;  // from here on the next write may fill them, on any thread
  }
  Proceed();
}

void Session::Proceed(size_t answered) {
  bool write = false;
  bool read = false;
  bool finish = false;
  grpc::Status status;
  {
    Lock lock(mutex_);
    owed_ -= answered;
    write = TakeNextWrite();
    const bool room =
        unanswered_ + 2 * surroundings_.front_door.items_per_message <= surroundings_.front_door.unanswered;
    read = !reading_ && !half_closed_ && !broken_ && !finishing_ && room;
    if (read) reading_ = true;
    if (broken_) DropOutgoing();
    finish = !finishing_ && !writing_ && owed_ == 0 && !reading_ && (broken_ || half_closed_) && outgoing_.empty() &&
             outgoing_routes_.empty();
    if (finish) finishing_ = true;
    status = status_;
  }
  if (read) StartRead(&request_);
  if (write) {
    FillResponse();
    StartWrite(&response_);
  }
  if (finish) Finish(status);
}

// ---- The end.

void Session::DropOutgoing() {
  for (size_t i = next_outgoing_; i < outgoing_.size(); ++i) VoidIfGranted(outgoing_[i]);
  outgoing_.clear();
  outgoing_routes_.clear();
  next_outgoing_ = 0;
}

void Session::OnCancel() {
  {
    Lock lock(mutex_);
    broken_ = true;
    AbandonAll();
  }
  Proceed();
}

void Session::Break(grpc::Status status) {
  Lock lock(mutex_);
  broken_ = true;
  status_ = std::move(status);
}

void Session::AbandonAll() {
  std::vector<core::Command> commands;
  for (const Item& item : slots_) {
    if (item.is_admit) commands.emplace_back(core::Abandon{item.ticket});
  }
  if (!commands.empty()) surroundings_.loop.TellAll(commands);
}

void Session::VoidIfGranted(const Outgoing& undelivered) {
  if (const auto* granted = std::get_if<core::Granted>(&undelivered.outcome)) {
    surroundings_.loop.Tell(core::Undeliverable{undelivered.item.ticket, granted->id});
  }
}

}  // namespace

grpc::ServerBidiReactor<v1::SessionRequest, v1::SessionResponse>* NewSession(const Surroundings& surroundings,
                                                                             grpc::CallbackServerContext* context) {
  return new Session(surroundings, context);
}

}  // namespace penstock::rpc
