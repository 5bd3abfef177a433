"""Text files as passages: paragraphs with the title of their file."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

SUFFIXES = (".md", ".txt", ".rst", ".html", ".htm")
"""The kinds of file that hold passages."""

LONGEST = 600
"""Characters of a passage; a longer paragraph is split between sentences or words."""

_BLOCK_TAGS = "p div li tr h1 h2 h3 h4 h5 h6 br section article table ul ol pre title"
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_MARK = "\ue000"
"""Stands after a heading while text is split; a private-use character, so no word of the text."""

_HIDDEN = frozenset(("script", "style", "head"))


@dataclass(frozen=True)
class Passage:
    """A paragraph of a file."""

    place: str
    """The file, as a person names it: "docs/x.md"."""
    title: str
    """The file's first heading, or empty."""
    text: str
    """The paragraph, white space normalised."""


class _Words(HTMLParser):
    """Collects what a page shows, paragraphs apart."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.title = ""
        self._hidden: list[str] = []
        self._heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden.append(tag)
        if tag in _BLOCKS:
            self.shown.append("\n\n")
        self._heading = tag in ("title", "h1") and not self.title

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and tag == self._hidden[-1]:
            self._hidden.pop()
        if tag in _BLOCKS:
            self.shown.append("\n\n")
        self._heading = self._heading and tag not in ("title", "h1")

    def handle_data(self, data: str) -> None:
        if self._heading:
            self.title += data
        if not self._hidden:
            self.shown.append(data)


def passages_of(text: str, place: str, suffix: str) -> list[Passage]:
    """Split the text of a file (`suffix` such as ".md") into passages; headings alone are no passage."""
    if suffix in (".html", ".htm"):
        page = _Words()
        page.feed(text)
        page.close()
        text, title = "".join(page.shown), page.title
    else:
        title = _title(text)
    title = " ".join(title.split())
    passages = []
    for paragraph in re.split(r"\n\s*\n", _without_headings(text)):
        words = " ".join(paragraph.split())
        if words.endswith(_MARK):
            continue
        for piece in _pieces(words.replace(_MARK, ":")):
            passages.append(Passage(place=place, title=title, text=piece))
    return passages


def _title(text: str) -> str:
    """Return the first heading: "# Title", or a line underlined with = or -."""
    match = re.search(r"^#+\s+(.+)$|^(\S.*)\n(?:={3,}|-{3,})\s*$", text, flags=re.MULTILINE)
    return (match[1] or match[2]) if match else ""


def _without_headings(text: str) -> str:
    """Make every heading end its paragraph, its own words leading the next one."""
    text = re.sub(r"^#+\s+(.+)\n+", rf"\n\n\1{_MARK} ", text, flags=re.MULTILINE)
    return re.sub(r"^(\S.*)\n(?:={3,}|-{3,})\s*\n+", rf"\n\n\1{_MARK} ", text, flags=re.MULTILINE)


def _pieces(paragraph: str) -> list[str]:
    """Split a paragraph into pieces of at most LONGEST characters, at sentence ends or spaces."""
    pieces = []
    while len(paragraph) > LONGEST:
        head = paragraph[:LONGEST]
        at = max(head.rfind(end) + 1 for end in (". ", "? ", "! "))
        at = at if at > LONGEST // 2 else head.rfind(" ")
        at = at if at > 0 else LONGEST
        pieces.append(paragraph[:at].strip())
        paragraph = paragraph[at:].strip()
    return [*pieces, paragraph] if paragraph else pieces
