"""@skill: a typed, documented function becomes something a planner can call.

The docstring is the description, the signature the schema; prompt text, grammar, forms and LangChain tools derive
from `Skill.params` alone.
"""

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, ParamSpec, TypeVar, get_args, get_origin, overload

from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model
from pydantic.fields import FieldInfo

from .context import Context
from .errors import InputError
from .implementation import Chosen, Implementation, choose, importable
from .regions import Region, RegionJson, Regions
from .values import Frozen, Picture, Value

P = ParamSpec("P")
R = TypeVar("R")

Words = Annotated[str, "words"]
"""An open text argument in the user's own words: a span of the conversation, copied (verbatim)."""

Expression = Annotated[str, "expression"]
"""An arithmetic expression."""

Kind = Literal[
    "picture", "region", "regions", "text", "words", "expression", "number", "integer", "flag", "choice", "list"
]  # fmt: skip
"""What an argument is, for everything that shows or generates one."""

Effects = Literal["network", "file"]
"""What a skill touches outside the conversation."""

_SCALARS: dict[object, Kind] = {str: "text", float: "number", int: "integer", bool: "flag"}
_PictureRef = Annotated[str, Field(pattern=r"^img_[1-9]\d*$", description="id of a picture")]
_RegionRef = Annotated[
    RegionJson,
    Field(
        union_mode="left_to_right",
        description="id (boxes_1, mask_1[0]), [x1,y1,x2,y2] or [x,y] in 0-1",
    ),
]
_WRITTEN: dict[Kind, Any] = {
    "picture": _PictureRef,
    "region": _RegionRef,
    "regions": _RegionRef | list[_RegionRef],
}


class SkillResult(Frozen):
    """What a skill may return instead of bare values, to say something about them."""

    values: tuple[Value, ...] = ()
    """What was made, in order."""
    note: str = ""
    """One line for planner and user ("two faces overlap; the larger was kept")."""


@dataclass(frozen=True)
class Param:
    """One argument of a skill, as a planner sees it."""

    name: str
    """Its name in the call."""
    kind: Kind
    """What it is."""
    required: bool
    """False where it may be left out; `image` always may."""
    default: Any = None
    """Its value when left out."""
    choices: tuple[str, ...] = ()
    """What a "choice" admits."""
    filled: bool = False
    """True for a picture the executor fills in when it is left out (the newest that fits)."""
    field: FieldInfo | None = field(default=None, repr=False, compare=False)
    """The pydantic field, with its limits."""


@dataclass(frozen=True)
class Skill(Generic[P, R]):
    """A capability with its schema; call it like the function it was made from."""

    name: str
    """What a call names."""
    description: str
    """One line; what the planner reads."""
    params: tuple[Param, ...]
    """The arguments, in order."""
    arguments: type[BaseModel]
    """The pydantic model of what a planner writes; its JSON schema is the skill's."""
    run: Callable[P, R] | None = field(repr=False)
    """The function; None for a skill that stands in an offer and cannot run."""
    examples: tuple[str, ...] = ()
    """Requests that call for it."""
    needs: tuple[str, ...] = ()
    """Packages that must be importable."""
    mend: str = ""
    """What to do where it cannot run ("pip install handeye[full]")."""
    effects: Effects | None = None
    """What it touches outside the conversation."""
    isolated: bool = False
    """True where it runs in a process of its own that can be killed."""
    source: str = "built-in"
    """Where it came from: "built-in", a file, an entry point."""
    implementations: tuple[Implementation, ...] = field(default=(), repr=False, compare=False)
    """The ways it may work, the default first; empty for a skill with one way that no profile changes."""
    settings: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """What the profile's table `[skills.NAME]` says of it."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function directly, without planner or executor; its context gets the chosen implementation."""
        if self.run is None:
            raise InputError(f"skill {self.name!r} cannot run: {self.unavailable()}")
        context = kwargs.get("ctx")
        if isinstance(context, Context) and context.chosen is not self.chosen:
            kwargs["ctx"] = replace(context, chosen=self.chosen)
        return self.run(*args, **kwargs)

    def using(self, **settings: JsonValue) -> "Skill[P, R]":
        """Return the skill as a profile's table with these settings makes it.

        Raises InputError for an unknown implementation or setting, or a value of the wrong type.
        """
        made = replace(self, settings={**self.settings, **settings})
        _ = made.chosen
        return made

    @cached_property
    def chosen(self) -> Chosen | None:
        """The implementation, checkpoint and settings in use; None for a skill that declares no implementations."""
        if self.implementations:
            return choose(self.name, self.implementations, self.settings)
        if self.settings and self.run is not None:
            key = next(iter(self.settings))
            raise InputError(f"the profile's [skills.{self.name}] sets {key!r}, but {self.name} has no settings")
        return None

    def unavailable(self) -> str:
        """Return why it cannot run here and what mends it, or "" where it can."""
        if self.run is None:
            return self.mend
        if self.chosen is not None:
            return self.chosen.unavailable(self.mend)
        missing = [name for name in self.needs if not importable(name)]
        return f"package {missing[0]!r} is missing; {self.mend or 'install it'}" if missing else ""

    @property
    def signature(self) -> str:
        """The call in one line: "blur(regions, image?, strength?)"."""
        ordered = sorted(self.params, key=lambda p: not p.required)
        return f"{self.name}({', '.join(p.name + ('' if p.required else '?') for p in ordered)})"

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the arguments."""
        return self.arguments.model_json_schema()

    def param(self, name: str) -> Param | None:
        """Return the argument of that name, or None."""
        return next((p for p in self.params if p.name == name), None)


@overload
def skill(function: Callable[P, R]) -> Skill[P, R]: ...


@overload
def skill(
    *,
    examples: Sequence[str] = (),
    needs: Sequence[str] = (),
    mend: str = "",
    effects: Effects | None = None,
    isolated: bool = False,
    implementations: Sequence[Implementation] = (),
) -> Callable[[Callable[P, R]], Skill[P, R]]: ...


def skill(
    function: Callable[P, R] | None = None,
    *,
    examples: Sequence[str] = (),
    needs: Sequence[str] = (),
    mend: str = "",
    effects: Effects | None = None,
    isolated: bool = False,
    implementations: Sequence[Implementation] = (),
) -> Skill[P, R] | Callable[[Callable[P, R]], Skill[P, R]]:
    """Make a skill of a function; use it as `@skill` or `@skill(examples=[...])`.

    Arguments are annotated Picture, Region, Regions, str, Words, Expression, float, int, bool, Literal or a list of
    strings (optional ones have a default); `ctx: Context` receives the run's context and is in no schema. Raises
    InputError at registration for a missing docstring or an annotation that no planner could fill. A skill that
    profiles may give another model declares its `implementations`, the default first (docs/models.md).
    """

    def make(run: Callable[P, R]) -> Skill[P, R]:
        name = run.__name__
        description = inspect.cleandoc(run.__doc__ or "").split("\n\n")[0].replace("\n", " ")
        if not description:
            raise InputError(f"skill {name!r} has no docstring; write one line that says what it does")
        params = _params(name, run)
        return Skill(
            name=name,
            description=description,
            params=params,
            arguments=arguments_model(name, params),
            run=run,
            examples=tuple(examples),
            needs=tuple(needs),
            mend=mend or (f"handeye pull {name}" if implementations else ""),
            effects=effects,
            isolated=isolated,
            implementations=tuple(implementations),
        )

    return make if function is None else make(function)


def context_name(run: Callable[..., object]) -> str | None:
    """Return the name under which a function takes the run's context (`ctx`, or annotated Context), or None."""
    hints = typing.get_type_hints(run)
    return next((n for n in inspect.signature(run).parameters if n == "ctx" or hints.get(n) is Context), None)


