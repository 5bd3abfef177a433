"""The skill `tag`: the words of a vocabulary that fit the picture, by the model the profile chose."""

from pathlib import Path

import numpy as np

from ..context import Context
from ..errors import SkillError
from ..spec import SkillResult, skill
from ..values import Line, Picture, Text
from ._tag_siglip import SIGLIP

VOCABULARY = Path(__file__).with_name("tags.txt")
"""The package's own vocabulary: things, places, weather, doings, materials, colours, kinds of picture."""


@skill(examples=["give me keywords for this photo", "¿qué etiquetas le pondrías?"], implementations=[SIGLIP])
def tag(image: Picture, *, ctx: Context) -> SkillResult:
    """List tags or keywords for the picture.

    Returns Text in the picture's frame, one tag a line with its score 0-1, best first, no boxes. Tags come from the
    profile's `vocabulary`. Where none reaches the profile's `threshold` the Text is empty and a note names the best
    there was. Raises SkillError for a vocabulary that cannot be used.
    """
    words = vocabulary(ctx.setting("vocabulary"))
    scores: np.ndarray = ctx.run(image, words)
    least, most = ctx.setting("threshold"), ctx.setting("most")
    order = [int(i) for i in np.argsort(-scores, kind="stable")]
    kept = [i for i in order if scores[i] >= least][:most]
    lines = tuple(Line(text=words[i], score=round(float(scores[i]), 4)) for i in kept)
    best = order[0]
    note = "" if kept else f"nothing found at {least:g}; best {scores[best]:.2g} {words[best]!r}"
    return SkillResult(values=(Text(lines=lines, frame=image.frame),), note=note)


def vocabulary(named: str = "") -> tuple[str, ...]:
    """Return the words of a vocabulary file, each once, in its order; "" names the package's own.

    One a line; lines that begin with # are left out. Raises SkillError where the file is not there, is no UTF-8 text,
    or names nothing.
    """
    path = Path(named).expanduser() if named else VOCABULARY
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "") if isinstance(error, OSError) else "it is no UTF-8 text"
        raise SkillError(f"the vocabulary {named!r} cannot be read: {reason}; {_MEND}") from None
    lines = (" ".join(line.split()) for line in text.splitlines())
    words = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not words:
        raise SkillError(f"the vocabulary {named!r} names no tag; {_MEND}")
    return words


_MEND = "expected a text file with one tag a line; correct `vocabulary` in the profile's [skills.tag]"
