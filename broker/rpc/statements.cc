#include "broker/rpc/statements.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "broker/rpc/converters.h"
#include "broker/rpc/errors.h"
#include "broker/rpc/reading_call.h"
#include "ledger/statement.h"
#include "penstock/v1/billing.pb.h"

namespace penstock::rpc {
namespace {

using ledger::rating::Line;
using ledger::rating::LineKind;

/// How often a period is gathered and rated anew when late work came in between.
constexpr int kMostTries = 3;

/// The first whole hour of the billing month.
Instant MonthOf(Instant t, const ledger::Calendar& calendar) {
  return WindowStart(calendar.MonthStart(calendar.MonthAt(t)), Hours(1));
}
Instant MonthAfter(Instant t, const ledger::Calendar& calendar) {
  return WindowStart(calendar.MonthStart(calendar.MonthAt(t) + 1), Hours(1));
}

std::string NameOf(const std::string& tenant, uint32_t id) { return absl::StrCat(tenant, "/statements/", id); }

grpc::Status NotClosable(const absl::Status& why) {
  return ToStatus({core::ErrorReason::kPeriodNotClosable, "from", std::string(why.message())});
}

grpc::Status UnknownStatement(const std::string& tenant) {
  return ErrorStatus(grpc::StatusCode::NOT_FOUND, "UNKNOWN_STATEMENT",
                     "name: " + tenant + " has no such statement; `penstock statements list` shows those there are");
}

/// Shows a closed statement, with a signed head of the journal that holds it.
void Show(const Surroundings& surroundings, const core::Engine& engine, const ledger::StatementRecord& record,
          const std::string& tenant, v1::Statement* out) {
  const ledger::Ledger& ledger = engine.ledger();
  ToProto(ledger::ClosedStatement(engine.books(), record, ledger.head()), tenant, out);
  ToProto(surroundings.signing_key.Sign(ledger.identity(), ledger.synced(), daemon::WallTime()),
          out->mutable_signed_head());
}

/// Gathered between two commands, with what an answer says beside the bill.
struct Gathered {
  ledger::StatementInput input;
  uint32_t tariff = 0;  // its id
  ledger::Head head;
};

class PreviewCall final : public grpc::ServerUnaryReactor {
 public:
  PreviewCall(const Surroundings& surroundings, const AskedPeriod& asked, v1::Statement* response)
      : surroundings_(surroundings), asked_(asked), response_(response) {
    const bool queued = surroundings.loop.Ask([this](const core::Engine& engine, uint64_t) { Gather(engine); });
    if (!queued) Finish(Overloaded());
  }

  void OnDone() override { delete this; }

 private:
  void Gather(const core::Engine& engine) {
    const Instant newest = engine.books().newest();
    const Instant last = asked_.to ? *asked_.to - Nanoseconds(1) : newest;
    const ledger::Calendar& calendar = engine.TariffOf(asked_.tenant).tariff.calendar;
    const Instant from = asked_.from.value_or(MonthOf(last, calendar));
    const Instant next_hour = WindowStart(newest, Hours(1)) + Hours(1);
    const Instant to = asked_.to.value_or(std::max(next_hour, from + Hours(1)));
    const ledger::TariffEntry& tariff = engine.TariffAt(asked_.tenant, from);
    const absl::Status kept = ledger::CheckKept(engine.books(), asked_.tenant, tariff.tariff, from);
    if (!kept.ok()) return Finish(NotClosable(kept));
    gathered_ = {ledger::GatherStatement(engine.books(), asked_.tenant, from, to, tariff.tariff), tariff.id,
                 engine.ledger().head()};
    if (!surroundings_.worker.Run([this] { Rate(); })) Finish(Overloaded());
  }

  void Rate() {
    ToProto(ledger::PreviewStatement(gathered_.input, gathered_.head), asked_.tenant_name, response_);
    Finish(grpc::Status::OK);
  }

