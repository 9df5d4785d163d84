// The checks of section 4.2.1 in the order in which their answers matter: what is no HTTP request
// at all, what is no upgrade, what is a wrong one. See upgrade_request.hpp.
#include "protocol/upgrade_request.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/accept_key.hpp"
#include "protocol/http_head.hpp"

namespace c1m::protocol {
namespace {

constexpr std::uint16_t switching_protocols = 101;
constexpr std::uint16_t bad_request = 400;
constexpr std::uint16_t forbidden = 403;
constexpr std::uint16_t method_not_allowed = 405;
constexpr std::uint16_t upgrade_required = 426;

struct Refusal {
  std::uint16_t status;
  const char* why;
};
using Finding = std::optional<Refusal>;

std::string_view name_of(std::uint16_t status) {
  switch (status) {
    case bad_request:
      return "Bad Request";
    case forbidden:
      return "Forbidden";
    case method_not_allowed:
      return "Method Not Allowed";
    case upgrade_required:
      return "Upgrade Required";
    default:
      return "Request Header Fields Too Large";
  }
}

struct RequestLine {
  std::string_view method;
  std::string_view target;
  std::string_view version;
};

std::optional<RequestLine> split(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  return RequestLine{.method = line.substr(0, first),
                     .target = line.substr(first + 1, last - first - 1),
                     .version = line.substr(last + 1)};
}

bool is_target(std::string_view target) {
  const auto is_visible = [](char c) { return c > ' ' && c < '\x7f'; };
  const bool begins_well = target.starts_with('/') || target.starts_with("http://") ||
                           target.starts_with("https://") || target.starts_with("ws://") ||
                           target.starts_with("wss://");
  // RFC 6455, section 3: no fragment.
  return begins_well && std::ranges::all_of(target, is_visible) && !target.contains('#');
}

Finding check_request_line(std::string_view line) {
  const auto parts = split(line);
  if (!parts || !is_token(parts->method)) return Refusal{bad_request, "a bad request line"};
  if (parts->version != "HTTP/1.1") return Refusal{bad_request, "this server speaks HTTP/1.1 only"};
  if (parts->method != "GET") return Refusal{method_not_allowed, "only GET opens a WebSocket"};
  if (!is_target(parts->target)) return Refusal{bad_request, "a bad request target"};
  return std::nullopt;
}

Finding check_http(const HttpHead& head) {
  if (auto found = check_request_line(head.start_line)) return found;
  if (head.count("Host") != 1 || head.value("Host").contains(' '))
    return Refusal{bad_request, "exactly one Host is needed"};
  const bool has_body = head.count("Transfer-Encoding") > 0 || head.count("Content-Length") > 1 ||
                        (head.count("Content-Length") == 1 && head.value("Content-Length") != "0");
  if (has_body) return Refusal{bad_request, "an upgrade has no body"};
  return std::nullopt;
}

Finding check_upgrade(const HttpHead& head) {
  if (!head.lists("Upgrade", "websocket") || !head.lists("Connection", "Upgrade"))
    return Refusal{upgrade_required, "there is only WebSocket here"};
  if (head.count("Sec-WebSocket-Version") > 1)
    return Refusal{bad_request, "more than one Sec-WebSocket-Version"};
  if (head.value("Sec-WebSocket-Version") != "13")
    return Refusal{upgrade_required, "WebSocket version 13 only"};
  if (head.count("Sec-WebSocket-Key") != 1 || !is_websocket_key(head.value("Sec-WebSocket-Key")))
    return Refusal{bad_request, "exactly one Sec-WebSocket-Key of 16 bytes is needed"};
  return std::nullopt;
}

Finding check_origin(const HttpHead& head, const std::vector<std::string>& allowed) {
  if (head.count("Origin") > 1) return Refusal{bad_request, "more than one Origin"};
  if (allowed.empty() || head.count("Origin") == 0) return std::nullopt;
  // Schemes and hosts do not depend on case (RFC 6454, section 4); nothing else is in an origin.
  const auto matches = [origin = head.value("Origin")](const std::string& one) {
    return equal_in_any_case(one, origin);
  };
  if (std::ranges::any_of(allowed, matches)) return std::nullopt;
  return Refusal{forbidden, "this origin is not allowed here"};
}

}  // namespace

UpgradeVerdict refuse_upgrade(std::uint16_t status, std::string_view why) {
  std::string body(why);
  body += '\n';
  UpgradeVerdict verdict{.status = status, .answer = {}, .deflate = std::nullopt};
  std::string& text = verdict.answer;
  text += "HTTP/1.1 " + std::to_string(status) + ' ';
  text += name_of(status);
  text += "\r\n";
  if (status == method_not_allowed) text += "Allow: GET\r\n";
  const bool invites = status == upgrade_required;
  if (invites) text += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
  text += invites ? "Connection: Upgrade, close\r\n" : "Connection: close\r\n";
  text += "Content-Type: text/plain\r\nContent-Length: " + std::to_string(body.size());
  text += "\r\n\r\n" + body;
  return verdict;
}

UpgradeVerdict judge_upgrade(std::string_view head, const UpgradeRules& rules) {
  const auto request = parse_head(head);
  if (!request) return refuse_upgrade(bad_request, request.error());
  Finding found = check_http(*request);
  if (!found) found = check_upgrade(*request);
  if (!found) found = check_origin(*request, rules.allowed_origins);
  if (found) return refuse_upgrade(found->status, found->why);
  const auto extensions = parse_extensions(*request);
  if (!extensions) return refuse_upgrade(bad_request, extensions.error());

  UpgradeVerdict verdict{.status = switching_protocols, .answer = {}, .deflate = std::nullopt};
  if (rules.may_deflate) verdict.deflate = choose_offer(*extensions);
  verdict.answer =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      accept_value(request->value("Sec-WebSocket-Key")) + "\r\n";
  if (verdict.deflate)
    verdict.answer += "Sec-WebSocket-Extensions: " + deflate_answer(*verdict.deflate) + "\r\n";
  verdict.answer += "\r\n";
  return verdict;
}

}  // namespace c1m::protocol
