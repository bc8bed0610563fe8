"""How far an image is from the distribution of normal images, in the features of a frozen network."""
