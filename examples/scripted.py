"""Drive the real loop without a model: a skill from a file, a scripted planner, an answer with citations."""

from pathlib import Path

from PIL import Image, ImageDraw

from agent import Agent, ScriptedPlanner


def main() -> str:
    """Draw a red square, find it, box it, and return the answer."""
    picture = Image.new("RGB", (200, 100), "white")
    ImageDraw.Draw(picture).rectangle((20, 30, 79, 89), fill="red")
    planner = ScriptedPlanner(
        [
            {"name": "find_red", "args": {}},
            {"name": "annotate", "args": {"regions": "boxes_1"}},
            "I found [boxes_1.count] thing: [boxes_1[0].label]. See [img_2].",
        ]
    )
    turn = Agent(planner, skills=[Path(__file__).parent / "find_red.py"]).ask("find what is red", images=[picture])
    print(turn.answer)
    return turn.answer


if __name__ == "__main__":
    main()
