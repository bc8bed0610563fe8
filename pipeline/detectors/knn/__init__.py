"""How far an image is from the most similar normal images, in the features of a frozen network."""
