"""Published ROC AUC values, in percent, by the paper's names of the methods (tables 1 and 2)."""

# Table 2: method to setting to arm to mean and standard deviation over three runs. Of several settings the last is the
# one that the paper's authors chose: tuned, or with growth.
PAPER_TABLE_2: dict[str, dict[str, dict[str, tuple[float, float]]]] = {
    "DAOL": {"tuned": {"nih_subset": (80.5, 2.1)}},
    "Deep GEO": {
        "default": {
            "camelyon16": (52.4, 11.1),
            "nih_subset": (85.8, 0.6),
            "nih_pa": (60.2, 2.6),
            "nih_ap": (53.1, 0.3),
        },
        "tuned": {"camelyon16": (45.9, 2.1), "nih_subset": (85.3, 1.0), "nih_pa": (63.6, 0.6), "nih_ap": (54.4, 0.6)},
    },
    "PIAD": {
        "default": {"camelyon16": (85.4, 2.0), "nih_subset": (88.0, 1.1), "nih_pa": (68.0, 0.2), "nih_ap": (57.4, 0.4)},
        "tuned": {"camelyon16": (89.5, 0.6), "nih_subset": (87.3, 0.9), "nih_pa": (68.7, 0.5), "nih_ap": (58.6, 0.3)},
    },
    "Deep IF": {
        "default": {"camelyon16": (87.6, 1.5), "nih_subset": (76.6, 2.7), "nih_pa": (52.2, 0.5), "nih_ap": (54.3, 0.5)},
        "tuned": {"camelyon16": (90.6, 0.3), "nih_subset": (85.3, 0.4), "nih_pa": (47.2, 0.4), "nih_ap": (56.1, 0.2)},
    },
    "DPA": {
        "without growth": {
            "camelyon16": (92.7, 0.4),
            "nih_subset": (92.0, 0.2),
            "nih_pa": (70.3, 0.2),
            "nih_ap": (58.6, 0.1),
        },
        "with growth": {
            "camelyon16": (93.4, 0.3),
            "nih_subset": (92.6, 0.2),
            "nih_pa": (70.8, 0.1),
            "nih_ap": (58.5, 0.0),
        },
    },
}
# Table 1: method to setting to the averages over ten experiments on CIFAR10 and SVHN; None where there is none.
PAPER_TABLE_1: dict[str, dict[str, tuple[float, float | None]]] = {
    "AnoGAN": {"default": (57.6, 53.3)},
    "GANomaly": {"default": (58.1, None)},
    "DAGMM": {"default": (57.5, 51.8)},
    "DSEBM": {"default": (58.8, 57.1)},
    "Deep SVDD": {"default": (64.8, 57.3)},
    "OCGAN": {"default": (65.7, None)},
    "Deep GEO": {"default": (86.6, 93.3), "tuned": (86.5, 93.5)},
    "PIAD": {"default": (78.8, 77.0), "tuned": (81.3, 76.3)},
    "Deep IF": {"default": (87.2, 59.0), "tuned": (87.3, 62.4)},
    "DPA": {"without growth": (83.9, 80.3)},
}
# Whose figures the paper quotes; the others were made by its authors (§IV-C).
QUOTED_FROM: dict[str, str] = {
    "DAOL": "quoted from the paper of DAOL",
    "OCGAN": "quoted from the paper of OCGAN",
    **dict.fromkeys(("AnoGAN", "DAGMM", "DSEBM", "Deep SVDD"), "quoted from the paper of Deep IF"),
}
# Images that the paper tests on (§IV-A1); for PA and AP, those of the official test list with the metadata of 2020.
PAPER_TEST_IMAGES = {"camelyon16": 4817, "nih_subset": 1354, "nih_pa": 11_096, "nih_ap": 14_500}
