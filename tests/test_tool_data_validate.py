"""Planted faults: each kind a hundred times in simulated rows and in rows with payloads, and every one is named."""

import json
import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from agent.citations import PATTERN, expand
from agent.cli import main as batch
from agent.trace import Trace
from skills import Boxes, InputError, Line, Masks, Number, Picture, Points, Text
from skills.registry import Registry
from skills.store import Artifacts, Store
from skills.values import Rle
from tests import planted
from tool_data.generate import Generator
from tool_data.material import Material
from tool_data.validate import faults, main

COUNT = 12
COPIES = 100
POOL = {"page": ("a" * 64,), "code": ("b" * 64,), "face": ("c" * 64,), "scene": ("d" * 64, "e" * 64)}

EVERYWHERE = [
    planted.offered_twice, planted.unknown_skill, planted.refused_arguments, planted.missing_argument,
    planted.id_of_nothing, planted.id_too_early, planted.other_frame, planted.mixed_frames, planted.no_call,
    planted.no_observation, planted.observed_twice, planted.same_call_id, planted.unmade, planted.forgotten_picture,
    planted.other_maker, planted.unlisted, planted.unlisted_picture, planted.cites_nothing, planted.cites_later,
    planted.no_answer, planted.blank_answer, planted.answer_after_all, planted.empty_request, planted.no_error,
    planted.wrong_kind, planted.no_hash,
]  # fmt: skip
WITH_PAYLOADS = [
    planted.outside, planted.shifted, planted.retyped, planted.other_citation, planted.no_payload, planted.no_path,
    planted.other_size, planted.other_value,
]  # fmt: skip


@pytest.fixture(scope="module")
def drawn():
    """Simulated rows under offers whose names differ; one that names a skill twice has that fault."""
    generator, rng = Generator(Material.load(), POOL, content=True), random.Random(11)
    offers = [generator.offer(rng, full=0.5) for _ in range(400)]
    offers = [offer for offer in offers if len({skill.name for skill in offer.skills}) == len(offer.skills)]
    return [(offer.skills, generator.chat(offer, rng)) for offer in offers]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("data") / "rows.store")


@pytest.fixture(scope="module")
def grounded(drawn, store):
    """The same rows as if skills had run: payloads in a store, citations expanded."""
    return [(skills, with_payloads(trace, store)) for skills, trace in drawn]


def value_of(record):
    box, frame, names = (1.0, 2.0, 3.0, 4.0), record.frame, tuple(f"thing {n}" for n in range(COUNT))
    values = {
        "picture": lambda: Picture(pixels=bytes(3 * 4 * 3), size=(4, 3), frame=frame, view=record.view),
        "boxes": lambda: Boxes(xyxy=(box,) * COUNT, labels=names, scores=(0.5,) * COUNT, frame=frame),
        "masks": lambda: Masks(
            rle=(Rle(size=(16, 16), counts="04<000000000000000000000000000000"),) * COUNT, labels=names, frame=frame
        ),
        "points": lambda: Points(xy=((1.0, 2.0),), frame=frame),
        "text": lambda: Text(lines=tuple(Line(text=name) for name in names), frame=frame),
        "number": lambda: Number(value=42),
    }
    return values[record.kind]()


def with_payloads(trace: Trace, store: Store) -> Trace:
    table = {}
    for name, record in trace.artifacts.items():
        value = value_of(record)
        size = value.size if record.kind == "picture" else None
        table[name] = record.model_copy(update={"sha256": store.put(value), "size": size})
    meta = trace.meta.model_copy(update={"planner": "test"})
    trace = trace.model_copy(update={"artifacts": table, "meta": meta})
    turns = []
    for turn in trace.turns:
        text, citations, _ = expand(turn.answer, trace, Artifacts(store, table), ())
        turns.append(turn.model_copy(update={"answer": text, "citations": citations}))
    return trace.model_copy(update={"turns": tuple(turns)})


def mutated(rows, plant, seed):
    """Yield COPIES mutated rows with the text that must be said; rows where a kind cannot be planted are passed by."""
    rng, count, tried = random.Random(seed), 0, 0
    while count < COPIES:
        tried += 1
        assert tried < 100 * COPIES, "the kind fits no row"
        skills, trace = rng.choice(rows)
        row = json.loads(trace.to_json())
        with suppress(planted.Nowhere):
            said = plant(row, rng, skills)
            count += 1
            yield skills, Trace.from_json(json.dumps(row)), said


def test_drawn_rows_have_no_fault(drawn, grounded, store):
    assert [fault for skills, trace in drawn for fault in faults(trace, skills, store)] == []
    assert [fault for skills, trace in grounded for fault in faults(trace, skills, store)] == []
    assert sum(len(turn.citations) for _, trace in grounded for turn in trace.turns) > 200


