"""Results for other tools: Parquet tables; the layout of chain diagnostics (seed = chain)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan_jax.fields import ConfigError
from gan_jax.files.whole import write_whole
from gan_jax.studies.results import recorded, seeds_frame

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def curves_frame(results: xr.Dataset) -> pd.DataFrame:
    """One row a variant, seed and record: every curve, of the seeds that ran."""
    import pandas as pd

    tables = []
    for variant in results["variant"].values:
        one = recorded(results, variant)
        one = one.isel(seed=np.flatnonzero(one["status"].values == "done"))
        names = [name for name, values in one.items() if values.dims == ("seed", "step")]
        table = one[names].reset_coords(drop=True).to_dataframe().reset_index()
        table.insert(0, "variant", str(variant))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def check_export(kind: str | None) -> None:
    """Refuse an export that cannot be written, before anything runs.

    Raises:
      ConfigError: for Parquet where pyarrow, the extra `parquet`, is not installed.
    """
    if kind == "parquet" and find_spec("pyarrow") is None:
        raise ConfigError(
            "export: parquet needs pyarrow, expected after: pip install 'gan-jax[parquet]'"
        )


def export_parquet(results: xr.Dataset, folder: Path) -> list[Path]:
    """Write seeds.parquet and curves.parquet into a folder; return their paths."""
    paths = []
    for name, table in (("seeds", seeds_frame(results)), ("curves", curves_frame(results))):
        path = folder / f"{name}.parquet"
        write_whole(path, lambda temporary, table=table: table.to_parquet(temporary, index=False))
        paths.append(path)
    return paths


def to_arviz(results: xr.Dataset, variant: str) -> xr.Dataset:
    """One variant's curves as chains: dims chain (the seeds that ran) and draw (the records).

    What `arviz.convert_to_inference_data` takes as it is; the coordinates keep the seeds and steps.
    A diverged seed's curves end in NaN, as they do here.

    Raises:
      ConfigError: when there is no such variant.
    """
    if variant not in results["variant"].values:
        names = ", ".join(map(str, results["variant"].values))
        raise ConfigError(f"variant: {variant!r} given; there are {names}")
    one = recorded(results, variant)
    one = one.isel(seed=np.flatnonzero(one["status"].values == "done"))
    names = [name for name, values in one.items() if values.dims == ("seed", "step")]
    chains = one[names].reset_coords(drop=True)
    return chains.rename(seed="chain", step="draw")
