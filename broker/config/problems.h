// What is wrong with a configuration: collected, so that one run tells everything.
#pragma once

#include <absl/status/status.h>

#include <string>
#include <string_view>
#include <vector>

namespace penstock::config {

/// Where something stands in a file; both count from 1.
struct Place {
  int line = 1;
  int column = 1;
};

class Problems {
 public:
  /// `path` is the field ("pools[0].burndown.output"), empty for the file as a whole. `what` says what is wrong, why if
  /// that is not plain, and what to do.
  void Add(const std::string& file, Place place, const std::string& path, std::string_view what);

  bool none() const { return found_.empty(); }
  size_t count() const { return found_.size(); }

  /// OK, or INVALID_ARGUMENT with one line per problem, in the order of the files, the first twenty of them.
  absl::Status ToStatus() const;

 private:
  struct Problem {
    size_t file;  // index into files_
    Place place;
    std::string text;
  };
  std::vector<std::string> files_;
  std::vector<Problem> found_;
};

/// The text in double quotes, cut to a readable length, with control characters escaped: fit for a terminal.
std::string Quoted(std::string_view text);

/// The candidate that a person most likely meant; empty when none is near.
std::string_view NearestName(std::string_view name, const std::vector<std::string_view>& candidates);

/// "; did you mean "x"?", or nothing when none is near.
std::string DidYouMean(std::string_view name, const std::vector<std::string_view>& candidates);

}  // namespace penstock::config
