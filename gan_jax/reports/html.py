"""A study's report: one self-contained HTML page, the answer first, then what there is to see.

The page loads nothing and runs nothing but its own script, which it names by hash. Whatever comes
from the results is untrusted, and is shown as text.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from gan_jax.fields import ConfigError
from gan_jax.files.whole import write_text
from gan_jax.reports.answers import answer
from gan_jax.reports.figures import (
    Picture,
    caption,
    details,
    folder_name,
    picture,
    pictures_of,
    save_pictures,
)
from gan_jax.reports.gallery import gallery
from gan_jax.reports.style import VERDICT_COLOURS, colour
from gan_jax.reports.terminal import COLUMNS, explanation, row_cells
from gan_jax.studies.cells import read_dataset
from gan_jax.studies.files import read_yaml
from gan_jax.studies.results import SPECTRUM_FILE, STUDY_FILE, load_groups
from gan_jax.studies.schema import check_spectra
from gan_jax.studies.summary import summarize

if TYPE_CHECKING:
    import xarray as xr

TITLES = {
    "outcome_shares": "What became of the seeds",
    "quality_over_steps": "Quality over training",
    "performance_profiles": "How near the seeds ended",
    "improvement_matrix": "Which variant ends nearer",
    "survival_curves": "When it happened",
    "final_samples": "Best, median and worst seed",
    "convergence_maps": "Where training converges",
    "generator_gradient_norms": "The generator's gradient",
    "eigenvalues": "The game's eigenvalues",
}
AFTER_GALLERY = ("final_samples", "convergence_maps", "generator_gradient_norms", "eigenvalues")
EIGENVALUES = (
    "Eigenvalues of every seed's game at the kept moments of training.",
    "Each is a direction of the vector field: it grows right of zero and turns above and below it.",
)
REPORT_FILE = "report.html"
LONGEST_NAME = 120
HOW_TO_READ = {
    "points": "Generated samples (coloured) over real ones (grey), of fixed latents.",
    "images": "Generated images of fixed latents, beside real ones.",
    "sequences": "Generated sequences of fixed latents, beside real ones.",
}
# In dark mode a figure's black is light and its white the page's; pictures see the reader's choice.
DARK = (
    "<style>@media (prefers-color-scheme: dark) {"
    'text:not([style*="fill"]) { fill: #e6e6e6 } '
    '[style*="stroke: #000000"] { stroke: #e6e6e6 !important } '
    '[style*="fill: #000000"] { fill: #e6e6e6 !important } '
    'path[style*="fill: #ffffff"] { fill: none !important }'
    "}</style>"
)


def write_report(
    results: xr.Dataset,
    path: str | Path,
    groups: Mapping[str, xr.Dataset] | None = None,
    pictures: Mapping[str, Mapping[str, Picture]] | None = None,
) -> Path:
    """Write a study's results as one HTML file that needs nothing else; return its path.

    Args:
      results: of the study.
      path: the file, or the study's folder, for report.html in it. The study.yaml and spectrum.nc
        beside it, where there are some, become part of it.
      groups: name of a data set -> its results, of a study over several; if None they are read
        from results.nc beside the report, or `results` is the only group.
      pictures: each group's figures, where they have been rendered already.
    """
    path = Path(path)
    path = path / REPORT_FILE if path.is_dir() else path
    groups = _groups(results, path.parent) if groups is None else groups
    study = path.parent / STUDY_FILE
    script, style = _part("report.js"), _part("report.css")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gan_jax.reports", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {"cut": _cut, "unbroken": _unbroken}
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    shown = [
        _group(name, group, pictures[name] if pictures else pictures_of(group))
        for name, group in groups.items()
    ]
    shown[-1]["more_figures"] += _spectrum(path.parent, results)  # of all variants
    page = environment.get_template("report.html.jinja").render(
        title=str(results.attrs["study"]),
        facts=_facts(results, groups),
        groups=shown,
        many=len(shown) > 1,
        headings=COLUMNS,
        command=_command(study),
        how=study.read_text(encoding="utf-8", errors="replace") if study.exists() else "",
        run_again=str(results.attrs.get("run_again", "")),
        style=style,
        script=script,
        hashes={"style": _hash(style), "script": _hash(script)},
    )
    write_text(path, page)
    return path


def save_figures_and_report(
    results: xr.Dataset, folder: str | Path, groups: Mapping[str, xr.Dataset] | None = None
) -> list[Path]:
    """Write a study's figures and report, drawing each figure once; return the files' paths.

    Several groups have their figures in figures/GROUP/.
    """
    folder = Path(folder)
    _spectra(folder, results)  # refused, if they are, before anything is written
    chosen = _groups(results, folder) if groups is None else groups
    pictures = {name: pictures_of(group) for name, group in chosen.items()}
    paths = []
    for name, drawn in pictures.items():
        where = folder / "figures"
        where = where if len(chosen) == 1 else where / folder_name(name)
        paths += save_pictures(drawn, where)
    return [*paths, write_report(results, folder / REPORT_FILE, chosen, pictures)]


def _groups(results: xr.Dataset, folder: Path) -> Mapping[str, xr.Dataset]:
    """The results of each data set; the root of several has no samples to show."""
    return {_data_name(results): results} if "samples" in results else load_groups(folder)


def _group(name: str, results: xr.Dataset, pictures: Mapping[str, Picture]) -> dict[str, Any]:
    """What the template shows of one data set's results."""
    summary = summarize(results)
    figures = {
        key: _figure(TITLES.get(key, key.replace("_", " ")), caption(key), details(key), drawn)
        for key, drawn in pictures.items()
    }
    return {
        "name": name,
        "answer": answer(results),
        "figures": [figure for key, figure in figures.items() if key not in AFTER_GALLERY],
        "more_figures": [figure for key, figure in figures.items() if key in AFTER_GALLERY],
        "gallery": gallery(results) | {"verdictColours": VERDICT_COLOURS},
        "how_to_read": HOW_TO_READ[results.attrs.get("kind", "points")],
        "rows": [
            (variant, colour(results, variant), row_cells(row))
            for variant, row in zip(
                results["variant"].values.tolist(), summary.to_dict("records"), strict=True
            )
        ],
        "explanation": explanation(summary, results.attrs["quality"]),
    }


