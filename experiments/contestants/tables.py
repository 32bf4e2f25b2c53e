"""What was measured as Markdown: a table a part, and every target beside its number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from contestants import rounds
from contestants.rounds import CEILING, GAN_JAX
from contestants.targets import GIB, Target, targets

MIB = 2**20
HEADING = (
    "# Benchmark\n\n"
    "Medians over repeats, least to greatest in brackets; ratios are taken repeat by repeat. "
    "Contestants ran in turn, one at a time."
)


def page(document: dict[str, Any]) -> str:
    """The whole page."""
    parts = document["parts"]
    sections = [HEADING]
    found = targets(parts)
    if found:
        sections.append("## Targets\n\n" + target_table(found))
    for name, part in parts.items():
        title = f"## {name.capitalize()}\n\n" + ran(part)
        sections.append(f"{title}\n\n{WRITERS.get(name, work_table)(part)}")
    return "\n\n".join(sections) + "\n"


def ran(part: dict[str, Any]) -> str:
    """When and on what a part was run."""
    machine = part["machine"]
    words = (
        f"{part['date']}, {machine['cpu']}, {machine['cores']} cores, Python {machine['python']}"
    )
    if part.get("data"):
        words += f"; {part['data']}"
    return words + ("; a quick run, not to be quoted" if part["quick"] else "") + "."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines
    )


def number(value: float, digits: int = 3) -> str:
    """A number with so many digits, thousands apart; never in powers of ten."""
    if value >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}" if value >= 1e-3 or value == 0 else f"{value:.6f}"


def spread(values: Sequence[float], unit: str = "") -> str:
    """Median, and least to greatest where there are several."""
    middle, low, high = rounds.middle_and_range(values)
    if len(values) == 1:
        return number(middle) + unit
    return f"{number(middle)}{unit} ({number(low)} to {number(high)})"


def percentages(values: Sequence[float]) -> str:
    """Median share in per cent, and its range."""
    middle, low, high = (100 * value for value in rounds.middle_and_range(values))
    digits = 1 if middle < 10 else 0
    return f"{middle:.{digits}f} % ({low:.{digits}f} to {high:.{digits}f})"


def work_table(part: dict[str, Any]) -> str:
    """A work's contestants: rate, ratio to gan_jax, share of the ceiling, memory, versions."""
    head = ("contestant", "seeds", "seed-steps/s", "gan_jax is faster by", "share of the ceiling")
    head += ("to the first step", "peak memory", "what")
    rows = []
    for label, report in part["entries"].items():
        ceiling, rates = label == CEILING, rounds.rates(report)
        times = ""
        if GAN_JAX in part["entries"] and not ceiling and label != GAN_JAX:
            times = spread(rounds.ratios(part, GAN_JAX, label), "x")
        rate = spread(rates)
        if ceiling:
            rate = spread([x / 1e9 for x in rounds.operation_rates(part, label)]) + " Gflop/s"
        shares = ""
        if CEILING in part["entries"]:
            shares = percentages(rounds.ceiling_shares(part, label))
        versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
        row = [label, "" if ceiling else str(report["seeds"]), rate, times, shares]
        row += [f"{report['prepare_seconds']:.1f} s", f"{report['peak_bytes'] / MIB:,.0f} MiB"]
        rows.append([*row, f"{report['note']}; {versions}"])
    words = f"{part['operations'] / 1e6:,.2f} million operations in a seed-step's matrix products."
    left_out = [f"Left out: {label}: {why}." for label, why in part["skipped"].items()]
    return "\n\n".join([words, table(head, rows), *left_out])


def target_table(found: Sequence[Target]) -> str:
    """Every target, what was measured, and whether it is met."""
    rows = []
    for one in found:
        unit = f" {one.unit}" if one.unit not in ("", "x") else one.unit
        bound = f"{'at least' if one.at_least else 'at most'} {one.bound:g}{unit}"
        rows.append([one.what, bound, spread(one.values, unit), "yes" if one.met else "no"])
    return table(("what", "target", "measured", "met"), rows)


def starts_table(part: dict[str, Any]) -> str:
    """Every preset's first step."""
    fields = ("cold_compile_seconds", "cold_first_step_seconds")
    fields += ("warm_compile_seconds", "warm_first_step_seconds")
    rows = [
        (
            name,
            *(f"{row[field]:.1f} s" if field in row else "" for field in fields),
            row.get("skipped", ""),
        )
        for name, row in part["presets"].items()
    ]
    head = ("preset", "compiling, first process", "first step, first process")
    head += ("compiling, second process", "first step, second process", "")
    return table(head, rows)


def compare_text(part: dict[str, Any]) -> str:
    """The default comparison."""
    command = " ".join(["gan-jax compare", *part["flags"]])
    cold, warm = part["cold_seconds"], part["warm_seconds"]
    return f"`{command}`: {cold:.1f} s with empty caches, {warm:.1f} s again."


def memory_text(part: dict[str, Any]) -> str:
    """The long run's memory."""
    tenths = ", ".join(f"{x / MIB:,.0f}" for x in part["resident_bytes"])
    rate = part["seeds"] * part["steps"] / part["seconds"]
    return (
        f"The parabola, {part['seeds']:,} seeds, {part['steps']:,} steps: at most "
        f"{part['peak_bytes'] / GIB:.2f} GiB; at each tenth of the run {tenths} MiB; "
        f"{rate:,.0f} seed-steps/s."
    )


def sweep_table(part: dict[str, Any]) -> str:
    """One device's sizes, each against its floor."""
    device = part["device"]
    words = (
        f"{device['device']}, matrix products in {device['precision']}, jax {device['jax']}: "
        f"{device['operations_per_second'] / 1e12:.3g} Tflop/s in a large product, "
        f"{device['bytes_per_second'] / 1e9:.3g} GB/s in a large copy. Floor: the longer of a "
        "step's operations and its bytes at these rates."
    )
    head = ("work", "way", "seeds", "seed-steps/s", "operations", "bytes", "share of the floor")
    rows = []
    for line in part["lines"]:
        rate, of_floor = line.get("skipped", ""), ""
        if not rate:
            rate = number(line["seed_steps_per_second"])
            of_floor = f"{100 * line['share_of_floor']:.3g} %"
        counted = f"{line['operations']:,}", f"{line['bytes']:,}"
        rows.append((line["work"], line["way"], f"{line['seeds']:,}", rate, *counted, of_floor))
    return f"{words}\n\n{table(head, rows)}"


WRITERS = {
    "starts": starts_table,
    "compare": compare_text,
    "memory": memory_text,
    "sweep": sweep_table,
}
