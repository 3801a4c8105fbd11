#include "broker/cli/demo/closing.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <memory>

#include "broker/cli/bill_table.h"
#include "broker/cli/connection.h"
#include "penstock/v1/billing.grpc.pb.h"
#include "penstock/v1/operations.grpc.pb.h"

namespace penstock::cli::demo {
namespace {

void SetSeconds(Instant t, google::protobuf::Timestamp* out) {
  out->set_seconds(t.nanoseconds_since_epoch() / 1'000'000'000);
}

class BooksReader {
 public:
  explicit BooksReader(const Connection& operations)
      : operations_(operations), billing_(v1::Billing::NewStub(operations.channel())) {}

  std::optional<CallError> Statement(const std::string& tenant, Instant from, Instant to, Account* account) const {
    v1::PreviewStatementRequest request;
    request.set_tenant(tenant);
    SetSeconds(from, request.mutable_from());
    SetSeconds(to, request.mutable_to());
    auto error = operations_.Call(kPromptly, [&](grpc::ClientContext& context) {
      return billing_->PreviewStatement(&context, request, &account->statement);
    });
    if (!error) account->arithmetic_fault = ArithmeticFault(account->statement);
    return error;
  }

  std::optional<CallError> Usage(const std::string& tenant, Account* account) const {
    v1::QueryUsageRequest request;
    request.set_tenant(tenant);
    v1::QueryUsageResponse page;
    do {
      auto error = operations_.Call(
          kPromptly, [&](grpc::ClientContext& context) { return billing_->QueryUsage(&context, request, &page); });
      if (error) return error;
      for (const v1::UsageBucket& bucket : page.buckets()) Add(bucket, account);
      request.set_page_token(page.next_page_token());
    } while (!page.next_page_token().empty());
    return std::nullopt;
  }

  std::optional<CallError> Peak(const std::string& tenant, Account* account) const {
    v1::QueryWindowsRequest request;
    request.set_tenant(tenant);
    v1::QueryWindowsResponse page;
    do {
      auto error = operations_.Call(
          kPromptly, [&](grpc::ClientContext& context) { return billing_->QueryWindows(&context, request, &page); });
      if (error) return error;
      for (const v1::UsageWindow& window : page.windows()) {
        account->highest_second_milli_nt = std::max(account->highest_second_milli_nt, window.highest_second_milli_nt());
      }
      request.set_page_token(page.next_page_token());
    } while (!page.next_page_token().empty());
    return std::nullopt;
  }

 private:
  static void Add(const v1::UsageBucket& bucket, Account* account) {
    account->requests += bucket.requests();
    for (const v1::TokenCount& count : bucket.tokens()) {
      if (const auto kind = TokenKindNamed(count.kind())) account->tokens[*kind] += Tokens(count.tokens());
    }
  }

  const Connection& operations_;
  std::unique_ptr<v1::Billing::Stub> billing_;
};

}  // namespace

std::optional<CallError> ReadBooks(const Connection& operations, const Setup& setup, Instant from, Instant to,
                                   Books* books) {
  const BooksReader reader(operations);
  const Instant first_hour = WindowStart(from, Hours(1));
  const Instant end_hour = WindowStart(to, Hours(1)) + Hours(1);
  for (const Tenant& tenant : setup.tenants) {
    const std::string name = "tenants/" + tenant.name;
    Account account;
    auto error = reader.Statement(name, first_hour, end_hour, &account);
    if (!error) error = reader.Usage(name, &account);
    if (!error) error = reader.Peak(name, &account);
    if (error) return error;
    books->accounts.push_back(std::move(account));
  }
  v1::LedgerStatus ledger;
  const auto stub = v1::Operations::NewStub(operations.channel());
  auto error = operations.Call(kPromptly, [&](grpc::ClientContext& context) {
    return stub->GetLedger(&context, v1::GetLedgerRequest(), &ledger);
  });
  books->entries = ledger.entries();
  books->head = ledger.head();
  return error;
}

}  // namespace penstock::cli::demo
