"""Landmarks by an exported model, without Starmark: pip install onnxruntime pillow numpy

python onnx_predict.py MODEL.onnx PHOTO X Y WIDTH HEIGHT

X Y WIDTH HEIGHT is the box of the face's landmarks in the photo: brows to chin, ear to ear. Prints a line a landmark
(name, x, y and both standard deviations, px of the photo) and writes PHOTO.landmarks.png.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageOps


def predict(model, image, box):
    """Names (N,), landmarks (N, 2) and covariances (N, 2, 2) of the face in box (x, y, width, height), image px."""
    session = onnxruntime.InferenceSession(model, providers=onnxruntime.get_available_providers())
    notes = json.loads(session.get_modelmeta().custom_metadata_map["starmark"])
    x, y, width, height = box
    side, centre = notes["crop"]["factor"] * max(width, height), np.array([x + width / 2, y + height / 2])
    size, rim = notes["input"]["size"], round(side)
    padded = ImageOps.expand(image.convert("RGB"), rim)  # black outside the photo
    left, top = centre + 0.5 - side / 2 + rim  # Pillow has a pixel's corner where landmarks have its centre
    square = padded.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    landmarks, covariances, *calibrated = session.run(None, {"crops": np.asarray(square)[None]})
    scale = side / size  # px of the photo a px of the crop
    points = centre + (landmarks[0] - (size - 1) / 2) * scale
    return notes["points"], points, (calibrated or [covariances])[0][0] * scale**2


if __name__ == "__main__":
    photo = ImageOps.exif_transpose(Image.open(sys.argv[2])).convert("RGB")
    names, points, covariances = predict(sys.argv[1], photo, [float(word) for word in sys.argv[3:7]])
    draw = ImageDraw.Draw(photo)
    for name, (x, y), covariance in zip(names, points, covariances, strict=True):
        across, along = np.sqrt(np.linalg.eigvalsh(covariance).clip(0))
        print(f"{name}\t{x:.2f}\t{y:.2f}\t{along:.2f}\t{across:.2f}")
        draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill="lime")
    photo.save(Path(sys.argv[2]).with_suffix(".landmarks.png"))
