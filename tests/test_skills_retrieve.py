import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from skills import Context, Picture, SkillError
from skills.builtin._passages import LONGEST, passages_of
from skills.builtin.retrieve import retrieve


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    (folder / "garantie.md").write_text(
        "# Warranty\n\nThe boiler is covered for five years.\n\nCall the office for repairs.\n"
    )
    (folder / "deep" / "horario.txt").write_text("El museo abre a las diez. Cierra los lunes.")
    (folder / "page.html").write_text(
        "<html><head><title>Parking</title><style>boiler{}</style></head><body><h1>Cars</h1>"
        "<p>Visitors park behind the <b>station</b>.</p><script>boiler()</script></body></html>"
    )
    (folder / "photo.bin").write_bytes(b"boiler")
    (folder / ".hidden.md").write_text("boiler secret")
    return Context(folder=folder)


def test_the_best_passage_is_first_and_names_its_file(ctx: Context) -> None:
    found = retrieve("How long is the boiler covered?", ctx=ctx)
    assert found.lines[0].text == ("notes/garantie.md: Warranty: The boiler is covered for five years.")
    assert found.untrusted
    assert len(found) == 1, "no hidden file, no script, no other kind of file"


def test_the_title_counts_for_every_passage(ctx: Context) -> None:
    found = retrieve("warranty repair", ctx=ctx)
    assert "Call the office for repairs." in found.lines[0].text


def test_spanish_accents_case_and_plural_do_not_matter(ctx: Context) -> None:
    for query in ("¿A qué hora abre el MÚSEO?", "museos", "LUNES"):
        assert retrieve(query, ctx=ctx).text.startswith("notes/deep/horario.txt: El museo abre")


def test_html_is_read_as_shown(ctx: Context) -> None:
    assert retrieve("station", ctx=ctx).text == ("notes/page.html: Visitors park behind the station.")


def test_no_hit_is_no_line(ctx: Context) -> None:
    assert retrieve("zeppelin", ctx=ctx).lines == ()
    assert len(retrieve("boiler museo station", k=2, ctx=ctx)) == 2


def test_the_index_is_kept_until_a_file_changes(ctx: Context) -> None:
    retrieve("boiler", ctx=ctx)
    retrieve("museo", ctx=ctx)
    assert len(ctx.runtime.keys()) == 1
    changed = ctx.folder / "garantie.md"
    changed.write_text("Nothing but zeppelins.")
    os.utime(changed, ns=(1, 1))
    assert "zeppelins" in retrieve("zeppelin", ctx=ctx).text
    assert retrieve("boiler", ctx=ctx).lines == ()


def test_a_link_that_leads_outside_is_not_followed(ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("the password is swordfish")
    (ctx.folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert retrieve("password swordfish", ctx=ctx).lines == ()


def test_errors(ctx: Context, plain: Picture, tmp_path: Path) -> None:
    with pytest.raises(SkillError, match=r"there is no folder '.*gone' to search; .*--folder DIR"):
        retrieve("boiler", ctx=Context(folder=tmp_path / "gone"))
    with pytest.raises(SkillError, match="a picture alone needs a picture index; give a query"):
        retrieve(image=plain, ctx=ctx)
    with pytest.raises(SkillError, match="nothing is asked; give a query"):
        retrieve("  ", ctx=ctx)
    with pytest.raises(SkillError, match="'what is the' holds no word to search for"):
        retrieve("what is the", ctx=ctx)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SkillError, match=r"holds no text to search \(.md, .txt"):
        retrieve("boiler", ctx=Context(folder=tmp_path / "empty"))
    with pytest.raises(ValidationError, match="less than or equal to 20"):
        retrieve.arguments(query="x", k=21)


def test_long_paragraphs_are_split_and_nothing_is_lost() -> None:
    text = " ".join(f"Sentence number {n} is here." for n in range(100))
    pieces = [passage.text for passage in passages_of(text, "x.txt", ".txt")]
    assert " ".join(pieces) == text
    assert max(map(len, pieces)) <= LONGEST
    assert len(passages_of("x" * 2000, "x.txt", ".txt")) == 4


def test_headings_lead_what_stands_below_them() -> None:
    text = "Title\n=====\n\nFirst.\n\n## Part\nSecond\nline.\n\n# Lonely\n"
    found = passages_of(text, "x.rst", ".rst")
    assert [passage.text for passage in found] == ["Title: First.", "Part: Second line."]
    assert {passage.title for passage in found} == {"Title"}
