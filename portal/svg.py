"""A topology as SVG 1.1: columns from left to right, no two boxes on one another, the same drawing every time.

Colours are presentation attributes, so that neither a content security policy nor a viewer without our style sheet
matters: the drawing has a light ground of its own. Where it is part of a page, the page's style sheet may say otherwise
by class, for example in the dark. What a plan does is in words and in the border, never in the colour alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from portal.topology import Network, Node, Topology, words

WIDTH: Final = 230
HEIGHT: Final = 58
GAP: Final = 60
STEP: Final = 74
MARGIN: Final = 24
_LETTERS: Final = 32
_STROKES: Final = {
    "create": "#1a7f37",
    "update": "#9a6700",
    "replace": "#8250df",
    "delete": "#cf222e",
    "import": "#0550ae",
}
_SIGNS: Final = {"create": "+", "update": "~", "replace": "±", "delete": "-", "import": "="}
_FONT: Final = 'font-family="system-ui, sans-serif" font-size="12"'


@dataclass(frozen=True)
class Box:
    """A node and where it is, in pixels from the upper left corner."""

    node: Node
    left: int
    top: int
    width: int = WIDTH
    height: int = HEIGHT


def layout(topology: Topology) -> tuple[Box, ...]:
    """Where everything is. A node stands in its column, at the height of the first thing that it leads to."""
    used = sorted({each.column for each in topology.nodes})
    rows = _rows(topology)
    ways = [
        Box(each, MARGIN + used.index(each.column) * (WIDTH + GAP), MARGIN + rows[each.key] * STEP)
        for each in topology.nodes
    ]
    top = max((box.top + STEP for box in ways), default=MARGIN)
    below: list[Box] = []
    for network in topology.networks:
        placed = _network(network, top)
        below += placed
        top = max(box.top for box in placed) + STEP
    return (*ways, *below)


def _rows(topology: Topology) -> dict[str, int]:
    """Rows by key. What is met first keeps what it leads to beside it; two in one column never share a row."""
    leads: dict[str, list[str]] = {}
    for source, target in topology.edges:
        leads.setdefault(source, []).append(target)
    rows: dict[str, int] = {}
    following = 0
    for each in topology.first():
        waiting = [each.key]
        while waiting:
            key = waiting.pop()
            if key in rows:
                continue
            new = [target for target in leads.get(key, ()) if target not in rows]
            rows[key] = following
            waiting += reversed(new)
            if not new:
                following += 1
    return rows


def _network(network: Network, top: int) -> list[Box]:
    found = [Box(network.vpc, MARGIN, top)]
    for column, zone in enumerate(network.zones):
        left = MARGIN + (column + 1) * (WIDTH + GAP)
        found += [Box(each, left, top + row * STEP) for row, each in enumerate(zone.subnets)]
    return found


def draw(topology: Topology, title: str) -> str:
    """The drawing. title: what it shows, for those who do not see it; the rest is in `topology.outline`."""
    boxes = layout(topology)
    width = max((box.left + box.width for box in boxes), default=WIDTH) + MARGIN
    height = max((box.top + box.height for box in boxes), default=HEIGHT) + MARGIN
    at = {box.node.key: box for box in boxes}
    inside = [
        f'<title id="topology-title">{_text(title)}</title>',
        f'<desc id="topology-description">{_text(_described(topology))}</desc>',
        f'<rect class="ground" width="{width}" height="{height}" fill="#ffffff"/>',
        *(_line(at[source], at[target]) for source, target in topology.edges),
        *(_line(at[net.vpc.key], at[zone.subnets[0].key], "zone") for net in topology.networks for zone in net.zones),
        *_zones(topology, at),
        *(_box(box) for box in boxes),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="topology" role="img" '
        f'aria-labelledby="topology-title topology-description" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" {_FONT}>'
    )
    return "\n".join([head, *inside, "</svg>", ""])


def _described(topology: Topology) -> str:
    if not topology.nodes and not topology.networks:
        return "There is nothing yet."
    changed = [each for each in topology.nodes if each.operation]
    marked = f"; {len(changed)} of them change" if changed else ""
    return f"{len(topology.nodes)} boxes from where calls come in to the workloads{marked}."


def _zones(topology: Topology, at: Mapping[str, Box]) -> Iterator[str]:
    for network in topology.networks:
        for zone in network.zones:
            first = at[zone.subnets[0].key]
            yield _label(zone.name or "zone not known", first.left, first.top - 4, "zone", "#57606a")


def _line(source: Box, target: Box, kind: str = "way") -> str:
    begin, end = source.left + source.width, target.left
    high, low = source.top + source.height // 2, target.top + target.height // 2
    middle = (begin + end) // 2
    path = f"M{begin} {high}C{middle} {high} {middle} {low} {end} {low}"
    return f'<path class="{kind}" d="{path}" fill="none" stroke="#8c959f" stroke-width="1.5"/>'


def _box(box: Box) -> str:
    node = box.node
    operation = node.operation if node.operation in _STROKES else ""
    stroke = _STROKES.get(operation, "#57606a")
    dashes = ' stroke-dasharray="6 3"' if operation == "delete" else ""
    sign = f"{_SIGNS[operation]} {operation} " if operation else ""
    rectangle = (
        f'<rect x="{box.left}" y="{box.top}" width="{box.width}" height="{box.height}" rx="6" fill="#f6f8fa" '
        f'stroke="{stroke}" stroke-width="{2 if operation else 1}"{dashes}/>'
    )
    texts = [
        _label(f"{sign}{node.kind}", box.left + 10, box.top + 17, "kind", stroke),
        _label(node.name, box.left + 10, box.top + 34, "name", "#1f2328"),
        _label(node.detail, box.left + 10, box.top + 50, "detail", "#57606a"),
    ]
    kind = " ".join(filter(None, ("box", operation)))
    return f"<g class={quoteattr(kind)}><title>{_text(words(node))}</title>{rectangle}{''.join(texts)}</g>"


def _label(text: str, left: int, bottom: int, kind: str, fill: str) -> str:
    return f'<text class="{kind}" x="{left}" y="{bottom}" fill="{fill}">{_text(_cut(text))}</text>' if text else ""


def _cut(text: str) -> str:
    """As much as a box is wide; letters of East Asian scripts are as wide as two others."""
    widths = [2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text]
    if sum(widths) <= _LETTERS:
        return text
    kept, room = 0, _LETTERS - 1
    while room >= widths[kept]:
        room -= widths[kept]
        kept += 1
    return f"{text[:kept]}…"


def _text(text: str) -> str:
    """Text for XML. What XML does not allow, and what turns the direction of text, shows as a replacement character."""
    return escape("".join(each if each.isprintable() else "\ufffd" for each in text))
