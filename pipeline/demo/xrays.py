"""A generated collection of chest X-rays in the layout of NIH ChestX-ray14, so that the chain runs on any machine."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.compute.seeding import generator
from pipeline.compute.workers import process_all
from pipeline.demo.chest import (
    Chest,
    draw_anatomy,
    draw_pose,
    expose,
    for_view,
    normal_attenuation,
    print_marks,
    tubes,
)
from pipeline.demo.findings import alter_organs, finding_attenuation, vessel_share
from pipeline.params.demo import DemoXrays

# As in the published file, where the commas inside the brackets are plain commas.
HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)

# How often each finding is drawn, roughly as in NIH ChestX-ray14.
FREQUENCY = {
    "Infiltration": 45,
    "Effusion": 13,
    "Atelectasis": 11,
    "Nodule": 8,
    "Mass": 8,
    "Pneumothorax": 7,
    "Consolidation": 7,
    "Cardiomegaly": 6,
    "Pleural_Thickening": 4,
    "Emphysema": 4,
    "Edema": 4,
    "Fibrosis": 3,
    "Pneumonia": 3,
    "Hernia": 1,
}
MOST_IMAGES = 8  # of one patient
TEST_EVERY = 5  # every fifth patient is in test_list.txt


@dataclass(frozen=True)
class Radiograph:
    """One image to draw and its row of the metadata."""

    patient: int
    follow_up: int
    age: int
    sex: str
    view: str
    findings: tuple[str, ...]

    @property
    def name(self) -> str:
        """The file's name as NIH forms it."""
        return f"{self.patient:08d}_{self.follow_up:03d}.png"

    def row(self) -> str:
        """The line of the metadata."""
        findings = "|".join(self.findings) or "No Finding"
        size = "2500,2048" if self.view == "AP" else "2048,2500"
        values = (self.name, findings, self.follow_up, self.patient, self.age, self.sex, self.view, size, "0.168,0.168")
        return ",".join(map(str, values))


def make_xrays(root: Path, settings: DemoXrays, seed: int, workers: int) -> int:
    """Draw the collection: images, metadata and the two lists of names.

    Args:
        root: The folder to write into, such as ``data/raw/demo_xrays``.
        settings: Number of patients and side of the images.
        seed: Each patient and each image is drawn from it and their own name only.
        workers: Number of processes; changes no byte.

    Returns:
        The number of images.
    """
    radiographs = [r for patient in range(1, settings.patients + 1) for r in _patient(patient, seed)]
    (root / "images").mkdir(parents=True)
    jobs = [(radiograph, root / "images", settings.size, seed) for radiograph in radiographs]
    for _ in process_all(_write_image, jobs, workers, "X-rays"):
        pass
    lines = [HEADER, *(r.row() for r in radiographs)]
    _write_lines(root / "Data_Entry_2017_v2020.csv", lines)
    _write_lines(root / "test_list.txt", [r.name for r in radiographs if _in_test(r.patient)])
    _write_lines(root / "train_val_list.txt", [r.name for r in radiographs if not _in_test(r.patient)])
    return len(radiographs)


def draw_radiograph(radiograph: Radiograph, size: int, seed: int) -> np.ndarray:
    """Draw one image.

    Args:
        radiograph: What it shows.
        size: Side in pixels.

    Returns:
        uint8 (size, size).
    """
    patient = generator(seed, "x-ray anatomy", str(radiograph.patient))
    anatomy = draw_anatomy(patient, female=radiograph.sex == "F")
    rng = generator(seed, "x-ray image", radiograph.name)
    anatomy = alter_organs(for_view(anatomy, radiograph.view, rng), radiograph.findings, rng)
    chest = Chest(anatomy, draw_pose(rng, radiograph.view), size)
    attenuation = normal_attenuation(chest, vessel_share(radiograph.findings))
    attenuation += finding_attenuation(chest, radiograph.findings, rng)
    if radiograph.view == "AP":
        attenuation += tubes(chest, rng)
    film = expose(attenuation, radiograph.view, rng)
    print_marks(film, radiograph.view, rng)
    return film


def _in_test(patient: int) -> bool:
    return patient % TEST_EVERY == 0


def _patient(patient: int, seed: int) -> list[Radiograph]:
    """Draw a patient's history: mostly one image, sometimes many; ill patients are examined more often."""
    rng = generator(seed, "x-ray history", str(patient))
    ill = rng.random() < (0.7 if _in_test(patient) else 0.33)  # NIH's test list has more findings, too
    count = min(int(rng.geometric(0.3 if ill else 0.36)), MOST_IMAGES)
    age, sex = int(np.clip(rng.normal(48, 16), 4, 90)), str(rng.choice(["M", "F"]))
    bedridden = rng.random() < 0.15
    history = []
    for follow_up in range(count):
        view = "AP" if rng.random() < (0.75 if bedridden else 0.06) else "PA"
        findings = _findings(rng) if ill and rng.random() < 0.8 else ()
        history.append(Radiograph(patient, follow_up, age + follow_up // 3, sex, view, findings))
    return history


def _findings(rng: np.random.Generator) -> tuple[str, ...]:
    weights = np.array(list(FREQUENCY.values()), float)
    count = 1 + int(rng.random() < 0.2) + int(rng.random() < 0.05)
    drawn = rng.choice(list(FREQUENCY), count, replace=False, p=weights / weights.sum())
    return tuple(sorted(str(name) for name in drawn))


def _write_image(job: tuple[Radiograph, Path, int, int]) -> None:
    radiograph, folder, size, seed = job
    image = Image.fromarray(draw_radiograph(radiograph, size, seed))
    if generator(seed, "x-ray colour", radiograph.name).random() < 0.01:
        image = image.convert("RGBA")  # as a few of NIH's files are
    image.save(folder / radiograph.name, compress_level=3)  # noise hardly compresses further


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
