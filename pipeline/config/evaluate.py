"""Settings of the evaluate stage."""

from pydantic import Field

from pipeline.config.section import Section


class EvaluateSettings(Section):
    """How the results are judged."""

    bootstrap: int = Field(2000, ge=10, description="bootstrap samples of patients")
    seed: int = Field(0, ge=0, description="seed of the bootstrap")
    confidence: float = Field(0.95, gt=0, lt=1, description="coverage of the intervals")
