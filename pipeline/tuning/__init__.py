"""Choosing hyper-parameters with a handful of anomalies (paper §III-C)."""
