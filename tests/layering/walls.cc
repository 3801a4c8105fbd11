#include "tests/layering/walls.h"

#include <algorithm>
#include <utility>

#include "tests/layering/names.h"
#include "tests/layering/rooms.h"

namespace penstock::layering {
namespace {

// ---- What the traits of a room forbid. A pattern is a row of tokens: "std::thread" is not in "std::threads"; a call
// such as "rand()" is not meant as a member, as in `queue.rand()`.

// clang-format off
constexpr std::string_view kHiddenInputs[] = {
    "steady_clock", "system_clock", "high_resolution_clock", "::now", "absl::Now", "GetCurrentTimeNanos",
    "clock_gettime", "gettimeofday", "timespec_get", "std::time(", "time(nullptr", "time(NULL", "time(0)", "time(&",
    "std::clock(", "localtime", "localtime_r", "mktime", "std::this_thread", "absl::SleepFor",
    "std::rand", "rand()", "srand", "random()", "drand48", "random_device", "mt19937", "mt19937_64", "minstd_rand",
    "default_random_engine", "ranlux48", "absl::BitGen", "RAND_bytes", "getrandom", "getentropy", "arc4random",
    "getenv", "secure_getenv", "environ"};

constexpr std::string_view kFloatingPoint[] = {"float", "double", "float_t", "double_t"};

constexpr std::string_view kThreads[] = {
    "std::thread", "std::jthread", "std::async", "std::mutex", "std::shared_mutex", "std::recursive_mutex",
    "std::timed_mutex", "std::lock_guard", "std::unique_lock", "std::shared_lock", "std::scoped_lock",
    "std::condition_variable", "std::condition_variable_any", "absl::Mutex", "absl::MutexLock", "absl::CondVar",
    "absl::Notification", "pthread_create", "pthread_mutex_t"};

constexpr std::string_view kSleeps[] = {
    "sleep_for", "sleep_until", "usleep", "nanosleep", "clock_nanosleep", "SleepFor", "sleep("};
// clang-format on

// ---- Findings.

struct Rule {
  std::string_view name;
  std::string_view instead;
  void (*check)(const Rule& rule, const Room& room, const Source& source, std::vector<Finding>& findings);
};

void Report(const Rule& rule, const Source& source, int line, std::string what, std::vector<Finding>& findings) {
  findings.push_back({source.path, line, rule.name, std::move(what), rule.instead});
}

bool IsGrpc(std::string_view include) {
  for (std::string_view prefix : {"grpc/", "grpcpp/", "grpc++/", "google/protobuf/", "google/rpc/"}) {
    if (include.starts_with(prefix)) return true;
  }
  return include.ends_with(".pb.h");
}

// ---- Includes.

void CheckArrows(const Rule& rule, const Room& room, const Source& source, std::vector<Finding>& findings) {
  for (const Include& include : source.includes) {
    const Room* target = RoomOfInclude(include.path);
    if (target == nullptr || target == &room) continue;
    const bool allowed = std::any_of(room.may_include.begin(), room.may_include.end(),
                                     [&](std::string_view name) { return name == "*" || name == target->prefix; });
    if (allowed) continue;
    Report(rule, source, include.line, std::string(room.prefix) + " may not know " + include.path, findings);
  }
}

void CheckPlainIncludes(const Rule& rule, const Room&, const Source& source, std::vector<Finding>& findings) {
  for (const Include& include : source.includes) {
    const std::string_view path = include.path;
    const bool relative = include.quoted && (path.find('/') == std::string_view::npos || path.starts_with("./"));
    if (!relative && !path.empty() && path.find("../") == std::string_view::npos) continue;
    Report(rule, source, include.line, "an include whose target is not plain: \"" + include.path + "\"", findings);
  }
}

void CheckGrpc(const Rule& rule, const Room& room, const Source& source, std::vector<Finding>& findings) {
  if ((room.traits & kMayGrpc) != 0) return;
  for (const Include& include : source.includes) {
    if (IsGrpc(include.path)) Report(rule, source, include.line, "includes " + include.path, findings);
  }
}

void CheckRocksDb(const Rule& rule, const Room& room, const Source& source, std::vector<Finding>& findings) {
  const unsigned permission = source.path.ends_with(".cc") ? kMayRocksDb | kMayRocksDbInCc : kMayRocksDb;
  if ((room.traits & permission) != 0) return;
  for (const Include& include : source.includes) {
    if (include.path.starts_with("rocksdb/")) Report(rule, source, include.line, "includes " + include.path, findings);
  }
}

// ---- Tokens.

bool MatchesAt(const std::vector<Token>& tokens, size_t at, const std::vector<Token>& pattern) {
  if (at + pattern.size() > tokens.size()) return false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (tokens[at + i].text != pattern[i].text) return false;
  }
  const bool call = pattern.size() > 1 && pattern[1].text == "(";
  const bool member = at > 0 && (tokens[at - 1].text == "." || tokens[at - 1].text == "->");
  return !(call && member);
}

// One finding per line: `steady_clock::now()` is one sin.
void ReportPatterns(const Rule& rule, const Source& source, const auto& patterns, std::vector<Finding>& findings) {
  std::vector<std::vector<Token>> wanted;
  for (std::string_view pattern : patterns) wanted.push_back(ReadSource("", pattern).tokens);
  int reported_line = 0;
  for (size_t i = 0; i < source.tokens.size(); ++i) {
    const int line = source.tokens[i].line;
    if (line == reported_line) continue;
    const auto matches = [&](const std::vector<Token>& pattern) { return MatchesAt(source.tokens, i, pattern); };
    const auto found = std::find_if(wanted.begin(), wanted.end(), matches);
    if (found == wanted.end()) continue;
    reported_line = line;
    Report(rule, source, line, "uses " + std::string(patterns[static_cast<size_t>(found - wanted.begin())]), findings);
  }
}

void CheckHiddenInputs(const Rule& rule, const Room& room, const Source& source, std::vector<Finding>& findings) {
  if ((room.traits & kTimeless) != 0) ReportPatterns(rule, source, kHiddenInputs, findings);
}

bool IsFloatingLiteral(std::string_view number) {
  const bool hex = number.starts_with("0x") || number.starts_with("0X");
  return number.find_first_of(hex ? ".pP" : ".eE") != std::string_view::npos;
}

void CheckIntegers(const Rule& rule, const Room& room, const Source& source, std::vector<Finding>& findings) {
  if ((room.traits & kIntegers) == 0) return;
  ReportPatterns(rule, source, kFloatingPoint, findings);
  for (const Token& token : source.tokens) {
    if (token.kind != Token::Kind::kNumber || !IsFloatingLiteral(token.text)) continue;
    Report(rule, source, token.line, "has the floating literal " + token.text, findings);
  }
}

void CheckThreads(const Rule& rule, const Room& room, const Source& source, std::vector<Finding>& findings) {
  if ((room.traits & kOneThread) != 0) ReportPatterns(rule, source, kThreads, findings);
}

void CheckSleeps(const Rule& rule, const Room& room, const Source& source, std::vector<Finding>& findings) {
  if ((room.traits & kSleepless) != 0) ReportPatterns(rule, source, kSleeps, findings);
}

// ---- Names.

void CheckNames(const Rule& rule, const Room&, const Source& source, std::vector<Finding>& findings) {
  const std::string_view path = source.path;
  if (path.starts_with("proto/") && !path.starts_with("proto/penstock/")) return;  // other people's protocols
  if (const auto word = RefusedWordIn(path)) Report(rule, source, 1, "a path with the word '" + *word + "'", findings);
  for (size_t i = 0; i < source.tokens.size(); ++i) {
    const Token* name = DeclaredType(source, i);
    if (name == nullptr || !RefusedWordIn(name->text)) continue;
    Report(rule, source, name->line, "the type " + name->text + " with the word '" + *RefusedWordIn(name->text) + "'",
           findings);
  }
}

// ---- The rules.

constexpr std::string_view kKnownRoom = "known-room";
constexpr std::string_view kKnownRoomInstead =
    "move the file into a folder of the house, or give the new folder a row in tests/layering/rooms.cc and a line in "
    "ARCHITECTURE.md";

// clang-format off
constexpr Rule kRules[] = {
    {"arrows",
     "depend downwards only (rpc, http, cli -> core, market, planning -> ledger -> admission/vocabulary; rooms.cc has "
     "the table): let the lower room define the interface, and the upper one or main.cc pass the implementation in",
     CheckArrows},
    {"plain-includes",
     "write the path from the project's root, as in #include \"ledger/journal.h\"",
     CheckPlainIncludes},
    {"grpc-at-the-edge",
     "translate in a converter of broker/rpc or broker/cli and pass our own types inwards",
     CheckGrpc},
    {"rocksdb-behind-the-ledger",
     "use the interface (ledger/journal.h), or put the call into a ledger/rocksdb_*.cc; headers stay free of RocksDB",
     CheckRocksDb},
    {"no-hidden-inputs",
     "take `now`, the seed or the setting as an argument: what is not in the command cannot be replayed",
     CheckHiddenInputs},
    {"integers-only",
     "count in integers with a unit (Work in milli-nt, Duration in ns, Money in pico-units); estimators that need double "
     "live in broker/planning",
     CheckIntegers},
    {"one-thread",
     "keep this room single-threaded: the command loop in broker/daemon owns it, and other threads queue commands",
     CheckThreads},
    {"sleepless-tests",
     "drive the clock by hand, or wait for the event itself (a future, a condition, a line of output)",
     CheckSleeps},
    {"domain-names",
     "name it for what it is or does in the domain; the words Manager, Util, Helper, Handler, Impl, Common, Base, Data "
     "and Info say nothing",
     CheckNames},
};
// clang-format on

}  // namespace

std::vector<std::string_view> RuleNames() {
  std::vector<std::string_view> names = {kKnownRoom};
  for (const Rule& rule : kRules) names.push_back(rule.name);
  return names;
}

std::vector<Finding> Check(const Source& source) {
  const Room* room = RoomOf(source.path);
  if (room == nullptr) return {{source.path, 1, kKnownRoom, "this folder is no room of the house", kKnownRoomInstead}};
  std::vector<Finding> findings;
  for (const Rule& rule : kRules) rule.check(rule, *room, source, findings);
  return findings;
}

std::string Describe(const Finding& finding) {
  return finding.path + ":" + std::to_string(finding.line) + ": [" + std::string(finding.rule) + "] " + finding.what +
         ". Instead: " + std::string(finding.instead) + ".";
}

}  // namespace penstock::layering
