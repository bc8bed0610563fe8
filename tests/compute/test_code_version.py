from pipeline.compute.code_version import library
from tests.import_closure import ROOT


def test_it_is_of_the_whole_library() -> None:
    assert library() == sorted((ROOT / "pipeline").rglob("*.py"))
