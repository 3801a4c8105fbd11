#include "ledger/books_loader.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "admission/vocabulary/bounds.h"
#include "admission/vocabulary/check.h"

namespace penstock::ledger {
namespace {

constexpr uint64_t kMostReserved = 2 * kRememberedEnds;
constexpr uint64_t kMostCurrencies = 255;

OutcomeReport ReadReport(uint64_t id, RowReader& value) {
  OutcomeReport report;
  report.id = id;
  report.tenant.value = value.Unsigned32();
  report.name = value.Unsigned32();
  report.happened = value.At();
  report.count.accepted = value.Signed();
  report.count.rejected = value.Signed();
  report.reverses = value.Unsigned();
  report.reversed_by = value.Unsigned();
  report.request.bytes = value.Fixed<std::array<uint8_t, 16>>();
  report.body = value.Fixed<BodyDigest>();
  for (uint64_t left = value.Unsigned(); left > 0 && value.ok(); --left) report.cuts.push_back(value.Unsigned32());
  return report;
}

RememberedEnds::Record ReadEnd(RowReader& value) {
  RememberedEnds::Record record;
  EndedGrant& e = record.ended;
  record.request.grant = value.Id();
  record.request.body = value.Fixed<BodyDigest>();
  e.end = static_cast<GrantEnd>(value.Byte());
  e.billed = value.Byte() != 0;
  e.terms.tenant.value = value.Unsigned32();
  e.terms.key.value = value.Unsigned32();
  e.terms.pool.value = value.Unsigned32();
  e.terms.served = static_cast<ServiceClass>(value.Byte());
  e.terms.tariff = value.Unsigned32();
  e.terms.posted = value.Unsigned32();
  e.at = value.At();
  e.body = value.Fixed<BodyDigest>();
  e.tokens = value.Counts();
  e.work = Work(value.Signed());
  e.charge = value.Amount();
  e.request.bytes = value.Fixed<std::array<uint8_t, 16>>();
  return record;
}

absl::Status Unfit(std::string_view key) { return absl::DataLossError(absl::StrCat("the row of ", DescribeRow(key))); }

/// All but the price, which has no row yet when this one is read: CheckPosted looks at it in the end.
GrantTerms Unposted(GrantTerms terms) {
  terms.posted = 0;
  return terms;
}

}  // namespace

absl::Status BooksLoader::Add(std::string_view key, std::string_view value) {
  const RowReader of_key(key.substr(1));
  absl::Status added;
  switch (KindOf(key)) {
    case RowKind::kHeader:
      return AddHeader(value);  // comes first, and says itself what is wrong with it
    case RowKind::kName:
      added = AddName(value);
      break;
    case RowKind::kTariff:
      added = AddTariff(value);
      break;
    case RowKind::kBalance: {
      RowReader reader(value);
      Balance balance;
      balance.pending = reader.Amount();
      balance.posted = reader.Amount();
      balance.bought = reader.Amount();
      const uint8_t currency = reader.Byte();
      const Instant kept_from = reader.At();
      const uint32_t tenant = RowReader(of_key).Big32();
      if (!reader.done() || tenant < 1 || tenant > books_.balances_.size()) return Unfit(key);
      if (currency > books_.accounts_.currencies().size()) return Unfit(key);
      books_.balances_[tenant - 1] = balance;
      books_.accounts_.SetCurrency(TenantId{tenant}, currency);
      books_.accounts_.RestoreKeptFrom(TenantId{tenant}, kept_from);
      break;
    }
    case RowKind::kGrant:
      added = AddGrant(value);
      break;
    case RowKind::kEpoch:
    case RowKind::kEnded:
      added = AddEnded(of_key, RowReader(value), KindOf(key));
      break;
    case RowKind::kEnd: {
      RowReader reader(value);
      written_ends_.emplace_back(RowReader(of_key).Big64(), ReadEnd(reader));
      if (!reader.done()) return Unfit(key);
      break;
    }
    case RowKind::kBucket:
    case RowKind::kWindow:
    case RowKind::kSeconds:
    case RowKind::kMonth:
    case RowKind::kCut:
      added = AddMeter(of_key, RowReader(value), KindOf(key));
      break;
    case RowKind::kSubscription:
    case RowKind::kCredit:
    case RowKind::kStatement:
      added = AddAccount(RowReader(value), KindOf(key));
      break;
    case RowKind::kKeyProject:
      added = AddKeyProject(of_key, RowReader(value));
      break;
    case RowKind::kCutName:
      added = AddCutName(of_key, RowReader(value));
      break;
    case RowKind::kOutcomeName:
    case RowKind::kOutcome:
    case RowKind::kReport:
      added = AddOutcomes(of_key, RowReader(value), KindOf(key));
      break;
    case RowKind::kAlert:
    case RowKind::kAlerted:
    case RowKind::kRaise:
      added = books_.budget_records_.Restore(key, value);
      break;
    case RowKind::kCapacityPlan:
    case RowKind::kDemandPlan:
    case RowKind::kPrice:
    case RowKind::kQuote:
    case RowKind::kBid:
    case RowKind::kReservation:
    case RowKind::kReservationChange:
    case RowKind::kDelivery:
    case RowKind::kPosting:
      added = AddMarket(key, value);
      break;
    default:
      return Unfit(key);
  }
  return added.ok() ? added : absl::DataLossError(absl::StrCat(Unfit(key).message(), ": ", added.message()));
}

absl::Status BooksLoader::AddHeader(std::string_view value) {
  if (value.size() < kChecksumBytes) return absl::DataLossError("the header is too short");
  const std::string_view content = value.substr(0, value.size() - kChecksumBytes);
  if (value.substr(content.size()) != ChecksumOf(Sha256(content))) {
    return absl::DataLossError("the header's checksum is wrong");
  }
  RowReader reader(content);
  if (reader.Unsigned() != kRowFormat) return absl::InvalidArgumentError("they are of another version's format");
  as_of_.sequence = reader.Unsigned();
  as_of_.hash = reader.Fixed<Hash>();
  books_.epoch_ = reader.Unsigned32();
  books_.stopped_cleanly_ = reader.Byte() != 0;
  books_.last_grant_sequence_ = reader.Unsigned();
  books_.newest_ = reader.At();
  std::vector<CurrencyAccounts> currencies(std::min<uint64_t>(reader.Unsigned(), kMostCurrencies));
  for (CurrencyAccounts& one : currencies) {
    one.currency = reader.Text();
    one.revenue = reader.Amount();
    one.prepaid = reader.Amount();
    one.rounding = reader.Amount();
    one.paid_in = reader.Amount();
    one.unearned = reader.Amount();
  }
  books_.accounts_.Restore(std::move(currencies));
  books_.meters_.RestoreNewest(reader.At());
  if (reader.Unsigned() != books_.ended_.bound()) {
    return absl::InvalidArgumentError("they are of books that remember another number of ends");
  }
  ends_begin_ = reader.Unsigned();
  ends_end_ = reader.Unsigned();
  Books::Mark mark;
  mark.sequence = reader.Unsigned();
  mark.end = reader.Unsigned();
  const uint64_t grants = reader.Unsigned();  // about
  books_.changes_.marks = {mark};
  read_after_ = mark.sequence;
  for (size_t i = 0; i < kRowCounts; ++i) counts_.push_back(reader.Unsigned());
  with_row_.reserve(std::min<uint64_t>(grants, kMostReserved));
  const bool fits = ends_begin_ <= ends_end_ && mark.end <= ends_end_ && mark.sequence <= as_of_.sequence;
  if (!reader.done() || !fits) return absl::DataLossError("the header does not make sense");
  has_header_ = true;
  return absl::OkStatus();
}

absl::Status BooksLoader::AddName(std::string_view value) {
  absl::StatusOr<Entry> entry = Decode(value);
  if (!entry.ok()) return entry.status();
  if (!std::holds_alternative<NameEntry>(*entry)) return absl::DataLossError("not a name");
  return books_.ApplyOne(std::get<NameEntry>(*entry));
}

absl::Status BooksLoader::AddTariff(std::string_view value) {
  absl::StatusOr<Entry> entry = Decode(value);
  if (!entry.ok()) return entry.status();
  if (!std::holds_alternative<TariffEntry>(*entry)) return absl::DataLossError("not a tariff");
  return books_.ApplyOne(std::get<TariffEntry>(*entry));
}

absl::Status BooksLoader::AddKeyProject(RowReader key, RowReader value) {
  const KeyProjectEntry entry{KeyId{key.Big32()}, ProjectId{value.Unsigned32()}};
  if (!key.done() || !value.done()) return absl::DataLossError("it does not make sense");
  return books_.ApplyOne(entry);
}

// By now all bits are in.
absl::Status BooksLoader::AddGrant(std::string_view value) {
  absl::StatusOr<GrantRow> row = ReadGrantRow(value);
  if (!row.ok()) return row.status();
  OpenGrant& open = row->open;
  const GrantId id = open.grant.id;
  for (TokenKind kind : kAllTokenKinds) {
    if (open.so_far[kind] < Tokens() || open.so_far[kind] > Tokens(kMaxTokensPerRequest)) {
      return absl::DataLossError("a token count is out of bounds");
    }
  }
  if (!with_row_.empty() && !(with_row_.back().id < id)) return absl::DataLossError("it is out of order");
  with_row_.push_back({.id = id,
                       .terms = open.grant.terms,
                       .request = open.request,
                       .body = open.grant.body,
                       .so_far = PackedCounts(open.so_far),
                       .attributed = open.attributed,
                       .as_of = row->as_of});
  if (books_.HasEnded(id)) return absl::OkStatus();
  if (absl::Status terms = books_.CheckTerms(Unposted(open.grant.terms)); !terms.ok()) return terms;
  books_.open_.Add(GrantEntry(open.grant), open.request);
  *books_.open_.Find(id) = std::move(open);
  return absl::OkStatus();
}

absl::Status BooksLoader::AddEnded(RowReader key, RowReader value, RowKind kind) {
  const uint32_t epoch = key.Big32();
  if (kind == RowKind::kEpoch) {
    const uint64_t known = value.Unsigned();
    const uint64_t first_word = value.Unsigned();
    if (!value.done() || first_word * EndedBits::kBits > known) return absl::DataLossError("it does not make sense");
    books_.ended_bits_[epoch] = EndedBits::Restore(known, first_word);
    return absl::OkStatus();
  }
  EndedBits::Words words;
  for (uint64_t& word : words) word = value.Big64();
  const auto bits = books_.ended_bits_.find(epoch);
  if (!value.done() || bits == books_.ended_bits_.end()) return absl::DataLossError("it does not make sense");
  bits->second.RestoreWords(key.Big64(), words);
  return absl::OkStatus();
}

absl::Status BooksLoader::AddCutName(RowReader key, RowReader value) {
  CutName name;
  name.tenant.value = value.Unsigned32();
  name.label = value.Text();
  name.value = value.Text();
  const bool fits = key.Big32() == books_.cuts_.name_count() + 1 && key.done() && value.done() &&
                    name.tenant.value >= 1 && name.tenant.value <= books_.CountOf(NameKind::kTenant);
  if (!fits || !books_.cuts_.Restore(std::move(name))) return absl::DataLossError("it does not make sense");
  return absl::OkStatus();
}

absl::Status BooksLoader::AddOutcomes(RowReader key, RowReader value, RowKind kind) {
  Outcomes& outcomes = books_.outcomes_;
  bool fits = true;
  if (kind == RowKind::kOutcomeName) {
    fits = key.Big32() == outcomes.name_count() + 1;
    OutcomeName name;
    name.tenant.value = value.Unsigned32();
    name.name = value.Text();
    fits = fits && name.tenant.value <= books_.CountOf(NameKind::kTenant) && outcomes.Restore(std::move(name));
  } else if (kind == RowKind::kOutcome) {
    OutcomeKey of;
    of.tenant.value = key.Big32();
    of.name = key.Big32();
    of.hour = Instant(static_cast<int64_t>(key.Big64()));
    of.cut = key.Big32();
    OutcomeCount count;
    count.accepted = value.Signed();
    count.rejected = value.Signed();
    fits = (of.cut == 0 || books_.cuts_.RestoreSeen(of.tenant, of.cut, of.hour)) && outcomes.Restore(of, count);
  } else {
    const std::string_view bytes = value.Rest();
    const std::string_view content = bytes.substr(0, bytes.size() - std::min(bytes.size(), kChecksumBytes));
    if (bytes.substr(content.size()) != ChecksumOf(Sha256(content)))
      return absl::DataLossError("its checksum is wrong");
    value = RowReader(content);
    fits = outcomes.Restore(ReadReport(key.Big64(), value));
  }
  return fits && key.done() && value.done() ? absl::OkStatus() : absl::DataLossError("it does not make sense");
}

absl::Status BooksLoader::AddMeter(RowReader key, RowReader value, RowKind kind) {
  const auto moment = [&key] { return Instant(static_cast<int64_t>(key.Big64())); };
  if (kind == RowKind::kBucket || kind == RowKind::kCut) {
    BucketKey of;
    of.tenant.value = key.Big32();
    of.key.value = key.Big32();
    of.pool.value = key.Big32();
    of.served = static_cast<ServiceClass>(key.Byte());
    of.tariff = key.Big32();
    of.posted = key.Big32();
    of.hour = moment();
    Bucket bucket;
    bucket.requests = value.Signed();
    bucket.tokens = value.Counts();
    bucket.work = Work(value.Signed());
    bucket.charge = value.Amount();
    bucket.unbilled_requests = value.Signed();
    bucket.unbilled_tokens = value.Counts();
    bucket.unbilled_work = Work(value.Signed());
    const bool fits = static_cast<size_t>(of.served) < kServiceClassCount && books_.CheckTerms(Unposted(TermsOf(of))).ok();
    const uint32_t name = kind == RowKind::kCut ? key.Big32() : 0;
    if (!fits || !IsPartOf(Bucket(), bucket) || !key.done() || !value.done()) {  // nothing that is counted is negative
      return absl::DataLossError("it does not make sense");
    }
    if (kind == RowKind::kBucket) {
      books_.meters_.Restore(of, bucket);
    } else if (!books_.cuts_.Restore(CutKey{of, name}, bucket)) {
      return absl::DataLossError("it is of a name that is not there");
    }
    return absl::OkStatus();
  }
  WindowKey of;
  if (kind == RowKind::kSeconds) of.start = moment();
  of.tenant.value = key.Big32();
  of.pool.value = key.Big32();
  of.tier = static_cast<Tier>(key.Byte());
  if (kind == RowKind::kWindow) {
    of.start = moment();
    Window window;
    window.work = Work(value.Signed());
    window.highest_second = Work(value.Signed());
    if (window.work < Work() || window.highest_second < Work()) return absl::DataLossError("its work is negative");
    books_.meters_.Restore(of, window);
  } else if (kind == RowKind::kMonth) {
    of.start = moment();
    Month month;
    month.work = Work(value.Signed());
    month.highest = value.At();
    month.highest_work = Work(value.Signed());
    month.highest_second = Work(value.Signed());
    books_.meters_.Restore(of, month);
  } else {
    Meters::Seconds60 seconds;
    for (Work& work : seconds) work = Work(value.Signed());
    books_.meters_.Restore(of, seconds);
  }
  return key.done() && value.done() ? absl::OkStatus() : absl::DataLossError("it does not make sense");
}

absl::Status BooksLoader::AddAccount(RowReader value, RowKind kind) {
  Accounts& accounts = books_.accounts_;
  CreditRecord credit;
  StatementRecord statement;
  if (kind == RowKind::kCredit) credit.left = value.Amount();
  if (kind == RowKind::kStatement) {
    statement.replaced_by = value.Unsigned32();
    statement.late = value.Byte() != 0;
  }
  const std::string_view bytes = value.Rest();
  absl::StatusOr<Entry> entry = Decode(bytes);
  if (!entry.ok()) return entry.status();
  bool fits = value.done();
  if (const auto* subscription = std::get_if<SubscriptionEntry>(&*entry); kind == RowKind::kSubscription) {
    fits = fits && subscription != nullptr;
    if (fits) accounts.Restore(*subscription);
  } else if (auto* granted = std::get_if<CreditEntry>(&*entry); kind == RowKind::kCredit) {
    if (granted != nullptr) credit.granted = std::move(*granted);
    fits = fits && granted != nullptr && accounts.Restore(credit);
  } else {
    const auto* closed = std::get_if<StatementEntry>(&*entry);
    if (closed != nullptr) statement.Summarise(*closed, std::string(bytes));
    fits = fits && closed != nullptr && accounts.Restore(statement);
  }
  return fits ? absl::OkStatus() : absl::DataLossError("it does not make sense");
}

absl::Status BooksLoader::AddMarket(std::string_view key, std::string_view value) {
  MarketRecords& market = books_.market_;
  if (absl::Status restored = market.Restore(key, value); !restored.ok()) return restored;
  switch (KindOf(key)) {  // the last one of its kind is this one
    case RowKind::kPrice:
      return books_.CheckPriced(market.prices().back().tariff, market.prices().back().pool);
    case RowKind::kQuote: {
      const QuoteEntry& quote = market.FindQuote(market.last_quote())->given;
      return books_.CheckDeal(quote.tenant, quote.tariff, quote.terms);
    }
    case RowKind::kBid: {
      const BidEntry& bid = market.FindBid(market.last_bid())->placed;
      return books_.CheckDeal(bid.tenant, bid.tariff, bid.terms);
    }
    case RowKind::kReservation: {
      const ReservationRecord& record = *market.FindReservation(market.last_reservation());
      return books_.CheckDeal(record.tenant, record.tariff, record.terms);
    }
    default:
      return absl::OkStatus();
  }
}

void BooksLoader::BeginReading() {
  reading_ = true;
  books_.open_.ForgetChanges();
  Books::Changes& changes = books_.changes_;
  const Books::Mark mark = changes.marks.front();
  if (!written_ends_.empty()) {
    changes.ends_from = written_ends_.front().first;
    changes.ends_to = written_ends_.back().first + 1;
  }
  books_.ended_.StartAt(ends_begin_);
  for (const auto& [number, record] : written_ends_) {
    if (number >= ends_begin_ && number < mark.end) Remember(number, record, /*first=*/false);
  }
  next_end_ = mark.end;
}

void BooksLoader::Remember(uint64_t number, const RememberedEnds::Record& record, bool first) {
  // A gap shows in Finish: the count is then too small.
  if (number == books_.ended_.end()) books_.ended_.Add(record.request, record.ended, first);
}

const RememberedEnds::Record* BooksLoader::WrittenEnd(uint64_t number) const {
  const auto found = std::lower_bound(written_ends_.begin(), written_ends_.end(), number,
                                      [](const auto& end, uint64_t n) { return end.first < n; });
  return found == written_ends_.end() || found->first != number ? nullptr : &found->second;
}

absl::Status BooksLoader::See(uint64_t sequence, const Entry& entry) {
  if (!reading_) BeginReading();
  return std::visit([&](const auto& what) { return On(sequence, what); }, entry);
}

BooksLoader::Given* BooksLoader::FindGiven(GrantId id, bool* has_row) {
  const auto found = given_.find(id);
  *has_row = found == given_.end();
  if (!*has_row) return &found->second;
  const auto row = std::lower_bound(with_row_.begin(), with_row_.end(), id,
                                    [](const Given& given, GrantId wanted) { return given.id < wanted; });
  return row == with_row_.end() || row->id != id || row->ended ? nullptr : &*row;
}

absl::Status BooksLoader::On(uint64_t sequence, const GrantEntry& grant) {
  while (next_with_row_ < with_row_.size() && with_row_[next_with_row_].id < grant.id) ++next_with_row_;
  if (next_with_row_ < with_row_.size() && with_row_[next_with_row_].id == grant.id) return absl::OkStatus();
  Given& given = given_[grant.id];
  given.id = grant.id;
  given.terms = grant.terms;
  if (!grant.request_id.empty()) given.request = Books::FingerprintOf(grant.terms.tenant, grant.request_id);
  given.body = grant.body;
  given.as_of = sequence;
  return absl::OkStatus();
}

absl::Status BooksLoader::On(uint64_t sequence, const ProgressEntry& progress) {
  bool has_row = false;
  Given* given = FindGiven(progress.id, &has_row);
  if (given == nullptr || sequence <= given->as_of) return absl::OkStatus();
  given->so_far = PackedCounts(progress.so_far);
  for (const Attribution& one : progress.attributions) given->attributed += one.work;
  return absl::OkStatus();
}

absl::Status BooksLoader::On(uint64_t, const SettleEntry& settle) {
  return End(settle.id, [&](const Given&) { return EndOf(settle); });
}

absl::Status BooksLoader::On(uint64_t, const VoidEntry& gone) {
  return End(gone.id, [&](const Given& given) { return EndOf(gone, given.terms); });
}

absl::Status BooksLoader::On(uint64_t, const ExpireEntry& expire) {
  return End(expire.id, [&](const Given& given) { return EndOf(expire, given.terms, given.so_far, given.attributed); });
}

absl::Status BooksLoader::End(GrantId id, const auto& end_of) {
  const uint64_t number = next_end_++;
  bool has_row = false;
  Given* given = FindGiven(id, &has_row);
  if (number >= ends_begin_) {
    if (const RememberedEnds::Record* written = WrittenEnd(number)) {
      Remember(number, *written, /*first=*/false);
    } else if (given != nullptr) {
      EndedGrant ended = end_of(*given);
      ended.request = given->request;
      Remember(number, {ended, {id, given->body}}, /*first=*/true);
      if (has_row) books_.changes_.retired.push_back({number, id});
    } else {
      return absl::DataLossError(absl::StrCat("the row of grant ", id.epoch, "-", id.sequence, " is missing"));
    }
  }
  if (given == nullptr) return absl::OkStatus();
  given->ended = true;
  if (!has_row) given_.erase(id);
  return absl::OkStatus();
}

absl::Status BooksLoader::CheckCounts() const {
  const auto found = RowCountsOf(books_, books_.ended_bits_.size());
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i].count == counts_[i]) continue;
    return absl::DataLossError(absl::StrCat("there are ", found[i].count, " ", std::string(found[i].of), ", not ", counts_[i]));
  }
  return absl::OkStatus();
}

