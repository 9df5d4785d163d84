// Which errors of accept(2) concern one connection only; see acceptor.hpp.
#include "servers/app/acceptor.hpp"

#include <cerrno>

namespace c1m::servers::app {

// accept(2): Linux passes pending network errors of the new socket on, and wants them treated like
// EAGAIN.
bool is_about_one_connection(const os::Error& error) {
  switch (error.code) {
    case ECONNABORTED:
    case ECONNRESET:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EINVAL:  // setting an option on a socket that has been reset meanwhile
    case ENETDOWN:
    case ENETUNREACH:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EPROTO:
      return true;
    default:
      return false;
  }
}

}  // namespace c1m::servers::app
