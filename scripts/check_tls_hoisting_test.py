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
struct ThreadContext { void attach(); void* globals; };
extern "C" void* __cxa_get_globals();
void ThreadContext::attach() { globals = __cxa_get_globals(); }
}
"""
PARKS_BETWEEN = """
#include <cerrno>
void park();
int loop() { errno = 1; park(); return errno; }
"""


def compile_sample(folder: Path, text: str) -> str:
    """Compile `text` and return the object file."""
    source = folder / "sample.cpp"
    source.write_text(text)
    result = folder / "sample.o"
    subprocess.run(["g++", "-std=c++20", "-O2", "-c", source, "-o", result], check=True)
    return str(result)


def test_accessors_alone_pass(tmp_path: Path) -> None:
    assert check_tls_hoisting.main([compile_sample(tmp_path, ACCESSORS)]) == 0


def test_errno_across_a_call_that_parks_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_tls_hoisting.main([compile_sample(tmp_path, ACCESSORS + PARKS_BETWEEN)]) == 1
    assert "loop(): thread-local storage outside its accessors" in capsys.readouterr().out


def test_a_check_that_sees_no_accessor_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_tls_hoisting.main([compile_sample(tmp_path, "int nothing() { return 0; }")]) == 1
    assert "this check sees nothing" in capsys.readouterr().out
