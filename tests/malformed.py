"""Requests that a server must refuse, made by Hypothesis from the server's own OpenAPI document.

Every string in them contains MARKER, so that an answer which repeats what was sent is seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from .wire import chunked, request

MARKER = "zebra7319"
DEEP = (1_000, 100_000)  # brackets
NOT_DOCUMENTED = ("/", "/v1", "/v1/predict/", "/v2/predict", "/v1/../v1/predict", "/%00", "/v1/%ff",
                  "/v1/predict%2e", f"/{MARKER}", "//", "/*", f"/v1/model?name={MARKER}",
                  f"/v1/model?{MARKER}", "/v1/model?name=%ff%00", "/" + "a" * 5_000)  # fmt: skip


class Raw(str):
    """A piece of JSON that is written as it is."""


@dataclass(frozen=True)
class Operation:
    """One method of one path, with the JSON schema of its body (None: it takes none)."""

    path: str
    method: str
    schema: Mapping[str, Any] | None


@dataclass(frozen=True)
class Malformed:
    """Bytes to send. is_plain: whether only its body can be wrong."""

    operation: Operation
    method: str
    body: bytes
    data: bytes
    is_plain: bool

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        """What Hypothesis shows of a request that fails."""
        printer.text(f"{self.data[:500]!r} ({len(self.data):,} bytes)")


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """What the OpenAPI document offers, with all references resolved."""
    found = []
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            content = about.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            whole = None if schema is None else resolved(schema, document)
            found.append(Operation(path, method.upper(), whole))
    return found


def resolved(schema: Any, document: Mapping[str, Any]) -> Any:
    """The schema with what it refers to in its place."""
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            target: Any = document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return resolved(target, document)
        return {name: resolved(part, document) for name, part in schema.items()}
    if isinstance(schema, list):
        return [resolved(part, document) for part in schema]
    return schema


# What fits a schema, and whether something does.


def fitting(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that the schema allows."""
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema and "properties" not in schema:
            return st.one_of([fitting(one) for one in schema[several]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        return fitting_objects(schema)
    if kind == "array":
        most = min(schema.get("maxItems", 3), 3)
        least = min(schema.get("minItems", 0), most)
        return st.lists(fitting(schema.get("items", {})), min_size=least, max_size=most)
    if kind == "integer":
        return st.integers(schema.get("minimum", 0), schema.get("minimum", 0) + 30)
    simple = {"string": strings(), "number": st.floats(0, 1), "boolean": st.booleans()}
    return simple.get(kind, st.none())


def fitting_objects(schema: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    properties = schema.get("properties", {})
    branches = schema.get("oneOf") or schema.get("anyOf") or [{}]
    choices = []
    for branch in branches:
        required = {*schema.get("required", ()), *branch.get("required", ())}
        others = {name for one in branches for name in one.get("required", ())} - required
        choices.append(
            st.fixed_dictionaries(
                {name: fitting(properties[name]) for name in sorted(required)},
                optional={
                    name: fitting(part)
                    for name, part in properties.items()
                    if name not in required | others
                },
            )
        )
    return st.one_of(choices)


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value is what the schema allows; of JSON Schema, what FastAPI's documents use."""
    if not schema:
        return True
    for several, enough in (("allOf", all), ("anyOf", any)):
        if several in schema and not enough(fits(value, one) for one in schema[several]):
            return False
    if "oneOf" in schema and sum(fits(value, one) for one in schema["oneOf"]) != 1:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "type" in schema and not TYPES[schema["type"]](value):
        return False
    return fits_limits(value, schema)


def fits_limits(value: Any, schema: Mapping[str, Any]) -> bool:
    if isinstance(value, str):
        return len(value) <= schema.get("maxLength", len(value))
    if isinstance(value, list):
        return schema.get("minItems", 0) <= len(value) <= schema.get(
            "maxItems", len(value)
        ) and all(fits(one, schema.get("items", {})) for one in value)
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        known = (
            schema.get("additionalProperties", True) is not False
            or value.keys() <= properties.keys()
        )
        return (
            known
            and value.keys() >= set(schema.get("required", ()))
            and all(fits(value[name], part) for name, part in properties.items() if name in value)
        )
    if is_number(value):
        return not (
            value < schema.get("minimum", value)
            or value > schema.get("maximum", value)
            or value <= schema.get("exclusiveMinimum", value - 1)
            or value >= schema.get("exclusiveMaximum", value + 1)
        )
    return True


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": is_number,
    "integer": lambda value: is_number(value) and value % 1 == 0,
}


# What goes wrong in a value.


def strings() -> st.SearchStrategy[str]:
    """Any Unicode, halves of characters too, with the marker."""
    return st.text(max_size=20).map(lambda text: f"{MARKER} {text}")


def wrong_values() -> st.SearchStrategy[Any]:
    numbers = ["1e400", "-1e400", "NaN", "Infinity", "-Infinity", "9" * 400, "-0", "1.0", "01",
               "0x10", "1_000", "+1", ".5", "1.", "9223372036854775808", "4294967296"]  # fmt: skip
    surrogates = [rf'"{MARKER} \ud800"', rf'"\udfff{MARKER}"', rf'"{MARKER}\ude00\ud83d"',
                  rf'"{MARKER}\u0000"', rf'"{MARKER}\x41"', f"'{MARKER}'", MARKER]  # fmt: skip
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(1 << 70), 1 << 70),
        st.floats(allow_nan=False, allow_infinity=False),
        strings(),
        st.sampled_from(numbers).map(Raw),
        st.sampled_from(surrogates).map(Raw),
        st.just(MARKER * 20_000),
    )
    deep = st.sampled_from(DEEP).flatmap(nested)
    lists = st.lists(scalars, max_size=3)
    dictionaries = st.dictionaries(strings(), scalars, max_size=3)
    many = st.sampled_from(["[0" + ",0" * 2_000 + "]", f'["{MARKER}"' + ',""' * 1_200 + "]"])
    return st.one_of(scalars, scalars, lists, dictionaries, deep, many.map(Raw))


