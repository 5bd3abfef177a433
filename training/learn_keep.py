"""What a planner knows is kept: on chats for old skills it is held to what it chose before.

Learning without forgetting (Li and Hoiem 2016), the old planner's choices as targets. It is asked with the new skills
on offer and their slots are left out of its choices, for it would call them where it is not sure.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.slots import Slots
from skills.registry import AnySkill

from .checkpoint import load_model
from .encode import Chats, Group
from .forward import Reader, Seen


class Keeper:
    """The planner as it was."""

    def __init__(self, start: Path, skills: Sequence[AnySkill], tokenizer: Any, device: Any, dtype: Any) -> None:
        """Load the planner that is gone on from; `skills` are the new ones."""
        model = load_model(start).to(device).eval().requires_grad_(requires_grad=False)
        self.reader, self.head = Reader(model, dtype), model.lm_head.weight.to(dtype)
        lines = [Slots([skill]).offer()[2].text for skill in skills]
        self.lines = [tokenizer(line, add_special_tokens=False).input_ids for line in lines]

    def drift(
        self, group: Group, seen: Sequence[tuple[Chats, Seen]], pixels: Mapping[str, Any], head: Any, weights: Any
    ) -> Any:
        """Return the mean cross-entropy with the old planner's choices of the tokens planners write, float32 ().

        Chats that call a new skill are left out; 0 where none is left. `head` (vocabulary, width) gives the planner's
        logits, `weights` tells the weight of tokens (N,), `pixels` is SHA-256 -> (3, side, side) float32.
        """
        import torch

        new = torch.tensor(self._slots(group.offer[0].tolist()), device=group.offer.device)
        mine, known, told = [], [], []
        with torch.no_grad():
            offer = self.reader.offer(group)
            before = [self.reader.chats(offer, chats, pixels) for chats, _ in seen]
        for (chats, now), then in zip(seen, before, strict=True):
            learns = (torch.isin(chats.ids, new) & chats.targets).any(dim=1)
            kept = chats.targets[:, 1:] & ~learns[:, None]
            mine.append(now.hidden[:, :-1][kept])
            known.append(then.hidden[:, :-1][kept])
            told.append(chats.ids[:, 1:][kept])
        if not sum(map(len, told)):
            return head.new_zeros((), dtype=torch.float32)
        logits = torch.nn.functional.linear(torch.cat(mine).to(head.dtype), head).float()
        with torch.no_grad():
            choices = torch.nn.functional.linear(torch.cat(known).to(head.dtype), self.head).float()
            choices[:, new] = float("-inf")
        each = torch.nn.functional.cross_entropy(logits, choices.softmax(-1), reduction="none")
        weight = weights(torch.cat(told))
        return (each * weight).sum() / weight.sum()

    def _slots(self, offer: Sequence[int]) -> list[int]:
        """Return the slots that new skills have in an offer: the tokens before their lines."""
        return [
            offer[at - 1]
            for line in self.lines
            for at in range(1, len(offer) - len(line))
            if offer[at] == line[0] and list(offer[at : at + len(line)]) == list(line)
        ]