  const Surroundings surroundings_;
  const AskedPeriod asked_;
  v1::Statement* const response_;
  Gathered gathered_;
};

/// Gathers on the loop, rates on the worker, and has the engine post it if the books still say the same.
class CloseCall final : public grpc::ServerUnaryReactor, public daemon::Caller {
 public:
  CloseCall(const Surroundings& surroundings, const AskedPeriod& asked, const v1::CloseStatementRequest& request,
            v1::Statement* response)
      : surroundings_(surroundings),
        asked_(asked),
        version_(request.tariff_version()),
        even_if_equal_(request.even_if_equal()),
        validate_only_(request.validate_only()),
        response_(response) {
    Begin();
  }

  void Answer(core::Outcome outcome) override {
    if (const auto* error = std::get_if<core::Error>(&outcome)) return Finish(ToStatus(*error));
    if (const auto* closed = std::get_if<core::StatementClosed>(&outcome)) return Tell(closed->id);
    if (++tries_ < kMostTries) return Begin();
    Finish(ErrorStatus(grpc::StatusCode::ABORTED, "LATE_WORK",
                       "work of this period is still being reported: wait until its requests have ended, try again"));
  }

  void OnDone() override { delete this; }

 private:
  void Begin() {
    const bool queued = surroundings_.loop.Ask([this](const core::Engine& engine, uint64_t) {
      if (const grpc::Status status = Gather(engine); !status.ok()) return Finish(status);
      if (!surroundings_.worker.Run([this] { Rate(); })) Finish(Overloaded());
    });
    if (!queued) Finish(Overloaded());
  }

  grpc::Status Gather(const core::Engine& engine) {
    const ledger::Books& books = engine.books();
    Instant from = asked_.from.value_or(Instant());
    Instant to = asked_.to.value_or(Instant());
    if (!asked_.from) {
      const Instant closed = books.accounts().ClosedUntil(asked_.tenant);
      const std::optional<Instant> first = closed > Instant() ? closed : books.meters().OldestDay(asked_.tenant);
      if (!first) return NotClosable(absl::FailedPreconditionError("the tenant has used nothing so far"));
      const ledger::Calendar& calendar = engine.TariffAt(asked_.tenant, *first).tariff.calendar;
      from = closed > Instant() ? closed : MonthOf(*first, calendar);
      to = MonthAfter(from, calendar);
    }
    const ledger::StatementRecord* standing = books.accounts().FindStanding(asked_.tenant, from, to);
    const ledger::TariffEntry* tariff = standing == nullptr ? &engine.TariffAt(asked_.tenant, from)
                                                            : &books.tariffs()[standing->tariff - 1];
    if (!version_.empty()) {
      const auto& all = books.tariffs();
      const auto named = std::find_if(all.begin(), all.end(), [&](const auto& t) { return t.tariff.version == version_; });
      if (named == all.end()) return InvalidField("tariff_version", "there is no such version in the journal");
      tariff = &*named;
    }
    if (!books.accounts().Fits(asked_.tenant, tariff->tariff.currency)) {
      return InvalidField("tariff_version", "is not in the currency of the tenant's account");
    }
    const absl::Status period =
        ledger::CheckPeriod(books, asked_.tenant, tariff->tariff, from, to, books.newest());
    if (!period.ok()) return NotClosable(period);
    input_ = ledger::GatherStatement(books, asked_.tenant, from, to, tariff->tariff);
    tariff_ = tariff->id;
    head_ = engine.ledger().head();
    standing_.reset();
    if (standing != nullptr) standing_ = standing->Read();
    return grpc::Status::OK;
  }

  void Rate() {
    auto rated = std::make_shared<ledger::StatementEntry>(ledger::RateStatement(input_, tariff_));
    if (validate_only_) {
      ToProto(ledger::PreviewStatement(input_, head_), asked_.tenant_name, response_);
      return Finish(grpc::Status::OK);
    }
    if (standing_ && standing_->lines == rated->lines && !even_if_equal_) {
      return Finish(ErrorStatus(grpc::StatusCode::FAILED_PRECONDITION, "NOTHING_TO_CORRECT",
                                absl::StrCat("from: the period is closed by ", NameOf(asked_.tenant_name, standing_->id),
                                             ", and rating it again gives the same bill")));
    }
    core::CloseStatement close{.ticket = surroundings_.loop.NewTicket(),
                               .fingerprint = ledger::FingerprintOf(input_),
                               .rated = std::move(rated)};
    const core::Ticket ticket = close.ticket;
    if (!surroundings_.loop.Submit(std::move(close), ticket, this)) Finish(Overloaded());
  }

