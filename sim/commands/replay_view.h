// How a replayed boot looks: what happened, what happens again, and what would have happened.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "broker/arrivals/replay.h"
#include "sim/replay/assumed_outcomes.h"
#include "sim/replay/recording.h"

namespace penstock::sim {

/// A boot played again in virtual time.
struct Played {
  Recording recording;  // under its own terms
  Outcomes outcomes;
  RunFigures then;                  // as the log has it
  RunFigures same;                  // in virtual time, nothing changed
  std::optional<RunFigures> other;  // under what was asked for; nothing: nothing was
  std::string old_tariff;           // versions
  std::string new_tariff;           // the same where none was given
};

struct ReplayView {
  arrivals::Replayed replayed;   // bit for bit
  std::optional<Played> played;  // nothing: not asked for, or it did not replay the same
};

/// At most `tenants` bills, the largest changes first; the others as one row.
std::string RenderReplay(const ReplayView& view, size_t tenants, bool colour);
std::string ReplayJson(const ReplayView& view);

}  // namespace penstock::sim
