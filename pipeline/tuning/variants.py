"""The prepared images of every preprocessing in a search space, made by the very code that prepares the arm."""

from pathlib import Path

from pipeline import layout
from pipeline.arms import Arm
from pipeline.compute.scratch import scratch_key
from pipeline.compute.workers import worker_count
from pipeline.data.images import read_images
from pipeline.data.kinds import kind_of
from pipeline.errors import PipelineError
from pipeline.files import md5, remove
from pipeline.layout import PREPARED
from pipeline.params.compute import Compute
from pipeline.tuning.space import Member, Space


class Variants:
    """Prepares what a search needs, once; the arm's own images are taken as they are.

    Args:
        arm: Whose images are searched.
        compute: How wide to work.
        scratch: Where the variants lie, outside the graph.

    Attributes:
        index: Of the arm's images, the same for all variants.
    """

    def __init__(self, arm: Arm, compute: Compute, scratch: Path) -> None:
        self._arm, self._settings, self._compute, self._scratch = arm.name, arm.data, compute, scratch
        self._own = PREPARED / arm.name
        self.index = read_images(self._own).index

    def prepare(self, space: Space) -> None:
        """Prepare the images of every combination.

        Raises:
            PipelineError: If preprocessings leave out different images, so that folds could not be the same.
        """
        for member in space.members:
            folder = self.folder(member)
            if not folder.is_dir():
                scratch = folder.with_name(f"{folder.name}-rest")
                workers = worker_count(self._compute)
                settings = member.arm.data
                kind_of(settings).prepare(self._arm, settings, folder, scratch, workers)
                remove(scratch)
            if not read_images(folder).index.equals(self.index):
                raise PipelineError(
                    f"{self._arm}: the preprocessing of {member} leaves out other images than the arm's own: "
                    "take it out of the space"
                )

    def folder(self, member: Member) -> Path:
        """Where the images of a combination lie."""
        if member.arm.data == self._settings:
            return self._own
        return self._scratch / scratch_key(member.arm.data.model_dump_json(), self.data_key())

    def data_key(self) -> str:
        """Name the data that the search is about."""
        return md5(self._own / "index.csv") + md5(layout.inventory(self._arm))
