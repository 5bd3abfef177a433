"""Docs are executed: code blocks run, generated pages are diffed, the commands named exist."""

import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest

from agent import Agent
from agent.cli import main
from agent.score import Share, score_turn
from docs.generate import HERE, PAGES
from docs.readme import transcript
from skills import Context, Picture
from skills.builtin.detect import detect
from skills.registry import load_file
from tests import tiny_models
from tests.probes import picture
from tests.teacher import Endpoint
from tests.test_tool_data_from_chats import saved
from tool_data.formats.table import SUMMARIES
from tool_data.teach import RECIPES
from training.play import HELDOUT, Player, read_rows

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


def test_the_skill_and_the_test_of_the_models_page_run(tmp_path):
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    implementation, front, use = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (profile,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    path = tmp_path / "brighten.py"
    path.write_text(f"{implementation}\n{front}")
    (tmp_path / "mine.toml").write_text(profile)
    agent = Agent(skills=[path], profile=str(tmp_path / "mine.toml"))
    found = agent.registry.get("brighten")
    assert found.chosen.settings == {"strength": 0.8}
    assert found.unavailable().startswith("checkpoint 'org/other-name' is not on this machine; handeye pull brighten")
    names = {"tiny_models": tiny_models, "detect": detect, "Context": Context, "tmp_path": tmp_path / "tiny"}
    exec(use, names | {"picture": Picture.from_array(np.zeros((60, 80, 3), dtype=np.uint8))})  # noqa: S102


def test_the_commands_of_the_data_page_run_in_order(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (source,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("recipe.yaml").write_text(recipe)
    Path("sources.jsonl").write_text(source)
    picture().image.save("cups.png")
    saved("a", "One.", feedback=["corrected: Two."])
    with Endpoint() as endpoint:
        run_commands(page.replace("http://127.0.0.1:8000/v1", endpoint.url))
    assert {recipe: f"`{recipe}`" in page for recipe in RECIPES} == dict.fromkeys(RECIPES, True)
    assert len(Path("taught.jsonl").read_text().splitlines()) == 3
    assert len(Path("pairs.jsonl").read_text().splitlines()) == 1
    assert "<svg" in Path("stats.html").read_text(encoding="utf-8")
    assert "Apache-2.0" in Path("mixed.md").read_text(encoding="utf-8")
    assert Path("trl.parquet").stat().st_size > 1000
    assert len(Path("again.jsonl").read_text().splitlines()) == 300
    (training,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    told = {}
    exec(training, told)
    assert {image.format for row in told["rows"] for image in row["images"]} == {"PNG"}
    assert "generation %}" in told["template"]
    for name in SUMMARIES:
        assert f"`{name}`" in page


def run_commands(page):
    """Run every line of a page's bash blocks, in order."""
    lines = [line for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert len(lines) > 5
    for line in lines:
        program, *argv = shlex.split(line)
        assert (program, main(argv)) == ("handeye", 0), line


def test_the_make_targets_that_are_named_exist():
    makefile = (ROOT / "Makefile").read_text()
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"`make ([a-z]+)`", page.read_text(encoding="utf-8")):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"


def block_after(text: str, mark: str) -> str:
    """Return the fenced block that follows a comment in a page."""
    return re.search(rf"{re.escape(mark)}\n+```\n(.*?)```", text, re.DOTALL)[1].rstrip("\n")


@pytest.mark.slow
def test_the_readmes_transcript_is_what_the_program_says():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert block_after(readme, "<!-- transcript: python -m docs.readme -->") == transcript(Agent().chat())


@pytest.mark.slow
def test_the_readmes_python_runs(tmp_path, capsys, monkeypatch):
    door, skill = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(ROOT)
    program = tmp_path / "door.py"
    program.write_text(door)
    runpy.run_path(str(program))
    assert "RIVER BAKERY" in capsys.readouterr().out
    path = tmp_path / "middle.py"
    path.write_text(skill)
    assert [found.name for found in load_file(path)] == ["middle"]


@pytest.mark.slow
def test_the_cards_score_is_what_the_planner_reaches():
    """Plays every third direct held-out row; the card's share of all of them lies in the interval of those."""
    card = (ROOT / "checkpoints" / "planner" / "README.md").read_text(encoding="utf-8")
    claimed = re.search(r"^direct +both +([0-9.]+) \([0-9.]+-[0-9.]+, n=(\d+)\)", card, re.MULTILINE)
    rows = list(read_rows([HELDOUT / "direct.jsonl"]))
    assert len(rows) == int(claimed[2])
    player = Player("embedded")
    hits = [score_turn(row, player.play(row)).first_call for row in rows[::3]]
    low, high = Share(sum(hits), len(hits)).interval
    assert low <= float(claimed[1]) <= high


def test_the_readme_claims_what_the_card_says():
    card = (ROOT / "checkpoints" / "planner" / "README.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    claimed = block_after(readme, "<!-- scores: handeye eval planner -->")
    assert len(claimed.splitlines()) > 8
    assert set(claimed.splitlines()) <= set(card.splitlines())