  void Tell(uint32_t id) {
    const bool queued = surroundings_.loop.Ask([this, id](const core::Engine& engine, uint64_t) {
      Show(surroundings_, engine, *engine.books().accounts().FindStatement(id), asked_.tenant_name, response_);
      Finish(grpc::Status::OK);
    });
    if (!queued) Finish(Overloaded());
  }

  const Surroundings surroundings_;
  const AskedPeriod asked_;
  const std::string version_;
  const bool even_if_equal_;
  const bool validate_only_;
  v1::Statement* const response_;
  int tries_ = 0;
  ledger::StatementInput input_;
  uint32_t tariff_ = 0;
  ledger::Head head_;
  std::optional<ledger::StatementEntry> standing_;
};

// ---- What is behind a line.

/// Tokens of the line's class and kind in its pool, by hour and key.
void ExplainTokens(const ledger::Books& books, const ledger::StatementEntry& statement, const Line& line, Page page,
                   const Names& names, v1::ExplainLineResponse* response) {
  const auto& buckets = books.meters().buckets();
  const std::optional<uint32_t> pool = books.IdOf(ledger::NameKind::kPool, 0, line.pool);
  const auto pinned = std::find_if(books.tariffs().begin(), books.tariffs().end(),
                                   [&](const auto& entry) { return entry.tariff.version == line.tariff; });
  if (!pool || pinned == books.tariffs().end()) return;
  int64_t tokens = 0;
  int64_t seen = 0;
  for (auto row = buckets.lower_bound({.tenant = statement.tenant});
       row != buckets.end() && row->first.tenant == statement.tenant; ++row) {
    const auto& [key, bucket] = *row;
    const bool counts = key.hour >= statement.from && key.hour < statement.to && key.served == line.served &&
                        bucket.tokens[line.token_kind] != Tokens() && key.pool == PoolId{*pool} &&
                        key.tariff == pinned->id;
    if (!counts) continue;
    tokens += bucket.tokens[line.token_kind].count();
    if (seen >= page.skip && seen < page.skip + page.count) Fill(key, bucket, names, response->add_buckets());
    ++seen;
  }
  if (seen > page.skip + page.count) response->set_next_page_token(absl::StrCat(page.skip + page.count));
  response->add_basis(absl::StrCat(tokens, " tokens of this kind were settled in the period at the prices of tariff ",
                                   line.tariff, "; this line is for ", CheckedNarrow(line.quantity), " of them"));
}

/// The windows that set the demand, those of blocks and runs one by one.
void ExplainDemand(const ledger::Books& books, const ledger::StatementEntry& statement, const Line& line,
                   const Names& names, v1::ExplainLineResponse* response) {
  const std::optional<uint32_t> pool = books.IdOf(ledger::NameKind::kPool, 0, line.pool);
  if (!pool) return;
  for (const Instant first : line.windows) {
    for (int64_t i = 0; i < line.window_count; ++i) {
      for (const Tier tier : {Tier::kElastic, Tier::kReserved}) {
        const ledger::WindowKey key{statement.tenant, PoolId{*pool}, tier, first + ledger::kBaseWindow * i};
        const auto found = books.meters().windows().find(key);
        if (found != books.meters().windows().end()) Fill(key, found->second, names, response->add_windows());
      }
    }
  }
  response->add_basis("elastic and reserved work in these windows set the demand; free work never counts");
}

void ExplainSubscription(const ledger::Books& books, const ledger::StatementEntry& statement, const Line& line,
                         v1::ExplainLineResponse* response) {
  const ledger::SubscriptionEntry* entry = books.accounts().FindSubscription(statement.tenant);
  const ledger::rating::Subscription terms = entry == nullptr ? ledger::rating::Subscription() : entry->terms;
  switch (line.kind) {
    case LineKind::kCapacity:
      for (const ledger::rating::Reservation& one : terms.reservations) {
        if (one.pool != line.pool) continue;
        response->add_basis(absl::StrCat("reservation of ", one.rate.count(), " milli-nt/s"));
      }
      break;
    case LineKind::kSeat:
      for (const auto& [name, seats] : terms.seats) response->add_basis(absl::StrCat(seats, " seats ", name));
      break;
    case LineKind::kIncluded:
      response->add_basis("token charges up to what the seats include");
      break;
    case LineKind::kTrueUp:
      response->add_basis(absl::StrCat("the subscription's minimum is ", terms.minimum.ToDecimal(), " a month"));
      break;
    case LineKind::kServiceCredit:
    case LineKind::kPrepaidCredit:
      for (const ledger::CreditUse& use : statement.credits) {
        const ledger::CreditRecord& credit = books.accounts().credits()[use.credit - 1];
        response->add_basis(absl::StrCat("credit ", credit.granted.credit.name, " paid ", use.amount.ToDecimal(),
                                         "; it has ", credit.left.ToDecimal(), " left of ",
                                         credit.granted.credit.amount.ToDecimal()));
      }
      break;
    case LineKind::kPurchase:
    case LineKind::kRefund:
    case LineKind::kSellBack:
      response->add_basis(absl::StrCat("what reservation ", line.reservation, " posted in the period at this price"));
      response->add_basis(absl::StrCat("of prices paid before, it earned ", line.effective.ToDecimal()));
      break;
    case LineKind::kReservedUsed:
    case LineKind::kReservedUnused:
      response->add_basis(absl::StrCat("what reservation ", line.reservation, " was promised in the period, paid before"));
      response->add_basis(absl::StrCat("of that price, ", line.effective.ToDecimal(), " was earned"));
      break;
    case LineKind::kOutcome:
      response->add_basis("outcomes that were reported and accepted in the period");
      break;
    default:
      response->add_basis("the subscription's terms and the tariff");
  }
}

/// The record behind a name, if it is the tenant's.
const ledger::StatementRecord* FindRecord(const ledger::Books& books, TenantId tenant, uint32_t id) {
  const ledger::StatementRecord* record = books.accounts().FindStatement(id);
  return record == nullptr || record->tenant != tenant ? nullptr : record;
}

}  // namespace

std::optional<StatementName> ReadStatementName(const std::string& name) {
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  StatementName read;
  if (parts.size() != 4 || parts[0] != "tenants" || parts[2] != "statements") return std::nullopt;
  if (!absl::SimpleAtoi(parts[3], &read.id)) return std::nullopt;
  read.tenant_name = absl::StrCat("tenants/", parts[1]);
  return read;
}

grpc::ServerUnaryReactor* NewPreviewCall(const Surroundings& surroundings, const AskedPeriod& asked,
                                         v1::Statement* response) {
  return new PreviewCall(surroundings, asked, response);
}

grpc::ServerUnaryReactor* NewCloseCall(const Surroundings& surroundings, const AskedPeriod& asked,
                                       const v1::CloseStatementRequest& request, v1::Statement* response) {
  if (asked.from.has_value() != asked.to.has_value()) {
    return new ReadingCall(InvalidField(asked.from ? "to" : "from", "give both ends of the period, or none"));
  }
  return new CloseCall(surroundings, asked, request, response);
}

grpc::ServerUnaryReactor* NewListStatementsCall(const Surroundings& surroundings, const AskedPeriod& asked, Page page,
                                                v1::ListStatementsResponse* response) {
  return new ReadingCall(surroundings.loop, [asked, page, response](const core::Engine& engine, uint64_t) {
    int64_t seen = 0;
    for (const uint32_t id : engine.books().accounts().StatementsOf(asked.tenant)) {
      if (seen == page.skip + page.count) response->set_next_page_token(absl::StrCat(seen));
      if (seen >= page.skip && seen < page.skip + page.count) {
        const ledger::StatementRecord& record = *engine.books().accounts().FindStatement(id);
        ToProto(ledger::SummaryOf(engine.books(), record, engine.ledger().head()), asked.tenant_name,
                response->add_statements());
      }
      ++seen;
    }
    return grpc::Status::OK;
  });
}

grpc::ServerUnaryReactor* NewGetStatementCall(const Surroundings& surroundings, const AskedPeriod& asked, uint32_t id,
                                              v1::Statement* response) {
  return new ReadingCall(surroundings.loop, [surroundings, asked, id, response](const core::Engine& engine, uint64_t) {
    const ledger::StatementRecord* record = FindRecord(engine.books(), asked.tenant, id);
    if (record == nullptr) return UnknownStatement(asked.tenant_name);
    Show(surroundings, engine, *record, asked.tenant_name, response);
    return grpc::Status::OK;
  });
}

grpc::ServerUnaryReactor* NewExplainLineCall(const Surroundings& surroundings, const AskedPeriod& asked, uint32_t id,
                                             int number, Page page, v1::ExplainLineResponse* response) {
  const Names& names = surroundings.names;
  const auto read = [asked, id, number, page, &names, response](const core::Engine& engine, uint64_t) {
    const ledger::StatementRecord* record = FindRecord(engine.books(), asked.tenant, id);
    if (record == nullptr) return UnknownStatement(asked.tenant_name);
    const ledger::StatementEntry statement = record->Read();
    if (number < 1 || static_cast<size_t>(number) > statement.lines.size()) {
      return InvalidField("line", absl::StrCat("must be 1 to ", statement.lines.size()));
    }
    const Line& line = statement.lines[static_cast<size_t>(number) - 1];
    ToProto(line, response->mutable_line());
    if (line.kind == LineKind::kTokens) {
      ExplainTokens(engine.books(), statement, line, page, names, response);
    } else if (line.kind == LineKind::kDemand) {
      ExplainDemand(engine.books(), statement, line, names, response);
    } else {
      ExplainSubscription(engine.books(), statement, line, response);
    }
    return grpc::Status::OK;
  };
  return new ReadingCall(surroundings.loop, read);
}

grpc::ServerUnaryReactor* NewListCreditsCall(const Surroundings& surroundings, TenantId tenant,
                                             v1::ListCreditsResponse* response) {
  return new ReadingCall(surroundings.loop, [tenant, response](const core::Engine& engine, uint64_t) {
    const ledger::Accounts& accounts = engine.books().accounts();
    for (const uint32_t id : accounts.CreditsOf(tenant)) {
      const ledger::CreditRecord& record = accounts.credits()[id - 1];
      const ledger::rating::Credit& credit = record.granted.credit;
      v1::Credit* out = response->add_credits();
      out->set_name(credit.name);
      out->set_kind(credit.kind == ledger::rating::Credit::Kind::kPrepaid ? "prepaid" : "service");
      out->set_currency(record.granted.currency);
      out->set_amount(credit.amount.ToDecimal());
      out->set_left(record.left.ToDecimal());
      out->set_priority(credit.priority);
      ToProto(credit.granted, out->mutable_granted());
      if (credit.expires != Instant::Max()) ToProto(credit.expires, out->mutable_expires());
    }
    return grpc::Status::OK;
  });
}

void Fill(const ledger::BucketKey& key, const ledger::Bucket& bucket, const Names& names, v1::UsageBucket* out) {
  const ledger::Tariff& tariff = names.TariffOf(key.tariff);
  ToProto(key.hour, out->mutable_hour());
  out->set_key(names.NameOf(key.key));
  out->set_pool(names.NameOf(key.pool));
  out->set_served(ToProto(key.served));
  out->set_requests(bucket.requests);
  ToProto(bucket.tokens, out->mutable_tokens());
  out->set_work_milli_nt(bucket.work.count());
  out->mutable_charge()->set_currency(tariff.currency);
  out->mutable_charge()->set_amount(bucket.charge.ToDecimal());
  out->set_unbilled_requests(bucket.unbilled_requests);
  out->set_tariff_version(tariff.version);
  out->set_posted_price(key.posted);
}

void Fill(const ledger::WindowKey& key, const ledger::Window& window, const Names& names, v1::UsageWindow* out) {
  ToProto(key.start, out->mutable_start());
  ToProto(ledger::kBaseWindow, out->mutable_length());
  out->set_pool(names.NameOf(key.pool));
  out->set_tier(ToProto(key.tier));
  out->set_work_milli_nt(window.work.count());
  out->set_highest_second_milli_nt(window.highest_second.count());
}

}  // namespace penstock::rpc
