"""Search the settings of arms, and go on after an interruption.

Arms are prepared first; the tables go to reports/arms/<arm>/tuning and into the report.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence

import pandas as pd

from pipeline.arms import Arm, read_arm
from pipeline.errors import PipelineError
from pipeline.files import write_csv, write_json, write_text
from pipeline.layout import SCRATCH, results, tuning
from pipeline.params.file import Params, read_params
from pipeline.reporting.tables import joined
from pipeline.reporting.tuning import plot_few_anomalies, tuning_section
from pipeline.tuning.adopting import check_searched
from pipeline.tuning.arm_search import ArmSearch
from pipeline.tuning.criteria import choose, choose_by_own_loss
from pipeline.tuning.few_anomalies import few_anomalies, test_areas, test_interval
from pipeline.tuning.space import Space
from pipeline.tuning.tables import read_scores, read_trials


def main(words: Sequence[str]) -> int:
    """Search the named arms, write what came out, and bring the report up to date.

    Raises:
        PipelineError: If an arm has no search or nothing prepares it, or its space is impossible.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline tune", description=__doc__)
    parser.add_argument("arms", nargs="+", metavar="arm")
    parser.add_argument("--show", action="store_true", help="search nothing: draw again from the tables that are there")
    arguments = parser.parse_args(words)
    params, arms = read_params(), [read_arm(arm) for arm in arguments.arms]
    for arm in arms:
        if arm.name not in params.arms.prepared:
            raise PipelineError(
                f"params.yaml: {arm.name!r} is in no list of arms: add it to that of its kind, or choose from "
                f"{', '.join(params.arms.prepared)}"
            )
        Space(arm, params.compute)
    if not arguments.show:
        _dvc("repro", *(f"{arm.data.prepared_by}@{arm.name}" for arm in arms))
        for arm in arms:
            search(arm, params)
    for arm in arms:
        show(arm, params)
    untested = [arm for arm in params.arms.train if not (results(arm) / "metrics.json").is_file()]
    if untested:
        for arm in arms:
            print(f"{tuning(arm.name)}/section.md says what came out")
        print(f"`dvc repro` puts it into the report, which needs the training and test of {joined(untested)}")
    else:
        _dvc("repro", "--single-item", "check_params", "report")
    return 0


def search(arm: Arm, params: Params) -> None:
    """Write what is searched, its trials, and the scores of every image by each of them."""
    trials, scores = ArmSearch(params, arm, SCRATCH / "tuning" / arm.name).run()
    folder = tuning(arm.name)
    write_json(folder / "search.json", arm.search.searched)
    write_csv(folder / "trials.csv", trials)
    write_csv(folder / "scores.csv", scores)
    chosen = choose(trials)["weakly_supervised"]
    print(f"{arm.name}: {len(trials)} trials, number {chosen} is chosen; `make adopt ARM={arm.name}`", flush=True)


def show(arm: Arm, params: Params) -> None:
    """Write figure 5 of the paper as table and picture, the test figures of all trials, and a section of the report.

    Raises:
        PipelineError: If the tables are missing, damaged or of another search.
    """
    settings, folder = arm.search, tuning(arm.name)
    check_searched(folder / "search.json", arm)
    trials, scores = read_trials(folder / "trials.csv", arm.name), read_scores(folder / "scores.csv", arm.name)
    few, tested = few_anomalies(scores, settings.few_anomalies, settings.seed), test_areas(scores)
    chosen = choose(trials)
    by_loss = tested[chosen["unsupervised"]] if "unsupervised" in chosen else None
    write_csv(folder / "few_anomalies.csv", few)
    write_csv(folder / "tests.csv", pd.DataFrame(tested.items(), columns=["trial", "test_roc_auc"]).round(6))
    plot_few_anomalies(folder / "few_anomalies.png", arm.name, few, tested, by_loss)
    named = {*chosen.values(), *choose_by_own_loss(trials).values()}
    intervals = {trial: test_interval(scores, trial, params.compute_metrics) for trial in named}
    write_text(folder / "section.md", tuning_section(arm.name, trials, tested, intervals, settings))


def _dvc(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "dvc", *words], check=False)  # noqa: S603
    if done.returncode:
        sys.exit(done.returncode)
