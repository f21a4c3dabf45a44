"""Evidence from models that each saw other people's labels: calibrated on these others, too.

What a face is judged by - the model's prediction, and what covariances and deviations mean - knows nothing of its own
label, nor of its person's.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import fields, replace

import numpy as np
from numpy.typing import ArrayLike

from core.calibration import MIN_FACES, fit_calibration
from core.errors import UsageError
from core.evidence import Evidence, gather
from core.face import FloatArray, Prediction
from core.face_frame import FaceFrame
from core.scheme import Scheme
