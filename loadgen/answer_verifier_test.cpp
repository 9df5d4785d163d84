// Answers settle the requests they belong to, whatever pieces they come in and whatever is wrong.
#include "loadgen/answer_verifier.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "loadgen/xoshiro.hpp"

namespace c1m::loadgen {
namespace {

constexpr std::uint32_t number = 12;

// Writes down what it is told: "ok 3", "corrupt 4", "swallowed 5", "unexpected 7".
class Diary final : public AnswerObserver {
 public:
  void on_answer(const Request& request, bool corrupt) override {
    entries.push_back((corrupt ? "corrupt " : "ok ") + std::to_string(request.sequence));
  }
  void on_swallowed(const Request& request) override {
    entries.push_back("swallowed " + std::to_string(request.sequence));
  }
  void on_unexpected_bytes(std::size_t count) override {
    entries.push_back("unexpected " + std::to_string(count));
  }
  std::vector<std::string> entries;
};

class AnswerVerifierTest : public testing::Test {
 protected:
  // A connection with requests 0 .. count-1 sent whole.
  void send(std::uint32_t count) {
    for (std::uint32_t sent = 0; sent < count; ++sent) {
      const RequestIndex index = requests.take();
      requests[index].sequence = connection.next_sequence++;
      requests[index].sent_ns = 1;
      if (connection.tail == no_request) {
        connection.head = index;
      } else {
        requests[connection.tail].next = index;
      }
      connection.tail = index;
    }
  }

  std::vector<std::byte> answer(std::uint32_t sequence) const {
    const auto message = payload.message(number, sequence);
    return {message.begin(), message.end()};
  }

  void receive(std::span<const std::byte> bytes) {
    verifier.consume(connection, number, bytes, diary);
  }
  void receive_answer(std::uint32_t sequence) { receive(answer(sequence)); }

