// A value that many threads read and that is replaced as a whole, seldom (a reload). Readers never wait. Every version
// is kept: what a reader has got stays good, and reloads are few.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace penstock::auth {

template <class T>
class Published {
 public:
  explicit Published(std::unique_ptr<const T> first) { Publish(std::move(first)); }

  const T& Get() const { return *newest_.load(std::memory_order_acquire); }
  void Publish(std::unique_ptr<const T> next) {
    const std::lock_guard lock(mutex_);
    versions_.push_back(std::move(next));
    newest_.store(versions_.back().get(), std::memory_order_release);
  }

 private:
  std::atomic<const T*> newest_{nullptr};
  std::mutex mutex_;
  std::vector<std::unique_ptr<const T>> versions_;
};

}  // namespace penstock::auth