@pytest.mark.parametrize("plant", EVERYWHERE, ids=lambda plant: plant.__name__)
def test_every_planted_fault_is_found_in_simulated_rows(drawn, plant: Callable):
    for skills, trace, said in mutated(drawn, plant, 1):
        found = faults(trace, skills)
        assert any(said in fault for fault in found), (said, found)


@pytest.mark.parametrize("plant", EVERYWHERE + WITH_PAYLOADS, ids=lambda plant: plant.__name__)
def test_every_planted_fault_is_found_in_rows_with_payloads(grounded, store, plant: Callable):
    for skills, trace, said in mutated(grounded, plant, 2):
        found = faults(trace, skills, store)
        assert any(said in fault for fault in found), (said, found)


def test_damaged_payloads_are_found(grounded, tmp_path):
    rng = random.Random(3)
    pictured = [
        (skills, trace) for skills, trace in grounded if planted.of_kind(json.loads(trace.to_json()), "picture")
    ]
    for at, (skills, trace) in enumerate(pictured[:COPIES]):
        broken = Store(tmp_path / str(at))
        trace = with_payloads(trace, broken)
        name = rng.choice([name for name, record in trace.artifacts.items() if record.kind == "picture"])
        path = broken.path(trace.artifacts[name].sha256)
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(rng.choice((bytes(data), data[: len(data) // 2], b"")))
        found = faults(trace, skills, broken)
        assert any(fault.startswith(f"{name}: payload ") and "is damaged" in fault for fault in found), found
    assert at == COPIES - 1


def test_what_the_executor_refused_is_no_fault(drawn):
    """A planner's own error, and that the executor named it, is a true record."""
    rng = random.Random(5)
    for plant, kind in ((planted.unknown_skill, "unknown_skill"), (planted.refused_arguments, "bad_arguments")):
        for skills, trace, said in mutated(drawn, plant, rng.random()):
            row = json.loads(trace.to_json())
            for step, call in planted.calls(row):
                seen = step["observations"][0]
                if call["name"].startswith("no_such_") or "nonsense" in call["args"]:
                    seen.update(status="error", error={"type": kind, "message": "refused"})
            found = faults(Trace.from_json(json.dumps(row)), skills)
            assert not any(said in fault for fault in found)


def test_elements_and_regions_are_looked_up_in_the_payload(grounded, store):
    skills, trace = next(
        (s, t) for s, t in grounded if any(c for c, _ in planted.ids(json.loads(t.to_json()), s, ("regions",)))
    )
    row = json.loads(trace.to_json())
    call, name = planted.ids(row, skills, ("regions",))[0]
    named = call["args"][name].partition("[")[0]
    call["args"][name] = f"{named}[40]"
    found = faults(Trace.from_json(json.dumps(row)), skills, store)
    assert any(f"'{named}[40]' does not exist; {named} has [0] to [" in fault for fault in found)
    call["args"][name] = [0.1, 0.2, 30, 40]
    found = faults(Trace.from_json(json.dumps(row)), skills, store)
    assert any("[0.1, 0.2, 30.0, 40.0] is no region" in f or "[0.1, 0.2, 30, 40] is no region" in f for f in found)


def test_a_renamed_skill_of_a_simulated_row_is_known_by_its_offer(drawn):
    known = Registry.load().offer()
    names = {skill.name for skill in known}
    renamed = [trace for _, trace in drawn if any(call.name not in names for call in _named(trace))]
    assert len(renamed) > 20
    assert not [fault for trace in renamed for fault in faults(trace, known) if "unknown skill" in fault]
    real = renamed[0].model_copy(
        update={"meta": renamed[0].meta.model_copy(update={"planner": "llava", "origin": None})}
    )
    assert any("name its file with --skills FILE.py" in fault for fault in faults(real, known))


def _named(trace):
    return [call for turn in trace.turns for step in turn.steps for call in step.output.calls]


def test_simulated_answers_keep_their_citations(drawn):
    assert any(PATTERN.search(turn.answer) for _, trace in drawn for turn in trace.turns)


def _file(tmp_path, *written):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(written) + "\n", encoding="utf-8")
    return path


def test_what_the_executor_wrote_has_no_fault(tmp_path, plain, capsys):
    """Real chats: a chain, calls side by side, refused calls, a citation left out, an unread output, a question."""
    (tmp_path / "a.png").write_bytes(plain.png)
    face = {"kind": "boxes", "xyxy": [[1, 2, 30, 40], [5, 5, 9, 9]], "labels": ["face", "face"], "scores": [0.9, 0.8]}
    rows = [
        {"id": "chain", "requests": ["faces?", "blur them"], "images": ["a.png"], "results": {"find_faces": [face]}},
        {"id": "side", "requests": ["rotate and grey"], "images": ["a.png"]},
        {"id": "refused", "requests": ["blur"], "images": ["a.png"]},
        {"id": "sum", "requests": ["1 + 1?", "which?"]},
    ]
    lines = [
        {"name": "find_faces"}, "[boxes_1.count]: [boxes_1[0].label], [boxes_1[1].score]; [skills]",
        {"name": "blur", "args": {"regions": "boxes_1[1]"}}, "Done: [img_2].",
        [{"name": "rotate", "args": {"degrees": 90}}, {"name": "adjust", "args": {"grayscale": True}}], "Done.",
        {"name": "blurr"}, {"name": "blur"}, {"name": "blur", "args": {"regions": "boxes_4"}},
        {"name": "blur", "args": {"regions": [0.1, 0.1, 0.5, 0.5]}}, "It failed first: [call_3.error]",
        {"name": "calculate", "args": {"expression": "1 + 1"}}, "It is [num_1].", "Which one?",
    ]  # fmt: skip
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "script.json").write_text(json.dumps(lines))
    out = tmp_path / "out.jsonl"
    assert batch(["batch", str(tmp_path / "in.jsonl"), str(out), f"--planner=scripted:{tmp_path / 'script.json'}"]) == 0
    capsys.readouterr()
    assert main([str(out)]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out == "4 rows read, 0 of them with faults\n"
    payload = next(path for path in (tmp_path / "out.store").iterdir() if path.read_bytes().startswith(b"\x89PNG"))
    payload.write_bytes(payload.read_bytes()[:-5])
    assert main([str(out)]) == 1
    assert f"payload {payload.name} in {str(tmp_path / 'out.store')!r} is damaged; copy it there" in (
        capsys.readouterr().out
    )


def test_the_command_names_rows_by_number(tmp_path, capsys):
    fine = Trace.model_validate({"id": "a", "turns": [_said("hello")]}).to_json()
    empty = Trace.model_validate({"id": "b", "turns": [_said(" ")]}).to_json()
    path = _file(tmp_path, fine, "", "{not json", empty, '{"id": 3}', fine)
    assert main([str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{path}:3: it is no JSON: key must be a string")
    assert lines[1:] == [
        f"{path}:4: turn 1: the request is empty; expected what the user wrote",
        f"{path}:5: it is no Trace: id: Input should be a valid string; `handeye data import` reads other formats",
        f"{path}:6: its id 'a' is that of row 1; ids are used once in a file",
        "5 rows read, 4 of them with faults (4 in all)",
    ]
    assert main([str(_file(tmp_path, fine))]) == 0
    assert capsys.readouterr().out == "1 rows read, 0 of them with faults\n"


def _said(request):
    return {
        "request": request, "steps": [{"output": {"answer": "Hi."}}], "answer": "Hi.", "stop_reason": "answered",
    }  # fmt: skip


def test_damaged_text_is_found_a_hundred_times(tmp_path, capsys, drawn):
    rng, written, cut = random.Random(4), [], 0
    for _, trace in drawn[: 2 * COPIES]:
        text = trace.to_json()
        if cut < COPIES and rng.random() < 0.7:
            cut += 1
            text = text[: rng.randint(1, len(text) - 1)] if rng.random() < 0.5 else text.replace('"turns":', '"turn":')
            written.append((False, text))
        else:
            written.append((True, text))
    path = _file(tmp_path, *(text for _, text in written))
    main([str(path)])
    out = capsys.readouterr().out
    for number, (fine, _) in enumerate(written, start=1):
        assert (f"{path}:{number}: it is no " in out) is not fine
    assert cut == COPIES


def test_added_skills_are_known_by_their_file(tmp_path, capsys):
    call = {"id": "call_1", "name": "shout", "args": {"words": "hi"}}
    seen = {"tool_call_id": "call_1", "status": "success", "content": "HI"}
    steps = [{"output": {"calls": [call]}, "observations": [seen]}, {"output": {"answer": "Done."}}]
    path = _file(
        tmp_path,
        Trace.model_validate({"id": "a", "turns": [{**_said("x"), "answer": "Done.", "steps": steps}]}).to_json(),
    )
    assert main([str(path)]) == 1
    assert "unknown skill 'shout'; name its file with --skills FILE.py or mend the name" in capsys.readouterr().out
    file = tmp_path / "shout.py"
    file.write_text(
        'from skills import Text, skill\n\n\n@skill\ndef shout(words: str) -> Text:\n    """Shout."""\n'
        "    return Text.of(words.upper())\n"
    )
    assert main([str(path), "--skills", str(file)]) == 0


def test_a_file_that_is_not_there_is_bad_usage(tmp_path):
    with pytest.raises(InputError, match=r"none.jsonl' cannot be read: No such file or directory; give a .jsonl file"):
        main([str(tmp_path / "none.jsonl")])
