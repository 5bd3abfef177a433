"""Rewards by execution: each request is sampled three times, its calls run, and what came of them is scored."""

from typing import Any

from PIL import Image

from agent import Trace, rollout
from agent.score import score_turn

ROWS: list[dict[str, Any]] = [
    {
        "id": "blur",
        "requests": ["blur the faces"],
        "images": [Image.new("RGB", (64, 48), "teal")],
        "results": {"find_faces": [{"kind": "boxes", "xyxy": [[8, 8, 24, 24]], "labels": ["face"]}] * 8},
        "calls": [[{"name": "find_faces", "args": {}}], [{"name": "blur", "args": {"regions": "$1"}}]],
    },
    {"id": "sum", "requests": ["what is 12*7?"], "calls": [[{"name": "calculate", "args": {"expression": "12*7"}}]]},
]
"""Rows as `handeye batch` takes them, with the calls that are wanted beside: `rollout` leaves those alone."""


def reward(row: dict[str, Any], trace: Trace) -> float:
    """Return 1 where all calls are the gold ones, 0.5 where the first is, less 0.25 for each call that failed."""
    scored = score_turn({**row, "group": "", "lang": ""}, trace.turn)
    failed = sum(seen.error is not None for step in trace.turn.steps for seen in step.observations)
    return max(scored.first_call * 0.5, float(scored.exact)) - 0.25 * failed


def main() -> list[list[float]]:
    """Print each sample's reward with the log-probability of what was written, and return the rewards."""
    rewards = []
    for row, traces in zip(ROWS, rollout("embedded", ROWS, n=3, seed=0), strict=True):
        rewards.append([reward(row, trace) for trace in traces])
        for trace, got in zip(traces, rewards[-1], strict=True):
            outputs = [step.output for step in trace.turn.steps]
            calls = [call.name for output in outputs for call in output.calls]
            written = sum(sum(output.logprobs or ()) for output in outputs)
            print(f"{trace.id}: reward {got:g}, log-probability {written:.2f}, calls {calls}")
    return rewards


if __name__ == "__main__":
    main()
