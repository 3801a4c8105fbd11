#include "broker/auth/authorisation.h"

#include <algorithm>
#include <array>

namespace penstock::auth {
namespace {

constexpr unsigned Bit(Role role) { return 1U << static_cast<unsigned>(role); }
constexpr unsigned kGateway = Bit(Role::kGateway);
constexpr unsigned kTenant = Bit(Role::kTenant);
constexpr unsigned kOperator = Bit(Role::kOperator);

struct Row {
  std::string_view method;
  unsigned roles;
};

// clang-format off
constexpr auto kRows = std::to_array<Row>({
    {"/penstock.v1.Admission/Admit",           kGateway | kTenant},
    {"/penstock.v1.Admission/Progress",        kGateway | kTenant},
    {"/penstock.v1.Admission/Complete",        kGateway | kTenant},
    {"/penstock.v1.Admission/Session",         kGateway | kTenant},
    {"/penstock.v1.Admission/Explain",         kGateway | kTenant | kOperator},
    {"/penstock.v1.Billing/QueryUsage",        kTenant | kOperator},
    {"/penstock.v1.Billing/QueryWindows",      kTenant | kOperator},
    {"/penstock.v1.Billing/PreviewStatement",  kTenant | kOperator},
    {"/penstock.v1.Billing/CloseStatement",    kOperator},
    {"/penstock.v1.Billing/ListStatements",    kTenant | kOperator},
    {"/penstock.v1.Billing/GetStatement",      kTenant | kOperator},
    {"/penstock.v1.Billing/ExplainLine",       kTenant | kOperator},
    {"/penstock.v1.Billing/ListCredits",       kTenant | kOperator},
    {"/penstock.v1.Budgets/ListBudgets",       kTenant | kOperator},
    {"/penstock.v1.Budgets/ListAlerts",        kTenant | kOperator},
    {"/penstock.v1.Budgets/RequestRaise",      kTenant | kOperator},
    {"/penstock.v1.Budgets/ListRaises",        kTenant | kOperator},
    {"/penstock.v1.Budgets/ApproveRaise",      kOperator},
    {"/penstock.v1.Budgets/RejectRaise",       kOperator},
    {"/penstock.v1.Market/GetPrices",          kGateway | kTenant | kOperator},
    {"/penstock.v1.Market/WatchPrices",        kGateway | kTenant | kOperator},
    {"/penstock.v1.Market/ExplainPrice",       kTenant | kOperator},
    {"/penstock.v1.Market/GetCalendar",        kTenant | kOperator},
    {"/penstock.v1.Market/GetRateCard",        kGateway | kTenant | kOperator},
    {"/penstock.v1.Market/PinPrice",           kTenant | kOperator},
    {"/penstock.v1.Market/ListPins",           kTenant | kOperator},
    {"/penstock.v1.Market/PlaceBid",           kTenant | kOperator},
    {"/penstock.v1.Market/WithdrawBid",        kTenant | kOperator},
    {"/penstock.v1.Market/GetBid",             kTenant | kOperator},
    {"/penstock.v1.Market/ListBids",           kTenant | kOperator},
    {"/penstock.v1.Market/GetShadowPrice",     kOperator},
    {"/penstock.v1.Operations/GetPool",        kOperator},
    {"/penstock.v1.Operations/ListPools",      kOperator},
    {"/penstock.v1.Operations/SetPoolCapacity", kOperator},
    {"/penstock.v1.Operations/GetLedger",      kOperator},
    {"/penstock.v1.Operations/Reload",         kOperator},
    {"/penstock.v1.Operations/ApproveRun",     kOperator},
    {"/penstock.v1.Operations/RotateGrantKey", kOperator},
    {"/penstock.v1.Outcomes/ReportOutcome",    kGateway | kTenant},
    {"/penstock.v1.Outcomes/ReverseOutcome",   kGateway | kTenant},
    {"/penstock.v1.Outcomes/QueryOutcomes",    kTenant | kOperator},
    {"/penstock.v1.Reservations/CreateQuote",  kTenant | kOperator},
    {"/penstock.v1.Reservations/GetQuote",     kTenant | kOperator},
    {"/penstock.v1.Reservations/ListQuotes",   kTenant | kOperator},
    {"/penstock.v1.Reservations/WithdrawQuote", kTenant | kOperator},
    {"/penstock.v1.Reservations/AcceptQuote",  kTenant | kOperator},
    {"/penstock.v1.Reservations/GetReservation", kTenant | kOperator},
    {"/penstock.v1.Reservations/ListReservations", kTenant | kOperator},
    {"/penstock.v1.Reservations/AmendReservation", kTenant | kOperator},
    {"/penstock.v1.Reservations/CancelReservation", kTenant | kOperator},
    {"/penstock.v1.Reservations/SellBack",     kTenant | kOperator},
    {"/penstock.v1.Reservations/TransferReservation", kTenant | kOperator},
    {"/penstock.v1.Reservations/SuspendReservation", kOperator},
    {"/penstock.v1.Reservations/ResumeReservation", kOperator},
    {"/penstock.v1.Reservations/ApproveReservation", kOperator},
    {"/penstock.v1.Reservations/RejectReservation", kOperator},
    {"/penstock.v1.Reservations/GetUtilisation", kTenant | kOperator},
    {"/penstock.v1.Reservations/GetServiceLevel", kTenant | kOperator},
    {"/penstock.v1.Reservations/RecommendReservation", kTenant | kOperator},
});
// clang-format on

constexpr auto kMethods = [] {
  std::array<std::string_view, kRows.size()> methods;
  for (size_t i = 0; i < kRows.size(); ++i) methods[i] = kRows[i].method;
  return methods;
}();

}  // namespace

bool Allowed(std::string_view method, Role role) {
  const auto row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.method == method; });
  return row != kRows.end() && (row->roles & Bit(role)) != 0;
}

std::span<const std::string_view> AllMethods() { return kMethods; }

}  // namespace penstock::auth
