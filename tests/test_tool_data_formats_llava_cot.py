"""LLaVA-CoT's rows: four stages kept apart and written back exactly; tags mended only where one text can be meant."""

import json

import pytest

from agent.trace import PlannerOutput, Step, Trace, Turn
from tool_data.formats.base import Refused, Report, picture
from tool_data.formats.llava_cot import from_trace, to_trace

PLAN = "<SUMMARY> I will read the bar. </SUMMARY>\n\n<CAPTION> A chart of births. </CAPTION>"
THOUGHT = f"{PLAN}\n\n<REASONING> The last bar ends at 140.\nSo 140. </REASONING>"
ANSWER = f"{THOUGHT}\n\n<CONCLUSION> 140 </CONCLUSION>"


def row(*answers, question="How many births?", **beside):
    said = [part for answer in answers for part in (("human", question), ("gpt", answer))]
    return {
        "id": "chartqa/1",
        "image": "chartqa/train/png/1.png",
        **beside,
        "conversations": [{"from": who, "value": text} for who, text in said],
    }


WELL_FORMED = {
    "usual": row(ANSWER),
    "two rounds": row(ANSWER, ANSWER.replace("140", "150")),
    "on one line": row(ANSWER.replace("\n\n", " ")),
    "without white space": row(
        "<SUMMARY>a</SUMMARY><CAPTION>b</CAPTION><REASONING>c</REASONING><CONCLUSION>d</CONCLUSION>"
    ),
    "white space around": row(f" {ANSWER}\n"),
    "lines in the conclusion": row(ANSWER.replace("> 140 <", ">\n140\n\nbirths <")),
    "angle brackets": row(ANSWER.replace("140", "<b>1 < 2</b>")),
    "a marker": row(ANSWER, question="<image>\nHow many?"),
    "hints": row(ANSWER, hints=["bars"]),
}


@pytest.mark.parametrize("source", WELL_FORMED.values(), ids=WELL_FORMED)
def test_a_row_comes_back_as_it_was(source):
    report = Report()
    trace = to_trace(source, "train-1", report)
    back = from_trace(trace)
    assert json.dumps(back, sort_keys=True) == json.dumps(source, sort_keys=True)
    assert list(back) == list(source)
    assert to_trace(back, "train-1", report) == trace
    assert report.repaired == []


def test_the_stages_are_kept_apart():
    trace = to_trace(row(ANSWER), "train-1", Report())
    assert trace.turn.images == ("img_1",)
    assert trace.artifacts == {"img_1": picture("chartqa/train/png/1.png")}
    assert trace.turn.steps == (Step(output=PlannerOutput(thought=THOUGHT, answer="140")),)
    assert (trace.turn.answer, trace.turn.stop_reason) == ("140", "answered")
    assert trace.meta.origin.extra == {"id": "chartqa/1"}


MENDED = {
    "</SUMMARY> stands twice, once taken out": ANSWER.replace("</SUMMARY>", "</SUMMARY> </SUMMARY>"),
    "<CAPTION> stands twice, once taken out": ANSWER.replace("<CAPTION>", "<CAPTION><CAPTION>"),
    "<SUMMARY> is not closed; </SUMMARY> put behind its text": ANSWER.replace(" </SUMMARY>", ""),
    "</CAPTION> closes nothing; <CAPTION> put before its text": ANSWER.replace("<CAPTION> ", ""),
    "</SUMMARY> closes nothing; <SUMMARY> put before its text": ANSWER.replace("<SUMMARY> ", ""),
    "<REASONING> stands where </REASONING> is due": ANSWER.replace("</REASONING>", "<REASONING>"),
    "<CONCLUSION> stands where </CONCLUSION> is due": ANSWER.replace("</CONCLUSION>", "<CONCLUSION>"),
}


@pytest.mark.parametrize("mend", MENDED)
def test_a_tag_that_can_only_be_meant_one_way_is_mended_and_said(mend):
    report = Report()
    trace = to_trace(row(MENDED[mend]), "train-1", report)
    assert report.repaired == [("train-1", mend)]
    assert from_trace(trace) == row(ANSWER)


def test_two_faults_are_two_mends():
    report = Report()
    text = ANSWER.replace(" </SUMMARY>", "").replace("<REASONING> ", "")
    assert from_trace(to_trace(row(text), "train-1", report)) == row(ANSWER)
    assert len(report.repaired) == 2


DUE = "<SUMMARY> </SUMMARY> <CAPTION> </CAPTION> <REASONING> </REASONING> <CONCLUSION> </CONCLUSION>"
REFUSED = {
    "no stages": ("A cat.", f"its tags are none; expected {DUE}"),
    "a stage missing": (
        ANSWER.replace("<CAPTION> A chart of births. </CAPTION>", ""),
        f"its tags are {DUE.replace('<CAPTION> </CAPTION> ', '')}; expected {DUE}",
    ),
    "a stage twice": (
        f"<SUMMARY> No. </SUMMARY> {ANSWER}",
        f"its tags are <SUMMARY> </SUMMARY> {DUE}; expected {DUE}",
    ),
    "opened twice with words between": (
        ANSWER.replace("<CAPTION>", "<CAPTION> A chart. <CAPTION>"),
        f"its tags are {DUE.replace('<CAPTION>', '<CAPTION> <CAPTION>')}; expected {DUE}",
    ),
    "two stages run into one": (
        ANSWER.replace(" </SUMMARY>\n\n<CAPTION>", ""),
        f"its tags are {DUE.replace('</SUMMARY> <CAPTION> ', '')}; expected {DUE}",
    ),
    "order": (
        "<CAPTION> b </CAPTION> <SUMMARY> a </SUMMARY> <REASONING> c </REASONING> <CONCLUSION> d </CONCLUSION>",
        "its tags are <CAPTION> </CAPTION> <SUMMARY> </SUMMARY> <REASONING> </REASONING> <CONCLUSION> </CONCLUSION>; "
        f"expected {DUE}",
    ),
    "cut off": (f"{PLAN} <REASONING> The last", f"its tags are {DUE[:53]}; expected {DUE}"),
    "cut off in the conclusion": (
        f"{THOUGHT} <CONCLUSION> 14",
        "its CONCLUSION is not closed, so it may be cut off; expected </CONCLUSION> behind it",
    ),
    "empty conclusion": (ANSWER.replace(" 140 <", " <"), "its CONCLUSION is empty"),
    "words outside": (f"Sure! {ANSWER}", "words stand outside the stages: 'Sure!'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_another_answer_is_refused_and_nothing_noted(name):
    text, why = REFUSED[name]
    report = Report()
    with pytest.raises(Refused) as refused:
        to_trace(row(ANSWER, text), "train-1", report)
    assert str(refused.value) == f"turn 2: {why}"
    assert report.repaired == []


def test_a_trace_without_the_three_stages_is_refused():
    def answered(thought, answer="140"):
        step = Step(output=PlannerOutput(thought=thought, answer=answer))
        return Trace(id="mine", turns=(Turn(request="How many?", steps=(step,), answer=answer),))

    assert from_trace(answered(THOUGHT))["conversations"][1]["value"] == ANSWER
    with pytest.raises(Refused) as refused:
        from_trace(answered("The last bar."))
    assert str(refused.value) == (
        f"an answer cannot be written in stages: its tags are <CONCLUSION> </CONCLUSION>; expected {DUE}"
    )
    with pytest.raises(Refused) as refused:
        from_trace(answered(THOUGHT, " 140"))
    assert (
        str(refused.value) == "an answer cannot be written in stages: its conclusion ' 140' begins or ends with space"
    )
