// The keys of the opening handshake (RFC 6455, sections 4.1 and 4.2.2): a client's nonce, and the
// answer that proves that a server has read it as a WebSocket handshake. Threads: values. Not here:
// randomness; nonces are passed in.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace c1m::protocol {

inline constexpr std::size_t nonce_bytes = 16;

// Whether `key` is the base64 form of 16 bytes.
[[nodiscard]] bool is_websocket_key(std::string_view key);

// The base64 form of a nonce.
[[nodiscard]] std::string websocket_key(std::span<const std::byte, nonce_bytes> nonce);

// The value of Sec-WebSocket-Accept: base64(SHA-1(key + the GUID of section 1.3)).
[[nodiscard]] std::string accept_value(std::string_view key);

}  // namespace c1m::protocol
