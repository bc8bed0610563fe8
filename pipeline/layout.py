"""Where everything lies, relative to the repository's root, which is every command's working folder."""

from pathlib import Path

PARAMS = Path("params.yaml")
ARMS = Path("arms")
RAW = Path("data/raw")
INVENTORIES = RAW / "inventory"
INTERIM = Path("data/interim")
PREPARED = Path("data/prepared")
MODELS = Path("data/models")
CALIBRATED = "calibrated.pt"
REPORTS = Path("reports")
DATA_REPORTS = REPORTS / "data"  # what became of each arm's images
RESULTS = REPORTS / "arms"  # figures by arm, of all its detectors
RUNS = REPORTS / "runs"  # histories and pictures by arm, detector and seed
SCORES = REPORTS / "scores"
FIRST_LOOKS = REPORTS / "first-look"
SCRATCH = Path(".cache")  # outside the graph: what makes an interrupted run go on
FEATURES = SCRATCH / "features"  # of frozen networks, for detectors that see alike


def arm_file(arm: str) -> Path:
    """All settings of one arm."""
    return ARMS / f"{arm}.yaml"


def arm_key(arm: str, key: str) -> str:
    """A setting of an arm as errors name it and ``dvc exp run -S`` takes it."""
    return f"{arm_file(arm)}:{key}"


def inventory(arm: str) -> Path:
    """The files of the arm's collection with their checksums."""
    return INVENTORIES / f"{arm}.csv"


def sample(collection: str) -> Path:
    """The archive of a collection of patients' images that comes with the repository, beside the arm of its name."""
    return ARMS / f"{collection}.tar.gz"


def samples() -> list[str]:
    """The collections that come with the repository."""
    return sorted(path.name.removesuffix(sample("").name) for path in ARMS.glob(sample("*").name))


def demo_collection(kind: str) -> str:
    """The collection of a kind of data that is drawn, not of patients."""
    return f"demo_{kind}"


def demo_list(kind: str) -> Path:
    """Whether an arm of the lists is of that collection, or of the one that comes with the repository."""
    return INTERIM / "demo" / f"{kind}.txt"


def run_name(arm: str, detector: str, seed: int) -> str:
    """A run in paths, tables and figures, as ``nih_pa/dpa/seed-0``."""
    return f"{arm}/{detector}/seed-{seed}"


def prepared(arm: str) -> Path:
    """The images of an arm by the array contract."""
    return PREPARED / arm


def training(run: str) -> Path:
    """The state of an unfinished training."""
    return SCRATCH / "training" / run


def finished(run: str) -> Path:
    """What came of a training, until the stage takes it over."""
    return training(run) / "finished"


def training_log(run: str) -> Path:
    """What a training said that ran beside others."""
    return training(run) / "log.txt"


def model(run: str) -> Path:
    """The trained model of a run."""
    return MODELS / run / "model.pt"


def calibrated(run: str) -> Path:
    """The same with what its scores mean, for new images."""
    return MODELS / run / CALIBRATED


def scores(run: str) -> Path:
    """The scores of a run."""
    return SCORES / f"{run}.csv"


def pictures(run: str) -> Path:
    """History, pictures and provenance of a run."""
    return RUNS / run


def results(arm: str) -> Path:
    """Figures of an arm's detectors, over all seeds."""
    return RESULTS / arm


def tuning(arm: str) -> Path:
    """The tables of the search of an arm's settings."""
    return RESULTS / arm / "tuning"


def first_look(arm: str) -> Path:
    """What a first look at an arm found, and recommends."""
    return FIRST_LOOKS / f"{arm}.md"
