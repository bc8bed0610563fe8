"""The sample of patients' X-rays, as it is shipped and as it is packed."""

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.data.archives import read_members
from pipeline.data.inventory import make_inventory
from pipeline.data.xrays.collection import read_collection
from pipeline.demo.nih_sample import NAME, SIDE, pack
from pipeline.layout import sample
from tests.import_closure import ROOT
from tests.shipped import shipped_xrays

REAL = Path(os.environ.get("PIPELINE_REAL_DATA", "absent")) / "nih"
SHIPPED = ROOT / sample(NAME)


def unpack(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return unpack(SHIPPED, tmp_path_factory.mktemp("unpacked"))


def test_a_clone_grows_by_less_than_four_megabytes() -> None:
    assert SHIPPED.stat().st_size < 4 * 10**6


def test_origin_terms_and_citation_lie_beside_it() -> None:
    said = SHIPPED.with_name(f"{NAME}.md").read_text(encoding="utf-8")
    for words in ("NIH Clinical Center", "nihcc.app.box.com", "no restriction", "Wang", "CVPR 2017", "are our own"):
        assert words in said


def test_patients_of_the_test_are_no_others_and_both_views_have_both_classes(unpacked: Path, tmp_path: Path) -> None:
    inventory = make_inventory(unpacked, tmp_path / "inventory.csv", tmp_path / "scratch.json")
    settings = shipped_xrays(NAME).split_xrays
    for view, tested in (("AP", [47, 118]), ("PA", [31, 140])):
        table, _ = read_collection(unpacked, inventory, settings.model_copy(update={"view": view}), NAME)
        used = table[table["split"] != ""]
        assert used.groupby("group")["split"].agg(lambda splits: len({*splits} & {"test"}) * len({*splits})).max() == 1
        assert used.loc[used["split"] == "test", "label"].value_counts().sort_index().tolist() == tested
        assert used.loc[used["label"] == 1, "findings"].str.contains("Pneumonia").all()


def test_x_rays_are_gray_and_small(unpacked: Path) -> None:
    for path in sorted((unpacked / "images").iterdir())[::50]:
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("L", (SIDE, SIDE))


def test_packing_keeps_the_tables_and_shrinks_the_x_rays_to_the_same_bytes_each_time(
    unpacked: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "films"
    lines = (unpacked / "Data_Entry_2017_v2020.csv").read_text(encoding="utf-8").splitlines(keepends=True)[:3]
    names = [line.split(",")[0] for line in lines[1:]]
    (folder / "images").mkdir(parents=True)
    texts = {"Data_Entry_2017_v2020.csv": "".join(lines), "train_val_list.txt": names[0], "test_list.txt": names[1]}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    flat = np.full((300, 300), 130, np.uint8)
    for name in names:
        Image.fromarray(flat).save(folder / "images" / name)
    assert pack(folder, tmp_path / "a.tar.gz") == 2
    assert pack(folder, tmp_path / "another" / "b.tar.gz") == 2
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "another" / "b.tar.gz").read_bytes()
    members = dict(read_members(tmp_path / "a.tar.gz"))
    assert {name: members[name].decode() for name in texts} == texts
    with Image.open(io.BytesIO(members[f"images/{names[0]}"])) as image:
        assert (image.size, image.getextrema()) == ((SIDE, SIDE), (130, 130))


@pytest.mark.skipif(not REAL.is_dir(), reason="PIPELINE_REAL_DATA names no folder with the X-rays")
def test_the_x_rays_as_they_came_give_the_archive_that_is_shipped(tmp_path: Path) -> None:
    pack(REAL, tmp_path / "again.tar.gz")
    assert (tmp_path / "again.tar.gz").read_bytes() == SHIPPED.read_bytes()
