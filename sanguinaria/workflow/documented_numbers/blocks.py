"""A Markdown page as blocks: paragraphs, lists and tables, each with the sections that it is in and its annotations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_HEADING = re.compile(r"^(#+) ")
_ANNOTATION = re.compile(r"<!-- numbers: (.*?)\s*-->", re.DOTALL)
_CITED = re.compile(r"\]\([^)\s]*results/(\w+)\.(?:md|csv|comparison\.md|metrics\.csv|efficiency\.csv)\)")


@dataclass
class Section:
    """A heading's text down to the next heading of its level; the first section of a page is the page.

    Attributes:
        level: of the heading; 0 for the page.
        cited: tables that it links, those of its subsections included.
        annotations: below its heading, for all of it.
    """

    level: int
    cited: list[str] = field(default_factory=list)
    annotations: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Block:
    """Lines without an empty one between them.

    Attributes:
        first_line: of its first line, from 1.
        lines: without annotations.
        sections: that it is in, the outermost first.
        annotations: above it or within it.
    """

    first_line: int
    lines: tuple[str, ...]
    sections: tuple[Section, ...]
    annotations: tuple[str, ...]

    @property
    def is_table(self) -> bool:
        """Whether it is a table."""
        return len(self.lines) > 2 and self.lines[0].startswith("|") and self.lines[1].startswith("|-")

    @property
    def rows(self) -> list[list[str]]:
        """Cells of a table: its header, and its rows."""
        lines = (self.lines[0], *self.lines[2:])
        return [
            [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")] for line in lines
        ]

    @property
    def cited(self) -> list[str]:
        """Tables that the innermost section links that links any."""
        return next((section.cited for section in reversed(self.sections) if section.cited), [])


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page, without headings and code.

    An annotation below a heading, with or without other annotations between, is the section's, and one anywhere else
    the block's that follows or that it is in.

    Args:
        page: its Markdown.
    """
    sections = [Section(0)]
    result: list[Block] = []
    pending: list[str] = []
    below_heading = False
    for first_line, lines in _groups(page):
        text = "\n".join(lines)
        annotations = [" ".join(match.split()) for match in _ANNOTATION.findall(text)]
        if heading := _HEADING.match(text):
            level = len(heading[1])
            sections = [*(section for section in sections if section.level < level), Section(level)]
            below_heading = True
            continue
        if annotations and not _ANNOTATION.sub("", text).strip():
            (sections[-1].annotations if below_heading else pending).extend(annotations)
            continue
        below_heading = False
        for section in sections:
            section.cited.extend(name for name in _CITED.findall(text) if name not in section.cited)
        kept = tuple(_without_annotations(lines))
        result.append(Block(first_line, kept, tuple(sections), (*pending, *annotations)))
        pending = []
    return result


def _without_annotations(lines: Sequence[str]) -> Iterator[str]:
    text = _ANNOTATION.sub(lambda match: "\n" * match[0].count("\n"), "\n".join(lines))
    yield from text.split("\n")


def _groups(page: str) -> Iterator[tuple[int, list[str]]]:
    """Lines between empty lines; headings alone; without code blocks."""
    group: list[str] = []
    in_code = in_comment = False
    lines = [*page.split("\n"), ""]
    for number, line in enumerate(lines, start=1):
        fence = line.lstrip().startswith("```")
        is_text = not (fence or in_code)
        in_code = in_code != fence
        in_comment = is_text and ("<!--" in line or in_comment) and line.rfind("-->") <= line.rfind("<!--")
        ends = (not line.strip() and not in_comment) or not is_text or bool(_HEADING.match(line))
        if ends and group:
            yield number - len(group), group
            group = []
        if is_text and _HEADING.match(line):
            yield number, [line]
        elif is_text and (line.strip() or in_comment):
            group.append(line)
