"""Whether a volume lies where a tilted or uneven DICOM series says: prints one line of JSON.

    tilted_with_pydicom.py SERIES_FOLDER VOLUME.nrrd

Random voxels of the volume are carried to LPS by SimpleITK and looked up in the stored slices by their own positions
(pydicom; linear within a slice and between two). `far` is the mean difference in HU over voxels of the head, `sheared`
the same when slices are stacked as if the gantry stood upright: what a program that takes no notice of the tilt shows.
"""

import json
import pathlib
import sys

import numpy as np
import pydicom
import SimpleITK

folder, volume = sys.argv[1:]
slices = []
for path in sorted(pathlib.Path(folder).iterdir()):
    if not path.is_file():
        continue
    data = pydicom.dcmread(path, force=True)
    if "ImagePositionPatient" in data and "PixelData" in data:
        slices.append(data)
frame = np.array(slices[0].ImageOrientationPatient, float).reshape(2, 3)
normal = np.cross(*frame)
slices.sort(key=lambda s: normal @ np.array(s.ImagePositionPatient, float))
positions = np.array([s.ImagePositionPatient for s in slices], float)
heights = positions @ normal
spacing = np.array(slices[0].PixelSpacing, float)[::-1]
hu = np.array([s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices])

image = SimpleITK.ReadImage(volume)
values = SimpleITK.GetArrayFromImage(image)
rng = np.random.default_rng(7)
index = np.stack([rng.integers(0, n, 60000) for n in image.GetSize()], axis=1)
read = values[tuple(index[:, ::-1].T)].astype(float)
direction = np.array(image.GetDirection()).reshape(3, 3)
lps = np.array(image.GetOrigin()) + (index * np.array(image.GetSpacing())) @ direction.T


def stored(k, points, origins):
    """HU of slice k[i] beneath point i, NaN outside of the slice."""
    across = (points - origins[k]) @ frame.T / spacing
    low = np.floor(across).astype(int)
    part = across - low
    inside = ((low >= 0) & (low + 1 < hu.shape[:0:-1])).all(axis=1)
    low = np.where(inside[:, None], low, 0)
    at = lambda x, y: hu[k, low[:, 1] + y, low[:, 0] + x]
    upper = at(0, 0) * (1 - part[:, 0]) + at(1, 0) * part[:, 0]
    lower = at(0, 1) * (1 - part[:, 0]) + at(1, 1) * part[:, 0]
    return np.where(inside, upper * (1 - part[:, 1]) + lower * part[:, 1], np.nan)


def difference(origins):
    height = lps @ normal
    below = np.clip(np.searchsorted(heights, height, side="right") - 1, 0, len(slices) - 2)
    share = np.clip((height - heights[below]) / (heights[below + 1] - heights[below]), 0, 1)
    expected = stored(below, lps, origins) * (1 - share) + stored(below + 1, lps, origins) * share
    # Where there is something to see: air and padding are the same wherever they lie.
    seen = ~np.isnan(expected) & ((expected > -500) | (read > -500))
    return int(seen.sum()), float(np.abs(expected - read)[seen].mean())


# The same slices, each moved along its own plane until the first pixels stand above each other.
upright = positions[0] + np.outer(heights - heights[0], normal)
voxels, far = difference(positions)
_, sheared = difference(upright)
print(json.dumps({"voxels": voxels, "far": far, "sheared": sheared}))
