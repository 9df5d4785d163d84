"""The tables of the page that are about the run itself: checks, invalid cells, machine, limits.

Invariant: everything from a document is escaped.
Not here: results (page.py).
"""

import html
from collections import Counter
from typing import Any

from c1m.backends import BACKENDS
from c1m.documents import Document


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    return html.escape(str(value))


def _table(head: list[str], rows: list[list[str]], numbers: set[int]) -> str:
    def line(tag: str, cells: list[str]) -> str:
        return "".join(
            f'<{tag} class="number">{cell}</{tag}>'
            if index in numbers
            else f"<{tag}>{cell}</{tag}>"
            for index, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{line("th", head)}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def checks_table(run: Document) -> str:
    """Each check with how often it passed, failed, or could not be made."""
    outcomes: dict[str, Counter[bool | None]] = {}
    explanations: dict[str, str] = {}
    for cell in run["cells"]:
        if cell["experiment"] == "capacity":
            continue
        for check in cell["validity"]["checks"]:
            outcomes.setdefault(check["name"], Counter())[check["ok"]] += 1
            if check["ok"] is False or check["name"] not in explanations:
                explanations[check["name"]] = check["explanation"]
    rows = [
        [
            html.escape(name),
            _text(seen[True]),
            f'<span class="bad">{seen[False]}</span>' if seen[False] else "0",
            _text(seen[None]),
            html.escape(explanations[name]),
        ]
        for name, seen in outcomes.items()
    ]
    return _table(["check", "passed", "failed", "not made", "an example"], rows, {1, 2, 3})


def invalid_cells(run: Document) -> str:
    """The cells that must not be compared, each with its reasons."""
    rows = [
        [
            f"<s>{html.escape(cell['id'])}</s>",
            html.escape("; ".join(cell["validity"]["invalid_reasons"])),
        ]
        for cell in run["cells"]
        if not cell["validity"]["valid"] and cell["experiment"] != "capacity"
    ]
    if not rows:
        return "<p class='good'>No cell outside the capacity search is invalid.</p>"
    return f"<h3>Invalid cells, kept and struck out</h3>{_table(['cell', 'why'], rows, set())}"


def environment_table(run: Document) -> str:
    """Machine and software."""
    env = run["env"]
    rows = [
        ["architecture", _text(env["architecture"])],
        ["CPUs allowed", _text(env["cpus_allowed"])],
        ["placement", _text(env["placement"]["note"])],
        ["frequency governor", _text(env["governor"])],
        ["hypervisor", _text(env["hypervisor"])],
        [
            "cgroup limits",
            html.escape(", ".join(f"{k} {_text(v)}" for k, v in env["cgroup"].items())),
        ],
        ["Python", _text(env["python"])],
        ["packages", html.escape(", ".join(f"{k} {v}" for k, v in env["packages"].items()))],
    ]
    settings = [[html.escape(name), _text(value)] for name, value in env["sysctl"].items()]
    seen = [
        [
            html.escape(each["name"]),
            _text(each["value"]),
            _judgement(each["ok"]),
            html.escape(each["explanation"]),
        ]
        for each in env["doctor"]["observations"]
    ]
    return (
        _table(["", ""], rows, set())
        + "<h3>What figures depend on</h3>"
        + _table(["", "value", "", "why it matters"], seen, set())
        + "<details><summary>Kernel settings</summary>"
        + _table(["", ""], settings, set())
        + "</details>"
    )


def _judgement(ok: bool | None) -> str:
    words = {
        True: '<span class="good">good</span>',
        False: '<span class="bad">bad</span>',
        None: "unknown",
    }
    return words[ok]


def limits_table(run: Document) -> str:
    """What the doctor found: the most connections that each limit allows."""
    doctor = run["env"]["doctor"]
    rows = []
    for limit in doctor["limits"]:
        counts = []
        for backend in BACKENDS:
            text = _text(limit["connections_max"][backend])
            binds = doctor["binding"][backend] == limit["name"]
            counts.append(f"<strong>{text}</strong>" if binds else text)
        rows.append([html.escape(limit["name"]), _text(limit["value"]), *counts])
    head = ["limit", "value", *BACKENDS]
    return (
        "<h3>The most connections that each limit allows</h3>"
        "<p>Bold: the limit that binds. <code>./c1m doctor</code> says how to lift each one.</p>"
        + _table(head, rows, set(range(1, len(head))))
    )
