// accept4 between waits; see tcp_listener.hpp.
#include "runtime/tcp_listener.hpp"

#include <utility>

#include "runtime/platform.hpp"

namespace c1m::runtime {

os::Result<TcpListener> TcpListener::adopt(os::Descriptor listener,
                                           const os::SocketOptions& options) {
  auto pollable = Pollable::adopt(std::move(listener));
  if (!pollable) return std::unexpected(pollable.error());
  return TcpListener(std::move(*pollable), options);
}

os::Result<TcpStream> TcpListener::accept(const Context& context) {
  for (;;) {
    if (auto waited = pollable_.wait_readable(WaitReason::accept, context); !waited)
      return std::unexpected(waited.error());
    auto accepted = [this] {
      const Pollable::Use use(pollable_);
      return use.get() < 0 ? os::Result<os::Descriptor>(os::fail(EBADF, "accept4"))
                           : platform::accept_tcp(use.get(), os::Blocking::no, options_);
    }();
    if (accepted) return TcpStream::adopt(std::move(*accepted));
    if (!os::would_block(accepted.error())) return std::unexpected(accepted.error());
    pollable_.read_would_block();
  }
}

}  // namespace c1m::runtime
