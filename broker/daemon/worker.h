// A thread for work that takes long and needs nothing of the loop any more: rating what was gathered.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>

#include "broker/daemon/mutex.h"

namespace penstock::daemon {

class Worker {
 public:
  /// So many tasks may wait.
  explicit Worker(size_t capacity = 256);
  /// Runs what waits, then ends.
  ~Worker();

  using Task = std::function<void()>;
  /// In order, one at a time. False when too many wait: the task was not taken.
  bool Run(Task task);

 private:
  void RunTasks();

  const size_t capacity_;
  Mutex mutex_;
  Condition arrived_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace penstock::daemon
