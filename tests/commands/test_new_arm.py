"""``new-arm`` in folders that have the shipped params.yaml and some of the arms."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.arms import read_arm
from pipeline.commands import new_arm, remove_arm
from tests.commands.repositories import (
    ABOUT,
    VARIANT,
    XRAYS,
    add_shipped,
    changed_lines,
    images,
    make,
    refused,
    slides,
    snapshot,
    write_images,
    xrays,
)
from tests.import_closure import ROOT
from tests.shipped import read_all


def test_a_folder_of_xrays_is_an_arm_in_one_command(repository: Path) -> None:
    like, params = (Path(file).read_text(encoding="utf-8") for file in ("arms/nih_pa.yaml", "params.yaml"))
    done = make(repository, "mine", "--like", "nih_pa", "--data", xrays(repository.parent / "films"))
    assert changed_lines(like, Path("arms/mine.yaml").read_text(encoding="utf-8")) == [
        f"-# {ABOUT}",
        f"-# {VARIANT.format('nih_pa')}",
        f"+# mine, made from arms/nih_pa.yaml: {ABOUT}",
        f"+# {VARIANT.format('mine')}",
        "-  collection: nih",
        "-  table:",
        "-  lists: official",
        "+  collection: mine",
        "+  table: xrays.csv",
        "+  lists:",
    ]
    lists = changed_lines(params, Path("params.yaml").read_text(encoding="utf-8"))
    assert lists == ["-  xrays: []", "+  xrays:", "+  - mine", "+  - mine"]
    assert Path("data/raw/mine").readlink() == repository.parent / "films"
    assert Path("data/raw/inventory/mine.csv").is_file()
    listed = read_all().arms
    assert (listed.prepared["mine"], listed.train) == ("xrays", ("images", "mine"))
    assert "│ mine       │ *     │ 4     │ 1–       │ complete │" in done.stdout
    assert done.stderr == ""


def test_what_to_run_next_is_said_with_how_to_undo_it(repository: Path) -> None:
    done = make(repository, "mine", "--like", "images", "--data", images(repository.parent / "mine"))
    *_, environment, _, prepared, alone, _, look, _, long, commit, undo = done.stdout.splitlines()
    assert environment == "Next, in the environment (source .venv/bin/activate):"
    assert prepared.startswith("    prepares mine, fits dpa (2 seeds), knn, ")
    assert prepared.endswith(" and reports them beside images")
    assert alone == "  dvc repro compute_metrics@mine && dvc repro -s check_params report"
    assert look == "  dvc repro prepare_folder@mine && make first-look ARM=mine"
    assert long.startswith("It takes as long as images does for as many images. Then open reports/report.html, and ")
    assert commit == "(git add params.yaml arms dvc.lock reports) before you try variants."
    assert undo == "To undo all this: python -m pipeline remove-arm mine"


def test_abnormal_images_of_training_are_said_to_be_left_out_and_how_they_may_choose(repository: Path) -> None:
    folder = images(repository.parent / "images")
    write_images(folder, "train/crack/1.png", "train/hole/1.png", "train/hole/2.png")
    words = ["mine", "--like", "images", "--data", folder]
    said = make(repository, *words).stdout
    assert "3 abnormal images of the training split are left out" in said
    assert "collection.validation_anomalies=[crack, hole]" in said
    remove_arm.main(["mine"])
    said = make(repository, *words, "--set", "collection.validation_anomalies=[crack, hole]").stdout
    assert "abnormal images" not in said


def test_a_folder_of_slides_gets_all_that_named_drawn_slides_anew(repository: Path) -> None:
    add_shipped("demo_slides")
    done = make(repository, "mine", "--like", "demo_slides", "--data", slides(repository.parent / "scans"))
    collection, target = read_arm("mine").content["collection"], read_arm("mine").content["normalize_tiles"]["target"]
    assert (collection["generated"], collection["table"], collection["validation_tumour"]) == (False, "slides.csv", [])
    assert target == {"file": "a.tif", "region": {"x": 0, "y": 256, "size": 1536}}
    assert "Chosen: all tiles are given the stains of the square of a.tif with most tissue: " in done.stdout
    assert read_all().arms.slides == ("mine",)


def test_a_folder_in_classes_is_an_arm_of_folders_and_what_was_guessed_is_said(repository: Path) -> None:
    folder = images(repository.parent / "images")
    done = make(repository, "mine", "--like", "images", "--data", folder)
    like = read_arm("images").content["collection"]
    assert read_arm("mine").content["collection"] == like | {"layout": "mvtec", "folder": "mine"}
    assert "Chosen" not in done.stdout
    (folder / "test/crack").rename(folder / "test/Ungood")
    done = make(repository, "other", "--like", "images", "--data", folder)
    assert read_arm("other").content["collection"] == like | {"layout": "bmad", "folder": "other"}
    assert (
        "Chosen: its layout is taken for that of bmad, since there is a folder Ungood in valid or test." in done.stdout
    )
    assert read_all().arms.folders == ("images", "mine", "other")


def test_settings_are_given_in_yaml_over_what_is_copied_and_chosen(repository: Path) -> None:
    given = ["detectors.dpa.latent_dim=32", "detectors.dpa.schedule.64={layers: [r42], transition: 1, stable: 2, "]
    given = [given[0], f"{given[1]}batch_size: 8}}", "split_xrays.validation_findings=[Mass, 'No: 1']"]
    words = [word for setting in (*given, "split_xrays.view=", "seed=1") for word in ("--set", setting)]
    folder = xrays(repository.parent / "films")
    assert "arms/mine.yaml: seed: is not a known key; is it misspelt?" in refused(
        repository, "mine", "--like", "nih_pa", "--data", folder, *words
    )
    make(repository, "mine", "--like", "nih_pa", "--data", folder, *words[:-2])
    content = read_arm("mine").content
    assert content["detectors"]["dpa"]["latent_dim"] == 32
    assert content["detectors"]["dpa"]["schedule"]["64"]["stable"] == 2
    assert content["split_xrays"]["validation_findings"] == ["Mass", "No: 1"]
    assert content["split_xrays"]["view"] is None


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "detectors.dpa.latent_dims=3",
            "arms/mine.yaml: detectors.dpa.latent_dims: is not a known key; is it misspelt?",
        ),
        ("detectors.dpa.latent_dim=many", "arms/mine.yaml: detectors.dpa.latent_dim: Input should be a valid integer"),
        ("detectors.dpa.grow=1", "arms/mine.yaml: detectors.dpa.grow: Input should be a valid boolean (found 1)"),
        ("detectors.dpa.channels.0=3", "detectors.dpa.channels.0: detectors.dpa.channels holds no keys: name it as a"),
        ("detectors.nobody={}", "nobody"),
        ("detectors.knn=", "arms/mine.yaml: detectors.knn: Input should be an object"),
        ("detectors={dpa: {}}", "arms/mine.yaml: "),
        ("equalize_xrays.working_size=32", "arms/mine.yaml: equalize_xrays.working_size is 32, detectors."),
        ("kind=slides", "arms/mine.yaml: split_xrays: is not a known key"),
        ("split_xrays.collection=demo_xrays", "'data/raw/demo_xrays' is missing"),
        ("split_xrays.collection=../../etc", "'../../etc' cannot be a name: begin with a letter"),
        ("latent_dim", "--set takes KEY=VALUE, as detectors.dpa.latent_dim=32, and not 'latent_dim'"),
        ("=3", "--set takes KEY=VALUE"),
        ("detectors.dpa.depth=[", "--set detectors.dpa.depth is not valid YAML"),
        (
            "detectors.dpa.depth=!!python/object/apply:os.system ['touch PWNED']",
            "--set detectors.dpa.depth is not valid",
        ),
        ("a..b=3", "arms/mine.yaml: a: is not a known key"),
        ("split_xrays.table=absent.csv", "split_xrays.table names absent.csv, which is not in "),
        ("split_xrays.table=../xrays.csv", "leaves the collection's folder"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence_and_leaves_nothing(
    repository: Path, setting: str, message: str
) -> None:
    folder = xrays(repository.parent / "films")
    data = [] if "collection" in setting else ["--data", folder]
    assert message in refused(repository, "mine", "--like", "nih_pa", *data, "--set", setting)


def test_a_collection_that_is_named_within_something_else_is_not_overlooked(repository: Path) -> None:
    section = "split_xrays={generated: false, collection: theirs, table: xrays.csv, lists: , view: , "
    section += "validation_findings: [], validation_share: 0.5, seed: 0}"
    folder = xrays(repository.parent / "films")
    message = refused(repository, "mine", "--like", "nih_pa", "--data", folder, "--set", section)
    assert "name the collection by --set split_xrays.collection=… itself" in message


def test_a_search_that_cannot_be_is_refused_too(repository: Path) -> None:
    add_shipped("demo_xrays")
    words = ["mine", "--like", "demo_xrays", "--data", xrays(repository.parent / "films"), "--set"]
    assert "arms/mine.yaml: tune.folds: Input should be gr" in refused(repository, *words, "tune.folds=1")
    impossible = "tune.space.latent.wide.detectors.dpa.latent_dims=3"
    assert "arms/mine.yaml: tune.space, equalization: none, latent: wide: " in refused(repository, *words, impossible)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("$(touch PWNED)", "'$(touch PWNED)' cannot be a name: begin with a letter, a digit or _"),
        ("nih_pa", "arms/nih_pa.yaml is there already: choose another name for the arm"),
        ("nih", "nih is the collection of nih_pa: choose another name"),
        ("m" * 300, "… is too long for the name of a file: shorten the name that it was made from"),
    ],
)
def test_a_name_that_cannot_be_is_one_sentence(repository: Path, name: str, message: str) -> None:
    assert message in refused(repository, name, "--like", "nih_pa", "--data", xrays(repository.parent / "films"))


def test_an_arm_to_be_like_has_to_be_there(repository: Path) -> None:
    for like in ("", "nobody", "../params", "nih_pa.yaml"):
        message = refused(repository, "mine", "--like", like, "--data", xrays(repository.parent / "films"))
        assert message == f"error: {like!r} is not an arm: --like takes one of images, nih_pa\n"


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda folder: None, " is missing: name the folder that holds the collection, by --data"),
        (lambda folder: folder.touch(), " is a file: "),
        (lambda folder: folder.mkdir(), " is empty: "),
        (lambda folder: (folder / "inner").mkdir(parents=True), " holds no CSV with the columns "),
        (lambda folder: write_images(folder, "a.png"), " holds no CSV with the columns "),
    ],
)
def test_a_folder_that_is_no_collection_is_one_sentence(
    repository: Path, made: Callable[[Path], None], message: str
) -> None:
    made(repository.parent / "films")
    assert message in refused(repository, "mine", "--like", "nih_pa", "--data", repository.parent / "films")


def test_without_a_folder_the_collection_has_to_lie_where_arms_look_for_it(repository: Path) -> None:
    assert "'data/raw/mine' is missing: name the folder" in refused(repository, "mine", "--like", "nih_pa")
    xrays(repository / "data/raw/mine")
    done = make(repository, "mine", "--like", "nih_pa")
    assert "data/raw/mine is its collection" in done.stdout


@pytest.mark.parametrize("name", ["it's $HOME", "two\nlines", '"; touch PWNED; "', "é\u0301漢", "-x"])
def test_a_folder_of_any_name_will_do(repository: Path, name: str) -> None:
    make(repository, "mine", "--like", "nih_pa", f"--data={xrays(repository.parent / name)}")
    assert (repository / "data/raw/mine/xrays.csv").is_file()
    assert not [*repository.parent.rglob("PWNED")]


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        (XRAYS.replace("Mass", ""), "error: mine: mine: no abnormal image is in test"),
        (
            XRAYS.replace("c.png", "d.png"),
            "error: mine: data/raw/mine/xrays.csv, row 4, column 'path': 'd.png' is no PNG",
        ),
    ],
)
def test_data_that_are_not_right_leave_nothing_but_a_table_and_what_is_wrong(
    repository: Path, csv: str, message: str
) -> None:
    folder = xrays(repository.parent / "films")
    (folder / "xrays.csv").write_text(csv, encoding="utf-8")
    before = snapshot(repository)
    done = make(repository, "mine", "--like", "nih_pa", "--data", folder, fails=True)
    assert snapshot(repository) == before
    wrong, last = done.stderr.splitlines()
    assert wrong.startswith(message)
    assert last == "error: mine was not added: put the data right and run this again"
    assert "│ mine " in done.stdout
    (folder / "xrays.csv").write_text(XRAYS, encoding="utf-8")
    make(repository, "mine", "--like", "nih_pa", "--data", folder)


@pytest.mark.parametrize(
    ("last", "word"),
    [("link", ""), ("check_collections", ""), ("write_text", "mine.yaml"), ("write_text", "params.yaml")],
)
def test_an_interruption_leaves_nothing(
    repository: Path, monkeypatch: pytest.MonkeyPatch, last: str, word: str
) -> None:
    done = getattr(new_arm, last)
    left = [KeyboardInterrupt]

    def interrupted(*arguments: Any) -> None:
        done(*arguments)
        if word in str(arguments[0]) and left:
            raise left.pop()

    folder = xrays(repository.parent / "films")
    before = snapshot(repository)
    monkeypatch.setattr(new_arm, last, interrupted)
    make(repository, "mine", "--like", "nih_pa", "--data", folder, fails=True)
    assert snapshot(repository) == before


def test_a_full_disk_leaves_nothing(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = new_arm.write_text

    def until_full(file: Path, text: str) -> None:
        if file.name == "params.yaml":
            raise OSError(errno.ENOSPC, "No space left on device", str(file))
        whole(file, text)

    folder = xrays(repository.parent / "films")
    before = snapshot(repository)
    monkeypatch.setattr(new_arm, "write_text", until_full)
    done = make(repository, "mine", "--like", "nih_pa", "--data", folder, fails=True)
    assert done.stderr.startswith("error: the disk is full (No space left on device: params.yaml): make room")
    assert snapshot(repository) == before


def test_a_second_run_changes_nothing_and_says_so(repository: Path) -> None:
    words = [
        "mine",
        "--like",
        "nih_pa",
        "--data",
        xrays(repository.parent / "films"),
        "--set",
        "evaluate.gallery_images=4",
    ]
    make(repository, *words)
    files = [repository / "params.yaml", repository / "arms/mine.yaml", repository / "data/raw/inventory/mine.csv"]
    before, times = snapshot(repository), [file.stat().st_mtime_ns for file in files]
    done = make(repository, *words)
    assert "mine is an arm already, just so: nothing was changed" in done.stdout
    assert "arms/mine.yaml is arms/nih_pa.yaml with" not in done.stdout
    make(repository, *words[:3], *words[5:])  # data/raw/mine is there
    assert (snapshot(repository), [file.stat().st_mtime_ns for file in files]) == (before, times)


def test_a_second_run_that_would_change_something_is_refused(repository: Path) -> None:
    folder = xrays(repository.parent / "films")
    make(repository, "mine", "--like", "nih_pa", "--data", folder)
    assert "error: arms/mine.yaml is there, with other settings than these: change it by hand, or " in refused(
        repository, "mine", "--like", "nih_pa", "--set", "evaluate.gallery_images=4"
    )
    assert "arms/mine.yaml is there already: choose another name" in refused(repository, "mine", "--like", "images")
    other = xrays(repository.parent / "other")
    assert "data/raw/mine is there, and is not" in refused(repository, "mine", "--like", "nih_pa", "--data", other)


def test_a_second_run_finishes_what_was_killed(repository: Path) -> None:
    words = ["mine", "--like", "nih_pa", "--data", xrays(repository.parent / "films")]
    lists = Path("params.yaml").read_bytes()
    make(repository, *words)
    after = snapshot(repository)
    Path("params.yaml").write_bytes(lists)
    make(repository, *words)
    assert snapshot(repository) == after


def test_a_repository_that_is_not_right_gets_no_arm(repository: Path) -> None:
    (repository / "arms/images.yaml").write_text("kind: folders\n", encoding="utf-8")
    folder = xrays(repository.parent / "films")
    assert "arms/images.yaml: evaluate: is missing" in refused(repository, "mine", "--like", "nih_pa", "--data", folder)


def test_the_first_stage_takes_the_arm_and_it_goes_without_a_trace(repository: Path) -> None:
    """As its users call it, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    folder = images(repository.parent / "it's mine")

    def run(*words: str) -> str:
        command = [sys.executable, "-m", *words]
        done = subprocess.run(command, env=environment, cwd=repository, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    before = snapshot(repository)
    run("pipeline", "new-arm", "mine", "--like", "images", "--data", str(folder))
    assert run("stages.check_params") == "params.yaml and arms/ are valid; to be made: nothing\n"
    shutil.rmtree(repository / "data/interim")
    run("pipeline", "remove-arm", "mine")
    assert snapshot(repository) == before
