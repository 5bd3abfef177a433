"""Decoding with a kept prefix, greedy in serving: the picture and the chat so far are read once.

`generate` is not used: with a grammar, a pre-filled cache and pictures in the suffix its features do not combine.
"""

import copy
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skills import Cancel

from .sampler import Sampler

KEPT = 4
"""Prefixes kept (one a chat, newest last)."""


@dataclass
class _Prefix:
    """What one KV cache holds."""

    ids: list[int]
    hashes: dict[int, str]
    cache: Any


class Decoder:
    """One model with the prefixes it has read. Not safe for two threads at once; the planner holds a lock."""

    def __init__(self, model: Any) -> None:
        """Wrap a transformers model that takes input_ids, past_key_values and picture inputs."""
        self.model = model
        self.read = 0
        """Tokens run through the model since it was loaded; a test of what the cache saves."""
        self._prefixes: list[_Prefix] = []

    def forget(self) -> None:
        """Drop every kept prefix."""
        self._prefixes.clear()

    def start(
        self, ids: Sequence[int], hashes: dict[int, str], pictures: dict[int, dict[str, Any]], lengths: dict[int, int]
    ) -> np.ndarray:
        """Read a prompt and return the logits (V,) float32 of the next token.

        `hashes`, `pictures` and `lengths` map the position of a picture's first token to its content's hash, its
        model inputs (pixel_values ...) and its number of tokens. Pictures inside the kept prefix are not read again.
        """
        prefix, kept = self._best(ids, hashes, lengths)
        self._current = prefix
        new = {at: inputs for at, inputs in pictures.items() if at >= kept}
        prefix.ids, prefix.hashes = list(ids[:kept]), {at: h for at, h in hashes.items() if at < kept}
        logits = self._forward(ids[kept:], _stacked([new[at] for at in sorted(new)]))
        prefix.hashes = dict(hashes)
        return logits

    def step(self, token_ids: Sequence[int]) -> np.ndarray:
        """Append tokens and return the logits (V,) float32 of the next one."""
        return self._forward(token_ids, {})

    def _forward(self, ids: Sequence[int], inputs: dict[str, Any]) -> np.ndarray:
        import torch

        prefix = self._current
        with torch.inference_mode():
            out = self.model(
                input_ids=torch.tensor([list(ids)], device=self.model.device),
                past_key_values=prefix.cache,
                use_cache=True,
                logits_to_keep=1,
                **inputs,
            )
        prefix.cache = out.past_key_values
        prefix.ids.extend(ids)
        self.read += len(ids)
        logits: np.ndarray = out.logits[0, -1].float().cpu().numpy()
        return logits

    def _best(self, ids: Sequence[int], hashes: dict[int, str], lengths: dict[int, int]) -> tuple[_Prefix, int]:
        """Return a prefix cut to what it shares with the prompt, and how many tokens that is."""
        from transformers import DynamicCache

        scored = [(_shared(p, ids, hashes, lengths), i) for i, p in enumerate(self._prefixes)]
        shared, best = max(scored, default=(0, -1))
        if shared == 0:
            prefix = _Prefix([], {}, DynamicCache(config=self.model.config.get_text_config()))
        else:
            prefix = self._prefixes[best]
            if len(prefix.ids) - shared > len(prefix.ids) // 2:
                prefix = _Prefix(list(prefix.ids), dict(prefix.hashes), copy.deepcopy(prefix.cache))
            else:
                del self._prefixes[best]
            if (surplus := len(prefix.ids) - shared) > 0:
                prefix.cache.crop(-surplus)
        self._prefixes.append(prefix)
        del self._prefixes[:-KEPT]
        return prefix, shared


def _shared(prefix: _Prefix, ids: Sequence[int], hashes: dict[int, str], lengths: dict[int, int]) -> int:
    """Return how many tokens a prefix shares with a prompt, whole pictures only; at least one token is left."""
    limit = min(len(prefix.ids), len(ids) - 1)
    shared = next((i for i in range(limit) if prefix.ids[i] != ids[i]), limit)
    for at in sorted(hashes):
        if at < shared and (prefix.hashes.get(at) != hashes[at] or at + lengths[at] > shared):
            return at
    return shared


def _stacked(inputs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Join the model inputs of several pictures along their first axis."""
    import torch

    if not inputs:
        return {}
    return {key: torch.cat([item[key] for item in inputs]) for key in inputs[0]}


def constrained(
    decoder: Decoder,
    logits: np.ndarray,
    matcher: Any,
    stop_ids: Sequence[int],
    limit: int,
    cancel: Cancel,
    sampler: Sampler | None = None,
) -> Generator[int, None, bool]:
    """Yield tokens until a stop token is chosen among those the grammar allows, or `limit` tokens were written.

    Chosen is the best, or what `sampler` draws; it keeps every token, those the grammar forces and the stop token too.
    Returns True where the pass came to its end, False where the limit cut it. Tokens the grammar forces are read in
    one pass, with a sampler one by one: each has logits of its own. Raises skills.Cancelled between tokens.
    """
    import llguidance.numpy as bitmask

    mask = bitmask.allocate_token_bitmask(1, logits.shape[-1])
    written = 0
    while written < limit:
        cancel.check()
        forced = matcher.compute_ff_tokens()
        if not forced:
            bitmask.fill_next_token_bitmask(matcher, mask, 0)
            allowed = logits[None].copy()
            bitmask.apply_token_bitmask_inplace(allowed, mask)
            best = int(allowed.argmax())
            if not np.isfinite(allowed[0, best]):
                return True
            if sampler is not None and (best := sampler.pick(allowed[0])) in stop_ids:
                sampler.keep(best, logits)
            if best in stop_ids:
                return True
            forced = [best]
        if sampler is not None:
            forced = forced[:1]
            sampler.keep(forced[0], logits)
        matcher.consume_tokens(forced)
        yield from forced
        written += len(forced)
        if matcher.is_stopped():
            return True
        logits = decoder.step(forced)
    return False
