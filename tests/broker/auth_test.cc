#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "broker/auth/api_keys.h"
#include "broker/auth/authorisation.h"
#include "broker/auth/encoding.h"
#include "broker/auth/hmac.h"
#include "broker/auth/random_bytes.h"
#include "broker/auth/secret_file.h"

namespace penstock::auth {
namespace {

using ::testing::HasSubstr;

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "auth_test.XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string Path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string Message(const absl::Status& status) { return std::string(status.message()); }

mode_t ModeOf(const std::string& path) {
  struct stat facts {};
  EXPECT_EQ(::stat(path.c_str(), &facts), 0);
  return facts.st_mode & 0777;
}

// ---- Codes.

TEST(AnHmac, IsWhatOpenSslComputes) {
  for (const size_t key_size : {0u, 1u, 32u, 64u, 65u, 200u}) {
    const std::string key = RandomBytes(key_size + 1).substr(0, key_size);
    const HmacKey hmac(key);
    for (const size_t size : {0u, 1u, 42u, 63u, 64u, 1'000u}) {
      const std::string message = RandomBytes(size + 1).substr(0, size);
      Mac expected{};
      ASSERT_NE(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                     reinterpret_cast<const unsigned char*>(message.data()), message.size(), expected.data(), nullptr),
                nullptr);
      EXPECT_EQ(hmac.Sign(message), expected);
    }
  }
}

TEST(AnHmac, IsTheSameFromManyThreads) {
  const HmacKey key("k");
  const Mac expected = key.Sign("message");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) EXPECT_EQ(key.Sign("message"), expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Hex, IsReadBackAndNothingElseIs) {
  const std::string bytes = RandomBytes(33);
  EXPECT_EQ(FromHex(ToHex(bytes)), bytes);
  EXPECT_EQ(FromHex("abc"), std::nullopt);
  EXPECT_EQ(FromHex("AB"), std::nullopt);
  EXPECT_EQ(FromHex("g0"), std::nullopt);
}

TEST(Base64Url, IsReadBackAndHasOneSpellingOnly) {
  EXPECT_EQ(ToBase64Url("\xfb\xff"), "-_8");
  for (size_t size = 0; size < 70; ++size) {
    const std::string bytes = RandomBytes(size + 1).substr(0, size);
    const std::string text = ToBase64Url(bytes);
    EXPECT_EQ(text.size(), Base64UrlLength(size));
    std::vector<uint8_t> out(size);
    ASSERT_TRUE(FromBase64Url(text, out));
    EXPECT_EQ(std::string(out.begin(), out.end()), bytes);
    EXPECT_FALSE(FromBase64Url(text + "A", out));
  }
  std::vector<uint8_t> one(1);
  EXPECT_TRUE(FromBase64Url("AA", one));
  EXPECT_FALSE(FromBase64Url("AB", one)) << "unused bits must be zero";
  EXPECT_FALSE(FromBase64Url("A=", one));
  EXPECT_FALSE(FromBase64Url("+/", one));
}

// ---- API keys.

class KnownKeys : public ::testing::Test {
 protected:
  NewApiKey Add(Role role, std::string tenant = "", std::string key = "") {
    NewApiKey made = MakeApiKey(RandomBytes(kApiKeyRandomBytes));
    records_.push_back({made.id, role, std::move(tenant), std::move(key), HashOf(made.secret, hash_key_)});
    return made;
  }
  std::optional<Principal> Authenticate(std::string_view secret) const {
    return ApiKeys(hash_key_, records_).Authenticate(secret);
  }

