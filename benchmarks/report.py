"""The table of figures, and whether the bars hold."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.load import Cost

REFERENCE = "nar"
"""The peer whose CPU per request everyone's is divided by."""
UPSTREAM = "upstream"
"""The name of the bare upstream among the subjects."""
COLUMNS = ("http", "large", "latency", "ws", "idle")


@dataclass(slots=True, kw_only=True)
class Results:
    """What was measured: per column and subject one cost per round, and the memory of an idle socket."""

    titles: Mapping[str, str]
    costs: dict[str, dict[str, list[Cost]]] = field(default_factory=dict)
    idle: dict[str, float] = field(default_factory=dict)
    problems: dict[tuple[str, str], str] = field(default_factory=dict)
    """By subject and column (or `start`): why it could not be measured."""

    def add(self, column: str, name: str, cost: Cost) -> None:
        self.costs.setdefault(column, {}).setdefault(name, []).append(cost)

    def of(self, column: str, name: str) -> list[Cost]:
        return self.costs.get(column, {}).get(name, [])

    def cpu_ratios(self, column: str, name: str, other: str) -> list[float]:
        """CPU per exchange of one subject by another's, round by round."""
        pairs = zip(self.of(column, name), self.of(column, other), strict=False)
        return [mine.per_10k / theirs.per_10k for mine, theirs in pairs if theirs.cpu]

    def added_latency(self, name: str) -> list[float]:
        """Milliseconds over the bare upstream at one connection, round by round."""
        pairs = zip(self.of("latency", name), self.of("latency", UPSTREAM), strict=False)
        return [mine.p50 - bare.p50 for mine, bare in pairs]

    def as_json(self) -> dict[str, object]:
        costs = {
            column: {
                name: [
                    {"count": each.count, "seconds": each.seconds, "cpu": each.cpu, "p50_ms": each.p50}
                    for each in rounds
                ]
                for name, rounds in rows.items()
            }
            for column, rows in self.costs.items()
        }
        problems = {f"{name}, {column}": why for (name, column), why in self.problems.items()}
        bars = [{"figure": bar.figure, "limit": bar.limit, "median": bar.median(self)} for bar in BARS]
        return {"costs": costs, "idle_kib": self.idle, "problems": problems, "bars": bars}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A figure to hold: the median of `values` is at most `limit`, or at least, where `at_least` says so."""

    figure: str
    limit: float
    values: Callable[[Results], Sequence[float]]
    at_least: bool = False

    def median(self, results: Results) -> float | None:
        values = self.values(results)
        return statistics.median(values) if values else None

    def line(self, results: Results) -> str:
        values = self.values(results)
        sign = ">=" if self.at_least else "<="
        wanted = f"{self.figure} {sign} {self.limit:g}"
        if not values:
            return f"  not measured   {wanted}"
        median = statistics.median(values)
        holds = median >= self.limit if self.at_least else median <= self.limit
        return f"  {'holds' if holds else 'MISSED':14} {wanted}: {spread(values)}"


def _cpu(column: str, name: str, other: str) -> Callable[[Results], Sequence[float]]:
    return lambda results: results.cpu_ratios(column, name, other)


BARS = (
    Bar(figure="HTTP 1 KiB, session cookie, xNAR", limit=1.5, values=_cpu("http", "flowward", REFERENCE)),
    Bar(
        figure="http-proxy-3's CPU by ours, 1 KiB", limit=3, at_least=True,
        values=_cpu("http", "http-proxy-3", "flowward"),
    ),
    Bar(figure="Caddy's CPU by ours, 1 KiB", limit=4, at_least=True, values=_cpu("http", "caddy", "flowward")),
    Bar(figure="HTTP 1 KiB, cached basic, xNAR", limit=1.6, values=_cpu("http", "flowward-basic", REFERENCE)),
    Bar(figure="100 KiB body, xNAR", limit=1.1, values=_cpu("large", "flowward", REFERENCE)),
    Bar(figure="added latency at one connection, ms", limit=0.12, values=lambda results: results.added_latency("flowward")),
    Bar(figure="websocket CPU per message by nginx's", limit=1.25, values=_cpu("ws", "flowward", "nginx")),
    Bar(
        figure="KiB per idle websocket", limit=6,
        values=lambda results: [results.idle["flowward"]] if "flowward" in results.idle else [],
    ),
    Bar(figure="aiohttp lane, 1 KiB, xNAR", limit=8, values=_cpu("http", "flowward-aiohttp", REFERENCE)),
)  # fmt: skip


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median, with the least and the most where there are several."""
    if not values:
        return "-"
    median = f"{statistics.median(values):.{digits}f}"
    return median if len(values) == 1 else f"{median} [{min(values):.{digits}f}..{max(values):.{digits}f}]"


def table(results: Results) -> str:
    """One row per subject, in Markdown."""
    header = [
        "variant", "rps, 64 conns", "CPU s / 10k", "xNAR", "100 KiB xNAR", "added p50 ms", "ws CPU s / 10k", "ws x nginx",
        "KiB / idle ws",
    ]  # fmt: skip
    rows = [header, *([title, *_cells(results, name)] for name, title in results.titles.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _cells(results: Results, name: str) -> list[str]:
    http, ws = results.of("http", name), results.of("ws", name)
    return [
        f"{statistics.median([each.rate for each in http]):,.0f}" if http else "-",
        spread([each.per_10k for each in http if each.cpu], 3),
        spread(results.cpu_ratios("http", name, REFERENCE)) if name != UPSTREAM else "-",
        spread(results.cpu_ratios("large", name, REFERENCE)) if name != UPSTREAM else "-",
        spread(results.added_latency(name), 3) if name != UPSTREAM else "-",
        spread([each.per_10k for each in ws if each.cpu], 3),
        spread(results.cpu_ratios("ws", name, "nginx")) if name != UPSTREAM else "-",
        f"{results.idle[name]:.1f}" if name in results.idle else "-",
    ]


def verdict(results: Results) -> str:
    """Which bars hold, and what is missing and why."""
    lines = ["Bars:", *(bar.line(results) for bar in BARS)]
    lines += [f"Missing: {results.titles[name]}, {column}: {why}" for (name, column), why in results.problems.items()]
    return "\n".join(lines)
