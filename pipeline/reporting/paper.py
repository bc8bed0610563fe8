"""Published ROC AUC values, in percent, by the paper's names of the methods (tables 1, 2 and 5)."""

from collections.abc import Mapping

Figure = tuple[float, float]  # mean and standard deviation over three runs

# Table 2: method to setting to arm. Of several settings the last is the one that the paper's authors chose: tuned, or
# with growth.
PAPER_TABLE_2: dict[str, dict[str, dict[str, Figure]]] = {
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
# Table 1: method to setting to the averages over ten experiments, on CIFAR10 and on SVHN; None where there is none.
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
# The normal classes of these experiments, in the order of table 5.
NATURAL_CLASSES: dict[str, tuple[str, ...]] = {
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "svhn": ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
}
NATURAL_ARMS = {collection: [f"{collection}_{name}" for name in names] for collection, names in NATURAL_CLASSES.items()}
_OF_CLASSES: dict[str, dict[str, dict[str, str]]] = {
    "Deep GEO": {
        "default": {
            "cifar10": "75.4±0.9 96.0±0.2 79.9±1.9 73.6±0.2 87.4±0.4 87.6±0.7 85.2±0.9 95.1±0.1 94.3±0.0 91.3±0.3",
            "svhn": "89.0±0.6 84.1±1.1 96.9±0.1 91.3±0.3 97.3±0.0 96.2±0.3 96.0±0.2 98.2±0.1 86.4±0.3 97.4±0.1",
        },
        "tuned": {
            "cifar10": "75.7±1.0 96.0±0.2 80.4±1.1 72.9±0.9 88.0±0.2 86.3±0.9 84.6±0.5 95.4±0.0 94.3±0.2 91.4±0.5",
            "svhn": "90.6±0.6 84.8±0.6 97.2±0.2 91.1±0.1 97.5±0.1 96.3±0.0 96.2±0.2 98.4±0.0 85.6±0.9 97.6±0.2",
        },
    },
    "PIAD": {
        "default": {
            "cifar10": "81.8±0.1 87.1±0.3 74.9±0.3 60.7±0.2 78.1±0.5 70.6±1.4 81.7±0.8 84.4±0.4 86.3±0.4 82.3±0.6",
            "svhn": "85.6±0.4 79.2±1.1 74.8±0.4 69.2±0.0 77.3±0.8 74.6±0.9 76.3±0.7 77.5±0.4 78.0±0.2 77.4±0.3",
        },
        "tuned": {
            "cifar10": "84.3±0.2 86.7±1.1 74.4±0.9 59.6±2.1 85.0±1.1 73.6±1.1 83.8±1.2 87.0±1.1 88.8±0.2 89.4±0.7",
            "svhn": "86.3±0.9 80.2±0.9 76.2±0.8 71.4±1.1 77.0±0.5 71.9±0.9 70.6±0.5 78.4±0.2 79.6±0.7 71.9±0.8",
        },
    },
    "Deep IF": {
        "default": {
            "cifar10": "85.2±1.2 94.3±0.4 72.5±4.0 76.8±1.2 89.9±0.7 86.1±1.0 90.3±1.7 89.1±1.0 92.0±1.0 95.6±0.1",
            "svhn": "65.3±1.1 68.7±1.8 51.9±0.8 57.1±1.5 56.7±2.1 64.9±1.5 50.9±0.8 56.2±1.9 63.7±0.9 54.3±1.1",
        },
        "tuned": {
            "cifar10": "87.1±0.9 97.0±0.3 75.2±2.9 73.7±1.8 88.9±1.0 85.0±2.6 90.5±0.9 86.3±1.7 93.4±0.3 95.7±0.3",
            "svhn": "75.0±1.2 70.5±1.5 51.1±0.8 59.0±0.9 57.7±1.4 68.4±0.6 54.5±0.2 58.7±0.7 69.6±1.6 59.1±1.5",
        },
    },
    "DPA": {
        "without growth": {
            "cifar10": "86.5±0.2 92.2±0.3 76.8±0.6 58.7±1.2 85.1±0.4 77.7±0.9 88.9±0.1 89.1±0.2 91.4±0.5 92.2±0.4",
            "svhn": "88.4±0.2 82.7±0.8 80.0±0.8 72.9±0.1 79.1±0.7 77.4±0.7 78.0±0.8 79.0±0.2 83.5±0.2 82.1±0.3",
        },
    },
}


def _by_arm(rows: Mapping[str, str]) -> dict[str, Figure]:
    figures = {
        arm: pair for name, row in rows.items() for arm, pair in zip(NATURAL_ARMS[name], row.split(), strict=True)
    }
    return {arm: (float(pair.partition("±")[0]), float(pair.partition("±")[2])) for arm, pair in figures.items()}


# Table 5, as table 2.
PAPER_TABLE_5 = {
    method: {setting: _by_arm(rows) for setting, rows in settings.items()} for method, settings in _OF_CLASSES.items()
}
# Whose figures the paper quotes; the others were made by its authors (§IV-C).
QUOTED_FROM: dict[str, str] = {
    "DAOL": "quoted from the paper of DAOL",
    "OCGAN": "quoted from the paper of OCGAN",
    **dict.fromkeys(("AnoGAN", "DAGMM", "DSEBM", "Deep SVDD"), "quoted from the paper of Deep IF"),
}
# Images that the paper tests on (§IV-A); for PA and AP, those of the official test list with the metadata of 2020.
MEDICAL_TEST_IMAGES = {"camelyon16": 4817, "nih_subset": 1354, "nih_pa": 11_096, "nih_ap": 14_500}
NATURAL_TEST_IMAGES = {"cifar10": 10_000, "svhn": 26_032}
PAPER_TEST_IMAGES = MEDICAL_TEST_IMAGES | {
    arm: NATURAL_TEST_IMAGES[name] for name, arms in NATURAL_ARMS.items() for arm in arms
}


def published(method: str, arm: str) -> dict[str, Figure]:
    """Return what tables 2 and 5 have of a method on an arm, by its settings, those that the authors chose last."""
    tables = (PAPER_TABLE_2, PAPER_TABLE_5)
    return {name: arms[arm] for table in tables for name, arms in table.get(method, {}).items() if arm in arms}
