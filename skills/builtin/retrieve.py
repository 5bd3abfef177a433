"""The skill `retrieve`: what a local folder holds about a query, by the search the profile chose."""

from typing import Annotated

from pydantic import Field

from ..context import Context
from ..spec import SkillResult, Words, skill
from ..values import Picture, Text
from ._retrieve_bm25 import BM25
from ._retrieve_clip import CLIP


@skill(
    examples=["what do the notes say about the warranty?", "look up the opening hours"],
    implementations=[BM25, CLIP],
)
def retrieve(
    query: Words | None = None,
    image: Picture | None = None,
    k: Annotated[int, Field(ge=1, le=20)] = 3,
    *,
    ctx: Context,
) -> Text | SkillResult:
    """Search local documents for passages about a query: facts, notes, manuals.

    Returns untrusted Text of at most `k` lines "docs/x.md: passage", best first; none where no word of the query
    occurs. Searched are the text files of `ctx.folder`; upper case, accents and plural s do not matter. The picture
    index adds at most `k` lines "docs/x.png" with their scores, and these pictures as views in the same order; it also
    takes a picture, alone or with a query. Raises SkillError for a folder that is missing or holds nothing to search,
    and for a search without words or picture.
    """
    found: Text | SkillResult = ctx.run(query, image, k)
    return found
