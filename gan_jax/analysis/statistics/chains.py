"""Seeds' curves as chains: do they agree on one law, and how many independent values do they hold?

The diagnostics of Markov chains, asked of training: R-hat well above 1 says that seeds end in
different places, or have not come to rest; the effective sample size says how many of a tail's
records count, where neighbouring records resemble one another.
"""

from __future__ import annotations

import numpy as np


def rank_normalized_r_hat(curves: np.ndarray) -> float:
    """Split-R-hat of rank-normalised curves, the larger of the plain and the folded.

    Each curve is cut in half (the middle record of an odd number is left out), so that a trend
    within a seed counts like a difference between seeds. All S values are replaced by normal
    scores Phi^-1((rank - 3/8) / (S + 1/4)), so that rare huge values cannot hide a difference;
    then with W the mean variance within the M halves of N values and B/N the variance of their
    means,

        R-hat = sqrt((N - 1) / N + B / (N W))

    Folded: the same of |value - median|, which sees halves that differ in spread only.

    Args:
      curves: [seed, record], one measure's, usually of the last records; one seed will do.

    Returns:
      1 where all agree; infinite where curves are constant and differ; NaN where a value is not
      finite (a diverged seed) or all are alike.

    Raises:
      ValueError: unless there is a seed, and 4 records.

    Source: Vehtari et al. 2021, "Rank-Normalization, Folding, and Localization: An Improved R-hat
    for Assessing Convergence of MCMC", equations 3 to 5 and 14.
    """
    halves = _halves(curves)
    if not np.isfinite(halves).all():
        return float("nan")
    folded = np.abs(halves - np.median(halves))
    # fmax: two values all told are all alike once folded, which says nothing.
    return float(np.fmax(_r_hat(_normal_scores(halves)), _r_hat(_normal_scores(folded))))


def _halves(curves: np.ndarray) -> np.ndarray:
    """Curves [seed, record] as [2 seeds, records / 2]."""
    curves = np.asarray(curves, np.float64)
    if curves.ndim != 2 or len(curves) == 0 or curves.shape[1] < 4:
        raise ValueError(f"curves {curves.shape} given, expected [seed, record], 4 records or more")
    half = curves.shape[1] // 2
    return np.concatenate([curves[:, :half], curves[:, -half:]])


def _normal_scores(values: np.ndarray) -> np.ndarray:
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(values).reshape(values.shape)
    return ndtri((ranks - 0.375) / (values.size + 0.25))


def _r_hat(chains: np.ndarray) -> float:
    n = chains.shape[1]
    within = chains.var(axis=1, ddof=1).mean()
    between = chains.mean(axis=1).var(ddof=1)
    if within <= 1e-20:  # constant halves, but for rounding of their normal scores' mean
        return float("inf") if between > 1e-20 else float("nan")
    return float(np.sqrt((n - 1) / n + between / within))


def effective_sample_size(window: np.ndarray) -> float:
    """How many independent values would give the mean of these as precisely.

        ESS = S / tau,  tau = -1 + 2 sum over k < K of (rho_2k + rho_2k+1) + rho_2K

    with the autocorrelations rho of split curves, summed by pairs up to the first negative one
    (K; its even half counts where positive) and made to fall (Geyer's monotone sequence). It may
    exceed S, where records alternate, but not S log10(S).

    Args:
      window: one seed's [record], as one chain, or [seed, record], as chains of one law: seeds
        that disagree then leave little.

    Returns:
      The number of values; S where all are alike; NaN where one is not finite.

    Raises:
      ValueError: unless there is a seed, and 4 records.

    Source: Vehtari et al. 2021, section 3.2; Geyer 1992, "Practical Markov Chain Monte Carlo".
    """
    window = np.asarray(window, np.float64)
    chains = _halves(window[None] if window.ndim == 1 else window)
    size = chains.size
    if not np.isfinite(chains).all():
        return float("nan")
    if np.ptp(chains) <= np.finfo(np.float64).resolution * np.abs(chains).max():
        return float(size)
    rho = _autocorrelations(chains)
    tau = _integrated(rho)
    return float(size / max(tau, 1 / np.log10(size)))


def _autocorrelations(chains: np.ndarray) -> np.ndarray:
    """rho [lag] of all chains together: 1 - (W - mean autocovariance) / var+."""
    n = chains.shape[1]
    centred = chains - chains.mean(axis=1, keepdims=True)
    # Padded to twice the length: a Fourier transform's correlation is a circle's.
    spectrum = np.abs(np.fft.rfft(centred, 2 * n, axis=1)) ** 2
    covariance = np.fft.irfft(spectrum, 2 * n, axis=1)[:, :n].mean(axis=0) / n
    within = covariance[0] * n / (n - 1)
    total = covariance[0] + chains.mean(axis=1).var(ddof=1)
    rho = 1 - (within - covariance) / total
    rho[0] = 1.0
    return rho


def _integrated(rho: np.ndarray) -> float:
    """Geyer's estimate of the integrated autocorrelation time."""
    # The last lags are means of a few products.
    n_pairs = max((len(rho) - 3) // 2, 0)
    pairs = rho[: 2 * n_pairs].reshape(n_pairs, 2).sum(axis=1)
    negative = np.flatnonzero(pairs < 0)
    kept = negative[0] if negative.size else n_pairs
    monotone = np.minimum.accumulate(pairs[:kept])
    return float(-1 + 2 * monotone.sum() + max(rho[2 * kept], 0.0))
