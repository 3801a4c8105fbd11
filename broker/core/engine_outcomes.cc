// Reports of outcomes: checked against the books, journalled, never edited.
#include <absl/strings/str_cat.h>

#include <utility>

#include "broker/core/engine.h"

namespace penstock::core {
namespace {

/// How long ago outcomes may have happened.
constexpr Duration kOldestOutcome = Days(62);

}  // namespace

std::optional<Error> Engine::CheckReport(const ReportOutcome& report) const {
  const ledger::Outcomes& outcomes = books().outcomes();
  if (report.reverses != 0) {
    const ledger::OutcomeReport* reversed = outcomes.Find(report.reverses);
    if (reversed == nullptr || reversed->tenant != report.tenant) {
      return Error{ErrorReason::kUnknownOutcome, "report",
                   "there is no such report of this tenant, or it is too long ago to be reversed"};
    }
    if (reversed->reverses != 0) {
      return Error{ErrorReason::kOutcomeReversed, "report", "it is a reversal itself: report the outcomes anew"};
    }
    if (reversed->reversed_by != 0) {
      return Error{ErrorReason::kOutcomeReversed, "report",
                   absl::StrCat("it is reversed already, by outcomes/", reversed->reversed_by)};
    }
    return std::nullopt;
  }
  if (report.happened && (*report.happened > now_ || *report.happened < now_ - kOldestOutcome)) {
    return Error{ErrorReason::kInvalidArgument, "happened", "must be past, and at most 62 days ago"};
  }
  if (!outcomes.IdOf(report.tenant, report.name) && !outcomes.MayAddName(report.tenant)) {
    return Error{ErrorReason::kTooManyOutcomeNames, "outcome",
                 absl::StrCat("this tenant uses ", ledger::kMaxOutcomeNames, " names already: use one of them")};
  }
  return std::nullopt;
}

void Engine::SayReport(Ticket ticket, const ledger::OutcomeReport& report, bool repeated) {
  Say(ticket,
      OutcomeReported{.report = report,
                      .name = books().outcomes().NameOf(report.name).name,
                      .repeated = repeated,
                      .sequence = ledger_->posted_sequence()},
      Release::kSynced);
}

void Engine::On(ReportOutcome& report) {
  const ledger::Outcomes& outcomes = books().outcomes();
  const ledger::RequestFingerprint request = ledger::Books::FingerprintOf(report.tenant, report.request_id);
  if (const ledger::OutcomeReport* known = outcomes.Find(request)) {
    if (known->body == report.body) return SayReport(report.ticket, *known, /*repeated=*/true);
    return Say(report.ticket,
               Error{ErrorReason::kRequestIdReused, "request_id", "this id stands for another report: use a new one"});
  }
  if (std::optional<Error> error = CheckReport(report)) return Say(report.ticket, *std::move(error));
  ledger::OutcomeEntry entry;
  entry.id = outcomes.last_id() + 1;
  entry.tenant = report.tenant;
  entry.at = now_;
  entry.request_id = std::move(report.request_id);
  entry.body = report.body;
  entry.reverses = report.reverses;
  if (report.reverses == 0) {
    entry.happened = report.happened.value_or(now_);
    entry.name = std::move(report.name);
    entry.accepted = report.accepted;
    entry.rejected = report.rejected;
    entry.run = std::move(report.run);
    entry.labels = std::move(report.labels);
  } else {
    const ledger::OutcomeReport& reversed = *outcomes.Find(report.reverses);
    entry.happened = reversed.happened;
    entry.name = outcomes.NameOf(reversed.name).name;
    entry.accepted = -reversed.count.accepted;
    entry.rejected = -reversed.count.rejected;
  }
  ledger_->Post(std::move(entry));
  SayReport(report.ticket, *outcomes.Find(outcomes.last_id()), /*repeated=*/false);
}

}  // namespace penstock::core
