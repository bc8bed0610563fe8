"""Plots, pictures and the report."""
