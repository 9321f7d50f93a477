"""The learning rate of a step."""

import math


def learning_rate(
    step: int, *, peak: float, warmup_steps: int, steps: int, final: float = 0.0
) -> float:
    """Rate of step 0 ... steps - 1: a linear rise to `peak`, then half a cosine to `final * peak`.

    A warm-up longer than a tenth of the training is cut to that, or short trials would never
    reach the peak.

    Args:
        final: in [0, 1]; 1 keeps the peak, and leaves the settling to the running average.

    Example:
        >>> [round(learning_rate(s, peak=1.0, warmup_steps=2, steps=22), 3) for s in (0, 1, 12)]
        [0.5, 1.0, 0.5]
    """
    warmup = min(warmup_steps, steps // 10)
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(steps - warmup, 1)
    return peak * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * done)))


def average_decay(step: int, *, decay: float) -> float:
    """Decay of the running average at a step; small at first, so the start is soon forgotten.

    Example:
        >>> average_decay(0, decay=0.99), average_decay(10**6, decay=0.99)
        (0.1, 0.99)
    """
    return min(decay, (1 + step) / (10 + step))
