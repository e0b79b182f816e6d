"""Capital recovery and the real rate: the money that needs no plant."""

from __future__ import annotations


def real_rate_frac(nominal_frac: float, inflation_frac: float) -> float:
    r"""Return the real rate, :math:`(1 + n) / (1 + i) - 1` (Fisher).

    Parameters
    ----------
    nominal_frac, inflation_frac : float
        Yearly nominal rate and inflation. [1]

    Returns
    -------
    float
        Yearly real rate. [1]

    Examples
    --------
    >>> round(real_rate_frac(0.08, 0.025), 5)
    0.05366
    """
    return (1 + nominal_frac) / (1 + inflation_frac) - 1


def capital_recovery_factor(rate_frac: float, years: float) -> float:
    r"""Return the level yearly payment per dollar lent.

    :math:`r / (1 - (1 + r)^{-n})`, and :math:`1/n` at a rate of zero.

    Parameters
    ----------
    rate_frac : float
        Yearly rate. [1]
    years : float
        Number of payments. [yr]

    Returns
    -------
    float
        Payment per year and dollar. [1/yr]

    Raises
    ------
    ValueError
        If ``years`` is not positive.

    Examples
    --------
    >>> round(capital_recovery_factor(0.071, 20), 4)  # AEO2026's rate
    0.0951
    """
    if years <= 0:
        raise ValueError(f"years must be positive, got {years}")
    if rate_frac == 0:
        return 1 / years
    return rate_frac / (1 - (1 + rate_frac) ** -years)


def interest_during_construction_frac(rate_frac: float, months: float) -> float:
    """Return interest until start-up per dollar of cost, money spent evenly.

    On average each dollar waits half the construction time, at simple interest:
    24 months at 8 % cost 8 %.

    Parameters
    ----------
    rate_frac : float
        Nominal yearly rate. [1]
    months : float
        Construction time. [month]

    Returns
    -------
    float
        Interest per dollar spent. [1]

    Examples
    --------
    >>> interest_during_construction_frac(0.08, 24)
    0.08
    """
    return rate_frac * months / 12 / 2
