// An EchoExchange on socket pairs whose other ends the test plays, in virtual time.
#pragma once

#include <memory>
#include <vector>

#include "loadgen/exchange_fixture.hpp"

namespace c1m::loadgen {

class EchoExchangeTest : public ExchangeTest<EchoExchange> {
 protected:
  void open(std::uint32_t connections, std::size_t message_bytes = 64,
            EchoExchange::InFlightLimits limits = {.in_all = 1'000}) {
    payload.emplace(message_bytes, 1);
    range = {.first = 40, .count = connections};
    exchange = std::make_unique<EchoExchange>(range, limits, *payload, clock, poller, accounting);
    accounting.open_window(window);
    for (std::uint32_t index = 0; index < connections; ++index) connect(index);
  }

  void connect(std::uint32_t index) {
    pair_up(index);
    exchange->adopt(index);
  }

  std::vector<std::byte> take_request(std::uint32_t index) { return take_bytes(index); }
  void echo(std::uint32_t index) { give(index, take_request(index)); }
  // Echoes as much as the socket takes and keeps the rest for the next call.
  void echo_some(std::uint32_t index) {
    const auto bytes = take_request(index);
    unechoed.insert(unechoed.end(), bytes.begin(), bytes.end());
    const auto given = os::write_some(peers[index].get(), unechoed).value_or(0);
    unechoed.erase(unechoed.begin(), unechoed.begin() + static_cast<std::ptrdiff_t>(given));
  }

  std::vector<std::byte> unechoed;
};

}  // namespace c1m::loadgen
