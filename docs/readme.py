"""Makes the README's transcript and pictures by running the program: `python -m docs.readme`. A test repeats it."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from agent import Agent, Chat

IMAGES = Path(__file__).parent / "images"

REQUESTS = ("what does it say?", "remove the text", "make it black and white", "¿cuánto es 12*7?")
"""What is asked, in one chat."""


def sign() -> Image.Image:
    """Draw the picture that is asked about: a shop sign on a wall, 640 x 360."""
    picture = Image.linear_gradient("L").resize((640, 360)).convert("RGB")
    picture = Image.blend(picture, Image.new("RGB", picture.size, (190, 120, 80)), 0.75)
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((90, 70, 550, 290), radius=18, fill=(28, 74, 66), outline=(240, 226, 190), width=6)
    for text, size, y in (("RIVER BAKERY", 52, 100), ("fresh bread every day", 30, 175), ("open 7 to 15", 30, 225)):
        font = ImageFont.load_default(size)
        draw.text((320 - draw.textlength(text, font) / 2, y), text, fill=(250, 242, 220), font=font)
    return picture


def transcript(chat: Chat) -> str:
    """Ask every request and return what a terminal would show: requests, calls, answers."""
    lines = []
    for number, request in enumerate(REQUESTS):
        turn = chat.ask(request, images=[] if number else [sign()])
        lines.append(f"> {request}")
        for step in turn.turn.steps:
            for call, seen in zip(step.output.calls, step.observations, strict=False):
                said = ", ".join(f"{name}={value}" for name, value in seen.args.items())
                lines.append(f"  · {call.name}({said}) -> {', '.join(seen.artifacts) or seen.content}")
        lines += [turn.answer, ""]
    return "\n".join(lines).rstrip()


def main() -> None:
    """Write the pictures and print the transcript."""
    IMAGES.mkdir(exist_ok=True)
    chat = Agent().chat()
    print(transcript(chat))
    for name in ("img_1", "img_2"):
        chat.artifacts.picture(name).image.save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
