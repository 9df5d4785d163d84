// Bits and lengths of frame headers; see frame_header.hpp.
#include "protocol/frame_header.hpp"

#include <algorithm>
#include <bit>

namespace c1m::protocol {
namespace {

using Outcome = HeaderReading::Outcome;

constexpr unsigned fin_bit = 0x80;
constexpr unsigned rsv1_bit = 0x40;
constexpr unsigned other_rsv_bits = 0x30;
constexpr unsigned opcode_bits = 0x0f;
constexpr unsigned mask_bit = 0x80;
constexpr unsigned length_bits = 0x7f;
constexpr unsigned length_in_2_bytes = 126;
constexpr unsigned length_in_8_bytes = 127;

HeaderReading wrong(const char* why) {
  return {.outcome = Outcome::wrong, .header = {}, .bytes = 0, .why = why};
}

// Four bits of a header, which is_known() has looked at.
Opcode to_opcode(unsigned number) {
  return std::bit_cast<Opcode>(static_cast<std::uint8_t>(number));
}

bool is_known(unsigned opcode) {
  return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

const char* fault_of_first_byte(unsigned byte, bool may_be_compressed) {
  const unsigned number = byte & opcode_bits;
  if ((byte & other_rsv_bits) != 0) return "a reserved bit is set";
  if (!is_known(number)) return "a reserved opcode";
  const auto opcode = to_opcode(number);
  const bool begins_message = opcode == Opcode::text || opcode == Opcode::binary;
  if ((byte & rsv1_bit) != 0 && !(may_be_compressed && begins_message))
    return "a reserved bit is set";
  if (is_control(opcode) && (byte & fin_bit) == 0) return "a fragmented control frame";
  return nullptr;
}

const char* fault_of_second_byte(unsigned byte, Role role, Opcode opcode) {
  const bool is_masked = (byte & mask_bit) != 0;
  if (role == Role::server && !is_masked) return "a frame that is not masked";
  if (role == Role::client && is_masked) return "a masked frame from a server";
  if (is_control(opcode) && (byte & length_bits) > control_payload_bytes_max)
    return "a control frame that is too long";
  return nullptr;
}

std::uint64_t big_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint64_t>(byte);
  return value;
}

const char* fault_of_length(std::uint64_t length, std::size_t length_bytes) {
  if (length >> 63 != 0) return "a length with its top bit set";
  const std::uint64_t shortest = length_bytes == 2 ? 126 : 65'536;
  return length < shortest ? "a length not in its shortest form" : nullptr;
}

}  // namespace

HeaderReading read_frame_header(std::span<const std::byte> bytes, Role role,
                                bool may_be_compressed) {
  if (bytes.empty()) return {};
  const auto first = std::to_integer<unsigned>(bytes[0]);
  if (const char* fault = fault_of_first_byte(first, may_be_compressed)) return wrong(fault);
  if (bytes.size() < 2) return {};
  HeaderReading reading;
  FrameHeader& header = reading.header;
  header.is_final = (first & fin_bit) != 0;
  header.is_compressed = (first & rsv1_bit) != 0;
  header.opcode = to_opcode(first & opcode_bits);
  const auto second = std::to_integer<unsigned>(bytes[1]);
  if (const char* fault = fault_of_second_byte(second, role, header.opcode)) return wrong(fault);
  header.is_masked = (second & mask_bit) != 0;
  header.payload_bytes = second & length_bits;

  std::size_t size = 2;
  if (header.payload_bytes >= length_in_2_bytes) {
    const std::size_t length_bytes = header.payload_bytes == length_in_2_bytes ? 2 : 8;
    if (bytes.size() < size + length_bytes) return {};
    header.payload_bytes = big_endian(bytes.subspan(size, length_bytes));
    if (const char* fault = fault_of_length(header.payload_bytes, length_bytes))
      return wrong(fault);
    size += length_bytes;
  }
  if (header.is_masked) {
    if (bytes.size() < size + header.key.size()) return {};
    std::ranges::copy(bytes.subspan(size, header.key.size()), header.key.begin());
    size += header.key.size();
  }
  reading.outcome = Outcome::complete;
  reading.bytes = size;
  return reading;
}

std::size_t write_frame_header(const FrameHeader& header, std::byte* to) {
  const auto put = [&to](std::uint64_t value) { *to++ = static_cast<std::byte>(value); };
  const unsigned masked = header.is_masked ? mask_bit : 0;
  const std::uint64_t length = header.payload_bytes;
  put((header.is_final ? fin_bit : 0) | (header.is_compressed ? rsv1_bit : 0) |
      static_cast<unsigned>(header.opcode));
  std::size_t length_bytes = 0;
  if (length < length_in_2_bytes) {
    put(masked | length);
  } else if (length < 65'536) {
    put(masked | length_in_2_bytes);
    length_bytes = 2;
  } else {
    put(masked | length_in_8_bytes);
    length_bytes = 8;
  }
  for (std::size_t i = length_bytes; i > 0; --i) put(length >> (8 * (i - 1)));
  if (header.is_masked) std::ranges::copy(header.key, to);
  return frame_header_bytes(length, header.is_masked);
}

}  // namespace c1m::protocol
