#include "broker/config/read_usage.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <vector>

#include "admission/vocabulary/bounds.h"
#include "broker/config/csv.h"
#include "broker/config/decimal.h"
#include "broker/config/moment.h"
#include "broker/config/problems.h"
#include "broker/config/read_file.h"

namespace penstock::config {
namespace {

using ledger::rating::Sample;

constexpr int64_t kMaxCell = 1'000'000'000'000'000;     // tokens or milli-nt in one window
constexpr int64_t kMaxSum = 4'000'000'000'000'000'000;  // of a column, in the whole file
constexpr std::string_view kOutcomes = "outcomes.";
constexpr std::array<std::string_view, 5> kNeeded = {"tenant", "pool", "tier", "window_start", "work_nt"};
constexpr std::array<std::string_view, 3> kOptional = {"class", "highest_second_nt", "source"};

absl::string_view Abseil(std::string_view text) { return {text.data(), text.size()}; }

class UsageReader {
 public:
  UsageReader(const std::string& file, const ledger::Tariff& tariff) : file_(file), tariff_(tariff) {
    for (const ledger::PoolPrices& prices : tariff.pools) pools_.push_back(prices.pool);
  }

  absl::StatusOr<UsageFile> Read(std::string_view text) {
    if (text.empty()) {
      Complain({1, 1}, "", "the file is empty; its first line must name tenant, pool, tier, window_start and work_nt");
      return problems_.ToStatus();
    }
    const std::string_view header = TakeCsvLine(text);
    std::vector<Cell> cells;
    SplitCsv(header, 1, &cells);
    ReadHeader(cells);
    if (!problems_.none()) return problems_.ToStatus();  // rows would only echo it
    for (int number = 2; !text.empty(); ++number) {
      const std::string_view line = TakeCsvLine(text);
      if (line.empty()) continue;
      SplitCsv(line, number, &cells);
      ReadRow(cells);
    }
    if (problems_.none() && usage_.rows == 0) Complain({2, 1}, "", "there is no row; give at least one window");
    if (!problems_.none()) return problems_.ToStatus();
    for (auto& [pool, samples] : everyone_) usage_.everyone[pool] = ledger::rating::SumByWindow(std::move(samples));
    return std::move(usage_);
  }

 private:
  void Complain(Place place, std::string_view column, std::string_view what) {
    problems_.Add(file_, place, std::string(column), what);
  }

  // ---- Header.

  void ReadHeader(const std::vector<Cell>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string_view name = cells[i].text;
      if (!KnowColumn(name, i)) ComplainColumn(cells[i]);
    }
    for (const std::string_view needed : kNeeded) {
      if (Find(needed)) continue;
      Complain({1, 1}, "",
               absl::StrCat("there is no column ", Abseil(needed),
                            "; the first line must name tenant, pool, "
                            "tier, window_start and work_nt"));
    }
  }

  bool KnowColumn(std::string_view name, size_t index) {
    const bool plain = std::find(kNeeded.begin(), kNeeded.end(), name) != kNeeded.end() ||
                       std::find(kOptional.begin(), kOptional.end(), name) != kOptional.end() || TokenKindNamed(name);
    const auto priced = [name](const ledger::OutcomePrice& o) { return o.name == name.substr(kOutcomes.size()); };
    const bool outcome =
        name.starts_with(kOutcomes) && std::any_of(tariff_.outcomes.begin(), tariff_.outcomes.end(), priced);
    if ((!plain && !outcome) || Find(name)) return false;
    columns_.push_back({std::string(name), index});
    if (const auto kind = TokenKindNamed(name)) kinds_.push_back({*kind, index});
    if (outcome) outcomes_.push_back({std::string(name.substr(kOutcomes.size())), index});
    return true;
  }

  void ComplainColumn(const Cell& cell) {
    if (Find(cell.text))
      return Complain(cell.place, "", absl::StrCat("column ", Quoted(cell.text), " stands here twice; remove one"));
    std::vector<std::string_view> known(kNeeded.begin(), kNeeded.end());
    known.insert(known.end(), kOptional.begin(), kOptional.end());
    known.insert(known.end(), kTokenKindNames.begin(), kTokenKindNames.end());
    const std::string hint = DidYouMean(cell.text, known);
    const std::string_view note = cell.text.starts_with(kOutcomes) ? "; the tariff has no outcome of that name" : "";
    Complain(cell.place, "", absl::StrCat("unknown column ", Quoted(cell.text), hint, Abseil(note)));
  }

  std::optional<size_t> Find(std::string_view name) const {
    const auto found = std::find_if(columns_.begin(), columns_.end(), [&](const auto& c) { return c.first == name; });
    return found == columns_.end() ? std::nullopt : std::optional<size_t>(found->second);
  }

  // ---- Rows.

