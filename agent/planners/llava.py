"""The LLaVA planner: any `AutoModelForImageTextToText`, one rendering, calls under a grammar, the prefix kept."""

import copy
import hashlib
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skills import Cancel, InputError, Picture, Skill
from skills.store import Artifacts

from ..chat_dialect import ChatReader, chat_grammar
from ..decode import Decoder, constrained
from ..llava_plus_reader import LlavaPlusReader
from ..planner import CallReady, ContextFull, Delta
from ..rendering import Rendering, readable, settings_of
from ..sampler import Sampler
from ..segments import Segment
from ..slots import Slots
from ..slots_grammar import grammar
from ..slots_reader import SlotsReader
from ..trace import PlannerOutput, Trace

EMBEDDED = Path(__file__).parents[2] / "checkpoints" / "planner"
"""The planner this project trained itself."""

ANSWER_TOKENS = 256
"""Tokens one pass may write; this much room must be left before decoding starts."""

_Reader = SlotsReader | ChatReader | LlavaPlusReader


def load_planner(where: str) -> "LlavaPlanner":
    """Load "embedded", a checkpoint's folder, or a hub id ("org/name@revision") that is already on this machine.

    Raises InputError where it is not there or is no image-text-to-text checkpoint.
    """
    path = EMBEDDED if where == "embedded" else Path(where)
    if where == "embedded" and not (path / "config.json").is_file():
        raise InputError(f"the embedded planner is not at {str(path)!r}; train it with `make planner`")
    name, _, revision = (str(path), "", "") if path.is_dir() else where.partition("@")
    from transformers import AutoModelForImageTextToText, AutoProcessor
    from transformers.utils import logging

    progress: Any = logging
    progress.disable_progress_bar()
    try:
        options = {"local_files_only": True, "revision": revision or None}
        models: Any = AutoModelForImageTextToText
        processors: Any = AutoProcessor
        model, report = models.from_pretrained(name, dtype=_dtype(), output_loading_info=True, **options)
        if report["missing_keys"]:
            raise ValueError(f"its weights do not match its config, {min(report['missing_keys'])!r} is missing")
        processor = processors.from_pretrained(name, **options)
        settings = settings_of(path)
        readable(model)
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"planner {where!r} cannot be loaded: {reason}; give a checkpoint folder") from error
    return LlavaPlanner(
        model.eval().to(_device()),
        processor,
        checkpoint=f"{where}@{_fingerprint(path)}" if path.is_dir() else where,
        settings=settings,
    )


def max_length(model: Any, settings: Mapping[str, Any]) -> int:
    """Return how many tokens a checkpoint reads."""
    length: int = settings.get("max_length", model.config.get_text_config().max_position_embeddings)
    return length


def stop_ids(model: Any, tokenizer: Any) -> list[int]:
    """Return the tokens that end a checkpoint's turn."""
    eos = model.generation_config.eos_token_id or tokenizer.eos_token_id
    return eos if isinstance(eos, list) else [eos]


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _dtype() -> Any:
    import torch

    return torch.bfloat16 if torch.cuda.is_available() else torch.float32


