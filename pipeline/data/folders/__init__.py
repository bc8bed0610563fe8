"""Collections of image files, in folders or in files that hold many, by one of several published layouts."""