  // The cell of a column that there may be; empty when there is none.
  Cell At(const std::vector<Cell>& cells, std::string_view column) const {
    const std::optional<size_t> index = Find(column);
    return index ? cells[*index] : Cell{};
  }

  std::optional<int64_t> Number(const Cell& cell, std::string_view column, int decimals) {
    if (cell.text.empty()) return 0;
    const Decimal number = ParseDecimal(cell.text, decimals);
    if (number.form == Decimal::Form::kExact && number.scaled <= kMaxCell) return number.scaled;
    std::string what = Quoted(cell.text);
    if (cell.text.front() == '-' && ParseDecimal(cell.text.substr(1), decimals).form == Decimal::Form::kExact) {
      what += " is negative; usage only counts up, what was wrong is corrected in the window where it was counted";
    } else if (number.form == Decimal::Form::kTooFine) {
      what += decimals == 0 ? " is not a whole number" : absl::StrCat(" has more than ", decimals, " decimals");
    } else if (number.form == Decimal::Form::kNotANumber) {
      what += decimals == 0 ? " is not a whole number; write digits only"
                            : " is not a number; write digits with at most one point";
    } else {
      what += absl::StrCat(" is out of range; a window holds at most ", FormatDecimal(kMaxCell, decimals));
    }
    Complain(cell.place, column, what);
    return std::nullopt;
  }

  struct Row {
    std::string tenant;
    std::string pool;
    Tier tier = Tier::kElastic;
    ServiceClass served = ServiceClass::kDefault;
    std::string source;
    Sample sample;
    TokenCounts tokens;
  };

  void ReadRow(const std::vector<Cell>& cells) {
    if (cells.size() != columns_.size()) {
      return Complain(
          {cells[0].place.line, 1}, "",
          absl::StrCat("has ", cells.size(), " cells where the first line names ", columns_.size(), " columns"));
    }
    Row row;
    bool sound = ReadName(At(cells, "tenant"), "tenant", &row.tenant);
    sound = ReadPool(At(cells, "pool"), &row.pool) && sound;
    sound = ReadTier(cells, &row) && sound;
    sound = ReadWindow(At(cells, "window_start"), &row) && sound;
    row.source = std::string(At(cells, "source").text);
    const auto work = Number(At(cells, "work_nt"), "work_nt", 3);
    const auto second = Number(At(cells, "highest_second_nt"), "highest_second_nt", 3);
    for (const auto& [kind, index] : kinds_) {
      const auto count = Number(cells[index], Name(kind), 0);
      sound = sound && count && AddUp(&token_sum_, *count, cells[index], Name(kind));
      row.tokens[kind] = Tokens(count.value_or(0));
    }
    sound = sound && work && second && AddUp(&work_sum_, *work, At(cells, "work_nt"), "work_nt");
    if (!sound) return;
    row.sample.work = Work(*work);
    row.sample.highest_second = Work(*second);
    if (IsNew(row, At(cells, "window_start"))) Keep(row, cells);
  }

  bool AddUp(int64_t* sum, int64_t count, const Cell& cell, std::string_view column) {
    if (count <= kMaxSum - *sum) {
      *sum += count;
      return true;
    }
    Complain(cell.place, column, "with what stands above it this adds up to more than can be billed; split the file");
    return false;
  }

  bool ReadName(const Cell& cell, std::string_view column, std::string* name) {
    *name = std::string(cell.text);
    const bool sound = !cell.text.empty() && cell.text.size() <= kMaxNameBytes &&
                       std::all_of(cell.text.begin(), cell.text.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
                       });
    if (!sound)
      Complain(cell.place, column,
               absl::StrCat(Quoted(cell.text), " is not a name; write 1 to ", kMaxNameBytes,
                            " of a-z, 0-9, '.', '_' and '-'"));
    return sound;
  }

  bool ReadPool(const Cell& cell, std::string* pool) {
    *pool = std::string(cell.text);
    if (std::find(pools_.begin(), pools_.end(), *pool) != pools_.end()) return true;
    const std::vector<std::string_view> known(pools_.begin(), pools_.end());
    Complain(cell.place, "pool",
             absl::StrCat("the tariff has no prices for pool ", Quoted(cell.text), DidYouMean(cell.text, known)));
    return false;
  }

