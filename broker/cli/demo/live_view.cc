#include "broker/cli/demo/live_view.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>
#include <vector>

#include "broker/cli/demo/phrases.h"
#include "broker/cli/table.h"
#include "broker/cli/wording.h"

namespace penstock::cli::demo {
namespace {

constexpr Duration kProgressEvery = Seconds(5);
constexpr int kBarWidth = 50;

std::string Clock(Duration d) {
  const int64_t seconds = d.count() / 1'000'000'000;
  return absl::StrFormat("%d:%02d", seconds / 60, seconds % 60);
}

bool IsFlooding(const Setup& setup, const Moment& moment) {
  return moment.elapsed >= setup.flood.from && moment.elapsed < setup.flood.to;
}

std::string PhaseOf(const Setup& setup, const Moment& moment) {
  const std::string& who = setup.tenants.at(setup.flood.tenant).name;
  if (moment.traffic_over) return "traffic over: what runs may finish";
  if (IsFlooding(setup, moment))
    return absl::StrCat("FLOOD: ", who, " sends ", setup.flood.times, " times its usual traffic");
  if (moment.elapsed < setup.flood.from) return absl::StrCat("calm; ", who, " floods from ", Clock(setup.flood.from));
  return "after the flood";
}

// Reserved requests stand in one line with what may spill, so their row shows it.
int64_t WaitingIn(const v1::Pool& pool, Row row) {
  int64_t waiting = 0;
  for (const v1::ClassStatus& of_class : pool.classes()) {
    Row shown = Row::kElastic;
    if (of_class.service_class() == v1::SERVICE_CLASS_FREE) shown = Row::kFree;
    if (of_class.service_class() == v1::SERVICE_CLASS_SPILLOVER) shown = Row::kReserved;
    if (of_class.service_class() == v1::SERVICE_CLASS_RESERVED) shown = Row::kReserved;
    if (shown == row) waiting += of_class.waiting();
  }
  return waiting;
}

Table TierTable(const Figures& figures, const v1::Pool& pool) {
  using Align = Table::Align;
  Table table({{"tier"},
               {"offered", Align::kRight},
               {"admitted", Align::kRight},
               {"line", Align::kRight},
               {"wait p50", Align::kRight},
               {"p99", Align::kRight},
               {"nt/s now", Align::kRight},
               {"peak", Align::kRight},
               {"refused", Align::kRight},
               {"why"}});
  for (const Row row : kAllRows) {
    const Tally& tally = figures.row(row);
    const Throughput& throughput = figures.throughput[static_cast<size_t>(row)];
    const bool offers = row != Row::kSpillover;
    const auto wait = [&](int64_t quantile) {
      return tally.admitted == 0 ? "-" : Spent(tally.wait.Quantile(quantile));
    };
    table.AddRow({kRowNames[static_cast<size_t>(row)], offers ? Grouped(tally.offered) : "", Grouped(tally.admitted),
                  offers ? Grouped(WaitingIn(pool, row)) : "", wait(500'000), wait(990'000),
                  WholeNt(throughput.milli_nt_per_second()), WholeNt(throughput.peak_milli_nt_per_second()),
                  offers ? Grouped(tally.refused()) : "", Reasons(tally.reasons)});
  }
  return table;
}

std::string Bar(int64_t part, int64_t whole) {
  const int64_t filled = whole == 0 ? 0 : std::min<int64_t>(part * kBarWidth / whole, kBarWidth);
  return "[" + std::string(static_cast<size_t>(filled), '#') +
         std::string(static_cast<size_t>(kBarWidth - filled), '.') + "]";
}

size_t TerminalColumns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string RenderMoment(const Figures& figures, const Moment& moment, const Setup& setup, const Options& options) {
  const v1::Pool& pool = *moment.pool;
  const int64_t capacity = setup.settings.pools.at(0).terms.capacity.count();
  const int64_t now = figures.all_throughput.milli_nt_per_second();
  const Duration bound = Seconds(pool.reclaim_bound().seconds()) + Nanoseconds(pool.reclaim_bound().nanos());
  return absl::StrCat(
      "penstock demo   ", Clock(std::min(moment.elapsed, Seconds(options.seconds))), " of ",
      Clock(Seconds(options.seconds)), "   ", PhaseOf(setup, moment), "\n\n",
      TierTable(figures, pool).Render(/*colour=*/false), "\n", Bar(now, capacity), " ", Percent(now, capacity), " of ",
      WholeNt(capacity), " nt/s\n", Bar(pool.in_flight(), pool.max_in_flight()), " ", Grouped(pool.in_flight()), " of ",
      Grouped(pool.max_in_flight()), " slots\nstated reclaim bound of the reservation ", Spent(bound.count()),
      ",  peak so far ", WholeNt(figures.all_throughput.peak_milli_nt_per_second()), " nt/s,  settled ",
      Grouped(figures.settled), "\n");
}

void LiveView::Show(const Figures& figures, const Moment& moment) {
  if (is_terminal_) return Draw(RenderMoment(figures, moment, setup_, options_));
  if (moment.elapsed < next_progress_) return;
  next_progress_ = next_progress_ + kProgressEvery;
  SayProgress(figures, moment);
}

// Lines are cut at the terminal's width: a wrapped one would break the count of lines to go up.
void LiveView::Draw(const std::string& text) {
  const size_t columns = TerminalColumns();
  std::string frame = drawn_lines_ > 0 ? absl::StrCat("\x1b[", drawn_lines_, "A\r") : "";
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  lines.pop_back();  // behind the last line end
  for (std::string& line : lines) {
    const bool loud = line.find("FLOOD") != std::string::npos;
    if (line.size() > columns) line.resize(columns);
    absl::StrAppend(&frame, colour_ && loud ? "\x1b[1;33m" : "", line, colour_ && loud ? "\x1b[0m" : "", "\x1b[K\n");
  }
  drawn_lines_ = static_cast<int>(lines.size());
  err_ << frame << std::flush;
}

void LiveView::SayProgress(const Figures& figures, const Moment& moment) {
  Tally sum;
  for (const Tally& tally : figures.by_tenant) {
    sum.offered += tally.offered;
    sum.admitted += tally.admitted;
    sum.refused_yours += tally.refused_yours;
    sum.refused_pool += tally.refused_pool;
  }
  const int64_t capacity = setup_.settings.pools.at(0).terms.capacity.count();
  err_ << "demo " << Clock(moment.elapsed) << "  " << PhaseOf(setup_, moment) << ": offered " << Grouped(sum.offered)
       << ", admitted " << Grouped(sum.admitted) << ", refused by own limits " << Grouped(sum.refused_yours)
       << ", by the pool " << Grouped(sum.refused_pool) << ", in line " << Grouped(moment.in_line) << ", running "
       << Grouped(moment.running) << ", " << Percent(figures.all_throughput.milli_nt_per_second(), capacity)
       << " of capacity" << std::endl;
}

void LiveView::Clear() {
  if (drawn_lines_ > 0) err_ << "\x1b[" << drawn_lines_ << "A\r\x1b[J" << std::flush;
  drawn_lines_ = 0;
}

}  // namespace penstock::cli::demo
