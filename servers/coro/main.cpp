// c1m-coro: a coroutine a connection, on c1m's own runtime.
#include "runtime/stack_policy.hpp"
#include "servers/app/server_main.hpp"
#include "servers/coro/coro_server.hpp"

int main(int argc, char** argv) {
  constexpr c1m::servers::app::Backend backend{
      .name = "coro",
      .program = "c1m-coro",
      .summary = "Echo server on stackful coroutines: one a connection, many on a few threads.",
      .has_processors = true,
      .has_coroutines = true,
      .has_compact_stacks = c1m::runtime::compact_stacks_work,
      .has_pollers = true,
      .turns_unavailable = "workers run coroutines, and run_us is how long each ran at a time",
      .serve = c1m::servers::coro::serve,
  };
  return c1m::servers::app::run_server(backend, argc, argv);
}
