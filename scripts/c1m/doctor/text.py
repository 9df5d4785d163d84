"""The doctor's findings as a document and as text.

Invariant: the text shows nothing that the document does not hold.
Not here: finding out (limits.py).
"""

from dataclasses import asdict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from c1m.backends import BACKENDS
from c1m.doctor.facts import System
from c1m.doctor.limits import all_limits, connections_max
from c1m.doctor.observations import observations
from c1m.documents import Document
from c1m.kernel.needs import Need, needs


def examine(system: System, connections: int | None = None) -> Document:
    """The doctor document of a machine (results/schema/doctor.schema.json), with what `connections`
    need of its kernel's settings where a number is given.
    """
    limits = all_limits(system)
    found = {backend: connections_max(limits, backend) for backend in BACKENDS}
    return {
        "schema_version": 1,
        "kind": "c1m-doctor",
        "limits": [asdict(limit) for limit in limits],
        "connections_max": {backend: count for backend, (count, _) in found.items()},
        "binding": {backend: name for backend, (_, name) in found.items()},
        "observations": [asdict(observation) for observation in observations(system)],
        "connections": connections,
        "settings": [] if connections is None else _settings(needs(system, connections)),
    }


def _settings(found: list[Need]) -> list[Document]:
    names = {"name": "name", "present": "present", "needed": "needed", "enough": "enough"}
    return [
        {**{key: getattr(need, name) for key, name in names.items()}, "explanation": need.why}
        for need in found
    ]


def refusal(document: Document, connections: int) -> str | None:
    """Why `connections` do not fit on this machine, with the remedy; nothing when they do."""
    sentences = []
    for backend in BACKENDS:
        allowed, name = document["connections_max"][backend], document["binding"][backend]
        if connections <= allowed:
            continue
        remedy = next(
            (limit["remedy"] for limit in document["limits"] if limit["name"] == name), None
        )
        sentences.append(
            f"{backend}: {connections} connections do not fit; '{name}' allows {allowed}."
            + (f" To lift it: {remedy}" if remedy else " No setting lifts it.")
        )
    return "\n".join(sentences) or None


def print_document(document: Document, console: Console) -> None:
    """Prints tables for a person."""
    table = Table(title="Limits: the most connections that each allows", title_justify="left")
    for heading in ("limit", "value", *BACKENDS):
        table.add_column(heading, justify="left" if heading == "limit" else "right", no_wrap=True)
    for limit in document["limits"]:
        counts = [_count(document, limit, backend) for backend in BACKENDS]
        value = "-" if limit["value"] is None else f"{limit['value']:,.0f}"
        table.add_row(limit["name"], value, *counts)
    console.print(table)
    if document["connections"] is not None:
        _print_settings(document, console)
    for backend in BACKENDS:
        allowed, name = document["connections_max"][backend], document["binding"][backend]
        console.print(
            f"{backend:8} up to [bold]{allowed:,}[/bold] connections; what binds: {name}",
            highlight=False,
            soft_wrap=True,
        )
    console.print("\n[bold]What each limit means, and how to lift it[/bold]")
    for limit in document["limits"]:
        _print_limit(limit, console)
    console.print("\n[bold]What figures depend on[/bold]")
    for seen in document["observations"]:
        mark = {True: "good", False: "bad ", None: "?   "}[seen["ok"]]
        value = "not available" if seen["value"] is None else seen["value"]
        console.print(
            f"  {mark} {escape(seen['name'])} = {escape(str(value))}: "
            f"{escape(seen['explanation'])}",
            highlight=False,
            soft_wrap=True,
        )
        if seen["ok"] is False and seen["remedy"]:
            console.print(
                f"       to change it: {escape(seen['remedy'])}", highlight=False, soft_wrap=True
            )


def _print_settings(document: Document, console: Console) -> None:
    """What the settings are and need to be; the command line that raises them follows."""
    table = Table(
        title=f"Kernel settings for {document['connections']:,} connections", title_justify="left"
    )
    for heading in ("setting", "is", "needs", ""):
        table.add_column(heading, no_wrap=True)
    words = {True: "enough", False: "[bold red]too low[/bold red]", None: "not here"}
    for setting in document["settings"]:
        table.add_row(
            setting["name"], setting["present"] or "-", setting["needed"], words[setting["enough"]]
        )
    console.print(table)
    for setting in document["settings"]:
        console.print(
            f"  {escape(setting['name'])}: {escape(setting['explanation'])}",
            highlight=False,
            soft_wrap=True,
        )
    if any(setting["enough"] is False for setting in document["settings"]):
        console.print(
            "[bold]make bench PROFILE=million[/bold], run as root, raises what is too low, and "
            "puts it back at its end\n",
            highlight=False,
            soft_wrap=True,
        )


def _count(document: Document, limit: Document, backend: str) -> str:
    count = limit["connections_max"][backend]
    if count is None:
        return "-"
    text = f"{count:,}"
    return f"[bold red]{text}[/bold red]" if document["binding"][backend] == limit["name"] else text


def _print_limit(limit: Document, console: Console) -> None:
    text = limit["unavailable"] if limit["value"] is None else limit["explanation"]
    console.print(
        f"  {escape(limit['name'])} ({escape(limit['source'])}): {escape(text or '')}",
        highlight=False,
        soft_wrap=True,
    )
    if limit["remedy"] and limit["value"] is not None:
        console.print(
            f"       to lift it: {escape(limit['remedy'])}", highlight=False, soft_wrap=True
        )
