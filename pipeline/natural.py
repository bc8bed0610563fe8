"""Natural images, as the paper's tables 1 and 5 have them: of two collections, each class alone is normal once.

What was released for a class stands in arms/natural.csv; the rest is the arm of its collection. From both come the
arms of all classes.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from pipeline.arms import Arm, read_arm
from pipeline.detectors import registry
from pipeline.detectors.settings import DetectorSettings
from pipeline.errors import PipelineError
from pipeline.files import read_csv
from pipeline.layout import ARMS, RAW
from pipeline.new_arm import NewArm, made_like

Kind = Literal["default", "tuned"]  # of settings: those of each method's authors, or those that known anomalies chose

COLLECTIONS = ("cifar10", "svhn")
TABLE = ARMS / "natural.csv"
WORDS = ("collection", "class", "anomaly", "dpa_layers", "deep_if_layer", "piad_layers")
GRAY = {"deep_if": "deep_if_gray", "deep_geo": "deep_geo_gray", "piad": "piad_gray"}  # yes or no
NUMBERS = ("dpa_latent_dim", "dpa_iterations", "deep_geo_epochs", "piad_latent_dim", "piad_iterations")
AGAIN = f"`git restore {TABLE}` brings it back"
ALL_LAYERS = "concat"  # of Deep IF, which the arms of the collections have
# Learning rate and channels from 32 px down to 4, by the dimension of the latent.
DPA: dict[int, tuple[float, list[int]]] = {
    8: (0.01, [8, 8, 8, 8]),
    16: (0.005, [16, 16, 16, 16]),
    32: (0.002, [32, 32, 32, 32]),
    64: (0.001, [32, 64, 64, 64]),
    256: (0.0002, [32, 64, 128, 256]),
}
# Channels, the same of the critic of images, and those of the critic of latents. The released lists have a number more
# at the end of high resolutions, which the released code passes over.
PIAD: dict[int, tuple[list[int], list[int]]] = {
    128: ([64, 128, 128, 128], [512, 512]),
    256: ([64, 128, 256, 256], [1024, 1024]),
}


@dataclass(frozen=True)
class Experiment:
    """One class of a collection is normal.

    Attributes:
        collection: Whose arm all experiments of it are like.
        normal: The class.
        anomaly: The class whose training images are the known anomalies.
        released: The row of the table.
    """

    collection: str
    normal: str
    anomaly: str
    released: dict[str, Any]

    @property
    def arm(self) -> str:
        """The name of its arm."""
        return f"{self.collection}_{self.normal}"

    @cached_property
    def like(self) -> Arm:
        """The arm of the collection."""
        return read_arm(self.collection)

    @cached_property
    def own(self) -> Arm:
        """Its arm, as its file says."""
        return read_arm(self.arm)

    def new_arm(self, kind: Kind) -> NewArm:
        """Make the arm; see :meth:`detectors`."""
        dpa, *others = self.detectors(kind).items()
        given = {
            # as they are, so that nothing is guessed from files
            "collection.folder": self.collection,
            "collection.layout": self.collection,
            "collection.normal": [self.normal],
            "collection.validation_anomalies": [self.anomaly],
            "tune.anomalies": [self.anomaly],
            **{f"detectors.dpa.{key}": value for key, value in dpa[1].items()},
            **{f"detectors.{name}": self._section(name) | changed for name, changed in others},
        }
        return made_like(self.like, self.arm, RAW / self.collection, given)

    def kinds(self, detector: str) -> list[Kind]:
        """Of which kind the settings are that a detector has in the arm's file: of one, of both or of none."""
        found = self.own.detector(detector)
        return [kind for kind in get_args(Kind) if found == self._settings(detector, kind)]

    def detectors(self, kind: Kind) -> dict[str, dict[str, Any]]:
        """What the class has of its own, by detector.

        Args:
            kind: Of the settings of PIAD, Deep IF and Deep GEO; of the deep perceptual autoencoder there is one kind.
        """
        return {"dpa": self._dpa(), **(self._tuned() if kind == "tuned" else {})}

    def _settings(self, detector: str, kind: Kind) -> DetectorSettings:
        return registry.settings_of(detector, self._section(detector) | self.detectors(kind).get(detector, {}))

    def _section(self, detector: str) -> dict[str, Any]:
        """What the arm of the collection has."""
        section: dict[str, Any] = self.like.content["detectors"].get(detector, {})
        return section

    def _dpa(self) -> dict[str, Any]:
        learning_rate, channels = self._of_latent(DPA, "dpa")
        step = self._section("dpa")["schedule"]["32"]
        own = {"layers": self.released["dpa_layers"].split(), "stable": self.released["dpa_iterations"]}
        return {
            "latent_dim": self.released["dpa_latent_dim"],
            "channels": channels,
            "learning_rate": learning_rate,
            "schedule": {"32": step | own},
        }

    def _tuned(self) -> dict[str, dict[str, Any]]:
        channels, of_latents = self._of_latent(PIAD, "piad")
        piad = {
            "latent_dim": self.released["piad_latent_dim"],
            "channels": channels,
            "critic_channels": [*channels],
            "latent_critic_channels": of_latents,
            "layers": self.released["piad_layers"].split(),
            "iterations": self.released["piad_iterations"],
        }
        layer = self.released["deep_if_layer"]
        changed = {
            "deep_if": {} if layer == ALL_LAYERS else {"layers": [layer]},
            "deep_geo": {"epochs": self.released["deep_geo_epochs"]},
            "piad": piad,
        }
        return {name: own | {"gray": self.released[GRAY[name]] == "yes"} for name, own in changed.items()}

    def _of_latent(self, known: dict[int, Any], detector: str) -> Any:
        dimension = self.released[f"{detector}_latent_dim"]
        if dimension not in known:
            raise PipelineError(
                f"{TABLE}: {detector}_latent_dim of {self.arm} is {dimension}: it has to be one of "
                f"{', '.join(map(str, known))}"
            )
        return known[dimension]


def experiments() -> list[Experiment]:
    """Read the table: twenty experiments, ten of each collection.

    Raises:
        PipelineError: If it is missing or damaged.
    """
    texts = (*WORDS, *GRAY.values())
    table = read_csv(TABLE, [*texts, *NUMBERS], texts, AGAIN).astype(dict.fromkeys(NUMBERS, int))
    for column in GRAY.values():
        if len(odd := table.loc[~table[column].isin(("yes", "no")), column]):
            raise PipelineError(f"{TABLE}: row {odd.index[0] + 1} has {odd.iloc[0]!r} in {column}, not yes or no")
    rows: list[dict[str, Any]] = [{str(name): row[name] for name in row} for row in table.to_dict("records")]
    return [Experiment(row["collection"], row["class"], row["anomaly"], row) for row in rows]
