"""The check of thread-local accesses finds them, and only them, in compiled samples."""

import subprocess
from pathlib import Path

import check_tls_hoisting
import pytest

ACCESSORS = """
namespace c1m::runtime {
class Worker;
thread_local Worker* worker_of_thread = nullptr;
[[gnu::noinline]] Worker* current_worker() { return worker_of_thread; }
[[gnu::noinline]] void set_current_worker(Worker* worker) { worker_of_thread = worker; }
struct ThreadContext { [[gnu::noinline, gnu::used]] void attach(); void* globals; };
extern "C" void* __cxa_get_globals();
void ThreadContext::attach() { globals = __cxa_get_globals(); }
}
"""
# Each uses something of its thread before and after it parks. (Where the two are only compared with
# each other, a compiler finds them equal without a look, and no disassembly shows it.)
HOISTS = {
    "errno": "#include <cerrno>\nvoid park();\nint loop() { errno = 1; park(); return errno; }\n",
    "thread_local": "extern thread_local int slot; void park();\n"
    "int loop() { int sum = 0; for (int i = 9; i--;) { sum += slot; park(); } return sum; }\n",
    "inlined accessor": "void park(); void use(int*); inline thread_local int* own;\n"
    "static int* mine() { return own; }\n"
    "void loop() { use(mine()); park(); use(mine()); }\n",
    "pthread_self": "#include <pthread.h>\nvoid park(); void use(pthread_t);\n"
    "void loop() { use(pthread_self()); park(); use(pthread_self()); }\n",
    "this_thread": "#include <thread>\nvoid park(); void use(std::thread::id);\n"
    "void loop() { use(std::this_thread::get_id()); park(); use(std::this_thread::get_id()); }\n",
    "exception globals": "#include <cxxabi.h>\nvoid park(); void use(void*);\n"
    "void loop() { use(abi::__cxa_get_globals()); park(); use(abi::__cxa_get_globals()); }\n",
}
OPTIONS = {"O0": ["-O0"], "O2": ["-O2"], "O3": ["-O3"], "PIC": ["-O2", "-fPIC"]}


def compile_sample(folder: Path, text: str, options: tuple[str, ...] = ("-O2",)) -> str:
    """Compile `text` and return the object file."""
    source = folder / "sample.cpp"
    source.write_text(text)
    result = folder / "sample.o"
    subprocess.run(["g++", "-std=c++20", *options, "-c", source, "-o", result], check=True)
    return str(result)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_accessors_alone_pass(tmp_path: Path, options: list[str]) -> None:
    sample = compile_sample(tmp_path, ACCESSORS, tuple(options))
    assert check_tls_hoisting.main([sample]) == 0


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("hoist", HOISTS.values(), ids=HOISTS)
def test_what_belongs_to_a_thread_across_a_call_that_parks_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], hoist: str, options: list[str]
) -> None:
    sample = compile_sample(tmp_path, hoist + ACCESSORS, tuple(options))
    assert check_tls_hoisting.main([sample]) == 1
    assert ": thread-local storage outside its accessors: " in capsys.readouterr().out


def test_the_compiler_does_look_up_errno_only_once(tmp_path: Path) -> None:
    """The danger is real: what the check forbids is compiled to one look-up, kept over the park."""
    sample = compile_sample(tmp_path, HOISTS["errno"])
    found = list(check_tls_hoisting.accesses(check_tls_hoisting.disassemble(sample)))
    assert [function for function, _ in found] == ["loop()"]


def test_a_check_that_sees_no_accessor_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_tls_hoisting.main([compile_sample(tmp_path, "int nothing() { return 0; }")]) == 1
    assert "this check sees nothing" in capsys.readouterr().out


PROGRAM = """
#include <cerrno>
#include <cstdio>
namespace c1m::os {
[[gnu::noinline]] int last() { return errno; }
}
namespace c1m::runtime {
void set_current_worker(Worker*);
Worker* current_worker();
[[gnu::noinline]] int park(int given) { return given%s; }
}
int main(int argc, char**) {
  c1m::runtime::ThreadContext context;
  context.attach();
  c1m::runtime::set_current_worker(nullptr);
  std::puts(c1m::runtime::current_worker() == nullptr ? "none" : "one");
  return c1m::os::last() + errno + c1m::runtime::park(argc);
}
"""


@pytest.mark.parametrize(("more", "code"), [("", 0), (" + errno", 1)], ids=["good", "errno"])
def test_a_program_optimized_as_a_whole_is_read_too(tmp_path: Path, more: str, code: int) -> None:
    source = tmp_path / "program.cpp"
    source.write_text(ACCESSORS + PROGRAM % more)
    program = str(tmp_path / "program")
    subprocess.run(["g++", "-std=c++20", "-O2", "-flto", source, "-o", program], check=True)
    assert check_tls_hoisting.main([program]) == code
