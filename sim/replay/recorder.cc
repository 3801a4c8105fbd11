#include "sim/replay/recorder.h"

#include <algorithm>
#include <tuple>
#include <variant>

#include "absl/strings/str_cat.h"
#include "admission/vocabulary/check.h"

namespace penstock::sim {
namespace {

using Fate = RecordedRequest::Fate;

template <class T>
const T* AnswerTo(core::Ticket ticket, std::span<const core::Answer> answers) {
  for (const core::Answer& answer : answers) {
    if (answer.ticket == ticket) return std::get_if<T>(&answer.outcome);
  }
  return nullptr;
}

template <class T>
std::optional<size_t> IndexOf(const std::vector<T>& named, const std::string& name) {
  const auto found = std::find_if(named.begin(), named.end(), [&](const T& one) { return one.name == name; });
  if (found == named.end()) return std::nullopt;
  return static_cast<size_t>(found - named.begin());
}

std::optional<std::string> NameIn(const core::Engine& engine, ledger::NameKind kind, uint32_t id) {
  if (id == 0 || id > engine.books().CountOf(kind)) return std::nullopt;
  return engine.books().NameOf(kind, id).name;
}

int Median(std::vector<int> numbers) {
  if (numbers.empty()) return 0;
  std::sort(numbers.begin(), numbers.end());
  return numbers[(numbers.size() - 1) / 2];
}

}  // namespace

void Recorder::OnBirth(const arrivals::Birth& birth, const core::Engine& /*engine*/) {
  recording_.epoch = birth.epoch;
  recording_.begin = WindowStart(birth.opened, Hours(1));
  recording_.opened = birth.opened;
  recording_.has_past = birth.before.sequence > 0;
  recording_.settings = birth.settings;
  last_ = birth.opened;
}

void Recorder::OnApplied(const core::Command& command, Instant now, std::span<const core::Answer> answers,
                         const core::Engine& engine) {
  now = last_ = std::max(now, last_);  // as the engine does
  if (const auto* admit = std::get_if<core::Admit>(&command)) {
    On(*admit, now, engine);
  } else if (const auto* abandon = std::get_if<core::Abandon>(&command)) {
    On(*abandon, now);
  } else if (const auto* undeliverable = std::get_if<core::Undeliverable>(&command)) {
    On(*undeliverable);
  } else if (const auto* progress = std::get_if<core::Progress>(&command)) {
    On(*progress, answers);
  } else if (const auto* complete = std::get_if<core::Complete>(&command)) {
    On(*complete, now, answers);
  } else if (const auto* set = std::get_if<core::SetCapacity>(&command)) {
    On(*set, now, answers, engine);
  } else if (!std::holds_alternative<core::Tick>(command) && !std::holds_alternative<core::SetPlan>(command)) {
    LeaveOut(std::string(arrivals::NameOf(command)));
  }
  for (const core::Answer& answer : answers) OnAnswer(answer, now, engine);
}

std::optional<size_t> Recorder::PoolOf(PoolId id, const core::Engine& engine) const {
  const std::optional<std::string> name = NameIn(engine, ledger::NameKind::kPool, id.value);
  return name ? IndexOf(recording_.settings.pools, *name) : std::nullopt;
}

bool Recorder::Identify(const core::Admit& admit, const core::Engine& engine, Open* open) const {
  const auto tenant = NameIn(engine, ledger::NameKind::kTenant, admit.tenant.value);
  const auto key = NameIn(engine, ledger::NameKind::kKey, admit.key.value);
  const std::optional<size_t> index = tenant ? IndexOf(recording_.settings.tenants, *tenant) : std::nullopt;
  if (!index || !key || !IndexOf(recording_.settings.tenants[*index].keys, *key)) return false;
  open->tenant = *index;
  open->client = {.tenant = *tenant, .key = *key, .pools = {}, .asks = admit.wanted, .max_wait = admit.max_wait};
  for (const PoolId id : admit.pools) {
    const std::optional<size_t> pool = PoolOf(id, engine);
    if (!pool) return false;
    open->client.pools.push_back(*pool);
  }
  return !open->client.pools.empty();
}

void Recorder::On(const core::Admit& admit, Instant now, const core::Engine& engine) {
  if (admit.validate_only) return LeaveOut("Admit that only asked");
  const auto [place, is_new] = by_name_.try_emplace({admit.tenant.value, admit.request_id}, requests_.size());
  if (!is_new && !requests_[place->second].request.measured()) {
    Open& known = requests_[place->second];
    if (known.request.fate == Fate::kRunning) return;  // told its grant once more
    if (known.refused) ++known.client.retries;
    known.refused = false;
    known.asked = now;
    known.request.fate = Fate::kWaiting;
    by_ticket_[admit.ticket] = place->second;
    return;
  }
  Open open;
  if (!Identify(admit, engine, &open)) {
    if (is_new) by_name_.erase(place);
    return LeaveOut("Admit of a tenant, key or pool that the boot did not begin with");
  }
  open.asked = now;
  open.request.came = now - recording_.begin;
  open.request.said = {.input = admit.input,
                       .estimated = admit.estimated,
                       .depth = admit.depth,
                       .content = admit.content,
                       .labels = admit.labels};
  open.request.max_output = admit.max_output;
  open.request.run = admit.run;
  open.request.pool = open.client.pools.front();
  place->second = requests_.size();
  by_ticket_[admit.ticket] = requests_.size();
  requests_.push_back(std::move(open));
}

void Recorder::On(const core::Abandon& abandon, Instant now) {
  const auto found = by_ticket_.find(abandon.ticket);
  if (found == by_ticket_.end()) return;
  Open& open = requests_[found->second];
  open.request.fate = Fate::kAbandoned;
  open.client.max_wait = std::min(open.client.max_wait, now - open.asked);
  by_ticket_.erase(found);
}

void Recorder::On(const core::Undeliverable& undeliverable) {
  const auto found = by_grant_.find(undeliverable.grant);
  if (found == by_grant_.end()) return;
  requests_[found->second].request.fate = Fate::kUndelivered;
  by_grant_.erase(found);
}

void Recorder::On(const core::Progress& progress, std::span<const core::Answer> answers) {
  const auto found = by_grant_.find(progress.grant);
  const auto* progressed = AnswerTo<core::Progressed>(progress.ticket, answers);
  if (found == by_grant_.end() || progressed == nullptr) return;
  requests_[found->second].lease_deadline = progressed->lease_deadline;
  requests_[found->second].so_far = progress.so_far;
}

void Recorder::On(const core::Complete& complete, Instant now, std::span<const core::Answer> answers) {
  const auto* completed = AnswerTo<core::Completed>(complete.ticket, answers);
  if (completed == nullptr || completed->repeated) return;
  const auto found = by_grant_.find(complete.grant);
  if (found == by_grant_.end()) return LeaveOut("Complete of a grant of an earlier boot");
  Open& open = requests_[found->second];
  open.request.fate = Fate::kFinished;
  open.request.tokens = complete.tokens;
  open.request.said.outcome = complete.outcome;
  open.request.took.end = now - open.granted;
  if (complete.first_token_at) {
    open.request.took.first_token =
        std::clamp(*complete.first_token_at - open.granted, Duration::Zero(), open.request.took.end);
  }
  by_grant_.erase(found);
}

void Recorder::On(const core::SetCapacity& set, Instant now, std::span<const core::Answer> answers,
                  const core::Engine& engine) {
  if (set.ticket != 0 && AnswerTo<core::CapacitySet>(set.ticket, answers) == nullptr) return;
  const std::optional<size_t> pool = PoolOf(set.pool, engine);
  if (!pool) return LeaveOut("SetCapacity of a pool that the boot did not begin with");
  recording_.capacity_changes.push_back({.at = now - recording_.begin,
                                         .capacity = set.capacity,
                                         .max_in_flight = set.max_in_flight,
                                         .pool = *pool,
                                         .kv_tokens = set.kv_tokens});
}

void Recorder::OnAnswer(const core::Answer& answer, Instant now, const core::Engine& engine) {
  const auto found = by_ticket_.find(answer.ticket);
  if (found == by_ticket_.end()) return;
  Open& open = requests_[found->second];
  Try made;
  made.request = found->second;
  made.number = ++open.tries;
  made.at = open.asked - recording_.begin;
  made.stood_as = StandsAs(recording_.settings.tenants[open.tenant], open.client.asks);
  made.waited = now - open.asked;
  if (const auto* granted = std::get_if<core::Granted>(&answer.outcome)) {
    made.end = Try::End::kGranted;
    made.served = granted->terms.served;
    open.request.fate = Fate::kRunning;
    open.request.pool = PoolOf(granted->terms.pool, engine).value();
    open.granted = now;
    open.lease_deadline = granted->lease_deadline;
    by_grant_[granted->id] = found->second;
  } else if (const auto* refused = std::get_if<core::Refused>(&answer.outcome)) {
    made.end = Try::End::kRefused;
    made.refusal = refused->reason;
    open.request.fate = Fate::kRefused;
    open.refused = true;
  } else {
    open.is_error = --open.tries == 0;
    if (!open.is_error) open.request.fate = Fate::kRefused;
    by_ticket_.erase(found);
    return;
  }
  open.is_error = false;
  open.answer = recording_.tries.size();
  recording_.tries.push_back(made);
  by_ticket_.erase(found);
}

Recording Recorder::Take() {
  PENSTOCK_CHECK(recording_.epoch != 0);
  recording_.end = last_;
  SettleFates();
  SettleRetries();
  DropErrors();
  NameClients();
  return std::move(recording_);
}

void Recorder::SettleFates() {
  for (Open& open : requests_) {
    if (open.request.fate != Fate::kRunning || open.lease_deadline > last_) continue;
    open.request.fate = Fate::kLeaseExpired;
    open.request.tokens = open.so_far;
    open.request.took = {.first_token = std::nullopt, .end = open.lease_deadline - open.granted};
  }
  // What was refused is for good where nothing came after it.
  for (Try& made : recording_.tries) made.last = requests_[made.request].answer == &made - recording_.tries.data();
}

void Recorder::SettleRetries() {
  std::vector<std::vector<int>> of_refused(recording_.settings.tenants.size());
  std::vector<bool> was_refused(requests_.size());
  for (const Try& made : recording_.tries) {
    if (made.end == Try::End::kRefused) was_refused[made.request] = true;
  }
  for (size_t i = 0; i < requests_.size(); ++i) {
    if (was_refused[i]) of_refused[requests_[i].tenant].push_back(requests_[i].client.retries);
  }
  std::vector<int> usual;
  for (std::vector<int>& retries : of_refused) usual.push_back(Median(std::move(retries)));
  for (size_t i = 0; i < requests_.size(); ++i) {
    if (!was_refused[i]) requests_[i].client.retries = usual[requests_[i].tenant];
  }
}

void Recorder::DropErrors() {
  std::vector<uint64_t> moved_to(requests_.size());
  std::vector<Open> kept;
  for (size_t i = 0; i < requests_.size(); ++i) {
    moved_to[i] = kept.size();
    if (!requests_[i].is_error) {
      kept.push_back(std::move(requests_[i]));
    } else {
      LeaveOut("Admit that was an error");
    }
  }
  requests_ = std::move(kept);
  for (Try& made : recording_.tries) made.request = moved_to[made.request];
}

void Recorder::NameClients() {
  using WayOfAsking = std::tuple<size_t, std::string, std::vector<size_t>, std::optional<ServiceClass>, int64_t, int>;
  std::map<WayOfAsking, uint32_t> known;
  for (Open& open : requests_) {
    const Client& client = open.client;
    const auto [place, is_new] =
        known.try_emplace({open.tenant, client.key, client.pools, client.asks, client.max_wait.count(), client.retries},
                          static_cast<uint32_t>(known.size()));
    open.request.client = place->second;
    if (is_new) {
      recording_.clients.push_back(std::move(open.client));
      recording_.tenant_of_client.push_back(open.tenant);
    }
    recording_.requests.push_back(std::move(open.request));
  }
  for (Try& made : recording_.tries) made.client = recording_.requests[made.request].client;
}

}  // namespace penstock::sim
