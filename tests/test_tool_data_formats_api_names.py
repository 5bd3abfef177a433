"""LLaVA-Plus's tools as our skills: only where the same call comes back."""

import pytest

from tests.llava_plus_records import action, back, extra, one


@pytest.mark.parametrize(
    ("call", "name", "args", "kept"),
    [
        (action("grounding_dino", caption="frisbee ."), "detect", {"objects": ["frisbee"]}, {}),
        (action("grounding_dino", caption="a dog . cat ."), "detect", {"objects": ["a dog", "cat"]}, {}),
        (action("grounding_dino", caption="the cat."), "detect", {"objects": ["the cat"]}, {"join": [" . ", "."]}),
        (action("grounding_dino", caption="dog. cat"), "detect", {"objects": ["dog", "cat"]}, {"join": [". ", ""]}),
        (action("grounding_dino", caption="cat", box_threshold=0.3), "grounding_dino", None, {}),
        (action("grounding_dino", caption="cat..dog"), "grounding_dino", None, {}),
        (
            action("grounding dino", image="<imagepath>", prompts=["x"]),
            "detect",
            {"image": "img_1", "objects": ["x"]},
            {},
        ),
        (action("grounding dino", prompts=["x"]), "detect", {"objects": ["x"]}, {"name": "grounding dino"}),
        (action("grounding dino", image="b.jpg", prompts=["x"]), "grounding dino", None, {}),
        (action("sam", boxes=[[0, 0.1, 1, 1]]), "segment", {"regions": [[0, 0.1, 1, 1]]}, {}),
        (action("sam", points=[[0.5, 0.5]]), "segment", {"regions": [[0.5, 0.5]]}, {}),
        (action("sam", points=[[0.5, 0.5]], point_labels=[0]), "sam", None, {}),
        (action("sam", boxes=[[10, 20, 30, 40]]), "sam", None, {}),
        (action("openseed"), "segment_scene", {}, {}),
        (action("ram"), "tag", {}, {}),
        (action("blip2"), "caption", {}, {}),
        (action("easyocr"), "read_text", {}, {}),
        (action("ocr"), "read_text", {}, {"name": "ocr"}),
        (action("stable-diffusion", prompt="a cat"), "generate", {"prompt": "a cat"}, {}),
        (action("sd", prompt="a cat"), "generate", {"prompt": "a cat"}, {"name": "sd"}),
        (action("instruct-pix2pix", prompt="snow"), "edit", {"instruction": "snow"}, {}),
        (action("ip2p", prompt="snow"), "edit", {"instruction": "snow"}, {"name": "ip2p"}),
        (action("inpainting", prompt="snow"), "inpainting", None, {}),
        (action("controlnet", prompt={"caption": "x"}), "controlnet", None, {}),
        (action("ram+grounding_dino"), "ram+grounding_dino", None, {}),
        (action("semantic_sam", point=[[0.1, 0.2]]), "semantic_sam", None, {}),
        (action("seem"), "seem", None, {}),
    ],
)
def test_tools_are_our_skills_where_that_has_an_inverse(call, name, args, kept):
    trace = back(one(call))
    made = trace.turns[0].steps[0].output.calls[0]
    assert (made.name, made.args) == (name, call["API_params"] if args is None else args)
    assert extra(trace, "calls") == ({"call_1": kept} if kept else {})
