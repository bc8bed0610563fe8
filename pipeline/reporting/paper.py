"""Published ROC AUC values (paper, tables 2 and 4), in percent: mean and standard deviation over three runs."""

PAPER_ROC_AUC: dict[str, dict[str, tuple[float, float]]] = {
    "camelyon16": {"with growth": (93.4, 0.3), "without growth": (92.7, 0.4)},
    "nih_subset": {"with growth": (92.6, 0.2), "without growth": (92.0, 0.2)},
    "nih_pa": {"with growth": (70.8, 0.1), "without growth": (70.3, 0.2)},
    "nih_ap": {"with growth": (58.5, 0.0), "without growth": (58.6, 0.1)},
}
# The best of the methods that the paper compares with, with default or tuned hyper-parameters (table 2).
PAPER_BEST_OTHER: dict[str, tuple[str, float]] = {
    "camelyon16": ("Deep IF", 90.6),
    "nih_subset": ("PIAD", 88.0),
    "nih_pa": ("PIAD", 68.7),
    "nih_ap": ("PIAD", 58.6),
}
# Images that the paper tests on (§IV-A1); for PA and AP, those of the official test list with the metadata of 2020.
PAPER_TEST_IMAGES = {"camelyon16": 4817, "nih_subset": 1354, "nih_pa": 11_096, "nih_ap": 14_500}
