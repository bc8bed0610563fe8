"""Collect the results of all arms into one report: ``python -m stages.report``."""

from pipeline.files import atomic, write_json, write_text
from pipeline.layout import REPORTS
from pipeline.params.file import read_params
from pipeline.reporting.facts import arm_facts, detector_facts
from pipeline.reporting.html import html_page
from pipeline.reporting.markdown import report_text
from pipeline.reporting.plots import plot_detector, plot_ranking
from pipeline.reporting.summary import read_results, summarise
from pipeline.stage import run_stage


def main() -> str:
    """Write reports/summary.json, report.md, report.html and figures/."""
    params = read_params()
    arms, detectors, seeds = params.arms.train, [*params.detectors, *params.quick_detectors], params.seeds
    results = read_results(arms, detectors, seeds)
    with atomic(REPORTS / "figures") as figures:
        for arm in arms:
            for detector, single in results[arm].items():
                plot_detector(figures, arm, detector, seeds, single["test"]["abnormal_share"])
            if len(detectors) > 1:
                plot_ranking(figures, arm, results[arm])
    facts = {arm: arm_facts(arm) for arm in arms}
    runs = {arm: {detector: detector_facts(arm, detector, seeds) for detector in detectors} for arm in arms}
    text = report_text(results, facts, runs)
    write_json(REPORTS / "summary.json", summarise(results))
    write_text(REPORTS / "report.md", text)
    write_text(REPORTS / "report.html", html_page(text, REPORTS))
    return f"reports/report.html and report.md: {', '.join(arms)} with {', '.join(detectors)}, seeds {list(seeds)}"


if __name__ == "__main__":
    run_stage(main)
