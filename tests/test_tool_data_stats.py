"""Counts over rows and the page that shows them."""

import random
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from agent.trace import Observation, Trace
from skills import InputError
from tests.conftest import ROOT
from tool_data.bars import Chart, bars, page
from tool_data.generate import Generator
from tool_data.language import language_of
from tool_data.material import Material
from tool_data.stats import main, tokenizer
from tool_data.totals import Totals, binned, cited, outcome

POOL = {"page": ("a" * 64,), "code": ("b" * 64,), "face": ("c" * 64,), "scene": ("d" * 64,)}


@pytest.fixture(scope="module")
def material():
    return Material.load()


@pytest.fixture(scope="module")
def drawn(material):
    generator, rng = Generator(material, POOL, content=True), random.Random(3)
    return [generator.chat(generator.offer(rng, full=0.5), rng) for _ in range(150)]


def totals(rows):
    found = Totals()
    for row in rows:
        found.add(row, lambda text: len(text.split()))
    return found


def test_counts_are_those_of_the_rows(drawn):
    found = totals(drawn)
    turns = [turn for row in drawn for turn in row.turns]
    calls = [call for turn in turns for step in turn.steps for call in step.output.calls]
    assert (found.rows, found.turns) == (150, len(turns))
    assert found.skills.total() == len(calls) == found.outcomes.total()
    assert found.sources == {"simulated": 150}
    assert found.chains.total() == len(turns) == found.languages.total() == found.endings.total()
    assert sum(n * count for n, count in found.chains.items()) == len(calls)
    assert found.chains[2] > 0
    assert {"success", "empty", "unavailable"} <= set(found.outcomes)
    assert sum(n * count for n, count in found.turns_of_a_row.items()) == len(turns)
    assert found.tokens["user: requests"] == sum(len(turn.request.split()) for turn in turns)
    assert sum(n * count for n, count in found.row_tokens.items()) == found.tokens.total()
    assert {"text", "boxes.count", "call.error"} <= set(found.citations)


def test_where_a_row_came_from():
    rows = [
        {"id": "a", "meta": {"planner": "simulated"}},
        {"id": "b", "meta": {"origin": {"format": "llava", "row": "r-1"}}},
        {"id": "c", "meta": {"planner": "llava"}},
        {"id": "d"},
    ]
    found = totals(Trace.model_validate(row) for row in rows)
    assert found.sources == {"simulated": 1, "imported: llava": 1, "recorded": 2}


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"status": "success", "data": {"boxes_1": "2 face in img_1"}}, "success"),
        ({"status": "success", "data": {"boxes_1": "nothing found in img_1"}}, "empty"),
        ({"status": "success", "data": {"mask_1": "nothing found", "img_2": "picture, 6x6"}}, "success"),
        ({"status": "success"}, "success"),
        ({"status": "cancelled"}, "cancelled"),
        ({"status": "error", "error": {"type": "deadline", "message": "late"}}, "deadline"),
    ],
)
def test_outcomes(seen, told):
    assert outcome(Observation.model_validate({"tool_call_id": "call_1", **seen})) == told


def test_citations_are_counted_expanded_or_not():
    turn = {"request": "x", "answer": "It says [text_3] and [boxes_1[0].label]."}
    trace = Trace.model_validate({"id": "a", "turns": [turn]})
    assert cited(trace.turns[0]) == ["text", "boxes.label"]
    turn = {"request": "x", "answer": "two", "citations": [{"start": 0, "end": 3, "ref": "boxes_12.count"}]}
    assert cited(Trace.model_validate({"id": "a", "turns": [turn]}).turns[0]) == ["boxes.count"]


def test_lengths_are_counted_in_ranges():
    assert binned({0: 1, 1: 2, 2: 3, 4: 1, 5: 1, 30: 7}) == {
        "0": 1, "1": 2, "2": 3, "3-5": 2, "6-10": 0, "11-20": 0, "21-50": 7,
    }  # fmt: skip
    assert binned({10_001: 2, 9000: 1}) == {"5001-10000": 1, "10001 or more": 2}
    assert binned({}) == {"0": 0}


