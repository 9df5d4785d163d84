// The admin endpoint on a real socket: HTTP in and out, bad requests, and clients that will not
// move.
#include "admin/admin_server.hpp"

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/socket.hpp"

namespace c1m::admin {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class AdminServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto listener = os::listen_tcp(os::Endpoint::ipv4(0x7f000001, 0), {});
    ASSERT_TRUE(listener);
    endpoint_ = *os::local_endpoint(listener->get());
    auto server = AdminServer::start(
        std::move(*listener), [this](std::string_view method, std::string_view target) {
          const AdminPage page{.path = "/healthz", .answer = [this] {
                                 return is_well_ ? text_answer(200, "ok\n")
                                                 : text_answer(503, "shard 0 died\n");
                               }};
          return answer_from({&page, 1}, method, target);
        });
    ASSERT_TRUE(server);
    server_.emplace(std::move(*server));
  }

  os::Descriptor connect() const {
    os::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket.get(), endpoint_.data(), endpoint_.size()), 0);
    return socket;
  }

  static void send(const os::Descriptor& socket, std::string_view text) {
    ASSERT_EQ(os::write_some(socket.get(), std::as_bytes(std::span(text))), text.size());
  }

  // All that comes until the server closes.
  static std::string read_to_end(const os::Descriptor& socket) {
    std::string text;
    std::array<std::byte, 4096> block{};
    while (true) {
      const auto got = os::read_some(socket.get(), block);
      if (!got || *got == 0) return text;
      text.append(reinterpret_cast<const char*>(block.data()), *got);
    }
  }

  std::string ask(std::string_view request) const {
    const os::Descriptor socket = connect();
    send(socket, request);
    return read_to_end(socket);
  }

  std::atomic<bool> is_well_{true};
  os::Endpoint endpoint_;
  std::optional<AdminServer> server_;
};

TEST_F(AdminServerTest, AnswersAndCloses) {
  const std::string answer = ask("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 3\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nok\n")) << answer;
}

TEST_F(AdminServerTest, KeepsTheConnectionForMore) {
  const std::string answer =
      ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\nConnection: "
          "close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 404 Not Found\r\n"));
}

TEST_F(AdminServerTest, HeadHasHeadersOnly) {
  const std::string answer = ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 3\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(AdminServerTest, SaysWhichMethodsAreAllowed) {
  const std::string answer =
      ask("DELETE /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n"));
}

TEST_F(AdminServerTest, ShowsTrouble) {
  is_well_ = false;
  EXPECT_THAT(ask("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("shard 0 died\n")));
}

TEST_F(AdminServerTest, RefusesWhatIsNotHttpAndWhatIsTooLong) {
  EXPECT_THAT(ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET /healthz HTTP/1.1\r\nX: " + std::string(9'000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
}

TEST_F(AdminServerTest, ClientsThatSendNothingDoNotKeepOthersOut) {
  std::vector<os::Descriptor> silent;
  silent.reserve(40);
  for (int i = 0; i < 40; ++i) silent.push_back(connect());
  const os::Descriptor half = connect();
  send(half, "GET /heal");
  EXPECT_THAT(ask("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, ClosesConnectionsBeyondItsLimit) {
  std::vector<os::Descriptor> silent;
  silent.reserve(64);
  for (int i = 0; i < 64; ++i) silent.push_back(connect());
  EXPECT_EQ(ask("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "");
}

TEST_F(AdminServerTest, EndsWithConnectionsOpen) {
  const os::Descriptor socket = connect();
  send(socket, "GET /heal");
  server_.reset();
  EXPECT_EQ(read_to_end(socket), "");
}

}  // namespace
}  // namespace c1m::admin
