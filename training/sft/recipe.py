"""The recipe of a training run: a YAML file whose every key is a field below; `--set key=value` overrides one."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from skills import InputError
from skills.errors import nearest

_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
"""A number that YAML takes for a text: 1e-4."""

RECIPES = Path(__file__).parent.parent / "recipes"
"""The recipes this repository ships."""

Part = Literal["tower", "projector", "language"]
"""A part of a vision-language model."""

Share = Annotated[float, Field(ge=0, le=1)]
Below = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Keys(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lora(_Keys):
    """Low-rank adapters (Hu et al., 2021) in the language model; the vision tower never gets one."""

    rank: int = Field(default=16, ge=1)
    """Rank of an adapter."""
    alpha: Positive = 32.0
    """What its product is scaled by, over `rank`."""
    dropout: Share = 0.05
    """Share of an adapter's inputs that is dropped."""
    targets: tuple[Annotated[str, Field(pattern=r"^\w+$")], ...] = Field(
        default=("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"), min_length=1
    )
    """Names of the linear layers that get one."""


class Recipe(_Keys):
    """How a vision-language model is trained on Traces."""

    trainer: Literal["sft"] = "sft"
    """Supervised fine-tuning."""
    about: str = ""
    """What the recipe is for, in a line."""
    moves: tuple[Part, ...] = Field(min_length=1)
    """The parts that are trained; the others are frozen."""
    lora: Lora | None = None
    """Adapters instead of the language model's own weights; None trains these."""
    stages: bool = False
    """True where every answer must hold LLaVA-o1's four stages; rows with another are refused."""
    length: int | None = Field(default=None, ge=8)
    """Tokens of the longest sample, longer ones are refused; None: what the model reads."""
    pack: int = Field(default=0, ge=0)
    """Tokens of a pack: samples share a row, none sees another. 0: batches of samples of like length, padded."""
    batch: int = Field(default=4, ge=1)
    """Samples of a batch where nothing is packed."""
    accumulate: int = Field(default=1, ge=1)
    """Packs, or batches, each process reads before a step."""
    epochs: int = Field(default=1, ge=1)
    """Times every sample is read."""
    steps: int | None = Field(default=None, ge=1)
    """Steps of the run; None: as many as the epochs take."""
    rate: Positive = 2e-5
    """Peak learning rate of AdamW."""
    warmup: Share = 0.03
    """Share of the steps over which the rate rises to its peak, before it falls as a cosine to zero."""
    decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Weight decay of matrices; norms and biases have none."""
    betas: tuple[Below, Below] = (0.9, 0.95)
    """Decay rates of AdamW's moments."""
    clip: Positive = 1.0
    """Norm that gradients are cut to."""
    dropout: Share | None = None
    """Dropout of the language model's attention; None: as the checkpoint says."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the products; "auto" is bfloat16 on a GPU, float32 on a CPU. Weights that move stay float32."""
    checkpointing: bool = False
    """True where activations are computed again in the backward pass instead of kept."""
    workers: int = Field(default=2, ge=0)
    """Processes that read pictures; 0 reads them in the training process."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Of the order of the samples, of fresh adapters and of dropout."""
    save_every: int = Field(default=200, ge=1)
    """Steps between checkpoints."""
    peak_tflops: Positive | None = None
    """10^12 floating-point operations a second the device can do, to print the share used; None prints none."""

    @model_validator(mode="after")
    def _fits(self) -> "Recipe":
        if self.lora is not None and "language" not in self.moves:
            raise ValueError("lora is set but `moves` leaves out 'language'; add it, or set lora to null")
        if self.pack and self.length and self.length > self.pack:
            raise ValueError(f"a sample of {self.length} tokens does not fit a pack of {self.pack}; raise `pack`")
        return self