  const HmacKey hash_key_{RandomBytes(32)};
  std::vector<ApiKeyRecord> records_;
};

TEST_F(KnownKeys, AreRecognisedAsWhoTheyAre) {
  const NewApiKey gateway = Add(Role::kGateway);
  const NewApiKey tenant = Add(Role::kTenant, "acme", "prod");
  const NewApiKey boss = Add(Role::kOperator);
  EXPECT_EQ(Authenticate(gateway.secret), (Principal{Role::kGateway, gateway.id, "", ""}));
  EXPECT_EQ(Authenticate(tenant.secret), (Principal{Role::kTenant, tenant.id, "acme", "prod"}));
  EXPECT_EQ(Authenticate(boss.secret), (Principal{Role::kOperator, boss.id, "", ""}));
}

TEST_F(KnownKeys, HaveTheDocumentedForm) {
  const NewApiKey made = MakeApiKey(std::string(kApiKeyRandomBytes, '\0'));
  EXPECT_EQ(made.id, "00000000");
  EXPECT_EQ(made.secret, "psk_00000000_" + std::string(43, 'A'));
  EXPECT_TRUE(IsApiKeyId(made.id));
  EXPECT_TRUE(IsApiKeyHash(HashOf(made.secret, hash_key_)));
  EXPECT_FALSE(IsApiKeyHash(made.secret));
}

TEST_F(KnownKeys, DifferingInOneBitAreNobody) {
  const NewApiKey made = Add(Role::kOperator);
  for (size_t byte = 0; byte < made.secret.size(); ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string secret = made.secret;
      secret[byte] = static_cast<char>(static_cast<unsigned char>(secret[byte]) ^ (1U << bit));
      EXPECT_EQ(Authenticate(secret), std::nullopt) << secret;
    }
  }
}

TEST_F(KnownKeys, CutShortOrLengthenedAreNobody) {
  const NewApiKey made = Add(Role::kOperator);
  for (size_t size = 0; size < made.secret.size(); ++size) {
    EXPECT_EQ(Authenticate(made.secret.substr(0, size)), std::nullopt);
  }
  EXPECT_EQ(Authenticate(made.secret + "A"), std::nullopt);
  EXPECT_EQ(Authenticate(made.secret + '\0'), std::nullopt);
  EXPECT_EQ(Authenticate("Bearer " + made.secret), std::nullopt);
}

TEST_F(KnownKeys, AreNobodyUnderAnotherHashKey) {
  const NewApiKey made = Add(Role::kOperator);
  EXPECT_EQ(ApiKeys(HmacKey(RandomBytes(32)), records_).Authenticate(made.secret), std::nullopt);
}

TEST_F(KnownKeys, OfOthersDoNotHelp) {
  const NewApiKey tenant = Add(Role::kTenant, "acme", "prod");
  const NewApiKey boss = Add(Role::kOperator);
  std::string mixed = tenant.secret;
  mixed.replace(4, 8, boss.id);
  EXPECT_EQ(Authenticate(mixed), std::nullopt);
}

TEST_F(KnownKeys, AreRecognisedInMicroseconds) {
  const NewApiKey made = Add(Role::kGateway);
  const ApiKeys keys(hash_key_, records_);
  constexpr int kRounds = 20'000;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kRounds; ++i) ASSERT_TRUE(keys.Authenticate(made.secret).has_value());
  const auto spent = std::chrono::steady_clock::now() - start;
  std::cout << "one Authenticate: " << std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count() / kRounds
            << " ns\n";
}

// ---- Hash key files.

TEST(AHashKeyFile, IsPrivateAndReadBack) {
  const Folder folder;
  const std::string path = folder.Path("hash_key");
  const std::string bytes = RandomBytes(32);
  ASSERT_TRUE(CreateHashKey(path, bytes).ok());
  EXPECT_EQ(ModeOf(path), 0600u);
  const absl::StatusOr<HmacKey> loaded = LoadHashKey(path);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->Sign("x"), HmacKey(bytes).Sign("x"));
}

TEST(AHashKeyFile, IsNeverOverwritten) {
  const Folder folder;
  const std::string path = folder.Path("hash_key");
  ASSERT_TRUE(CreateHashKey(path, std::string(32, 'a')).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(CreateHashKey(path, std::string(32, 'b'))));
  EXPECT_EQ(LoadHashKey(path)->Sign("x"), HmacKey(std::string(32, 'a')).Sign("x"));
}

TEST(AHashKeyFile, IsRefusedWhenOthersMayReadIt) {
  const Folder folder;
  const std::string path = folder.Path("hash_key");
  ASSERT_TRUE(CreateHashKey(path, std::string(32, 'a')).ok());
  for (const mode_t mode : {0640u, 0604u, 0620u, 0666u}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    const absl::Status status = LoadHashKey(path).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(Message(status), HasSubstr("chmod 600 " + path));
  }
}

