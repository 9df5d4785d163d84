// Flags, then the supervisor; see server_main.hpp.
#include "servers/app/server_main.hpp"

#include <unistd.h>

#include "os/exit_code.hpp"
#include "os/file.hpp"
#include "servers/app/server_flags.hpp"
#include "servers/app/supervisor.hpp"

namespace c1m::servers::app {

int run_server(const Backend& backend, int argc, const char* const* argv) {
  const auto options = parse_server_flags(backend, argc, argv);
  if (options) return supervise(backend, *options);
  const EarlyExit& early = options.error();
  const int stream = early.exit_code == os::exit_good ? STDOUT_FILENO : STDERR_FILENO;
  if (const auto written = os::write_all(stream, early.text); !written) return os::exit_failed;
  return early.exit_code;
}

}  // namespace c1m::servers::app
