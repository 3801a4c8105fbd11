#include "broker/daemon/worker.h"

#include <utility>

namespace penstock::daemon {

Worker::Worker(size_t capacity) : capacity_(capacity), thread_([this] { RunTasks(); }) {}

Worker::~Worker() {
  {
    const Lock lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

bool Worker::Run(Task task) {
  {
    const Lock lock(mutex_);
    if (stopping_ || tasks_.size() >= capacity_) return false;
    tasks_.push_back(std::move(task));
  }
  arrived_.notify_one();
  return true;
}

void Worker::RunTasks() {
  while (true) {
    Task task;
    {
      const Lock lock(mutex_);
      while (tasks_.empty() && !stopping_) arrived_.wait(mutex_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace penstock::daemon
