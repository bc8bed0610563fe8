"""The names of figures as a reader sees them, in the order in which they are read."""

NAMES = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "partial_roc_auc": "partial ROC AUC",
    "fpr_at_95_tpr": "FPR at 95 % TPR (lower is better)",
    "tpr_at_5_fpr": "TPR at 5 % FPR",
    "sensitivity": "sensitivity at the threshold",
    "specificity": "specificity at the threshold",
    "mean_roc_auc": "ROC AUC of slides, by the mean of their sampled tiles",
    "upper_quantile_roc_auc": "ROC AUC of slides, by an upper quantile of them",
    "untrained": "untrained network",
    "pixel_l1": "pixel L1",
    "colour_statistics": "colour statistics",
    "mean_intensity": "mean intensity",
}
