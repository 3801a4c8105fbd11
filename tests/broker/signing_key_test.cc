#include "broker/auth/signing_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "broker/auth/encoding.h"
#include "broker/auth/random_bytes.h"

namespace penstock::auth {
namespace {

using ::testing::HasSubstr;

class SigningKeyTest : public testing::Test {
 protected:
  SigningKeyTest() {
    std::string name = (std::filesystem::temp_directory_path() / "signing_key_test.XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~SigningKeyTest() override { std::filesystem::remove_all(directory_); }

  absl::StatusOr<SigningKey> Load(bool is_new) const {
    return SigningKey::Load(directory_, is_new, RandomBytes(kSigningKeyBytes));
  }
  std::string file() const { return directory_ + "/signing_key"; }
  std::string text() const {
    std::ifstream in(file());
    std::ostringstream read;
    read << in.rdbuf();
    return read.str();
  }
  void Write(const std::string& text) const { std::ofstream(file()) << text; }

  std::string directory_;
  const ledger::Hash journal_{1, 2, 3};
  const ledger::Head head_{42, {4, 5, 6}};
  const Instant at_ = Instant() + Seconds(1'704'110'400) + Nanoseconds(17);
};

TEST_F(SigningKeyTest, IsMadeOnceAndPrivate) {
  const absl::StatusOr<SigningKey> made = Load(/*is_new=*/true);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(std::filesystem::status(file()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const absl::StatusOr<SigningKey> again = Load(/*is_new=*/false);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(made->Sign(journal_, head_, at_), again->Sign(journal_, head_, at_));
  EXPECT_EQ(SigningKey::Read(directory_)->public_key(), made->public_key());
}

TEST_F(SigningKeyTest, ASignatureFitsItsStatementOnly) {
  const SigningKey key = *Load(/*is_new=*/true);
  const ledger::SignedHead head = key.Sign(journal_, head_, at_);
  EXPECT_TRUE(IsSigned(head));
  EXPECT_EQ(head.at, at_ - Nanoseconds(17)) << "whole seconds";
  const auto expect_refused = [&](const auto& change) {
    ledger::SignedHead changed = head;
    change(changed);
    EXPECT_FALSE(IsSigned(changed));
  };
  expect_refused([](ledger::SignedHead& h) { h.journal[31] ^= 1; });
  expect_refused([](ledger::SignedHead& h) { ++h.head.sequence; });
  expect_refused([](ledger::SignedHead& h) { h.head.hash[0] ^= 1; });
  expect_refused([](ledger::SignedHead& h) { h.at = h.at + Seconds(1); });
  expect_refused([](ledger::SignedHead& h) { h.public_key[0] ^= 1; });
  expect_refused([](ledger::SignedHead& h) { h.signature[0] ^= 1; });
}

// RFC 8032, section 7.1, test 1: the key pair is what others make of the same secret.
TEST_F(SigningKeyTest, IsEd25519) {
  const std::string secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
  const absl::StatusOr<SigningKey> key = SigningKey::Load(directory_, true, *FromHex(secret));
  EXPECT_EQ(ledger::ToHex(key->public_key()), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(FromPem(ToPem(key->public_key())).value(), key->public_key());
  EXPECT_THAT(ToPem(key->public_key()), HasSubstr("-----BEGIN PUBLIC KEY-----"));
  EXPECT_FALSE(FromPem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").ok());
}

TEST_F(SigningKeyTest, OfAUsedDirectoryIsNotMadeAnewSilently) {
  const absl::StatusOr<SigningKey> missing = Load(/*is_new=*/false);
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("backup"));
  EXPECT_EQ(SigningKey::Read(directory_).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(Load(/*is_new=*/true).ok());
  Write("");
  EXPECT_TRUE(Load(/*is_new=*/false).ok()) << "an empty file is the operator's wish";
  EXPECT_NE(text(), "");
}

TEST_F(SigningKeyTest, NoByteOfTheFileChangesUnnoticed) {
  ASSERT_TRUE(Load(/*is_new=*/true).ok());
  const std::string whole = text();
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    Write(damaged);
    EXPECT_EQ(Load(/*is_new=*/false).status().code(), absl::StatusCode::kDataLoss) << "byte " << i;
    Write(whole.substr(0, i));
    if (i > 0 && i + 1 < whole.size()) {
      EXPECT_EQ(Load(/*is_new=*/false).status().code(), absl::StatusCode::kDataLoss) << "cut to " << i;
    }
  }
}

}  // namespace
}  // namespace penstock::auth
