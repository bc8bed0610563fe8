"""Score new images with a trained model, and say what the scores mean.

MODEL is a model's file, such as data/models/nih_sample/dpa/seed-0/calibrated.pt, and all that is needed beside the
images: how they are prepared and which scores held-out normals have stands in it. Or it is the name of an arm, whose
seeds' scores are averaged. Results are results.csv, run.json, report.html and pictures; of whole slides, which a model
of slides takes, a folder for each.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from pipeline.compute.device import Workplace, prepare_device
from pipeline.compute.workers import worker_count
from pipeline.data.slides.reading import POSSIBLE_MICRONS
from pipeline.errors import PipelineError
from pipeline.files import given_path, remove, write_csv
from pipeline.layout import MODELS
from pipeline.params.compute import Compute
from pipeline.params.file import read_params
from pipeline.scoring.ensemble import detectors_of, names_arm, read_arm
from pipeline.scoring.images import score_images
from pipeline.scoring.inputs import Input, find_inputs
from pipeline.scoring.model import Model, read_model
from pipeline.scoring.own_normals import Normals, calibrated_by
from pipeline.scoring.page import write_page
from pipeline.scoring.plan import plan_of
from pipeline.scoring.results import NORMALS, PARTS, begin, facts_of, with_q, write_results
from pipeline.scoring.slides import facts_of_slides, score_slides, told_apart
from pipeline.scoring.summary import summary

ALL, SOME, NONE = 0, 3, 1
WORKERS = 2  # where no arm is named, whose repository says how many
MOST_WORKERS = 1024


def main(words: Sequence[str]) -> int:
    """Score what is named.

    Returns:
        0 if all inputs (and named normals) were scored, 3 if some were not, 1 if no input was.

    Raises:
        PipelineError: If the model, the folder of the results or what is named is not right.
    """
    arguments = _parser().parse_args(words)
    _check(arguments)
    compute = _compute(arguments)
    workers = arguments.workers or worker_count(compute)
    place = Workplace(prepare_device(compute))
    model = _model(arguments, place)
    found = find_inputs(arguments.inputs, arguments.recursive, arguments.out)
    slides, pictures = told_apart(found, model)
    named = arguments.normals
    normals = Normals.of(find_inputs(named, arguments.recursive, arguments.out)) if named else None
    if normals:
        normals.check_apart(found)
    if arguments.dry_run:
        for line in plan_of(model, slides, pictures, normals, arguments.microns_per_pixel, workers):
            print(line, flush=True)
        return ALL
    model, unscored = _begun(model, normals, arguments, workers)
    table = with_q(_scored(model, slides, pictures, arguments, workers))
    facts = facts_of(model, place, table, arguments.alpha)
    if slides:
        facts["slides"] = facts_of_slides(model, arguments.alpha)
    write_page(arguments.out, table, facts, model)
    write_results(arguments.out, table, facts)
    remove(arguments.out / PARTS)
    print(*summary(table, facts, model, unscored, arguments.out), sep="\n")
    failed = (table["status"] != "ok").sum()
    return NONE if failed == len(table) else SOME if failed or unscored else ALL


def _check(arguments: argparse.Namespace) -> None:
    given_path(arguments.model)
    if not 0 < arguments.alpha < 1:
        raise PipelineError(f"--alpha is {arguments.alpha:g}, but a share of normals lies between 0 and 1")
    least, most = POSSIBLE_MICRONS
    if (given := arguments.microns_per_pixel) is not None and not least <= given <= most:
        raise PipelineError(f"--microns-per-pixel is {given:g}, but slides have {least:g} to {most:g} µm/px")
    if (given := arguments.workers) is not None and not 1 <= given <= MOST_WORKERS:
        raise PipelineError(f"--workers is {given}, but there can be 1 to {MOST_WORKERS} processes")
    if arguments.detector and not names_arm(arguments.model):
        raise PipelineError(
            f"--detector chooses among those of an arm, and {arguments.model} is the name of none: leave it out"
        )


def _compute(arguments: argparse.Namespace) -> Compute:
    """How wide the work runs; not by params.yaml where a model's file is all there may be."""
    workers = read_params().compute.workers if names_arm(arguments.model) else WORKERS
    return Compute(
        device=arguments.device, threads=1, processes=1, memory=6.0, compile=False, workers=workers, trials=1
    )


def _model(arguments: argparse.Namespace, place: Workplace) -> Model:
    if not names_arm(arguments.model):
        path = Path(arguments.model)
        if not path.is_file() and (path.exists() or not path.suffix):  # a folder, a pipe, or no name of a file
            arms = ", ".join(sorted(folder.name for folder in MODELS.glob("*/"))) or "none"
            raise PipelineError(
                f"{path} is neither a model's file nor an arm with models; {MODELS} has of arms: {arms}"
            )
        return read_model(path, place, arguments.weights)
    model = read_arm(arguments.model, read_params(), arguments.detector, place, arguments.weights)
    others = [name for name in detectors_of(arguments.model) if name != model.name]
    choice = f" (--detector takes another one: {', '.join(others)})" if others and not arguments.detector else ""
    print(f"taken: {model.title if model.averaged else model.path}{choice}", flush=True)
    return model


def _begun(model: Model, normals: Normals | None, arguments: argparse.Namespace, workers: int) -> tuple[Model, int]:
    """Claim the folder; return the model as named normals calibrate it, and how many of them could not be scored."""
    if not normals:
        begin(arguments.out, model, arguments.force)
        return model, 0
    model = replace(model, normals_checksum=normals.checksum)
    begin(arguments.out, model, arguments.force)
    model, table = calibrated_by(model, normals, arguments.microns_per_pixel, arguments.out, workers)
    write_csv(arguments.out / NORMALS, table)
    return model, int((table["status"] != "ok").sum())


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
    parser.add_argument("model", metavar="MODEL", help="a model's file, or an arm's name for the average of its seeds")
    parser.add_argument(
        "inputs", type=given_path, nargs="+", metavar="INPUT", help="images, slides, folders, CSVs with a column path"
    )
    parser.add_argument("--out", type=given_path, required=True, metavar="DIR", help="folder of the results")
    parser.add_argument("--recursive", action="store_true", help="look into folders inside of folders")
    parser.add_argument("--alpha", type=float, default=0.05, help="share of normals that may be flagged (%(default)s)")
    parser.add_argument("--maps", choices=["none", "flagged", "all"], default="flagged", help="which maps are drawn")
    parser.add_argument("--detector", metavar="NAME", help="of an arm; else the first of params.yaml that has models")
    parser.add_argument(
        "--normals",
        type=given_path,
        nargs="+",
        metavar="PATH",
        help="normals of your scanner or site, which calibrate p",
    )
    parser.add_argument("--microns-per-pixel", type=float, metavar="UM", help="of slides that do not state theirs")
    parser.add_argument("--weights", metavar="FILE", help="weights of the model's backbone, if they are not to be had")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto")
    parser.add_argument(
        "--workers", type=int, help="processes that read files (PIPELINE_WORKERS; compute.workers for an arm; else 2)"
    )
    parser.add_argument("--force", action="store_true", help="score again what an interrupted run has finished")
    parser.add_argument("--dry-run", action="store_true", help="say what would be scored, and in what time")
    return parser
