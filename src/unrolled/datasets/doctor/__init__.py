"""What is wrong with a data set, found before training starts, each fault by file and line."""

from unrolled.datasets.doctor.examine import examine
from unrolled.datasets.doctor.findings import Diagnosis, Finding, PartSummary
from unrolled.datasets.doctor.reading import Reading, read_with
from unrolled.datasets.doctor.refusals import refusal, stopped

__all__ = [
    "Diagnosis",
    "Finding",
    "PartSummary",
    "Reading",
    "examine",
    "read_with",
    "refusal",
    "stopped",
]
