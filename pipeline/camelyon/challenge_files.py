"""Results in the form in which the challenge takes them, so that the organisers' own program can read them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.camelyon.candidates import Candidates
from pipeline.camelyon.judged import Judged
from pipeline.files import atomic, write_text


def write_slides(path: Path, slides: Sequence[Judged]) -> None:
    """Write a line per slide, without a header: its name and its score."""
    write_text(path, "".join(f"{slide.name},{slide.score}\n" for slide in slides))


def write_lesions(folder: Path, candidates: Mapping[str, Candidates]) -> None:
    """Write a file per slide, ``<name>.csv``, with a line per candidate, without a header: confidence, x and y.

    The organisers' program takes confidences above 0, which a score need not be. A confidence is the share of all
    candidates of all slides that score at most as high, which keeps their order.

    Args:
        folder: Where they go, replaced as a whole: the program reads whatever lies there.
        candidates: Slide to its candidates.
    """
    ranked = np.sort(np.concatenate([one.scores for one in candidates.values()]))
    with atomic(folder) as unfinished:
        unfinished.mkdir()
        for name, one in candidates.items():
            shares = (np.searchsorted(ranked, one.scores, side="right") / len(ranked)).tolist()
            lines = zip(shares, one.x.tolist(), one.y.tolist(), strict=True)
            text = "".join(f"{share},{x},{y}\n" for share, x, y in lines)
            (unfinished / f"{name}.csv").write_text(text, encoding="utf-8")
