"""report.html of new images: one file that opens anywhere, without any request."""

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.scoring.model import Model


def write_page(out: Path, table: pd.DataFrame, facts: dict[str, Any], model: Model) -> None:
    """Write the page."""
