"""How sure a sampled mean is: weighted means, intervals, effective sample size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONFIDENCE_FRAC = 0.95
_MAX_WEIGHT = 2.0  # of a year from the two halves of a defensive mixture


@dataclass(frozen=True)
class Estimate:
    """A sampled mean a year with its confidence interval."""

    mean: float
    low: float
    high: float
    effective_years: float
    """Equally weighted years that the weighted ones are worth."""
    seen_years: int
    """Years in which the value was not zero: with few, the interval is wide."""

    def share_left(self, total: float) -> Estimate:
        """Return the estimate of ``1 - value / total``, such as an availability.

        Parameters
        ----------
        total : float
            What the value is a part of, same unit.

        Returns
        -------
        Estimate
            Low and high change places.
        """
        return Estimate(
            mean=1 - self.mean / total,
            low=1 - self.high / total,
            high=1 - self.low / total,
            effective_years=self.effective_years,
            seen_years=self.seen_years,
        )


def effective_years(log_weight: Floats) -> float:
    r"""Return the effective sample size, :math:`(\sum w)^2 / \sum w^2` [1]_.

    Parameters
    ----------
    log_weight : array, shape (years,)
        Log weights of the sampled years.

    Returns
    -------
    float
        Years.

    References
    ----------
    .. [1] L. Kish, "Survey Sampling", 1965.

    Examples
    --------
    >>> effective_years(np.log([1.0, 1.0, 2.0]))
    2.666...
    """
    weight = np.exp(log_weight)
    return float(weight.sum() ** 2 / (weight**2).sum())


def estimate(
    values: Floats,
    log_weight: Floats | None = None,
    *,
    antithetic: bool = True,
    unseen: float = 0.0,
    confidence_frac: float = CONFIDENCE_FRAC,
) -> Estimate:
    r"""Return the mean of a non-negative yearly value and its two-sided interval.

    The mean is :math:`\bar y = \sum w_j v_j / n`, unbiased. Its variance :math:`s^2` is
    that of the means of antithetic pairs, within each half of a mixture by itself, with
    Student's factor for few pairs. The
    interval is the gamma interval of Fay and Feuer [1]_, made for weighted sums of rare
    events: with :math:`G_p(m, s^2)` the :math:`p` quantile of a gamma variable of mean
    :math:`m` and variance :math:`s^2`, and :math:`g` what the largest pair adds to the mean,

    .. math:: [G_{\alpha/2}(\bar y, s^2),\; G_{1-\alpha/2}(\bar y + g, s^2 + g^2)].

    It tends to the normal interval when many years have a value, and is wider above
    when few do. If no year has one, it ends at :math:`-\ln(\alpha)\, u / n`, the rule of
    three for a value of :math:`u` (``unseen``) in a year that has one.

    Parameters
    ----------
    values : array, shape (years,)
        Whole sample in the order of the years, beginning at year 0; a multiple of 2
        (antithetic) or 4 (with importance).
    log_weight : array, shape (years,), optional
        Of :class:`~energyopt.uptime.histories.Histories`; none: all equal.
    antithetic : bool
        Whether years 2i and 2i + 1 are partners.
    unseen : float
        A year with a shortage has about this much; used when none was seen.
    confidence_frac : float
        Chance that the interval holds the mean.

    Returns
    -------
    Estimate
        In the unit of the values, a year.

    Raises
    ------
    ValueError
        If a value is negative, or the years are not whole pairs or fewer than two.

    References
    ----------
    .. [1] M. P. Fay, E. J. Feuer, "Confidence intervals for directly standardized
       rates: a method based on the gamma distribution", Statistics in Medicine 16,
       791-801, 1997.
    """
    log_weight = np.zeros(len(values)) if log_weight is None else log_weight
    mixture = bool(np.any(log_weight != 0))
    group = (2 if antithetic else 1) * (2 if mixture else 1)
    if len(values) % group or len(values) < 2 * group:
        raise ValueError(f"{len(values)} years are not whole groups of {group}")
    if np.any(values < 0):
        raise ValueError("a negative value has no gamma interval")
    parts = np.exp(log_weight) * values
    if antithetic:
        parts = parts.reshape(-1, 2).mean(axis=1)
    halves = [parts[0::2], parts[1::2]] if mixture else [parts]
    mean = float(np.mean(parts))
    # mean of the halves' means: each has variance s^2 / its count
    variance = sum(float(h.var(ddof=1)) / len(h) for h in halves) / len(halves) ** 2
    variance *= _student(1 - confidence_frac, len(parts) - len(halves))
    seen = int(np.count_nonzero(values))
    risk = 1 - confidence_frac
    if seen == 0:
        low = 0.0
        most = _MAX_WEIGHT if mixture else 1.0
        high = -math.log(risk) * most * unseen / len(values)
    else:
        step = (float(parts.max()) - mean) / len(parts)
        low = _gamma_quantile(risk / 2, mean, variance)
        high = _gamma_quantile(1 - risk / 2, mean + step, variance + step**2)
    return Estimate(mean, low, high, effective_years(log_weight), seen)


def _student(risk: float, freedom: int) -> float:
    """Return the factor on a variance estimated from few pairs: (t / normal)^2."""
    from scipy.special import ndtri, stdtrit

    return float(stdtrit(freedom, risk / 2) / ndtri(risk / 2)) ** 2


def _gamma_quantile(chance: float, mean: float, variance: float) -> float:
    """Return a quantile of the gamma distribution with this mean and variance."""
    from scipy.special import gammaincinv

    if variance <= 0:
        return mean
    return float(gammaincinv(mean**2 / variance, chance)) * variance / mean


def nines(available_frac: float) -> float:
    """Return an availability as a count of nines: 0.999 is 3.

    Parameters
    ----------
    available_frac : float
        Share of hours or of energy, at most 1. [1]

    Returns
    -------
    float
        ``-log10(1 - available)``; infinite for 1.

    Examples
    --------
    >>> round(nines(0.9998), 2)
    3.7
    """
    return -math.log10(1 - available_frac) if available_frac < 1 else math.inf
