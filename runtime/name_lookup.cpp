// os::resolve() as a call that can be left; see name_lookup.hpp.
#include "runtime/name_lookup.hpp"

#include <memory>
#include <utility>

#include "os/resolver.hpp"
#include "runtime/detached_call.hpp"

namespace c1m::runtime {

os::Result<std::vector<os::Endpoint>> resolve(std::string host, std::string service,
                                              os::Nanoseconds deadline_ns, const Context& context) {
  struct Lookup {
    std::string host;
    std::string service;
    os::Result<std::vector<os::Endpoint>> found;
  };
  const auto lookup = std::make_shared<Lookup>(std::move(host), std::move(service));
  const auto ended =
      call_detached([lookup] { lookup->found = os::resolve(lookup->host, lookup->service); },
                    WaitReason::name_lookup, deadline_ns, context);
  if (!ended) return std::unexpected(ended.error());
  return std::move(lookup->found);
}

}  // namespace c1m::runtime
