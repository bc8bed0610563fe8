import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.commands import check_data as checking
from pipeline.data.checking import check_files
from pipeline.data.kinds import Files
from pipeline.data.slides.kind import CAMELYON16
from pipeline.data.xrays.kind import NIH
from pipeline.errors import PipelineError
from tests.import_closure import ROOT
from tests.in_process import call
from tests.shipped import shipped, with_values, write


def states(paths: list[str], expected: Files) -> dict[str, str]:
    return {pattern: state for pattern, _, _, state in check_files(paths, expected)}


def test_a_whole_download_is_complete_wherever_its_images_lie() -> None:
    lists = ["Data_Entry_2017_v2020.csv", "train_val_list.txt", "test_list.txt"]
    images = [f"images_{1 + i % 12:03}/images/{i:08}_000.png" for i in range(112120)]
    assert set(states(lists + images, NIH).values()) == {"complete"}


def test_an_unfinished_download_is_incomplete() -> None:
    paths = [f"training/normal/normal_{i:03}.tif" for i in range(1, 100)]
    found = states(paths, CAMELYON16)
    assert found["training/normal/*.tif"] == "incomplete"
    assert found["testing/reference.csv"] == "missing"


@pytest.fixture
def repository(in_folder: Path) -> Path:
    write(shipped())
    return in_folder


