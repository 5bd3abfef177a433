"""The skill `moderate`: whether a picture is safe to show, by the classifier the profile chose."""

from ..context import Context
from ..spec import skill
from ..values import Line, Picture, Text
from ._moderate_classifier import CLASSIFIER, Judged

MOST = 10
"""Labels named beside the verdict."""


@skill(examples=["is this picture safe for work?", "¿se puede publicar esta foto?"], implementations=[CLASSIFIER])
def moderate(image: Picture, *, ctx: Context) -> Text:
    """Check whether the picture is safe: nudity, violence, unsafe content.

    Returns Text in the picture's frame: first the verdict, "safe: unsafe content 0.03, counts from 0.5" or "unsafe:
    ...", its score how sure that is; then the classifier's labels with their scores 0-1, best first. Only what the
    classifier was trained on is seen. Raises SkillError where the profile's `unsafe` names none of its labels.
    """
    judged: Judged = ctx.run(image)
    least = ctx.setting("threshold")
    bad = judged.unsafe >= least
    verdict = f"{'unsafe' if bad else 'safe'}: unsafe content {judged.unsafe:.2f}, counts from {least:g}"
    lines = [Line(text=verdict, score=round(judged.unsafe if bad else 1 - judged.unsafe, 4))]
    order = sorted(range(len(judged.labels)), key=lambda i: -judged.scores[i])[:MOST]
    lines += [Line(text=f"{judged.labels[i]} {judged.scores[i]:.2f}", score=round(judged.scores[i], 4)) for i in order]
    return Text(lines=tuple(lines), frame=image.frame)
