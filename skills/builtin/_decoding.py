"""Text from a model's `generate`: the same twice, and stopped between two tokens."""

from typing import Any

from ..context import Context


def plainly(ctx: Context, longest: int, beams: int) -> dict[str, Any]:
    """Return the options of `generate` for beam search without chance, at most `longest` new tokens.

    `generate` then raises Cancelled before its next token once the user pressed Stop.
    """
    import torch
    from transformers import StoppingCriteriaList

    def stop(ids: Any, scores: Any, **_: Any) -> Any:
        ctx.cancel.check()
        return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)

    criteria = StoppingCriteriaList([stop])  # type: ignore[list-item,unused-ignore]
    return {"max_new_tokens": longest, "num_beams": beams, "do_sample": False, "stopping_criteria": criteria}
