// The far end of scripts/compare_generators.py and latency_error.py: answers each request of so
// many bytes with as many, which are its own for c1m-load, or an HTTP response for wrk. Prints its
// port, serves until it is ended.
//
// With a rate it answers no more requests a second than that: it spins until the next one may be
// answered, so that it sets the pace of a closed loop whoever the client is, and is hardly ever
// asleep. --busy has it look for requests without sleep: who sends to a sleeping process pays for
// its wake-up, which before an idle CPU of a virtual machine may be more than all else.
// Invariant: one read and one write a request, whatever the answer is. Threads: one. Not here:
// parsing (the client's requests have the length that was agreed on), measuring.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "os/clock.hpp"
#include "os/exit_code.hpp"
#include "os/file.hpp"
#include "os/pause.hpp"
#include "os/poller.hpp"
#include "os/result.hpp"
#include "os/socket.hpp"

namespace {

using namespace c1m;

struct ResponderFlags {
  std::string answer = "echo";
  std::size_t bytes = 128;
  double rate = 0;  // 0: no limit
  bool busy = false;
};

constexpr std::size_t bytes_least = 64;  // the head of the HTTP response fits
constexpr std::size_t bytes_most = 60'000;

// A response of so many bytes in all.
std::string http_response(std::size_t bytes) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: ";
  const std::string gap = "\r\n\r\n";
  std::size_t body = bytes - head.size() - gap.size();
  body -= std::to_string(body).size();
  std::string text = head + std::to_string(body) + gap;
  // A shorter number may leave a byte over, which a space before it takes.
  if (text.size() + body < bytes) text.insert(head.size(), bytes - text.size() - body, ' ');
  return text + std::string(body, 'x');
}

class PacedResponder {
 public:
  PacedResponder(const ResponderFlags& flags, int listener, os::Poller poller)
      : flags_(flags),
        interval_ns_(flags.rate > 0 ? static_cast<double>(os::ns_per_s) / flags.rate : 0),
        listener_(listener),
        poller_(std::move(poller)),
        response_(http_response(flags.bytes)),
        buffer_(flags.bytes) {}

  os::Result<void> serve() {
    if (auto added = poller_.add(listener_, EPOLLIN, static_cast<std::uint64_t>(listener_)); !added)
      return added;
    std::array<epoll_event, 256> events{};
    while (true) {
      const auto ready = poller_.wait(events, flags_.busy ? 0 : -1);
      if (!ready) return std::unexpected(ready.error());
      for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(*ready))) {
        const auto fd = static_cast<int>(event.data.u64);
        fd == listener_ ? accept_one() : answer(fd);
      }
    }
  }

 private:
  void accept_one() {
    // Blocking, so that a request is read and an answer written whole.
    auto accepted = os::accept_tcp(listener_, os::Blocking::yes, {});
    if (!accepted) return;
    const int fd = accepted->get();
    // Kept open until the other end closes.
    if (poller_.add(fd, EPOLLIN, static_cast<std::uint64_t>(fd))) std::ignore = accepted->release();
  }

  void answer(int fd) {
    for (std::size_t filled = 0; filled < buffer_.size();) {
      const auto got = os::read_some(fd, std::span(buffer_).subspan(filled));
      if (!got || *got == 0) {
        ::close(fd);  // also ends its registration with the poller
        return;
      }
      filled += *got;
    }
    await_turn();
    const auto bytes = flags_.answer == "http" ? std::as_bytes(std::span(response_))
                                               : std::span<const std::byte>(buffer_);
    for (std::size_t sent = 0; sent < bytes.size();) {
      const auto given = os::write_some(fd, bytes.subspan(sent));
      if (!given) return;  // the next read says why
      sent += *given;
    }
  }

  // Time that nobody asked for an answer in is not made up for, nor that in which this process did
  // not run; what the spinning overshoots is.
  void await_turn() {
    if (interval_ns_ <= 0) return;
    next_ns_ = std::max(next_ns_, static_cast<double>(os::monotonic_ns()));
    while (static_cast<double>(os::monotonic_ns()) < next_ns_) os::pause_cpu();
    next_ns_ += interval_ns_;
  }

  ResponderFlags flags_;
  double interval_ns_;
  int listener_;
  os::Poller poller_;
  std::string response_;
  std::vector<std::byte> buffer_;
  double next_ns_ = 0;  // when the next request may be answered
};

os::Result<void> run(const ResponderFlags& flags) {
  auto listener = os::listen_tcp(os::Endpoint::ipv4(INADDR_LOOPBACK, 0), {});
  if (!listener) return std::unexpected(listener.error());
  const auto endpoint = os::local_endpoint(listener->get());
  if (!endpoint) return std::unexpected(endpoint.error());
  auto poller = os::Poller::create();
  if (!poller) return std::unexpected(poller.error());
  auto said = os::write_all(STDOUT_FILENO, fmt::format("{}\n", endpoint->port()));
  if (!said) return said;
  return PacedResponder(flags, listener->get(), *std::move(poller)).serve();
}

int run_program(int argument_count, char** arguments) {
  CLI::App app("Answers requests of a fixed length with as many bytes, at a bounded rate.",
               "paced_responder");
  ResponderFlags flags;
  app.add_option("--answer", flags.answer, "echo | http: the request itself, or an HTTP response")
      ->check(CLI::IsMember({"echo", "http"}));
  app.add_option("--bytes", flags.bytes, "of a request, and of its answer [128]")
      ->check(CLI::Range(bytes_least, bytes_most));
  app.add_option("--rate", flags.rate, "answers a second at most [no limit]")
      ->check(CLI::Range(1.0, 1e7));
  app.add_flag("--busy", flags.busy, "look for requests without ever sleeping");
  CLI11_PARSE(app, argument_count, arguments);
  const auto outcome = run(flags);
  if (outcome) return os::exit_good;
  static_cast<void>(os::write_all(
      STDERR_FILENO, fmt::format("paced_responder: {}\n", os::describe(outcome.error()))));
  return os::exit_failed;
}

}  // namespace

int main(int argument_count, char** arguments) {
  try {
    return run_program(argument_count, arguments);
  } catch (const std::exception& error) {
    // Of the libraries: no memory, mostly.
    static_cast<void>(std::fputs(error.what(), stderr));
    return os::exit_failed;
  }
}