/// Posted prices come after what pins them.
absl::Status BooksLoader::CheckPosted() const {
  const auto check = [this](const GrantTerms& terms) {
    return terms.posted == 0 ? absl::OkStatus() : books_.CheckPosted(terms);
  };
  for (const auto& [key, bucket] : books_.meters().buckets()) {
    if (absl::Status posted = check(TermsOf(key)); !posted.ok()) return absl::DataLossError(posted.message());
  }
  for (const auto& [key, cut] : books_.cuts().rows()) {
    if (absl::Status posted = check(TermsOf(key.bucket)); !posted.ok()) return absl::DataLossError(posted.message());
  }
  for (const OpenGrant* open : books_.OpenInOrder()) {
    if (absl::Status posted = check(open->grant.terms); !posted.ok()) return absl::DataLossError(posted.message());
  }
  return absl::OkStatus();
}

absl::StatusOr<Books> BooksLoader::Finish() {
  if (!reading_) BeginReading();
  if (absl::Status counts = CheckCounts(); !counts.ok()) return counts;
  if (absl::Status posted = CheckPosted(); !posted.ok()) return posted;
  if (books_.ended_.end() != ends_end_) return absl::DataLossError("remembered ends are missing");
  if (absl::Status sums = books_.CheckInvariants(); !sums.ok()) return sums;
  Books::Changes& changes = books_.changes_;
  for (size_t kind = 0; kind < changes.names.size(); ++kind) changes.names[kind] = books_.names_[kind].size();
  changes.tariffs = books_.tariffs_.size();
  changes.key_projects.clear();
  books_.budget_records_.FinishRestoring();
  books_.market_.FinishRestoring();
  changes.balances.clear();
  changes.balance_noted.assign(books_.balances_.size(), false);
  books_.accounts_.ForgetChanges();
  books_.cuts_.ForgetChanges();
  books_.outcomes_.ForgetChanges();
  return std::move(books_);
}

}  // namespace penstock::ledger
