// The state of a search as text: one line for each field, its name and its figures. A figure is written as the shortest
// decimal that reads back as the same double, so that a search that was saved and loaded goes on with the same bytes.
//
//   cma-es 1
//   generation 17
//   mean 0.25 0.5
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sim {

/// The shortest decimal that reads back as this value.
std::string ExactText(double value);

class StateWriter {
 public:
  /// `kind` and `version` are what the reader must ask for.
  StateWriter(std::string_view kind, int version);
  void Add(std::string_view name, uint64_t value);
  void Add(std::string_view name, std::span<const double> values);
  /// Whole lines that another writer made.
  void AddLines(std::string_view name, std::string_view lines);
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

/// Reads the fields in the order in which they were written. After a fault, which `status` keeps (INVALID_ARGUMENT
/// with the line), everything reads as zero.
class StateReader {
 public:
  /// The text must outlive the reader.
  StateReader(std::string_view text, std::string_view kind, int version);
  uint64_t Whole(std::string_view name);
  /// As many figures as said.
  std::vector<double> Figures(std::string_view name, size_t count);
  /// However many there are.
  std::vector<double> Figures(std::string_view name);
  std::string_view Lines(std::string_view name);
  /// Notes what lies behind the last field.
  const absl::Status& Finish();
  const absl::Status& status() const { return status_; }
  /// Notes that what was read makes no sense.
  void Fail(std::string_view what);

 private:
  std::string_view NextLine(std::string_view name);

  std::string_view rest_;
  int line_ = 0;
  absl::Status status_;
};

}  // namespace penstock::sim
