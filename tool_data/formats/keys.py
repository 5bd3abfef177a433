"""What a row says beside what a format reads: kept so that the same row is written back."""

from collections.abc import Mapping, Sequence
from typing import Any


def beside(found: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """Return {"beside": keys not known and their values, "order": all keys where not in the usual order}.

    Usual are the known keys in their order and then the others; what there is none of is left out.
    """
    others = {key: value for key, value in found.items() if key not in known}
    usual = [*(key for key in known if key in found), *others]
    return ({"beside": others} if others else {}) | ({"order": list(found)} if list(found) != usual else {})


def laid_out(values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with what `beside` kept; where the keys are others now, in the usual order."""
    whole = {**values, **kept.get("beside", {})}
    order = kept.get("order", list(whole))
    return {key: whole[key] for key in order} if sorted(order) == sorted(whole) else whole
