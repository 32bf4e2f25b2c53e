"""Data in files: found, fetched, verified and read. NumPy only; what the numbers mean is `data/`'s."""
