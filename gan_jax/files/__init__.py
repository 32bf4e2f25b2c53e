"""Data in files: found, fetched, verified, read. NumPy only; what numbers mean is `data/`'s."""
