"""What was measured, as a table and as plots."""

import statistics
from dataclasses import dataclass, field
from html import escape


ROLES = ("ours", "peer", "limit")


@dataclass
class Row:
    """A figure of each server by its role, in the order of the rounds, with what it took."""

    figure: object
    names: dict
    values: dict = field(default_factory=dict)
    cpu_seconds: dict = field(default_factory=dict)
    peak_mib: dict = field(default_factory=dict)

    def note(self, role, value, cpu_seconds=None, peak_mib=None):
        self.values.setdefault(role, []).append(value)
        if cpu_seconds is not None:
            self.cpu_seconds.setdefault(role, []).append(cpu_seconds)
        if peak_mib is not None:
            self.peak_mib.setdefault(role, []).append(peak_mib)

    def median(self, role):
        return statistics.median(self.values[role])

    def ratios(self, role):
        """How much better ours was, in each round."""
        pairs = zip(self.values["ours"], self.values[role])
        return [ours / its if self.figure.higher_is_better else its / ours for ours, its in pairs]

    def ratio(self, role):
        return statistics.median(self.ratios(role))


class AtLeast:
    """So much of what a server has."""

    def __init__(self, role, ratio):
        self.role, self.least = role, ratio

    def told(self, row):
        return f"at least {self.least:g} of {row.names[self.role]}"

    def met(self, row):
        return row.ratio(self.role) >= self.least


class AtMost:
    def __init__(self, most):
        self.most = most

    def told(self, row):
        return f"at most {self.most:g} {row.figure.unit}"

    def met(self, row):
        return row.median("ours") <= self.most


class CpuAtMost:
    """So much of the CPU seconds that a server takes for the same."""

    def __init__(self, role, ratio):
        self.role, self.most = role, ratio

    def told(self, row):
        return f"CPU at most {self.most:g} of {row.names[self.role]}"

    def met(self, row):
        pairs = zip(row.cpu_seconds["ours"], row.cpu_seconds[self.role])
        return statistics.median(ours / its for ours, its in pairs) <= self.most


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def medians(by_role):
    """Of ours, the peer and the limit; those that a row lacks at the end are left out."""
    parts = [number(statistics.median(by_role[role])) if role in by_role else "–" for role in ROLES]
    while parts and parts[-1] == "–":
        parts.pop()
    return " / ".join(parts)


def compared(row, role):
    """The median of another server, and what ours is of it: the median of the rounds, the least and the
    greatest."""
    if role not in row.values:
        return ["", ""]
    ratios = row.ratios(role)
    return [number(row.median(role)), f"{number(row.ratio(role))} ({number(min(ratios))}–{number(max(ratios))})"]


def aims(row):
    return "; ".join(f"{aim.told(row)}: {'met' if aim.met(row) else 'not met'}" for aim in row.figure.aims)


def line(row):
    """A row as it is told while others are still measured."""
    parts = [f"Berth {number(row.median('ours'))}"]
    for role in ("peer", "limit"):
        if role in row.values:
            value, ratio = compared(row, role)
            parts.append(f"{row.names[role]} {value}, ratio {ratio}")
    if row.cpu_seconds:
        parts.append(f"CPU seconds {medians(row.cpu_seconds)}")
    if row.peak_mib:
        parts.append(f"peak MiB {medians(row.peak_mib)}")
    if row.figure.aims:
        parts.append(aims(row))
    return f"{row.figure.name}, {row.figure.unit}: {'; '.join(parts)}"


def short_table(rows):
    """Those that have an aim."""
    cells = [["", "Berth", "docker-registry", "limit", "aim"]]
    for row in rows:
        if row.figure.aims:
            limit = f"{number(row.median('limit'))} ({row.names['limit']})" if "limit" in row.values else ""
            peer = number(row.median("peer")) if "peer" in row.values else ""
            cells.append([f"{row.figure.name}, {row.figure.unit}", number(row.median("ours")), peer, limit, aims(row)])
    return table(cells, "lrrrl")


def long_table(rows):
    cells = [["", "Berth", "docker-registry", "ratio", "limit", "", "ratio", "CPU seconds", "peak MiB"]]
    for row in rows:
        limit, of_limit = compared(row, "limit")
        cells.append([
            f"{row.figure.name}, {row.figure.unit}", number(row.median("ours")), *compared(row, "peer"),
            limit, row.names.get("limit", ""), of_limit, medians(row.cpu_seconds), medians(row.peak_mib),
        ])
    return table(cells, "lrrrrlrrr")


def table(rows, sides):
    rule = ["---" if side == "l" else "---:" for side in sides]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (rows[0], rule, *rows[1:]))


ROW, BAR, LABEL, WIDTH = 52, 14, 400, 360
COLORS = {"ours": "#2f6fde", "peer": "#8a94a6", "limit": "#c9ced8"}


def plot(rows):
    """Bars of the medians, each row to its own largest."""
    parts = []
    for index, row in enumerate(rows):
        top = 10 + ROW * index
        largest = max(map(row.median, row.values))
        parts.append(f'<text x="0" y="{top + 12}">{escape(row.figure.name)}</text>')
        for place, role in enumerate(row.values):
            value, y = row.median(role), top + place * BAR
            width = max(1, WIDTH * value / largest)
            parts.append(f'<rect x="{LABEL}" y="{y}" width="{width:.0f}" height="{BAR - 2}" fill="{COLORS[role]}"/>')
            said = f"{row.names[role]}: {number(value)} {row.figure.unit}"
            parts.append(f'<text x="{LABEL + width + 6:.0f}" y="{y + BAR - 3}" font-size="11">{escape(said)}</text>')
    style = 'font-family="sans-serif" font-size="13" fill="#333"'
    size = f'width="{LABEL + WIDTH + 260}" height="{10 + ROW * len(rows)}"'
    back = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{back}{"".join(parts)}</svg>\n'
