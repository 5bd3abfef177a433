"""How one checkpoint is written to: its dialect, its tokens, its pictures; the same for serving and for training."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from skills import InputError, Picture, Skill
from skills.store import Artifacts

from .llava_plus_dialect import LlavaPlus
from .messages import ChatTemplate
from .segments import Encoded, Segment, encode
from .slots import DIALECT, Slots
from .trace import Trace

LLAVA_PLUS = "llava_plus"
"""The dialect of original LLaVA-Plus checkpoints."""

SETTINGS = "handeye.json"
"""The file of a checkpoint that names its dialect."""

_TEXT_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")


def settings_of(checkpoint: Path) -> dict[str, Any]:
    """Return what a checkpoint's handeye.json says, empty where it has none.

    Raises InputError where it cannot be read or names a dialect that nobody here speaks.
    """
    path = checkpoint / SETTINGS
    try:
        told: Any = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise InputError(f"{str(path)!r} is no JSON: {error}") from None
    if not isinstance(told, dict):
        raise InputError(f"{str(path)!r} holds {told!r}; expected an object that names the dialect")
    if (dialect := told.get("dialect", "")) not in ("", DIALECT, LLAVA_PLUS):
        raise InputError(f"it speaks the dialect {dialect!r}, which is not known; expected {DIALECT!r}")
    return told


def readable(model: Any) -> None:
    """Raise InputError where a model must be told which tokens are a picture's (Qwen-VL, Gemma 3): nobody here does."""
    asked = sorted({"mm_token_type_ids", "token_type_ids"} & inspect.signature(model.forward).parameters.keys())
    if asked:
        raise InputError(
            f"a {model.config.model_type!r} model reads {asked[0]!r}, which handeye does not give; use a family that "
            "finds its pictures by their tokens, as LLaVA does"
        )


class Rendering:
    """Renders traces for one checkpoint and prepares their pictures."""

    def __init__(
        self, processor: Any, image_token_id: int, settings: Mapping[str, Any], stop_ids: Sequence[int] = ()
    ) -> None:
        """Use a checkpoint's processor; `settings` is its handeye.json (may be empty), `stop_ids` end a turn."""
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.image_token_id = image_token_id
        dialect = settings.get("dialect", "")
        self.slots = dialect == DIALECT
        """True where it speaks the embedded planner's short dialect."""
        self.plus = LlavaPlus(settings, self.tokenizer) if dialect == LLAVA_PLUS else None
        """The dialect of LLaVA-Plus, where it speaks that."""
        ends = [str(self.tokenizer.convert_ids_to_tokens(number)) for number in stop_ids]
        own = self.slots or self.plus is not None
        self.template = None if own else ChatTemplate(self.tokenizer, processor.image_token, ends)
        """The chat template, where it has one of these."""

    def segments(self, trace: Trace, skills: Sequence[Skill[..., Any]], artifacts: Artifacts) -> list[Segment]:
        """Return what the checkpoint reads of a trace, up to where it goes on; raises InputError, KeyError."""
        if self.slots:
            return Slots(skills).render(trace)
        if self.plus is not None:
            return self.plus.render(trace, artifacts)
        assert self.template is not None
        return self.template.render(trace, skills)

    def encode(self, segments: Sequence[Segment], image_tokens: Callable[[str], int]) -> Encoded:
        """Return the tokens of a rendered trace; `image_tokens` says how many a picture takes."""
        return encode(segments, self.tokenizer, self.image_token_id, image_tokens)

    def prepare(self, picture: Picture) -> tuple[int, dict[str, Any]]:
        """Return how many tokens a picture takes and its model inputs: tensors on the CPU, the first axis of one."""
        from PIL import Image

        image = picture.image
        if picture.mode == "RGBA":
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        batch = self.processor(text=self.processor.image_token, images=[image.convert("RGB")], return_tensors="pt")
        count = int((batch["input_ids"] == self.image_token_id).sum())
        return count, {key: value for key, value in batch.items() if key not in _TEXT_INPUTS}
