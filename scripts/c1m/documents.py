"""JSON documents: reading them, and holding them against the published JSON Schema.

Invariant: no document enters or leaves the package without having been checked here.
Not here: what the fields mean; results/schema/*.schema.json describe each one with its unit.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource

from c1m.layout import SCHEMA_DIRECTORY

Document: TypeAlias = dict[str, Any]

KINDS = (
    "ready",
    "stats",
    "load",
    "search",
    "calibration",
    "run",
    "doctor",
    "million",
    "pauses",
)


class InvalidDocumentError(ValueError):
    """A document that is not JSON, or not of its schema; the text says where."""


@cache
def _registry() -> "Registry[Any]":
    resources = []
    for kind in KINDS:
        schema = json.loads((SCHEMA_DIRECTORY / f"{kind}.schema.json").read_text("utf-8"))
        resources.append((schema["$id"], Resource.from_contents(schema)))
    return Registry().with_resources(resources)


@cache
def validator(kind: str) -> Draft202012Validator:
    """The validator of one kind of document; kinds are listed in KINDS."""
    schema = _registry().contents(f"{kind}.schema.json")
    return Draft202012Validator(schema, registry=_registry())


def check(kind: str, document: object) -> None:
    """Raises InvalidDocumentError naming the place of the first offence, if there is one."""
    error = best_match(validator(kind).iter_errors(document))
    if error is not None:
        place = "/".join(str(part) for part in error.absolute_path) or "the top"
        raise InvalidDocumentError(f"not a {kind} document, at {place}: {error.message[:300]}")


def parse(kind: str, text: str) -> Document:
    """The document in `text`, checked. Raises InvalidDocumentError."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InvalidDocumentError(f"not JSON: {error}") from error
    check(kind, document)
    result: Document = document
    return result


def read(kind: str, path: Path) -> Document:
    """The document in a file, checked. Raises InvalidDocumentError; OSError passes through."""
    return parse(kind, path.read_text("utf-8", errors="replace"))
