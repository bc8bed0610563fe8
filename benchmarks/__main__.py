"""``make bench``: run every benchmark, print a table, write results.json."""

from rich.console import Console
from rich.table import Table

from benchmarks import RESULTS, cluster, detectors, evaluation, folders, scale, scoring, slides, stain, training, xrays
from pipeline.files import write_json


def main() -> None:
    """Write one flat object, name to number; ratios are 'times faster than the named alternative'."""
    results = {
        name: round(value, 3)
        for benchmark in (stain, slides, xrays, folders, training, detectors, evaluation, scoring, cluster, scale)
        for name, value in benchmark.run().items()
    }
    write_json(RESULTS, results)
    table = Table("benchmark", "result", title="Ratios: times faster than the named alternative")
    for name, value in sorted(results.items()):
        table.add_row(name, f"{value:g}")
    Console().print(table)


if __name__ == "__main__":
    main()
