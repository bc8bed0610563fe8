"""Frozen networks and what they see."""
