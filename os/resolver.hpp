// Host and service names to addresses, through the C library (getaddrinfo).
// Threads: any; the call blocks, for seconds when a name server does not answer. Not here: waiting
// for it without blocking (runtime/name_lookup.hpp); HOST:PORT in one text (socket.hpp).
#pragma once

#include <string>
#include <vector>

#include "os/result.hpp"
#include "os/socket.hpp"

namespace c1m::os {

// The addresses of `host` for TCP, in the order in which to try them (RFC 6724), at least one.
// `host` is a name or a numeric address, `service` a name or a port's number, empty for port 0. The
// operation of an error is the resolver's own words ("getaddrinfo (EAI_NONAME: ...)"); its code is
// the nearest errno: ENXIO when there is no such name or service, ENODATA when it has no address,
// EAGAIN when it may be known later, EIO when the name server fails for good.
[[nodiscard]] Result<std::vector<Endpoint>> resolve(const std::string& host,
                                                    const std::string& service);

}  // namespace c1m::os
