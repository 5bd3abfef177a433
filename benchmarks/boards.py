"""A planner's answers about boards of shapes it never saw: `python -m benchmarks.boards [CHECKPOINT]`.

Wordings and boards were kept out of the training. An answer is right where it is the truth word for word; case and
marks do not count. Beside it the same questions over another board: what the words alone achieve.
"""

import argparse
import random
import re
from collections import defaultdict
from collections.abc import Iterator

from agent import Agent, Chat
from agent.score import Share
from skills import Picture
from tool_data.boards import Question, ask, boards
from tool_data.phrasings import LANGUAGES
from training.play import SEED, SIDE


def rows(count: int) -> Iterator[tuple[Picture, Picture, Question]]:
    """Yield (a board, another one, a question about the first), languages in turn."""
    from PIL import Image

    drawn, rng = boards(count, SEED), random.Random(SEED)
    large = [p.resize((SIDE, SIDE), Image.Resampling.BICUBIC) for p in drawn.pictures.values()]
    pictures = [Picture.from_image(picture) for picture in large]
    for number, board in enumerate(drawn.truth.values()):
        asked = ask(board, LANGUAGES[number % len(LANGUAGES)], rng, held_back=True)
        yield pictures[number], pictures[(number + 1) % count], asked


def plain(text: str) -> str:
    """Return the words of a text, in lower case."""
    return " ".join(re.findall(r"\w+", text.lower()))


def main() -> None:
    """Print the share of right answers for each kind of question, over its own board and over another."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.boards", description=__doc__)
    parser.add_argument("checkpoint", nargs="?", default="embedded")
    parser.add_argument("--count", type=int, default=400, help="questions, each about a board of its own")
    told = parser.parse_args()
    agent = Agent(told.checkpoint)
    right: dict[str, list[list[bool]]] = defaultdict(list)
    for own, other, asked in rows(told.count):
        answers = [Chat(agent).ask(asked.text, [picture]).turn.answer for picture in (own, other)]
        scored = [plain(answer) == plain(asked.answer) for answer in answers]
        for kind in (asked.kind, "all"):
            right[kind].append(scored)
    for kind, found in sorted(right.items()):
        own_share, other_share = (Share(sum(column), len(found)) for column in zip(*found, strict=True))
        print(f"{kind:10} own board {own_share!s:30} another board {other_share}")


if __name__ == "__main__":
    main()
