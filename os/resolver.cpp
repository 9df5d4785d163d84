// getaddrinfo and the words for what it returns; see resolver.hpp.
#include "os/resolver.hpp"

#include <netdb.h>

#include <memory>

namespace c1m::os {
namespace {

// Codes of the resolver are numbers of their own.
Error error_of(int code) {
  switch (code) {
    case EAI_NONAME:
      return {ENXIO, "getaddrinfo (EAI_NONAME: host or service not known)"};
    case EAI_SERVICE:
      return {ENXIO, "getaddrinfo (EAI_SERVICE: service not known for TCP)"};
    case EAI_NODATA:
      return {ENODATA, "getaddrinfo (EAI_NODATA: the host has no address)"};
    case EAI_ADDRFAMILY:
      return {ENODATA, "getaddrinfo (EAI_ADDRFAMILY: the host has no address of this family)"};
    case EAI_AGAIN:
      return {EAGAIN, "getaddrinfo (EAI_AGAIN: no answer from the name server for now)"};
    case EAI_FAIL:
      return {EIO, "getaddrinfo (EAI_FAIL: the name server has failed)"};
    case EAI_MEMORY:
      return {ENOMEM, "getaddrinfo (EAI_MEMORY)"};
    case EAI_SYSTEM:
      return {errno, "getaddrinfo (EAI_SYSTEM)"};
    default:
      return {EINVAL, "getaddrinfo"};
  }
}

}  // namespace

Result<std::vector<Endpoint>> resolve(const std::string& host, const std::string& service) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code =
      ::getaddrinfo(host.c_str(), service.empty() ? nullptr : service.c_str(), &hints, &found);
  if (code != 0) return std::unexpected(error_of(code));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  std::vector<Endpoint> endpoints;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    endpoints.emplace_back(each->ai_addr, each->ai_addrlen);
  }
  return endpoints;
}

}  // namespace c1m::os
