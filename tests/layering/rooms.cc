#include "tests/layering/rooms.h"

namespace penstock::layering {
namespace {

constexpr std::string_view kWords = "admission/vocabulary/";
constexpr std::string_view kAdmission = "admission/";
constexpr std::string_view kLedger = "ledger/";
constexpr std::string_view kRocksDb = "ledger/rocksdb_";
constexpr std::string_view kCore = "broker/core/";
constexpr std::string_view kArrivals = "broker/arrivals/";
constexpr std::string_view kMarket = "broker/market/";
constexpr std::string_view kPlanning = "broker/planning/";
constexpr std::string_view kAuth = "broker/auth/";
constexpr std::string_view kConfig = "broker/config/";
constexpr std::string_view kDaemon = "broker/daemon/";
constexpr std::string_view kHttp = "broker/http/";
constexpr std::string_view kRpc = "broker/rpc/";
constexpr std::string_view kCli = "broker/cli/";
constexpr std::string_view kProto = "proto/";
constexpr std::string_view kSim = "sim/";

// clang-format off
const std::vector<Room>& Rooms() {
  static const std::vector<Room> kRooms = {
      {kWords,           kPure, {}},
      {kAdmission,       kPure, {kWords}},
      {kLedger,          kPure, {kWords}},
      {kRocksDb,         kTimeless | kIntegers | kMayRocksDbInCc, {kLedger, kWords}},
      {kCore,            kPure, {kMarket, kLedger, kAdmission, kWords}},
      {kArrivals,        kPure, {kMarket, kCore, kLedger, kAdmission, kWords}},
      {kMarket,          kPure, {kLedger, kWords}},
      {kPlanning,        0, {kMarket, kCore, kLedger, kWords}},
      {kAuth,            0, {kConfig, kCore, kLedger, kAdmission, kWords}},
      {kConfig,          0, {kAuth, kMarket, kCore, kLedger, kAdmission, kWords}},
      {kDaemon,          0, {kArrivals, kAuth, kConfig, kPlanning, kCore, kLedger, kRocksDb, kAdmission, kWords}},
      {kRpc,             kMayGrpc, {kHttp, kDaemon, kArrivals, kAuth, kConfig, kMarket, kPlanning, kCore, kLedger, kAdmission, kWords, kProto}},
      {kHttp,            0, {kAuth, kConfig, kMarket, kPlanning, kCore, kLedger, kAdmission, kWords}},
      {kCli,             kMayGrpc, {kRpc, kArrivals, kAuth, kConfig, kMarket, kPlanning, kCore, kLedger, kRocksDb, kAdmission, kWords, kProto}},
      {"broker/main.cc", 0, {"*"}},
      {kSim,             kOneThread, {kArrivals, kMarket, kPlanning, kCore, kLedger, kAdmission, kWords}},
      {"sim/commands/",  0, {kSim, kCli, kAuth, kConfig, kArrivals, kMarket, kPlanning, kCore, kLedger, kAdmission, kWords}},
      {kProto,           kMayGrpc, {}},
      {"tests/",         kSleepless | kMayGrpc | kMayRocksDb, {"*"}},
  };
  return kRooms;
}
// clang-format on

}  // namespace

const Room* RoomOf(std::string_view path) {
  const Room* found = nullptr;
  for (const Room& room : Rooms()) {
    if (path.starts_with(room.prefix) && (found == nullptr || room.prefix.size() > found->prefix.size())) found = &room;
  }
  return found;
}

const Room* RoomOfInclude(std::string_view include) {
  return RoomOf(include.starts_with("penstock/") ? kProto : include);
}

}  // namespace penstock::layering
