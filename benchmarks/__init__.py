"""Measurements of speed, run by `make bench`; they fail no test."""
