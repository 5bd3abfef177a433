"""One simulated chat: turns are added to it until it is a Trace."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.trace import Meta, PlannerOutput, Step, StopReason, ToolCall, Trace, Turn
from skills.registry import CONTRACT

from .offers import Offer
from .phrasings import Call, Language, read_toml
from .returned import returned
from .simulate import Outcome, World
from .wording import PLACE, Answers

THOUGHTS: Mapping[str, Mapping[str, str]] = read_toml(Path(__file__).parent / "thoughts.toml")
"""Language -> skill -> what a planner notes about a step."""

PICTURELESS = ("generate", "calculate", "retrieve")
"""Skills that need no picture."""


class Chat:
    """A chat under one offer."""

    def __init__(self, offer: Offer, world: World, answers: Answers, rng: random.Random) -> None:
        """Start a chat without turns."""
        self.offer, self.world, self.answers, self.rng = offer, world, answers, rng
        self.turns: list[Turn] = []

    def trace(self, name: str, planner: str, seed: int = 0) -> Trace:
        """Return the chat as a Trace; `planner` says who decided."""
        meta = Meta(planner=planner, seed=seed, offer=tuple(skill.name for skill in self.offer.skills))
        return Trace(id=name, turns=tuple(self.turns), artifacts=dict(self.world.artifacts), meta=meta)

    def say(
        self, request: str, key: str, language: Language, *, images: tuple[str, ...] = (), marks: tuple[str, ...] = (),
        stop: StopReason = "answered", said: Sequence[str] = ()
    ) -> None:  # fmt: skip
        """Add a turn that is answered at once, with one of `said` or of the answers under `key`."""
        answer = self.rng.choice(said or self.answers[key][language])
        self._close(request, (), answer, images, marks, stop)

    def work(
        self,
        request: str,
        steps: Sequence[Call],
        language: Language,
        *,
        images: tuple[str, ...] = (),
        marks: tuple[str, ...] = (),
    ) -> None:
        """Add a turn that takes `steps`, arguments filled but for "$1", "$mark", "$boxes" and the like."""
        taken: list[Step] = []
        made: list[tuple[str, ...]] = []
        for number, step in enumerate(steps):
            skill = self.offer.contract[step.skill]
            args = {name: self._bound(value, made, marks) for name, value in step.args.items()}
            call = ToolCall(id=self.world.next_call(), name=skill.name, args=args)
            seen = self.world.run(call, skill, step.skill)
            output = PlannerOutput(thought=_plan(steps, language) if number == 0 else "", calls=(call,))
            taken.append(Step(output=output, observations=(seen,)))
            made.append(seen.artifacts)
            if (outcome := self.world.outcome(seen)) != "success":
                answer = self._failed(self._answered(step.skill), outcome, call.id, language, chained=len(steps) > 1)
                self._close(request, taken, answer, images, marks, "answered")
                return
        called = [self._answered(step.skill) for step in steps]
        texts = self.answers.get("+".join(called)) or self.answers.get(called[-1]) or self.answers["other"]
        answer = self._filled(self.rng.choice(texts[language]), [n for ids in made for n in ids])
        self._close(request, taken, answer, images, marks, "answered")

    def _answered(self, contract: str) -> str:
        """Return the key of a skill's answers: its name, or for one that no contract knows what it returns."""
        if contract in CONTRACT:
            return contract
        kinds = returned(self.offer.contract[contract])
        return f"returns_{kinds[-1]}" if kinds else "other"

    def _close(
        self, request: str, steps: Sequence[Step], answer: str, images: tuple[str, ...], marks: tuple[str, ...],
        stop: StopReason,
    ) -> None:  # fmt: skip
        last = Step(output=PlannerOutput(answer=answer))
        self.turns.append(
            Turn(request=request, images=images, marks=marks, steps=(*steps, last), answer=answer, stop_reason=stop)
        )

    def _failed(self, skill: str, outcome: Outcome, call: str, language: Language, *, chained: bool) -> str:
        """Return the answer to a call that found nothing or failed."""
        if outcome == "empty":
            chain = self.answers.get(f"chain.{skill}.empty") if chained else None
            texts = chain or self.answers.get(f"{skill}.empty") or self.answers["other.empty"]
            return self.rng.choice(texts[language])
        texts = self.answers["error.unavailable" if outcome == "unavailable" else "error.failed"]
        return self.rng.choice(texts[language]).replace("$error", f"{call}.error")

    def _filled(self, answer: str, made: Sequence[str]) -> str:
        """Return an answer with the newest fitting id in each of its places."""
        newest = {name.rpartition("_")[0]: name for name in made}
        newest["any"] = made[-1]
        return PLACE.sub(lambda match: newest[match[1]], answer)

    def _bound(self, value: Any, made: Sequence[tuple[str, ...]], marks: Sequence[str]) -> Any:
        if not (isinstance(value, str) and value.startswith("$")):
            return value
        name, bracket, element = value[1:].partition("[")
        if name == "mark":
            return marks[0] + bracket + element
        if name.isdigit():
            return made[int(name) - 1][0] + bracket + element
        return self.resolve(value)

    def resolve(self, reference: str) -> str | None:
        """Return what "$boxes", "$mask[1]", "$first_picture" or "$previous_picture" stands for now, or None."""
        name, bracket, element = reference.removeprefix("$").partition("[")
        if name.endswith("_picture"):
            pictures = [n for n, a in self.world.artifacts.items() if a.kind == "picture" and not a.view]
            at = 0 if name.startswith("first") else -2
            return pictures[at] if len(pictures) > 1 else None
        found = self.latest(name, at_least=1 + int(element.rstrip("]") or 0))
        return found + bracket + element if found else None

    def latest(self, prefix: str, at_least: int = 1) -> str | None:
        """Return the newest artifact of a prefix that a skill made and that holds `at_least` items."""
        for name in reversed(self.world.artifacts):
            fits = name.rpartition("_")[0] == prefix and self.world.artifacts[name].source != "user"
            value: Any = self.world.values[name]
            if fits and (not hasattr(value, "__len__") or len(value) >= at_least):
                return name
        return None


def _plan(steps: Sequence[Call], language: Language) -> str:
    """Return what is noted before the first of several steps: every step in a few words, in order."""
    return ", ".join(THOUGHTS[language][step.skill] for step in steps) if len(steps) > 1 else ""
