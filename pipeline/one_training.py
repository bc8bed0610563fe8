"""One training, from prepared images to its outputs in scratch, where the stage ``train`` finds them.

A process of its own is ``python -m pipeline.one_training <arm> <detector> <seed>``, also under torchrun.
"""

from dataclasses import dataclass
from functools import cached_property

from pipeline import layout
from pipeline.arms import read_arm
from pipeline.compute.device import Workplace, workplace
from pipeline.compute.processes import end_with_parent, is_launched, launch
from pipeline.compute.saved_state import SavedState
from pipeline.compute.scratch import scratch_key
from pipeline.data.images import read_images
from pipeline.detectors.fitting import fit_arm
from pipeline.detectors.registry import build
from pipeline.detectors.settings import DetectorSettings
from pipeline.errors import PipelineError
from pipeline.files import md5, remove, write_csv
from pipeline.params.compute import Compute
from pipeline.params.file import read_params
from pipeline.reporting.sheets import contact_sheet
from pipeline.stage import run_stage

MODEL, HISTORY, GROWTH = "model.pt", "history.csv", "growth.png"


@dataclass(frozen=True)
class Training:
    """One run of the stage ``train``.

    Attributes:
        arm: What it trains on.
        detector: What it trains.
        seed: Of the fit.
    """

    arm: str
    detector: str
    seed: int

    @property
    def run(self) -> str:
        """Its name, as ``nih_pa/dpa/seed-0``."""
        return layout.run_name(self.arm, self.detector, self.seed)

    @property
    def command(self) -> tuple[str, ...]:
        """The module that computes it alone, and its arguments."""
        return "pipeline.one_training", self.arm, self.detector, str(self.seed)

    def is_finished(self) -> bool:
        """Whether its outputs lie in scratch, made by this code of these settings and data.

        Raises:
            PipelineError: If a file that the settings name is missing.
        """
        return self._finished.read() is not None

    def outputs(self) -> dict[str, bytes]:
        """Return the bytes of model, history and picture by the names above.

        Raises:
            PipelineError: If it is not finished.
        """
        found = self._finished.read()
        if found is None:
            raise PipelineError(f"{self._finished.path} is missing, but {self.run} has ended: run `dvc repro` again")
        return found

    def compute(self) -> str:
        """Train to the end, or go on where it was interrupted, and keep the outputs in scratch.

        Returns:
            One line that says what was done; nothing where other processes have said it.

        Raises:
            PipelineError: If it cannot be trained, or not as many processes were started as settings say.
        """
        if self._compute.processes > 1 and not is_launched():
            launch(self._compute.processes, *self.command)
            return ""
        with workplace(self._compute) as place:
            if place.of_first(b"finished" if self.is_finished() else b""):
                made = f"{self.run}: was finished before"
            else:
                made = self._train(place)
            return "" if place.processes.rank else made

    def _train(self, place: Workplace) -> str:
        images, scratch = read_images(layout.prepared(self.arm)), layout.training(self.run)
        learner = build(self.detector, self._settings, images.pixels.shape[3], place, images.preparation)
        history = fit_arm(learner, images, self.seed, scratch)
        if place.processes.rank == 0:
            folder = scratch / "outputs"
            learner.save(folder / MODEL)
            write_csv(folder / HISTORY, history.rows)
            contact_sheet(folder / GROWTH, f"{self.arm}, seed {self.seed}", history.pictures)
            self._finished.write({name: (folder / name).read_bytes() for name in (MODEL, HISTORY, GROWTH)})
            remove(folder)
        return f"{self.run}: {history.rows['iteration'].iloc[-1]} iterations{place.memory()}"

    @cached_property
    def _settings(self) -> DetectorSettings:
        return read_arm(self.arm).detector(self.detector)

    @cached_property
    def _compute(self) -> Compute:
        compute = read_params().compute
        return compute if self._settings.shares_training else compute.alone

    @cached_property
    def _finished(self) -> SavedState:
        """Keyed by what DVC knows a training by, and so not by the device that compute.device: auto has taken."""
        read_arm(self.arm).check_files(self.detector)
        changing_bytes = self._compute.model_copy(update={"workers": 1, "trials": 1})
        folder = layout.prepared(self.arm)
        files = [md5(path) for path in (*sorted(folder.iterdir()), *self._settings.named_files.values())]
        key = scratch_key(self.run, self._settings.model_dump_json(), changing_bytes.model_dump_json(), files)
        return SavedState(layout.finished(self.run), key)


def main(arm: str, detector: str, seed: str) -> str:
    """Compute a training; see :meth:`Training.compute`."""
    end_with_parent()
    return Training(arm, detector, int(seed)).compute()


if __name__ == "__main__":
    run_stage(main)
