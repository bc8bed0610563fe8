"""The two stages one after the other, on a folder in the NIH layout."""

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.data.images import read_images
from pipeline.data.xrays.preparation import Preparation
from pipeline.errors import PipelineError
from pipeline.files import write_csv
from stages import equalize_xrays, split_xrays
from tests.data.conftest import FILMS, TEST, TRAIN_VAL, Collection
from tests.data.dicoms import drawn
from tests.shipped import shipped, with_values, write


@pytest.fixture
def repository(in_folder: Path, collection: Collection) -> Path:
    write(shipped())
    collection.inventory(Path("data/raw/inventory/nih_pa.csv"))
    return in_folder


def test_from_metadata_and_files_to_the_array_contract(repository: Path) -> None:
    assert split_xrays.main("nih_pa").startswith("nih_pa: ")
    split = pd.read_csv("data/interim/nih_pa/split.csv")
    assert equalize_xrays.main("nih_pa").endswith("0 failed")
    prepared = read_images(Path("data/prepared/nih_pa"))
    assert prepared.pixels.shape == (len(split), 64, 64, 1)
    assert prepared.index["id"].tolist() == split["id"].tolist()
    status = pd.read_csv("data/interim/nih_pa/images_status.csv")
    assert status["status"].eq("ok").all()
    counts = pd.read_csv("reports/data/nih_pa/counts.csv")
    assert counts.loc[counts["finding"] == "all", "images"].sum() == 10
    assert np.asarray(Image.open("reports/data/nih_pa/images.png")).std() > 0
    page = Path("reports/data/nih_pa/split.md").read_text(encoding="utf-8")
    assert page.startswith("# nih_pa: what it is trained and tested on")


def test_a_prepared_x_ray_can_be_made_again_from_what_its_preparation_says(repository: Path) -> None:
    split_xrays.main("nih_pa")
    equalize_xrays.main("nih_pa")
    prepared = read_images(Path("data/prepared/nih_pa"))
    preparation = Preparation.model_validate_json(Path("data/prepared/nih_pa/preparation.json").read_bytes())
    for pixels, source in zip(prepared.pixels, prepared.index["source"], strict=True):
        assert np.array_equal(preparation.prepare((Path("data/raw/nih") / source).read_bytes(), source), pixels)
    content = prepared.preparation
    assert {key: content[key] for key in ("kind", "unit", "image", "generated")} == {
        "kind": "xrays", "unit": "patient", "image": "X-ray", "generated": False,
    }  # fmt: skip
    assert content["steps"] == {
        "thumbnail_size": 300, "crop_size": 224, "equalization": "none", "working_size": 64,
    }  # fmt: skip


def test_the_download_with_its_archives_gives_the_same_arrays(repository: Path, collection: Collection) -> None:
    def arrays() -> list[bytes]:
        split_xrays.main("nih_pa")
        equalize_xrays.main("nih_pa")
        return [Path("data/prepared/nih_pa/images.npy").read_bytes()]

    plain = arrays()
    with tarfile.open(collection.root / "images_001.tar.gz", "w:gz") as tar:
        tar.add(collection.root / "images", "images")
    shutil.rmtree(collection.root / "images")
    collection.inventory(Path("data/raw/inventory/nih_pa.csv"))
    assert arrays() == plain
    index = pd.read_csv("data/prepared/nih_pa/index.csv")
    assert index["source"].str.startswith("images_001.tar.gz/images/").all()


def test_a_table_describes_a_collection_of_ones_own(repository: Path, collection: Collection) -> None:
    rows = [
        f"images/{name},{name[:8]},{view},{findings},{'test' if name in TEST else 'train'}"
        for name, findings, view in FILMS
    ]
    collection.write_lines("xrays.csv", ["path,patient,view,findings,split", *rows])
    collection.inventory(Path("data/raw/inventory/nih_pa.csv"))
    values = {"table": "xrays.csv", "lists": None, "validation_share": 0.0}
    write(with_values(*((f"arms/nih_pa.yaml:split_xrays.{key}", value) for key, value in values.items())))
    split_xrays.main("nih_pa")
    equalize_xrays.main("nih_pa")
    index = read_images(Path("data/prepared/nih_pa")).index
    assert index["id"].tolist() == [f"images/{name}" for name in (*(TRAIN_VAL[i] for i in (0, 2, 6)), *TEST[:2])]
    assert set(index["split"]) == {"train", "test"}


