// What masking costs a byte, against a plain copy of the same bytes.
#include <cstring>
#include <vector>

#include <benchmark/benchmark.h>

#include "protocol/masking.hpp"

namespace c1m::protocol {
namespace {

constexpr MaskKey key{std::byte{0x12}, std::byte{0x34}, std::byte{0x56}, std::byte{0x78}};

void mask_in_place(benchmark::State& state) {
  // Not aligned, as payloads behind headers are.
  std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)) + 6);
  for (auto _ : state) {
    apply_mask(std::span(bytes).subspan(6), key, 0);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(mask_in_place)->Arg(64)->Arg(1'024)->Arg(65'536);

void copy(benchmark::State& state) {
  std::vector<std::byte> from(static_cast<std::size_t>(state.range(0)) + 6);
  std::vector<std::byte> to(from.size());
  for (auto _ : state) {
    std::memcpy(to.data(), from.data() + 6, from.size() - 6);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(copy)->Arg(64)->Arg(1'024)->Arg(65'536);

}  // namespace
}  // namespace c1m::protocol
