#include "broker/arrivals/replay.h"

#include <absl/strings/str_cat.h>

#include <memory>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "broker/core/engine.h"
#include "ledger/entry.h"

namespace penstock::arrivals {
namespace {

/// The entries of a journal up to a place; what is appended after it only moves the head.
class JournalOfThen final : public ledger::Journal {
 public:
  /// `journal` must outlive it.
  JournalOfThen(const ledger::Journal& journal, const ledger::Head& end)
      : journal_(journal), end_(end.sequence), head_(end) {}

  absl::Status Append(const ledger::Batch& batch) override {
    for (size_t i = 0; i < batch.size(); ++i) {
      head_ = {head_.sequence + 1, ledger::ChainHash(head_.hash, batch[i])};
    }
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> Sync() override { return head_.sequence; }
  ledger::Head head() const override { return head_; }
  absl::Status Read(uint64_t first, const Visitor& visit) const override {
    if (first > end_) return absl::OkStatus();
    bool reached = false;
    const absl::Status read = journal_.Read(first, [&](uint64_t sequence, std::string_view payload) {
      if (absl::Status visited = visit(sequence, payload); !visited.ok()) return visited;
      reached = sequence == end_;
      return reached ? absl::CancelledError("far enough") : absl::OkStatus();
    });
    return reached ? absl::OkStatus() : read;
  }

 private:
  const ledger::Journal& journal_;
  const uint64_t end_;
  ledger::Head head_;
};

class Player {
 public:
  Player(const ledger::Journal& journal, const core::SchedulerFactory& scheduling, Replayed* replayed,
         Spectator* spectator)
      : journal_(journal), scheduling_(scheduling), replayed_(*replayed), spectator_(spectator) {}

  /// False: nothing more is to be replayed.
  absl::StatusOr<bool> On(const Birth& birth) {
    if (birth.before.sequence > journal_.head().sequence) {
      return absl::DataLossError(absl::StrCat("the boot began at sequence ", birth.before.sequence,
                                              ", but the journal ends at ", journal_.head().sequence));
    }
    if (birth.before.sequence > 0) {
      const absl::StatusOr<ledger::Head> there = journal_.HeadAt(birth.before.sequence);
      if (!there.ok()) return there.status();
      if (*there != birth.before) return absl::DataLossError("the arrival log is of another journal");
    }
    auto engine = core::Engine::Open(birth.settings, std::make_unique<JournalOfThen>(journal_, birth.before),
                                     scheduling_, birth.opened, &birth.follower);
    if (!engine.ok()) return engine.status();
    engine_ = *std::move(engine);
    replayed_.from_the_beginning = true;
    if (engine_->epoch() != birth.epoch) {
      return absl::DataLossError(absl::StrCat("the arrival log of epoch ", birth.epoch,
                                              " begins where the journal opens ", engine_->epoch()));
    }
    if (spectator_ != nullptr) spectator_->OnBirth(birth, *engine_);
    return true;
  }

  absl::StatusOr<bool> On(Arrival& arrival) {
    ++replayed_.commands;
    if (std::holds_alternative<core::Admit>(arrival.command)) ++replayed_.admits;
    if (engine_ == nullptr) return true;
    const std::string asked = AskedBy(arrival.command);
    if (spectator_ == nullptr) {
      engine_->Apply(std::move(arrival.command), arrival.now, &effects_);
    } else {
      const size_t before = effects_.answers.size();
      engine_->Apply(arrival.command, arrival.now, &effects_);
      spectator_->OnApplied(arrival.command, arrival.now, std::span(effects_.answers).subspan(before), *engine_);
    }
    effects_.observations.clear();
    effects_.waits.clear();
    asked_.resize(effects_.answers.size(), {replayed_.commands, asked});
    return true;
  }

  absl::StatusOr<bool> On(const Answered& answered) {
    if (engine_ == nullptr) return true;
    if (absl::Status written = engine_->ledger().WriteBatch(); !written.ok()) return written;
    return Compare(answered.prints);
  }

  absl::StatusOr<bool> On(const ledger::Head& then) {
    if (engine_ == nullptr) return true;
    if (absl::Status written = engine_->ledger().WriteBatch(); !written.ok()) return written;
    if (!Compare({})) return false;
    const ledger::Head now = engine_->ledger().head();
    if (now == then) return true;
    replayed_.other_head = absl::StrCat("after ", replayed_.commands, " commands it was at sequence ", then.sequence,
                                        " with ", ledger::ToHex(then.hash), ", replaying comes to ", now.sequence,
                                        " with ", ledger::ToHex(now.hash));
    return false;
  }

