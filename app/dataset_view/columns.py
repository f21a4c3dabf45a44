"""Columns of the tables: titles, what they mean, and widths. Texts are translated where they are shown."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """Title, what it means, and its width in characters."""

    title: str
    tip: str
    width: int


LANDMARKS = (
    Column("No.", "Index of the landmark in the scheme", 5),
    Column("Landmark", "Its name", 19),
    Column("Region", "The contour that it lies on", 12),
    Column("σ along", "Median calibrated standard deviation along the ellipse's long axis, in % of the distance "
                      "between "
           "the outer eye corners or whatever else NMEs are divided by", 9),
    Column("σ across", "The same across the long axis, %", 9),
    Column("Anis.", "Anisotropy: the larger σ over the smaller; 1 is a circle", 7),
    Column("Angle", "Between the ellipse's long axis and the contour, degrees: near 0, labels slip along it", 7),
    Column("Bias", "Median of label minus prediction along the contour, in the order of its points, %", 7),
    Column("95 % interval", "Of the bias, from drawing people; without 0 in it, the bias is more than chance", 15),
    Column("Scatter", "How many times as wide as predicted the labels scatter", 8),
    Column("Off by", "Median distance of labels from where they are expected, %", 7),
    Column("ambiguous %", "Share of labels that differ along the contour, within what labels differ by there", 12),
    Column("wrong %", "Share of labels that are suspect, swapped or shifted", 9),
    Column("unsure %", "Share of labels that look wrong where the model itself is not sure", 10),
    Column("missing %", "Share of faces without a label", 10),
)  # fmt: skip

WORST = (
    Column("Image", "The file, and which face of it where there are several", 26),
    Column("Folder", "The folder that it lies in", 10),
    Column("Verdict", "What is to be thought of this label", 10),
    Column("Off by %", "Distance from where the label is expected, in % of what NMEs are divided by", 9),
    Column("d", "The same in standard deviations (Mahalanobis distance)", 6),
    Column("Why", "In words", 90),
)

SOURCES = (
    Column("Source", "A folder that images lie in, a tag of faces, or a label set", 16),
    Column("Kind", "What it is", 10),
    Column("Faces", "How many of its faces count", 7),
    Column("People", "Of how many people they are: these are compared", 8),
    Column("Contour", "Where the labels were compared", 14),
    Column("Motion", "Slide: all points along the contour, in their order. Stretch: from its middle to its ends", 9),
    Column("Offset %", "Mean difference to all other faces, in % of what NMEs are divided by", 9),
    Column("95 % interval", "Of the offset", 16),
    Column("p", "How probable such a difference is by chance (Welch's test), adjusted for all comparisons", 9),
    Column("More than chance", "At a false-discovery rate of 5 %", 16),
)

CURVES = (
    Column("Labels", "Which labels the prediction is compared with", 26),
    Column("Faces", "How many count: those that all of the chosen have a label of", 7),
    Column("Mean NME %", "Of the prediction against these labels", 11),
    Column("95 % interval", "Of the mean, from drawing people", 15),
    Column("Change %", "Mean NME less that of the first row, of the same faces", 10),
    Column("95 % interval", "Of the change; without 0 in it, the change is more than chance", 16),
    Column("Median %", "The NME that half of the faces have at most", 9),
    Column("95 % interval", "Of the median, from drawing people", 15),
    Column("FR %", "Failure rate: share of faces beyond the curve's end", 7),
    Column("AUC", "Area under the curve up to its end, from 0 to 1", 7),
)
