"""What the tests of the pool let workers do; workers import it by name."""

import os
import time


def square_slowly(number):
    """Later items are done sooner, so results arrive out of order."""
    time.sleep(0.05 if number == 0 else 0.0)
    return number**2


class SlowToArrive:
    """Stands for an item, or a function, whose modules take long to import."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __setstate__(self, state):
        time.sleep(state["seconds"])
        self.__dict__.update(state)

    def __call__(self, item):
        return item


class DiesOnArrival(SlowToArrive):
    def __setstate__(self, state):
        os._exit(7)


def length_of_name(item):
    return len(type(item).__name__)


def loaded_modules(_):
    import sys

    return sorted(name for name in sys.modules if "." not in name)


def start_a_worker(place):
    """A process whose worker writes its number and works on."""
    from pipeline.run.map_images import map_images

    list(map_images(write_number, [place], workers=1))


def write_number(place):
    half = place.with_name("half")
    half.write_text(str(os.getpid()))
    half.rename(place)
    time.sleep(60)


def blocked_signals(_):
    import signal

    return [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())]
