"""Collect the results of all arms into one report: ``python -m stages.report``."""

from pathlib import Path

from pipeline.files import atomic, write_json, write_text
from pipeline.params.file import read_params
from pipeline.reporting.facts import arm_facts
from pipeline.reporting.html import html_page
from pipeline.reporting.markdown import report_text
from pipeline.reporting.plots import plot_arm
from pipeline.reporting.summary import read_results, summarise
from pipeline.stage import run_stage

REPORTS = Path("reports")


def main() -> str:
    """Write reports/summary.json, report.md, report.html and figures/."""
    params = read_params()
    arms, seeds = params.arms.train, params.seeds
    results = read_results(REPORTS / "arms", arms, seeds)
    with atomic(REPORTS / "figures") as figures:
        for arm in arms:
            plot_arm(figures, arm, REPORTS / "arms" / arm / "dpa", seeds, results[arm]["test"]["abnormal_share"])
    facts = {arm: arm_facts(REPORTS, arm, seeds, Path("params.yaml"), params.data(arm).generated) for arm in arms}
    text = report_text(results, facts)
    write_json(REPORTS / "summary.json", summarise(results))
    write_text(REPORTS / "report.md", text)
    write_text(REPORTS / "report.html", html_page(text, REPORTS))
    return f"reports/report.html and report.md: {len(arms)} arms, {len(seeds)} seeds"


if __name__ == "__main__":
    run_stage(main)
