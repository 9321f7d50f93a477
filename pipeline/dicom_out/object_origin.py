"""What the objects of one mammogram say of their making: UIDs, dates, equipment, algorithm.

All of it follows from the run, so that the same export gives the same objects, byte for byte.
"""

import datetime
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from highdicom import AlgorithmIdentificationSequence
from highdicom.sr import AlgorithmIdentification
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.valuerep import DA, DT, TM

from pipeline.dicom.write import derived_uid

# Raise it when the objects of the same run become others.
FORMAT = 2
NAME = "mammography-patch-probability"
RESEARCH_USE = "RESEARCH USE ONLY"
_DATES = ("InstanceCreationDate", "ContentDate", "DateOfSecondaryCapture")
_TIMES = ("InstanceCreationTime", "ContentTime", "TimeOfSecondaryCapture")
# Series Number by kind: high, so that the mammograms' own series stand first.
SERIES = {"map": 9001, "segmentation": 9002, "overlay": 9003, "report": 9004}


@dataclass(frozen=True)
class Origin:
    """Where the objects of one mammogram come from."""

    source: Dataset  # what they take over from it, see `read_source`
    content: str  # checksum of what they show
    seen: str  # side and view, such as "L CC"
    number: int  # of the mammogram among those of its patient, from 1
    made_at: datetime.datetime  # when the map was made, UTC
    version: str  # commit of the code that made the model
    # of the algorithm, by name, with the checksum of the model's weights
    parameters: dict[str, str]

    def uid(self, *words: str) -> str:
        """A UID that the same content gives again."""
        return derived_uid("dicom out", str(FORMAT), self.content, *words)

    def instance(self, kind: str) -> dict[str, Any]:
        """Arguments that the objects of highdicom share.

        Args:
            kind: a key of SERIES. The overlays of a study are one series; of the others each
                mammogram has its own, as OHIF shows the first object of a series alone.
        """
        of = "StudyInstanceUID" if kind == "overlay" else "SOPInstanceUID"
        series = (kind, self.source[of].value, self.made_at.isoformat())
        of_what = "probability" if kind == "overlay" else self.seen or "probability"
        return {
            "series_instance_uid": derived_uid("dicom out", *series, *self.parameters.values()),
            "series_number": SERIES[kind],
            "series_description": f"{RESEARCH_USE}: {kind} of {of_what}",
            "sop_instance_uid": self.uid(kind),
            "instance_number": self.number,
            "manufacturer": NAME,
        }

    @property
    def equipment(self) -> dict[str, Any]:
        """Arguments of the Enhanced General Equipment Module."""
        return {
            "manufacturer_model_name": NAME,
            "software_versions": self.version,
            "device_serial_number": "0",
        }

    @cached_property
    def of_segments(self) -> AlgorithmIdentificationSequence:
        """The algorithm as an image names it."""
        family = codes.DCM.ArtificialIntelligence
        return AlgorithmIdentificationSequence(
            NAME, family, self.version, parameters=self.parameters
        )

    @property
    def of_measurements(self) -> AlgorithmIdentification:
        """The algorithm as a report names it (TID 4019)."""
        parameters = [f"{name}={value}" for name, value in self.parameters.items()]
        return AlgorithmIdentification(NAME, self.version, parameters=parameters)

    def settle(self, made: Dataset) -> None:
        """Replace what highdicom takes from clock and chance, and add what it leaves out."""
        made.TimezoneOffsetFromUTC = "+0000"
        if "ContentLabel" in made:
            made.ContentCreatorName = ""  # of type 2: there, also where nobody is named
        for element in made.iterall():
            if element.keyword in _DATES:
                element.value = DA(self.made_at.date())
            elif element.keyword in _TIMES:
                element.value = TM(self.made_at.time())
            elif element.VR == "DT":
                element.value = DT(self.made_at)
            elif element.keyword == "DimensionOrganizationUID":
                element.value = self.uid("dimensions", made.SOPInstanceUID)