  Payload payload{64, 77};
  RequestPool requests{100'000};
  AnswerVerifier verifier{payload, requests};
  Connection connection;
  Diary diary;
};

using Entries = std::vector<std::string>;

TEST_F(AnswerVerifierTest, TakesAnswersInOrder) {
  send(3);
  for (const std::uint32_t sequence : {0U, 1U, 2U}) receive_answer(sequence);
  EXPECT_EQ(diary.entries, (Entries{"ok 0", "ok 1", "ok 2"}));
  EXPECT_EQ(requests.size(), 0U);
  EXPECT_EQ(connection.head, no_request);
  EXPECT_EQ(connection.tail, no_request);
}

TEST_F(AnswerVerifierTest, TakesAnswersInPiecesOfAnySize) {
  constexpr std::uint32_t count = 500;
  send(count);
  std::vector<std::byte> stream;
  Entries expected;
  for (std::uint32_t sequence = 0; sequence < count; ++sequence) {
    const auto bytes = answer(sequence);
    stream.insert(stream.end(), bytes.begin(), bytes.end());
    expected.push_back("ok " + std::to_string(sequence));
  }
  Xoshiro256 random(5);
  for (std::span<const std::byte> rest = stream; !rest.empty();) {
    const auto piece = rest.first(std::min<std::size_t>(rest.size(), 1 + random.next_below(200)));
    receive(piece);
    rest = rest.subspan(piece.size());
  }
  EXPECT_EQ(diary.entries, expected);
}

TEST_F(AnswerVerifierTest, FindsEveryFlippedByte) {
  for (std::size_t position = 0; position < 64; ++position) {
    diary.entries.clear();
    send(1);
    auto bytes = answer(connection.next_sequence - 1);
    bytes[position] ^= std::byte{1};
    receive(bytes);
    EXPECT_EQ(diary.entries, Entries{"corrupt " + std::to_string(connection.next_sequence - 1)});
  }
}

TEST_F(AnswerVerifierTest, GoesOnAfterACorruptAnswer) {
  send(3);
  auto bytes = answer(0);
  bytes[10] ^= std::byte{0x80};
  receive(bytes);
  receive_answer(1);
  receive_answer(2);
  EXPECT_EQ(diary.entries, (Entries{"corrupt 0", "ok 1", "ok 2"}));
}

TEST_F(AnswerVerifierTest, CountsSkippedRequestsAsSwallowed) {
  send(5);
  receive_answer(0);
  receive_answer(3);
  receive_answer(4);
  EXPECT_EQ(diary.entries, (Entries{"ok 0", "swallowed 1", "swallowed 2", "ok 3", "ok 4"}));
}

TEST_F(AnswerVerifierTest, SeesTheSwallowedOneInSingleBytes) {
  send(3);
  for (const std::uint32_t sequence : {1U, 2U}) {
    for (const std::byte byte : answer(sequence)) receive({&byte, 1});
  }
  EXPECT_EQ(diary.entries, (Entries{"swallowed 0", "ok 1", "ok 2"}));
}

// The first piece fits both; only the second tells them apart, and the first is no longer there.
TEST_F(AnswerVerifierTest, ReconsidersWhenTheFirstPieceFittedByChance) {
  std::uint32_t twin = 1;
  while (answer(twin)[0] != answer(0)[0]) ++twin;
  send(twin + 1);
  const auto bytes = answer(twin);
  receive(std::span(bytes).first(1));
  receive(std::span(bytes).subspan(1));
  ASSERT_EQ(diary.entries.size(), twin + 1);
  EXPECT_EQ(diary.entries.front(), "swallowed 0");
  EXPECT_EQ(diary.entries.back(), "ok " + std::to_string(twin));
}

// Bytes that begin like a later answer but end like none: nothing was swallowed.
TEST_F(AnswerVerifierTest, BelievesASwallowedRequestOnlyWithItsWholeAnswer) {
  send(2);
  auto bytes = answer(1);
  bytes[63] ^= std::byte{1};
  receive(std::span(bytes).first(32));
  receive(std::span(bytes).subspan(32));
  receive_answer(1);
  EXPECT_EQ(diary.entries, (Entries{"corrupt 0", "ok 1"}));
}

// The beginning of one answer and the end of another are neither of the two.
TEST_F(AnswerVerifierTest, HoldsTheWholeAnswerAgainstALaterRequest) {
  send(2);
  const auto first = answer(0);
  const auto second = answer(1);
  receive(std::span(first).first(32));
  receive(std::span(second).subspan(32));
  receive_answer(1);
  EXPECT_EQ(diary.entries, (Entries{"corrupt 0", "ok 1"}));
}

TEST_F(AnswerVerifierTest, NoRequestIsAnsweredBeforeItHasLeftWhole) {
  send(2);
  connection.first_unsent = connection.tail;
  connection.sent_bytes = 10;
  receive_answer(1);
  EXPECT_EQ(diary.entries, Entries{"corrupt 0"});
}

TEST_F(AnswerVerifierTest, ReportsBytesNobodyAskedFor) {
  send(1);
  auto bytes = answer(0);
  bytes.resize(bytes.size() + 21);
  receive(bytes);
  receive_answer(0);
  EXPECT_EQ(diary.entries, (Entries{"ok 0", "unexpected 21", "unexpected 64"}));
}

TEST_F(AnswerVerifierTest, TakesNoAnswerToARequestThatHasNotLeft) {
  send(1);
  connection.first_unsent = connection.head;
  requests[connection.head].sent_ns = 0;
  receive_answer(0);
  EXPECT_EQ(diary.entries, Entries{"unexpected 64"});
  EXPECT_EQ(requests.size(), 1U);
}

// A large message is echoed while its end is still to be sent.
TEST_F(AnswerVerifierTest, TakesAsMuchOfAnAnswerAsWasSent) {
  send(1);
  connection.first_unsent = connection.head;
  connection.sent_bytes = 40;
  const auto bytes = answer(0);
  receive(std::span(bytes).first(40));
  EXPECT_TRUE(diary.entries.empty());
  connection.first_unsent = no_request;
  connection.sent_bytes = 0;
  receive(std::span(bytes).subspan(40));
  EXPECT_EQ(diary.entries, Entries{"ok 0"});
}

TEST_F(AnswerVerifierTest, LooksAheadOnlySoFar) {
  send(AnswerVerifier::candidates_max + 2);
  receive_answer(AnswerVerifier::candidates_max + 1);
  EXPECT_EQ(diary.entries, Entries{"corrupt 0"});
}

}  // namespace
}  // namespace c1m::loadgen
