"""Write figures with four significant digits, for people; files keep all of them."""

import math


def four_digits(value: float) -> str:
    """Write a figure with four significant digits; whole numbers of Python as they are.

    >>> [four_digits(value) for value in (0.21694408, 20.0035343, 12345.6, 3, 0.0, 0.00001234)]
    ['0.2169', '20.00', '12346', '3', '0.000', '1.234e-05']
    """
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    if 1000 <= abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value:#.4g}".removesuffix(".")
