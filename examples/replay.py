"""Keep a chat on disk, load it again, and run it once more from its records: nothing is computed twice."""

import tempfile
from pathlib import Path

from PIL import Image

from agent import Agent, ScriptedPlanner, Trace


def main() -> str:
    """Record a turn, load its trace, and return the answer it holds."""
    lines = [{"name": "calculate", "args": {"expression": "12*7"}}, "That is [num_1]."]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Agent(ScriptedPlanner(lines)).chat(folder=folder).ask("what is 12*7?", images=[Image.new("RGB", (8, 8))])
        trace = Trace.load(folder)
    print(trace.turn.answer, trace.turn.steps[0].observations[0].args)
    return trace.turn.answer


if __name__ == "__main__":
    main()
