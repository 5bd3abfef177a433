"""Docs are executed: code blocks run, generated pages are diffed, the commands named exist."""

import re
from pathlib import Path

import numpy as np
import pytest

from docs.generate import HERE, PAGES
from skills import Picture
from skills.registry import load_file

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_generated_page_is_up_to_date(page):
    assert (HERE / page).read_text(encoding="utf-8") == PAGES[page](), "run `make docs`"


def test_the_skill_of_the_guide_is_a_skill(tmp_path):
    guide = (ROOT / "docs" / "writing-a-skill.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    assert len(code) == 1
    path = tmp_path / "brightest.py"
    path.write_text(code[0])
    (found,) = load_file(path)
    array = np.zeros((60, 80, 3), dtype=np.uint8)
    array[20, 50] = 255
    boxes = found(Picture.from_array(array, frame="img_1"), size=20)
    assert boxes.xyxy == ((40, 10, 60, 30),)


def test_the_make_targets_that_are_named_exist():
    makefile = (ROOT / "Makefile").read_text()
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"`make ([a-z]+)`", page.read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"
