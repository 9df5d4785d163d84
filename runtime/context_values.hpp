// What a context carries along: values by typed keys, found from the newest to the oldest.
// Invariants: a value is not changed once it is there; it lives as long as a context that has it.
// Threads: any; what a value's own functions do beside each other is its business.
#pragma once

#include <utility>

#include "runtime/reference.hpp"

namespace c1m::runtime {

// A key is told from others by its address: define it once,
//   inline constexpr ContextKey<std::string> request_id("request id");
template <class Value>
class ContextKey {
 public:
  explicit constexpr ContextKey(const char* name) : name_(name) {}
  ContextKey(const ContextKey&) = delete;
  ContextKey& operator=(const ContextKey&) = delete;
  [[nodiscard]] constexpr const char* name() const { return name_; }

 private:
  const char* name_;
};

struct ContextValue {
  ContextValue(Reference<ContextValue> before, const void* key_of_value)
      : parent(std::move(before)), key(key_of_value) {}
  ContextValue(const ContextValue&) = delete;
  ContextValue& operator=(const ContextValue&) = delete;
  virtual ~ContextValue() = default;
  static void destroy(ContextValue* value) { destroy_with_ancestors(value); }

  ReferenceCount references;
  Reference<ContextValue> parent;
  const void* const key;
};

template <class Value>
struct TypedContextValue final : ContextValue {
  TypedContextValue(Reference<ContextValue> before, const ContextKey<Value>& key_of_value,
                    Value given)
      : ContextValue(std::move(before), &key_of_value), value(std::move(given)) {}
  const Value value;
};

}  // namespace c1m::runtime
