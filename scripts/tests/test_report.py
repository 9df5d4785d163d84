"""The report of a run: its files, its words, and a page that draws its charts without a network."""

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from c1m.layout import TOP
from c1m.report.curves import merged
from c1m.report.figures import all_figures
from c1m.report.report_command import write_report
from c1m.report.tables import all_tables
from c1m.results import read_run

METHOD = TOP / "docs" / "methodology.md"
SECTIONS = ("latency", "efficiency", "capacity", "connect", "memory", "pauses")


def load_in_chromium(page: Path, profile: Path) -> tuple[str, str]:
    """The page's elements after its scripts ran, and what the browser logged. No name resolves."""
    done = subprocess.run(
        [
            "chromium",
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={profile}",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            "--v=0",
            "--virtual-time-budget=20000",
            "--dump-dom",
            page.absolute().as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, done.stderr


class ChartCounter(HTMLParser):
    """Counts the marks that each chart drew."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[str, int] = {}
        self._chart = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if (values.get("id") or "").startswith("figure-"):
            self._chart = (values["id"] or "").removeprefix("figure-")
            self.marks[self._chart] = 0
        # Vega gives each drawn item of a mark this role; axes and legends have others.
        if tag == "path" and (values.get("aria-roledescription") or "").endswith(MARKS):
            self.marks[self._chart] += 1


MARKS = ("point", "circle", "line mark", "tick", "rule mark", "symbol mark")


def console_errors(log: str) -> list[str]:
    return [line for line in log.splitlines() if "CONSOLE" in line]


def test_the_page_draws_every_chart_without_a_network(whole_run: Path, tmp_path: Path) -> None:
    elements, log = load_in_chromium(whole_run / "report.html", tmp_path)
    assert console_errors(log) == []
    names = {figure.name for figure in all_figures(read_run(whole_run))}
    counter = ChartCounter()
    counter.feed(elements)
    assert set(counter.marks) == names
    assert all(marks > 0 for marks in counter.marks.values()), counter.marks
    assert f'data-drawn="{len(names)}"' in elements


def test_a_page_with_an_error_is_noticed(whole_run: Path, tmp_path: Path) -> None:
    # The oracle of the test above: a script that fails must show in the browser's log.
    broken = tmp_path / "broken.html"
    text = (whole_run / "report.html").read_text("utf-8")
    broken.write_text(text.replace("vegaEmbed(", "vegaEmbedded("), "utf-8")
    elements, log = load_in_chromium(broken, tmp_path / "profile")
    assert any("vegaEmbedded is not defined" in line for line in console_errors(log))
    assert "data-drawn" not in elements


def test_the_page_refers_to_nothing_outside(whole_run: Path) -> None:
    text = (whole_run / "report.html").read_text("utf-8")
    elements = re.sub(r"<(script|style)>.*?</\1>", r"<\1>", text, flags=re.DOTALL)
    assert elements.count("<script") == 2
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", elements)
    assert "@import" not in text
    assert "default-src 'none'" in elements


def test_every_experiment_has_a_figure_in_every_format(whole_run: Path) -> None:
    figures = all_figures(read_run(whole_run))
    assert {figure.section for figure in figures} == set(SECTIONS)
    for figure in figures:
        png = (whole_run / "figures" / f"{figure.name}.png").read_bytes()
        assert png.startswith(b"\x89PNG")
        assert "<svg" in (whole_run / "figures" / f"{figure.name}.svg").read_text("utf-8")[:200]


def test_every_section_has_its_place_in_the_method() -> None:
    headings = re.findall(
        r"^## .*?<a id=\"([a-z]+)\"></a>", METHOD.read_text("utf-8"), re.MULTILINE
    )
    assert set(SECTIONS) <= set(headings)


def test_the_link_to_the_method_leads_there(whole_run: Path) -> None:
    text = (whole_run / "report.html").read_text("utf-8")
    links = set(re.findall(r'href="([^"#]+)#latency"', text))
    assert len(links) == 1
    assert (whole_run / links.pop()).resolve() == METHOD


def test_the_report_is_made_from_run_json_alone(
    whole_run: Path, tmp_path: Path, run_c1m: Any
) -> None:
    (tmp_path / "run.json").write_bytes((whole_run / "run.json").read_bytes())
    done = run_c1m("report", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "report.html")
    made = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert made == sorted(path.name for path in (whole_run / "figures").iterdir())
    first = (tmp_path / "report.html").read_bytes()
    assert run_c1m("report", tmp_path).returncode == 0
    assert (tmp_path / "report.html").read_bytes() == first


def strike_out(run: dict[str, Any], backend: str) -> None:
    for cell in run["cells"]:
        if cell["backend"] == backend:
            cell["validity"]["valid"] = False
            cell["validity"]["invalid_reasons"] = ["3 requests were <lost>"]
    run["run"] |= {"valid": False, "invalid_reasons": [f"{backend}: 0 of 1"]}


def test_websocket_has_tables_and_charts_of_its_own(whole_run: Path) -> None:
    run = read_run(whole_run)
    titles = [table.title for table in all_tables(run)]
    assert titles[-3:] == [
        "WebSocket: response time, us",
        "WebSocket: cost at saturation, 50 connections",
        "WebSocket: memory an idle connection",
    ]
    plain = next(table for table in all_tables(run) if table.title == "Response time, us")
    assert not any("50 connections" in row.label for row in plain.rows)
    over_ws = next(table for table in all_tables(run) if table.title == titles[-3])
    handshake = next(row for row in over_ws.rows if row.label.startswith("opening handshake"))
    assert all(entry.text == "123" for entry in handshake.entries)
    names = [figure.name for figure in all_figures(run)]
    assert {"percentiles-latency-c50-r1000-ws", "cpu-per-request-efficiency-c50-ws",
            "memory-against-connections-ws"} <= set(names)  # fmt: skip
    assert len(names) == len(set(names))


@pytest.mark.parametrize("prefix", ["M", "WebSocket: m"])
def test_compact_stacks_are_a_row_of_the_memory_tables(prefix: str, whole_run: Path) -> None:
    run = read_run(whole_run)
    for cell in run["cells"]:
        if cell["experiment"] == "memory":
            each = 4000 if cell["stacks"] is None else 400
            cell["server"]["pss_bytes"] = 1e6 + each * cell["connections"]["at_end"]
    title = f"{prefix}emory an idle connection"
    table = next(table for table in all_tables(run) if table.title == title)
    rows = {row.label: [entry.text for entry in row.entries] for row in table.rows}
    assert run["run"]["backends"] == ["threads", "uv", "coro", "floor"]
    assert rows["user memory of the server, bytes"] == ["4,000"] * 4
    assert rows["user memory of the server, compact stacks, bytes"] == ["-", "-", "400", "-"]


def test_compact_stacks_are_a_dashed_line_of_the_memory_charts(whole_run: Path) -> None:
    figures = {figure.name: figure for figure in all_figures(read_run(whole_run))}
    for name in ("memory-against-connections", "memory-against-connections-ws"):
        user = figures[name].chart.to_dict()["hconcat"][0]
        lines = next(layer for layer in user["layer"] if layer["mark"]["type"] == "line")
        ends = lines["data"]["values"]
        assert {end["label"] for end in ends if end["dashed"]} == {"coro, compact stacks"}
        assert {end["label"] for end in ends if not end["dashed"]} == set(
            read_run(whole_run)["run"]["backends"]
        )
        assert lines["encoding"]["strokeDash"]["field"] == "dashed"
        assert "Dashed: coro with compact stacks." in figures[name].explanation


def test_an_invalid_group_is_struck_out_everywhere(whole_run: Path, tmp_path: Path) -> None:
    run = read_run(whole_run)
    strike_out(run, "uv")
    write_report(tmp_path, run)
    page = (tmp_path / "report.html").read_text("utf-8")
    column = run["run"]["backends"].index("uv")
    latency = next(table for table in all_tables(run) if table.anchor == "latency")
    for row in latency.rows:
        assert [entry.struck for entry in row.entries] == [i == column for i in range(4)]
        assert f"<s>{row.entries[column].text}</s>" in page
        assert f"~~{row.entries[column].text}~~" in (tmp_path / "summary.md").read_text("utf-8")
    assert "3 requests were &lt;lost&gt;" in page
    assert "Not valid." in page
    dotted = next(f for f in all_figures(run) if f.name.startswith("percentiles"))
    points = dotted.chart.to_dict()["data"]["values"]
    assert {p["backend"] for p in points if p["struck"] == "not valid"} == {"uv"}


def test_a_run_without_a_finished_cell_still_has_a_page(whole_run: Path, tmp_path: Path) -> None:
    run = read_run(whole_run)
    run["cells"], run["searches"] = [], []
    write_report(tmp_path, run)
    assert "No cell ended well enough" in (tmp_path / "report.html").read_text("utf-8")


def test_histograms_are_added_and_percentiles_are_not_averaged(whole_run: Path) -> None:
    cells = [cell for cell in read_run(whole_run)["cells"] if cell["experiment"] == "latency"]
    blocks = [cell["latency_us"]["response"] for cell in cells]
    total = merged(blocks)
    assert total.get_total_count() == sum(block["count"] for block in blocks)
    assert total.get_max_value() / 1000 == pytest.approx(max(block["max"] for block in blocks))


def test_no_placeholder_is_left_in_the_words(whole_run: Path) -> None:
    page = (whole_run / "report.html").read_text("utf-8")
    words = re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)
    for text in (words, (whole_run / "summary.md").read_text("utf-8")):
        assert not re.search(r"[{}]|\$[a-z]|None", text)


def test_summary_names_every_backend_and_the_command(whole_run: Path) -> None:
    text = (whole_run / "summary.md").read_text("utf-8")
    for title in ("threads", "libuv", "coroutines", "floor (bare epoll)"):
        assert title in text
    assert "./c1m bench --profile" in text
    assert "**Valid.**" in text
