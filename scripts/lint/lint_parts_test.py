"""The lint's own parts: listing files, remembering successes, exemptions, missing tools."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from lint import check_cpp, check_tools, exemptions
from lint.exemptions import Exemption
from lint.include_graph import IncludeGraph
from lint.result_cache import ResultCache
from lint.source_tree import SAMPLES, Finding, SourceTree

LONG = Finding(Path("os/clock.cpp"), 0, "has 412 lines; at most 400")
ALLOW_LONG = Exemption("size", "os/clo*.cpp", "412 lines", "a table")


def make_checkout(root: Path, names: list[str]) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("text\n")


def test_checkout_lists_tracked_and_new_files_but_not_ignored_ones_or_samples(
    tmp_path: Path,
) -> None:
    sample = str(SAMPLES / "names/bad/x.cpp")
    make_checkout(tmp_path, ["new.cpp", "tracked.cpp", "deleted.cpp", "build/out.cpp", sample])
    (tmp_path / ".gitignore").write_text("/build/\n")
    subprocess.run(["git", "add", "tracked.cpp", "deleted.cpp"], cwd=tmp_path, check=True)
    (tmp_path / "deleted.cpp").unlink()
    files = SourceTree.of_checkout(tmp_path).files
    assert list(map(str, files)) == [".gitignore", "new.cpp", "tracked.cpp"]


def test_shell_files_are_found_by_suffix_and_by_first_line(tmp_path: Path) -> None:
    (tmp_path / "a.sh").write_text("true\n")
    (tmp_path / "b").write_text("#!/usr/bin/env bash\n")
    (tmp_path / "c").write_text("#!/usr/bin/env python3\n")
    assert list(map(str, SourceTree.of_directory(tmp_path).shell_files)) == ["a.sh", "b"]


def test_closure_follows_includes_through_a_cycle(tmp_path: Path) -> None:
    (tmp_path / "a.hpp").write_text('#include "b.hpp"\n')
    (tmp_path / "b.hpp").write_text('  #  include "a.hpp"\n#include "none.hpp"\n')
    (tmp_path / "c.cpp").write_text('#include <vector>\n#include "a.hpp"\n')
    graph = IncludeGraph.of(SourceTree.of_directory(tmp_path))
    assert list(map(str, graph.closure(Path("c.cpp")))) == ["a.hpp", "b.hpp", "c.cpp"]


def test_a_file_compiled_twice_is_read_with_the_fewest_settings(tmp_path: Path) -> None:
    tree = SourceTree.of_directory(tmp_path)
    build = tmp_path / "build"
    build.mkdir()
    commands = {
        "c++ -DMODEL -c a.cpp": tmp_path / "a.cpp",
        "c++ -c a.cpp": tmp_path / "a.cpp",
        "c++ -DOTHER -c a.cpp": tmp_path / "a.cpp",
        "c++ -DMODEL -c b.cpp": tmp_path / "b.cpp",
        "c++ -c made.cpp": build / "made.cpp",
        "c++ -c theirs.cpp": Path("/usr/src/theirs.cpp"),
    }
    (build / "compile_commands.json").write_text(
        json.dumps([{"file": str(file), "command": each} for each, file in commands.items()])
    )
    found = check_cpp.own_compilations(tree, build)
    assert {str(path): entry["command"] for path, entry in found.items()} == {
        "a.cpp": "c++ -c a.cpp",
        "b.cpp": "c++ -DMODEL -c b.cpp",
    }


def test_cache_key_changes_with_every_input(tmp_path: Path) -> None:
    stored = ResultCache(tmp_path / "stored")
    file = Path("input")
    (tmp_path / file).write_text("one")
    (tmp_path / "other").write_text("one")
    key = stored.key(["command"], tmp_path, [file])
    assert stored.key(["command"], tmp_path, [file]) == key
    assert stored.key(["other command"], tmp_path, [file]) != key
    assert stored.key(["command"], tmp_path, [Path("other")]) != key
    (tmp_path / file).write_text("two")
    assert stored.key(["command"], tmp_path, [file]) != key


def test_cache_key_is_the_same_in_another_clone(tmp_path: Path) -> None:
    stored = ResultCache(tmp_path / "stored")
    for clone in ("one", "two"):
        (tmp_path / clone).mkdir()
        (tmp_path / clone / "input").write_text("same")
    keys = {stored.key([], tmp_path / clone, [Path("input")]) for clone in ("one", "two")}
    assert len(keys) == 1


def test_cache_knows_only_what_was_added(tmp_path: Path) -> None:
    stored = ResultCache(tmp_path / "not" / "yet" / "there")
    assert not stored.has("key")
    stored.add("key")
    assert stored.has("key")
    assert not stored.has("other")


def test_exemption_takes_out_its_finding_only() -> None:
    other = Finding(Path("os/file.cpp"), 0, LONG.message)
    assert exemptions.apply([ALLOW_LONG], {"size": [LONG, other]}) == {"size": [other]}


def test_exemption_of_another_check_does_not_count() -> None:
    assert exemptions.apply([ALLOW_LONG], {"names": [LONG]}) == {"names": [LONG]}


def test_exemption_that_is_not_needed_is_a_finding() -> None:
    left = exemptions.apply([ALLOW_LONG], {"size": []})["size"]
    assert [finding.message for finding in left] == [
        "exempts nothing any more: size in os/clo*.cpp"
    ]


def test_exemption_without_a_reason_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "exemptions.toml"
    file.write_text('[[exemption]]\ncheck = "size"\npath = "x"\nmessage = "y"\n')
    with pytest.raises(TypeError, match="reason"):
        exemptions.load(file)
    file.write_text("[[exemption")
    with pytest.raises(tomllib.TOMLDecodeError):
        exemptions.load(file)


def test_a_tool_that_is_not_installed_is_a_finding(tmp_path: Path) -> None:
    tree = SourceTree(tmp_path, (Path("x.cpp"),))
    findings = check_tools.run(tree, ["c1m-no-such-tool"], tree.files)
    assert "c1m-no-such-tool is not installed: run `make bootstrap`" in str(findings[0])
