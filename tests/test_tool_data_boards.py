import hashlib
import io
import random

import numpy as np
import pytest
from PIL import Image

from tool_data.boards import COLOURS, FORMS, Board, Shape, ask, boards, draw
from tool_data.generate import Generator, Mix
from tool_data.material import Material
from tool_data.phrasings import LANGUAGES
from tool_data.pictures import pool

STAR, SQUARE = Shape("green", "star", (0, 0)), Shape("blue", "square", (2, 1))


def asked(board: Board, language: str = "en", draws: int = 3000) -> dict[str, str]:
    """Return question -> answer of many draws."""
    rng = random.Random(0)
    told = (ask(board, language, rng) for _ in range(draws))  # type: ignore[arg-type]
    return {question.text: question.answer for question in told}


def test_equal_seeds_draw_equal_boards_named_by_their_bytes() -> None:
    drawn = boards(20, 3)
    assert drawn.truth == boards(20, 3).truth
    assert list(drawn.pictures) == list(drawn.truth)
    for digest, picture in drawn.pictures.items():
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG", compress_level=1)
        assert hashlib.sha256(buffer.getvalue()).hexdigest() == digest
    assert set(drawn.truth) != set(boards(20, 4).truth)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("colour", COLOURS)
def test_a_shape_stands_in_its_cell_in_its_colour(colour: str, form: str) -> None:
    picture = np.asarray(draw((Shape(colour, form, (1, 2)),), random.Random(1)), dtype=int)
    other = np.abs(picture - picture[0, 0]).sum(2) > 30
    rows, columns = np.nonzero(other)
    assert columns.min() >= 28
    assert columns.max() <= 68
    assert rows.min() >= 60
    shade = np.median(picture[other], axis=0)
    nearest = min(COLOURS, key=lambda name: float(np.abs(shade - COLOURS[name]).sum()))
    assert nearest == colour


def test_answers_are_the_truth() -> None:
    told = asked((STAR, SQUARE))
    assert told["What colour is the star?"] == "The star is green."
    assert told["Which shape is blue?"] == "The blue one is a square."
    assert told["How many shapes are there?"] == "There are two shapes."
    assert told["How many squares are there?"] == "There is one square."
    assert told["How many crosses are there?"] == "There are no crosses."
    assert told["Is there a green star?"] == "Yes, there is a green star."
    absent = {answer for question, answer in told.items() if " a blue star" in question.lower()}
    assert absent == {"No, there is no blue star."}
    placed = {
        answer for question, answer in told.items() if "the blue square to the right of the green star" in question
    }
    assert placed == {"Yes, the blue square is to the right of the green star."}
    above = {answer for question, answer in told.items() if "the blue square above the green star" in question}
    assert above == {"No, the blue square is not above the green star."}


def test_spanish_agrees() -> None:
    told = asked((STAR, SQUARE), "es")
    assert told["¿De qué color es la estrella?"] == "La estrella es verde."
    assert told["¿Cuántas estrellas hay?"] == "Hay una estrella."
    assert told["¿Cuántos círculos hay?"] == "No hay círculos."
    left = {answer for question, answer in told.items() if "la estrella verde a la izquierda del cuadrado" in question}
    assert left == {"Sí, la estrella verde está a la izquierda del cuadrado azul."}


def test_what_is_not_settled_is_not_asked() -> None:
    twice = (STAR, Shape("green", "star", (1, 1)), SQUARE)
    told = asked(twice)
    assert not any("colour is the star" in question for question in told)
    assert not any(" the green star" in question for question in told)
    assert told["How many stars are there?"] == "There are two stars."


def test_some_wordings_are_kept_for_measuring() -> None:
    rng = random.Random(0)
    kept = {ask((STAR, SQUARE), "en", rng, held_back=True).text for _ in range(600)}
    assert not kept & set(asked((STAR, SQUARE), draws=3000))
    assert any("colour" in text for text in kept)


def test_chats_about_boards_say_what_stands_on_them() -> None:
    drawn = boards(40, 1)
    generator = Generator(Material.load(), pool(20, 1).kinds, drawn.truth, content=False)
    rng = random.Random(2)
    mix = Mix(board=1.0, follow_up=0.0)
    for _ in range(12):
        chat = generator.chat(generator.offer(rng), rng, mix=mix)
        on_it = drawn.truth[chat.artifacts[chat.turns[0].images[0]].sha256]
        possible = {ask(on_it, language, rng).answer for language in LANGUAGES for _ in range(1500)}
        for turn in chat.turns:
            assert turn.images in ((), chat.turns[0].images)
            assert turn.answer in possible
            assert not any(step.output.calls for step in turn.steps)


def test_pictures_are_rgb_of_the_towers_size() -> None:
    picture = next(iter(boards(1, 0).pictures.values()))
    assert isinstance(picture, Image.Image)
    assert (picture.mode, picture.size) == ("RGB", (96, 96))
