"""Makes a series of three slices of each DICOM file given, 2 mm apart: series_of_one_slice.py OUT FILE...

Single slices are no scan; so their pixels can be read as one. OUT/NAME holds the series of NAME.dcm, its pixels as they
were, still compressed. A file without a place in space gets one.
"""

import pathlib
import sys

import pydicom

out = pathlib.Path(sys.argv[1])
for path in map(pathlib.Path, sys.argv[2:]):
    data = pydicom.dcmread(path)
    position = [float(v) for v in data.get("ImagePositionPatient") or (0, 0, 0)]
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    if not data.get("PixelSpacing"):
        data.PixelSpacing = [0.5, 0.5]
    if not data.get("SeriesInstanceUID"):
        data.SeriesInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[path.name])
    folder = out / path.stem
    folder.mkdir(parents=True)
    for i in range(3):
        data.ImagePositionPatient = [position[0], position[1], position[2] + 2.0 * i]
        data.SOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[path.name, str(i)])
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        data.save_as(folder / f"{i}.dcm")
