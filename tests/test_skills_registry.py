"""The registry: built-ins, installed plugins, files, and what a broken one gets."""

from pathlib import Path

import pytest

from skills import InputError
from skills.registry import CONTRACT, Registry, load_file

GOOD = '''
from skills import Text, Words, skill

@skill(examples=["shout"])
def {name}(words: Words) -> Text:
    """Give back words as text."""
    return Text.of(words)

again = {name}
'''


def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, value: str = "far_plugin") -> None:
    """Install a distribution with one entry point, by its metadata alone."""
    info = tmp_path / "far_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: far-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[handeye.skills]\nfar = {value}\n")
    (tmp_path / "far_plugin.py").write_text(body)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "far_plugin", raising=False)


def test_every_name_of_the_contract_is_there_in_its_order() -> None:
    registry = Registry.load()
    assert registry.names[: len(CONTRACT)] == CONTRACT
    assert registry.problems == ()
    for item in registry:
        assert item.run is not None or item.unavailable()


def test_an_installed_plugin_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(tmp_path, monkeypatch, GOOD.format(name="shout_far"))
    registry = Registry.load()
    assert registry.problems == ()
    assert registry.get("shout_far").source == "far_plugin"
    assert registry.names[-1] == "shout_far"


def test_an_entry_point_may_name_one_skill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(tmp_path, monkeypatch, GOOD.format(name="shout_far"), "far_plugin:shout_far")
    assert "shout_far" in Registry.load()


@pytest.mark.parametrize(
    ("body", "value", "text"),
    [
        ("1 / 0", "far_plugin", "plugin 'far_plugin' cannot be loaded: ZeroDivisionError: division by zero"),
        ("raise SystemExit(4)", "far_plugin", "plugin 'far_plugin' cannot be loaded: SystemExit: 4"),
        ("import nowhere_at_all", "far_plugin", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("x = 1", "far_plugin", "plugin 'far_plugin' holds no skill; expected a module with @skill, or one skill"),
        ("x = 1", "far_plugin:x", "plugin 'far_plugin:x' holds no skill"),
        (
            GOOD.format(name="blur"),
            "far_plugin",
            "plugin 'far_plugin' is left out: two skills are named 'blur' (built-in",
        ),
    ],
)
def test_a_broken_plugin_is_a_problem_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, value: str, text: str
) -> None:
    """Broke when an installed package that took a built-in's name, or left at import, ended every command."""
    plugin(tmp_path, monkeypatch, body, value)
    registry = Registry.load()
    (problem,) = registry.problems
    assert text in problem
    assert registry.get("blur").source == "built-in"


def test_a_file_adds_its_skills(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(GOOD.format(name="shout"))
    registry = Registry.load([path])
    assert registry.get("shout").source == str(path)
    assert registry.get("shout")("hi").text == "hi"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("1 / 0", r"'.*mine\.py' cannot be imported: ZeroDivisionError: division by zero"),
        ("raise SystemExit(4)", "cannot be imported: SystemExit: 4"),
        ("def (", "cannot be imported: SyntaxError: "),
        ("x = 1", r"'.*mine\.py' defines no skill; decorate a function with @skill"),
        ("from skills.builtin.blur import blur", "defines no skill"),
        ("from skills import skill\n@skill\ndef f(x: int): pass", r"mine\.py': skill 'f' has no docstring"),
        (GOOD.format(name="blur"), r"two skills are named 'blur' \(built-in and .*mine\.py\); rename one"),
    ],
)
def test_a_broken_file_is_an_input_error(tmp_path: Path, body: str, text: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(body)
    with pytest.raises(InputError, match=text):
        Registry.load([path])


def test_a_missing_file_says_how_one_is_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no skill file at '.*none\.py'; `handeye new-skill NAME` writes one"):
        load_file(tmp_path / "none.py")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(InputError, match=r"'.*a\.txt' is no Python file; expected NAME\.py"):
        load_file(tmp_path / "a.txt")


def test_a_name_that_is_not_registered_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no skill is named 'blurr'; did you mean blur"):
        Registry.load().offer(["crop", "blurr"])


def test_an_offer_keeps_its_order_and_names_each_once() -> None:
    registry = Registry.load()
    assert [item.name for item in registry.offer(["crop", "blur", "crop"])] == ["crop", "blur"]
    assert len(registry.offer()) == len(registry.names)
