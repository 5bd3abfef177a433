"""Rows with faults planted in them, one function a kind: it changes a row's JSON and returns what must be said."""

import random


def steps(row):
    return [step for turn in row["turns"] for step in turn["steps"]]


def calls(row):
    return [(step, call) for step in steps(row) for call in step["output"]["calls"]]


def of_kind(row, kind):
    return [name for name, record in row["artifacts"].items() if record["kind"] == kind]


class Nowhere(Exception):
    """There is no place in this row for the fault."""


def some(items, rng):
    items = sorted(items) if isinstance(items, set) else list(items)
    if not items:
        raise Nowhere
    return rng.choice(items)


def unknown_skill(row, rng, skills):
    _, call = some(calls(row), rng)
    call["name"] = f"no_such_{call['name']}"
    return f"unknown skill {call['name']!r}"


def offered_twice(row, rng, skills):
    name = some(row["meta"]["offer"], rng)
    row["meta"]["offer"].append(name)
    return f"the offer names {name!r} 2 times"


def refused_arguments(row, rng, skills):
    _, call = some(calls(row), rng)
    call["args"] = {**call["args"], "nonsense": 1}
    return "arguments refused: 'nonsense'"


def missing_argument(row, rng, skills):
    known = {skill.name: skill for skill in skills}
    found = [
        (call, p.name) for _, call in calls(row) for p in known[call["name"]].params if p.required and not p.filled
    ]
    call, name = some(found, rng)
    del call["args"][name]
    return f"arguments refused: {name!r}"


def ids(row, skills, kinds=("region", "regions", "picture")):
    known = {skill.name: skill for skill in skills}
    return [
        (call, p.name)
        for _, call in calls(row)
        for p in known[call["name"]].params
        if p.kind in kinds and isinstance(call["args"].get(p.name), str)
    ]


def id_of_nothing(row, rng, skills):
    call, name = some(ids(row, skills), rng)
    call["args"][name] = call["args"][name].partition("_")[0] + "_99"
    return f"{call['args'][name]!r} does not exist; there is"


def id_too_early(row, rng, skills):
    """A call names what it will make itself, or what comes later."""
    at = {call["id"]: n for n, (_, call) in enumerate(calls(row))}
    found = [
        (call, name, later)
        for call, name in ids(row, skills, ("region", "regions"))
        for later, record in row["artifacts"].items()
        if record["kind"] in ("boxes", "masks", "text") and at.get(record["source"], -1) >= at[call["id"]]
    ]
    call, name, later = some(found, rng)
    call["args"][name] = later
    return f"{later!r} does not exist yet"


def other_frame(row, rng, skills):
    """A second picture is given at the start, and a call is made on it with the first one's region."""
    known = {skill.name: skill for skill in skills}
    found = [(c, n) for c, n in ids(row, skills, ("region", "regions")) if known[c["name"]].param("image")]
    call, _ = some(found, rng)
    give(row, "img_77")
    call["args"]["image"] = "img_77"
    return "in the frame of"


def mixed_frames(row, rng, skills):
    call, name = some(ids(row, skills, ("regions",)), rng)
    region = call["args"][name]
    give(row, "img_77")
    boxes = [record for record in row["artifacts"].values() if record["kind"] == "boxes"]
    row["artifacts"]["boxes_77"] = {**some(boxes, rng), "frame": "img_77", "source": "user"}
    row["turns"][0]["marks"].append("boxes_77")
    call["args"][name] = [region, "boxes_77"]
    return "regions in different frames"


def give(row, name):
    first = some([record for record in row["artifacts"].values() if record["kind"] == "picture"][:1], random)
    row["artifacts"][name] = {**first, "frame": name, "source": "user", "view": False}
    row["turns"][0]["images"].append(name)


def no_call(row, rng, skills):
    step, _ = some(calls(row), rng)
    step["observations"].append({**step["observations"][0], "tool_call_id": "call_999", "artifacts": [], "data": {}})
    return "call_999: an observation without its call"


def no_observation(row, rng, skills):
    step, call = some(calls(row), rng)
    step["observations"] = [seen for seen in step["observations"] if seen["tool_call_id"] != call["id"]]
    return f"{call['id']}: a call without observation"


def observed_twice(row, rng, skills):
    step, call = some(calls(row), rng)
    step["observations"].append(step["observations"][0])
    return f"{call['id']}: 2 observations of one call"


def same_call_id(row, rng, skills):
    if len(calls(row)) < 2:
        raise Nowhere
    (_, one), (second, other) = rng.sample(calls(row), 2)
    other["id"] = one["id"]
    second["observations"][0]["tool_call_id"] = one["id"]
    return f"{one['id']}: the call id is used twice"


def unmade(row, rng, skills):
    record = some(row["artifacts"].values(), rng)
    kind, prefix = some([("boxes", "boxes"), ("picture", "img"), ("text", "text")], rng)
    row["artifacts"][f"{prefix}_88"] = {**record, "kind": kind}
    return f"{prefix}_88: made by no observation and not given by the user"


def forgotten_picture(row, rng, skills):
    turn = some([turn for turn in row["turns"] if turn["images"]], rng)
    name = turn["images"].pop()
    return f"{name}: made by no observation and not given by the user"


def other_maker(row, rng, skills):
    name = some(row["artifacts"], rng)
    row["artifacts"][name]["source"] = "call_998"
    return f"{name}: its source is 'call_998', but it came from"


