from pathlib import Path

import pytest

from pipeline.arms import Arm
from pipeline.data.kinds import is_given
from pipeline.errors import PipelineError
from pipeline.new_arm import check_name, collection_named, made_like
from tests.import_closure import ROOT
from tests.shipped import shipped_arm

ARMS = {name: shipped_arm(name) for name in ("camelyon16", "demo_xrays", "images", "nih_pa", "nih_ap")}


@pytest.mark.parametrize("name", ["mine", "Mine-2.b_c", "7", "_", "nih_pa", "camelyon16", "images"])
def test_an_arm_can_have_any_name_that_nothing_else_has(name: str) -> None:
    check_name(name, ARMS)


@pytest.mark.parametrize("name", ["", "a b", "../mine", ".mine", "-m", "$(touch PWNED)", "mine\n", "é", "a/b", "a:b"])
def test_a_word_that_a_shell_or_a_disk_would_read_otherwise_is_no_name(name: str) -> None:
    with pytest.raises(PipelineError) as caught:
        check_name(name, ARMS)
    assert str(caught.value).startswith(f"{name!r} cannot be a name: begin with a letter, a digit or _, and go on with")


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("NIH_PA", "NIH_PA is arms/nih_pa.yaml, but for the size of letters"),
        ("nih", "nih is the collection of nih_"),
        ("NIH", "NIH is the collection of nih_"),
        ("demo_slides", "demo_slides is what the demo's collection is called"),
        ("demo_folders", "demo_folders is what the demo's collection is called"),
        ("inventory", "inventory is a name that the pipeline uses itself"),
        ("demo", "demo is a name that the pipeline uses itself"),
        ("checked.txt", "checked.txt is a name that the pipeline uses itself"),
    ],
)
def test_a_name_that_others_have_is_refused(name: str, taken: str) -> None:
    with pytest.raises(PipelineError) as caught:
        check_name(name, ARMS)
    assert str(caught.value).startswith(taken)
    assert str(caught.value).endswith(": choose another name for the arm")


@pytest.mark.parametrize(
    ("like", "given", "collection"),
    [
        ("nih_pa", {}, "mine"),
        ("nih_pa", {"split_xrays.collection": "nih"}, "nih"),
        ("nih_pa", {"split_xrays.collection": None}, "mine"),  # which the arm's own check refuses
        ("images", {"collection.folder": "theirs"}, "theirs"),
        ("camelyon16", {"collection.folder": "theirs"}, "mine"),
    ],
)
def test_a_collection_has_the_arms_name_unless_another_is_given(
    like: str, given: dict[str, str | None], collection: str
) -> None:
    assert collection_named(ARMS[like], "mine", given) == collection


@pytest.mark.parametrize("collection", ["../..", "/etc", 5, ["nih"]])
def test_a_collection_is_a_folder_of_the_raw_data(collection: object) -> None:
    with pytest.raises(PipelineError, match="cannot be a name"):
        collection_named(ARMS["nih_pa"], "mine", {"split_xrays.collection": collection})


@pytest.mark.parametrize(
    ("key", "given"),
    [("a.b", True), ("a.b.c", True), ("a", True), ("a.bc", False), ("a.c", False), ("b", False), ("ab", False)],
)
def test_what_is_above_or_below_a_given_key_is_given(key: str, given: bool) -> None:
    assert is_given(key, {"a.b": 1}) == given


@pytest.fixture
def films(in_folder: Path) -> Path:
    (in_folder / "arms").mkdir()
    films = in_folder / "films"
    films.mkdir()
    (films / "Data_Entry_2017_v2020.csv").touch()
    return films


def copied(text: str, films: Path) -> str:
    Path("arms/theirs.yaml").write_text(text, encoding="utf-8")
    return made_like(Arm("theirs", shipped_arm("nih_pa").content), "mine", films, {}).text


def test_the_first_lines_say_what_a_file_was_made_from_and_name_it(films: Path) -> None:
    rest = (ROOT / "arms/nih_pa.yaml").read_text(encoding="utf-8").split("\n", 2)[2]
    expected = rest.replace("collection: nih", "collection: mine")
    assert copied(rest, films) == f"# mine, made from arms/theirs.yaml\n{expected}"
    head = "# About it.\n# As in -S arms/theirs.yaml:seed=1, arms/theirs.yaml\n"
    again = "# mine, made from arms/theirs.yaml: About it.\n# As in -S arms/mine.yaml:seed=1, arms/mine.yaml\n"
    assert copied(head + rest, films) == again + expected
    later = f"{rest}# arms/theirs.yaml\n"
    assert copied(later, films).endswith("# arms/theirs.yaml\n")


def test_a_copy_of_a_copy_says_so(films: Path) -> None:
    text = (ROOT / "arms/nih_pa.yaml").read_text(encoding="utf-8")
    once = copied(text, films)
    twice = copied(once, films)
    assert twice.startswith("# mine, made from arms/theirs.yaml: mine, made from arms/theirs.yaml: The PA views of NIH")
