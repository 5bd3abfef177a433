"""The checkpoint a run starts from: any image-text-to-text model of transformers with its processor and dialect."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.planners.llava import max_length, stop_ids
from agent.rendering import Rendering, readable, settings_of
from skills import InputError

from .recipe import Recipe


@dataclass(frozen=True)
class Base:
    """A loaded checkpoint."""

    where: str
    """Its folder, or hub id ("org/name@revision")."""
    model: Any
    """The model on the CPU, its weights as the checkpoint has them."""
    processor: Any
    """Its processor."""
    settings: dict[str, Any]
    """Its handeye.json, empty where it has none."""
    rendering: Rendering
    """How it is written to."""
    length: int
    """Tokens it reads."""


def load(where: str, recipe: Recipe) -> Base:
    """Load a checkpoint that is on this machine; raises InputError where it is none, or speaks an unknown dialect."""
    from transformers import AutoProcessor

    try:
        model = load_model(where, recipe.dropout)
        processors: Any = AutoProcessor
        processor = processors.from_pretrained(*_named(where), **_options(where))
        settings = settings_of(Path(where))
        readable(model)
        rendering = Rendering(processor, model.config.image_token_id, settings, stop_ids(model, processor.tokenizer))
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"checkpoint {where!r} cannot be loaded: {reason}; give a checkpoint folder") from error
    return Base(where, model, processor, settings, rendering, max_length(model, settings))


def load_model(where: str, dropout: float | None = None) -> Any:
    """Return a checkpoint's model with its own dtype; `dropout` is that of the language model's attention."""
    from transformers import AutoConfig, AutoModelForImageTextToText

    library: Any = AutoModelForImageTextToText
    config = AutoConfig.from_pretrained(*_named(where), **_options(where))
    if dropout is not None:
        text = config.get_text_config()
        if not hasattr(text, "attention_dropout"):
            raise ValueError(f"{type(text).__name__} has no attention_dropout; leave `dropout` out of the recipe")
        text.attention_dropout = dropout
    options = {"config": config, "dtype": "auto", "output_loading_info": True}
    model, report = library.from_pretrained(*_named(where), **options, **_options(where))
    if report["missing_keys"]:
        raise ValueError(f"its weights do not match its config, {min(report['missing_keys'])!r} is missing")
    return model


def _named(where: str) -> tuple[str]:
    return (where if Path(where).is_dir() else where.partition("@")[0],)


def _options(where: str) -> dict[str, Any]:
    revision = "" if Path(where).is_dir() else where.partition("@")[2]
    return {"local_files_only": True, "revision": revision or None}
