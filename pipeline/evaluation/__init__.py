"""Scores and the metrics derived from them."""
