// Record, a line each, appended with one write:
//
//   ask ID TENANT             before an Admit is sent
//   grant ID NAME             it was answered with this grant
//   refuse ID                 or with a refusal
//   end NAME TOKENS           before a Complete is sent
//   settle NAME SEQUENCE CHARGE   it was answered; SEQUENCE is 0 when that answer repeated an earlier one
//   doubt                     a retry resolved a call that had no answer
//   held                      a grant that was open over a kill was still there
#include "tests/integration/kill_audit.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <vector>

#include "admission/vocabulary/check.h"
#include "ledger/entry.h"
#include "ledger/money.h"
#include "ledger/rocksdb_journal.h"
#include "penstock/v1/admission.grpc.pb.h"
#include "tests/integration/daemon_process.h"
#include "tests/integration/pairs.h"

namespace penstock::integration {
namespace {

constexpr int kMostOpen = 40;

/// Ends the process with 1.
struct Contradiction {
  std::string what;
};

class Auditor {
 public:
  Auditor(const std::string& record, const std::string& key_file, uint64_t seed) : random_(seed) {
    record_ = open(record.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    PENSTOCK_CHECK(record_ >= 0);
    std::ifstream(key_file) >> secret_;
  }
  ~Auditor() { close(record_); }

  /// Until the daemon is gone; what was left in doubt is asked again first.
  void Live(const std::string& address) {
    Connect(address);
    if (!Resolve()) return;
    while (Step()) {
    }
  }

  /// Everything to its end.
  void Settle(const std::string& address) {
    Connect(address);
    bool settled = Resolve();
    while (settled && !open_.empty()) settled = Finish(open_.begin()->first);
    if (!settled) throw Contradiction{"the daemon went away although nobody killed it"};
  }

 private:
  struct Request {
    std::string id;
    std::string tenant;
  };

  void Connect(const std::string& address) {
    grpc::ChannelArguments own;
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = v1::Admission::NewStub(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), own));
  }

  void Record(const std::string& line) {
    const std::string text = line + "\n";
    PENSTOCK_CHECK(write(record_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }

  void Authorise(grpc::ClientContext& context) const {
    context.AddMetadata("authorization", "Bearer " + secret_);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  }

  int64_t Draw(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_() % static_cast<uint64_t>(high - low + 1));
  }

  /// False when the daemon is gone; any other error is a contradiction.
  static bool Answered(const grpc::Status& status, const std::string& call) {
    if (status.ok()) return true;
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) return false;
    throw Contradiction{call + ": " + status.error_message()};
  }

  /// The calls that got no answer, and the grants that must still be there.
  bool Resolve() {
    if (ending_) {
      const std::string name = *ending_;
      if (!SendComplete(name)) return false;
      Record("doubt");
    }
    if (asking_) {
      const Request request = *asking_;
      if (!SendAdmit(request)) return false;
      Record("doubt");
    }
    for (const auto& [name, request] : std::map(open_)) {
      v1::AdmitResponse response;
      if (!CallAdmit(request, &response)) return false;
      if (response.grant().name() != name) throw Contradiction{"the hold of " + request.id + " was lost"};
      Record("held");
    }
    return true;
  }

  bool Step() {
    if (!open_.empty() && (open_.size() >= kMostOpen || Draw(1, 8) == 1)) return Finish(AnyOpen());
    const Request request{"audit-" + std::to_string(++asked_), Draw(1, 4) == 1 ? "frugal" : "audit"};
    Record("ask " + request.id + " " + request.tenant);
    asking_ = request;
    if (!SendAdmit(request)) return false;
    if (last_granted_.empty() || Draw(1, 8) == 1) return true;
    return Finish(last_granted_);
  }

  std::string AnyOpen() {
    auto at = open_.begin();
    std::advance(at, Draw(0, static_cast<int64_t>(open_.size()) - 1));
    return at->first;
  }

  bool CallAdmit(const Request& request, v1::AdmitResponse* response) {
    grpc::ClientContext context;
    Authorise(context);
    const auto admit = AdmitOf("tenants/" + request.tenant + "/keys/prod", "pools/chat", request.id);
    return Answered(stub_->Admit(&context, admit, response), "Admit of " + request.id);
  }

  bool SendAdmit(const Request& request) {
    v1::AdmitResponse response;
    if (!CallAdmit(request, &response)) return false;
    asking_.reset();
    last_granted_.clear();
    if (response.has_refusal()) {
      const bool budget = response.refusal().reason() == v1::Refusal::BUDGET_USED && request.tenant == "frugal";
      if (!budget) throw Contradiction{request.id + " was refused: " + response.refusal().message()};
      Record("refuse " + request.id);
      return true;
    }
    last_granted_ = response.grant().name();
    Record("grant " + request.id + " " + last_granted_);
    open_[last_granted_] = request;
    return true;
  }

