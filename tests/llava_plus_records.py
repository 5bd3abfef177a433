"""Records of LLaVA-Plus that the tests of its format are about."""

import json

import pytest

from agent import Trace
from tool_data.formats.base import Refused, Report, take
from tool_data.formats.llava_plus import FORMAT, from_trace, to_trace

ASK = "Using the provided boxes as a visual guide, please segment the objects.\nThe input boxes are: "
BOXES = [[0.0, 0.52, 0.1, 0.67]]
SWAP = "How can I replace the segmented banana with broccoli in the masked region?"
WAIT = "I will use {} to help to answer the question. Please wait for a moment."
TAIL = "\n\nsummarize the model outputs and answer my first answer: "


def human(value):
    return {"from": "human", "value": value}


def gpt(thoughts, actions, value):
    return {"from": "gpt", "thoughts": thoughts, "actions": actions, "value": value}


def action(name, **params):
    return {"API_name": name, "API_params": params}


def record():
    """The published record: two requests, two tools."""
    done = "{'message': 'The %s has processed the image.'}"
    broccoli = "A pan of cooked potatoes and broccoli on a metal rack."
    return {
        "image_id": 436407,
        "data_source": "coco",
        "image": "000000436407.jpg",
        "unique_id": "1699545382.4288898",
        "conversations": [
            human(f"<image>\n{ASK}{BOXES}"),
            gpt(
                "SAM will assist in executing object segmentation for these input boxes.",
                [action("sam", boxes=BOXES)],
                WAIT.format("sam"),
            ),
            human(f"sam model outputs: {done % 'SAM'}{TAIL}{ASK}{BOXES}"),
            gpt("Thanks to the output of sam. I can answer the question better.", [], "Certainly! See below."),
            human(SWAP),
            gpt(
                "To complete the task, I require the stable diffusion inpainting model.",
                [action("inpainting", prompt=broccoli)],
                WAIT.format("inpainting"),
            ),
            human(f"inpainting model outputs: {done % 'Inpainting'}{TAIL}{SWAP}"),
            gpt("Thanks to the output of inpainting.", [], "Certainly! I completed the task …"),
        ],
    }


def one(call, result="{'tags': 'cat'}", asked=None, between="model outputs", tail=TAIL, request="What is here?"):
    """A record of one request and one call."""
    return {
        "id": "x",
        "image": "a.jpg",
        "conversations": [
            human(f"<image>\n{request}"),
            gpt("t", [call], WAIT.format(call["API_name"])),
            human(f"{call['API_name']} {between}: {result}{tail}{request if asked is None else asked}"),
            gpt("Thanks", [], "A cat."),
        ],
    }


def back(row):
    """Import and export a row; it comes back to the byte, and its Trace from the exported row too."""
    report = Report()
    trace = to_trace(row, "x-1", report)
    written = from_trace(trace)
    assert json.dumps(written) == json.dumps(row)
    assert json.dumps(written, separators=(",", ":")) == json.dumps(row, separators=(",", ":"))
    assert to_trace(written, "x-1", Report()) == trace
    assert Trace.from_json(trace.to_json()) == trace
    assert not report.repaired
    return trace


def extra(trace, kind):
    assert trace.meta.origin is not None
    return trace.meta.origin.extra.get(kind, {})


def refusal(row):
    report = Report()
    with pytest.raises(Refused) as refused:
        take(FORMAT, row, "x-1", report)
    assert not report.repaired
    return str(refused.value)
