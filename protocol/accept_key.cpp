// Digest and base64 by OpenSSL's libcrypto; see accept_key.hpp.
#include "protocol/accept_key.hpp"

#include <algorithm>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "os/assert.hpp"

namespace c1m::protocol {
namespace {

constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t key_chars = 24;  // of 16 bytes in base64, the last two of them padding

bool is_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

std::string base64(std::span<const std::byte> bytes) {
  // EVP_EncodeBlock writes a NUL behind the text.
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

}  // namespace

bool is_websocket_key(std::string_view key) {
  return key.size() == key_chars && key.ends_with("==") &&
         std::ranges::all_of(key.substr(0, key_chars - 2), is_base64);
}

std::string websocket_key(std::span<const std::byte, nonce_bytes> nonce) {
  return base64(nonce);
}

std::string accept_value(std::string_view key) {
  std::string text(key);
  text += guid;
  std::array<std::byte, SHA_DIGEST_LENGTH> digest{};
  unsigned length = 0;
  const int done =
      EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &length,
                 EVP_sha1(), nullptr);
  C1M_ASSERT(done == 1 && length == digest.size(), "libcrypto has SHA-1");
  return base64(digest);
}

}  // namespace c1m::protocol
