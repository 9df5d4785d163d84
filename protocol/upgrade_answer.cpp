// The checks of section 4.1 on a server's answer; see upgrade_answer.hpp.
#include "protocol/upgrade_answer.hpp"

#include "protocol/http_head.hpp"

namespace c1m::protocol {

std::string upgrade_request(const UpgradeWish& wish,
                            std::span<const std::byte, nonce_bytes> nonce) {
  std::string text = "GET " + wish.target + " HTTP/1.1\r\nHost: " + wish.host +
                     "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " +
                     websocket_key(nonce) + "\r\nSec-WebSocket-Version: 13\r\n";
  if (!wish.origin.empty()) text += "Origin: " + wish.origin + "\r\n";
  if (wish.deflate) text += "Sec-WebSocket-Extensions: " + std::string(deflate_offer) + "\r\n";
  return text + "\r\n";
}

std::expected<std::optional<DeflateTerms>, std::string> judge_answer(
    std::string_view head, const UpgradeWish& wish, std::span<const std::byte, nonce_bytes> nonce) {
  const auto answer = parse_head(head);
  if (!answer) return std::unexpected(std::string(answer.error()));
  if (!answer->start_line.starts_with("HTTP/1.1 101"))
    return std::unexpected("the server answered '" + std::string(answer->start_line) + "'");
  if (!answer->lists("Upgrade", "websocket") || !answer->lists("Connection", "Upgrade"))
    return std::unexpected("the server has switched to something else");
  if (answer->count("Sec-WebSocket-Accept") != 1 ||
      answer->value("Sec-WebSocket-Accept") != accept_value(websocket_key(nonce)))
    return std::unexpected("Sec-WebSocket-Accept does not belong to our key");
  if (answer->count("Sec-WebSocket-Protocol") > 0)
    return std::unexpected("a subprotocol that was not asked for");
  const auto extensions = parse_extensions(*answer);
  if (!extensions) return std::unexpected(std::string(extensions.error()));
  if (!wish.deflate && !extensions->empty())
    return std::unexpected("an extension that was not offered");
  const auto terms = judge_answer(*extensions);
  if (!terms) return std::unexpected(std::string(terms.error()));
  return *terms;
}

}  // namespace c1m::protocol
