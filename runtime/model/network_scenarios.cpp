// Scenarios on the machine's network: every byte comes back, and every wait ends.
#include <array>
#include <memory>
#include <string>

#include "runtime/model/scenarios.hpp"
#include "runtime/sleep.hpp"
#include "runtime/spawn.hpp"
#include "runtime/tcp_listener.hpp"
#include "runtime/tcp_stream.hpp"
#include "runtime/yield.hpp"

namespace c1m::runtime::model {
namespace {

constexpr std::uint16_t port = 7;
constexpr int clients = 2;

os::Endpoint server() {
  return os::Endpoint::ipv4(0x7f000001, port);
}

void spawn_or_fail(Stage& stage, std::move_only_function<void()> function) {
  stage.require(spawn(std::move(function)).has_value(), "a spawn has failed");
}

// Registration may fail for want of memory.
std::shared_ptr<TcpListener> listen() {
  for (;;) {
    auto listener = TcpListener::adopt(std::move(*Network::current()->listen(port)));
    if (listener) return std::make_shared<TcpListener>(std::move(*listener));
    yield();
  }
}

struct Pair {
  TcpStream near;
  TcpStream far;
};

std::shared_ptr<Pair> connected_pair(Stage& stage) {
  const auto listener = listen();
  auto near = TcpStream::connect(server());
  auto far = listener->accept();
  stage.require(near && far, "a connection has failed");
  listener->close();
  if (!near || !far) return nullptr;
  return std::make_shared<Pair>(std::move(*near), std::move(*far));
}

void serve(Stage& stage, TcpStream stream) {
  std::array<std::byte, 5> buffer;
  for (;;) {
    const auto got = stream.read(buffer);
    stage.require(got.has_value(), "a server's read has failed");
    if (!got || *got == 0) break;
    if (!stream.write(std::span(buffer).first(*got))) break;  // the client has gone
  }
  stage.end();
}

void accept_all(Stage& stage, TcpListener& listener) {
  for (;;) {
    auto stream = listener.accept();
    if (stream) {
      stage.begin();
      spawn_or_fail(stage, [&stage, stream = std::move(*stream)] mutable {
        serve(stage, std::move(stream));
      });
    } else if (stream.error().code == EBADF) {
      break;
    } else {
      yield();  // no descriptor or no memory: another may give one back
    }
  }
  stage.end();
}

// False when the connection was dropped for want of memory on either side.
bool ask(Stage& stage) {
  auto stream = TcpStream::connect(server());
  if (!stream) return false;
  const std::string question = "0123456789ab";
  if (!stream->write(std::as_bytes(std::span(question)))) return false;
  std::string answer;
  while (answer.size() < question.size()) {
    std::array<std::byte, 7> buffer;
    const auto got = stream->read(buffer);
    if (!got || *got == 0) return false;
    answer.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
  stage.require(answer == question, "an echo is not what was sent");
  return true;
}

}  // namespace

void echoes(Stage& stage) {
  const auto listener = listen();
  stage.begin();
  spawn_or_fail(stage, [&stage, listener] { accept_all(stage, *listener); });
  auto left = std::make_shared<int>(clients);
  for (int i = 0; i < clients; ++i) {
    stage.begin();
    spawn_or_fail(stage, [&stage, listener, left] {
      while (!ask(stage)) yield();
      stage.end();
      if (--*left == 0) listener->close();
    });
  }
}

// Both directions wait when another coroutine closes the stream.
void closes_under_waiters(Stage& stage) {
  const auto pair = connected_pair(stage);
  if (!pair) return;
  spawn_or_fail(stage, [&stage, pair] {
    std::array<std::byte, 4> buffer;
    const auto got = pair->near.read(buffer);
    stage.require(!got && got.error().code == EBADF, "a read goes on after close()");
  });
  spawn_or_fail(stage, [&stage, pair] {
    const std::array<std::byte, 20> bytes{};
    const auto sent = pair->near.write(bytes);
    stage.require(!sent && sent.error().code == EBADF, "a write goes on after close()");
  });
  for (int i = stage.pick(4); i > 0; --i) yield();
  if (stage.pick(2) == 0) std::ignore = sleep_for(stage.pick(50) * os::ns_per_us);
  pair->near.close();
}

// Data and a deadline race: the reader gets one or the other, and in the end the data.
void reads_with_deadlines(Stage& stage) {
  const auto pair = connected_pair(stage);
  if (!pair) return;
  const auto moved = std::make_shared<bool>(false);  // to an earlier time
  spawn_or_fail(stage, [&stage, pair, moved] {
    stage.begin();
    std::array<std::byte, 4> buffer;
    const os::Nanoseconds deadline_ns = now_ns() + stage.pick(60) * os::ns_per_us;
    pair->near.set_read_deadline(deadline_ns);
    auto got = pair->near.read(buffer);
    while (!got) {
      stage.require(got.error().code == ETIMEDOUT, "a read fails for another reason");
      const bool early = now_ns() < deadline_ns && !*moved;
      stage.require(!early, "a deadline comes early");
      pair->near.set_read_deadline(no_deadline);
      got = pair->near.read(buffer);
    }
    stage.end();
  });
  std::ignore = sleep_for(stage.pick(60) * os::ns_per_us);
  if (stage.pick(3) == 0) {
    *moved = true;
    pair->near.set_read_deadline(now_ns());
  }
  const std::array<std::byte, 3> bytes{};
  stage.require(pair->far.write(bytes).has_value(), "a write has failed");
}

// Between the registration and the wait nothing is spawned or woken: only stop() itself sees to it
// that it finds the descriptor.
void accepts_until_stopped(Stage& stage) {
  stage.begin();
  const auto accepted = listen()->accept();
  stage.require(!accepted && accepted.error().code == ECANCELED, "an accept was not stopped");
  stage.end();
}

void reads_until_stopped(Stage& stage) {
  const auto listener = listen();
  spawn_or_fail(stage, [&stage, listener] {
    stage.begin();
    const auto accepted = listener->accept();
    stage.require(!accepted && accepted.error().code == ECANCELED, "an accept was not stopped");
    stage.end();
  });
}

}  // namespace c1m::runtime::model
