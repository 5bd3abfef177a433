"""The formats by name: a table of modules, each imported when its format is used."""

import importlib
from collections.abc import Iterator, Mapping

from skills import InputError
from skills.errors import nearest

from .base import Format

SUMMARIES = {
    "trace": "our own Traces, one a line",
    "llava-plus": "LLaVA-Plus: thoughts, actions and value, tools' results as a human's messages",
    "mmedagent": "MMedAgent: LLaVA-Plus's form with medical tools",
    "taco": "TACO: a thought and an action a message, observations, Terminate",
    "llava": "LLaVA-Instruct-150K and 665K: questions and answers, no tools",
    "llava-cot": "LLaVA-CoT-100k: answers in four stages",
    "openai": "OpenAI chat messages with tools and tool_calls",
    "trl": "the same in the columns TRL and transformers train on",
    "hermes": "Hermes and ShareGPT: tool calls as tagged text",
}
"""Name -> what it is; the module of a format has its name, with "_" for "-", and holds FORMAT."""


class _Formats(Mapping[str, Format]):
    """The table; asking for a format imports its module, listing the names imports none."""

    def __getitem__(self, name: str) -> Format:
        if name not in SUMMARIES:
            raise KeyError(name)
        module = importlib.import_module(f"{__package__}.{name.replace('-', '_')}")
        form: Format = module.FORMAT
        return form

    def __iter__(self) -> Iterator[str]:
        return iter(SUMMARIES)

    def __len__(self) -> int:
        return len(SUMMARIES)


FORMATS: Mapping[str, Format] = _Formats()
"""Name -> format."""


def find(name: str) -> Format:
    """Return the format of a name; raises InputError where there is none."""
    if name not in SUMMARIES:
        hint = nearest(name, SUMMARIES, f"expected one of {', '.join(SUMMARIES)}")
        raise InputError(f"no format is named {name!r}; {hint}")
    return FORMATS[name]


def listed() -> str:
    """Return the formats with what they are, one a line."""
    return "\n".join(f"  {name:<11} {summary}" for name, summary in SUMMARIES.items())
