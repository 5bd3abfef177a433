"""Ask about a picture from Python: python examples/answer.py PICTURE "request"."""

import sys

from agent import Agent


def main(picture: str, request: str) -> None:
    """Print the answer and what was called on the way."""
    turn = Agent().ask(request, images=[picture])
    for step in turn.turn.steps:
        for call, seen in zip(step.output.calls, step.observations, strict=False):
            print(f"{call.name} {seen.args} -> {seen.content}")
    print(turn.answer)
    for image in turn.images:
        print("made a picture of", image.size)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