def test_an_export_of_dicom_needs_no_patients_and_views_and_tells_of_no_patient(
    repository: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PIPELINE_PATIENT_KEY", raising=False)
    paths = [f"export/IM{number}" for number in range(6)]
    contents = [drawn(PatientID=f"SECRET-{number}", PatientAge="058Y", PatientSex="F") for number in range(5)]
    contents.append(drawn(PatientID="SECRET-5", BodyPartExamined="HAND"))
    (collection.root / "export").mkdir()
    for number, (path, content) in enumerate(zip(paths, contents, strict=True)):
        (collection.root / path).write_bytes(content + bytes(2 * number))  # no two have the same content
    rows = [f"{path},{'Mass' if path == paths[4] else ''},{'test' if path in paths[3:] else 'train'}" for path in paths]
    collection.write_lines("xrays.csv", ["path,findings,split", *rows])
    collection.inventory(Path("data/raw/inventory/nih_pa.csv"))
    values = {"split_xrays.table": "xrays.csv", "split_xrays.lists": None, "split_xrays.validation_share": 0.0}
    values["equalize_xrays.allowed_failures"] = 0.2
    write(with_values(*((f"arms/nih_pa.yaml:{key}", value) for key, value in values.items())))
    split_xrays.main("nih_pa")
    equalize_xrays.main("nih_pa")
    prepared = read_images(Path("data/prepared/nih_pa"))
    assert prepared.index["id"].tolist() == paths[:5]
    assert prepared.pixels.std() > 0
    assert prepared.index["group"].str.fullmatch("p[0-9a-f]{16}").all()
    status = pd.read_csv("data/interim/nih_pa/images_status.csv")
    assert (
        status["reason"].iloc[-1]
        == "export/IM5: BodyPartExamined (0018,0015) is 'HAND', not the chest: leave the file out"
    )
    written = [
        file for folder in ("data/interim", "data/prepared", "reports", ".cache") for file in Path(folder).rglob("*")
    ]
    assert not any(b"SECRET" in file.read_bytes().upper() for file in written if file.is_file())
    assert "SECRET" not in "".join(capsys.readouterr()).upper()


def test_a_second_run_writes_the_same_bytes(repository: Path) -> None:
    outputs = [
        "data/interim/nih_pa/split.csv",
        "data/interim/nih_pa/images_status.csv",
        "data/prepared/nih_pa/images.npy",
        "data/prepared/nih_pa/index.csv",
        "reports/data/nih_pa/counts.csv",
        "reports/data/nih_pa/images.png",
    ]
    runs = []
    for _ in range(2):
        split_xrays.main("nih_pa")
        equalize_xrays.main("nih_pa")
        runs.append([Path(output).read_bytes() for output in outputs])
    assert runs[0] == runs[1]


def test_too_many_bad_images_fail_the_stage_and_stand_in_its_table(repository: Path) -> None:
    split_xrays.main("nih_pa")
    source = pd.read_csv("data/interim/nih_pa/split.csv")["source"][0]
    file = Path("data/raw/nih") / source
    file.write_bytes(b"x" * file.stat().st_size)
    with pytest.raises(PipelineError, match=r"allowed_failures 0\.01"):
        equalize_xrays.main("nih_pa")
    assert pd.read_csv("data/interim/nih_pa/images_status.csv")["status"][0] == "failed"
    assert not Path("data/prepared/nih_pa").exists()


def test_images_in_colour_are_counted_in_a_warning_and_in_the_table(
    repository: Path, collection: Collection, capsys: pytest.CaptureFixture[str]
) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(colours).save(collection.root / "images/00000005_000.png")
    collection.inventory(Path("data/raw/inventory/nih_pa.csv"))
    split_xrays.main("nih_pa")
    equalize_xrays.main("nih_pa")
    total = len(pd.read_csv("data/interim/nih_pa/split.csv"))
    said = f"nih_pa: 1 of {total} images are in colour and were made gray, such as 00000005_000.png: are they X-rays?"
    assert said in capsys.readouterr().out
    status = pd.read_csv("data/interim/nih_pa/images_status.csv", keep_default_na=False)
    assert status.loc[status["warnings"] != "", ["id", "status", "warnings"]].to_numpy().tolist() == [
        ["00000005_000.png", "ok", "in colour, made gray"]
    ]


def test_an_unknown_arm_is_refused_by_both(repository: Path) -> None:
    for stage in (split_xrays, equalize_xrays):
        with pytest.raises(PipelineError, match=r"arms/nih_lateral\.yaml is missing: .* choose from camelyon16"):
            stage.main("nih_lateral")


def test_a_split_of_unlisted_files_asks_for_the_inventory(repository: Path) -> None:
    csv = Path("data/raw/inventory/nih_pa.csv")
    listed = pd.read_csv(csv)
    write_csv(csv, listed[~listed["path"].str.startswith("images/")])
    with pytest.raises(PipelineError, match=r"have no file.*make check-data"):
        split_xrays.main("nih_pa")
