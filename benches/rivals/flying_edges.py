"""vtkFlyingEdges3D on a raw int16 volume, timed on request.

Usage: flying_edges.py VOLUME.raw SIZE ISO MESH.raw
Reads a number of threads a line from standard input, cuts the surface with that many, and answers with one line:
milliseconds, points, triangles. The line "mesh" writes the last surface (points as float32, then triangles as uint32)
to MESH.raw. Ends at the end of input.
"""

import sys
import time

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy


def main():
    path, size, iso, mesh_path = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    # The wheel's default backend is sequential whatever Initialize says.
    vtk.vtkSMPTools.SetBackend("STDThread")
    values = np.fromfile(path, dtype=np.int16)
    image = vtk.vtkImageData()
    image.SetDimensions(size, size, size)
    image.GetPointData().SetScalars(numpy_to_vtk(values, deep=0))
    print("vtk", vtk.vtkVersion.GetVTKVersion(), flush=True)
    surface = None
    for line in sys.stdin:
        if line.strip() == "mesh":
            points = vtk_to_numpy(surface.GetPoints().GetData()).astype(np.float32)
            triangles = vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).astype(np.uint32)
            with open(mesh_path, "wb") as out:
                out.write(points.tobytes())
                out.write(triangles.tobytes())
            print("written", flush=True)
            continue
        vtk.vtkSMPTools.Initialize(int(line))
        cutter = vtk.vtkFlyingEdges3D()
        cutter.SetInputData(image)
        cutter.SetValue(0, iso)
        cutter.ComputeNormalsOff()
        cutter.ComputeGradientsOff()
        cutter.ComputeScalarsOff()
        start = time.perf_counter()
        cutter.Update()
        milliseconds = 1e3 * (time.perf_counter() - start)
        surface = cutter.GetOutput()
        print(milliseconds, surface.GetNumberOfPoints(), surface.GetNumberOfPolys(), flush=True)


main()
