#include "broker/config/read_posted.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "broker/config/csv.h"
#include "broker/config/decimal.h"
#include "broker/config/document.h"
#include "broker/config/moment.h"
#include "broker/config/problems.h"
#include "broker/config/read_file.h"

namespace penstock::config {
namespace {

constexpr int64_t kMaxPriceMicros = 1'000'000'000'000;  // a million currency units per million tokens

class PostedReader {
 public:
  PostedReader(const std::string& file, const ledger::Tariff& tariff) : file_(file), tariff_(tariff) {}

  absl::StatusOr<PostedByPool> Read(std::string_view text) {
    std::vector<Cell> cells;
    SplitCsv(TakeCsvLine(text), 1, &cells);
    ReadHeader(cells);
    for (int number = 2; !text.empty() && problems_.none(); ++number) {
      const std::string_view line = TakeCsvLine(text);
      if (line.empty()) continue;
      SplitCsv(line, number, &cells);
      ReadRow(cells);
    }
    if (!problems_.none()) return problems_.ToStatus();
    return std::move(posted_);
  }

 private:
  void Complain(const Cell& cell, std::string_view column, std::string_view what) {
    problems_.Add(file_, cell.place, std::string(column), what);
  }

  void ReadHeader(const std::vector<Cell>& cells) {
    std::set<std::string_view> names;
    for (size_t i = 0; i < cells.size(); ++i) {
      const std::string_view name = cells[i].text;
      if (name == "pool") pool_ = i;
      if (name == "from") from_ = i;
      const std::optional<TokenKind> kind = TokenKindNamed(name);
      if (kind) kinds_.push_back({*kind, i});
      if ((!kind && name != "pool" && name != "from") || !names.insert(name).second) {
        Complain(cells[i], "",
                 absl::StrCat(Quoted(name),
                              " is no column, or stands here twice; the first line names pool, "
                              "from and token kinds"));
      }
    }
    columns_ = cells.size();
    if (!pool_ || !from_) Complain(cells[0], "", "the first line must name the columns pool and from");
  }

  void ReadRow(const std::vector<Cell>& cells) {
    if (cells.size() != columns_) {
      return Complain(cells[0], "", absl::StrCat("has ", cells.size(), " cells where the first line names ", columns_));
    }
    const Cell& pool = cells[*pool_];
    const ledger::PoolPrices* prices = tariff_.PricesOf(pool.text);
    if (prices == nullptr || prices->coupling.classes == 0) {
      return Complain(pool, "pool",
                      absl::StrCat(Quoted(pool.text), " is no pool that the tariff couples to posted prices"));
    }
    const std::optional<Instant> from = ParseInstant(cells[*from_].text);
    if (!from) {
      return Complain(cells[*from_], "from",
                      absl::StrCat(Quoted(cells[*from_].text),
                                   " is not a moment in UTC from 1970 to 2200; write it like "
                                   "2026-11-01T08:30:00Z"));
    }
    if (!seen_.insert({std::string(pool.text), *from}).second) {
      return Complain(cells[*from_], "from", "prices of this pool from this moment on stand further up already");
    }
    ledger::rating::PostedPrices posted{*from, {}};
    for (const auto& [kind, index] : kinds_) posted.prices[kind] = ReadPrice(cells[index], kind, prices->coupling.step);
    posted_[std::string(pool.text)].push_back(posted);
  }

  int64_t ReadPrice(const Cell& cell, TokenKind kind, int64_t step) {
    if (cell.text.empty()) return 0;
    const Decimal price = ParseDecimal(cell.text, 6);
    const bool sound = price.form == Decimal::Form::kExact && price.scaled > 0 && price.scaled <= kMaxPriceMicros &&
                       price.scaled % step == 0;
    if (!sound) {
      Complain(cell, Name(kind),
               absl::StrCat(Quoted(cell.text), " is not a positive multiple of the tariff's step, ",
                            FormatDecimal(step, 6), " per million tokens"));
    }
    return price.scaled;
  }

  const std::string& file_;
  const ledger::Tariff& tariff_;
  Problems problems_;
  std::optional<size_t> pool_;
  std::optional<size_t> from_;
  std::vector<std::pair<TokenKind, size_t>> kinds_;
  size_t columns_ = 0;
  std::set<std::pair<std::string, Instant>> seen_;
  PostedByPool posted_;
};

}  // namespace

absl::StatusOr<PostedByPool> ParsePosted(std::string_view text, const std::string& file, const ledger::Tariff& tariff) {
  return PostedReader(file, tariff).Read(text);
}

absl::StatusOr<PostedByPool> LoadPosted(const std::string& path, const ledger::Tariff& tariff) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxFileBytes);
  if (!text.ok()) return text.status();
  if (text->size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":1:1: the file is larger than 1 MiB; no month needs that"));
  }
  return ParsePosted(*text, path, tariff);
}

}  // namespace penstock::config
