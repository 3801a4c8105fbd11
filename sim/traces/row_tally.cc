#include "sim/traces/row_tally.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace penstock::sim {
namespace {

constexpr int64_t kFirstRows = 100;

}  // namespace

std::string AtLine(std::string_view file_name, int64_t line, std::string_view why) {
  const bool column = !why.empty() && why[0] >= '0' && why[0] <= '9';
  return absl::StrCat(std::string(file_name), ":", line, column ? ":" : ": ", std::string(why));
}

RowJudge::RowJudge(std::string file_name, const RowRules& rules) : file_name_(std::move(file_name)), rules_(rules) {}

absl::Status RowJudge::Bad(int64_t line, std::string_view why) {
  ++tally_.bad_rows;
  const std::string message = AtLine(file_name_, line, why);
  if (first_message_.empty()) first_message_ = message;
  if (tally_.messages.size() < rules_.kept_messages) tally_.messages.push_back(message);
  if (rules_.strict) return absl::InvalidArgumentError(message);
  const int64_t seen = tally_.rows + tally_.failed_requests + tally_.bad_rows;
  if (tally_.bad_rows <= kFirstRows / 2 || seen > kFirstRows) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(message, "; ", tally_.bad_rows, " of the first ", seen,
                                                 " rows are bad: the file is of another format, name it"));
}

}  // namespace penstock::sim
