// What goes wrong, and when: counts the operations of a disk (or of a journal without one) and strikes at one of them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>

namespace penstock::ledger {

enum class DiskOperation : uint8_t { kWrite, kSync, kCreate, kRename, kDelete };

enum class Fault : uint8_t {
  kNone,
  kPowerCut,      // nothing happens from there on; what was not synced is lost
  kTornTail,      // likewise, but a random part of it was kept
  kErrorOnce,     // that operation ends with an I/O error
  kErrorForEver,  // and every later one
  kDiskFull,      // no room for writes and new files from there on
  kDelay,         // something else happens first
};
inline constexpr std::array kFaults = {Fault::kPowerCut, Fault::kTornTail, Fault::kErrorOnce, Fault::kErrorForEver,
                                       Fault::kDiskFull};

std::string_view NameOf(Fault fault);
std::string_view NameOf(DiskOperation operation);

class Faults {
 public:
  enum class Verdict : uint8_t { kGoOn, kPowerIsOff, kIoError, kNoSpace };

  /// Strikes at the `at`-th operation from here (the first is 1); `delay` is what happens before it, for kDelay.
  void Arm(Fault fault, uint64_t at, std::function<void()> delay = nullptr);
  /// Counts the operation and says how it ends.
  Verdict Before(DiskOperation operation);

  /// The process that uses the disk is dead, until it lives again or the next Arm: nothing it still tries happens.
  void Kill();
  void Revive();

  /// Since the last Arm.
  uint64_t operations() const;
  /// The operation that was struck, if one was.
  std::optional<DiskOperation> struck() const;

 private:
  mutable std::mutex mutex_;  // the rest is under it
  Fault fault_ = Fault::kNone;
  uint64_t at_ = 0;
  std::function<void()> delay_;
  uint64_t operations_ = 0;
  std::optional<DiskOperation> struck_;
  bool off_ = false;
  bool killed_ = false;
};

}  // namespace penstock::ledger
