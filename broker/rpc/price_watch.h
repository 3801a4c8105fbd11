// WatchPrices: streams that say posted prices and pins at once, and again whenever they change. One thread looks after
// all of them, a few between two commands of the loop. A reader that is slower than the changes gets the latest.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <thread>
#include <vector>

#include "admission/vocabulary/ids.h"
#include "broker/daemon/mutex.h"
#include "broker/rpc/admission_service.h"

namespace penstock::v1 {
class GetPricesResponse;
}

namespace penstock::rpc {

class PriceWatcher;

class PriceWatch {
 public:
  using Stream = grpc::ServerWriteReactor<v1::GetPricesResponse>;

  PriceWatch(daemon::CommandLoop& loop, const FrontDoor& terms);
  /// When the server is down: no stream is open any more.
  ~PriceWatch();

  /// Deletes itself at its end. `tenant` 0: no pins.
  Stream* NewStream(TenantId tenant, std::vector<PoolId> pools);
  /// A stream that ends at once.
  static Stream* NewEnded(const grpc::Status& status);

 private:
  friend class PriceWatcher;
  void Remove(const PriceWatcher* watcher);
  void Run();
  /// Leaves out what a busy daemon has no room for.
  void Look(const std::vector<std::shared_ptr<PriceWatcher>>& watchers);

  daemon::CommandLoop& loop_;
  const size_t most_;
  const Duration every_;
  daemon::Mutex mutex_;
  daemon::Condition wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<PriceWatcher>> watchers_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace penstock::rpc
