import pytest
from rich.console import Console
from rich.progress import Progress

from pipeline.detectors.dpa import display
from pipeline.detectors.dpa.display import Display
from pipeline.detectors.dpa.growth import Phase

PHASES = [Phase("stable", 8, 100, 16), Phase("transition", 16, 50, 16)]


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock shows."""
    now = [0.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_with_phase_alpha_loss_and_images_per_second(
    seconds: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = Display(Progress(disable=True), PHASES, 15)
    assert not shown.is_due()
    seconds[0] = 60
    assert shown.is_due()
    shown.show(PHASES[0], 0, 75, 0.5)
    seconds[0] = 70
    shown.show(PHASES[1], 100, 25, 0.25)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "75 of 100 iterations: 8 px stable  loss 0.5000  16 images/s"
    assert second == "25 of 50 iterations: 16 px transition  α 0.50  loss 0.2500  80 images/s"


def test_a_terminal_gets_a_bar_over_all_phases(seconds: list[float]) -> None:
    with Progress(console=Console(force_terminal=True, quiet=True)) as bar:
        shown = Display(bar, PHASES, 0)
        seconds[0] = 2
        assert shown.is_due()
        shown.show(PHASES[1], 100, 25, 0.25)
        assert (bar.tasks[0].completed, bar.tasks[0].total) == (125, 150)
