"""Print docs/results.md, which is made from the scores of patients' images that are kept under reports/real.

`python -m pipeline results > docs/results.md` writes the page anew after a change of them.
"""

import argparse
from collections.abc import Sequence

from pipeline.params.file import read_params
from pipeline.real.page import results_page


def main(words: Sequence[str]) -> int:
    """Print the page.

    Raises:
        PipelineError: If scores or text are missing or damaged.
    """
    argparse.ArgumentParser(prog="python -m pipeline results", description=__doc__).parse_args(words)
    params = read_params()
    print(results_page(params.detectors[0], params.compute_metrics), end="")
    return 0
