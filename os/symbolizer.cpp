// GCC's libbacktrace, which also names what was inlined. See symbolizer.hpp.
#include "os/symbolizer.hpp"

#include <backtrace.h>
#include <cxxabi.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <thread>

namespace c1m::os {
namespace {

// What is not known is left out of the answer; there is nobody to tell.
void ignore_error(void* /*data*/, const char* /*message*/, int /*number*/) {}

// Never freed: the library keeps what it has read in it.
backtrace_state* debug_information() {
  constexpr int threads_share_it = 1;
  static backtrace_state* const state =
      backtrace_create_state(nullptr, threads_share_it, ignore_error, nullptr);
  return state;
}

std::string demangled(const char* name) {
  if (name == nullptr) return {};
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free);
  return status == 0 ? text.get() : name;
}

int add_place(void* data, std::uintptr_t /*address*/, const char* file, int line,
              const char* function) {
  if (file == nullptr && function == nullptr) return 0;
  static_cast<std::vector<SourcePlace>*>(data)->push_back(
      {.function = demangled(function), .file = file == nullptr ? "" : file, .line = line});
  return 0;
}

void add_symbol(void* data, std::uintptr_t /*address*/, const char* name, std::uintptr_t /*value*/,
                std::uintptr_t /*bytes*/) {
  if (name == nullptr) return;
  static_cast<std::vector<SourcePlace>*>(data)->push_back(
      {.function = demangled(name), .file = {}});
}

std::vector<SourcePlace> find_call(const void* return_address) {
  std::vector<SourcePlace> places;
  backtrace_state* const state = debug_information();
  if (state == nullptr) return places;
  // The call ends where it returns to, which may be another line already, or another function.
  const auto within_call = reinterpret_cast<std::uintptr_t>(return_address) - 1;
  backtrace_pcinfo(state, within_call, add_place, ignore_error, &places);
  if (places.empty()) backtrace_syminfo(state, within_call, add_symbol, ignore_error, &places);
  return places;
}

}  // namespace

std::vector<std::vector<SourcePlace>> find_calls(std::span<const void* const> return_addresses) {
  std::vector<std::vector<SourcePlace>> found(return_addresses.size());
  try {
    std::thread([&] {
      for (std::size_t i = 0; i < found.size(); ++i) found[i] = find_call(return_addresses[i]);
    }).join();
  } catch (const std::system_error&) {
    found.assign(found.size(), {});  // no thread to be had: addresses without names
  }
  return found;
}

}  // namespace c1m::os
