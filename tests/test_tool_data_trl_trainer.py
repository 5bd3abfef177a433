"""An exported set under TRL's SFTTrainer: nothing of the offer, the calls or the results is missing, and what is
trained is what the planner wrote and its end."""

import json

import pytest

from agent import Agent, Chat
from agent.cli import main
from agent.messages import family_template
from agent.planners.scripted import ScriptedPlanner
from skills import Picture
from skills.store import Store
from tests import tiny

OFFER = ("rotate", "blur", "read_code", "calculate")

CHATS = [
    ("hide that corner and tell me 2 + 3", [
        [{"name": "blur", "args": {"regions": [0, 0, 0.5, 0.5]}}, {"name": "calculate", "args": {"expression": "2+3"}}],
        "Here: [img_2], it makes [num_1]",
    ]),
    ("¿qué pone aquí?", [{"name": "read_code", "args": {}}, "Nada que pueda leer </s>."]),
    ("turn it and hide the whole", [
        {"name": "rotate", "args": {"degrees": 90}}, {"name": "blur", "args": {"regions": "boxes_9"}},
        "That did not work: [call_2.error]",
    ]),
]  # fmt: skip


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Chats that ran, exported as a user does it; (rows, folder of their payloads)."""
    folder = tmp_path_factory.mktemp("trl")
    with (folder / "chats.jsonl").open("w", encoding="utf-8") as file:
        for number, (request, lines) in enumerate(CHATS):
            chat = Chat(Agent(ScriptedPlanner(lines), offer=OFFER), store=Store(folder / "chats.store"))
            chat.ask(request, [Picture.from_image(_picture(number))])
            file.write(chat.trace.to_json() + "\n")
    assert main(["data", "export", "trl", str(folder / "chats.jsonl"), str(folder / "rows.jsonl")]) == 0
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()], folder / "chats.store"


def _picture(number):
    from PIL import Image

    return Image.new("RGB", (60, 40), (40 * number, 90, 20))


@pytest.mark.slow
def test_one_step_under_trl_sees_all_and_trains_the_planners_words(rows, tmp_path):
    import torch
    from datasets import Dataset, Image, List
    from transformers import AutoProcessor, LlavaForConditionalGeneration
    from trl import SFTConfig, SFTTrainer

    told, payloads = rows
    checkpoint = tiny.save(tmp_path / "llava", slots=False)
    model, processor = (
        LlavaForConditionalGeneration.from_pretrained(checkpoint),
        AutoProcessor.from_pretrained(checkpoint),
    )
    processor.chat_template = processor.tokenizer.chat_template = family_template("vicuna")
    table = Dataset.from_list([{**row, "images": [str(payloads / name) for name in row["images"]]} for row in told])
    options = SFTConfig(
        output_dir=str(tmp_path / "out"), max_steps=1, per_device_train_batch_size=len(told), assistant_only_loss=True,
        max_length=None, report_to=[], use_cpu=True, bf16=False, gradient_checkpointing=False, learning_rate=1e-2,
        save_strategy="no",
    )  # fmt: skip
    trainer = SFTTrainer(
        model, options, train_dataset=table.cast_column("images", List(Image())), processing_class=processor
    )
    batch = next(iter(trainer.get_train_dataloader()))
    tokenizer = processor.tokenizer
    texts = [
        tokenizer.decode(ids[mask.bool()])
        for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
    ]
    trained = [
        tokenizer.decode(ids[labels != -100]) for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True)
    ]
    for row in told:
        (at,) = [n for n, text in enumerate(texts) if _said(row["messages"][1]) in text]
        for part in _parts(row):
            assert part in texts[at]
        assert trained[at] == "".join(
            _said(m) + _called(m) + "<end>" for m in row["messages"] if m["role"] == "assistant"
        )
        assert texts[at].count("<image>") == 9 * len(row["images"])
    before = model.lm_head.weight.detach().clone()
    assert trainer.train().training_loss > 0
    assert not torch.equal(before, model.lm_head.weight)


def _said(message):
    return "".join(part.get("text", "") for part in message["content"] or ())


def _called(message):
    return "".join(
        f'<tool_call>{{"name": "{call["function"]["name"]}", "arguments": {call["function"]["arguments"]}}}</tool_call>'
        for call in message.get("tool_calls") or ()
    )


def _parts(row):
    """Every offered skill whole, every call with its arguments, every result."""
    yield from (json.dumps(tool, ensure_ascii=False) for tool in json.loads(row["tools"]))
    yield from (_called(message) for message in row["messages"])
    yield from (_said(message) for message in row["messages"] if message["role"] == "tool")
