"""The structure of a page or a picture: elements in their order, with class, id and what they say.

Sizes, places and the text of cells and paragraphs are left out and elements that are alike are folded, so that
a golden of it changes when something comes, goes or moves to another parent, and not when a
column grows.
"""
from __future__ import annotations

import html.parser
from typing import Optional

VOID = {"meta", "link", "br", "hr", "img", "input", "col"}
KEPT = ("id", "class", "role", "scope", "data-l", "href", "text-anchor")

Tree = tuple[str, "list[Tree]"]


class _Reader(html.parser.HTMLParser):
    def __init__(self, silent: set[str]) -> None:
        super().__init__()
        self.silent = silent
        self.open: list[Tree] = [("", [])]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Optional[str]]]) -> None:
        node: Tree = (tag + "".join(f" {k}={v}" for k, v in attrs if k in KEPT), [])
        self.open[-1][1].append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, Optional[str]]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        name = self.open.pop()[0].split(" ")[0]
        if name in self.silent:
            self.open[-1][1][-1][1].clear()

    def handle_data(self, data: str) -> None:
        said = " ".join(data.split())
        if said:
            self.open[-1][1].append((f'"{said}"', []))


def _lines(nodes: list[Tree], depth: int) -> list[str]:
    out, i = [], 0
    while i < len(nodes):
        n = 1
        while i + n < len(nodes) and nodes[i + n] == nodes[i]:
            n += 1
        out.append("  " * depth + nodes[i][0] + (f" x{n}" if n > 1 else ""))
        out += _lines(nodes[i][1], depth + 1)
        i += n
    return out


def outline(text: str, picture: bool = False) -> str:
    """Of HTML; of SVG if it is a picture."""
    reader = _Reader({"style"} if picture else {"style", "td", "p", "pre", "svg"})
    reader.feed(text)
    reader.close()
    return "\n".join(_lines(reader.open[0][1], 0)) + "\n"
