"""Search the settings of one arm: ``python -m stages.tune <arm>``."""

from pathlib import Path

from pipeline.files import write_csv, write_json
from pipeline.params.file import read_params
from pipeline.stage import run_stage
from pipeline.tuning.arm_search import ArmSearch
from pipeline.tuning.criteria import choose


def main(arm: str) -> str:
    """Write what was searched, its trials, and the scores of every image by each of them."""
    params = read_params()
    params.check_arm(arm, "tune")
    trials, scores = ArmSearch(params, arm, Path(".cache/tuning") / arm).run()
    folder = Path("reports/arms") / arm / "tuning"
    write_json(folder / "search.json", params.tune[arm].searched)
    write_csv(folder / "trials.csv", trials)
    write_csv(folder / "scores.csv", scores)
    return (
        f"{arm}: {len(trials)} trials, number {choose(trials)['weakly_supervised']} is chosen; `make adopt ARM={arm}`"
    )


if __name__ == "__main__":
    run_stage(main)
