"""Anomaly detectors under one protocol; the deep perceptual autoencoder is the first."""
