#include "ledger/books_rows.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"

namespace penstock::ledger {
namespace {

/// A mark is set every so many entries, or every this part of the remembered ends.
constexpr uint64_t kEntriesBetweenMarks = 250'000;
constexpr size_t kMarksPerBound = 64;
/// So many retired rows may lie unused before their memory is moved together.
constexpr size_t kTidyRetired = 4'096;

RowWriter Key(RowKind kind, std::string* bytes) {
  RowWriter writer(bytes);
  writer.Byte(static_cast<uint8_t>(kind));
  return writer;
}

/// The order of their maps.
RowWriter WriteKey(RowKind kind, const BucketKey& key, std::string* bytes) {
  return Key(kind, bytes)
      .Big32(key.tenant.value)
      .Big32(key.key.value)
      .Big32(key.pool.value)
      .Byte(static_cast<uint8_t>(key.served))
      .Big32(key.tariff)
      .Big32(key.posted)
      .Big64(static_cast<uint64_t>(key.hour.nanoseconds_since_epoch()));
}
void WriteKey(const BucketKey& key, std::string* bytes) { WriteKey(RowKind::kBucket, key, bytes); }
void WriteKey(const CutKey& key, std::string* bytes) { WriteKey(RowKind::kCut, key.bucket, bytes).Big32(key.name); }
void WriteKey(const WindowKey& key, RowKind kind, std::string* bytes) {
  Key(kind, bytes)
      .Big32(key.tenant.value)
      .Big32(key.pool.value)
      .Byte(static_cast<uint8_t>(key.tier))
      .Big64(static_cast<uint64_t>(key.start.nanoseconds_since_epoch()));
}
void WriteKey(const WindowKey& key, std::string* bytes) { WriteKey(key, RowKind::kWindow, bytes); }
void WriteMonthKey(const WindowKey& key, std::string* bytes) { WriteKey(key, RowKind::kMonth, bytes); }
void WriteSecondsKey(const WindowKey& key, std::string* bytes) {
  Key(RowKind::kSeconds, bytes)
      .Big64(static_cast<uint64_t>(key.start.nanoseconds_since_epoch()))
      .Big32(key.tenant.value)
      .Big32(key.pool.value)
      .Byte(static_cast<uint8_t>(key.tier));
}
std::string SecondsFrom(Instant start) {
  std::string key;
  Key(RowKind::kSeconds, &key).Big64(static_cast<uint64_t>(start.nanoseconds_since_epoch()));
  return key;
}

void Write(const Balance& balance, const Accounts& accounts, TenantId tenant, std::string* bytes) {
  RowWriter(bytes)
      .Amount(balance.pending)
      .Amount(balance.posted)
      .Amount(balance.bought)
      .Byte(accounts.CurrencyPlaceOf(tenant))
      .At(accounts.KeptFrom(tenant));
}

void Write(const Month& month, std::string* bytes) {
  RowWriter(bytes)
      .Signed(month.work.count())
      .At(month.highest)
      .Signed(month.highest_work.count())
      .Signed(month.highest_second.count());
}

void Write(const CreditRecord& credit, std::string* bytes) {
  RowWriter(bytes).Amount(credit.left);
  Encode(credit.granted, bytes);
}

void Write(const StatementRecord& statement, std::string* bytes) {
  RowWriter(bytes).Unsigned(statement.replaced_by).Byte(statement.late ? 1 : 0);
  bytes->append(statement.bytes);
}

void Write(const Bucket& bucket, std::string* bytes) {
  RowWriter(bytes)
      .Signed(bucket.requests)
      .Counts(bucket.tokens)
      .Signed(bucket.work.count())
      .Amount(bucket.charge)
      .Signed(bucket.unbilled_requests)
      .Counts(bucket.unbilled_tokens)
      .Signed(bucket.unbilled_work.count());
}

void Write(const CutName& name, std::string* bytes) {
  RowWriter(bytes).Unsigned(name.tenant.value).Text(name.label).Text(name.value);
}

void WriteKey(const OutcomeKey& key, std::string* bytes) {
  Key(RowKind::kOutcome, bytes)
      .Big32(key.tenant.value)
      .Big32(key.name)
      .Big64(static_cast<uint64_t>(key.hour.nanoseconds_since_epoch()))
      .Big32(key.cut);
}

void Write(const OutcomeName& name, std::string* bytes) {
  RowWriter(bytes).Unsigned(name.tenant.value).Text(name.name);
}

void Write(const OutcomeCount& count, std::string* bytes) {
  RowWriter(bytes).Signed(count.accepted).Signed(count.rejected);
}

// Its checksum comes last: nothing else that is stored would tell that it was changed.
void Write(const OutcomeReport& report, std::string* bytes) {
  const size_t begin = bytes->size();
  RowWriter writer(bytes);
  writer.Unsigned(report.tenant.value)
      .Unsigned(report.name)
      .At(report.happened)
      .Signed(report.count.accepted)
      .Signed(report.count.rejected)
      .Unsigned(report.reverses)
      .Unsigned(report.reversed_by)
      .Fixed(report.request.bytes)
      .Fixed(report.body)
      .Unsigned(report.cuts.size());
  for (const uint32_t cut : report.cuts) writer.Unsigned(cut);
  bytes->append(ChecksumOf(Sha256(std::string_view(*bytes).substr(begin))));
}

void Write(const Window& window, std::string* bytes) {
  RowWriter(bytes).Signed(window.work.count()).Signed(window.highest_second.count());
}

void Write(const Meters::Seconds60& seconds, std::string* bytes) {
  RowWriter writer(bytes);
  for (const Work work : seconds) writer.Signed(work.count());
}

void Write(const EndedBits& bits, std::string* bytes) {
  RowWriter(bytes).Unsigned(bits.known()).Unsigned(bits.first_word());
}

void Write(const EndedBits::Words& words, std::string* bytes) {
  RowWriter writer(bytes);
  for (const uint64_t word : words) writer.Big64(word);
}

void Write(const RememberedEnds::Record& record, std::string* bytes) {
  const EndedGrant& e = record.ended;
  RowWriter(bytes)
      .Id(record.request.grant)
      .Fixed(record.request.body)
      .Byte(static_cast<uint8_t>(e.end))
      .Byte(e.billed ? 1 : 0)
      .Unsigned(e.terms.tenant.value)
      .Unsigned(e.terms.key.value)
      .Unsigned(e.terms.pool.value)
      .Byte(static_cast<uint8_t>(e.terms.served))
      .Unsigned(e.terms.tariff)
      .Unsigned(e.terms.posted)
      .At(e.at)
      .Fixed(e.body)
      .Counts(e.tokens)
      .Signed(e.work.count())
      .Amount(e.charge)
      .Fixed(e.request.bytes);
}

}  // namespace

std::string_view ChecksumOf(const Hash& hash) { return {reinterpret_cast<const char*>(hash.data()), kChecksumBytes}; }

std::array<RowCount, kRowCounts> RowCountsOf(const Books& books, size_t epochs) {
  const BudgetRecords& records = books.budget_records();
  const MarketRecords& market = books.market();
  return {{
      {"tenants", books.CountOf(NameKind::kTenant)},
      {"keys", books.CountOf(NameKind::kKey)},
      {"pools", books.CountOf(NameKind::kPool)},
      {"projects", books.CountOf(NameKind::kProject)},
      {"tariffs", books.tariffs().size()},
      {"open grants", books.open_count()},
      {"epochs", epochs},
      {"ends", books.ended().size()},
      {"buckets", books.meters().buckets().size()},
      {"windows", books.meters().windows().size()},
      {"minutes with seconds", books.meters().open_seconds().size()},
      {"subscriptions", books.accounts().subscriptions().size()},
      {"credits", books.accounts().credits().size()},
      {"statements", books.accounts().statements().size()},
      {"months", books.meters().months().size()},
      {"runs and label values", books.cuts().name_count()},
      {"rows of those", books.cuts().rows().size()},
      {"outcome names", books.outcomes().name_count()},
      {"outcome rows", books.outcomes().rows().size()},
      {"outcome reports", books.outcomes().remembered().size()},
      {"alerts", records.alerts_end() - records.alerts_begin()},
      {"budgets with alerts", records.marks()},
      {"raises", records.raises().size()},
      {"plans", market.plan_count()},
      {"prices", market.prices().size()},
      {"quotes", market.quote_count()},
      {"the last quote", market.last_quote()},
      {"bids", market.bid_count()},
      {"the last bid", market.last_bid()},
      {"reservations", market.last_reservation()},
      {"changes of reservations", market.change_count()},
      {"deliveries", market.deliveries().size()},
      {"postings of reservations", market.posting_count()},
  }};
}

std::string DescribeRow(std::string_view key) {
  RowReader reader(key.substr(std::min<size_t>(key.size(), 1)));
  const auto start = [&] { return static_cast<int64_t>(reader.Big64()) / Seconds(1).count(); };
  switch (KindOf(key)) {
    case RowKind::kHeader:
      return "the header";
    case RowKind::kName: {
      constexpr absl::string_view kKinds[] = {"tenant ", "key ", "pool ", "project "};
      const uint8_t kind = reader.Byte();
      return absl::StrCat("name of ", kind < kNameKinds ? kKinds[kind] : "?", reader.Big32());
    }
    case RowKind::kTariff:
      return absl::StrCat("tariff ", reader.Big32());
    case RowKind::kBalance:
      return absl::StrCat("balance of tenant ", reader.Big32());
    case RowKind::kGrant: {
      const uint32_t epoch = reader.Big32();
      return absl::StrCat("grant ", epoch, "-", reader.Big64());
    }
    case RowKind::kEpoch:
      return absl::StrCat("grants of epoch ", reader.Big32());
    case RowKind::kEnded: {
      const uint32_t epoch = reader.Big32();
      return absl::StrCat("ended bits of epoch ", epoch, ", chunk ", reader.Big64());
    }
    case RowKind::kEnd:
      return absl::StrCat("remembered end ", reader.Big64());
    case RowKind::kOutcomeName:
      return absl::StrCat("name of outcome ", reader.Big32());
    case RowKind::kReport:
      return absl::StrCat("outcome report ", reader.Big64());
    case RowKind::kOutcome: {
      const uint32_t tenant = reader.Big32();
      reader.Big32();
      return absl::StrCat("outcomes of tenant ", tenant, ", from Unix second ", start());
    }
    case RowKind::kCutName:
      return absl::StrCat("name of run or label value ", reader.Big32());
    case RowKind::kBucket:
    case RowKind::kCut: {
      const uint32_t tenant = reader.Big32();
      const uint32_t of_key = reader.Big32();
      const uint32_t pool = reader.Big32();
      reader.Byte();
      reader.Big64();  // tariff, posted price
      return absl::StrCat(KindOf(key) == RowKind::kCut ? "run or label in the " : "", "hour bucket of tenant ", tenant,
                          ", key ", of_key, ", pool ", pool, ", from Unix second ", start());
    }
    case RowKind::kWindow: {
      const uint32_t tenant = reader.Big32();
      const uint32_t pool = reader.Big32();
      reader.Byte();
      return absl::StrCat("window of tenant ", tenant, ", pool ", pool, ", from Unix second ", start());
    }
    case RowKind::kMonth: {
      const uint32_t tenant = reader.Big32();
      const uint32_t pool = reader.Big32();
      reader.Byte();
      return absl::StrCat("month of tenant ", tenant, ", pool ", pool, ", from Unix second ", start());
    }
    case RowKind::kSeconds: {
      const int64_t from = start();
      return absl::StrCat("seconds of tenant ", reader.Big32(), ", from Unix second ", from);
    }
    case RowKind::kSubscription:
      return absl::StrCat("subscription of tenant ", reader.Big32());
    case RowKind::kCredit:
      return absl::StrCat("credit ", reader.Big32());
    case RowKind::kStatement:
      return absl::StrCat("statement ", reader.Big32());
    case RowKind::kKeyProject:
      return absl::StrCat("project of key ", reader.Big32());
    case RowKind::kAlert:
      return absl::StrCat("alert ", reader.Big64());
    case RowKind::kAlerted:
      return absl::StrCat("thresholds of a budget of tenant ", reader.Big32());
    case RowKind::kRaise:
      return absl::StrCat("raise ", reader.Big32());
    case RowKind::kCapacityPlan:
      return absl::StrCat("planned capacity of pool ", reader.Big32());
    case RowKind::kDemandPlan:
      return absl::StrCat("expected demand of pool ", reader.Big32());
    case RowKind::kPrice:
      return absl::StrCat("price ", reader.Big32());
    case RowKind::kQuote:
      return absl::StrCat("quote ", reader.Big64());
    case RowKind::kBid:
      return absl::StrCat("bid ", reader.Big64());
    case RowKind::kReservation:
      return absl::StrCat("reservation ", reader.Big32());
    case RowKind::kReservationChange: {
      const uint32_t reservation = reader.Big32();
      return absl::StrCat("version ", reader.Big64(), " of reservation ", reservation);
    }
    case RowKind::kDelivery: {
      const uint32_t reservation = reader.Big32();
      return absl::StrCat("delivery of reservation ", reservation, ", from Unix second ", start());
    }
    case RowKind::kPosting: {
      const uint32_t tenant = reader.Big32();
      return absl::StrCat("posting ", reader.Big64(), " for reservations of tenant ", tenant);
    }
    default:
      return absl::StrCat("kind ", key.empty() ? 0 : static_cast<int>(static_cast<uint8_t>(key.front())));
  }
}

std::string GrantRowKey(GrantId id) {
  std::string key;
  Key(RowKind::kGrant, &key).Big32(id.epoch).Big64(id.sequence);
  return key;
}

void WriteGrantRow(const OpenGrant& open, uint64_t as_of, std::string* bytes) {
  RowWriter(bytes)
      .Unsigned(as_of)
      .Counts(open.so_far)
      .Signed(open.attributed.count())
      .At(open.attributed_until)
      .Fixed(open.request.bytes);
  Encode(open.grant, bytes);
}

absl::StatusOr<GrantRow> ReadGrantRow(std::string_view value) {
  RowReader reader(value);
  GrantRow row;
  row.as_of = reader.Unsigned();
  row.open.so_far = reader.Counts();
  row.open.attributed = Work(reader.Signed());
  row.open.attributed_until = reader.At();
  row.open.request.bytes = reader.Fixed<std::array<uint8_t, 16>>();
  absl::StatusOr<Entry> entry = Decode(reader.Rest());
  if (!entry.ok()) return entry.status();
  if (!reader.ok() || !std::holds_alternative<GrantEntry>(*entry)) return absl::DataLossError("not a grant");
  row.open.grant = std::get<GrantEntry>(*std::move(entry));
  return row;
}

// ---- Taking.

void Books::AddTenant() {
  balances_.emplace_back();
  accounts_.AddTenant();
  changes_.balance_noted.push_back(false);
  NoteBalance(static_cast<uint32_t>(balances_.size() - 1));
}

size_t Books::changed_rows() const {
  return open_.changed() + changes_.balances.size() + changes_.ends.size() + meters_.changes().size() +
         accounts_.changes().size() + cuts_.changed() + outcomes_.changed();
}

void Books::PutHeader(const Head& as_of, std::string* bytes) const {
  const size_t begin = bytes->size();
  const Mark& mark = changes_.marks.front();
  RowWriter writer(bytes);
  writer.Unsigned(kRowFormat)
      .Unsigned(as_of.sequence)
      .Fixed(as_of.hash)
      .Unsigned(epoch_)
      .Byte(stopped_cleanly_ ? 1 : 0)
      .Unsigned(last_grant_sequence_)
      .At(newest_)
      .Unsigned(accounts_.currencies().size());
  for (const CurrencyAccounts& one : accounts_.currencies()) {
    writer.Text(one.currency).Amount(one.revenue).Amount(one.prepaid).Amount(one.rounding).Amount(one.paid_in).Amount(one.unearned);
  }
  writer.At(meters_.newest())
      .Unsigned(ended_.bound())
      .Unsigned(ended_.begin())
      .Unsigned(ended_.end())
      .Unsigned(mark.sequence)
      .Unsigned(mark.end)
      .Unsigned(open_.size() + changes_.retired.size() - changes_.retired_from);
  for (const RowCount& all : RowCountsOf(*this, ended_bits_.size())) writer.Unsigned(all.count);
  bytes->append(ChecksumOf(Sha256(std::string_view(*bytes).substr(begin))));
}

// The last mark at or before the oldest remembered end is where reading has to begin.
void Books::ForgetOldMarks() {
  std::vector<Mark>& marks = changes_.marks;
  size_t first = 0;
  while (first + 1 < marks.size() && marks[first + 1].end <= ended_.begin()) ++first;
  marks.erase(marks.begin(), marks.begin() + static_cast<ptrdiff_t>(first));
}

void Books::NoteMark(uint64_t sequence) {
  const Mark& last = changes_.marks.back();
  const bool due = sequence - last.sequence >= kEntriesBetweenMarks ||
                   ended_.end() - last.end >= std::max<size_t>(ended_.bound() / kMarksPerBound, 1);
  if (due) changes_.marks.push_back({sequence, ended_.end()});
}

void Books::TakeRetired(RowBatch* rows) {
  std::vector<Retired>& retired = changes_.retired;
  size_t& from = changes_.retired_from;
  for (; from < retired.size() && retired[from].end < ended_.begin(); ++from) {
    rows->Delete(GrantRowKey(retired[from].id));
  }
  if (from < kTidyRetired || 2 * from < retired.size()) return;
  retired.erase(retired.begin(), retired.begin() + static_cast<ptrdiff_t>(from));
  from = 0;
}

void Books::TakeEnds(RowBatch* rows) {
  const auto key_of = [](uint64_t number) {
    std::string key;
    Key(RowKind::kEnd, &key).Big64(number);
    return key;
  };
  const uint64_t forgotten = std::min(ended_.begin(), changes_.ends_to);
  if (changes_.ends_from < forgotten) rows->DeleteRange(key_of(changes_.ends_from), key_of(forgotten));
  changes_.ends_from = std::max(changes_.ends_from, forgotten);
  for (const uint64_t number : changes_.ends) {
    if (number < ended_.begin()) continue;
    rows->Put([&](std::string* key) { Key(RowKind::kEnd, key).Big64(number); },
              [&](std::string* value) { Write(ended_.RecordOf(number), value); });
    changes_.ends_to = number + 1;
  }
  changes_.ends.clear();
}

void Books::TakeEndedBits(RowBatch* rows) {
  for (auto& [epoch, bits] : ended_bits_) {
    if (!bits.changed()) continue;
    const auto key = [of = epoch](uint64_t chunk) {
      return [of, chunk](std::string* bytes) { Key(RowKind::kEnded, bytes).Big32(of).Big64(chunk); };
    };
    rows->Put([of = epoch](std::string* bytes) { Key(RowKind::kEpoch, bytes).Big32(of); },
              [&](std::string* value) { Write(bits, value); });
    std::string gone;  // too short to need memory of its own
    const auto remove = [&](uint64_t chunk) {
      gone.clear();
      key(chunk)(&gone);
      rows->Delete(gone);
    };
    const auto write = [&](uint64_t chunk) {
      const EndedBits::Words words = bits.WordsOf(chunk);
      if (words == EndedBits::Words()) return remove(chunk);
      rows->Put(key(chunk), [&](std::string* value) { Write(words, value); });
    };
    for (uint64_t chunk = bits.first_stored_chunk(); chunk < bits.first_chunk(); ++chunk) remove(chunk);
    for (const uint64_t chunk : bits.changed_chunks()) {
      if (chunk > bits.first_chunk()) write(chunk);
    }
    write(bits.first_chunk());  // its words count as none once all of their grants have ended
    bits.ForgetChanges();
  }
}

void Books::TakeMeters(RowBatch* rows) {
  const auto key_of = [](const auto& of) {
    std::string key;
    WriteKey(of, &key);
    return key;
  };
  for (const BucketKey& key : meters_.changes().gone_buckets) rows->Delete(key_of(key));
  for (const auto& [from, to] : meters_.changes().gone_windows) rows->DeleteRange(key_of(from), key_of(to));
  for (const auto& [key, month] : meters_.changes().months) {
    rows->Put([of = key](std::string* bytes) { WriteMonthKey(*of, bytes); },
              [what = month](std::string* bytes) { Write(*what, bytes); });
  }
  for (const auto& [key, bucket] : meters_.changes().buckets) {
    rows->Put([of = key](std::string* bytes) { WriteKey(*of, bytes); },
              [what = bucket](std::string* bytes) { Write(*what, bytes); });
  }
  const Instant open_from = meters_.open_seconds().empty() ? Instant::Max() : meters_.open_seconds().begin()->first;
  if (open_from > changes_.seconds_from) {
    rows->DeleteRange(SecondsFrom(changes_.seconds_from), SecondsFrom(open_from));
    changes_.seconds_from = open_from;
  }
  for (const auto& [key, window] : meters_.changes().windows) {
    rows->Put([of = key](std::string* bytes) { WriteKey(*of, bytes); },
              [what = window](std::string* bytes) { Write(*what, bytes); });
    const Meters::Seconds60* seconds = meters_.SecondsOf(*key);
    if (seconds == nullptr) continue;
    changes_.seconds_from = std::min(changes_.seconds_from, key->start);
    rows->Put([of = key](std::string* bytes) { WriteSecondsKey(*of, bytes); },
              [seconds](std::string* bytes) { Write(*seconds, bytes); });
  }
  meters_.ForgetChanges();
}

void Books::TakeAccounts(RowBatch* rows) {
  const Accounts::Changes& changes = accounts_.changes();
  for (const TenantId tenant : changes.subscriptions) {
    rows->Put([&](std::string* key) { Key(RowKind::kSubscription, key).Big32(tenant.value); },
              [&](std::string* value) { Encode(*accounts_.FindSubscription(tenant), value); });
  }
  for (const uint32_t id : changes.credits) {
    rows->Put([&](std::string* key) { Key(RowKind::kCredit, key).Big32(id); },
              [&](std::string* value) { Write(accounts_.credits()[id - 1], value); });
  }
  for (const uint32_t id : changes.statements) {
    rows->Put([&](std::string* key) { Key(RowKind::kStatement, key).Big32(id); },
              [&](std::string* value) { Write(accounts_.statements()[id - 1], value); });
  }
  accounts_.ForgetChanges();
}

void Books::TakeCuts(RowBatch* rows) {
  for (size_t i = cuts_.names_noted(); i < cuts_.name_count(); ++i) {
    const auto id = static_cast<uint32_t>(i + 1);
    rows->Put([id](std::string* key) { Key(RowKind::kCutName, key).Big32(id); },
              [&](std::string* value) { Write(cuts_.NameOf(id), value); });
  }
  for (const CutKey& gone : cuts_.changes().gone) {
    std::string key;
    WriteKey(gone, &key);
    rows->Delete(key);
  }
  for (const auto& [key, bucket] : cuts_.changes().rows) {
    rows->Put([of = key](std::string* bytes) { WriteKey(*of, bytes); },
              [what = bucket](std::string* bytes) { Write(*what, bytes); });
  }
  cuts_.ForgetChanges();
}

void Books::TakeOutcomes(RowBatch* rows) {
  const Outcomes::Changes& changes = outcomes_.changes();
  for (size_t i = outcomes_.names_noted(); i < outcomes_.name_count(); ++i) {
    const auto id = static_cast<uint32_t>(i + 1);
    rows->Put([id](std::string* key) { Key(RowKind::kOutcomeName, key).Big32(id); },
              [&](std::string* value) { Write(outcomes_.NameOf(id), value); });
  }
  for (const auto& [key, count] : changes.rows) {
    rows->Put([of = key](std::string* bytes) { WriteKey(*of, bytes); },
              [what = count](std::string* bytes) { Write(*what, bytes); });
  }
  const auto key_of = [](uint64_t id) {
    std::string key;
    Key(RowKind::kReport, &key).Big64(id);
    return key;
  };
  const uint64_t first = outcomes_.remembered().empty() ? 0 : outcomes_.remembered().front().id;
  if (outcomes_.reports_from() < first) rows->DeleteRange(key_of(outcomes_.reports_from()), key_of(first));
  for (const uint64_t id : changes.reports) {
    if (id < first) continue;
    rows->Put([id](std::string* key) { Key(RowKind::kReport, key).Big64(id); },
              [&](std::string* value) { Write(*outcomes_.Find(id), value); });
  }
  outcomes_.ForgetChanges();
}

void Books::TakeChanges(const Head& as_of, RowBatch* rows) {
  for (size_t kind = 0; kind < names_.size(); ++kind) {
    for (size_t& next = changes_.names[kind]; next < names_[kind].size(); ++next) {
      const NameEntry& name = names_[kind][next];
      rows->Put([&](std::string* key) { Key(RowKind::kName, key).Byte(static_cast<uint8_t>(kind)).Big32(name.id); },
                [&](std::string* value) { Encode(name, value); });
    }
  }
  for (; changes_.tariffs < tariffs_.size(); ++changes_.tariffs) {
    const TariffEntry& tariff = tariffs_[changes_.tariffs];
    rows->Put([&](std::string* key) { Key(RowKind::kTariff, key).Big32(tariff.id); },
              [&](std::string* value) { Encode(tariff, value); });
  }
  for (const uint32_t place : changes_.balances) {
    rows->Put([&](std::string* key) { Key(RowKind::kBalance, key).Big32(place + 1); },
              [&](std::string* value) { Write(balances_[place], accounts_, TenantId{place + 1}, value); });
    changes_.balance_noted[place] = false;
  }
  changes_.balances.clear();
  for (const KeyId key : changes_.key_projects) {
    rows->Put([&](std::string* k) { Key(RowKind::kKeyProject, k).Big32(key.value); },
              [&](std::string* v) { RowWriter(v).Unsigned(ProjectOf(key).value); });
  }
  changes_.key_projects.clear();
  if (budget_records_.changed()) budget_records_.TakeChanges(rows);
  if (market_.changed()) market_.TakeChanges(rows);
  open_.ForEachChanged([&](const OpenGrant& open) {
    rows->Put(
        [&](std::string* key) { Key(RowKind::kGrant, key).Big32(open.grant.id.epoch).Big64(open.grant.id.sequence); },
        [&](std::string* value) { WriteGrantRow(open, as_of.sequence, value); });
  });
  open_.ForgetChanges();
  TakeRetired(rows);
  TakeEndedBits(rows);
  TakeEnds(rows);
  TakeMeters(rows);
  TakeAccounts(rows);
  TakeCuts(rows);
  TakeOutcomes(rows);
  NoteMark(as_of.sequence);
  ForgetOldMarks();
  rows->Put([](std::string* key) { Key(RowKind::kHeader, key); }, [&](std::string* value) { PutHeader(as_of, value); });
}

absl::Status Books::TakeAll(const Head& as_of, const RowVisitor& visit) {
  RowBatch ignored;
  TakeChanges(as_of, &ignored);  // nothing counts as changed any more
  changes_.marks = {{as_of.sequence, ended_.end()}};
  changes_.retired.clear();
  changes_.retired_from = 0;
  changes_.ends_from = ended_.begin();
  changes_.ends_to = ended_.end();
  changes_.seconds_from = Instant();

  std::string key;
  std::string value;
  const auto row = [&](const auto& write_key, const auto& write_value) {
    key.clear();
    value.clear();
    write_key(&key);
    write_value(&value);
    return visit(key, value);
  };
  absl::Status status =
      row([](std::string* k) { Key(RowKind::kHeader, k); }, [&](std::string* v) { PutHeader(as_of, v); });
  for (size_t kind = 0; kind < names_.size(); ++kind) {
    for (size_t i = 0; i < names_[kind].size() && status.ok(); ++i) {
      status = row(
          [&](std::string* k) { Key(RowKind::kName, k).Byte(static_cast<uint8_t>(kind)).Big32(names_[kind][i].id); },
          [&](std::string* v) { Encode(names_[kind][i], v); });
    }
  }
  for (size_t i = 0; i < tariffs_.size() && status.ok(); ++i) {
    status = row([&](std::string* k) { Key(RowKind::kTariff, k).Big32(tariffs_[i].id); },
                 [&](std::string* v) { Encode(tariffs_[i], v); });
  }
  for (uint32_t i = 0; i < balances_.size() && status.ok(); ++i) {
    status = row([&](std::string* k) { Key(RowKind::kBalance, k).Big32(i + 1); },
                 [&](std::string* v) { Write(balances_[i], accounts_, TenantId{i + 1}, v); });
  }
  for (const auto& [epoch, bits] : ended_bits_) {
    if (!status.ok()) return status;
    status = row([of = epoch](std::string* k) { Key(RowKind::kEpoch, k).Big32(of); },
                 [&, all = &bits](std::string* v) { Write(*all, v); });
  }
  for (const auto& [epoch, bits] : ended_bits_) {
    for (uint64_t chunk = bits.first_chunk(); chunk < bits.end_chunk() && status.ok(); ++chunk) {
      const EndedBits::Words words = bits.WordsOf(chunk);
      if (words == EndedBits::Words()) continue;
      status = row([&, of = epoch](std::string* k) { Key(RowKind::kEnded, k).Big32(of).Big64(chunk); },
                   [&](std::string* v) { Write(words, v); });
    }
  }
  for (const OpenGrant* open : open_.InOrder()) {
    if (!status.ok()) return status;
    status = row([&](std::string* k) { k->append(GrantRowKey(open->grant.id)); },
                 [&](std::string* v) { WriteGrantRow(*open, as_of.sequence, v); });
  }
  for (uint64_t number = ended_.begin(); number < ended_.end() && status.ok(); ++number) {
    status = row([&](std::string* k) { Key(RowKind::kEnd, k).Big64(number); },
                 [&](std::string* v) { Write(ended_.RecordOf(number), v); });
  }
  const auto all_of = [&](const auto& map, const auto& write_key) {
    for (auto at = map.begin(); at != map.end() && status.ok(); ++at) {
      status = row([&](std::string* k) { write_key(at->first, k); }, [&](std::string* v) { Write(at->second, v); });
    }
  };
  const auto usual = [](const auto& of, std::string* k) { WriteKey(of, k); };
  all_of(meters_.buckets(), usual);
  all_of(meters_.windows(), usual);
  for (const auto& [start, windows] : meters_.open_seconds()) all_of(windows, WriteSecondsKey);
  for (const auto& [tenant, entry] : accounts_.subscriptions()) {
    if (!status.ok()) return status;
    status = row([of = tenant](std::string* k) { Key(RowKind::kSubscription, k).Big32(of.value); },
                 [all = &entry](std::string* v) { Encode(*all, v); });
  }
  const auto by_id = [&](RowKind kind, const auto& records) {
    for (uint32_t i = 0; i < records.size() && status.ok(); ++i) {
      status = row([&](std::string* k) { Key(kind, k).Big32(i + 1); }, [&](std::string* v) { Write(records[i], v); });
    }
  };
  by_id(RowKind::kCredit, accounts_.credits());
  by_id(RowKind::kStatement, accounts_.statements());
  all_of(meters_.months(), WriteMonthKey);
  for (uint32_t key_id = 1; key_id <= project_of_key_.size() && status.ok(); ++key_id) {
    const ProjectId project = ProjectOf(KeyId{key_id});
    if (project == ProjectId()) continue;
    status = row([&](std::string* k) { Key(RowKind::kKeyProject, k).Big32(key_id); },
                 [&](std::string* v) { RowWriter(v).Unsigned(project.value); });
  }
  for (uint32_t id = 1; id <= cuts_.name_count() && status.ok(); ++id) {
    status = row([&](std::string* k) { Key(RowKind::kCutName, k).Big32(id); },
                 [&](std::string* v) { Write(cuts_.NameOf(id), v); });
  }
  all_of(cuts_.rows(), usual);
  for (uint32_t id = 1; id <= outcomes_.name_count() && status.ok(); ++id) {
    status = row([&](std::string* k) { Key(RowKind::kOutcomeName, k).Big32(id); },
                 [&](std::string* v) { Write(outcomes_.NameOf(id), v); });
  }
  all_of(outcomes_.rows(), usual);
  for (const OutcomeReport& report : outcomes_.remembered()) {
    if (!status.ok()) return status;
    status = row([&](std::string* k) { Key(RowKind::kReport, k).Big64(report.id); },
                 [&](std::string* v) { Write(report, v); });
  }
  if (status.ok()) status = budget_records_.TakeAll(visit);
  return status.ok() ? market_.TakeAll(visit) : status;
}

}  // namespace penstock::ledger