def _params(name: str, run: Callable[..., object]) -> tuple[Param, ...]:
    hints = typing.get_type_hints(run, include_extras=True)
    context = context_name(run)
    params = []
    for parameter in inspect.signature(run).parameters.values():
        if parameter.name == context:
            continue
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InputError(f"skill {name!r}: argument {str(parameter)!r} has no single name; expected name: type")
        if parameter.name not in hints:
            raise InputError(f"skill {name!r}: argument {parameter.name!r} has no type annotation")
        params.append(_param(name, parameter, hints[parameter.name]))
    return tuple(params)


def _param(skill_name: str, parameter: inspect.Parameter, hint: object) -> Param:
    extras = [item for item in getattr(hint, "__metadata__", ()) if isinstance(item, FieldInfo)]
    kind, choices = _kind(hint)
    if kind is None:
        raise InputError(
            f"skill {skill_name!r}: argument {parameter.name!r} is annotated {hint!r}; expected "
            "Picture, Region, Regions, str, Words, Expression, float, int, bool, Literal or list[str]"
        )
    optional = parameter.default is not inspect.Parameter.empty
    return Param(
        name=parameter.name,
        kind=kind,
        required=not optional and kind != "picture",
        default=parameter.default if optional else None,
        choices=choices,
        filled=kind == "picture" and not optional,
        field=extras[0] if extras else None,
    )


def _kind(hint: object) -> tuple[Kind | None, tuple[str, ...]]:
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *extras = get_args(hint)
        marks: list[Kind] = [m for m in extras if m in ("words", "expression")]
        return (marks[0], ()) if marks else _kind(inner)
    if origin in (typing.Union, types.UnionType):
        rest = [arg for arg in get_args(hint) if arg is not type(None)]
        return _kind(rest[0]) if len(rest) == 1 else (None, ())
    if origin is Literal:
        choices = get_args(hint)
        return ("choice", choices) if all(isinstance(choice, str) for choice in choices) else (None, ())
    if origin in (list, tuple):
        inner = _kind(get_args(hint)[0])[0]
        return ("list", ()) if inner in ("text", "words") else (None, ())
    classes: dict[object, Kind] = {Picture: "picture", Region: "region", Regions: "regions"}
    return classes.get(hint) or _SCALARS.get(hint), ()


def arguments_model(name: str, params: Sequence[Param]) -> type[BaseModel]:
    """Build the pydantic model of what a planner writes for these arguments."""
    fields: dict[str, Any] = {}
    for param in params:
        written = _WRITTEN.get(param.kind) or _written(param)
        if param.field is not None:
            written = Annotated[written, param.field]
        fields[param.name] = (written, ...) if param.required else (written | None, None)
    config = ConfigDict(extra="forbid", frozen=True)
    return create_model(f"{name}_arguments", __config__=config, **fields)


def _written(param: Param) -> Any:
    if param.kind == "choice":
        return Literal[param.choices]
    plain: dict[Kind, Any] = {
        "number": Annotated[float, Field(allow_inf_nan=False)],
        "integer": int,
        "flag": bool,
        "list": Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)],
    }
    return plain.get(param.kind, Annotated[str, Field(min_length=1)])
