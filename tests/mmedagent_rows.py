"""A row in the form of MMedAgent that the tests of its format are about."""

import json

from agent import Trace
from tool_data.formats.base import Report
from tool_data.formats.mmedagent import from_trace, to_trace

GOOD = '[{"API_name": "grounding dino", "API_params": {"image": "<imagepath>", "prompts": ["cell"]}}]'


def assist(actions=GOOD, opening='"thoughts🤔"', gap=" "):
    return f'{opening}Use the detector.\n"actions🚀"{gap}{actions}\n"value👉"One moment.'


def row(**changed):
    usual = {
        "question_id": 7,
        "type": "dino_cell",
        "image": "a.jpg",
        "pre_text": "Count the cells ",
        "assist": assist(),
        "text": "grounding dino output: {'phrases': ['cell']}\n\nAnswer my first question: Count the cells",
        "fig_caption": None,
    }
    return {key: value for key, value in (usual | changed).items() if value is not None}


def back(found):
    """Import and export a row; it comes back to the byte."""
    report = Report()
    trace = to_trace(found, "m-1", report)
    assert json.dumps(from_trace(trace)) == json.dumps(found)
    assert to_trace(from_trace(trace), "m-1", Report()) == trace
    assert Trace.from_json(trace.to_json()) == trace
    return trace, [mend for _, mend in report.repaired]
