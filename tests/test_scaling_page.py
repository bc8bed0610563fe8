import json

from benchmarks import RESULTS
from benchmarks.needs import table
from tests.import_closure import ROOT


def test_the_table_is_that_of_the_committed_rates() -> None:
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert table(json.loads(RESULTS.read_text(encoding="utf-8"))) in page
