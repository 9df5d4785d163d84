// What the article's programs have in common: the command line, [PROCESSORS], and the document at
// the end of standard output. Threads: the main thread. Not here: what is measured.
#pragma once

#include <string>

#include "os/result.hpp"

namespace c1m::article {

class Program {
 public:
  explicit Program(const char* name) : name_(name) {}

  // Calls `run` with the number of processors that the command line gives, or with that of the CPUs
  // this process may use. Returns the exit code: run's, or that of a wrong command line.
  [[nodiscard]] int main_with(int argc, char** argv, int (*run)(const Program&, unsigned)) const;

  // Reports on standard error; the exit code of a failure.
  [[nodiscard]] int fail(const os::Error& error) const;
  void say(const std::string& text) const;

  // Writes the document as the last line of standard output. Fails if that, or anything that was
  // written there before, has been lost.
  [[nodiscard]] static os::Result<void> print(const std::string& json_line);

 private:
  [[nodiscard]] int wrong_usage() const;

  const char* const name_;
};

}  // namespace c1m::article
