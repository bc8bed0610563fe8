"""Fitting a detector to a prepared arm."""
