from pathlib import Path

import pytest

from pipeline.data.images import write_images
from tests.in_process import Done, call
from tests.shipped import shipped, write
from tests.tuning.conftest import ARM, arm_index, arm_pixels

PAGE = Path(f"reports/first-look/{ARM}.md")


def prepare(folder: Path, test: int) -> None:
    """Write the arm with test images and labels of some value."""
    index = arm_index()
    pixels, tested = arm_pixels(index), (index["split"] == "test").to_numpy()
    pixels[tested] = test
    index.loc[tested, "label"] = test % 2
    write_images(folder / "data/prepared" / ARM, [pixels], index, {"unit": "patient"})


def look(folder: Path) -> Done:
    done = call("first-look", ARM, folder=folder)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.usefixtures("networks_read_once")
def test_what_is_printed_is_kept_and_the_same_whatever_the_test_images_are(in_folder: Path) -> None:
    write(shipped())
    pages = []
    for test in (0, 255):
        prepare(in_folder, test)
        printed = look(in_folder).stdout
        assert PAGE.read_text(encoding="utf-8") == printed
        pages.append(PAGE.read_bytes())
    assert pages[0] == pages[1]
    assert str(in_folder).encode() not in pages[0]


def test_a_path_is_no_arm(in_folder: Path) -> None:
    write(shipped())
    done = call("first-look", "../params", folder=in_folder)
    assert done.returncode == 1
    assert done.stderr.startswith("error: '../params' is not an arm: choose from camelyon16, ")


@pytest.mark.parametrize(
    ("arm", "advice"),
    [
        ("nih_sample", "run `dvc repro equalize_xrays@nih_sample`, which prepares it"),
        ("nih_pa", "name nih_pa in arms.xrays of params.yaml, and run `dvc repro equalize_xrays@nih_pa`"),
    ],
)
def test_an_arm_that_is_not_prepared_says_what_prepares_it(in_folder: Path, arm: str, advice: str) -> None:
    write(shipped())
    done = call("first-look", arm, folder=in_folder)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: data/prepared/{arm} is missing: {advice}")
