"""Judge scored test slides of Camelyon16 as its organisers do.

DIR is what `python -m pipeline score` wrote of the test slides. Figures, a page, a plot and the challenge's files go to
DIR/camelyon.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pipeline import layout
from pipeline.arms import read_arm
from pipeline.camelyon.judged import SCORED, choose_slides
from pipeline.camelyon.judging import judge
from pipeline.camelyon.page import PLOT, page_text, plot_froc
from pipeline.data.inventory import read_inventory
from pipeline.data.slides.settings import Settings
from pipeline.errors import PipelineError
from pipeline.files import given_path, md5, read_json, write_json, write_text
from pipeline.params.file import read_params
from pipeline.scoring.results import RESULTS, RUN

FOLDER = "camelyon"


def main(words: Sequence[str]) -> int:
    """Judge the slides, write what came out and print it.

    Returns:
        0 if the whole test set was judged, 3 if slides are missing.

    Raises:
        PipelineError: If the folder holds no results of test slides, or the collection cannot be read.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline camelyon", description=__doc__)
    parser.add_argument("dir", type=given_path, metavar="DIR", help="folder of the results")
    parser.add_argument("--arm", default="camelyon16", help="whose collection holds the slides (%(default)s)")
    arguments = parser.parse_args(words)
    params, arm, out = read_params(), arguments.arm, arguments.dir
    settings = read_arm(arm).data_as(Settings)
    if settings.collection.table:
        raise PipelineError(
            f"{layout.arm_file(arm)} is of a collection that {settings.collection.table} describes, "
            "which is not in Camelyon16's layout: name another arm by --arm"
        )
    root = layout.RAW / settings.collection_of(arm)
    model = _model(out / RUN)
    chosen = choose_slides(out, root, read_inventory(layout.inventory(arm)), settings.collection, arm)
    folder = out / FOLDER
    judged = judge(chosen, out, root, settings.sample_tiles, params.compute_metrics, arm, folder)
    figures = judged.figures | {"model": model, "results_md5": md5(out / RESULTS)}
    plot_froc(folder / PLOT, judged.curves)
    text = page_text(figures)
    write_text(folder / "report.md", text)
    write_json(folder / "figures.json", figures)
    print(text)
    return 3 if chosen.missing else 0


def _model(path: Path) -> dict[str, str]:
    run = read_json(path, SCORED)
    if missing := [key for key in ("detector", "model", "model_md5") if key not in run]:
        raise PipelineError(f"{path} does not say {missing[0]}: {SCORED}")
    return {"detector": run["detector"], "name": run["model"], "md5": run["model_md5"]}