def test_an_arm_without_data_is_an_error_before_hours_are_spent(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checking.main(["nih_pa"]) == 1
    assert "nih_pa needs the collection nih" in capsys.readouterr().err


def test_an_arm_with_half_its_data_is_an_error_too_but_is_listed(repository: Path) -> None:
    (repository / "data" / "raw" / "nih").mkdir(parents=True)
    (repository / "data" / "raw" / "nih" / "train_val_list.txt").touch()
    assert checking.main(["nih_ap"]) == 1
    listed = {path.name for path in (repository / "data" / "raw" / "inventory").iterdir()}
    assert listed == {"nih_pa.csv", "nih_ap.csv", "nih_subset.csv"}


def test_arms_of_several_kinds_of_data_may_be_of_one_collection(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = shipped()
    content["arms/images.yaml"]["collection"] = {"layout": "table", "folder": "nih"}
    write(content)
    root = repository / "data" / "raw" / "nih"
    (root / "images").mkdir(parents=True)
    for number in range(3):
        (root / "images" / f"{number}.png").write_bytes(b"%d" % number)
    rows = ["path,split,label", "images/0.png,train,0", "images/1.png,test,0", "images/2.png,test,1"]
    (root / "images.csv").write_text("\n".join(rows), encoding="utf-8")
    assert checking.main(["images"]) == 0
    assert "112120" not in capsys.readouterr().out
    assert checking.main(["images", "nih_subset"]) == 1
    assert "112120" in capsys.readouterr().out


def test_the_sample_and_the_demo_need_nothing(repository: Path) -> None:
    (repository / "arms" / "nih_sample.tar.gz").touch()
    assert checking.main([]) == 0


def test_a_collection_that_comes_with_the_repository_is_unpacked_and_not_missing(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "arms" / "nih_sample.tar.gz").touch()
    assert checking.main(["nih_sample"]) == 0
    assert re.search(r"nih_sample .* unpacked by", capsys.readouterr().out)


def test_an_unknown_arm_is_named(repository: Path) -> None:
    with pytest.raises(PipelineError, match="'nih' is not an arm"):
        checking.main(["nih"])


def put_a_slide(repository: Path) -> None:
    (repository / "data" / "raw" / "camelyon16").mkdir(parents=True, exist_ok=True)
    (repository / "data" / "raw" / "camelyon16" / "normal_001.tif").touch()


def check_data(repository: Path, most_bytes: int = -1, **environment: str) -> subprocess.CompletedProcess[str]:
    put_a_slide(repository)
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "check-data", "camelyon16"],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", **environment},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, -1)),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_full_disk_is_one_sentence(repository: Path) -> None:
    done = check_data(repository, most_bytes=0)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith(
        "error: the disk is full (File too large: .cache/inventory/camelyon16.json): make room"
    )
    assert not list(repository.rglob(".partial-*"))


@pytest.mark.parametrize("taken", [".cache", "data/raw/inventory"])
def test_a_file_where_a_folder_has_to_be_is_one_sentence(repository: Path, taken: str) -> None:
    (repository / taken).parent.mkdir(parents=True, exist_ok=True)
    (repository / taken).touch()
    put_a_slide(repository)
    done = call("check-data", "camelyon16", folder=repository)
    expected = f"error: {taken} is not a folder, but has to be one: move it away and run again\n"
    assert (done.returncode, done.stderr) == (1, expected)


def test_the_table_is_shown_on_a_terminal_without_its_signs(repository: Path) -> None:
    done = check_data(repository, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", LC_ALL="C")
    assert done.stderr == "error: camelyon16 needs the collection camelyon16, which is not whole (see above)\n"
    assert " 159?160 " in done.stdout


def described(arm: str, csv: str) -> None:
    """Describe four small files by a CSV, as the collection ``mine`` of an arm."""
    section = "collection" if arm == "mine" else "split_xrays"
    own = {"validation_tumour": [], "excluded": [], "not_exhaustively_annotated": []}
    values = {"table": "mine.csv", "validation_share": 0.0}
    values |= own if arm == "mine" else {"collection": "mine", "lists": None}
    copied = "camelyon16" if arm == "mine" else arm
    content = with_values(*((f"arms/{copied}.yaml:{section}.{key}", value) for key, value in values.items()))
    write({f"arms/{arm}.yaml": content[f"arms/{copied}.yaml"]})
    raw = Path("data/raw/mine")
    raw.mkdir(parents=True)
    for name in ("a.png", "b.png", "c.png", "a.svs"):
        (raw / name).write_text(name, encoding="utf-8")
    (raw / "mine.csv").write_text(csv, encoding="utf-8")


XRAYS = "path,patient,view,findings,split\na.png,p1,PA,,train\nb.png,p2,PA,,test\nc.png,p2,PA,{finding},test\n"


@pytest.mark.parametrize(
    ("arm", "csv", "message"),
    [
        ("nih_pa", XRAYS.format(finding="Mass").replace("p2,PA", "p2,LL"), r"mine\.csv, row 3, column 'view': 'LL' is"),
        ("nih_pa", XRAYS.format(finding=""), "mine: no abnormal image is in test"),
        ("mine", "path,role,annotation,group\na.svs,training,,\n", r"mine\.csv, row 2: the role 'training' is not"),
    ],
)
def test_a_mistake_in_the_csv_of_a_collection_is_said_when_its_files_are_listed(
    repository: Path, capsys: pytest.CaptureFixture[str], arm: str, csv: str, message: str
) -> None:
    described(arm, csv)
    assert checking.main([arm]) == 1
    assert re.search(f"error: {arm}: .*{message}", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("arm", "key", "layout"),
    [
        ("nih_pa", "split_xrays.table", r"holds neither Data_Entry_2017_v2020\.csv nor"),
        ("mine", "collection.table", r"testing/reference\.csv is missing"),
    ],
)
def test_a_csv_that_is_missing_or_not_named_is_said_with_its_key(
    repository: Path, capsys: pytest.CaptureFixture[str], arm: str, key: str, layout: str
) -> None:
    described(arm, XRAYS)
    (repository / "data/raw/mine/mine.csv").unlink()
    assert checking.main([arm]) == 1
    missing = rf"^error: {arm}: arms/{arm}\.yaml:{key} names mine\.csv, but data/raw/mine/mine\.csv is missing: add it"
    assert re.search(missing, capsys.readouterr().err)
    file = repository / f"arms/{arm}.yaml"
    content = json.loads(file.read_text(encoding="utf-8"))
    section = content[key.partition(".")[0]]
    section |= {"table": None, **({"lists": "official"} if "lists" in section else {})}
    file.write_text(json.dumps(content), encoding="utf-8")
    assert checking.main([arm]) == 1
    assert re.search(rf"^error: {arm}: data/raw/mine.*{layout}.* in arms/{arm}\.yaml:{key}$", capsys.readouterr().err)


def test_a_right_csv_is_read_without_a_word(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    described("nih_pa", XRAYS.format(finding="Mass"))
    assert checking.main(["nih_pa"]) == 0
    assert capsys.readouterr().err == ""
