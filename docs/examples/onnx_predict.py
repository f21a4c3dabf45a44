"""Landmarks by an exported model, without Starmark: pip install onnxruntime pillow numpy

python onnx_predict.py MODEL.onnx PHOTO X Y WIDTH HEIGHT

X Y WIDTH HEIGHT is the box of the face's landmarks in the photo: brows to chin, ear to ear. Prints a line a landmark (name,
x, y and both standard deviations, px of the photo) and writes PHOTO.landmarks.png.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageOps


def predict(model, image, box):
    """Names (N,), landmarks (N, 2) and covariances (N, 2, 2) of the face in box (x, y, width, height), px of the image."""
    session = onnxruntime.InferenceSession(model, providers=onnxruntime.get_available_providers())
    notes = json.loads(session.get_modelmeta().custom_metadata_map["starmark"])
    x, y, width, height = box
    side = notes["crop"]["factor"] * max(width, height)  # the crop: a square around the middle of the box
    left, top = x + 0.5 + (width - side) / 2, y + 0.5 + (height - side) / 2  # its edges; a pixel's edge is at its centre - 0.5
    size, rim = notes["input"]["size"], round(side)
    padded = ImageOps.expand(image.convert("RGB"), rim)  # black outside the photo
    edges = (left + rim, top + rim, left + side + rim, top + side + rim)
    crop = np.asarray(padded.resize((size, size), Image.Resampling.BILINEAR, box=edges))
    landmarks, covariances, *calibrated = session.run(None, {"crops": crop[None]})
    scale = side / size  # px of the photo a px of the crop
    points = (landmarks[0] + 0.5) * scale - 0.5 + (left, top)
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
