"""Original LLaVA and LLaVA-Plus checkpoints -> a folder that transformers' LlavaForConditionalGeneration loads.

`python -m agent.llava_plus_weights ORIGINAL VISION OUT`: ORIGINAL is a checkpoint of the original code (its weights,
config and tokenizer), VISION the folder of the CLIP that its config names. Nothing is fetched, one shard is in memory
at a time. Weights keep their values; only names change, and one row is added for the picture's place in a text.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from skills import InputError

from .weight_files import Tensors, read_files, write_shards

IMAGE = "<image>"
"""The token a picture stands at; original checkpoints have no row for it."""

_RULES = (
    (r"model\.vision_tower\.(?:vision_tower|0)\.", "vision_tower."),
    (r"model\.mm_projector\.0\.", "multi_modal_projector.linear_1."),
    (r"model\.mm_projector\.2\.", "multi_modal_projector.linear_2."),
    (r"model\.mm_projector\.", "multi_modal_projector.linear_1."),
    (r"lm_head\.", "language_model.lm_head."),
    (r"model\.", "language_model.model."),
)
_DROPPED = re.compile(r".*rotary_emb\.inv_freq$|.*\.position_ids$")
_ROWS = ("language_model.model.embed_tokens.weight", "language_model.lm_head.weight")
_LOCAL = {"local_files_only": True}


def renamed(name: str) -> str:
    """Return the name transformers' checkpoints have for an original weight, "" for one that is computed, not kept.

    Raises InputError for a name of another model.
    """
    if _DROPPED.match(name):
        return ""
    for pattern, new in _RULES:
        if found := re.match(pattern, name):
            return new + name[found.end() :]
    raise InputError(f"{name!r} is no weight of LLaVA; expected model.layers..., model.mm_projector..., lm_head...")


def convert(original: Path, vision: Path, out: Path, *, template: str = "v0", dialect: str = "llava_plus") -> Path:
    """Write a converted checkpoint to `out` and return it.

    `template` is "v0" (### Human) or "v1" (USER), `dialect` what handeye speaks with it. Raises InputError where
    something is missing or of another model.
    """
    told = _read(original / "config.json")
    tokenizer = _library().AutoTokenizer.from_pretrained(original, **_LOCAL)
    tokenizer.add_tokens([IMAGE], special_tokens=True)
    image = int(tokenizer.convert_tokens_to_ids(IMAGE))
    rows = max(image + 1, int(told["vocab_size"]))
    out.mkdir(parents=True, exist_ok=True)
    _config(told, vision, image, rows).save_pretrained(out)
    write_shards(_shards(original, vision, told, rows), out)
    _processor(vision, tokenizer).save_pretrained(out)
    length = told.get("max_position_embeddings", 2048)
    marks = bool(told.get("mm_use_im_start_end"))
    settings = {"dialect": dialect, "template": template, "marks": marks, "max_length": length}
    (out / "handeye.json").write_text(json.dumps(settings))
    return out


def _library() -> Any:
    """Return transformers."""
    import transformers

    return transformers


def _read(path: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}; expected an original LLaVA's folder") from None
    if "mm_hidden_size" not in told and "mm_vision_tower" not in told:
        raise InputError(f"{str(path)!r} is no config of LLaVA: it names no mm_vision_tower; expected an original one")
    return told


def _config(told: Mapping[str, Any], vision: Path, image: int, rows: int) -> Any:
    skipped = ("model_type", "architectures", "torch_dtype", "auto_map", "transformers_version")
    text = {k: v for k, v in told.items() if not k.startswith(("mm_", "tune_", "freeze_")) and k not in skipped}
    feature = told.get("mm_vision_select_feature", "patch")
    library = _library()
    seen = library.CLIPVisionConfig.from_pretrained(vision, **_LOCAL)
    return library.LlavaConfig(
        text_config=library.LlamaConfig(**{**text, "vocab_size": rows}),
        vision_config=seen,
        image_token_id=image,
        image_seq_length=(seen.image_size // seen.patch_size) ** 2,
        projector_hidden_act="linear" if _linear(told) else "gelu",
        vision_feature_layer=told.get("mm_vision_select_layer", -2),
        vision_feature_select_strategy="default" if feature == "patch" else "full",
        tie_word_embeddings=False,
        architectures=["LlavaForConditionalGeneration"],
    )


def _linear(told: Mapping[str, Any]) -> bool:
    """Return whether the projector is one layer; raises InputError for one that is neither that nor two."""
    kind = told.get("mm_projector_type", "linear")
    if kind not in ("linear", "mlp2x_gelu"):
        raise InputError(f"the projector is {kind!r}; expected 'linear' or 'mlp2x_gelu'")
    return bool(kind == "linear")


def _processor(vision: Path, tokenizer: Any) -> Any:
    library = _library()
    return library.LlavaProcessor(
        image_processor=library.CLIPImageProcessorPil.from_pretrained(vision, **_LOCAL),
        tokenizer=tokenizer,
        patch_size=library.CLIPVisionConfig.from_pretrained(vision, **_LOCAL).patch_size,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )


def _shards(original: Path, vision: Path, told: Mapping[str, Any], rows: int) -> Iterator[Tensors]:
    """Yield the weights file by file under their new names; CLIP's from its own folder where ORIGINAL has none."""
    names: set[str] = set()
    for tensors in read_files(original):
        new = {renamed(name): value for name, value in tensors.items()}
        new.pop("", None)
        new.update({name: _longer(new[name], rows) for name in _ROWS if name in new})
        names |= set(new)
        yield new
    if not any(name.startswith("vision_tower.") for name in names):
        for tensors in read_files(vision):
            yield {place: value for name, value in tensors.items() if (place := _seen(name))}
    if _linear(told):
        yield _identity(int(told["hidden_size"]))
    if missing := {*_ROWS, "multi_modal_projector.linear_1.weight"} - names:
        raise InputError(f"{str(original)!r} lacks {min(missing)!r}; a LoRA or a delta is merged first")


def _seen(name: str) -> str:
    """Return the new name of a weight of CLIP's own checkpoint, "" for one of its other half."""
    bare = name.removeprefix("vision_model.")
    ours = bare != name or name.startswith(("embeddings.", "encoder.", "pre_layrnorm.", "post_layernorm."))
    return f"vision_tower.vision_model.{bare}" if ours else ""


def _longer(rows: Any, count: int) -> Any:
    """Return a table with rows of zeros added until it has `count`."""
    import torch

    return torch.cat([rows, rows.new_zeros(count - rows.shape[0], rows.shape[1])])


def _identity(size: int) -> Tensors:
    """Return a second layer that changes nothing, for a projector of one: transformers' always has two."""
    import torch

    layer = "multi_modal_projector.linear_2"
    return {f"{layer}.weight": torch.eye(size), f"{layer}.bias": torch.zeros(size)}


def main(argv: Sequence[str] | None = None) -> int:
    """Convert what the command line names; 2 where it cannot be."""
    options = argparse.ArgumentParser(prog="python -m agent.llava_plus_weights", description=__doc__)
    for name in ("original", "vision", "out"):
        options.add_argument(name, type=Path)
    options.add_argument("--template", choices=("v0", "v1"), default="v0")
    options.add_argument("--dialect", choices=("llava_plus", ""), default="llava_plus", help="'' for a plain LLaVA")
    args = options.parse_args(argv)
    try:
        made = convert(args.original, args.vision, args.out, template=args.template, dialect=args.dialect)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{made}: `handeye ask --planner {made} ...`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