  bool Finish(const std::string& grant) {
    const std::string name = grant;
    const int64_t tokens = Draw(1, 1'000);
    Record("end " + name + " " + std::to_string(tokens));
    ending_ = name;
    ending_tokens_ = tokens;
    return SendComplete(name);
  }

  bool SendComplete(const std::string& name) {
    grpc::ClientContext context;
    Authorise(context);
    v1::CompleteResponse response;
    const grpc::Status status = stub_->Complete(&context, CompletionOf(name, ending_tokens_), &response);
    if (!Answered(status, "Complete of " + name)) return false;
    if (!response.billed()) throw Contradiction{"the hold of " + name + " was lost: settled without a bill"};
    const uint64_t sequence = response.repeated() ? 0 : response.sequence();
    Record("settle " + name + " " + std::to_string(sequence) + " " + response.charge().amount());
    PENSTOCK_CHECK(write(STDOUT_FILENO, ".", 1) == 1);
    ending_.reset();
    open_.erase(name);
    return true;
  }

  std::mt19937_64 random_;
  int record_ = -1;
  std::string secret_;
  std::unique_ptr<v1::Admission::Stub> stub_;
  uint64_t asked_ = 0;
  std::optional<Request> asking_;      // sent, not answered
  std::optional<std::string> ending_;  // likewise, a grant
  int64_t ending_tokens_ = 0;
  std::string last_granted_;
  std::map<std::string, Request> open_;  // by grant
};

// ---- The comparison.

struct Settled {
  uint64_t sequence = 0;
  std::string charge;
};

/// What the record says.
struct Recorded {
  std::map<std::string, Settled> settled;         // by grant name
  std::map<std::string, std::string> tenant_of;   // by request id
  std::map<std::string, std::string> request_of;  // by grant name
  std::set<std::string> unsettled;                // grants
};

std::string ReadRecord(const std::string& path, Recorded* recorded, AuditCounts* counts) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string kind, subject, second, third;
    words >> kind >> subject >> second >> third;
    if (kind == "ask") recorded->tenant_of[subject] = second;
    if (kind == "refuse") ++counts->refused;
    if (kind == "doubt") ++counts->in_doubt;
    if (kind == "held") ++counts->held;
    if (kind == "grant") {
      ++counts->admits;
      recorded->request_of[second] = subject;
      recorded->unsettled.insert(second);
    }
    if (kind == "settle") {
      if (!recorded->settled.emplace(subject, Settled{std::stoull(second), third}).second) {
        return "the record settles " + subject + " twice";
      }
      recorded->unsettled.erase(subject);
      ++counts->settled;
    }
  }
  return recorded->unsettled.empty() ? "" : "a grant was never settled: " + *recorded->unsettled.begin();
}

/// What the journal says, and what must hold at each of its entries.
class JournalCheck {
 public:
  explicit JournalCheck(const ledger::Money& budget) : budget_(budget) {}

  std::string See(uint64_t sequence, const ledger::Entry& entry) {
    if (const auto* name = std::get_if<ledger::NameEntry>(&entry)) {
      if (name->kind == ledger::NameKind::kTenant) tenants_[TenantId{name->id}] = name->name;
    } else if (const auto* grant = std::get_if<ledger::GrantEntry>(&entry)) {
      holds_[grant->id] = {grant->terms.tenant, grant->hold};
      const std::string& tenant = tenants_.at(grant->terms.tenant);
      if ((tenant == "audit" || tenant == "frugal") && !grant_of_.emplace(grant->request_id, grant->id).second) {
        return "two grants for request " + grant->request_id;
      }
      return Bound(sequence, grant->terms.tenant, grant->hold);
    } else if (const auto* progress = std::get_if<ledger::ProgressEntry>(&entry)) {
      auto& [tenant, hold] = holds_.at(progress->id);
      const ledger::Money more = progress->hold - hold;
      hold = progress->hold;
      return Bound(sequence, tenant, more);
    } else if (const auto* gone = std::get_if<ledger::VoidEntry>(&entry)) {
      return End(sequence, gone->id, {});
    } else if (const auto* expired = std::get_if<ledger::ExpireEntry>(&entry)) {
      return End(sequence, expired->id, {});
    } else if (const auto* settle = std::get_if<ledger::SettleEntry>(&entry)) {
      if (!settles_.emplace(settle->id, Settled{sequence, settle->charge.ToDecimal()}).second) {
        return "a grant settles twice at sequence " + std::to_string(sequence);
      }
      charged_[tenants_.at(settle->terms.tenant)] += settle->charge;
      ++settled_of_[tenants_.at(settle->terms.tenant)];
      return End(sequence, settle->id, settle->charge);
    }
    return "";
  }

