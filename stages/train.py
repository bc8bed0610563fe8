"""Train one detector on one arm with one seed: ``python -m stages.train <arm> <detector> <seed>``."""

from pipeline import layout
from pipeline.files import atomic, remove
from pipeline.one_training import GROWTH, HISTORY, MODEL, Training
from pipeline.stage import run_stage


def main(arm: str, detector: str, seed: str) -> str:
    """Write the model under data/models/, the training history and its pictures under reports/."""
    training = Training(arm, detector, int(seed))
    made = f"{training.run}: 0 iterations, it was finished before" if training.is_finished() else training.compute()
    folder, outputs = layout.pictures(training.run), training.outputs()
    for name, path in ((MODEL, layout.model(training.run)), (HISTORY, folder / HISTORY), (GROWTH, folder / GROWTH)):
        with atomic(path) as partial:
            partial.write_bytes(outputs[name])
    remove(layout.training(training.run))
    return made


if __name__ == "__main__":
    run_stage(main)
