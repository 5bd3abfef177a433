"""Held-out rows are played as they are told, and the controls are what they say."""

import json

import pytest

from agent.score import score_turn
from skills import InputError
from training.controls import Nearest
from training.play import BESIDE, HELDOUT, Player, Told, read_rows, unseen_skills


@pytest.fixture(scope="module")
def player() -> Player:
    return Player(Told())


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(HELDOUT.glob("*.jsonl")), ids=lambda path: path.stem)
def test_the_gold_calls_of_every_fourth_row_run_and_score_as_exact(player, path):
    for row in list(read_rows([path]))[::4]:
        turn = player.prove(row)
        scored = score_turn(row, turn)
        assert scored.exact, (row, scored.written)
        errors = [seen.error.type for step in turn.steps for seen in step.observations if seen.error]
        assert errors == (["unavailable"] * len(row["calls"]) if row["group"] == "unavailable" else []), row


def test_a_row_that_is_no_json_is_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": 1}\n{broken\n')
    with pytest.raises(InputError, match=r"line 2 of '.*rows.jsonl' is no JSON"):
        list(read_rows([path]))
    with pytest.raises(InputError, match="no held-out file at"):
        list(read_rows([tmp_path / "missing.jsonl"]))


def test_an_unseen_skill_stands_beside_the_whole_offer(player):
    name = next(iter(unseen_skills()))
    rows = [{"id": f"u{n}", "group": "unseen", "calls": [[{"name": name, "args": {}}]]} for n in range(40)]
    offers = [player._offer(row) for row in rows]
    assert all(len(offer) == 24 + 1 + BESIDE for offer in offers)
    assert {offer.index(name) for offer in offers} == set(range(24, 24 + 1 + BESIDE))


def test_a_withheld_skill_is_not_on_offer(player):
    assert "detect" not in player._offer({"group": "unavailable", "withheld": ["detect"], "calls": []})


def test_swapped_pictures_are_of_another_kind(player):
    swapped = Player(Told(), swapped=True)
    for number in range(20):
        row = {"id": f"picture-{number}", "picture": "page"}
        assert player._picture(row) == player._picture(row)
        assert swapped._picture(row) != player._picture(row)


def test_earlier_turns_stand_before_the_last_one(player):
    row = {
        **_row("blur the second one", [{"name": "blur", "args": {"regions": "boxes_1[1]"}}]),
        "before": [{"request": "find the faces", "calls": [[{"name": "find_faces", "args": {}}]]}],
    }
    turn = player.prove(row)
    assert score_turn(row, turn).exact
    assert turn.request == "blur the second one"
    assert turn.steps[0].observations[0].artifacts == ("img_2",)


def test_the_nearest_training_request_is_done():
    player = Player(Nearest())
    faces = [{"name": "find_faces", "args": {}}], [{"name": "blur", "args": {"regions": "$1"}}]
    for row in (
        _row("blur the faces please", *faces),
        _row("rotate the photo 37 degrees clockwise", [{"name": "rotate", "args": {"degrees": -37}}]),
        _row("find the zorplex", [{"name": "detect", "args": {"objects": ["zorplex"]}}]),
    ):
        assert score_turn(row, player.play(row)).exact


def _row(request: str, *calls: list[dict]) -> dict:
    told = {"id": "r", "group": "direct", "lang": "en", "picture": "face", "mark": None}
    return {**told, "request": request, "calls": list(calls)}


def test_heldout_files_have_their_groups_and_both_languages():
    groups = {}
    for path in HELDOUT.glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            groups.setdefault(row["group"], []).append(row["lang"])
    wanted = {"direct", "indirect", "chain", "multi_turn", "no_tool", "unseen", "picture", "unavailable"}
    assert wanted <= groups.keys()
    for name in wanted:
        assert len(groups[name]) >= 200
        assert 0.45 < groups[name].count("es") / len(groups[name]) < 0.55
