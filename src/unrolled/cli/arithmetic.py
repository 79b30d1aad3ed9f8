"""One unit at one step, written out so that it can be checked with a calculator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unrolled.cli import console
from unrolled.cli.reading import table, token_name

Sum = Mapping[str, Any]
Row = list[str]

_ACTIVATIONS = {
    "tanh": "tanh(total)",
    "sigmoid": "1 / (1 + exp(-total))",
    "relu": "max(total, 0)",
    "linear": "total",
}


def written_out(arithmetic: Mapping[str, Any]) -> str:
    """Every weighted sum of the step, then what is made of them."""
    word = token_name(arithmetic["token"]).strip()
    ways = ", backward" if arithmetic["direction"] == "backward" else ""
    head = (
        f"{arithmetic['layer']} ({arithmetic['kind']}{ways}), unit {arithmetic['unit']} "
        f"at step {arithmetic['step']} {word}".rstrip()
    )
    # One table, so that the numbers of all sums are below one another.
    rows = [row for one in arithmetic["sums"] for row in _sum(one)]
    return "\n".join([head, table([*rows, *_end(arithmetic)])])


def _sum(one: Sum) -> list[Row]:
    name = one["name"]
    rows: list[Row] = [[""], [f"weighted sum of {name}"]]
    rows += _products("input", one["input"], one["input_total"])
    if one["recurrent"]:
        rows += _products("recurrent", one["recurrent"], one["recurrent_total"])
    if one["recurrent_bias"] is not None:
        rows.append(_number("recurrent bias", one["recurrent_bias"]))
    if one["recurrent_scale"] is not None:
        inside = one["recurrent_total"] + (one["recurrent_bias"] or 0.0)
        scale = one["recurrent_scale"]
        what = "r * recurrent part" if one["recurrent_bias"] is None else "r * (recurrent + bias)"
        rows.append([f"  {what}", _six(scale), "*", _six(inside), "=", _six(scale * inside)])
    rows.append(_number("bias", one["bias"]))
    rows.append(_number("total", one["total"]))
    rows.append(_number(f"{name} = {_ACTIVATIONS[one['activation']]}", one["result"]))
    return rows


def _products(what: str, terms: Sequence[Mapping[str, Any]], total: float) -> list[Row]:
    largest_first = sorted(terms, key=lambda term: -abs(term["product"]))
    rows = [
        [
            f"    {console.one_line(term['of'])}",
            _six(term["value"]),
            "*",
            _six(term["weight"]),
            "=",
            _six(term["product"]),
        ]
        for term in largest_first
    ]
    return [*rows, _number(f"{what}, {console.counted(len(terms), 'product')}", total)]


def _end(arithmetic: Mapping[str, Any]) -> list[Row]:
    rows: list[Row] = [[""], ["the unit"], _number("h before", arithmetic["state_before"])]
    for made in arithmetic["combination"]:
        how = f" = {made['formula']}".replace("·", "*") if made["formula"] else ""
        rows.append(_number(made["name"] + how, made["value"]))
    return [*rows, _number("h after", arithmetic["state_after"])]


def _number(name: str, value: float) -> Row:
    """A row that has nothing but its result."""
    return [f"  {name}", "", "", "", "", _six(value)]


def _six(value: float) -> str:
    return f"{value:.6f}"