class Embedded(_Keys):
    """How the embedded planner is trained from nothing, see `training.planner`; its data are drawn, not read."""

    trainer: Literal["embedded"]
    """The embedded planner's own trainer."""
    about: str = ""
    """What the recipe is for, in a line."""
    tokens: int = Field(default=8_000_000, ge=1)
    """Tokens to train on."""
    minutes: Positive = 55.0
    """Wall time after which the run ends early."""
    seed: int = 0
    """Every random choice is drawn from it."""
    threads: int = Field(default=1, ge=1)
    """CPU threads of a process."""
    workers: int = Field(default=2, ge=1)
    """Processes that train together."""
    pictures: int = Field(default=3000, ge=4)
    """Pictures the chats are about."""
    sample: int = Field(default=4000, ge=1)
    """Offers the tokeniser is trained on."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where to train."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the matrix products."""
    width: int = Field(default=256, ge=64, multiple_of=64)
    """Hidden size."""
    layers: int = Field(default=4, ge=4)
    """Llama layers."""
    openings: Share | None = None
    """Share of chats that end with the planner's first output; None: as the stages say."""
    talk: Share | None = None
    """Share of turns that need no skill; None: as the stages say."""
    muon: Positive = 0.02
    """Learning rate of the block matrices."""
    adam: Positive = 3e-3
    """Learning rate of everything else."""

    def arguments(self, out: Path, start: str | None) -> list[str]:
        """Return the command line of `training.planner` that does what the recipe says."""
        told = self.model_dump(exclude={"trainer", "about"}, exclude_none=True)
        flags = [part for name, value in told.items() for part in (f"--{name}", str(value))]
        return [*flags, "--out", str(out), *(["--start", start] if start else [])]


AnyRecipe = Annotated[Recipe | Embedded, Field(discriminator="trainer")]
"""A recipe of either trainer."""


def read_recipe(where: str, changes: Sequence[str] = ()) -> Recipe | Embedded:
    """Read one of our recipes by name, or a file; `changes` are "key=value", nested keys with dots.

    Raises InputError that names what is wrong.
    """
    import yaml

    path = Path(where) if where.endswith((".yaml", ".yml")) else RECIPES / f"{where}.yaml"
    names = sorted(file.stem for file in RECIPES.glob("*.yaml"))
    if not path.is_file():
        hint = nearest(where, names, f"expected one of {', '.join(names)}, or a .yaml file")
        raise InputError(f"no recipe {where!r}; {hint}")
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"recipe {where!r} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise InputError(f"recipe {where!r} holds no keys; see training/sft/recipe.py")
    for change in changes:
        _change(data, change)
    adapter: TypeAdapter[Recipe | Embedded] = TypeAdapter(AnyRecipe)
    try:
        return adapter.validate_python({"trainer": "sft"} | data)
    except ValidationError as error:
        raise InputError(f"recipe {where!r}: {_complaint(error)}") from None


def _change(data: Any, change: str) -> None:
    """Set one key of a recipe's keys."""
    import yaml

    key, equals, value = change.partition("=")
    if not equals or not key.strip():
        raise InputError(f"--set {change!r} is no change; expected key=value, e.g. --set rate=1e-4")
    *outer, last = key.strip().split(".")
    for name in outer:
        if not isinstance(data.get(name), dict):
            data[name] = {}
        data = data[name]
    try:
        read = yaml.safe_load(value)
        data[last] = float(read) if isinstance(read, str) and _NUMBER.fullmatch(read) else read
    except yaml.YAMLError as error:
        raise InputError(f"--set {change!r}: the value is no YAML: {' '.join(str(error).split())}") from None


def _complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    trainer, *keys = [str(part) for part in first["loc"]] or [""]
    if first["type"].startswith("union_tag"):
        return f"trainer: expected 'sft' or 'embedded', not {first['input'].get('trainer')!r}"
    if not keys:
        return f"{first['msg'].removeprefix('Value error, ')}; see training/sft/recipe.py"
    if first["type"] == "extra_forbidden":
        known = _fields(Embedded if trainer == "embedded" else Recipe, keys[:-1])
        hint = nearest(keys[-1], known, f"expected {', '.join(known)}")
        return f"no key is named {'.'.join(keys)!r}; {hint}"
    return f"{'.'.join(keys)}: {first['msg']}, not {first['input']!r}; see training/sft/recipe.py"


def _fields(model: type[BaseModel], outer: Sequence[str]) -> Mapping[str, Any]:
    return Lora.model_fields if list(outer) == ["lora"] else model.model_fields
