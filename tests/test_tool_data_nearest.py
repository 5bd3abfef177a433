"""How near the held-out requests are to what training draws from."""

import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

from tool_data.material import Material
from tool_data.nearest import Index, words

HELDOUT = Path(__file__).parents[1] / "tool_data" / "heldout"
NEAR = 0.6


@pytest.fixture(scope="module")
def index() -> Index:
    return Index(Material.load())


def blanked(request: str, spans: list[str]) -> str:
    """Return a request without the words that are its arguments."""
    for span in sorted(spans, key=len, reverse=True):
        request = re.sub(re.escape(span), " ", request, flags=re.IGNORECASE)
    return request


def _spans(row: dict) -> list[str]:
    values = [v for step in row["calls"] for call in step for v in call["args"].values()]
    flat = [item for v in values for item in (v if isinstance(v, list) else [v])]
    return [v for v in flat if isinstance(v, str) and not v.startswith(("$", ">", "<")) and v in row["request"]]


def test_words_have_no_case_accents_or_slots():
    assert words("\u00bfD\u00f3nde est\u00e1 {object}?") == {"donde", "esta"}
    assert blanked("Blur the Red Car now", ["red car"]).split() == ["Blur", "the", "now"]


def test_the_nearest_request_is_found_by_the_words_it_shares(index):
    near = index.nearest("please blur the faces")
    assert near.text == "blur the faces"
    assert near.jaccard == pytest.approx(3 / 4)
    assert [step.skill for step in near.intent.steps] == ["find_faces", "blur"]
    assert index.nearest("zzyzx qwkkt").jaccard == 0


@pytest.mark.parametrize("path", sorted(HELDOUT.glob("*.jsonl")), ids=lambda path: path.stem)
def test_few_heldout_requests_are_near_a_training_request(index, path):
    near = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found = index.nearest(blanked(row["request"], _spans(row)))
        near[found.jaccard > NEAR].append(row["id"])
        print(f"{found.jaccard:.2f}  {row['id']}  {row['request']!r}  {found.text!r}")
    assert len(near[True]) <= 0.1 * (len(near[True]) + len(near[False])), near[True]
