// Reading the command line and writing the document; see program.hpp.
#include "article/program.hpp"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string_view>
#include <system_error>

#include "os/cpu_set.hpp"
#include "os/exit_code.hpp"
#include "runtime/runtime.hpp"

namespace c1m::article {

int Program::main_with(int argc, char** argv, int (*run)(const Program&, unsigned)) const {
  if (argc > 2) return wrong_usage();
  if (argc == 2) {
    const std::string_view text = argv[1];
    unsigned processors = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), processors);
    const bool whole = code == std::errc() && end == text.data() + text.size();
    if (!whole || processors < 1 || processors > runtime::processors_max) return wrong_usage();
    return run(*this, processors);
  }
  const auto cpus = os::allowed_cpus();
  if (!cpus) return fail(cpus.error());
  return run(*this, static_cast<unsigned>(cpus->size()));
}

int Program::wrong_usage() const {
  const std::string text = std::string("usage: ") + name_ + " [PROCESSORS]\nPROCESSORS: 1 to " +
                           std::to_string(runtime::processors_max) +
                           "; as many as this process may use CPUs if not given\n";
  std::fputs(text.c_str(), stderr);
  return os::exit_wrong_usage;
}

int Program::fail(const os::Error& error) const {
  say(os::describe(error));
  return os::exit_failed;
}

void Program::say(const std::string& text) const {
  std::fputs((std::string(name_) + ": " + text + "\n").c_str(), stderr);
}

os::Result<void> Program::print(const std::string& json_line) {
  constexpr const char* operation = "write to standard output";
  std::fputs((json_line + "\n").c_str(), stdout);
  if (std::fflush(stdout) != 0) return os::fail(errno, operation);
  // What failed earlier stays with the stream; its code is gone by now.
  if (std::ferror(stdout) != 0) return os::fail(EIO, operation);
  return {};
}

}  // namespace c1m::article