def _figure(title: str, words: str, more: str, drawn: Picture) -> dict[str, str]:
    svg = drawn.svg.replace(b"<defs>", DARK.encode() + b"<defs>", 1)
    return {
        "title": title,
        "caption": words,
        "details": more,
        "svg": base64.b64encode(svg).decode("ascii"),
    }


def _spectrum(folder: Path, results: xr.Dataset) -> list[dict[str, str]]:
    """The figure of the spectra beside the report, where they have been computed for all of it."""
    spectra = _spectra(folder, results)
    if spectra is None:
        return []
    from gan_jax.reports.spectra import eigenvalues_in_the_plane

    drawn = picture(eigenvalues_in_the_plane(spectra))
    return [_figure(TITLES["eigenvalues"], *EIGENVALUES, drawn)]


def _spectra(folder: Path, results: xr.Dataset) -> xr.Dataset | None:
    """The spectra in a folder, of all of the results; None where there are none, or of fewer."""
    if not (folder / SPECTRUM_FILE).exists():
        return None
    spectra = read_dataset(folder / SPECTRUM_FILE)
    try:
        check_spectra(spectra)
    except ConfigError as error:
        raise ConfigError(f"{folder / SPECTRUM_FILE}: {error}") from None
    whole = all(
        spectra[name].values.tolist() == results[name].values.tolist()
        for name in ("variant", "seed")
    )
    return spectra if whole else None  # else the study has grown since


def _facts(results: xr.Dataset, groups: Mapping[str, xr.Dataset]) -> str:
    """What was run, in a line."""
    first = next(iter(groups.values()))
    counts = {
        "variant": results.sizes["variant"],
        "seed": results.sizes["seed"],
        "step": int(first["step"].values[-1]),
    }
    facts = [_cut(name) for name in groups if name]
    facts += [f"{n:,} {name}{'' if n == 1 else 's'}" for name, n in counts.items()]
    for package in ("gan_jax", "jax"):
        if package in results.attrs:
            facts.append(f"{package} {_cut(str(results.attrs[package]))}")
    if "devices" in results.attrs:
        facts.append(_cut(str(results.attrs["devices"])))
    return " · ".join(facts)


def _data_name(results: xr.Dataset) -> str:
    known = [name for name in ("group", "data") if name in results.coords]
    names = results[known[0]].values.ravel() if known else []
    return str(names[0]) if len(names) else ""


def _command(study: Path) -> str:
    """The command that runs a study again, by its file; empty where that has none to tell.

    The one it was run with; of a study that has changed since, that which runs its file as it is.
    """
    try:
        there = read_yaml(study) if study.exists() else {}
    except ConfigError:
        return ""
    recorded = there.get("recorded") if isinstance(there, dict) else None
    if not isinstance(recorded, dict):
        return ""
    if recorded.get("grown") or recorded.get("judged_again"):
        return f"gan-jax study {STUDY_FILE} --out NEW_FOLDER"
    return str(recorded.get("command", ""))


def _part(name: str) -> str:
    """A part of the page, as a browser reads it: its hash is that of exactly this text."""
    return (files("gan_jax.reports") / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _unbroken(text: str) -> str:
    """No line ends between a number and its percent sign, nor about an equals sign."""
    for sign in (" %", " = ", " < "):
        text = text.replace(sign, sign.replace(" ", "\N{NO-BREAK SPACE}"))
    return text
