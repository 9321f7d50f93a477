"""Numbers as people say them."""


def duration(seconds: float) -> str:
    """Seconds as people say them: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    seconds = round(seconds)
    if seconds < 90:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 90:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def percent(probability: float) -> str:
    """Probability with two significant digits: `34 %`, `3.4 %`, `0.34 %`, `<0.01 %`."""
    value = 100 * probability
    if value >= 9.95:
        return f"{value:.0f} %" if value < 99.5 or probability == 1 else f"{value:.1f} %"
    if value >= 0.995:
        return f"{value:.1f} %"
    return f"{value:.2f} %" if value >= 0.01 else "<0.01 %"
