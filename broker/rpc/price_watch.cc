#include "broker/rpc/price_watch.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <optional>
#include <utility>

#include "broker/rpc/converters.h"
#include "broker/rpc/errors.h"
#include "broker/rpc/market_converters.h"
#include "penstock/v1/market.pb.h"

namespace penstock::rpc {
namespace {

/// So many streams are looked after between two commands: a fraction of a millisecond.
constexpr size_t kWatchersPerSlice = 32;

class EndedStream final : public PriceWatch::Stream {
 public:
  explicit EndedStream(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace

/// One stream. The watch shares it with gRPC, which is done with it in OnDone; whoever may finish it keeps it alive
/// until its lock is free.
class PriceWatcher final : public PriceWatch::Stream, public std::enable_shared_from_this<PriceWatcher> {
 public:
  PriceWatcher(PriceWatch& watch, TenantId tenant, std::vector<PoolId> pools)
      : watch_(watch), tenant_(tenant), pools_(std::move(pools)) {}

  /// Sends what changed since it was looked at last; the first time everything. On the loop's thread.
  void Look(const core::Engine& engine) {
    if (engine.draining()) {
      return End(ToStatus({core::ErrorReason::kDraining, "", "the daemon is stopping: go to another one"}));
    }
    for (const PoolId pool : pools_) {
      if (!IsOpenTo(engine, tenant_, pool)) return End(NotOpen(engine, pool, "pools"));
    }
    if (std::optional<Seen> seen = See(engine); seen != seen_) {
      seen_ = std::move(seen);
      Send(Say(engine));
    }
  }

  void End(const grpc::Status& status) {
    const auto keep = shared_from_this();
    const daemon::Lock lock(mutex_);
    if (end_) return;
    end_ = status;
    if (!writing_) Finish(status);
  }

  void OnWriteDone(bool ok) override {
    const auto keep = shared_from_this();
    const daemon::Lock lock(mutex_);
    writing_ = false;
    if (!ok && !end_) end_ = grpc::Status::CANCELLED;
    if (end_) return Finish(*end_);
    if (next_) Write();
  }
  void OnCancel() override { End(grpc::Status::CANCELLED); }
  void OnDone() override { watch_.Remove(this); }

 private:
  /// Ids of what is posted now, next, and pinned, pool by pool.
  using Seen = std::vector<std::array<uint32_t, 3>>;

  Seen See(const core::Engine& engine) const {
    const uint32_t tariff = TariffFor(engine, tenant_).id;
    const auto id = [](const ledger::PriceEntry* price) { return price == nullptr ? 0 : price->id; };
    Seen seen;
    for (const PoolId pool : pools_) {
      seen.push_back({id(engine.PostedNow(pool, tariff)), id(engine.PostedNext(pool, tariff)),
                      id(PinOf(engine, tenant_, pool))});
    }
    return seen;
  }

  v1::GetPricesResponse Say(const core::Engine& engine) const {
    v1::GetPricesResponse prices;
    for (const PoolId pool : pools_) FillPosted(engine, tenant_, pool, prices.add_pools());
    ToProto(engine.now(), prices.mutable_as_of());
    prices.set_as_of_sequence(engine.ledger().posted_sequence());
    return prices;
  }

  void Send(v1::GetPricesResponse prices) {
    const daemon::Lock lock(mutex_);
    next_ = std::move(prices);
    if (!writing_ && !end_) Write();
  }

  void Write() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_ = true;
    current_ = *std::move(next_);
    next_.reset();
    StartWrite(&current_);
  }

  PriceWatch& watch_;
  const TenantId tenant_;
  const std::vector<PoolId> pools_;
  std::optional<Seen> seen_;  // on the loop's thread
  daemon::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);  // finished with this, or about to be
  v1::GetPricesResponse current_ ABSL_GUARDED_BY(mutex_);    // while it is being written
  std::optional<v1::GetPricesResponse> next_ ABSL_GUARDED_BY(mutex_);
};

PriceWatch::PriceWatch(daemon::CommandLoop& loop, const FrontDoor& terms)
    : loop_(loop), most_(terms.price_watchers), every_(terms.prices_every), thread_([this] { Run(); }) {}

PriceWatch::~PriceWatch() {
  {
    const daemon::Lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

PriceWatch::Stream* PriceWatch::NewEnded(const grpc::Status& status) { return new EndedStream(status); }

PriceWatch::Stream* PriceWatch::NewStream(TenantId tenant, std::vector<PoolId> pools) {
  const auto watcher = std::make_shared<PriceWatcher>(*this, tenant, std::move(pools));
  {
    const daemon::Lock lock(mutex_);
    if (watchers_.size() >= most_) {
      return NewEnded(ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED, "TOO_MANY_WATCHERS",
                                  absl::StrCat("there are ", most_, " already: poll GetPrices instead")));
    }
    watchers_.push_back(watcher);
  }
  const bool queued = loop_.Ask([watcher](const core::Engine& engine, uint64_t) { watcher->Look(engine); });
  if (!queued) watcher->End(Overloaded());
  wake_.notify_one();
  return watcher.get();
}

void PriceWatch::Remove(const PriceWatcher* watcher) {
  std::shared_ptr<PriceWatcher> last;  // ends when the lock is free again
  const daemon::Lock lock(mutex_);
  const auto found =
      std::find_if(watchers_.begin(), watchers_.end(), [watcher](const auto& one) { return one.get() == watcher; });
  last = std::move(*found);
  watchers_.erase(found);
}

void PriceWatch::Run() {
  std::vector<std::shared_ptr<PriceWatcher>> watchers;
  while (true) {
    watchers.clear();
    {
      const daemon::Lock lock(mutex_);
      while (watchers_.empty() && !stopping_) wake_.wait(mutex_);
      if (!stopping_) wake_.wait_for(mutex_, std::chrono::nanoseconds(every_.count()));
      if (stopping_) return;
      watchers = watchers_;
    }
    Look(watchers);
  }
}

void PriceWatch::Look(const std::vector<std::shared_ptr<PriceWatcher>>& watchers) {
  for (size_t i = 0; i < watchers.size(); i += kWatchersPerSlice) {
    const size_t end = std::min(i + kWatchersPerSlice, watchers.size());
    std::promise<void> looked;
    const bool queued = loop_.Ask([&](const core::Engine& engine, uint64_t) {
      for (size_t one = i; one < end; ++one) watchers[one]->Look(engine);
      looked.set_value();
    });
    if (!queued) return;
    looked.get_future().get();
  }
}

}  // namespace penstock::rpc
