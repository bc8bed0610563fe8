"""Score new images with a trained model, and say what the scores mean.

MODEL is a model's file, such as data/models/demo_xrays/dpa/seed-0/model.pt, and all that is needed beside the images:
how they are prepared and which scores held-out normals have stands in it. Results are results.csv, run.json,
report.html and pictures; of whole slides, which a model of slides takes, a folder for each.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.compute.device import Workplace, prepare_device
from pipeline.compute.workers import worker_count
from pipeline.data.slides.reading import POSSIBLE_MICRONS
from pipeline.errors import PipelineError
from pipeline.evaluation.calibration import fewest_normals
from pipeline.files import remove
from pipeline.params.compute import Compute
from pipeline.scoring.images import score_images
from pipeline.scoring.inputs import Input, find_inputs
from pipeline.scoring.model import Model, read_model
from pipeline.scoring.page import write_page
from pipeline.scoring.results import PARTS, begin, facts_of, with_q, write_results
from pipeline.scoring.slides import NO_P, facts_of_slides, score_slides, told_apart

ALL, SOME, NONE = 0, 3, 1


def main(words: Sequence[str]) -> int:
    """Score what is named.

    Returns:
        0 if all inputs were scored, 3 if some were not, 1 if none was.

    Raises:
        PipelineError: If the model, the folder of the results or what is named is not right.
    """
    arguments = _parser().parse_args(words)
    if not 0 < arguments.alpha < 1:
        raise PipelineError(f"--alpha is {arguments.alpha:g}, but a share of normals lies between 0 and 1")
    least, most = POSSIBLE_MICRONS
    if (given := arguments.microns_per_pixel) is not None and not least <= given <= most:
        raise PipelineError(f"--microns-per-pixel is {given:g}, but slides have {least:g} to {most:g} µm/px")
    compute = Compute(
        device=arguments.device, threads=1, processes=1, memory=6.0, compile=False, workers=arguments.workers, trials=1
    )
    place = Workplace(prepare_device(compute))
    model = read_model(arguments.model, place, arguments.weights)
    slides, pictures = told_apart(find_inputs(arguments.inputs, arguments.recursive), model)
    inputs = sorted([*slides, *pictures], key=lambda one: one.name)
    if arguments.dry_run:
        print(f"{len(inputs)} inputs would be scored by {_named(model)}", *(one.name for one in inputs[:20]), sep="\n")
        return ALL
    begin(arguments.out, model)
    table = with_q(_scored(model, slides, pictures, arguments, worker_count(compute)))
    facts = facts_of(model, place, table, arguments.alpha)
    if slides:
        facts["slides"] = facts_of_slides(model, arguments.alpha)
    write_page(arguments.out, table, facts, model)
    write_results(arguments.out, table, facts)
    remove(arguments.out / PARTS)
    print(*_summary(table, arguments.alpha, model, arguments.out), sep="\n")
    failed = (table["status"] != "ok").sum()
    return NONE if failed == len(table) else SOME if failed else ALL


def _scored(
    model: Model, slides: Sequence[Input], pictures: Sequence[Input], arguments: argparse.Namespace, workers: int
) -> pd.DataFrame:
    """Score slides and pictures, each in its way; the rows are in the order of their names."""
    alpha, out = arguments.alpha, arguments.out
    tables = [score_images(model, pictures, alpha, arguments.maps, out, workers)] if pictures else []
    tables += [score_slides(model, slides, alpha, arguments.microns_per_pixel, out, workers)] if slides else []
    return pd.concat(tables).sort_values("name", ignore_index=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline score", description=__doc__)
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model's file")
    parser.add_argument(
        "inputs", type=Path, nargs="+", metavar="INPUT", help="images, slides, folders, CSVs with a column path"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the results")
    parser.add_argument("--recursive", action="store_true", help="look into folders inside of folders")
    parser.add_argument("--alpha", type=float, default=0.05, help="share of normals that may be flagged (%(default)s)")
    parser.add_argument("--maps", choices=["none", "flagged", "all"], default="flagged", help="which maps are drawn")
    parser.add_argument("--microns-per-pixel", type=float, metavar="UM", help="of slides that do not state theirs")
    parser.add_argument("--weights", metavar="FILE", help="weights of the model's backbone, if they are not to be had")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto")
    parser.add_argument("--workers", type=int, default=2, help="processes that read files (%(default)s)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be scored")
    return parser


def _named(model: Model) -> str:
    return f"{model.name} ({model.preparation.image}s), calibrated on {len(model.calibration.normals)} normals"


def _summary(table: pd.DataFrame, alpha: float, model: Model, out: Path) -> list[str]:
    failed = table[table["status"] != "ok"]
    scored = len(table) - len(failed)
    lines = [f"{scored} of {len(table)} inputs scored by {_named(model)}; {table['flagged'].sum()} flagged"]
    lines += [f"not scored: {reason}" for reason in failed["reason"][:5]]
    lines += [f"and {len(failed) - 5} more, see results.csv"] if len(failed) > 5 else []
    if (needed := fewest_normals(alpha)) > len(model.calibration.normals):
        there = len(model.calibration.normals)
        lines.append(
            f"nothing can be flagged at {alpha:g}: that takes {needed} held-out normals, and there are {there}"
        )
    lines += [NO_P] if "views" in table and table["views"].notna().any() else []
    return [*lines, f"open {out / 'report.html'}"]
