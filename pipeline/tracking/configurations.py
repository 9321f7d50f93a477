"""The settings that a run folder had, one after the other: each is a run of MLflow at the top.

A parameter of MLflow cannot change, and the figures of other settings are no news of the same run.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import ValidationError

from pipeline.config import Settings
from pipeline.model.recipe import counting_settings
from pipeline.tracking.attempts import Attempt


@dataclass
class Configuration:
    """What was done with the same settings."""

    name: str  # in the key of its run of MLflow
    number: int  # from 1
    params: dict[str, str]  # settings that can change a figure, by section.name
    attempts: list[Attempt] = field(default_factory=list)  # that started with these settings
    # attempts of the configurations before, on which these go on
    before: list[Attempt] = field(default_factory=list)

    def last(self, *stages: str, own: bool = True) -> Attempt | None:
        """The last finished attempt at one of the stages.

        Args:
            own: none of a configuration before.
        """
        every = self.attempts if own else [*self.before, *self.attempts]
        return next((a for a in reversed(every) if a.stage in stages and a.is_finished), None)

    @property
    def watched(self) -> Attempt | None:
        """The last attempt that logged pictures by step."""
        pictured = (a for a in reversed(self.attempts) if a.has("image"))
        return next(pictured, None)

    @property
    def data_set(self) -> str:
        """What the data are called: the importer, or the names of several sets."""
        known = [a.settings["data"] for a in [*self.before, *self.attempts] if "data" in a.settings]
        if not known:
            return "unknown"
        sets = [each["name"] or each["importer"] for each in known[-1].get("sets", ())]
        return "+".join(sets) or known[-1]["importer"]


def read_configurations(attempts: Iterable[Attempt]) -> list[Configuration]:
    """The attempts by the settings that were in force; a changed value begins another one."""
    found: list[Configuration] = []
    for attempt in attempts:
        params = _params(attempt)
        known = found[-1].params if found else {}
        if not found or any(known.get(name, value) != value for name, value in params.items()):
            before = [a for each in found for a in each.attempts]
            name = f"run-{attempt.first}" if found else "-1"
            found.append(Configuration(name, len(found) + 1, {**known, **params}, before=before))
        found[-1].params.update(params)
        found[-1].attempts.append(attempt)
    return found


def _params(attempt: Attempt) -> dict[str, str]:
    try:
        settings = Settings.model_validate(attempt.settings)
    except ValidationError:  # of another version
        return {}
    return {
        name: str(value)
        for name, value in counting_settings(settings).items()
        if name.split(".")[0] in attempt.settings
    }
