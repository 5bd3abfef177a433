"""What the tests share: small pictures, shared data that may be absent, no way out of the machine."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skills.values import Picture

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """Return a function from a path in the shared data to the file; skips where it is absent."""

    def find(path: str) -> Path:
        found = SHARED / path
        if not found.exists():
            pytest.skip(f"shared data is absent: {path}")
        return found

    return find


@pytest.fixture
def plain() -> Picture:
    """A 120 x 80 picture: grey, with a red square at x 20-60, y 10-50."""
    array = np.full((80, 120, 3), 160, dtype=np.uint8)
    array[10:50, 20:60] = (220, 20, 20)
    return Picture.from_array(array, frame="img_1")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the state of every test in a folder of its own."""
    monkeypatch.setenv("HANDEYE_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def slots_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random LLaVA that speaks the short dialect, built once."""
    from tests import tiny

    return tiny.save(tmp_path_factory.mktemp("slots"), slots=True)


@pytest.fixture(scope="session")
def chat_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random LLaVA with a chat template that drops the offer, built once."""
    from tests import tiny

    return tiny.save(tmp_path_factory.mktemp("chat"), slots=False)


@pytest.fixture(scope="session")
def marked_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with <tool_call> as a token of its own, built once."""
    from tests import tiny

    return tiny.save(tmp_path_factory.mktemp("marked"), slots=False, markers=True)
