"""The deep perceptual autoencoder (paper §III)."""
