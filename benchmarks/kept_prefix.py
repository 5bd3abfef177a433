"""What keeping the prefix saves: the same chat planned with and without it, in one run, as a ratio.

python -m benchmarks.kept_prefix [--planner FOLDER] [--rounds N]. Both ways must write the same calls and answers.
"""

import argparse
import statistics
import time
from collections.abc import Sequence

import numpy as np

from agent import Agent, Answer
from agent.planners.llava import LlavaPlanner, load_planner
from skills import Boxes, Picture

REQUESTS = ("blur every face", "crop to the first one", "make it black and white")
"""One chat: a chain, then two follow-ups."""


class Forgetful:
    """The same planner, which forgets what it has read before every pass."""

    def __init__(self, planner: LlavaPlanner) -> None:
        """Wrap a planner."""
        self._planner = planner
        self.name, self.checkpoint = planner.name, planner.checkpoint

    def plan(self, *args: object) -> object:
        """Plan with nothing kept; see `agent.planner.Planner.plan`."""
        self._planner.decoder.forget()
        return self._planner.plan(*args)  # type: ignore[arg-type]


def chat(agent: Agent, picture: Picture) -> tuple[list[str], Answer]:
    """Ask the three requests and return what was written, with the last answer."""
    face = Boxes(xyxy=((40.0, 30.0, 90.0, 100.0), (150.0, 40.0, 200.0, 110.0)), labels=("face", "face"))
    talk = agent.chat(results={"find_faces": [face]})
    for i, request in enumerate(REQUESTS):
        answer = talk.ask(request, images=[] if i else [picture])
    return [turn.model_dump_json(include={"answer"}) for turn in answer.trace.turns], answer


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print medians over interleaved rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--planner", default="embedded")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    planner = load_planner(options.planner)
    picture = Picture.from_array(np.full((160, 240, 3), 128, dtype=np.uint8))
    agents = {"kept": Agent(planner), "read again": Agent(Forgetful(planner))}  # type: ignore[arg-type]
    seconds: dict[str, list[float]] = {name: [] for name in agents}
    read: dict[str, int] = {}
    written: dict[str, list[str]] = {}
    for _ in range(options.rounds + 1):
        for name, agent in agents.items():
            planner.decoder.forget()
            before, began = planner.decoder.read, time.perf_counter()
            written[name], _ = chat(agent, picture)
            seconds[name].append(time.perf_counter() - began)
            read[name] = planner.decoder.read - before
    assert written["kept"] == written["read again"], "keeping the prefix changed what is written"
    kept, again = (statistics.median(values[1:]) for values in seconds.values())
    print(
        f"tokens read: {read['kept']} kept, {read['read again']} read again: {read['read again'] / read['kept']:.1f}x"
    )
    print(f"time of the chat: {again / kept:.2f}x (median of {options.rounds} rounds, skills included)")


if __name__ == "__main__":
    main()
