"""An autoencoder whose reconstruction is encoded again (GANomaly)."""