  absl::StatusOr<bool> On(const Stopped& stopped) {
    replayed_.stopped = true;
    if (engine_ == nullptr) return true;
    engine_->PostStop(stopped.now);
    return true;
  }

  /// Holds the end against the journal.
  absl::Status Finish() {
    if (engine_ == nullptr) return absl::OkStatus();
    if (absl::Status written = engine_->ledger().WriteBatch(); !written.ok()) return written;
    const ledger::Head head = replayed_.head = engine_->ledger().head();
    if (!replayed_.same()) return absl::OkStatus();
    const auto of_next_boot = [](std::string_view payload) {
      const absl::StatusOr<ledger::Entry> entry = ledger::Decode(payload);
      return entry.ok() && std::holds_alternative<ledger::BootEntry>(*entry);
    };
    if (head.sequence > journal_.head().sequence) {
      replayed_.other_head = absl::StrCat("the log goes on to sequence ", head.sequence, ", the journal ends at ",
                                          journal_.head().sequence, ": a power cut took what was not synced");
      return absl::OkStatus();
    }
    const absl::StatusOr<ledger::Head> there = journal_.HeadAt(head.sequence);
    if (!there.ok()) return there.status();
    if (*there != head) {
      replayed_.other_head = absl::StrCat("at sequence ", head.sequence, " the journal has ",
                                          ledger::ToHex(there->hash), ", replaying gives ", ledger::ToHex(head.hash));
    }
    const absl::Status read = journal_.Read(head.sequence + 1, [&](uint64_t, std::string_view payload) {
      if (of_next_boot(payload)) return absl::CancelledError("the next boot");
      ++replayed_.unlogged_entries;
      return absl::OkStatus();
    });
    return absl::IsCancelled(read) ? absl::OkStatus() : read;
  }

 private:
  struct Asked {
    uint64_t command = 0;
    std::string what;
  };

  std::string AskedBy(const core::Command& command) const {
    const std::string_view kind = NameOf(command);
    std::string asked(kind);
    const auto* admit = std::get_if<core::Admit>(&command);
    if (admit == nullptr) return asked;
    const ledger::Books& books = engine_->books();
    if (admit->tenant.value - 1 < books.CountOf(ledger::NameKind::kTenant)) {
      absl::StrAppend(&asked, " of ", books.NameOf(ledger::NameKind::kTenant, admit->tenant.value).name);
    }
    absl::StrAppend(&asked, ", request ", admit->request_id);
    return asked;
  }

  /// Holds the answers since the last time against those of then; says whether they are the same.
  bool Compare(const std::vector<Print>& then) {
    const std::vector<core::Answer>& now = effects_.answers;
    for (size_t i = 0; i < std::max(then.size(), now.size()); ++i) {
      if (i < then.size() && i < now.size() && PrintOf(now[i]) == then[i]) continue;
      const Asked asked = i < now.size() ? asked_[i] : Asked{replayed_.commands, "no command"};
      std::string of_then = i < then.size() ? Describe(then[i]) : "no answer";
      std::string of_now = i < now.size() ? Describe(PrintOf(now[i])) : "no answer";
      if (of_then == of_now) of_now += ", on other terms";
      replayed_.difference = {asked.command, asked.what, std::move(of_then), std::move(of_now)};
      return false;
    }
    replayed_.decisions += then.size();
    effects_.answers.clear();
    asked_.clear();
    return true;
  }

  const ledger::Journal& journal_;
  const core::SchedulerFactory& scheduling_;
  Replayed& replayed_;
  Spectator* const spectator_;
  std::unique_ptr<core::Engine> engine_;  // none when the boot's beginning is gone
  core::Effects effects_;
  std::vector<Asked> asked_;  // whose command brought effects_.answers, by place
};

}  // namespace

absl::StatusOr<Replayed> Replay(LogReader log, const ledger::Journal& journal,
                                const core::SchedulerFactory& scheduling, Spectator* spectator) {
  Replayed replayed;
  replayed.epoch = log.epoch();
  Player player(journal, scheduling, &replayed, spectator);
  Record record;
  while (true) {
    const absl::StatusOr<bool> more = log.Next(&record);
    if (!more.ok()) return more.status();
    if (!*more) break;
    const absl::StatusOr<bool> goes_on = std::visit([&player](auto& what) { return player.On(what); }, record);
    if (!goes_on.ok()) return goes_on.status();
    if (!*goes_on) break;
  }
  replayed.cut_bytes = log.cut_bytes();
  if (absl::Status finished = player.Finish(); !finished.ok()) return finished;
  return replayed;
}

}  // namespace penstock::arrivals
