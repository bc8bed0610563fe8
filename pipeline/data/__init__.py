"""Kinds of data, each of which ends in the array contract."""
