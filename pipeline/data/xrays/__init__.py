"""Chest X-rays: index, patient-wise splits, image preparation."""
