// Accepting in batches: all that is pending, no more than a batch, and what happens at a shortage.
#include "servers/app/acceptor.hpp"

#include <sys/resource.h>

#include <vector>

#include <gtest/gtest.h>

namespace c1m::servers::app {
namespace {

class AcceptorTest : public testing::Test {
 protected:
  void SetUp() override {
    auto listener = os::listen_tcp(os::Endpoint::ipv4(0x7f000001, 0), {});
    ASSERT_TRUE(listener);
    listener_ = std::move(*listener);
  }

  void connect(int count) {
    const auto target = os::local_endpoint(listener_.get());
    ASSERT_TRUE(target);
    for (int i = 0; i < count; ++i) {
      // On the loopback a connection is pending when connect returns.
      auto client = os::start_connect(*target, std::nullopt, {});
      ASSERT_TRUE(client);
      clients_.push_back(std::move(*client));
    }
  }

  Acceptor::Outcome accept_batch() {
    return acceptor().accept_batch(
        [this](os::Descriptor socket) { accepted_.push_back(std::move(socket)); });
  }
  Acceptor acceptor() { return {listener_.get(), {}, os::Blocking::no, counters_}; }

  os::Descriptor listener_;
  WorkerCounters counters_;
  std::vector<os::Descriptor> clients_;
  std::vector<os::Descriptor> accepted_;
};

TEST_F(AcceptorTest, TakesAllThatIsPending) {
  connect(5);
  EXPECT_EQ(accept_batch(), Acceptor::Outcome::wait);
  EXPECT_EQ(accepted_.size(), 5U);
  EXPECT_EQ(counters_.connections_accepted, 5U);
  EXPECT_EQ(counters_.accept_errors, 0U);
}

TEST_F(AcceptorTest, LeavesWhatIsBeyondABatchForTheNextTurn) {
  connect(70);
  EXPECT_EQ(accept_batch(), Acceptor::Outcome::wait);
  EXPECT_EQ(accepted_.size(), 64U);
  EXPECT_EQ(accept_batch(), Acceptor::Outcome::wait);
  EXPECT_EQ(accepted_.size(), 70U);
}

TEST_F(AcceptorTest, PausesWhenDescriptorsAreShort) {
  connect(3);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // The limit is on numbers: with all below the highest in use taken, one more is possible, then
  // none.
  const auto highest = static_cast<rlim_t>(clients_.back().get());
  rlimit tight = before;
  tight.rlim_cur = highest + 2;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  const auto outcome = accept_batch();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(outcome, Acceptor::Outcome::pause);
  EXPECT_EQ(accepted_.size(), 1U);
  EXPECT_EQ(counters_.accept_errors, 1U);
  EXPECT_EQ(accept_batch(), Acceptor::Outcome::wait) << "nothing was lost meanwhile";
  EXPECT_EQ(accepted_.size(), 3U);
}

TEST_F(AcceptorTest, ABrokenListenerDoesNotSpin) {
  listener_.reset();
  EXPECT_EQ(accept_batch(), Acceptor::Outcome::pause);
  EXPECT_EQ(counters_.accept_errors, 1U);
}

TEST(IsAboutOneConnection, TellsGonePeersFromShortages) {
  for (const int code : {ECONNABORTED, EPROTO, ENETUNREACH}) {
    EXPECT_TRUE(is_about_one_connection({code, "accept4"})) << code;
  }
  for (const int code : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EBADF}) {
    EXPECT_FALSE(is_about_one_connection({code, "accept4"})) << code;
  }
}

}  // namespace
}  // namespace c1m::servers::app