  bool ReadTier(const std::vector<Cell>& cells, Row* row) {
    const Cell tier = At(cells, "tier");
    const std::optional<Tier> known = TierNamed(tier.text);
    if (!known) {
      Complain(tier.place, "tier", absl::StrCat(Quoted(tier.text), " is not one of free, elastic, reserved"));
      return false;
    }
    constexpr std::array<ServiceClass, kTierCount> kPlain = {ServiceClass::kFree, ServiceClass::kDefault,
                                                             ServiceClass::kReserved};
    row->tier = *known;
    row->served = kPlain[static_cast<size_t>(*known)];
    const Cell served = At(cells, "class");
    if (served.text.empty()) return true;
    const std::optional<ServiceClass> named = ServiceClassNamed(served.text);
    if (!named) {
      const std::vector<std::string> all(kServiceClassNames.begin(), kServiceClassNames.end());
      Complain(served.place, "class", absl::StrCat(Quoted(served.text), " is not one of ", absl::StrJoin(all, ", ")));
      return false;
    }
    row->served = *named;
    if (TierOf(*named) == row->tier) return true;
    Complain(served.place, "class",
             absl::StrCat(Quoted(served.text), " is a class of tier ", Abseil(Name(TierOf(*named))), ", not of ",
                          Abseil(Name(row->tier)), "; correct one of them"));
    return false;
  }

  bool ReadWindow(const Cell& cell, Row* row) {
    const std::optional<Instant> start = ParseInstant(cell.text);
    if (!start) {
      Complain(cell.place, "window_start",
               absl::StrCat(Quoted(cell.text),
                            " is not a moment in UTC from 1970 to 2200; write it like 2026-11-01T08:31:00Z"));
      return false;
    }
    row->sample.start = *start;
    const Instant aligned = WindowStart(*start, ledger::kBaseWindow);
    if (aligned == *start) return true;
    Complain(
        cell.place, "window_start",
        absl::StrCat(Quoted(cell.text), " is not the start of a window of one minute; the one it lies in starts at ",
                     FormatInstant(aligned)));
    return false;
  }

  bool IsNew(const Row& row, const Cell& start) {
    const auto number = [this](const std::string& name) {
      return numbers_.try_emplace(name, static_cast<uint32_t>(numbers_.size())).first->second;
    };
    const auto [seen, is_new] = seen_.try_emplace(Key{number(row.tenant), number(row.pool), row.served,
                                                      number(row.source), row.sample.start.nanoseconds_since_epoch()},
                                                  start.place.line);
    if (is_new) return true;
    Complain(
        start.place, "window_start",
        absl::StrCat("overlaps line ", seen->second, ": the same window of the same tenant, pool and class",
                     Find("source") ? " and source" : "; add a source column if two brokers saw it, else remove one"));
    return false;
  }

  void Keep(const Row& row, const std::vector<Cell>& cells) {
    ledger::rating::Usage& usage = usage_.tenants[row.tenant];
    auto use = std::find_if(usage.pools.begin(), usage.pools.end(), [&](const auto& p) { return p.pool == row.pool; });
    if (use == usage.pools.end()) {
      use = usage.pools.insert(use, ledger::rating::PoolUse());
      use->pool = row.pool;
    }
    if (row.tokens != TokenCounts()) use->tokens.push_back({row.sample.start, row.served, 0, 0, row.tokens});
    use->work.push_back({row.tier, row.sample});
    if (row.tier != Tier::kFree) everyone_[row.pool].push_back(row.sample);
    for (const auto& [name, index] : outcomes_) {
      const auto count = Number(cells[index], absl::StrCat(Abseil(kOutcomes), name), 0);
      if (count.value_or(0) > 0) usage.outcomes.push_back({name, row.sample.start, *count});
    }
    usage_.first = usage_.rows == 0 ? row.sample.start : std::min(usage_.first, row.sample.start);
    usage_.last = std::max(usage_.last, row.sample.start);
    ++usage_.rows;
  }

  using Key = std::tuple<uint32_t, uint32_t, ServiceClass, uint32_t, int64_t>;

  const std::string& file_;
  const ledger::Tariff& tariff_;
  std::vector<std::string> pools_;
  Problems problems_;
  std::vector<std::pair<std::string, size_t>> columns_;
  std::vector<std::pair<TokenKind, size_t>> kinds_;
  std::vector<std::pair<std::string, size_t>> outcomes_;
  absl::flat_hash_map<std::string, uint32_t> numbers_;
  absl::flat_hash_map<Key, int> seen_;  // the line where a window stood first
  std::map<std::string, std::vector<Sample>> everyone_;
  int64_t token_sum_ = 0;
  int64_t work_sum_ = 0;
  UsageFile usage_;
};

}  // namespace

absl::StatusOr<UsageFile> ParseUsage(std::string_view text, const std::string& file_name,
                                     const ledger::Tariff& tariff) {
  return UsageReader(file_name, tariff).Read(text);
}

absl::StatusOr<UsageFile> LoadUsage(const std::string& path, const ledger::Tariff& tariff) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxUsageBytes);
  if (!text.ok()) return text.status();
  if (text->size() > kMaxUsageBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":1:1: the file is larger than 1 GiB; split it by tenant"));
  }
  return ParseUsage(*text, path, tariff);
}

}  // namespace penstock::config
