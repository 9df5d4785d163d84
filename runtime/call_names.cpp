// Choosing the call to show; see call_names.hpp.
#include "runtime/call_names.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

#include "os/symbolizer.hpp"

namespace c1m::runtime {
namespace {

using Places = std::vector<os::SourcePlace>;

std::string text_of(const os::SourcePlace& place) {
  std::string text;
  if (!place.file.empty()) text = place.file + ":" + std::to_string(place.line) + " in ";
  return text + place.function;
}

std::string text_of(const void* address) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%p", address);
  return text.data();
}

// What calls a coroutine's function: beyond it nothing is the user's.
bool is_entry(const os::SourcePlace& place) {
  return place.function.contains("c1m::runtime::StartOf<") ||
         place.function.contains("c1m::runtime::coroutine_entry");
}

std::string place_of(const CallChain& chain, const std::map<const void*, Places>& known) {
  std::string outermost;  // of the runtime's own, for a coroutine that is one
  for (const void* const address : chain.calls()) {
    const Places& places = known.at(address);
    if (places.empty()) return text_of(address);
    for (const os::SourcePlace& place : places) {
      if (is_entry(place)) return outermost;
      if (!is_machinery(place.function)) return text_of(place);
      outermost = text_of(place);
    }
  }
  return outermost;
}

}  // namespace

// The name begins after the last space that is not within brackets, and ends at the first
// parenthesis: "void a::f<b, c>(int)", "a::f()::{lambda()#1}::operator()() const".
bool is_machinery(std::string function) {
  constexpr std::string_view anonymous = "(anonymous namespace)";
  for (std::size_t at = 0; (at = function.find(anonymous)) != std::string::npos;) {
    function.replace(at, anonymous.size(), "{anonymous}");
  }
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i < function.size(); ++i) {
    if (function[i] == '<') ++depth;
    if (function[i] == '>') --depth;
    if (depth == 0 && function[i] == ' ') begin = i + 1;
    if (depth == 0 && function[i] == '(') break;
  }
  const std::string_view name = std::string_view(function).substr(begin);
  return name.starts_with("c1m::runtime::") || name.starts_with("std::") ||
         name.starts_with("__gnu_cxx::");
}

std::vector<std::string> places_of(std::span<const CallChain> chains) {
  std::map<const void*, Places> known;
  for (const CallChain& chain : chains) {
    for (const void* const address : chain.calls()) known.try_emplace(address);
  }
  std::vector<const void*> addresses;
  addresses.reserve(known.size());
  for (const auto& [address, places] : known) addresses.push_back(address);
  std::vector<Places> found = os::find_calls(addresses);
  for (std::size_t i = 0; i < addresses.size(); ++i) known[addresses[i]] = std::move(found[i]);

  std::vector<std::string> texts;
  texts.reserve(chains.size());
  for (const CallChain& chain : chains) {
    switch (chain.kind) {
      case ChainKind::none:
        texts.emplace_back();
        break;
      case ChainKind::frames:
        texts.push_back(place_of(chain, known));
        break;
      case ChainKind::frozen:
        texts.emplace_back("unknown: the frames of this coroutine are frozen");
        break;
    }
  }
  return texts;
}

}  // namespace c1m::runtime
