// A webhook against a local server that is away, fails and recovers.
#include "broker/http/webhook.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

namespace penstock::http {
namespace {

/// Answers POSTs as told, and remembers them.
class Receiver {
 public:
  explicit Receiver(std::vector<int> answers) : answers_(std::move(answers)) {
    server_.Post("/hook", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      const size_t n = seen_.size();
      response.status = n < answers_.size() ? answers_[n] : 204;
      seen_.push_back(request);
      arrived_.notify_all();
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~Receiver() {
    while (!server_.is_running()) std::this_thread::yield();
    server_.stop();
    thread_.join();
  }
  std::string origin() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// Waits until so many have come.
  std::vector<httplib::Request> WaitFor(size_t n) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return seen_.size() >= n; });
    return seen_;
  }

 private:
  const std::vector<int> answers_;
  httplib::Server server_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<httplib::Request> seen_;
  int port_ = 0;
  std::thread thread_;
};

class WebhookTest : public testing::Test {
 protected:
  WebhookTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "penstock-webhook-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~WebhookTest() override { std::filesystem::remove_all(folder_); }

  WebhookTerms Terms(const std::string& origin) const {
    return {.origin = origin,
            .path = "/hook",
            .secret = "sixteen bytes at least",
            .cursor_file = folder_ + "/cursor",
            .first_pause = Milliseconds(1),
            .longest_pause = Milliseconds(4),
            .look_every = Milliseconds(1)};
  }

  /// Alerts from `begin` to `end`.
  static Webhook::Fetch Alerts(uint64_t begin, uint64_t end) {
    return [begin, end](uint64_t from) {
      std::vector<AlertNews> news;
      for (uint64_t n = std::max(from, begin); n < end && news.size() < 2; ++n) {
        news.push_back({n, "{\"name\":\"alerts/" + std::to_string(n) + "\"}"});
      }
      return std::optional(news);
    };
  }

  std::unique_ptr<Webhook> Started(const std::string& origin, uint64_t newest, Webhook::Fetch fetch) {
    auto webhook = Webhook::Start(Terms(origin), newest, std::move(fetch), [this](const std::string& text) {
      const std::lock_guard lock(mutex_);
      said_.push_back(text);
    });
    EXPECT_TRUE(webhook.ok()) << webhook.status();
    return *std::move(webhook);
  }
  std::vector<std::string> said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }

  std::string folder_;
  std::mutex mutex_;
  std::vector<std::string> said_;
};

TEST_F(WebhookTest, TriesUntilItIsTakenAndInOrder) {
  Receiver receiver({500, 302, 200, 503});
  std::vector<httplib::Request> seen;
  {
    const auto webhook = Started(receiver.origin(), 0, Alerts(1, 4));
    seen = receiver.WaitFor(6);
  }
  std::string names;
  for (const httplib::Request& request : seen) names += request.get_header_value("Penstock-Id") + " ";
  EXPECT_EQ(names, "alerts/1 alerts/1 alerts/1 alerts/2 alerts/2 alerts/3 ");
  const httplib::Request& last = seen.back();
  EXPECT_EQ(last.body, "{\"name\":\"alerts/3\"}");
  EXPECT_EQ(last.get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(last.get_header_value("Penstock-Signature"),
            SignatureOf("sixteen bytes at least", last.get_header_value("Penstock-Timestamp"), last.body));
  ASSERT_EQ(said().size(), 4u);
  EXPECT_EQ(said()[0], "the webhook cannot be reached: it answered 500; trying on");
  EXPECT_EQ(said()[1], "the webhook takes alerts again");
}

TEST_F(WebhookTest, TheSignatureIsThatOfTimestampAndBody) {
  EXPECT_EQ(SignatureOf("key", "1700000000", "{}"),
            "v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae");
  EXPECT_NE(SignatureOf("key", "1700000000", "{}"), SignatureOf("key", "1700000001", "{}"));
  EXPECT_NE(SignatureOf("key", "1700000000", "{}"), SignatureOf("other", "1700000000", "{}"));
}

TEST_F(WebhookTest, WhatWasDeliveredIsRememberedOverARestart) {
  Receiver receiver({});
  {
    const auto webhook = Started(receiver.origin(), 0, Alerts(1, 3));
    receiver.WaitFor(2);
  }
  // The second one's answer may not have been noted: then it comes again, under the same id.
  const auto webhook = Started(receiver.origin(), 0, Alerts(1, 4));
  const std::vector<httplib::Request> seen = receiver.WaitFor(3);
  EXPECT_NE(seen[2].get_header_value("Penstock-Id"), "alerts/1");
}

TEST_F(WebhookTest, ANewOneBeginsWithTheNextAlert) {
  Receiver receiver({});
  const auto webhook = Started(receiver.origin(), 7, Alerts(1, 9));
  EXPECT_EQ(receiver.WaitFor(1)[0].get_header_value("Penstock-Id"), "alerts/8");
}

TEST_F(WebhookTest, WhatIsNotKeptAnyMoreIsSkippedAndSaid) {
  Receiver receiver({});
  const auto webhook = Started(receiver.origin(), 2, Alerts(5, 6));
  EXPECT_EQ(receiver.WaitFor(1)[0].get_header_value("Penstock-Id"), "alerts/5");
  ASSERT_FALSE(said().empty());
  EXPECT_EQ(said()[0], "the webhook was away for too long: alerts 3 to 4 are not kept any more and were not delivered");
}

TEST_F(WebhookTest, EndsWhileNobodyAnswers) {
  const auto webhook = Started("http://127.0.0.1:1", 0, Alerts(1, 2));
  EXPECT_EQ(webhook->delivered(), 0u);
}

TEST_F(WebhookTest, ACursorThatIsNoNumberIsRefused) {
  Receiver receiver({});
  WebhookTerms terms = Terms(receiver.origin());
  { const auto webhook = Started(receiver.origin(), 0, Alerts(1, 1)); }
  {
    std::ofstream file(terms.cursor_file);
    file << "seven\n";
  }
  EXPECT_EQ(Webhook::Start(terms, 0, Alerts(1, 1), [](const std::string&) {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace penstock::http
