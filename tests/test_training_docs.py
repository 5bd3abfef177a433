"""The commands of docs/training.md run in order."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from agent.cli import main
from tests import sft_rows, tiny
from tests.conftest import ROOT
from tool_data.material import Material
from training.learn import _parser as learn_options
from training.learn_lesson import read_lessons
from training.sft.recipe import RECIPES


def test_the_commands_of_the_training_page_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    for recipe in RECIPES.glob("*.yaml"):
        assert f"| `{recipe.stem}` |" in page
    monkeypatch.chdir(tmp_path)
    tiny.save(Path("base"), slots=True)
    sft_rows.mixed(Path("chats.jsonl"), 2)
    sft_rows.picture().image.save("car.png")
    said = " ".join(f"<{stage}> red </{stage}>" for stage in ("SUMMARY", "CAPTION", "REASONING", "CONCLUSION"))
    talk = [{"from": "human", "value": "which color?"}, {"from": "gpt", "value": said}]
    Path("cot.json").write_text(json.dumps([{"id": "a", "image": "car.png", "conversations": talk}]))
    for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL):
        for line in block.splitlines():
            program, *argv = shlex.split(line)
            assert (program, main(argv)) == ("handeye", 0), line
    assert not Path("planned").exists()
    assert Path("aligned", "model.safetensors").is_file()


def test_the_page_teaches_an_example_and_its_requests_are_read(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^handeye learn (examples/.*)$", page, re.MULTILINE)
    (file,) = learn_options().parse_args(shlex.split(line)).files
    (block,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "asked.toml").write_text(block, encoding="utf-8")
    words = Material.load().words
    for asked in (tmp_path / "asked.toml", ROOT / "examples" / "find_red.toml"):
        (lesson,) = read_lessons([ROOT / file], [asked], words)
        by_hand = {one.text for one in lesson.wordings.held_out if one.origin == "file"}
        (row,) = tomllib.loads(asked.read_text(encoding="utf-8"))["requests"]
        assert by_hand == {*row["en"], *row["es"]} - {one.text for one in lesson.wordings.train}
        assert len(by_hand) >= 2
