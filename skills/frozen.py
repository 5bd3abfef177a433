"""The base of every record: immutable, unknown keys refused."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Base of every record in handeye: immutable, unknown keys refused, numbers finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def same_length(what: str, count: int, **columns: Sequence[object]) -> None:
    """Check that each column has `count` items or none; raises ValueError that names the one that has not."""
    for name, column in columns.items():
        if len(column) not in (0, count):
            raise ValueError(f"{what}: {count} items but {len(column)} {name!r}")
