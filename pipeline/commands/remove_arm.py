"""Remove an arm, the way back from new-arm: its file, its link below data/raw, its name in params.yaml.

Data are never removed; what stages made of them is named.
"""

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline import layout
from pipeline.arms import every_arm, read_arm
from pipeline.data.kinds import KindSettings
from pipeline.detectors import registry
from pipeline.errors import PipelineError
from pipeline.files import write_text
from pipeline.layout import PARAMS, RAW, arm_file
from pipeline.params.editing import without_entry
from pipeline.params.file import parse_params, read_params, text_of
from pipeline.reporting.plots import KINDS, plot_name, ranking_plot_name

# Where stages write to a folder of the arm's name.
ROOMS = (
    layout.INTERIM,
    layout.PREPARED,
    layout.MODELS,
    layout.RESULTS,
    layout.DATA_REPORTS,
    layout.RUNS,
    layout.SCORES,
)


def main(words: Sequence[str]) -> int:
    """Remove what makes an arm, and say what is left over of it.

    Raises:
        PipelineError: If there is no such arm, or no other one would be trained.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline remove-arm", description=__doc__)
    parser.add_argument("name")
    name = parser.parse_args(words).name
    params = read_params()
    if name not in {*every_arm(), *params.arms.prepared}:
        raise PipelineError(f"{name!r} is not an arm: choose from {', '.join(every_arm())}")
    if params.arms.train == (name,):
        raise PipelineError(
            f"{PARAMS}: arms.train names {name} alone: name another arm there, or go back to the lists that were "
            f"committed (git restore {PARAMS})"
        )
    listed = text_of(PARAMS, "run this from the repository's root")
    for kind, _ in params.arms:
        listed = without_entry(listed, f"arms.{kind}", name)
    parse_params(listed)
    data_of = {arm: _data(arm) for arm in every_arm()}
    data = data_of.pop(name, None)
    place = RAW / (data.collection_of(name) if data else name)
    readers = [arm for arm, other in data_of.items() if other and other.collection_of(arm) == place.name]
    is_copied = text_of(arm_file(name), "").startswith(f"# {name}, made from ") if arm_file(name).is_file() else False
    gone = [arm_file(name)]
    if not (data and data.generated) and name not in layout.samples():  # else a stage makes both
        gone += [layout.inventory(name), *([place] if place.is_symlink() and not readers else [])]
    gone = [path for path in gone if os.path.lexists(path)]
    words = [f"the link {path}" if path.is_symlink() else str(path) for path in gone]
    write_text(PARAMS, listed)
    for path in gone:
        path.unlink()
    print(f"removed {', '.join(words) or 'no file'}; {PARAMS} lists {name} no more")
    if place not in gone and place.exists():
        print(f"{place} stays{', since it is also of ' + ', '.join(readers) if readers else ''}")
    if not is_copied:
        print(f"if it was committed, `git restore {arm_file(name)} {PARAMS}` brings it back")
    left = [*(room / name for room in ROOMS), layout.first_look(name), *_figures(name)]
    if left := [str(path) for path in left if path.exists()]:
        print(f"what stages made of it is left over, to be removed by: {shlex.join(['rm', '-rf', *left])}")
    print("`dvc repro` makes the report without it")
    return 0


def _figures(name: str) -> list[Path]:
    """The report's plots of an arm, which lie among those of others."""
    plots = [plot_name(name, detector, kind) for detector in registry.names() for kind in KINDS]
    return [layout.REPORTS / "figures" / plot for plot in (ranking_plot_name(name), *plots)]


def _data(name: str) -> KindSettings | None:
    """The collection of an arm; None of one whose file is not right."""
    try:
        return read_arm(name).data
    except PipelineError:
        return None