def _fingerprint(path: Path) -> str:
    """Return a short hash of a checkpoint's weights."""
    digest = hashlib.sha256()
    for file in sorted(path.glob("*.safetensors")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


class LlavaPlanner:
    """Plans with one loaded checkpoint; safe to share between chats, one pass at a time."""

    name = "llava"

    def __init__(self, model: Any, processor: Any, *, checkpoint: str, settings: dict[str, Any]) -> None:
        """Wrap a loaded model and its processor; `settings` is the checkpoint's handeye.json (may be empty)."""
        import llguidance.hf

        self.checkpoint = checkpoint
        self.decoder = Decoder(model)
        self._tokenizer = processor.tokenizer
        text_config = model.config.get_text_config()
        self.max_length = max_length(model, settings)
        self._stop_ids = stop_ids(model, self._tokenizer)
        self.rendering = Rendering(processor, model.config.image_token_id, settings, self._stop_ids)
        self._grammar_tokens = llguidance.hf.from_tokenizer(self._tokenizer, n_vocab=text_config.vocab_size)
        self._pictures: dict[str, tuple[int, dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._sampler: Sampler | None = None

    def sampled(self, temperature: float, seed: int) -> "LlavaPlanner":
        """Return a planner over the same model that draws its tokens, and keeps them with their log-probabilities.

        It reads with a prefix of its own, so what it writes depends on its seed and its chats, on no other's. Use it
        for one chat at a time. See `agent.rollout` for what `PlannerOutput.token_ids` and `.logprobs` hold.
        """
        drawing = copy.copy(self)
        drawing.decoder, drawing._sampler = Decoder(self.decoder.model), Sampler(temperature, seed)
        return drawing

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about this checkpoint, each one line."""
        template = self.rendering.template
        return (template.note,) if template is not None and template.note else ()

    def plan(
        self, trace: Trace, skills: Sequence[Skill[..., Any]], artifacts: Artifacts, cancel: Cancel
    ) -> Iterator[Delta | CallReady | PlannerOutput]:
        """Yield what is written as it is written, then the whole; see `agent.planner.Planner.plan`."""
        import llguidance

        segments, rules, reader = self._script(trace, skills, artifacts)
        matcher = llguidance.LLMatcher(self._grammar_tokens, rules)
        if matcher.is_error():
            raise RuntimeError(f"the grammar of the offer is wrong: {matcher.get_error()}")
        with self._turn(cancel):
            whole = yield from self._write(self._read(segments, artifacts), matcher, reader, cancel)
        kept = dict(zip(("token_ids", "logprobs"), self._sampler.kept, strict=True)) if self._sampler else {}
        if whole:
            yield from reader.end()
            yield reader.output.model_copy(update={"notes": self.notes, **kept})
        else:
            note = f"a pass was cut off at {ANSWER_TOKENS} tokens"
            yield PlannerOutput(malformed=note, notes=(*self.notes, note), **kept)

    def _script(
        self, trace: Trace, skills: Sequence[Skill[..., Any]], artifacts: Artifacts
    ) -> tuple[list[Segment], str, _Reader]:
        """Return what the checkpoint reads, the grammar of what it may write, and the reader of that."""
        segments = self.rendering.segments(trace, skills, artifacts)
        first_call = trace.call_count + 1
        if self.rendering.slots:
            slots = Slots(skills)
            rules = grammar(slots, trace, artifacts, self._tokenizer.convert_tokens_to_ids)
            return segments, rules, SlotsReader(slots, self._tokenizer, first_call)
        if self.rendering.plus is not None:
            reader = LlavaPlusReader(self._decode, first_call, artifacts)
            return segments, self.rendering.plus.grammar(skills), reader
        rules = chat_grammar(skills, artifacts, self._tokenizer.get_added_vocab())
        return segments, rules, ChatReader(self._decode, first_call)

    @contextmanager
    def _turn(self, cancel: Cancel) -> Iterator[None]:
        """Wait for the model; raises skills.Cancelled where the user stops waiting."""
        while not self._lock.acquire(timeout=0.1):
            cancel.check()
        try:
            yield
        finally:
            self._lock.release()

    def _write(
        self, logits: Any, matcher: Any, reader: _Reader, cancel: Cancel
    ) -> Generator[Delta | CallReady, None, bool]:
        """Decode one pass into `reader`; return whether it came to its end."""
        if self._sampler is not None:
            self._sampler.begin()
        tokens = constrained(
            self.decoder, logits, matcher, self._stop_ids, ANSWER_TOKENS, cancel, sampler=self._sampler
        )
        while True:
            try:
                token_id = next(tokens)
            except StopIteration as end:
                return bool(end.value)
            yield from reader.take(token_id)

    def _read(self, segments: Sequence[Segment], artifacts: Artifacts) -> Any:
        encoded = self.rendering.encode(segments, self._counter(artifacts))
        if len(encoded.ids) + ANSWER_TOKENS > self.max_length:
            raise ContextFull(
                f"the chat takes {len(encoded.ids)} tokens and an answer {ANSWER_TOKENS}, this planner reads "
                f"{self.max_length}; start a new chat or narrow the offer (--offer)"
            )
        hashes = {at: artifacts.record(name).sha256 for at, name in encoded.images}
        prepared = {at: self._prepared(name, artifacts) for at, name in encoded.images}
        return self.decoder.start(
            encoded.ids,
            hashes,
            {at: inputs for at, (_, inputs) in prepared.items()},
            {at: count for at, (count, _) in prepared.items()},
        )

    def _counter(self, artifacts: Artifacts) -> Any:
        return lambda name: self._prepared(name, artifacts)[0]

    def _prepared(self, name: str, artifacts: Artifacts) -> tuple[int, dict[str, Any]]:
        """Return how many tokens a picture takes and its model inputs, kept by content."""
        digest = artifacts.record(name).sha256
        if digest not in self._pictures:
            while len(self._pictures) >= 32:
                self._pictures.pop(next(iter(self._pictures)))
            self._pictures[digest] = self._prepare(artifacts.picture(name))
        return self._pictures[digest]

    def _prepare(self, picture: Picture) -> tuple[int, dict[str, Any]]:
        count, inputs = self.rendering.prepare(picture)
        model = self.decoder.model
        moved = {
            key: value.to(model.device, model.dtype if value.is_floating_point() else value.dtype)
            for key, value in inputs.items()
        }
        return count, moved

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))
