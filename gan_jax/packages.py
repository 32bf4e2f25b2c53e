"""The packages on which numbers depend: under other versions, other bits may come out."""

from importlib.metadata import version

PACKAGES = ("gan-jax", "jax", "jaxlib", "flax", "optax", "numpy")


def versions() -> dict[str, str]:
    """Their versions here."""
    return {package: version(package) for package in PACKAGES}