def nested(depth: int) -> st.SearchStrategy[Raw]:
    shapes = ["[" * depth + "]" * depth, "[" * depth, '{"text":' * depth + "1" + "}" * depth,
              '{"text":' * depth, "[{}," * depth, "[[]," * depth + "0" + "]" * depth]  # fmt: skip
    return st.sampled_from(shapes).map(Raw)


@st.composite
def broken_values(draw: st.DrawFn, schema: Mapping[str, Any]) -> Any:
    """What fits the schema, but for one place; seldom something else altogether."""
    if draw(st.integers(0, 7)) == 0:
        return draw(wrong_values())
    value = draw(fitting(schema))
    return draw(broken_at(value))


@st.composite
def broken_at(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict) and value:
        name = draw(st.sampled_from(sorted(value)))
        others = {other: part for other, part in value.items() if other != name}
        fault = draw(st.sampled_from(["within", "within", "missing", "extra", "renamed", "again"]))
        if fault == "within":
            return {**others, name: draw(broken_at(value[name]))}
        if fault == "missing":
            return others
        if fault == "extra":
            return {**value, draw(strings()): draw(wrong_values())}
        if fault == "renamed":
            return {
                **others,
                draw(st.sampled_from([name.upper(), f"{name} {MARKER}"])): value[name],
            }
        return Raw(f"{to_json(value)[:-1]}, {json.dumps(name)}: {to_json(draw(wrong_values()))}}}")
    if isinstance(value, list) and value:
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(broken_at(value[place])), *value[place + 1 :]]
    return draw(wrong_values())


