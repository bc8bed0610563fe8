from pathlib import Path

import pytest

from pipeline.data.linking import check_folder, check_link, link
from pipeline.errors import PipelineError

PLACE = Path("data/raw/mine")
NAMES = [
    "plain",
    "with spaces",
    'it\'s "quoted"',
    "$(touch PWNED)",
    "é 漢",
    "-rf",
    "two\nlines",
    "a;b|c&d>e",
    "..x",
    "%s{}",
]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "repository/data/raw").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repository")
    return tmp_path / "repository"


def collection(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "a.png").touch()
    return folder


def linked(folder: Path) -> str:
    check_folder(folder)
    check_link(PLACE, folder)
    link(PLACE, folder)
    assert (PLACE / "a.png").is_file()
    return str(PLACE.readlink())


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_outside_is_linked_by_its_whole_path_whatever_that_is(repository: Path, name: str) -> None:
    folder = collection(repository.parent / name)
    assert linked(folder) == str(folder.resolve())
    check_link(PLACE, folder)  # which is the same now


def test_a_relative_path_is_one_from_the_working_folder(repository: Path) -> None:
    collection(repository.parent / "other")
    assert linked(Path("../other")) == str(repository.parent / "other")


def test_a_folder_of_the_repository_is_linked_so_that_both_can_be_moved_together(repository: Path) -> None:
    collection(repository / "my images")
    assert linked(Path("my images")) == "../../my images"
    repository.rename(repository.parent / "moved")
    assert (repository.parent / "moved" / PLACE / "a.png").is_file()


def test_where_the_raw_data_are_a_link_to_a_disk_links_lead_on_from_there(repository: Path) -> None:
    (repository / "data/raw").rmdir()
    (repository.parent / "disk").mkdir()
    (repository / "data/raw").symlink_to(repository.parent / "disk")
    collection(repository / "images")
    assert linked(Path("images")) == str(repository / "images")


def test_a_link_is_followed_to_where_the_files_lie(repository: Path) -> None:
    folder = collection(repository.parent / "disk/version 3")
    (repository.parent / "current").symlink_to(folder)
    assert linked(repository.parent / "current") == str(folder)


def test_the_folder_of_raw_data_is_made(repository: Path) -> None:
    (repository / "data/raw").rmdir()
    linked(collection(repository.parent / "other"))


def test_what_is_missing_empty_or_a_file_is_no_collection(repository: Path) -> None:
    (repository / "file").touch()
    (repository / "empty").mkdir()
    (repository / "empty/.hidden").touch()
    (repository / "nowhere").symlink_to("gone")
    (repository / "loop").symlink_to("loop")
    for name, fault in {
        "absent": "is missing",
        "file": "is a file",
        "empty": "is empty",
        "nowhere": "leads nowhere",
        "loop": "leads nowhere",
        "two\nlines": "is missing",
    }.items():
        with pytest.raises(PipelineError, match=f" {fault}: ") as caught:
            check_folder(Path(name))
        assert str(caught.value).startswith(repr(name))


@pytest.mark.parametrize("inside", [".", "theirs", "theirs/deep", "link"])
def test_what_lies_in_the_raw_data_already_is_not_linked_again(repository: Path, inside: str) -> None:
    raw = repository / "data/raw"
    collection(raw / "theirs/deep")
    (raw / "link").symlink_to(collection(repository.parent / "disk"))
    with pytest.raises(PipelineError, match=r" is in data/raw already, under another name: leave --data out"):
        check_link(PLACE, Path("data/raw") / inside)


@pytest.mark.parametrize("around", [".", "data", ".."])
def test_a_folder_around_the_raw_data_is_no_collection(repository: Path, around: str) -> None:
    with pytest.raises(PipelineError, match=r" holds data/raw itself: name the folder of one collection"):
        check_link(PLACE, Path(around))


@pytest.mark.parametrize("there", ["folder", "link", "link to nothing", "file"])
def test_a_place_that_is_taken_stays_as_it_is(repository: Path, there: str) -> None:
    folder = collection(repository.parent / "mine")
    if there == "folder":
        collection(PLACE)
    elif there == "file":
        PLACE.touch()
    else:
        PLACE.symlink_to(repository.parent if there == "link" else "gone")
    with pytest.raises(
        PipelineError, match=r"^data/raw/mine is there, and is not .*: choose another name for the arm$"
    ):
        check_link(PLACE, folder)


def test_a_link_that_cannot_be_made_is_named_and_not_what_it_leads_to(repository: Path) -> None:
    folder = collection(repository.parent / "mine")
    PLACE.touch()
    with pytest.raises(PipelineError, match=r"^data/raw/mine cannot be made a link \(File exists\): see to data/raw"):
        link(PLACE, folder)