def test_languages_are_told_or_unknown(material):
    told = {
        "What is written on this sign?": "en", "¿Qué pone en el cartel?": "es", "quita el coche de la foto": "es",
        "Qu'est-ce qui est écrit sur le panneau ?": "fr", "Was steht auf dem Schild?": "de",
        "O que está escrito na placa?": "pt", "Che cosa c'è scritto sul cartello?": "it",
        "看板には何と書いてありますか": "ja", "牌子上写着什么？": "zh", "Что написано на знаке?": "ru",
        "xqzt": "unknown", "": "unknown", "123 + 4": "unknown",
    }  # fmt: skip
    assert {text: language_of(text) for text in told} == told
    pairs = [
        (language, language_of(p.text)) for (_, language), phrases in material.by_skill.items() for p in phrases
    ]  # fmt: skip
    known = [(language, found) for language, found in pairs if found != "unknown"]
    assert len(known) / len(pairs) > 0.85
    assert sum(language == found for language, found in known) / len(known) > 0.99


class Tags(HTMLParser):
    """Collects the tags of a page and that they are closed."""

    def __init__(self, text):
        super().__init__()
        self.seen, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "!doctype"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def rows_file(tmp_path, drawn, extra=()):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join([*(row.to_json() for row in drawn), *extra]) + "\n", encoding="utf-8")
    return path


def test_the_page_holds_everything_and_fetches_nothing(tmp_path, drawn, capsys):
    path = rows_file(tmp_path, drawn, ["{broken"])
    out = tmp_path / "new" / "page.html"
    assert main([str(path), str(path), str(out)]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("300 rows, ")
    assert captured.err.startswith(f"{path}:151: it is no JSON")
    text = out.read_text(encoding="utf-8")
    tags = Tags(text)
    assert tags.open == []
    assert not {tag for tag, _ in tags.seen} & {"script", "link", "img", "iframe"}
    assert not re.search(r"https?:|url\(|@import|src=|href=", text)
    for title in (
        "Where rows come from", "Turns of a row", "Calls by skill", "Chain lengths", "Outcomes of calls", "Languages",
        "Request lengths", "Citations of an answer", "What answers cite", "Tokens by writer", "Tokens of a row",
    ):  # fmt: skip
        assert f"<h2>{title}</h2>" in text
    assert "<td>simulated rows</td><td>300 (100.0%)</td>" in text
    assert "<td>lines that are no Trace</td><td>2</td>" in text


def test_bars_are_drawn_to_scale():
    drawn = ElementTree.fromstring(bars({"a": 50, "b": 100, "c <&": 0}, "letters"))
    widths = [float(rect.get("width")) for rect in drawn.iter("rect")]
    assert widths == [380, 190, 0]
    labels = [text.text for text in drawn.iter("text")]
    assert labels == ["b", "100 (66.7%)", "a", "50 (33.3%)", "c <&", "0 (0.0%)"]


def test_many_bars_end_in_one_for_the_rest():
    drawn = ElementTree.fromstring(bars({f"skill {n}": n for n in range(100)}, "skills"))
    labels = [text.text for text in drawn.iter("text")]
    assert len(labels) == 80
    assert labels[-2:] == ["61 others", "1,830 (37.0%)"]


def test_what_rows_say_is_text_on_the_page():
    text = page("<script>", [("a", "<b>")], [Chart("x", {"<img src=x>": 1}), Chart("nothing", {})])
    assert "<script>" not in text
    assert "<img" not in text
    assert "nothing" not in text


def test_tokens_are_counted_with_a_tokenizer_where_one_is_named(tmp_path, drawn, capsys):
    length, told = tokenizer(None)
    assert (length("Blur it, please!"), told) == (5, "words and marks")
    file = ROOT / "checkpoints" / "planner" / "tokenizer.json"
    out = tmp_path / "page.html"
    assert main([str(rows_file(tmp_path, drawn[:5])), str(out), "--tokenizer", str(file)]) == 0
    assert "tokens (tokens of tokenizer.json)" in out.read_text()
    with pytest.raises(InputError, match=r"none.json' is no tokenizer: .*; name a checkpoint's tokenizer.json"):
        tokenizer(tmp_path / "none.json")


def test_no_rows_make_a_page_too(tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    assert main([str(empty), str(tmp_path / "page.html")]) == 0
    assert "<td>rows</td><td>0</td>" in (tmp_path / "page.html").read_text()


def test_the_page_comes_last(tmp_path, drawn):
    path = rows_file(tmp_path, drawn[:1])
    with pytest.raises(InputError, match=r"rows.jsonl' is no .html file; name the page last: FILE... OUT.html"):
        main([str(tmp_path / "page.html"), str(path)])
    with pytest.raises(InputError, match=r"none.jsonl' cannot be read: No such file or directory"):
        main([str(tmp_path / "none.jsonl"), str(tmp_path / "page.html")])
