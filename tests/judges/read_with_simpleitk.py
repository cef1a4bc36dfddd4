"""Prints what SimpleITK reads from each path given: one line of JSON a path.

A folder is read as the DICOM series with most files. Voxels are rounded (half away from zero) and clipped to
int16; their SHA-256 is taken over little-endian bytes, x fastest.
"""
import hashlib
import json
import os
import sys

import numpy
import SimpleITK


def read(path):
    if not os.path.isdir(path):
        return SimpleITK.ReadImage(path)
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames
    series = max(
        (names(path, uid) for uid in SimpleITK.ImageSeriesReader.GetGDCMSeriesIDs(path)), key=len
    )
    return SimpleITK.ReadImage(series)


for path in sys.argv[1:]:
    image = read(path)
    if image.GetDimension() == 4:
        image = image[:, :, :, 0]
    voxels = SimpleITK.GetArrayViewFromImage(image)
    if voxels.dtype.kind == "f":
        voxels = numpy.copysign(numpy.floor(numpy.abs(voxels.astype("f8")) + 0.5), voxels)
    voxels = numpy.clip(voxels, -32768, 32767).astype("<i2")
    print(
        json.dumps(
            {
                "size": image.GetSize(),
                "spacing": image.GetSpacing(),
                "origin": image.GetOrigin(),
                "direction": image.GetDirection(),
                "sha256": hashlib.sha256(numpy.ascontiguousarray(voxels).tobytes()).hexdigest(),
            }
        ),
        flush=True,
    )
