from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image, ImageOps
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from pipeline.compute.seeding import generator
from pipeline.data.xrays.nih_metadata import read_index, read_names
from pipeline.data.xrays.settings import Finding
from pipeline.demo.chest import Chest, Pose, draw_anatomy
from pipeline.demo.findings import DRAWN, alter_organs, finding_attenuation
from pipeline.demo.xrays import FREQUENCY, HEADER, Radiograph, draw_radiograph, make_xrays
from pipeline.params.demo import DemoXrays
from tests.data.conftest import prepared_file
from tests.shipped import shipped_xrays

SETTINGS = DemoXrays(patients=20, size=300)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("raw") / "demo_xrays"
    make_xrays(root, SETTINGS, seed=0, workers=1)
    return root


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of another seed."""
    root = tmp_path_factory.mktemp("raw") / "larger"
    make_xrays(root, DemoXrays(patients=90, size=300), seed=1, workers=2)
    return root


def digest(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_the_metadata_read_as_those_of_nih_do(root: Path) -> None:
    index = read_index(root / "Data_Entry_2017_v2020.csv")
    assert (root / "Data_Entry_2017_v2020.csv").read_text().startswith(HEADER + "\n")
    assert index["patient"].nunique() == SETTINGS.patients
    assert set(index["label"]) == {0, 1}
    assert set(index["view"]) == {"PA", "AP"}
    assert sorted(index["id"]) == sorted(path.name for path in (root / "images").iterdir())


def test_the_lists_divide_the_patients(root: Path) -> None:
    lists = {name: read_names(root / f"{name}_list.txt") for name in ("train_val", "test")}
    patients = {name: {image[:8] for image in images} for name, images in lists.items()}
    assert patients["train_val"].isdisjoint(patients["test"])
    assert len(lists["train_val"]) + len(lists["test"]) == len(list((root / "images").iterdir()))


def test_images_are_gray_of_the_wanted_size(root: Path) -> None:
    for path in sorted((root / "images").iterdir())[:10]:
        with Image.open(path) as image:
            assert image.size == (300, 300)
            assert image.mode in ("L", "RGBA")
            assert np.asarray(image.convert("L")).std() > 30


@pytest.mark.slow
def test_neither_more_patients_nor_workers_change_what_is_drawn_of_the_first_ones(root: Path, tmp_path: Path) -> None:
    make_xrays(tmp_path / "more", SETTINGS.model_copy(update={"patients": 24}), seed=0, workers=2)
    more = digest(tmp_path / "more")
    for name, content in digest(root).items():
        assert more[name] == content if name.endswith(".png") else more[name].startswith(content)


@pytest.mark.slow
def test_another_seed_draws_everything_anew(root: Path, larger: Path) -> None:
    before, after = digest(root), digest(larger)
    both = {*before} & {*after}
    assert sum(name.endswith(".png") for name in both) > 20
    assert not [name for name in both if after[name].startswith(before[name]) and "_list" not in name]


def film(findings: tuple[str, ...] = (), view: str = "PA", patient: int = 1, follow_up: int = 0) -> np.ndarray:
    return draw_radiograph(Radiograph(patient, follow_up, 50, "M", view, findings), 300, seed=0).astype(float)


def chest_of(patient: int) -> Chest:
    rng = generator(0, "chest", str(patient))
    return Chest(draw_anatomy(rng, female=False), Pose((0.0, 0.0), 0.0, 1.0), 300)


def test_all_fourteen_findings_can_be_drawn_and_are() -> None:
    assert set(DRAWN) == set(FREQUENCY) == set(get_args(Finding))


@pytest.mark.parametrize("finding", sorted(set(get_args(Finding)) - {"Cardiomegaly"}))
def test_a_finding_adds_a_shape_inside_the_chest(finding: str) -> None:
    for patient in range(5):
        chest = chest_of(patient)
        added = finding_attenuation(chest, (finding,), generator(0, "finding", str(patient)))
        assert np.ptp(added) > 0.15  # the ribs' attenuation
        assert np.abs(added[np.abs(chest.x) > 1.1 * chest.anatomy.lung_width]).max() == 0
        assert np.abs(added[chest.y < chest.anatomy.apex - 0.05]).max() == 0


def test_three_findings_move_the_organs() -> None:
    healthy = chest_of(0).anatomy
    altered = {
        name: alter_organs(healthy, (name,), generator(0, "organs"))
        for name in ("Cardiomegaly", "Emphysema", "Atelectasis", "Nodule")
    }
    assert altered["Cardiomegaly"].heart[0] > 1.25 * healthy.heart[0]
    assert min(altered["Emphysema"].domes) > max(healthy.domes)
    assert min(altered["Atelectasis"].domes) < min(healthy.domes) - 0.05
    assert altered["Nodule"] == healthy


@pytest.mark.slow
def test_findings_show_as_structure_and_hardly_as_brightness(larger: Path) -> None:
    index = read_index(larger / "Data_Entry_2017_v2020.csv")
    index = index[index["view"] == "PA"]
    settings = shipped_xrays("demo_xrays").equalize_xrays
    pixels = np.stack([prepared_file(larger / "images" / name, settings).ravel() for name in index["id"]]) / 255.0
    test = index["id"].isin(read_names(larger / "test_list.txt")).to_numpy()
    label = index["label"].to_numpy()
    model = PCA(16, random_state=0).fit(pixels[~test & (label == 0)])
    error = ((pixels - model.inverse_transform(model.transform(pixels))) ** 2).mean(1)
    assert roc_auc_score(label[test], error[test]) > 0.75
    assert 0.35 < roc_auc_score(label[test], pixels[test].mean(1)) < 0.65


def test_a_patient_looks_more_like_himself_than_like_others() -> None:
    def lungs(image: np.ndarray) -> np.ndarray:
        inner = Image.fromarray(image.astype(np.uint8)).crop((38, 38, 262, 262))
        return np.asarray(ImageOps.equalize(inner).resize((32, 32))).astype(float)  # whatever the exposure

    first, later = ([lungs(film(patient=p, follow_up=k)) for p in range(1, 9)] for k in (0, 1))
    distance = np.array([[np.abs(a - b).mean() for b in later] for a in first])
    assert np.diag(distance).mean() < 0.8 * distance[~np.eye(8, dtype=bool)].mean()


def test_ap_views_have_a_larger_heart_and_a_higher_diaphragm() -> None:
    def lung_pixels(view: str) -> float:
        films = [film(view=view, patient=p)[60:240, 40:260] for p in range(1, 9)]
        return float(np.mean([(f < (np.percentile(f, 5) + np.percentile(f, 95)) / 2).mean() for f in films]))

    assert lung_pixels("AP") < lung_pixels("PA")


def test_ages_and_follow_ups_are_those_of_a_history(root: Path) -> None:
    index = read_index(root / "Data_Entry_2017_v2020.csv")
    for _, history in index.groupby("patient"):
        assert history["follow_up"].tolist() == list(range(len(history)))
        assert history["age"].is_monotonic_increasing
        assert history["sex"].nunique() == 1
