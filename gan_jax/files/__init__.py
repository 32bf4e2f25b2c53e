"""Data in files: found, fetched, verified, read. NumPy only; what they mean is `data/`'s."""
