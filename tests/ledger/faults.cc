#include "tests/ledger/faults.h"

#include <utility>

namespace penstock::ledger {

std::string_view NameOf(Fault fault) {
  constexpr std::array<std::string_view, 7> kNames = {
      "no fault", "power cut", "torn tail", "I/O error once", "I/O errors for ever", "disk full", "delay"};
  return kNames[static_cast<size_t>(fault)];
}

std::string_view NameOf(DiskOperation operation) {
  constexpr std::array<std::string_view, 5> kNames = {"write", "sync", "create", "rename", "delete"};
  return kNames[static_cast<size_t>(operation)];
}

void Faults::Arm(Fault fault, uint64_t at, std::function<void()> delay) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  at_ = at;
  delay_ = std::move(delay);
  operations_ = 0;
  struck_.reset();
  off_ = false;
  killed_ = false;
}

Faults::Verdict Faults::Before(DiskOperation operation) {
  std::function<void()> delay;
  {
    const std::lock_guard lock(mutex_);
    if (off_ || killed_) return Verdict::kPowerIsOff;
    const bool now = ++operations_ == at_ && fault_ != Fault::kNone;
    if (now) struck_ = operation;
    if (!struck_) return Verdict::kGoOn;
    switch (fault_) {
      case Fault::kNone:
        break;
      case Fault::kPowerCut:
      case Fault::kTornTail:
        off_ = true;
        return Verdict::kPowerIsOff;
      case Fault::kErrorOnce:
        return now ? Verdict::kIoError : Verdict::kGoOn;
      case Fault::kErrorForEver:
        return Verdict::kIoError;
      case Fault::kDiskFull:
        return operation == DiskOperation::kWrite || operation == DiskOperation::kCreate ? Verdict::kNoSpace
                                                                                         : Verdict::kGoOn;
      case Fault::kDelay:
        if (now) delay = delay_;
        break;
    }
  }
  if (delay) delay();
  return Verdict::kGoOn;
}

void Faults::Kill() {
  const std::lock_guard lock(mutex_);
  killed_ = true;
}

void Faults::Revive() {
  const std::lock_guard lock(mutex_);
  killed_ = false;
}

uint64_t Faults::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

std::optional<DiskOperation> Faults::struck() const {
  const std::lock_guard lock(mutex_);
  return struck_;
}

}  // namespace penstock::ledger
