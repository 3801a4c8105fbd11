#include "broker/auth/grant_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "broker/auth/encoding.h"
#include "broker/auth/grant_keys.h"
#include "broker/auth/random_bytes.h"

namespace penstock::auth {
namespace {

using ::testing::HasSubstr;

const Instant kNow = Instant() + Days(20'000);

SealedGrant SomeGrant(uint64_t sequence = 1) {
  return {.id = {.epoch = 7, .sequence = sequence},
          .terms = {.tenant = TenantId{3},
                    .key = KeyId{4},
                    .pool = PoolId{5},
                    .served = ServiceClass::kSpillover,
                    .tariff = 9,
                    .posted = 10},
          .issued = kNow};
}

std::string Flipped(std::string text, size_t byte, unsigned bit) {
  text[byte] = static_cast<char>(static_cast<unsigned char>(text[byte]) ^ (1U << bit));
  return text;
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

std::string Read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// ---- Names.

TEST(AGrantName, SaysWhatWasSealed) {
  const HmacKey key("secret");
  SealedGrant extreme{.id = {.epoch = UINT32_MAX, .sequence = UINT64_MAX},
                      .terms = {.tenant = TenantId{UINT32_MAX},
                                .key = KeyId{UINT32_MAX},
                                .pool = PoolId{UINT32_MAX},
                                .served = ServiceClass::kReserved,
                                .tariff = UINT32_MAX,
                                .posted = UINT32_MAX},
                      .issued = Instant(INT64_MIN)};
  for (const SealedGrant& grant : {SealedGrant{}, SomeGrant(), extreme}) {
    const std::string name = SealGrant(grant, 12, key);
    EXPECT_EQ(name.size(), kGrantNameLength);
    EXPECT_LE(name.size(), 128u);
    EXPECT_TRUE(name.starts_with("grants/"));
    EXPECT_EQ(SigningKeyOf(name), 12u);
    EXPECT_EQ(OpenGrant(name, key), grant);
  }
}

// The layout is a promise: names outlive a restart into a newer release.
TEST(AGrantName, KeepsItsLayout) {
  EXPECT_EQ(SealGrant(SomeGrant(0x0102030405060708), 1, HmacKey(std::string(32, 'k'))),
            "grants/AgAAAAEAAAAHAQIDBAUGBwgAAAADAAAABAAAAAUEAAAACQAAAAoX-xbYO-AAAFeBwVAtnFE036UxFj8Qnuk");
}

// What a Session speaks and what a unary call speaks are the same grant.
TEST(AGrantName, IsTheTextOfItsSealedBytes) {
  const HmacKey key(std::string(32, 'k'));
  const SealedBytes sealed = SealGrantBytes(SomeGrant(), 12, key);
  const std::string bytes(sealed.begin(), sealed.end());
  EXPECT_EQ(SealGrant(SomeGrant(), 12, key), "grants/" + ToBase64Url(bytes));
  EXPECT_EQ(SigningKeyOfBytes(bytes), 12u);
  EXPECT_EQ(OpenGrantBytes(bytes, key), SomeGrant());
  EXPECT_EQ(OpenGrantBytes(bytes.substr(1), key), std::nullopt);
  for (size_t byte = 0; byte < bytes.size(); ++byte) {
    EXPECT_EQ(OpenGrantBytes(Flipped(bytes, byte, byte % 8), key), std::nullopt) << "byte " << byte;
  }
}

TEST(AGrantName, WithAnyBitFlippedIsRefused) {
  const HmacKey key("secret");
  const std::string name = SealGrant(SomeGrant(), 1, key);
  for (size_t byte = 0; byte < name.size(); ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      EXPECT_EQ(OpenGrant(Flipped(name, byte, bit), key), std::nullopt) << byte << ":" << bit;
    }
  }
}

TEST(AGrantName, CutShortOrLengthenedIsRefused) {
  const HmacKey key("secret");
  const std::string name = SealGrant(SomeGrant(), 1, key);
  for (size_t size = 0; size < name.size(); ++size) EXPECT_EQ(OpenGrant(name.substr(0, size), key), std::nullopt);
  EXPECT_EQ(OpenGrant(name + "A", key), std::nullopt);
  EXPECT_EQ(OpenGrant(name + "=", key), std::nullopt);
}

TEST(AGrantName, UnderAnotherKeyIsRefused) {
  EXPECT_EQ(OpenGrant(SealGrant(SomeGrant(), 1, HmacKey("secret")), HmacKey("Secret")), std::nullopt);
}

TEST(AGrantName, MadeOfArbitraryBytesIsRefusedNotACrash) {
  const char* given = std::getenv("PENSTOCK_SEED");
  const uint64_t seed = given == nullptr ? std::random_device()() : std::strtoull(given, nullptr, 10);
  SCOPED_TRACE("PENSTOCK_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const HmacKey key("secret");
  const std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 120, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    EXPECT_EQ(OpenGrant(bytes, key), std::nullopt);
    std::string name = "grants/A";  // well-formed, of the right version
    while (name.size() < kGrantNameLength) name += letters[random() % letters.size()];
    name[8] = 'g';
    EXPECT_EQ(OpenGrant(name, key), std::nullopt);
  }
}

// ---- Keys in a data directory.

class DataDirectory : public ::testing::Test {
 protected:
  DataDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "grant_name_test.XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~DataDirectory() override { std::filesystem::remove_all(path_); }

  std::unique_ptr<GrantKeys> Open(Instant now = kNow) {
    auto keys = GrantKeys::Load(path_, /*is_new=*/true, RandomBytes(kGrantKeyBytes), now);
    EXPECT_TRUE(keys.ok()) << keys.status();
    return keys.ok() ? *std::move(keys) : nullptr;
  }
  absl::Status OpenError() {
    return GrantKeys::Load(path_, /*is_new=*/false, RandomBytes(kGrantKeyBytes), kNow).status();
  }
  std::string File() const { return path_ + "/grant_keys"; }
  void Write(const std::string& text) { std::ofstream(File()) << text; }

  std::string path_;
};

TEST_F(DataDirectory, GetsItsFirstKeyAndKeepsIt) {
  const std::string name = Open()->Seal(SomeGrant());
  EXPECT_EQ(std::filesystem::status(File()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(Open()->Open(name), SomeGrant());
}

TEST_F(DataDirectory, ThatWasUsedGetsNoNewKeySilently) {
  const std::string name = Open()->Seal(SomeGrant());
  std::filesystem::remove(File());
  EXPECT_TRUE(absl::IsDataLoss(OpenError())) << OpenError();
  EXPECT_THAT(Message(OpenError()), HasSubstr(File() + " is missing"));
  EXPECT_FALSE(std::filesystem::exists(File())) << "nothing is changed";
  Write("");
  ASSERT_EQ(::chmod(File().c_str(), 0600), 0);
  EXPECT_TRUE(OpenError().ok()) << "an empty file asks for a new key: " << OpenError();
  EXPECT_EQ(Open()->Open(name), std::nullopt);
}

TEST_F(DataDirectory, OpensNamesOfOlderKeysAfterARotation) {
  const auto keys = Open();
  const std::string before = keys->Seal(SomeGrant(1));
  const absl::StatusOr<uint32_t> id = keys->Rotate(RandomBytes(kGrantKeyBytes), kNow + Hours(1), Days(1));
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(*id, 2u);
  const std::string after = keys->Seal(SomeGrant(2));
  EXPECT_EQ(SigningKeyOf(before), 1u);
  EXPECT_EQ(SigningKeyOf(after), 2u);
  const auto reopened = Open();
  for (const GrantKeys* opener : {keys.get(), reopened.get()}) {
    EXPECT_EQ(opener->Open(before), SomeGrant(1));
    EXPECT_EQ(opener->Open(after), SomeGrant(2));
  }
}

TEST_F(DataDirectory, DropsAKeyOnceItWasReplacedLongerAgoThanTheRetention) {
  const auto keys = Open();
  const std::string first = keys->Seal(SomeGrant());
  // However old it is, the key that signed until now is kept: its names are young.
  ASSERT_TRUE(keys->Rotate(RandomBytes(kGrantKeyBytes), kNow + Days(100), Days(1)).ok());
  EXPECT_EQ(keys->Open(first), SomeGrant());
  ASSERT_TRUE(keys->Rotate(RandomBytes(kGrantKeyBytes), kNow + Days(101), Days(1)).ok());
  EXPECT_EQ(keys->Open(first), SomeGrant());
  ASSERT_TRUE(keys->Rotate(RandomBytes(kGrantKeyBytes), kNow + Days(101) + Seconds(1), Days(1)).ok());
  EXPECT_EQ(keys->Open(first), std::nullopt);
  EXPECT_EQ(Open()->Open(first), std::nullopt);
  EXPECT_EQ(*keys->Rotate(RandomBytes(kGrantKeyBytes), kNow + Days(900), Days(1)), 5u) << "ids are not reused";
}

TEST_F(DataDirectory, RefusesANameWhoseKeyIdWasExchanged) {
  const auto keys = Open();
  ASSERT_TRUE(keys->Rotate(RandomBytes(kGrantKeyBytes), kNow, Days(1)).ok());
  EXPECT_EQ(keys->Open(SealGrant(SomeGrant(), 1, HmacKey("guessed"))), std::nullopt);
  EXPECT_EQ(keys->Open(SealGrant(SomeGrant(), 3, HmacKey("guessed"))), std::nullopt);
}

TEST_F(DataDirectory, RefusesKeysThatOthersMayRead) {
  Open();
  ASSERT_EQ(::chmod(File().c_str(), 0640), 0);
  EXPECT_THAT(Message(OpenError()), HasSubstr("chmod 600 " + File()));
}

TEST_F(DataDirectory, NamesTheLineThatItCannotRead) {
  Open();
  const std::string good = Read(File());
  const std::string key(64, 'a');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"\n", ":2: there is no key"},
      {good + "2 " + key + "\n", ":2: expected three fields"},
      {good + "2 " + key + " 5 6\n", ":2: expected three fields"},
      {good + "1 " + key + " 5\n", ":2: the id is not a number above the one before"},
      {"0 " + key + " 5\n", ":1: the id"},
      {"-1 " + key + " 5\n", ":1: the id"},
      {"4294967296 " + key + " 5\n", ":1: the id"},
      {"1 " + key.substr(1) + " 5\n", ":1: the key is not 64 hex digits"},
      {"1 " + key + " soon\n", ":1: the creation time"},
      {std::string("1\0", 2) + key + " 5\n", ":1: expected three fields"},
  };
  for (const auto& [text, expected] : cases) {
    Write(text);
    const absl::Status status = OpenError();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(Message(status), HasSubstr(File() + expected));
  }
}

TEST_F(DataDirectory, ThatCannotBeWrittenLeavesTheKeysAsTheyWere) {
  const auto keys = Open();
  const std::string name = keys->Seal(SomeGrant());
  std::filesystem::create_directories(File() + ".new/occupied");  // where the new file would be written
  EXPECT_FALSE(keys->Rotate(RandomBytes(kGrantKeyBytes), kNow, Days(1)).ok());
  EXPECT_EQ(SigningKeyOf(keys->Seal(SomeGrant())), 1u);
  EXPECT_EQ(keys->Open(name), SomeGrant());
}

TEST_F(DataDirectory, ThatDoesNotExistIsAnError) {
  EXPECT_FALSE(GrantKeys::Load(path_ + "/nowhere", /*is_new=*/true, RandomBytes(kGrantKeyBytes), kNow).ok());
}

TEST_F(DataDirectory, RotatesWhileNamesAreSealedAndOpened) {
  const auto keys = Open();
  std::atomic<bool> done = false;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      while (!done) EXPECT_EQ(keys->Open(keys->Seal(SomeGrant(t))), SomeGrant(t));
    });
  }
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(keys->Rotate(RandomBytes(kGrantKeyBytes), kNow, Days(1)).ok());
  done = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(DataDirectory, SealsAndOpensInMicroseconds) {
  const auto keys = Open();
  constexpr uint64_t kRounds = 20'000;
  const auto measure = [&](const char* what, const auto& once) {
    const auto start = std::chrono::steady_clock::now();
    for (uint64_t i = 0; i < kRounds; ++i) once(i);
    const auto spent = std::chrono::steady_clock::now() - start;
    std::cout << "one " << what << ": "
              << std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count() / int64_t{kRounds} << " ns\n";
  };
  const std::string name = keys->Seal(SomeGrant());
  measure("Seal", [&](uint64_t i) { ASSERT_EQ(keys->Seal(SomeGrant(i)).size(), kGrantNameLength); });
  measure("Open", [&](uint64_t) { ASSERT_TRUE(keys->Open(name).has_value()); });
}

}  // namespace
}  // namespace penstock::auth
