"""One turn of the embedded planner: seconds, decode steps, calls; and what the grammar is worth.

python -m benchmarks.turn [--planner FOLDER] [--rows N]. Plays held-out rows of every group, each twice in the same run:
under the grammar of its offer, and with every token allowed.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from typing import Any

from agent.planners.llava import LlavaPlanner, load_planner
from agent.score import Scored, Share, score_turn
from agent.trace import Turn
from training.play import HELDOUT, Player, read_rows


class Counted:
    """A planner that counts the passes and the forward passes of its model."""

    def __init__(self, planner: LlavaPlanner, *, free: bool) -> None:
        """Wrap a planner; `free` allows it every token."""
        self._planner = planner
        self.name, self.checkpoint = planner.name, planner.checkpoint
        self.passes = self.forwards = 0
        self._script, planner._script = planner._script, self._written  # type: ignore[method-assign]
        self._forward, planner.decoder._forward = planner.decoder._forward, self._counted  # type: ignore[method-assign]
        vocabulary = planner.decoder.model.config.get_text_config().vocab_size
        self._free = f"start: <[0-{vocabulary - 1}]>*" if free else ""

    def plan(self, *args: Any) -> Any:
        """Plan; see `agent.planner.Planner.plan`."""
        self.passes += 1
        return self._planner.plan(*args)

    def _written(self, *args: Any) -> Any:
        segments, rules, reader = self._script(*args)
        return segments, self._free or rules, reader

    def _counted(self, *args: Any) -> Any:
        self.forwards += 1
        return self._forward(*args)


def played(planner: Counted, rows: Sequence[dict[str, Any]]) -> tuple[list[Scored], list[Turn], list[float]]:
    """Return scores, turns and seconds of each row; a first row warms the model up."""
    player = Player(planner)
    player.play(rows[0])
    planner.passes = planner.forwards = 0
    scored, turns, seconds = [], [], []
    for row in rows:
        begun = time.perf_counter()
        turns.append(player.play(row))
        seconds.append(time.perf_counter() - begun)
        scored.append(score_turn(row, turns[-1]))
    return scored, turns, seconds


def main(argv: Sequence[str] | None = None) -> None:
    """Print what one turn takes and both accuracies."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.turn", description=__doc__)
    parser.add_argument("--planner", default="embedded")
    parser.add_argument("--rows", type=int, default=25, help="rows of each group (default 25)")
    told = parser.parse_args(argv)
    rows = list(read_rows(sorted(HELDOUT.glob("*.jsonl")), told.rows))
    for name, free in (("under the grammar", False), ("every token allowed", True)):
        planner = Counted(load_planner(told.planner), free=free)
        scored, turns, seconds = played(planner, rows)
        calls = [sum(len(step.output.calls) for step in turn.steps) for turn in turns]
        malformed = sum(bool(step.output.malformed) for turn in turns for step in turn.steps)
        first = Share(sum(item.first_call for item in scored), len(scored))
        exact = Share(sum(item.exact for item in scored), len(scored))
        print(f"{name}: first call {first}, all exact {exact}, malformed passes {malformed} of {planner.passes}")
        print(
            f"  a turn: median {statistics.median(seconds):.2f} s, {planner.passes / len(rows):.2f} passes, "
            f"{planner.forwards / len(rows):.1f} forward passes, {sum(calls) / len(rows):.2f} calls; "
            f"{planner.forwards / max(1, planner.passes):.1f} forward passes a pass"
        )


if __name__ == "__main__":
    main()
