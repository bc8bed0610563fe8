"""Anomaly detection in medical images with deep perceptual autoencoders: the library behind the stages."""
