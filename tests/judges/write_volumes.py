"""Writes small volumes of many kinds with SimpleITK and nibabel into the folder given, for reading them back."""
import os
import sys

import nibabel
import numpy
import SimpleITK

folder = sys.argv[1]
random = numpy.random.default_rng(1)
values = random.integers(-1024, 3072, size=(7, 6, 5))  # z, y, x


def turn(x, y, z):
    """Rotation by Euler angles in degrees."""
    x, y, z = numpy.radians([x, y, z])
    rx = numpy.array([[1, 0, 0], [0, numpy.cos(x), -numpy.sin(x)], [0, numpy.sin(x), numpy.cos(x)]])
    ry = numpy.array([[numpy.cos(y), 0, numpy.sin(y)], [0, 1, 0], [-numpy.sin(y), 0, numpy.cos(y)]])
    rz = numpy.array([[numpy.cos(z), -numpy.sin(z), 0], [numpy.sin(z), numpy.cos(z), 0], [0, 0, 1]])
    return rz @ ry @ rx


oblique = turn(20, -7, 3)
flipped = turn(-12, 4, 30) @ numpy.diag([1, -1, 1])
for kind in ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]:
    low, high = {"int8": (-100, 100), "uint8": (0, 255)}.get(kind, (-1024, 3072))
    if kind.startswith("uint"):
        low = 0
    array = random.integers(low, high, size=(7, 6, 5)).astype(kind)
    if kind.startswith("float"):
        array = array + random.uniform(-0.4, 0.4, array.shape).astype(kind)
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing((0.45, 0.5, 0.625))
    image.SetOrigin((-120.5, 33.25, 7.125))
    image.SetDirection((oblique if kind != "int16" else flipped).ravel())
    for ending in ["nii", "nii.gz", "nrrd", "nhdr"]:
        # NIfTI written by SimpleITK has no 64-bit integers.
        if ending.startswith("nii") and kind.endswith("int64"):
            continue
        SimpleITK.WriteImage(image, os.path.join(folder, f"{kind}.{ending}"), useCompression=ending == "nrrd")

# Placements that NIfTI allows: both forms, one of them, none; equal, different, skewed; other units, scaled values.
array = numpy.ascontiguousarray(values.T).astype("int16")
sides = numpy.diag([0.45, 0.5, 0.625])


def affine(rotation, offset):
    matrix = numpy.eye(4)
    matrix[:3, :3] = rotation @ sides
    matrix[:3, 3] = offset
    return matrix


a, b = affine(oblique, (10, -20, 30)), affine(flipped, (-5, 6, 7))
placements = {
    "sform-only": (None, 0, a, 2),
    "qform-only": (a, 1, None, 0),
    "qform-flipped": (b, 1, None, 0),
    "equal": (a, 1, a, 2),
    "differ-scanner": (a, 1, b, 1),
    "differ-aligned": (a, 1, b, 2),
    "differ-mni": (a, 2, b, 4),
    "none": (None, 0, None, 0),
}
for name, (q, q_code, s, s_code) in placements.items():
    for kind in [nibabel.Nifti1Image, nibabel.Nifti2Image]:
        image = kind(array, None)
        image.header.set_zooms((0.45, 0.5, 0.625))
        image.set_qform(q, q_code)
        image.set_sform(s, s_code)
        version = "2" if kind is nibabel.Nifti2Image else "1"
        nibabel.save(image, os.path.join(folder, f"place-{name}-{version}.nii.gz"))

for name, slope, intercept in [("half", 0.5, -1024.25), ("one", 1.0, -1024.0), ("minus", -2.0, 3.0), ("tenth", 0.1, 0.0)]:
    image = nibabel.Nifti1Image(array, a)
    image.header.set_slope_inter(slope, intercept)
    nibabel.save(image, os.path.join(folder, f"scale-{name}.nii"))

for order, word in [(">", "big"), ("<", "little")]:
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(numpy.dtype("int16").newbyteorder(order))
    image = nibabel.Nifti1Image(array, a, header)
    nibabel.save(image, os.path.join(folder, f"order-{word}.nii"))

# A scale in the sform that pixdim contradicts, and units other than mm.
image = nibabel.Nifti1Image(array, a)
image.header["pixdim"][1:4] = (0.9, 0.5, 0.625)
nibabel.save(image, os.path.join(folder, "pixdim-differs.nii"))
for unit in ["meter", "micron", "unknown"]:
    factor = {"meter": 1e-3, "micron": 1e3}.get(unit, 1.0)
    matrix = numpy.eye(4)
    matrix[:3, :3] = oblique @ sides * factor
    for name, offset in [("at-zero", 0.0), ("away", 10.0 * factor)]:
        matrix[:3, 3] = offset
        image = nibabel.Nifti1Image(array, None)
        image.header.set_zooms(tuple(numpy.array((0.45, 0.5, 0.625)) * factor))
        image.set_qform(matrix, 1)
        image.header.set_xyzt_units(unit)
        nibabel.save(image, os.path.join(folder, f"unit-{unit}-{name}.nii"))

# NRRD headers that SimpleITK never writes, around the same voxels.
voxels = values.astype("<i2").tobytes()
steps = "space directions: (0.45,0.1,0) (-0.1,0.45,0) (0,0,0.6)\nspace origin: (1.5,-2.5,3.5)\n"
heads = {
    "ras": "space: right-anterior-superior\n" + steps,
    "las": "space: LAS\n" + steps,
    "scanner": "space: scanner-xyz\n" + steps,
    "no-origin": "space: RAS\n" + steps.split("\n")[0] + "\n",
    "spacings": "spacings: 0.5 0.6 0.7\n",
    "mins": "spacings: 0.5 0.6 0.7\naxis mins: 1 2 3\n",
    "mins-cell": "spacings: 0.5 0.6 0.7\naxis mins: 1 2 3\ncenterings: cell cell cell\n",
    "mins-node": "spacings: 0.5 0.6 0.7\naxis mins: 1 2 3\ncenters: node node node\n",
}
for name, head in heads.items():
    with open(os.path.join(folder, f"head-{name}.nrrd"), "wb") as file:
        file.write(b"NRRD0004\ntype: short\ndimension: 3\nsizes: 5 6 7\nendian: little\nencoding: raw\n")
        file.write(head.encode() + b"\n" + voxels)