TEST(AHashKeyFile, IsRefusedWhenItHoldsSomethingElse) {
  const Folder folder;
  const std::string path = folder.Path("hash_key");
  for (const std::string& text : {std::string(), std::string(63, 'a'), std::string(66, 'a'), std::string(64, 'A')}) {
    ASSERT_TRUE(ReplaceSecretFile(path, text).ok());
    EXPECT_THAT(Message(LoadHashKey(path).status()), HasSubstr("64 hex digits")) << text;
  }
  EXPECT_TRUE(absl::IsNotFound(LoadHashKey(folder.Path("other")).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(LoadHashKey("/dev/null").status()));
}

// ---- Who may call what.

TEST(TheAuthorisationTable, GivesEachRoleItsServicesAndNoMore) {
  const std::map<std::string, std::set<Role>> wanted = {
      {"/penstock.v1.Admission/", {Role::kGateway, Role::kTenant}},
      {"/penstock.v1.Billing/", {Role::kTenant, Role::kOperator}},
      {"/penstock.v1.Budgets/", {Role::kTenant, Role::kOperator}},
      {"/penstock.v1.Market/", {Role::kTenant, Role::kOperator}},
      {"/penstock.v1.Operations/", {Role::kOperator}},
      {"/penstock.v1.Outcomes/", {Role::kGateway, Role::kTenant}},
      {"/penstock.v1.Reservations/", {Role::kTenant, Role::kOperator}},
  };
  const std::map<std::string_view, std::set<Role>> exceptions = {
      {"/penstock.v1.Admission/Explain", {Role::kGateway, Role::kTenant, Role::kOperator}},  // reads only
      {"/penstock.v1.Billing/CloseStatement", {Role::kOperator}},
      {"/penstock.v1.Budgets/ApproveRaise", {Role::kOperator}},
      {"/penstock.v1.Budgets/RejectRaise", {Role::kOperator}},
      {"/penstock.v1.Market/GetPrices", {Role::kGateway, Role::kTenant, Role::kOperator}},  // for routing
      {"/penstock.v1.Market/WatchPrices", {Role::kGateway, Role::kTenant, Role::kOperator}},
      {"/penstock.v1.Market/GetRateCard", {Role::kGateway, Role::kTenant, Role::kOperator}},
      {"/penstock.v1.Market/GetShadowPrice", {Role::kOperator}},
      {"/penstock.v1.Outcomes/QueryOutcomes", {Role::kTenant, Role::kOperator}},
      {"/penstock.v1.Reservations/SuspendReservation", {Role::kOperator}},
      {"/penstock.v1.Reservations/ResumeReservation", {Role::kOperator}},
      {"/penstock.v1.Reservations/ApproveReservation", {Role::kOperator}},
      {"/penstock.v1.Reservations/RejectReservation", {Role::kOperator}},
  };
  for (const std::string_view method : AllMethods()) {
    const std::string service(method.substr(0, method.rfind('/') + 1));
    ASSERT_TRUE(wanted.contains(service)) << method;
    const auto exception = exceptions.find(method);
    const std::set<Role>& roles = exception == exceptions.end() ? wanted.at(service) : exception->second;
    for (const Role role : {Role::kGateway, Role::kTenant, Role::kOperator}) {
      EXPECT_EQ(Allowed(method, role), roles.contains(role)) << method << " as " << Name(role);
    }
  }
}

TEST(TheAuthorisationTable, ListsEachMethodOnce) {
  const std::set<std::string_view> methods(AllMethods().begin(), AllMethods().end());
  EXPECT_EQ(methods.size(), AllMethods().size());
}

TEST(TheAuthorisationTable, DeniesWhatItDoesNotKnow) {
  for (const std::string_view method : {"", "/", "Admit", "/penstock.v1.Admission/", "/penstock.v1.Admission/admit",
                                        "/penstock.v1.Admission/Admit/", "/penstock.v2.Admission/Admit"}) {
    for (const Role role : {Role::kGateway, Role::kTenant, Role::kOperator}) EXPECT_FALSE(Allowed(method, role));
  }
}

}  // namespace
}  // namespace penstock::auth
