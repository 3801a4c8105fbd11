// The file with every evaluation that a search has made, so that an interrupted one goes on where it stopped.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace penstock::sim {

/// A first line that says of which search, then its lines as they come.
class KeptEvaluations {
 public:
  /// `terms` is all that the evaluations depend on, in any words: only a search with the same goes on from the file.
  /// Makes the file's folder where it is missing. ALREADY_EXISTS when the file has evaluations and `resume` is not
  /// asked for, INVALID_ARGUMENT when they are of other terms; both leave it as it is. UNKNOWN when it cannot be
  /// written.
  absl::Status Open(const std::filesystem::path& path, std::string_view terms, bool resume);

  /// Whole lines of the search so far; empty for a new one.
  const std::string& kept() const { return kept_; }
  void Append(std::string_view lines) { out_ << lines << std::flush; }
  /// UNKNOWN when something that was appended could not be written.
  absl::Status status() const;

  const std::filesystem::path& path() const { return path_; }
  /// All that the file has, its first line included.
  std::string Text() const;

 private:
  std::filesystem::path path_;
  std::string kept_;
  std::ofstream out_;
};

}  // namespace penstock::sim
