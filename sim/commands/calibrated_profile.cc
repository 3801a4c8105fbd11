#include "sim/commands/calibrated_profile.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sim/calibration/measured_log.h"
#include "sim/calibration/profile_table.h"

namespace penstock::sim {
namespace {

constexpr size_t kMostListed = 40;
constexpr HeldOut kHeldOut{.out_of = 3};

bool Matches(const std::string& name, const std::string& wanted) {
  return absl::StrContains(absl::AsciiStrToLower(name), absl::AsciiStrToLower(wanted));
}

/// All groups that match; only the one that is named exactly, if there is one.
std::vector<const ProfileGroup*> Chosen(const ProfileTable& table, const ProfileChoice& choice) {
  std::vector<const ProfileGroup*> chosen;
  for (const ProfileGroup& group : table.groups) {
    const bool exact = group.model == choice.model && group.hardware == choice.hardware;
    if (exact) return {&group};
    if (Matches(group.model, choice.model) && Matches(group.hardware, choice.hardware)) chosen.push_back(&group);
  }
  return chosen;
}

absl::Status ChooseBetter(const std::string& file_name, const std::vector<const ProfileGroup*>& groups) {
  std::string message = absl::StrCat(file_name, ": ", groups.size(),
                                     " groups match; choose one with --model and --hardware (a part of each will do):");
  for (size_t i = 0; i < std::min(groups.size(), kMostListed); ++i) {
    absl::StrAppend(&message, "\n  --model '", groups[i]->model, "' --hardware '", groups[i]->hardware, "'  (",
                    groups[i]->rows.size(), " rows)");
  }
  if (groups.size() > kMostListed) absl::StrAppend(&message, "\n  and ", groups.size() - kMostListed, " more");
  return absl::FailedPreconditionError(message);
}

absl::StatusOr<CalibratedProfile> OfTable(std::string_view text, const std::string& file_name,
                                          const ProfileChoice& choice, const ReplicaTerms& engine) {
  auto table = ParseProfileTable(text, file_name);
  if (!table.ok()) return table.status();
  std::vector<const ProfileGroup*> groups = Chosen(*table, choice);
  if (groups.empty()) {
    for (const ProfileGroup& group : table->groups) groups.push_back(&group);
    if (groups.empty()) return absl::InvalidArgumentError(absl::StrCat(file_name, ": no usable row"));
    return absl::FailedPreconditionError(absl::StrCat("no group matches; the file has others. ",
                                                      std::string(ChooseBetter(file_name, groups).message())));
  }
  if (groups.size() > 1) return ChooseBetter(file_name, groups);
  const auto fit = FitTable(*groups[0], engine.step_token_budget.count());
  if (!fit.ok()) return absl::InvalidArgumentError(absl::StrCat(file_name, ": ", std::string(fit.status().message())));
  CalibratedProfile profile;
  profile.model = groups[0]->model;
  profile.hardware = groups[0]->hardware;
  profile.law = fit->law;
  profile.standard_errors = fit->standard_errors;
  profile.table = *fit;
  profile.energies = EnergyByBatch(groups[0]->rows);
  profile.rows = groups[0]->rows.size();
  profile.bad = std::move(table->bad);
  return profile;
}

double ErrorOf(const LogFit& fit) {
  return fit.fitted.first_token.mean_relative_error + fit.fitted.per_output.mean_relative_error +
         fit.fitted.latency.mean_relative_error;
}

absl::StatusOr<CalibratedProfile> OfLog(std::string_view text, const std::string& file_name,
                                        const ProfileChoice& choice, ReplicaTerms engine) {
  auto log = ParseMeasuredLog(text, file_name);
  if (!log.ok()) return log.status();
  CalibratedProfile profile;
  // Whether the engine plans its batches ahead is not in the log, but can be told from it.
  for (const bool plans_ahead : {false, true}) {
    engine.plans_ahead = plans_ahead;
    const auto fit = FitLog(log->requests, engine, kHeldOut);
    if (!fit.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(file_name, ": ", std::string(fit.status().message())));
    }
    if (profile.log && ErrorOf(*fit) >= ErrorOf(*profile.log)) continue;
    profile.log = *fit;
    profile.plans_ahead = plans_ahead;
  }
  const std::string stem = file_name.substr(file_name.rfind('/') + 1);
  profile.model = choice.model.empty() ? stem.substr(0, stem.find(".requests")) : choice.model;
  profile.hardware = choice.hardware.empty() ? "the engine of the log" : choice.hardware;
  profile.law = profile.log->law;
  engine.plans_ahead = profile.plans_ahead;
  profile.errors = ErrorsOf(profile.law, log->requests, engine, kHeldOut);
  profile.standard_errors = profile.errors->standard_errors;
  profile.rows = log->requests.size();
  profile.bad = std::move(log->bad);
  return profile;
}

}  // namespace

absl::StatusOr<CalibratedProfile> FitProfile(std::string_view text, const std::string& file_name,
                                             const ProfileChoice& choice, const ReplicaTerms& engine) {
  const bool is_log = choice.format == "log" || (choice.format == "auto" && text.starts_with('{'));
  return is_log ? OfLog(text, file_name, choice, engine) : OfTable(text, file_name, choice, engine);
}

}  // namespace penstock::sim
