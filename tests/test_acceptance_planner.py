"""Which calls the embedded planner makes of the requests it is meant for; results are recorded: it alone counts."""

from pathlib import Path

import pytest

from agent import Agent
from skills import Boxes, Line, Picture, Text

FACES = Boxes(xyxy=((20, 10, 50, 40), (60, 10, 90, 40)), scores=(0.9, 0.8), labels=("face", "face"))
WORDS = Text(lines=(Line(text="OPEN DAILY", box=(20, 10, 60, 30)),), untrusted=True)
RESULTS = {"find_faces": [FACES] * 3, "read_text": [WORDS] * 3, "detect": [FACES] * 3}

FIND_AND_BLUR = ["find_faces", "blur"]


@pytest.fixture(scope="module")
def agent() -> Agent:
    return Agent()


def calls(agent: Agent, request: str, picture: Picture, region: list[float] | None = None) -> list[str]:
    turn = agent.chat(results=RESULTS).ask(request, images=[picture], region=region)
    return [call.name for step in turn.turn.steps for call in step.output.calls]


# Not reached by this checkpoint (checkpoints/planner/README.md has the shares); a better one turns these into passes.
MISSED = pytest.mark.xfail(reason="this planner reads the whole picture instead", strict=False)
TAKEN = pytest.mark.xfail(reason="this planner takes the picture for a board of shapes", strict=False)
LOOKED = pytest.mark.xfail(reason="it looks for something to see instead, above all beside a picture", strict=False)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("what does it say?", ["read_text"]),
        ("\u00bfqu\u00e9 dice el texto?", ["read_text"]),
        ("blur the faces", FIND_AND_BLUR),
        ("blur every face", FIND_AND_BLUR),
        ("difumina las caras", FIND_AND_BLUR),
        ("remove the text", ["read_text", "erase"]),
        ("blur the red car", ["detect", "blur"]),
        pytest.param("crop to the sign and read it", ["detect", "crop", "read_text"], marks=MISSED),
        ("make it black and white", ["adjust"]),
        ("haz la foto más brillante", ["adjust"]),
        ("what is 12*7?", ["calculate"]),
        pytest.param("find the red car", ["detect"], marks=TAKEN),
        ("read the QR code", ["read_code"]),
    ],
)
def test_the_calls_of_a_request(agent, plain: Picture, request_, expected):
    assert calls(agent, request_, plain) == expected


def test_a_marked_box_is_cut_out(agent, plain: Picture):
    assert calls(agent, "cut out what is in this box", plain, region=[0.2, 0.2, 0.8, 0.8]) == ["cut_out"]


@pytest.mark.parametrize(
    ("request_", "degrees"),
    [
        ("rotate it 90 degrees to the left", 90),
        ("gira la foto 90 grados a la izquierda", 90),
    ],
)
def test_a_turn_has_its_sign(agent, plain: Picture, request_, degrees):
    turn = agent.ask(request_, images=[plain]).turn
    assert [call.args for step in turn.steps for call in step.output.calls] == [{"degrees": degrees}]


def test_the_answer_to_a_blur_says_blur(agent, plain: Picture):
    one = Boxes(xyxy=((20, 10, 50, 40),), scores=(0.9,), labels=("face",))
    answer = agent.chat(results={"find_faces": [one]}).ask("blur every face", images=[plain]).answer
    assert "crop" not in answer
    assert "blur" in answer


@pytest.mark.parametrize(
    ("request_", "beside"),
    [
        ("\u00bfqu\u00e9 puedes hacer?", False),
        pytest.param("what can you do?", False, marks=LOOKED),
        pytest.param("what can you do?", True, marks=LOOKED),
        pytest.param("\u00bfqu\u00e9 puedes hacer?", True, marks=LOOKED),
    ],
)
def test_the_live_registry_answers_what_it_can_do(agent, plain: Picture, request_, beside):
    turn = agent.ask(request_, images=[plain] if beside else []).turn
    assert turn.steps[-1].output.answer is not None
    assert "[skills]" in turn.steps[-1].output.answer


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("hello", "Hello! What shall we do with your picture?"),
        ("hola", "\u00a1Hola! \u00bfQu\u00e9 hacemos con tu imagen?"),
        ("thanks", "You're welcome."),
        ("gracias", "De nada."),
    ],
)
def test_small_talk_is_answered_without_a_call(agent, plain: Picture, request_, answer):
    turn = agent.ask(request_, images=[plain])
    assert turn.answer == answer
    assert not turn.observations


@pytest.mark.parametrize("request_", ["find what is red", "find red things", "box the red things"])
def test_a_skill_that_training_never_held_is_called_in_the_words_of_its_description(plain: Picture, request_):
    agent = Agent(skills=[Path(__file__).parents[1] / "examples" / "find_red.py"])
    turn = agent.ask(request_, images=[plain]).turn
    assert [call.name for step in turn.steps for call in step.output.calls][:1] == ["find_red"]


def test_three_requests_of_one_chat(agent, plain: Picture):
    chat = agent.chat(results=RESULTS)
    for request in ("blur the faces", "crop to the first one", "make it black and white"):
        turn = chat.ask(request, images=[] if chat.trace.turns else [plain])
    written = [call for turn in turn.trace.turns for step in turn.steps for call in step.output.calls]
    assert [call.name for call in written] == ["find_faces", "blur", "crop", "adjust"]
    assert written[2].args == {"region": "boxes_1[0]"}
    assert written[3].args == {"grayscale": True}
