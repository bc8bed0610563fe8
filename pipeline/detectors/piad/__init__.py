"""Perceptual image anomaly detection: an adversarial autoencoder with the perceptual loss."""