  /// The settlement of the grant that this request got; nothing when there is none.
  std::optional<Settled> SettlementOf(const std::string& request) const {
    const auto grant = grant_of_.find(request);
    const auto found = grant == grant_of_.end() ? settles_.end() : settles_.find(grant->second);
    return found == settles_.end() ? std::nullopt : std::optional<Settled>(found->second);
  }
  ledger::Money ChargedTo(const std::string& tenant) { return charged_[tenant]; }
  uint64_t SettledOf(const std::string& tenant) { return settled_of_[tenant]; }

 private:
  std::string End(uint64_t sequence, GrantId id, const ledger::Money& charge) {
    const auto found = holds_.find(id);
    if (found == holds_.end()) return "a grant ends that was not open, at sequence " + std::to_string(sequence);
    const auto [tenant, hold] = found->second;
    holds_.erase(found);
    return Bound(sequence, tenant, charge - hold);
  }

  /// What is charged and held of the budget is never more than it.
  std::string Bound(uint64_t sequence, TenantId tenant, const ledger::Money& more) {
    if (tenants_.at(tenant) != "frugal") return "";
    used_ += more;
    return used_ <= budget_ ? "" : "the budget is overspent at sequence " + std::to_string(sequence);
  }

  const ledger::Money budget_;
  std::map<TenantId, std::string> tenants_;
  std::map<GrantId, std::pair<TenantId, ledger::Money>> holds_;
  std::map<std::string, GrantId> grant_of_;  // by request id
  std::map<GrantId, Settled> settles_;
  std::map<std::string, ledger::Money> charged_;
  std::map<std::string, uint64_t> settled_of_;
  ledger::Money used_;
};

}  // namespace

int RunAuditor(const std::string& record, const std::string& key_file, uint64_t seed) {
  try {
    Auditor auditor(record, key_file, seed);
    for (std::string line; std::getline(std::cin, line);) {
      if (line.starts_with("settle ")) {
        auditor.Settle(line.substr(7));
      } else {
        auditor.Live(line);
      }
    }
  } catch (const Contradiction& contradiction) {
    std::cerr << "auditor: " << contradiction.what << "\n";
    return 1;
  }
  return 0;
}

std::string CompareWithJournal(const std::string& record, const std::string& data_dir, AuditCounts* counts) {
  Recorded recorded;
  if (std::string wrong = ReadRecord(record, &recorded, counts); !wrong.empty()) return wrong;
  const auto journal = ledger::OpenRocksDbJournal({.directory = data_dir, .read_only = true});
  if (!journal.ok()) return std::string(journal.status().message());
  JournalCheck check(*ledger::Money::FromDecimal("0.25"));
  std::string wrong;
  const absl::Status read = (*journal)->Read(1, [&](uint64_t sequence, std::string_view payload) {
    const absl::StatusOr<ledger::Entry> entry = ledger::Decode(payload);
    if (!entry.ok()) return entry.status();
    if (wrong.empty()) wrong = check.See(sequence, *entry);
    return absl::OkStatus();
  });
  if (!read.ok()) return std::string(read.message());
  if (!wrong.empty()) return wrong;

  std::map<std::string, ledger::Money> charged;
  std::map<std::string, uint64_t> settled;
  for (const auto& [name, one] : recorded.settled) {
    const std::string& request = recorded.request_of.at(name);
    const std::optional<Settled> there = check.SettlementOf(request);
    if (!there) return "the answered settlement of " + request + " is not in the journal";
    if (there->charge != one.charge) return "the journal charged " + request + " another sum";
    if (one.sequence != 0 && one.sequence != there->sequence) return request + " settled at another sequence";
    const std::string& tenant = recorded.tenant_of.at(request);
    charged[tenant] += *ledger::Money::FromDecimal(one.charge);
    ++settled[tenant];
  }
  for (const std::string tenant : {"audit", "frugal"}) {
    if (settled[tenant] != check.SettledOf(tenant)) return "the journal has other settlements of " + tenant;
    if (charged[tenant] != check.ChargedTo(tenant)) return "the journal charged " + tenant + " another sum";
  }
  counts->audit = charged["audit"].ToDecimal();
  counts->frugal = charged["frugal"].ToDecimal();
  return "";
}

}  // namespace penstock::integration
