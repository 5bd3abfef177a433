"""Text that a person, a planner or a picture wrote, as markup that shows exactly these characters.

The chat's messages are Markdown with HTML. Nothing foreign may become either: every ASCII punctuation mark and line
break is written as a character reference, which Markdown takes for text (CommonMark 0.31, section 2.5) and HTML too.
"""

import string
from collections.abc import Sequence

_REFERENCES = {
    **{ord(c): f"&#{ord(c)};" for c in string.punctuation},
    **dict.fromkeys((*range(32), 127)),
    ord("\n"): "&#10;",
    ord("\t"): "&#9;",
    0x2028: "&#10;",
    0x2029: "&#10;",
}
"""Character -> what is written for it; other control characters are dropped."""


def plain(text: str) -> str:
    """Return markup on one line that shows `text`; also fit for a title."""
    return text.replace("\r\n", "\n").translate(_REFERENCES)


def block(text: str, kind: str = "text") -> str:
    """Return `text` as a block that keeps its line breaks, or "" for no text.

    `kind` is one of the chat's own styles: "text", "code" (scrolls where it is long), "error", "note".
    """
    return f'<div class="he-{kind}">{plain(text)}</div>' if text else ""


def marked(text: str, spans: Sequence[tuple[int, int, str]]) -> str:
    """Return `text` as a block in which each (start, end, name) is underlined and names its source when pointed at.

    Spans are in order and do not overlap.
    """
    pieces: list[str] = []
    at = 0
    for start, end, name in spans:
        cited = f'<span class="he-cite" title="{plain(name)}">{plain(text[start:end])}</span>'
        pieces += [plain(text[at:start]), cited]
        at = end
    body = "".join([*pieces, plain(text[at:])])
    return f'<div class="he-text">{body}</div>' if text else ""