def to_json(value: Any, *, ascii_only: bool = True) -> str:
    """JSON in which raw pieces stay as they are."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        parts = (
            f"{json.dumps(name, ensure_ascii=ascii_only)}: {to_json(part, ascii_only=ascii_only)}"
            for name, part in value.items()
        )
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(to_json(part, ascii_only=ascii_only) for part in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


# What goes wrong in bytes.


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes of a body, cut, changed, or in an encoding that is not JSON's."""
    fault = draw(st.sampled_from(["cut", "cut", "byte", "byte", "encoding", "around", "empty"]))
    place = draw(st.integers(0, len(data)))
    if fault == "cut":
        return data[:place]
    if fault == "byte":
        odd = [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\x80", b"\0", b"\n", b'"', b"\\", b"}",
               b"\xf4\x90\x80\x80", b"\xef\xbb\xbf"]  # fmt: skip
        return data[:place] + draw(st.sampled_from(odd)) + data[place + draw(st.integers(0, 1)) :]
    if fault == "encoding":
        encodings = ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "cp037"]
        return data.decode("utf-8", "replace").encode(draw(st.sampled_from(encodings)), "replace")
    if fault == "around":
        around = [(b"", b"}"), (b"", data), (b"[", b"]"), (b'"', b'"'), (b"\x1f\x8b", b""),
                  (b"/**/", b""), (b"", b"\n//"), (b" " * 5_000, b" " * 5_000)]  # fmt: skip
        before, after = draw(st.sampled_from(around))
        return before + data + after
    return draw(st.sampled_from([b"", b" ", b"null", b"\xef\xbb\xbf", b'"', b"text=" + data]))


@st.composite
def bodies(draw: st.DrawFn, schema: Mapping[str, Any]) -> bytes:
    """One body; halves of characters are escaped, or three bytes that are not UTF-8."""
    is_broken = draw(st.integers(0, 3)) > 0
    value = draw(broken_values(schema) if is_broken else fitting(schema))
    data = to_json(value, ascii_only=draw(st.booleans())).encode("utf-8", "surrogatepass")
    return data if is_broken else draw(damaged(data))


# What goes wrong around the body.


def headers() -> st.SearchStrategy[tuple[str, ...]]:
    odd = ["text/plain", "application/json; charset=utf-16", "application/xml", "", "json",
           "application/x-www-form-urlencoded", f"multipart/form-data; boundary={MARKER}",
           "application/jsonp", f"application/{MARKER}", "APPLICATION/JSON",
           "\udcff\udcfe"]  # fmt: skip
    others = ["Content-Encoding: gzip", f"Content-Encoding: {MARKER}", f"X-Odd: {MARKER * 500}",
              "Accept: text/html", f"Authorization: Bearer {MARKER}",
              f"X-Request-Id: {MARKER} \xe9",
              "Authorization: Basic \udcff", f"Host: {MARKER}", f"Cookie: a={MARKER}",
              f"X-Forwarded-For: {MARKER}", f"traceparent: {MARKER}", "Connection: close",
              "Range: bytes=0-0", "If-None-Match: *", f"Origin: http://{MARKER}"]  # fmt: skip
    kinds = st.sampled_from(["application/json"] * 12 + odd)
    return st.tuples(
        kinds.map(lambda kind: f"Content-Type: {kind}"),
        st.one_of(st.none(), st.sampled_from(others)),
    ).map(lambda lines: tuple(line for line in lines if line is not None))


@st.composite
def requests(draw: st.DrawFn, offered: Sequence[Operation]) -> Malformed:
    """One request with something wrong in its body, its headers, its framing or its address."""
    with_bodies = [one for one in offered if one.schema is not None]
    operation = draw(st.sampled_from([*with_bodies, *with_bodies, *offered]))
    body = b"" if operation.schema is None else draw(bodies(operation.schema))
    path, method = operation.path, operation.method
    kind = draw(st.sampled_from(["body"] * 6 + ["headers", "framing", "path", "method"]))
    lines: tuple[str, ...] = ("Content-Type: application/json",)
    if kind == "headers":
        lines = draw(headers())
    elif kind == "path":
        path = draw(st.sampled_from(NOT_DOCUMENTED))
    elif kind == "method":
        method = draw(st.sampled_from(["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE",
                                       "POST", "PURGE", "PROPFIND"]))  # fmt: skip
    if kind == "framing":
        cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=3)))
        pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        head = request(path, b"", *lines, "Transfer-Encoding: chunked", method=method, length=False)
        data = head + chunked(pieces)
    else:
        data = request(path, body, *lines, method=method)
    is_plain = kind in ("body", "framing") and operation.schema is not None
    return Malformed(operation, method, body, data, is_plain)
