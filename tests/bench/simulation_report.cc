// What the simulator adds to the code that it runs. Three things in one run and in turn, minute by minute of the
// simulated day, so that whatever else the machine does meets all of them alike:
//
//   1. the simulator: requests drawn, events queued, the admission core, the fluid fleet, plans learnt, counts kept
//   2. the bare admission core: an engine of its own that is given the very commands that the simulator gives, at the
//      same times, with nothing around it. Both must leave the same journal
//   3. the bare event loop: the event queue alone, in an M/M/1 queue, draws included
//
// Times are those of the processor, by this thread.
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admission/vocabulary/check.h"
#include "broker/core/engine.h"
#include "sim/event_queue.h"
#include "sim/run/chain_journal.h"
#include "sim/run/run.h"
#include "tests/bench/full_day.h"
#include "tests/bench/single_server.h"

namespace penstock::sim {
namespace {

constexpr const char* kUsage = R"(Usage: simulation_report [--hours N] [--at-most RATIO]

Plays N hours (default 4) of the shipped scenario full-day. Prints requests a second of the simulator and of the bare
admission core for each hour, their ratio, and events a second beside those of the bare event loop. Exits 1 when a
request takes more than RATIO times (default 3) as long in the simulator as in the bare core.
)";

constexpr int64_t kLoopEvents = 200'000;  // each minute

double ThreadSeconds() {
  timespec time{};
  PENSTOCK_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

template <class Work>
double Timed(const Work& work) {
  const double begin = ThreadSeconds();
  work();
  return ThreadSeconds() - begin;
}

struct TimedCommand {
  core::Command command;
  Instant at;
};

class Commands final : public Watcher {
 public:
  void OnCommand(const core::Command& command, Instant now) override { list_.push_back({command, now}); }
  std::vector<TimedCommand>& list() { return list_; }

 private:
  std::vector<TimedCommand> list_;
};

/// The production core and nothing else.
class BareCore {
 public:
  explicit BareCore(const core::EngineSettings& settings) {
    auto engine = core::Engine::Open(settings, std::make_unique<ChainJournal>(), core::FairScheduling(), kWorldBegin);
    PENSTOCK_CHECK(engine.ok());
    engine_ = *std::move(engine);
  }

  void Apply(std::vector<TimedCommand>& commands) {
    for (TimedCommand& next : commands) {
      engine_->Apply(std::move(next.command), next.at, &effects_);
      effects_.answers.clear();
      effects_.observations.clear();
      effects_.waits.clear();
      if (++unwritten_ == VirtualBroker::kCommandsPerRow) Write();
    }
    Write();
  }
  ledger::Head head() const { return engine_->ledger().head(); }

 private:
  void Write() {
    PENSTOCK_CHECK(engine_->ledger().WriteBatch().ok());
    unwritten_ = 0;
  }

  std::unique_ptr<core::Engine> engine_;
  core::Effects effects_;
  size_t unwritten_ = 0;
};

struct Event {
  uint32_t kind = 0;
};

struct Times {
  double simulator = 0;
  double bare_core = 0;
  double bare_loop = 0;
  double requests = 0;
  double events = 0;
  double commands = 0;
  double loop_events = 0;

  double Ratio() const { return simulator / bare_core; }
  Times& operator+=(const Times& more) {
    simulator += more.simulator;
    bare_core += more.bare_core;
    bare_loop += more.bare_loop;
    requests += more.requests;
    events += more.events;
    commands += more.commands;
    loop_events += more.loop_events;
    return *this;
  }
};

class Report {
 public:
  explicit Report(const Scenario& scenario)
      : bare_core_(CastOf(scenario, kSeed).world.settings), cast_(CastOf(scenario, kSeed)) {
    collector_ = std::make_unique<Collector>(std::move(cast_.collecting));
    simulator_ = Opened(std::move(cast_.world), collector_.get());
    dictating_ = Opened(CastOf(scenario, kSeed).world, &commands_);
  }

  Times Minute() {
    const Duration until = Minutes(++minute_);
    const uint64_t events_before = simulator_->events();
    const uint64_t requests_before = simulator_->requests();
    Times times;
    times.simulator = Timed([&] { simulator_->RunUntil(until); });
    times.events = static_cast<double>(simulator_->events() - events_before);
    times.requests = static_cast<double>(simulator_->requests() - requests_before);
    dictating_->RunUntil(until);
    times.commands = static_cast<double>(commands_.list().size());
    times.bare_core = Timed([&] { bare_core_.Apply(commands_.list()); });
    commands_.list().clear();
    PENSTOCK_CHECK(bare_core_.head() == simulator_->engine().ledger().head());
    times.loop_events = static_cast<double>(kLoopEvents);
    times.bare_loop = Timed([&] {
      for (int64_t i = 0; i < kLoopEvents; ++i) server_.Step();
    });
    return times;
  }

 private:
  static constexpr uint64_t kSeed = 1;

  static std::unique_ptr<VirtualBroker> Opened(VirtualWorld world, Watcher* watcher) {
    auto broker = VirtualBroker::Open(std::move(world), watcher);
    PENSTOCK_CHECK(broker.ok());
    return *std::move(broker);
  }

  BareCore bare_core_;
  Cast cast_;
  std::unique_ptr<Collector> collector_;
  std::unique_ptr<VirtualBroker> simulator_;
  Commands commands_;
  std::unique_ptr<VirtualBroker> dictating_;  // the same once more, not timed: says what the core is told
  SingleServer<EventQueue<Event>> server_{kSeed};
  int64_t minute_ = 0;
};

void Row(const std::string& what, const Times& times) {
  std::printf("%-6s  %10.0f  %18.0f  %18.0f  %5.2f  %20.2f  %20.1f\n", what.c_str(), times.requests,
              times.requests / times.simulator, times.requests / times.bare_core, times.Ratio(),
              times.events / times.simulator / 1e6, times.loop_events / times.bare_loop / 1e6);
}

int Main(int64_t hours, double at_most) {
  const Scenario scenario = FullDay();
  Report report(scenario);
  std::printf("%-6s  %10s  %18s  %18s  %5s  %20s  %20s\n", "hour", "requests", "simulator, req/s", "bare core, req/s",
              "ratio", "simulator, M events/s", "bare loop, M events/s");
  Times all;
  for (int64_t hour = 0; hour < hours; ++hour) {
    Times times;
    for (int minute = 0; minute < 60; ++minute) times += report.Minute();
    Row(std::to_string(hour), times);
    std::fflush(stdout);
    all += times;
  }
  Row("all", all);
  std::printf("commands to the core: %.2f for each request; the simulator and the bare core leave the same journal\n",
              all.commands / all.requests);
  return all.Ratio() <= at_most ? 0 : 1;
}

template <class Number>
bool Parse(std::string_view text, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() && *number > 0;
}

}  // namespace
}  // namespace penstock::sim

int main(int argc, char** argv) {
  int64_t hours = 4;
  double at_most = 3;
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  if (!words.empty() && (words[0] == "--help" || words[0] == "-h")) {
    std::fputs(penstock::sim::kUsage, stdout);
    return 0;
  }
  bool understood = words.size() % 2 == 0;
  for (size_t i = 0; understood && i < words.size(); i += 2) {
    understood = words[i] == "--hours"     ? penstock::sim::Parse(words[i + 1], &hours) && hours <= 24
                 : words[i] == "--at-most" ? penstock::sim::Parse(words[i + 1], &at_most)
                                           : false;
  }
  if (!understood) {
    std::fputs(penstock::sim::kUsage, stderr);
    return 64;
  }
  return penstock::sim::Main(hours, at_most);
}