def unlisted(row, rng, skills):
    step, _ = some([item for item in calls(row) if item[0]["observations"][0]["artifacts"]], rng)
    name = some(step["observations"][0]["artifacts"], rng)
    del row["artifacts"][name]
    return f"the observation names {name!r}, which is not in the table of artifacts"


def unlisted_picture(row, rng, skills):
    name = some([name for turn in row["turns"] for name in turn["images"]], rng)
    del row["artifacts"][name]
    return f"the user gave {name!r}, which is not in the table of artifacts"


def cites_nothing(row, rng, skills):
    output = some(row["turns"], rng)["steps"][-1]["output"]
    cited = some(["text_95", "boxes_95.count", "call_995.error", "boxes_95[0].label", "num_95"], rng)
    output["answer"] += f" [{cited}]"
    return f"the answer cites {cited!r}, which does not exist"


def cites_later(row, rng, skills):
    """An early answer cites what only a later turn makes."""
    early, late = row["turns"][0], row["turns"][-1]
    if early is late:
        raise Nowhere
    name = some([n for step in late["steps"] for seen in step["observations"] for n in seen["artifacts"]], rng)
    early["steps"][-1]["output"]["answer"] += f" [{name}]"
    return f"turn 1: the answer cites {name!r}, which does not exist"


def no_answer(row, rng, skills):
    turn = some(row["turns"], rng)
    turn["steps"].pop()
    turn["answer"], turn["citations"] = "", []
    return f"stop_reason is {turn['stop_reason']!r} without an answer"


def blank_answer(row, rng, skills):
    turn = some(row["turns"], rng)
    turn["answer"], turn["citations"] = " ", []
    return f"stop_reason is {turn['stop_reason']!r} and the answer is empty"


def answer_after_all(row, rng, skills):
    turn = some(row["turns"], rng)
    turn["stop_reason"] = some(["step_limit", "context_full", "planner_error", None], rng)
    return f"the turn holds an answer, but its stop_reason is {turn['stop_reason']!r}"


def empty_request(row, rng, skills):
    some(row["turns"], rng)["request"] = some(["", " ", "\n\t"], rng)
    return "the request is empty"


def cited_turn(row, rng):
    return some([turn for turn in row["turns"] if turn["citations"]], rng)


def outside(row, rng, skills):
    turn = cited_turn(row, rng)
    if rng.random() < 0.5:
        turn["citations"][-1]["end"] = len(turn["answer"]) + rng.randint(1, 50)
    else:
        turn["citations"][0]["start"] = -rng.randint(1, 9)
    return "lies outside its place"


def shifted(row, rng, skills):
    """One character short; what "[skills]" becomes depends on the program, so it is not compared."""
    turn = some([t for t in row["turns"] if t["citations"] and t["citations"][0]["ref"] != "skills"], rng)
    turn["citations"][0]["end"] -= 1
    return "not what it cites"


def retyped(row, rng, skills):
    """The answer's own words were changed after its citations were expanded."""
    turn = cited_turn(row, rng)
    turn["answer"] += " and more"
    return "the answer is not what the planner wrote with its citations expanded"


def other_citation(row, rng, skills):
    turn = cited_turn(row, rng)
    kinds = {name for name in row["artifacts"] if name != turn["citations"][0]["ref"]}
    turn["citations"][0]["ref"] = some(sorted(kinds - set(turn["citations"][0]["ref"].split("."))), rng)
    return "the answer is not what the planner wrote with its citations expanded"


def no_payload(row, rng, skills):
    name = some(of_kind(row, "picture"), rng)
    row["artifacts"][name]["sha256"] = f"{rng.getrandbits(256):064x}"
    return f"{name}: payload {row['artifacts'][name]['sha256']} is missing from"


def no_hash(row, rng, skills):
    name = some(of_kind(row, "picture"), rng)
    row["artifacts"][name]["sha256"] = rng.choice(("abc", "A" * 64, "../x"))
    return f"{name}: its sha256 {row['artifacts'][name]['sha256']!r} is no hash; expected 64 hex digits"


def no_path(row, rng, skills):
    row["meta"]["origin"] = {"format": "llava", "row": "rows-1"}
    name = some(of_kind(row, "picture"), rng)
    row["artifacts"][name]["sha256"] = ""
    return f"{name}: an imported picture without a path and without a payload"


def other_size(row, rng, skills):
    name = some(of_kind(row, "picture"), rng)
    row["artifacts"][name]["size"] = [5, 5]
    return f"{name}: its payload is 4x3, the record says 5x5"


def other_value(row, rng, skills):
    name = some(set(row["artifacts"]) - set(of_kind(row, "picture")), rng)
    picture = some([record for record in row["artifacts"].values() if record["kind"] == "picture"], rng)
    row["artifacts"][name]["sha256"] = picture["sha256"]
    return f"{name}: its payload is damaged"


def no_error(row, rng, skills):
    seen = some([seen for step in steps(row) for seen in step["observations"]], rng)
    seen["status"] = "success" if seen["status"] == "error" else "error"
    return f"{seen['tool_call_id']}: status {seen['status']!r} with "


def wrong_kind(row, rng, skills):
    name = some(set(row["artifacts"]) - set(of_kind(row, "number")), rng)
    row["artifacts"][name]["kind"] = "number"
    return f"{name}: its kind is 'number'; expected an id num_N"
