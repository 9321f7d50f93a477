"""Files that are empty, cut off, or have another bit: each is told, or made anew."""

import random
import signal
from pathlib import Path

from pipeline.model.folder import WEIGHTS
from pipeline.run.layout import MODEL_FILE
from pipeline.train.loop.checkpoint import checkpoint_path
from tests.fault_injection.fault import Place, expect, fault
from tests.fault_injection.kills import check_same
from tests.fault_injection.same_results import differences
from tests.fault_injection.small_set import RUN, has_begun_to_train, stage

FLIPS = 6


def emptied(content: bytes, _random: random.Random) -> bytes:
    """Nothing is left."""
    return b""


def cut(content: bytes, random: random.Random) -> bytes:
    """The end is missing."""
    return content[: random.randrange(len(content))]


def flipped(content: bytes, random: random.Random) -> bytes:
    """One bit is another."""
    changed = bytearray(content)
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


DAMAGES = (emptied, cut, flipped)


@fault("empty, truncated and bit-flipped checkpoints")
def _checkpoints(place: Place) -> str:
    place.base.before("train")
    begun = stage("train", kill_when=has_begun_to_train, number=15)
    expect(begun.status == 128 + signal.SIGTERM, begun.text)
    file = checkpoint_path(RUN)
    whole = file.read_bytes()
    for number, damage in enumerate((emptied, cut, *[flipped] * FLIPS)):
        file.write_bytes(damage(whole, place.random))
        ended = stage("train")
        told = ended.is_sentence and "checkpoint.safetensors is damaged" in ended.text
        expect(told, f"damage {number}: {ended.status}: {ended.text}")
    file.unlink()
    check_same(place, "train", "without the damaged checkpoint")
    return f"{FLIPS + 2} of {FLIPS + 2} refused with a sentence; from the beginning identical"


@fault("damaged tables, settings, summaries and logs of a run")
def _state(place: Place) -> str:
    names = (
        *("mammograms.csv", "outlines.json", "positions.parquet", "preprocess.json"),
        *(f"model/{MODEL_FILE}", f"model/{WEIGHTS}", "settings/heatmap.yaml", "events.jsonl"),
        *("settings/run.yaml", "manifest/preprocess.json", "manifest/train.json", "audit.json"),
    )
    said = {"told": 0, "made identical": 0}
    for name in names:
        for damage in (emptied, cut):
            place.base.before("heatmap")
            file = RUN.root / name
            file.write_bytes(damage(file.read_bytes(), place.random))
            ended = stage("heatmap")
            what = f"{name}, {damage.__name__}"
            if ended.status == 0:
                found = differences("heatmap", Path.cwd(), place.base.whole)
                expect(not found, f"{what}: taken, and other results: {found[:3]}")
                said["made identical"] += 1
            else:
                expect(ended.is_sentence, f"{what}: {ended.status}: {ended.text[-400:]}")
                said["told"] += 1
    return ", ".join(f"{count} {what}" for what, count in said.items())


@fault("corrupt, truncated and empty image store")
def _store(place: Place) -> str:
    suffixes, rounds = (".b2nd", ".breast.png", ".json"), 3
    for turn in range(rounds):
        place.base.before("train")
        entries = sorted(Path("data/store").glob("??/*.b2nd"))
        for part, damage in enumerate(DAMAGES):
            suffix = suffixes[(part + turn) % 3]
            entry = place.random.choice(entries)
            file = entry.with_name(entry.stem + suffix)
            file.write_bytes(damage(file.read_bytes(), place.random))
        refused = stage("train")
        # A damaged entry of a test mammogram does not matter yet.
        expect(refused.status == 0 or refused.is_sentence, refused.text)
        again = stage("preprocess")
        expect(again.status == 0 and "made anew" in again.text, again.text)
        found = differences("preprocess", Path.cwd(), place.base.whole)
        expect(not found, f"other results: {found[:3]}")
    return f"{rounds * 3} entries, each part in each way: made anew, identical"
