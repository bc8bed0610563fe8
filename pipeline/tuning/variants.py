"""The prepared images of every preprocessing in a search space, made by the very code that prepares the arm."""

from pathlib import Path

from pipeline.compute.scratch import scratch_key
from pipeline.compute.workers import worker_count
from pipeline.data.images import read_images
from pipeline.data.slides.prepared_arm import prepare_arm as prepare_tiles
from pipeline.data.xrays.prepared_arm import prepare_arm as prepare_xrays
from pipeline.errors import PipelineError
from pipeline.files import md5, remove
from pipeline.params.file import Params
from pipeline.params.slides import NormalizeTiles
from pipeline.params.xrays import EqualizeXrays
from pipeline.tuning.space import Member, Space


class Variants:
    """Prepares what a search needs, once; the arm's own images are taken as they are.

    Args:
        params: All settings.
        arm: The arm.
        scratch: Where the variants lie, outside the graph.

    Attributes:
        index: Of the arm's images, the same for all variants.
    """

    def __init__(self, params: Params, arm: str, scratch: Path) -> None:
        self._params, self._arm, self._scratch = params, arm, scratch
        self._own = Path("data/prepared") / arm
        self.index = read_images(self._own).index

    def prepare(self, space: Space) -> None:
        """Prepare the images of every combination.

        Raises:
            PipelineError: If preprocessings leave out different images, so that folds could not be the same.
        """
        for member in space.members:
            folder = self.folder(member)
            if not folder.is_dir():
                self._prepare(member.preparation, folder)
            if not read_images(folder).index.equals(self.index):
                raise PipelineError(
                    f"{self._arm}: the preprocessing of {_text(member)} leaves out other images than the arm's own: "
                    "take it out of the space"
                )

    def folder(self, member: Member) -> Path:
        """Where the images of a combination lie."""
        if member.preparation == self._params_of_arm():
            return self._own
        facts = (member.preparation.model_dump_json(), self.data_key())
        return self._scratch / scratch_key(*facts)

    def data_key(self) -> str:
        """Name the data that the search is about."""
        return md5(self._own / "index.csv") + md5(Path(f"data/raw/inventory/{self._arm}.csv"))

    def _params_of_arm(self) -> NormalizeTiles | EqualizeXrays:
        params, arm = self._params, self._arm
        return params.normalize_tiles[arm] if arm in params.slides else params.equalize_xrays[arm]

    def _prepare(self, preparation: NormalizeTiles | EqualizeXrays, folder: Path) -> None:
        params, arm, workers = self._params, self._arm, worker_count(self._params.compute)
        rest = folder.with_name(f"{folder.name}-rest")
        if isinstance(preparation, NormalizeTiles):
            size = params.sample_tiles[arm].tile_size
            prepare_tiles(arm, params.slides[arm], size, preparation, folder, rest, rest / "parts", workers)
        else:
            source, status = params.split_xrays[arm], rest / "status.csv"
            prepare_xrays(arm, source, preparation, folder, status, workers)
        remove(rest)


def _text(member: Member) -> str:
    return ", ".join(f"{dimension}: {option}" for dimension, option in member.options.items())
