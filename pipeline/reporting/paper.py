"""Published ROC AUC values (paper, tables 2 and 4), in percent: mean and standard deviation over three runs."""

PAPER_ROC_AUC: dict[str, dict[str, tuple[float, float]]] = {
    "camelyon16": {
        "with growth": (93.4, 0.3),
        "without growth": (92.7, 0.4),
        "best other (Deep IF)": (90.6, 0.3),
    },
    "nih_subset": {
        "with growth": (92.6, 0.2),
        "without growth": (92.0, 0.2),
        "best other (PIAD)": (88.0, 1.1),
    },
    "nih_pa": {"with growth": (70.8, 0.1), "without growth": (70.3, 0.2)},
    "nih_ap": {"with growth": (58.5, 0.0), "without growth": (58.6, 0.1)},
}
