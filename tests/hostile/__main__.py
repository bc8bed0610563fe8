"""Count how many hostile inputs hold, area by area: ``python -m tests.hostile`` (arguments go to pytest)."""

import sys
from collections import Counter
from pathlib import Path

import pytest
from tabulate import tabulate


class Count:
    """Counts the inputs of each module and those that hold, from the reports of pytest."""

    def __init__(self) -> None:
        self.inputs: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        area = Path(report.nodeid.split("::")[0]).stem.removeprefix("test_").replace("_", " ")
        if report.when == "call" or (report.when == "setup" and not report.passed):
            self.inputs[area] += not report.skipped
            self.held[area] += report.passed
            if report.failed:
                self.failed.append(report.nodeid.split("/")[-1])


def main() -> int:
    """Run the battery and print the table, and the inputs that do not hold."""
    count = Count()
    status = pytest.main(["-q", "--tb=no", "--no-header", "-rN", str(Path(__file__).parent), *sys.argv[1:]], [count])
    rows = [{"area": area, "inputs": n, "held": count.held[area]} for area, n in sorted(count.inputs.items())]
    total = {"area": "all", "inputs": count.inputs.total(), "held": count.held.total()}
    print(tabulate([*rows, total], headers="keys", tablefmt="github"))
    print("\n".join(count.failed))
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
