"""The stage on folders, and every layout of them through the whole chain."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.arms import read_arm
from pipeline.compute.seeding import generator
from pipeline.data import preparing
from pipeline.data.folders.preparation import Preparation
from pipeline.data.folders.settings import Settings
from pipeline.data.images import read_images
from pipeline.data.inventory import make_inventory
from pipeline.data.kinds import kind_of, with_values
from pipeline.data.thumbnails import ThumbnailArray
from pipeline.demo.lymph_node import colours_of_a_laboratory
from pipeline.errors import PipelineError
from stages import equalize_xrays, prepare_folder, split_xrays
from tests.data.conftest import FILMS, TEST, Collection
from tests.data.folders.conftest import drawn
from tests.shipped import shipped, write

ARM = "images"
NAMES = [*(f"train/good/{number}.png" for number in range(12)), "test/good/a.png", "test/bad/b.png", "test/bad/c.png"]
STAIN = {"target": "train/good/0.png", "sampled_pixels": 2000}


def arm_of(collection: dict[str, Any], steps: dict[str, Any], folder: Path = Path()) -> None:
    """Write the settings with an arm of folders."""
    content = shipped()
    content["params.yaml"]["arms"] = {"slides": [], "xrays": [], "folders": [ARM], "train": [ARM]}
    content[f"arms/{ARM}.yaml"] |= {"collection": collection, "prepare_folder": steps}
    write(content, folder)


def list_files() -> None:
    make_inventory(Path("data/raw", ARM), Path(f"data/raw/inventory/{ARM}.csv"), Path("scratch.json"))


@pytest.fixture
def pictures(in_folder: Path) -> Path:
    """A folder with pictures in colour, laid out as MVTec AD is."""
    root = in_folder / "data/raw" / ARM
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn(name, 3)).save(root / name)
    arm_of({"layout": "mvtec"}, {"colour": True, "thumbnail_size": 20, "crop_size": 16, "working_size": 8})
    list_files()
    return root


def test_from_files_to_the_array_contract(pictures: Path) -> None:
    assert prepare_folder.main(ARM) == "images: 15 of 15 images prepared, 0 failed"
    prepared = read_images(Path("data/prepared", ARM))
    assert prepared.pixels.shape == (15, 8, 8, 3)
    assert prepared.index["id"].tolist() == sorted(NAMES)
    for pixels, source in zip(prepared.pixels, prepared.index["source"], strict=True):
        small = Image.fromarray(drawn(source, 3)).resize((20, 20), Image.Resampling.BILINEAR).crop((2, 2, 18, 18))
        assert np.array_equal(pixels, np.asarray(small.resize((8, 8), Image.Resampling.BILINEAR)))
    assert pd.read_csv(f"data/interim/{ARM}/images_status.csv")["status"].eq("ok").all()
    assert pd.read_csv(f"reports/data/{ARM}/counts.csv").query("finding == 'all'")["images"].sum() == 15
    assert np.asarray(Image.open(f"reports/data/{ARM}/images.png")).std() > 0
    page = Path(f"reports/data/{ARM}/split.md").read_text(encoding="utf-8")
    assert page.startswith("# images: what it is trained and tested on")


def test_an_image_can_be_made_again_from_what_its_preparation_says(pictures: Path, tile: np.ndarray) -> None:
    for number, name in enumerate(NAMES):
        Image.fromarray(np.roll(tile, 7 * number, (0, 1))).save(pictures / name)
    arm_of(
        {"layout": "mvtec"},
        {"colour": True, "thumbnail_size": 96, "crop_size": 96, "working_size": 32, "stain": STAIN},
    )
    list_files()
    prepare_folder.main(ARM)
    prepared = read_images(Path("data/prepared", ARM))
    preparation = Preparation.model_validate_json(Path(f"data/prepared/{ARM}/preparation.json").read_bytes())
    assert preparation.target is not None
    for pixels, source in zip(prepared.pixels, prepared.index["source"], strict=True):
        assert np.array_equal(preparation.prepare((pictures / source).read_bytes(), source), pixels)


def test_images_are_given_the_stains_of_the_target(
    pictures: Path, tile: np.ndarray, stain_maps: tuple[np.ndarray, np.ndarray]
) -> None:
    other = colours_of_a_laboratory(*stain_maps, generator(1, "another laboratory"))
    for number, name in enumerate(NAMES):
        Image.fromarray(np.roll(tile if number == 0 else other, 11 * number, (0, 1))).save(pictures / name)
    steps = {"colour": True, "thumbnail_size": 96, "crop_size": 96, "working_size": 96}
    apart = {}
    for name, stain in (("before", {}), ("after", {"stain": STAIN | {"rescale_codes": True}})):
        arm_of({"layout": "mvtec"}, steps | stain)
        list_files()
        prepare_folder.main(ARM)
        prepared = read_images(Path("data/prepared", ARM))
        colours, target = prepared.pixels.mean((1, 2)), prepared.index["id"].eq("train/good/0.png").to_numpy()
        apart[name] = np.abs(colours[~target] - colours[target]).mean()
    assert apart["after"] < apart["before"] / 3


def test_a_white_tile_has_a_row_with_the_reason_and_the_others_go_on(pictures: Path, tile: np.ndarray) -> None:
    for number, name in enumerate(NAMES):
        Image.fromarray(np.roll(tile, 11 * number, (0, 1))).save(pictures / name)
    Image.new("RGB", (96, 96), "white").save(pictures / "train/good/5.png")
    steps = {"colour": True, "thumbnail_size": 96, "crop_size": 96, "working_size": 32, "stain": STAIN}
    arm_of({"layout": "mvtec"}, steps | {"allowed_failures": 0.1})
    list_files()
    assert prepare_folder.main(ARM).endswith("14 of 15 images prepared, 1 failed")
    status = pd.read_csv(f"data/interim/{ARM}/images_status.csv").set_index("id")
    assert status.loc["train/good/5.png", "reason"].startswith("train/good/5.png: ")
    assert "train/good/5.png" not in set(read_images(Path("data/prepared", ARM)).index["id"])
    counts = pd.read_csv(f"reports/data/{ARM}/counts.csv").query("finding == 'all'").groupby("split")["images"].sum()
    assert (counts.drop("left out").sum(), counts["left out"]) == (14, 1)
    assert "could not be read or prepared" in Path(f"reports/data/{ARM}/split.md").read_text(encoding="utf-8")


def test_too_many_unreadable_images_fail_the_stage_and_name_the_first(pictures: Path) -> None:
    (pictures / "train/good/3.png").write_bytes(b"no picture")
    list_files()
    with pytest.raises(PipelineError, match=r"1 of 15 images failed.*first: train/good/3\.png is not a whole PNG file"):
        prepare_folder.main(ARM)


def test_a_target_that_is_not_there_is_named_with_its_key(pictures: Path) -> None:
    arm_of({"layout": "mvtec"}, {"colour": True, "stain": STAIN | {"target": "x.png"}})
    with pytest.raises(PipelineError, match=r"arms/images\.yaml:prepare_folder\.stain\.target names x\.png, but"):
        prepare_folder.main(ARM)


def test_a_target_that_changed_since_it_was_listed_is_refused(pictures: Path) -> None:
    arm_of({"layout": "mvtec"}, {"colour": True, "stain": STAIN})
    Image.fromarray(drawn("another", 3)).save(pictures / STAIN["target"])
    with pytest.raises(PipelineError, match=r"train/good/0\.png has another (size|content) than when it was listed"):
        prepare_folder.main(ARM)


def test_large_images_are_in_memory_fewer_at_a_time(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_folder.main(ARM)
    before = read_images(Path("data/prepared", ARM)).pixels.copy()
    monkeypatch.setattr(preparing, "MOST", 3 * 4 * 20**2)
    asked: list[int] = []
    thumbnails_of = ThumbnailArray.read
    monkeypatch.setattr(ThumbnailArray, "read", lambda self, rows: asked.append(len(rows)) or thumbnails_of(self, rows))
    monkeypatch.setattr("pipeline.compute.scratch.process_all", lambda job, items, *_: (job(item) for item in items))
    prepare_folder.main(ARM)
    assert asked[:4] == [4, 4, 4, 3]
    assert np.array_equal(read_images(Path("data/prepared", ARM)).pixels, before)


def test_two_runs_and_any_number_of_workers_give_the_same_bytes(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for workers in ("1", "2"):
        monkeypatch.setenv("PIPELINE_WORKERS", workers)
        prepare_folder.main(ARM)
        files = [file for top in ("data/prepared", "data/interim", "reports") for file in Path(top).rglob("*.*")]
        made.append({file.as_posix(): file.read_bytes() for file in files if file.is_file()})
        for top in ("data/prepared", "data/interim", "reports", ".cache"):
            shutil.rmtree(top)
    assert made[0] == made[1]


def test_arms_of_one_collection_decode_its_files_once(pictures: Path) -> None:
    prepare_folder.main(ARM)
    thumbnails = {file: file.stat().st_mtime_ns for file in Path(".cache/thumbnails").rglob("*.np[yz]")}
    steps = {"colour": True, "thumbnail_size": 20, "crop_size": 20, "working_size": 4}
    arm_of({"layout": "mvtec", "normal": ["good", "bad"], "validation_share": 0.5}, steps)
    with pytest.raises(PipelineError, match="no abnormal image is in test"):
        prepare_folder.main(ARM)
    arm_of({"layout": "mvtec", "validation_share": 0.5}, steps)
    prepare_folder.main(ARM)
    assert {file: file.stat().st_mtime_ns for file in Path(".cache/thumbnails").rglob("*.np[yz]")} == thumbnails


def test_arms_of_other_images_of_a_collection_leave_each_others_thumbnails_alone(pictures: Path) -> None:
    steps = {"colour": True, "thumbnail_size": 20, "crop_size": 16, "working_size": 8}
    for number, file in enumerate(("one.csv", "two.csv")):
        rows = [f"{name},{name.partition('/')[0]},{int('bad' in name)}" for name in NAMES[number:]]
        (pictures / file).write_text("\n".join(["path,split,label", *rows]), encoding="utf-8")
    kept = []
    for collection in ({"layout": "mvtec"}, *({"layout": "table", "file": file} for file in ("one.csv", "two.csv"))):
        arm_of(collection, steps)
        list_files()
        prepare_folder.main(ARM)
        kept.append(len([*Path(".cache/thumbnails").rglob("images.npy")]))
    assert kept == [1, 2, 3]


def test_a_search_prepares_the_same_images_under_other_settings_and_leaves_the_arms_own_alone(pictures: Path) -> None:
    prepare_folder.main(ARM)
    before = {file: file.read_bytes() for file in Path("data").rglob("*.*") if file.is_file()}
    own = read_arm(ARM).data_as(Settings)
    other = with_values(own, {"prepare_folder.crop_size": 20, "prepare_folder.working_size": 4})
    kind_of(own).prepare(ARM, other, Path("variant"), Path("rest"), 1)
    assert {file: file.read_bytes() for file in Path("data").rglob("*.*") if file.is_file()} == before
    made, prepared = read_images(Path("variant")), read_images(Path("data/prepared", ARM))
    assert made.pixels.shape == (15, 4, 4, 3)
    pd.testing.assert_frame_equal(made.index, prepared.index)
    small = Image.fromarray(drawn(NAMES[0], 3)).resize((20, 20), Image.Resampling.BILINEAR)
    expected = np.asarray(small.resize((4, 4), Image.Resampling.BILINEAR))
    assert np.array_equal(made.pixels[made.index["id"].tolist().index(NAMES[0])], expected)


def test_films_by_table_are_the_array_that_they_are_in_nihs_layout(in_folder: Path, collection: Collection) -> None:
    content = shipped()
    steps = {"thumbnail_size": 30, "crop_size": 22, "equalization": "histogram", "working_size": 8}
    content["arms/nih_pa.yaml"]["equalize_xrays"] |= steps
    write(content)
    collection.inventory(Path("data/raw/inventory/nih_pa.csv"))
    split_xrays.main("nih_pa")
    equalize_xrays.main("nih_pa")
    as_films = read_images(Path("data/prepared/nih_pa"))
    shutil.move(collection.root, Path("data/raw", ARM))
    rows = [
        f"images/{name},{as_films.index.set_index('id').loc[name, 'split']},{int(finding != 'No Finding')},{name[:8]}"
        for name, finding, _ in FILMS
        if name in set(as_films.index["id"])
    ]
    Path("data/raw", ARM, "images.csv").write_text("\n".join(["path,split,label,group", *rows]), encoding="utf-8")
    arm_of({"layout": "table", "unit": "patient"}, {"colour": False, **steps})
    list_files()
    prepare_folder.main(ARM)
    by_table = read_images(Path("data/prepared", ARM))
    np.testing.assert_array_equal(by_table.pixels, as_films.pixels)
    columns = ["split", "label", "group"]
    pd.testing.assert_frame_equal(by_table.index[columns].astype(str), as_films.index[columns].astype(str))
    assert len(TEST) > 0
