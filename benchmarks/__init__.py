"""Measurements of speed, run by `make bench`; they fail no test."""

from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")
